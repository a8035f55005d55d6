//! Syntax of YAML: block style, with quotes where a plain text would be something else. Pure.

use std::fmt::Write as _;

use super::{hcl::is_invisible, node::Node};

/// Words that YAML 1.1 or 1.2 reads as something else than a text.
const WORDS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan"];

/// Prints the entries of a map that begins at the left edge.
pub(super) fn print(fields: &[(String, Node)]) -> String {
    let mut out = String::new();
    map(fields, 0, &mut out);
    out
}

fn map(fields: &[(String, Node)], depth: usize, out: &mut String) {
    for (key, value) in fields {
        let _ = write!(out, "{}{}:", "  ".repeat(depth), scalar(key));
        after(value, depth, out);
    }
}

/// Prints a value behind a key or a dash.
fn after(value: &Node, depth: usize, out: &mut String) {
    match value {
        Node::Map(fields) if !fields.is_empty() => {
            out.push('\n');
            map(fields, depth + 1, out);
        }
        Node::List(items) if !items.is_empty() => {
            out.push('\n');
            list(items, depth + 1, out);
        }
        other => {
            let _ = writeln!(out, " {}", inline(other));
        }
    }
}

fn list(items: &[Node], depth: usize, out: &mut String) {
    for item in items {
        let pad = "  ".repeat(depth);
        match item {
            Node::Map(fields) if !fields.is_empty() => {
                let mut text = String::new();
                map(fields, depth + 1, &mut text);
                let text = text.trim_start();
                let _ = write!(out, "{pad}- {text}");
            }
            other => {
                let _ = write!(out, "{pad}-");
                after(other, depth, out);
            }
        }
    }
}

fn inline(value: &Node) -> String {
    match value {
        Node::Raw(text) => text.clone(),
        Node::Text(text) => scalar(text),
        Node::Number(number) => number.to_string(),
        Node::Flag(flag) => flag.to_string(),
        Node::List(_) => "[]".to_owned(),
        Node::Map(_) | Node::Call(..) => "{}".to_owned(),
    }
}

/// A text, plain if it cannot be read as anything else.
pub(super) fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/')
        && !text.ends_with(':')
        && text.chars().all(|one| {
            one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.' | '/' | ':' | '@' | '+')
        })
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() || is_invisible(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        for plain in ["hello", "a-b_c.d", "/aws/lambda/x", "AWS::Logs::LogGroup", "a@b+c"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, expected) in [
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("2012-10-17", "\"2012-10-17\""),
            ("1e3", "\"1e3\""),
            ("a: b # c", "\"a: b # c\""),
            ("key:", "\"key:\""),
            ("*", "\"*\""),
            (" a", "\" a\""),
            ("a\n\"b\" \\ \u{85}", "\"a\\n\\\"b\\\" \\\\ \\u0085\""),
            ("${x}", "\"${x}\""),
        ] {
            assert_eq!(scalar(text), expected, "{text}");
        }
    }

    #[test]
    fn maps_and_lists_are_blocks() {
        let inner = Node::Map(vec![
            ("a".into(), Node::Number(1)),
            ("b".into(), Node::List(vec![Node::texts(["x", "y"])])),
        ]);
        let fields = vec![
            ("List".into(), Node::List(vec![inner, Node::raw("!Ref X")])),
            ("Empty".into(), Node::List(Vec::new())),
            ("No".into(), Node::Map(Vec::new())),
        ];
        assert_eq!(
            print(&fields),
            "List:\n  - a: 1\n    b:\n      -\n        - x\n        - \"y\"\n  - !Ref X\nEmpty: \
             []\n\"No\": {}\n"
        );
    }
}
