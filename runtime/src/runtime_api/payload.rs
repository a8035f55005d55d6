//! Payloads as values: a fast path if they fit, and the position of the error if they do not.

use std::any::type_name;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::failure::PayloadError;

/// Reads a payload as `T`. An empty payload is read as `null`.
pub(crate) fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, PayloadError> {
    let json = if payload.trim_ascii().is_empty() { b"null" } else { payload };
    serde_json::from_slice(json).map_err(|error| explain(payload, &error, type_name::<T>()))
}

/// Describes the error and its position. Only a payload that failed is parsed again.
#[cold]
fn explain(payload: &[u8], error: &serde_json::Error, type_name: &str) -> PayloadError {
    let wanted =
        type_name.rsplit("::").next().filter(|_| !type_name.contains('<')).unwrap_or(type_name);
    if payload.trim_ascii().is_empty() {
        return PayloadError(format!("the payload is empty, which does not fit `{wanted}`"));
    }
    let text = error.to_string();
    if error.is_data() {
        let offset = offset(payload, error.line(), error.column());
        let path = path(payload.get(..offset).unwrap_or(payload));
        let path = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        PayloadError(format!("the payload does not fit `{wanted}`: {path}{text}"))
    } else {
        PayloadError(format!("the payload is not JSON: {text}"))
    }
}

/// The offset of a line and a column (from 1; column 0 is before the line's first byte).
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let start: usize = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    (start + column).min(text.len())
}

/// One step from a value to a part of it.
#[derive(Debug)]
enum Step {
    Member(String),
    Element(usize),
}

/// The path of the value at the end of `read`, the part of a document that the parser consumed: it
/// stops after the value that does not fit (a member's name, a scalar, a whole object that lacks a
/// member), or before a container.
fn path(read: &[u8]) -> String {
    let mut steps: Vec<Step> = Vec::new();
    // `true` if the next string is a member's name.
    let mut name_follows = false;
    let mut at = 0;
    while let Some(&byte) = read.get(at) {
        match byte {
            b'"' => {
                let end = string_end(read, at);
                if name_follows && let Some(Step::Member(name)) = steps.last_mut() {
                    let text = read.get(at..end).unwrap_or_default();
                    *name = serde_json::from_slice(text).unwrap_or_default();
                    name_follows = false;
                }
                at = end;
                continue;
            }
            b'{' => {
                steps.push(Step::Member(String::new()));
                name_follows = true;
            }
            b'[' => steps.push(Step::Element(0)),
            b'}' | b']' => {
                steps.pop();
                name_follows = false;
            }
            b',' => match steps.last_mut() {
                Some(Step::Element(index)) => *index += 1,
                Some(Step::Member(name)) => {
                    name.clear();
                    name_follows = true;
                }
                None => {}
            },
            _ => {}
        }
        at += 1;
    }
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Member(name) if name.is_empty() => {}
            Step::Member(name) if path.is_empty() => path = name,
            Step::Member(name) => {
                path.push('.');
                path.push_str(&name);
            }
            Step::Element(index) => drop(write!(path, "[{index}]")),
        }
    }
    path
}

/// The end of the string that starts at `start`, its closing quote included.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    struct Order {
        items: Vec<Item>,
        #[serde(default)]
        notes: BTreeMap<String, u8>,
        #[serde(default)]
        customer: Option<Customer>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    struct Item {
        name: String,
        price: f64,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    struct Customer {
        address: [String; 2],
    }

    fn message(payload: &str) -> String {
        read::<Order>(payload.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_does_not_fit_is_named_by_path_line_and_column() {
        let cases = [
            (
                "{\"items\":[\n  {\"name\":\"a\",\"price\":1},\n  \
                {\"name\":\"b\",\"price\":\"two\"}]}",
                "`items[1].price`: invalid type: string \"two\", expected f64 at line 3 column 27",
            ),
            (
                r#"{"items":[{"name":"a, \"}]"}]}"#,
                "`items[0]`: missing field `price` at line 1 column 28",
            ),
            (r#"{"notes":{}}"#, "missing field `items` at line 1 column 12"),
            (
                r#"{"items":{}}"#,
                "`items`: invalid type: map, expected a sequence at line 1 column 9",
            ),
            (
                r#"{"items":[],"notes":{"a":1,"b c":256}}"#,
                "`notes.b c`: invalid value: integer `256`, expected u8 at line 1 column 36",
            ),
            (
                r#"{"items":[],"customer":{"address":["x",null]}}"#,
                "`customer.address[1]`: invalid type: null, expected a string at line 1 column 43",
            ),
            ("[1,2]", "`[0]`: invalid type: integer `1`, expected a sequence at line 1 column 2"),
            (r#""x""#, "invalid type: string \"x\", expected struct Order at line 1 column 3"),
            ("null", "invalid type: null, expected struct Order at line 1 column 4"),
        ];
        for (payload, expected) in cases {
            assert_eq!(
                message(payload),
                format!("the payload does not fit `Order`: {expected}"),
                "{payload}"
            );
        }
        let unknown = message(r#"{"items":[],"extra":1}"#);
        assert!(
            unknown.starts_with("the payload does not fit `Order`: `extra`: unknown field"),
            "{unknown}"
        );
    }

    #[test]
    fn invalid_json_is_distinguished_from_json_that_does_not_fit() {
        assert_eq!(
            message("{\"items\":[\n,"),
            "the payload is not JSON: expected value at line 2 column 1"
        );
        assert_eq!(message(" "), "the payload is empty, which does not fit `Order`");
        let broken = read::<String>(b"\"\xff\"").unwrap_err().to_string();
        assert!(
            broken.starts_with("the payload is not JSON: invalid unicode code point"),
            "{broken}"
        );
    }

    #[test]
    fn an_empty_payload_is_null() {
        assert_eq!(read::<Option<u8>>(b""), Ok(None));
        assert_eq!(read::<()>(b" \n"), Ok(()));
    }
}
