//! Counts words in a state that all requests share, reports after each answer, and logs a last line
//! at the end.
//!
//! The code is the same for sequential and concurrent requests: on a managed instance the same
//! `run` serves as many at once as the platform sends.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

use lambda::{Context, Error, log};
use serde::{Deserialize, Serialize};

fn main() {
    lambda::init(open).after_response(report).on_shutdown(shut_down).run(count);
}

/// Counts since the start of the sandbox.
#[derive(Debug, Default)]
struct Totals {
    requests: AtomicU64,
    words: AtomicU64,
}

#[derive(Debug, Deserialize)]
struct Request {
    text: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Counted {
    /// Words of this request.
    words: u64,
    /// Words of all requests to this sandbox so far.
    total: u64,
    request_id: String,
}

async fn open() -> Result<Totals, Error> {
    Ok(Totals::default())
}

async fn count(totals: &Totals, request: Request, context: Context) -> Result<Counted, Infallible> {
    let words = request.text.split_whitespace().count() as u64;
    totals.requests.fetch_add(1, Ordering::Relaxed);
    let total = totals.words.fetch_add(words, Ordering::Relaxed) + words;
    Ok(Counted { words, total, request_id: context.request_id })
}

/// Runs when the caller has the answer already; telemetry would be flushed here.
async fn report(totals: &Totals) {
    log::info(format_args!("{} words so far", totals.words.load(Ordering::Relaxed)));
}

/// Writes the last line of the sandbox's log.
async fn shut_down(totals: &Totals) {
    let (requests, words) =
        (totals.requests.load(Ordering::Relaxed), totals.words.load(Ordering::Relaxed));
    log::info(format_args!("counted {words} words in {requests} requests"));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use lambda::{Event, testing};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn requests_add_up_in_the_state_and_the_hooks_see_them() {
        static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
        let note = |text: String| SEEN.lock().unwrap().push(text);
        let function = lambda::init(open)
            .after_response(async move |totals: &Totals| {
                note(format!("after {}", totals.words.load(Ordering::Relaxed)));
            })
            .on_shutdown(async move |totals: &Totals| {
                note(format!("end {}", totals.requests.load(Ordering::Relaxed)));
            });
        let texts =
            ["one two", "", "three"].map(|text| Event::new(json!({ "text": text }).to_string()));
        let outcomes = testing::run_function(function, count, texts).unwrap();
        let counts: Vec<Value> = outcomes.iter().map(|outcome| outcome.json().unwrap()).collect();
        assert_eq!(
            counts.iter().map(|count| &count["total"]).collect::<Vec<_>>(),
            [&json!(2), &json!(2), &json!(3)]
        );
        assert_eq!(*SEEN.lock().unwrap(), ["after 2", "after 2", "after 3", "end 3"]);
    }
}
