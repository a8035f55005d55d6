//! Syntax of Terraform: blocks, attributes and expressions as `terraform fmt` formats them. Pure.

use std::fmt::Write as _;

use super::node::Node;

/// Widest list on one line.
const WIDTH: usize = 80;

/// A part of a file or of a block.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Attribute(String, Node),
    /// The words before the brace, and the content.
    Block(String, Vec<Self>),
}

/// Prints the blocks of a file, with an empty line between them.
pub(super) fn print(items: &[Item]) -> String {
    let blocks: Vec<String> = items
        .iter()
        .map(|item| {
            let mut text = String::new();
            body(std::slice::from_ref(item), 0, &mut text);
            text
        })
        .collect();
    blocks.join("\n")
}

/// Attributes, then blocks; the blocks stand apart.
fn body(items: &[Item], depth: usize, out: &mut String) {
    let attributes: Vec<(&str, &Node)> = items
        .iter()
        .filter_map(|item| match item {
            Item::Attribute(key, value) => Some((key.as_str(), value)),
            Item::Block(..) => None,
        })
        .collect();
    entries(&attributes, depth, out);
    let mut is_first = attributes.is_empty();
    for item in items {
        if let Item::Block(head, items) = item {
            if !is_first {
                out.push('\n');
            }
            is_first = false;
            let pad = "  ".repeat(depth);
            if items.is_empty() {
                let _ = writeln!(out, "{pad}{head} {{}}");
                continue;
            }
            let _ = writeln!(out, "{pad}{head} {{");
            body(items, depth + 1, out);
            let _ = writeln!(out, "{pad}}}");
        }
    }
}

/// Entries of a block or of a map, one a line; the equals signs of neighbours that take one line
/// are aligned.
fn entries(entries: &[(&str, &Node)], depth: usize, out: &mut String) {
    let printed: Vec<(&str, String)> =
        entries.iter().map(|(key, value)| (*key, expression(value, depth))).collect();
    let pad = "  ".repeat(depth);
    let mut rest = printed.as_slice();
    while let Some((key, value)) = rest.first() {
        let run = rest.iter().take_while(|(_, value)| !value.contains('\n')).count();
        if run == 0 {
            let _ = writeln!(out, "{pad}{key} = {value}");
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let (aligned, left) = rest.split_at(run);
        let width = aligned.iter().map(|(key, _)| key.chars().count()).max().unwrap_or_default();
        for (key, value) in aligned {
            let _ = writeln!(out, "{pad}{key:width$} = {value}");
        }
        rest = left;
    }
}

/// Prints an expression whose first line begins at `depth`.
fn expression(node: &Node, depth: usize) -> String {
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
            let keys: Vec<String> = fields.iter().map(|(key, _)| name(key)).collect();
            let pairs: Vec<(&str, &Node)> = keys
                .iter()
                .map(String::as_str)
                .zip(fields.iter().map(|(_, value)| value))
                .collect();
            let mut text = "{\n".to_owned();
            entries(&pairs, depth + 1, &mut text);
            text + &"  ".repeat(depth) + "}"
        }
    }
}

/// A key of a map.
fn name(key: &str) -> String {
    let is_name = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && key.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '_' | '-'));
    if is_name { key.to_owned() } else { quoted(key) }
}

/// A text in quotes, in which nothing is a template.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// The inside of a quoted text.
///
/// `$${` is a literal `${`, but not behind another `$` or `%`: those are written as numbers.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let signs = characters.iter().skip(at).take_while(|one| matches!(one, '$' | '%')).count();
        if signs > 0 {
            let run: Vec<char> = characters.iter().skip(at).take(signs).copied().collect();
            let opens = characters.get(at + signs) == Some(&'{');
            for (index, sign) in run.iter().enumerate() {
                if !opens {
                    out.push(*sign);
                } else if index + 1 < signs {
                    let _ = write!(out, "\\u{:04x}", u32::from(*sign));
                } else {
                    out.extend([*sign, *sign]);
                }
            }
            at += signs;
            continue;
        }
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
        at += 1;
    }
    out
}

/// Characters that break a line or turn the direction of text in some editors.
pub(super) const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_template_or_ends_it() {
        for (text, expected) in [
            ("a \"b\" \\ c", r#""a \"b\" \\ c""#),
            ("${x} %{if}", r#""$${x} %%{if}""#),
            ("$${x}", r#""\u0024$${x}""#),
            ("$%{x}", r#""\u0024%%{x}""#),
            ("100% $ $$ {", r#""100% $ $$ {""#),
            ("a\nb\r\t\u{7f}\u{2028}", r#""a\nb\r\t\u007f\u2028""#),
            ("ä 🦀", "\"ä 🦀\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn equals_signs_of_lines_are_aligned_and_blocks_stand_apart() {
        let attribute = |key: &str, value| Item::Attribute(key.to_owned(), value);
        let map = Node::Map(vec![("a b".into(), Node::Flag(true)), ("c".into(), Node::Number(1))]);
        let block = Item::Block("empty".into(), Vec::new());
        let items = vec![
            attribute("a", Node::Number(1)),
            attribute("bcd", Node::texts(["x"])),
            attribute("map", map),
            attribute("e", Node::Call("f".into(), vec![Node::List(Vec::new())])),
            block,
        ];
        assert_eq!(
            print(&[Item::Block("r \"x\"".into(), items)]),
            "r \"x\" {\n  a   = 1\n  bcd = [\"x\"]\n  map = {\n    \"a b\" = true\n    c     = \
             1\n  }\n  e = f([])\n\n  empty {}\n}\n"
        );
    }
}
