//! Counts the words of a text. An ordinary program, which knows nothing of Lambda: an event arrives
//! on standard input, and standard output is the response.

use std::error::Error;
use std::io;

use serde::{Deserialize, Serialize};

fn main() -> Result<(), Box<dyn Error>> {
    let is_longest_wanted = std::env::args().any(|argument| argument == "--longest");
    // An error is printed on standard error, and the exit code fails the invocation.
    let event: Event = serde_json::from_reader(io::stdin().lock())?;
    serde_json::to_writer(io::stdout().lock(), &count(&event.text, is_longest_wanted))?;
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Event {
    text: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Counted<'a> {
    words: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest: Option<&'a str>,
}

fn count(text: &str, is_longest_wanted: bool) -> Counted<'_> {
    let words = text.split_whitespace();
    let longest = words.clone().max_by_key(|word| word.chars().count());
    Counted { words: words.count(), longest: longest.filter(|_| is_longest_wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted() {
        assert_eq!(count("a  bee\n", true), Counted { words: 2, longest: Some("bee") });
        assert_eq!(count("", false), Counted { words: 0, longest: None });
    }
}
