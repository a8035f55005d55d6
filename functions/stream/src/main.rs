//! Numbers, sent line by line while they are counted: a streaming response.
//!
//! A caller that invokes with response streaming, or a function URL in the mode `RESPONSE_STREAM`,
//! gets each line at once; a plain invocation gets all of them together. With `fail_at` the stream
//! ends early: the lines already sent are kept, and the error follows them.

use lambda::{Error, Failure, Stream};
use serde::Deserialize;

fn main() {
    lambda::run(count);
}

/// The last number to count to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    to: u32,
    /// The number at which counting fails.
    fail_at: Option<u32>,
}

async fn count(request: Request) -> Result<Stream, Error> {
    if request.to > 1_000_000 {
        return Err("a million is far enough".into());
    }
    Ok(Stream::new("application/x-ndjson", async move |lines| {
        for number in 1..=request.to {
            if request.fail_at == Some(number) {
                return Err(Failure::new("Stuck", format!("cannot count to {number}")));
            }
            let written = lines.write(format!("{{\"number\":{number}}}\n")).await;
            written.map_err(|error| Failure::new("Gone", error.to_string()))?;
        }
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use lambda::testing::{self, Outcome};
    use lambda::{Bytes, Event};

    use super::*;

    #[test]
    fn each_number_is_a_line() {
        let outcomes = testing::run(&(), count, [Event::new(r#"{"to":3}"#)]).unwrap();
        let body = Bytes::from("{\"number\":1}\n{\"number\":2}\n{\"number\":3}\n");
        assert_eq!(
            outcomes,
            [Outcome::Response { content_type: "application/x-ndjson".into(), body }]
        );
    }

    #[test]
    fn a_stream_that_ends_early_has_the_reason_in_its_trailers() {
        let outcomes = testing::run(&(), count, [Event::new(r#"{"to":3,"fail_at":2}"#)]).unwrap();
        let [Outcome::Error { kind, message, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        assert_eq!((kind.as_str(), message.as_str()), ("Function.Stuck", "cannot count to 2"));
    }

    #[test]
    fn nothing_is_sent_of_what_is_too_much() {
        let outcomes = testing::run(&(), count, [Event::new(r#"{"to":1000001}"#)]).unwrap();
        assert!(
            matches!(&outcomes[..], [Outcome::Error { message, .. }] if message.contains("far enough"))
        );
    }
}
