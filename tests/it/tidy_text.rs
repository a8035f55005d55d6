//! The form of the source: the width of lines and the order of imports.

use crate::tidy::all_sources;

/// Widest line of code and comments, as in `.rustfmt.toml`.
const WIDTH: usize = 100;

/// `rustfmt` breaks code at the width, but neither comments nor what a macro is given. A line with
/// a string may be longer: a JSON document or a URL is easier to read in one piece.
#[test]
fn lines_are_as_wide_as_rustfmt_makes_them() {
    let mut lines = 0;
    let mut wide = Vec::new();
    for (file, text) in all_sources() {
        for (number, line) in text.lines().enumerate() {
            lines += 1;
            let is_string = line.contains('"') || line.ends_with('\\');
            if line.chars().count() > WIDTH && !is_string {
                wide.push(format!("{}:{}", file.display(), number + 1));
            }
        }
    }
    assert!(lines > 50_000, "{lines} lines");
    assert!(wide.is_empty(), "wider than {WIDTH}: {wide:#?}");
}

/// Place of an import in the order that `CONTRIBUTING.md` describes: the standard library, other
/// crates, this crate, and what is public. `None` if the line does not begin an import.
fn place(line: &str) -> Option<usize> {
    let Some(path) = line.strip_prefix("use ") else {
        let (visibility, _) = line.split_once(" use ")?;
        return (visibility == "pub" || visibility.starts_with("pub(")).then_some(3);
    };
    let first = path.split([':', ';', ' ']).next()?;
    Some(match first {
        "std" | "core" | "alloc" => 0,
        "crate" | "super" | "self" => 2,
        _ => 1,
    })
}

/// Imports whose place is wrong: the numbers of their lines.
fn misplaced(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut misplaced = Vec::new();
    let mut last: Option<usize> = None;
    let (mut is_apart, mut at) = (false, 0);
    while let Some(line) = lines.get(at) {
        if let Some(place) = place(line) {
            let is_right = match last {
                Some(before) if before == place => !is_apart,
                Some(before) => before < place && is_apart,
                None => true,
            };
            if !is_right {
                misplaced.push(at + 1);
            }
            (last, is_apart) = (Some(place), false);
            while lines.get(at).is_some_and(|line| !line.ends_with(';')) {
                at += 1;
            }
        } else if line.is_empty() {
            is_apart = true;
        } else {
            // An attribute or a comment of an import, or the end of the list.
            let goes_on = line.starts_with("#[") || line.starts_with("//");
            if !goes_on {
                last = None;
            }
        }
        at += 1;
    }
    misplaced
}

#[test]
fn imports_are_in_one_order() {
    assert_eq!(misplaced("use std::fs;\n\nuse serde::Serialize;\n\nuse crate::a;\n"), [0; 0]);
    assert_eq!(misplaced("use std::fs;\nuse serde::Serialize;\n"), [2]);
    assert_eq!(misplaced("use super::*;\n\nuse std::{\n    fs,\n};\n"), [3]);
    assert_eq!(misplaced("use std::fs;\n\nuse std::io;\n\npub use crate::a;\n"), [3]);
    let mut all = Vec::new();
    for (file, text) in all_sources() {
        all.extend(misplaced(&text).into_iter().map(|line| format!("{}:{line}", file.display())));
    }
    assert!(all.is_empty(), "{all:#?}");
}
