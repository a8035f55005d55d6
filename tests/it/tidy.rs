//! Rules that the compiler does not check: the arrows between the rooms, and the length of files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tests::repository;

/// Folders with our code.
const ROOMS: [&str; 4] = ["console", "runtime", "functions", "tests"];

/// All Rust files of the workspace, by their paths below its root, with their text.
pub(crate) fn all_sources() -> Vec<(PathBuf, String)> {
    let root = repository();
    let mut all = Vec::new();
    for room in ROOMS {
        let files = sources(&root.join(room));
        assert!(!files.is_empty(), "{room}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            all.push((file.strip_prefix(&root).unwrap().to_owned(), text));
        }
    }
    all
}

/// All Rust files below `directory`.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return files };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() && entry.file_name().is_some_and(|name| name != "target") {
            files.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms of the screen that code names as `tui::room` or in `tui::{room, …}`: nothing else is
/// called `tui`.
fn rooms(code: &str) -> BTreeSet<String> {
    let word = |text: &str| {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    let mut rooms = BTreeSet::new();
    for (at, path) in code.match_indices("tui::") {
        let (before, after) = code.split_at(at);
        let after = after.strip_prefix(path).unwrap_or_default();
        // `ratatui::…`
        if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let Some(group) = after.strip_prefix('{') else {
            rooms.insert(word(after));
            continue;
        };
        let (mut depth, mut starts) = (1, true);
        for (at, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth == 1 => break,
                '}' => depth -= 1,
                ',' if depth == 1 => starts = true,
                character if starts && !character.is_whitespace() => {
                    rooms.insert(word(group.get(at..).unwrap_or_default()));
                    starts = false;
                }
                _ => {}
            }
        }
    }
    rooms
}

/// The arrows that Cargo cannot check: the rooms of the screen are modules of one crate.
#[test]
fn arrows_between_the_rooms_of_the_screen_point_one_way() {
    // A room, the rooms that it may name, and words that it must not contain.
    let pure = [
        "lambda_console_engine",
        "tokio",
        "std::fs",
        "SystemTime",
        "Instant",
        "std::process",
        "std::thread",
    ];
    let rules: [(&str, &[&str], &[&str]); 12] = [
        ("task", &["task"], &pure),
        ("action", &["action"], &pure),
        ("state", &["state", "task", "action"], &pure),
        ("message", &["state", "task", "action", "message"], &pure),
        ("update", &["state", "task", "message", "update"], &pure),
        ("theme", &["theme"], &pure),
        ("view", &["state", "task", "message", "theme", "view"], &pure),
        ("keymap", &["state", "message", "keymap"], &pure),
        ("config", &["state", "keymap", "theme", "config"], &pure),
        ("dispatch", &["state", "task", "message", "dispatch"], &[]),
        (
            "terminal",
            &["app", "message", "state", "theme", "view", "terminal"],
            &["lambda_console_engine", "tokio"],
        ),
        (
            "app",
            &["app", "config", "keymap", "message", "state", "theme", "update", "view"],
            &["lambda_console_engine", "std::fs"],
        ),
    ];
    let source = repository().join("console/app/src/tui");
    let mut seen = 0;
    for (room, may, never) in rules {
        let mut files = sources(&source.join(room));
        files.push(source.join(room).with_extension("rs"));
        for file in files {
            let code = code(&file);
            for named in rooms(&code) {
                assert!(
                    may.contains(&named.as_str()),
                    "{}: {room} must not know {named}",
                    file.display()
                );
            }
            for word in never {
                assert!(!code.contains(word), "{}: {word} has no place in {room}", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen} files");
}

#[test]
fn the_tidy_test_itself_sees_what_is_named() {
    let code = "use ratatui::{text::Line};\nuse \
        crate::{logging, tui::{\n    app::{Input, Screen},\n    view::{self, Areas},\n}};\nfn f() \
        -> crate::tui::state::JobId {}";
    let seen: Vec<String> = rooms(code).into_iter().collect();
    assert_eq!(seen, ["app", "state", "view"]);
}

#[test]
fn files_are_short_and_have_a_room_of_their_own() {
    for directory in ["console", "runtime", "functions", "tests"] {
        for file in sources(&repository().join(directory)) {
            let lines = fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 500, "{}: {lines} lines", file.display());
            let name = file.file_stem().unwrap().to_str().unwrap();
            for drawer in ["mod", "util", "utils", "common", "misc", "helpers", "manager"] {
                assert_ne!(name, drawer, "{}", file.display());
            }
        }
    }
}

/// The first words of doc comments, as the standard library and tokio write them: a noun or a verb.
#[test]
fn docs_begin_with_a_noun_or_a_verb() {
    const CLEFTS: [&str; 9] =
        ["What", "Whether", "How", "Who", "Whose", "Where", "When", "Why", "Which"];
    let (mut items, mut clefts) = (0, Vec::new());
    for file in ["console", "runtime", "functions", "tests"]
        .iter()
        .flat_map(|room| sources(&repository().join(room)))
    {
        let text = fs::read_to_string(&file).unwrap();
        let mut is_within = false;
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let docs = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            if let Some(docs) = docs.filter(|_| !is_within) {
                items += 1;
                let first = docs
                    .trim_start()
                    .split(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default();
                if CLEFTS.contains(&first) {
                    clefts.push(format!("{}:{}", file.display(), number + 1));
                }
            }
            is_within = docs.is_some();
        }
    }
    assert!(items > 5_000, "{items} doc comments");
    assert!(clefts.len() * 100 <= items * 3, "{} of {items} begin so: {clefts:#?}", clefts.len());
}
