//! Excerpts of long texts for messages: lines that contain the error come first.

use super::{clean, fit};

/// Maximum number of columns of one line of an error.
const LONGEST_LINE: usize = 300;
/// Maximum number of lines of an error.
const MOST_LINES: usize = 12;

/// Returns the excerpt of `text` for an error, cleaned: a bounded number of lines of bounded length
/// from the first line that contains the error. If no line contains it, the last lines.
pub fn excerpt(text: &str) -> String {
    let cleaned = clean(text);
    let lines: Vec<&str> =
        cleaned.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let from = lines
        .iter()
        .position(|line| has_cause(line))
        .unwrap_or_else(|| lines.len().saturating_sub(MOST_LINES));
    joined(lines.get(from..).unwrap_or_default())
}

/// Returns `text`, cleaned, in a bounded number of lines of bounded length.
pub fn bounded(text: &str) -> String {
    let cleaned = clean(text);
    joined(&cleaned.lines().collect::<Vec<_>>())
}

fn joined(lines: &[&str]) -> String {
    let mut shown: Vec<String> =
        lines.iter().take(MOST_LINES).map(|line| fit(line, LONGEST_LINE)).collect();
    if lines.len() > MOST_LINES {
        shown.push("…".to_owned());
    }
    shown.join("\n")
}

/// Returns `true` if a line of a tool's output contains the error. A line that repeats the command,
/// as callers of linkers print it, only counts if it begins with the error.
fn has_cause(line: &str) -> bool {
    let head =
        line.get(..line.floor_char_boundary(LONGEST_LINE)).unwrap_or_default().to_ascii_lowercase();
    let head = head.trim_start();
    ["error", "e: ", "fatal:", "undefined reference"].iter().any(|start| head.starts_with(start))
        || [" error: ", ": error:", "fatal error:", ": undefined ", "cannot find -l"]
            .iter()
            .any(|words| head.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_with_the_error_comes_first_and_none_is_endless() {
        let command = format!("  = note: \"clang\" {}", "\"-Wl,--as-needed\" ".repeat(1200));
        let text = format!(
            "{command}\n\n\u{1b}[31mclang: error:\u{1b}[0m unsupported option '-x'\nmore\n"
        );
        assert_eq!(excerpt(&text), "clang: error: unsupported option '-x'\nmore");
        let line = format!("error: linking with `clang` failed: {command}");
        assert!(
            excerpt(&line).starts_with("error: linking with `clang` failed:")
                && excerpt(&line).len() < 310
        );
        let many = "x\n".repeat(1000);
        assert_eq!(
            (excerpt(&many).lines().count(), bounded(&many).lines().count()),
            (MOST_LINES, MOST_LINES + 1)
        );
        assert!(bounded(&many).ends_with("\n…"));
        assert_eq!((excerpt("one\ntwo").as_str(), bounded("one").as_str()), ("one\ntwo", "one"));
    }

    #[test]
    fn words_of_a_command_are_no_reason() {
        assert!(!has_cause("cc -Werror -o error.o main.c"));
        for line in [
            "/usr/bin/ld: a.o: undefined reference to `x'",
            "ld.lld: error: cannot open a",
            "E: no package",
        ] {
            assert!(has_cause(line), "{line}");
        }
    }
}
