//! Parses files of variables in the dotenv format: quotes, comments, escapes, values over several
//! lines, `export`, and `$NAME` of an earlier variable or of the environment. The `dotenvy` crate
//! reads each entry; unquoted values may have blanks, as in other dotenv implementations. Pure
//! except for the environment.

use std::collections::BTreeSet;

/// The variables of a file in their order, and the problems of the lines that are left out: line
/// number and reason, never the text, which may be a secret.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Names and values.
    pub pairs: Vec<(String, String)>,
    /// Lines, from 1, that are not entries, each with the reason.
    pub problems: Vec<(usize, String)>,
}

/// Reads the text of a file.
pub fn parse(text: &str) -> Variables {
    let mut variables = Variables::default();
    let mut good = String::new();
    let mut known = BTreeSet::new();
    for (line, entry) in entries(text) {
        let checked = entry.and_then(|entry| check(&entry, &known).map(|name| (name, entry)));
        match checked {
            Ok((name, entry)) => {
                known.insert(name);
                good.push_str(&entry);
                good.push('\n');
            }
            Err(why) => variables.problems.push((line, why)),
        }
    }
    // All at once: an entry may refer to one before it.
    variables.pairs = dotenvy::from_read_iter(good.as_bytes()).filter_map(Result::ok).collect();
    variables
}

/// The name of an entry that can be parsed alone.
fn check(entry: &str, known: &BTreeSet<String>) -> Result<String, String> {
    let unreadable = || "it is not NAME=VALUE in the dotenv format".to_owned();
    let (name, _) = dotenvy::from_read_iter(entry.as_bytes())
        .next()
        .ok_or_else(unreadable)?
        .map_err(|_error| {
            // Its message would repeat the value.
            unreadable()
        })?;
    match references(entry).find(|name| !known.contains(*name) && std::env::var_os(name).is_none())
    {
        Some(unset) => {
            Err(format!("${unset} is not set; put a value with a dollar sign in single quotes"))
        }
        None => Ok(name),
    }
}

/// The names that an entry refers to with `$NAME` or `${NAME}`.
fn references(entry: &str) -> impl Iterator<Item = &str> {
    let value = entry.split_once('=').map_or("", |(_, value)| value);
    let literal = value.trim_start().starts_with('\'');
    let parts = if literal { "" } else { value }.split('$').skip(1);
    let mut escaped =
        (if literal { "" } else { value }).split('$').map(|before| before.ends_with('\\'));
    parts.filter_map(move |part| {
        if escaped.next().unwrap_or_default() {
            return None;
        }
        let part = part.strip_prefix('{').unwrap_or(part);
        let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
        part.get(..end).filter(|name| !name.is_empty())
    })
}

/// Splits a text into entries, each with the number of its first line. Unquoted values are put in
/// quotes.
fn entries(text: &str) -> Vec<(usize, Result<String, String>)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let number = at + 1;
        at += 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            entries.push((number, Err("it is not NAME=VALUE in the dotenv format".to_owned())));
            continue;
        };
        let value = value.trim_start();
        let Some(quote) = value.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
            entries.push((number, Ok(format!("{name}={}", quoted(value)))));
            continue;
        };
        // A quoted value may continue on the next lines.
        let mut entry = format!("{name}={value}");
        let mut end = at;
        while !is_closed(&entry, name.len() + 1, quote) {
            let Some(next) = lines.get(end) else { break };
            entry.push('\n');
            entry.push_str(next);
            end += 1;
        }
        if quote == '"' {
            entry = braced(&entry);
        }
        if is_closed(&entry, name.len() + 1, quote) {
            at = end;
            entries.push((number, Ok(entry)));
        } else {
            // The lines after it are entries of their own.
            entries.push((number, Err("its quote is not closed".to_owned())));
        }
    }
    entries
}

/// Returns `true` if the quote that begins at `start` ends in the entry.
fn is_closed(entry: &str, start: usize, quote: char) -> bool {
    let mut escaped = false;
    entry.get(start + 1..).unwrap_or_default().chars().any(|c| {
        let ends = c == quote && !escaped;
        escaped = quote == '"' && c == '\\' && !escaped;
        ends
    })
}

/// An unquoted value without its comment, in double quotes so that blanks and backslashes are kept.
fn quoted(value: &str) -> String {
    let comment = value.char_indices().zip(std::iter::once(' ').chain(value.chars()));
    let end = comment.into_iter().find(|((_, c), before)| *c == '#' && before.is_whitespace());
    let value = value.get(..end.map_or(value.len(), |((at, _), _)| at)).unwrap_or(value).trim_end();
    braced(&format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `$NAME` as `${NAME}`: `dotenvy` takes a quote right after `$NAME` for a part of the value.
fn braced(entry: &str) -> String {
    let mut parts = entry.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        if name.is_empty() || text.ends_with('\\') {
            text.push('$');
            text.push_str(part);
        } else {
            text.extend(["${", name, "}", rest]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        let variables = parse(text);
        assert_eq!(variables.problems, [], "{text}");
        variables.pairs
    }

    fn value(text: &str) -> String {
        pairs(text).pop().unwrap().1
    }

    #[test]
    fn values_are_as_dotenv_has_them() {
        for (line, expected) in [
            ("A=fast # default", "fast"),
            ("A=x#y", "x#y"),
            ("A=\"x\" # note", "x"),
            ("A='x # y' # note", "x # y"),
            ("A=\"two\\nlines\"", "two\nlines"),
            ("A=\"first\nsecond\"", "first\nsecond"),
            ("A='first\r\n second'", "first\n second"),
            ("A=", ""),
            ("A= # nothing", ""),
            ("A=\"\"", ""),
            ("export A=one", "one"),
            ("A = one", "one"),
            ("A=Hello World", "Hello World"),
            ("A=x=y", "x=y"),
            ("A=C:\\temp\\new", "C:\\temp\\new"),
            ("A=it's", "it's"),
            ("A='pa$word'", "pa$word"),
            ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
            ("A={\"k\": [1, 2]}", "{\"k\": [1, 2]}"),
            ("A=größe\r\n", "größe"),
            ("B=1\nA=${B}2", "12"),
            ("B=1\nA=$B", "1"),
            ("B_C=1\nA=\"$B_C\"", "1"),
            ("A=\"5\\$\"", "5$"),
            ("A='x'\n\n# done", "x"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_entry_is_named_without_its_text_and_the_others_are_kept() {
        let variables = parse("A=1\nsecret text\n\nB=\"open\nC=2\n3D=4\nE=pa$nowhere_set\n");
        assert_eq!(
            variables.pairs,
            [("A".to_owned(), "1".to_owned()), ("C".to_owned(), "2".to_owned())]
        );
        let lines: Vec<usize> = variables.problems.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4, 6, 7]);
        assert!(
            variables
                .problems
                .iter()
                .all(|(_, why)| !why.contains("secret") && !why.contains("open\n"))
        );
        assert!(variables.problems[3].1.contains("single quotes"), "{variables:?}");
    }
}
