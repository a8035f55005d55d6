//! Syntax of TypeScript: expressions as Prettier formats them. Pure.

use std::fmt::Write as _;

use super::{hcl::is_invisible, node::Node};

/// Widest list on one line.
const WIDTH: usize = 80;

/// Prints an expression whose first line begins at `depth`.
pub(super) fn expression(node: &Node, depth: usize) -> String {
    match node {
        Node::Raw(text) => text.clone(),
        Node::Text(text) => quoted(text),
        Node::Number(number) => number.to_string(),
        Node::Flag(flag) => flag.to_string(),
        Node::Call(name, arguments) => {
            let arguments: Vec<String> =
                arguments.iter().map(|argument| expression(argument, depth)).collect();
            format!("{name}({})", arguments.join(", "))
        }
        Node::List(items) => {
            let line: Vec<String> = items.iter().map(|item| expression(item, depth)).collect();
            let line = format!("[{}]", line.join(", "));
            if !line.contains('\n') && line.len() <= WIDTH {
                return line;
            }
            let pad = "  ".repeat(depth + 1);
            let mut text = "[\n".to_owned();
            for item in items {
                let _ = writeln!(text, "{pad}{},", expression(item, depth + 1));
            }
            text + &"  ".repeat(depth) + "]"
        }
        Node::Map(fields) if fields.is_empty() => "{}".to_owned(),
        Node::Map(fields) => {
            let pad = "  ".repeat(depth + 1);
            let mut text = "{\n".to_owned();
            for (key, value) in fields {
                let _ = writeln!(text, "{pad}{}: {},", name(key), expression(value, depth + 1));
            }
            text + &"  ".repeat(depth) + "}"
        }
    }
}

fn name(key: &str) -> String {
    let is_name = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|one| one.is_ascii_alphanumeric() || one == '_');
    if is_name { key.to_owned() } else { quoted(key) }
}

/// A text in single quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", escaped(text, '\''))
}

/// The inside of a text in these quotes.
pub(super) fn escaped(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            one if one == quote || (quote == '`' && one == '$') => out.extend(['\\', one]),
            control if control.is_control() || is_invisible(control) => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_it_or_is_a_template() {
        assert_eq!(quoted("it's \"${x}\" \\ \n\u{2028}"), r#"'it\'s "${x}" \\ \n\u2028'"#);
        assert_eq!(escaped("`${x}` '", '`'), r"\`\${x}\` '");
    }

    #[test]
    fn values_are_one_a_line() {
        let map = Node::Map(vec![
            ("a-b".into(), Node::texts(["x"])),
            ("c".into(), Node::Map(vec![("d".into(), Node::Flag(false))])),
        ]);
        assert_eq!(
            expression(&Node::Call("new f".into(), vec![Node::raw("this"), map]), 1),
            "new f(this, {\n    'a-b': ['x'],\n    c: {\n      d: false,\n    },\n  })"
        );
    }
}
