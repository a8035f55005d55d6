//! A failure in the Runtime API's format: a type in the accepted form, a message with its causes, a
//! stack, and the cause that X-Ray shows.

use std::error::Error;
use std::fmt::Write as _;

use serde::Serialize;

use crate::failure::{Failure, PayloadError};

/// Maximum length of a message in the X-Ray field; RAPID crops the whole field at 64 KB.
const CAUSE_MESSAGE: usize = 8 * 1024;

/// Report of one failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `Function.<Name>` or `Runtime.<Name>`.
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) stack: Vec<String>,
}

impl Report {
    /// A failure of the runtime itself: `Runtime.<name>`.
    pub(crate) fn runtime(name: &str, message: impl Into<String>) -> Self {
        Self { kind: format!("Runtime.{name}"), message: message.into(), stack: Vec::new() }
    }

    /// Describes an error: its type (`type_name` as returned by `std::any::type_name`), and its
    /// chain of sources, as one message and as a stack.
    pub(crate) fn of(error: &(dyn Error + 'static), type_name: &str) -> Self {
        let kind = if let Some(failure) = error.downcast_ref::<Failure>() {
            format!("Function.{}", accepted(failure.name()))
        } else if error.is::<PayloadError>() {
            "Runtime.UnmarshalError".to_owned()
        } else {
            format!("Function.{}", accepted(type_name))
        };
        let mut message = error.to_string();
        let mut stack = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Many errors already include their source.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            stack.push(format!("caused by: {text}"));
            source = cause.source();
        }
        Self { kind, message, stack }
    }

    /// The body: `{"errorMessage", "errorType", "stackTrace"}`.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            error_message: &'a str,
            error_type: &'a str,
            stack_trace: &'a [String],
        }
        let body =
            Body { error_message: &self.message, error_type: &self.kind, stack_trace: &self.stack };
        // Strings can always be serialized.
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The X-Ray cause, in ASCII without line breaks, as required for a header field.
    pub(crate) fn cause(&self) -> Option<String> {
        #[derive(Serialize)]
        struct Cause<'a> {
            working_directory: &'a str,
            exceptions: [Exception<'a>; 1],
            paths: [&'a str; 0],
        }
        #[derive(Serialize)]
        struct Exception<'a> {
            message: &'a str,
            r#type: &'a str,
            stack: Vec<Frame<'a>>,
        }
        #[derive(Serialize)]
        struct Frame<'a> {
            label: &'a str,
        }
        let directory = std::env::current_dir().unwrap_or_default();
        let message =
            self.message.get(..self.message.floor_char_boundary(CAUSE_MESSAGE)).unwrap_or_default();
        let stack = self.stack.iter().take(32).map(|label| Frame { label }).collect();
        let exceptions = [Exception { message, r#type: &self.kind, stack }];
        let cause =
            Cause { working_directory: &directory.to_string_lossy(), exceptions, paths: [] };
        let json = serde_json::to_string(&cause).ok()?;
        let mut safe = String::with_capacity(json.len());
        for character in json.chars() {
            if character == '\u{7f}' || !character.is_ascii() {
                // Such characters only occur inside strings, where an escape has the same meaning.
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(safe, "\\u{unit:04x}");
                }
            } else {
                safe.push(character);
            }
        }
        Some(safe)
    }
}

/// The last segment of a type's name in the form that the platform accepts, `[A-Z][a-zA-Z]+`; it
/// would replace any other by `Unknown`. A type without a name is an `Error`.
fn accepted(type_name: &str) -> String {
    let path = type_name.split('<').next().unwrap_or_default();
    let segment = path.rsplit("::").next().unwrap_or_default();
    let nameless = ["Box", "String", "str"].contains(&segment.trim_start_matches('&'));
    let letters: String = segment.chars().filter(char::is_ascii_alphabetic).collect();
    let mut characters = letters.chars();
    match characters.next() {
        Some(first) if letters.len() > 1 && !nameless => {
            std::iter::once(first.to_ascii_uppercase()).chain(characters).collect()
        }
        _ => "Error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_are_brought_into_the_accepted_form() {
        let cases = [
            ("core::num::error::ParseIntError", "ParseIntError"),
            ("shop::Error<shop::Kind>", "Error"),
            ("alloc::boxed::Box<dyn core::error::Error>", "Error"),
            ("alloc::string::String", "Error"),
            ("&str", "Error"),
            ("anyhow::Error", "Error"),
            ("shop::not_found2", "Notfound"),
            ("E", "Error"),
            ("", "Error"),
        ];
        for (name, kind) in cases {
            assert_eq!(accepted(name), kind, "{name}");
        }
    }

    #[test]
    fn the_message_has_the_chain_of_sources_and_none_twice() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError, bool);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if self.1 {
                    write!(f, "bad quantity: {}", self.0)
                } else {
                    f.write_str("bad quantity")
                }
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        for names_source in [false, true] {
            let error = Outer("x".parse::<u8>().unwrap_err(), names_source);
            let report = Report::of(&error, "shop::Outer");
            assert_eq!(report.kind, "Function.Outer");
            assert_eq!(report.message, "bad quantity: invalid digit found in string");
            assert_eq!(report.stack, ["caused by: invalid digit found in string"]);
        }
    }

    #[test]
    fn the_cause_is_json_that_fits_in_a_header_field() {
        let report = Report {
            stack: vec!["a".into()],
            ..Report::runtime("Panic", "über\r\n\u{7f}𝄞 \"x\"")
        };
        let cause = report.cause().unwrap();
        assert!(cause.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{cause}");
        let value: serde_json::Value = serde_json::from_str(&cause).unwrap();
        assert_eq!(value["exceptions"][0]["message"], "über\r\n\u{7f}𝄞 \"x\"");
        assert_eq!(value["exceptions"][0]["stack"][0]["label"], "a");
    }

    #[test]
    fn the_body_has_the_three_documented_members() {
        let json = Report::runtime("Panic", "line\nbreak").json();
        assert_eq!(
            json,
            r#"{"errorMessage":"line\nbreak","errorType":"Runtime.Panic","stackTrace":[]}"#
        );
    }
}
