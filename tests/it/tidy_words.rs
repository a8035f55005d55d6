//! The vocabulary: words that read like a translation are in no name and in no message.

use std::{collections::BTreeSet, fs, path::Path};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use tests::repository;

use crate::{
    tidy::all_sources,
    tidy_modules::{group, is_test, item_end},
};

/// Banned words of names and messages, and what the field calls it.
const WORDS: [(&str, &str); 28] = [
    ("anew", "again, or the verb: refresh, rebuild, restart"),
    ("belonging", "resource"),
    ("belongings", "resources"),
    ("harm", "fault"),
    ("harmed", "faulty"),
    ("harms", "faults"),
    ("judge", "validate, check, evaluate"),
    ("judged", "validated, checked, evaluated"),
    ("judges", "validates, checks, evaluates"),
    ("linger", "busy_poll, keep"),
    ("lingers", "keeps"),
    ("mend", "fix, repair"),
    ("mended", "fixed, repaired"),
    ("mends", "fixes, repairs"),
    ("patiently", "retry"),
    ("said", "reported, message"),
    ("say", "report, describe, print"),
    ("saying", "reporting"),
    ("says", "reports, message"),
    ("surroundings", "environment"),
    ("tell", "report, notify"),
    ("telling", "reporting"),
    ("tells", "reports, notifies"),
    ("told", "reported, event, message"),
    ("untold", "unknown"),
    ("whence", "source"),
    ("whoever", "the owner of"),
    ("whosoever", "the owner of"),
];

/// Banned phrases of messages, in lower case.
const PHRASES: [(&str, &str); 6] = [
    ("leads to", "points to, returns"),
    ("lead to", "point to, return"),
    ("take it", "select, use"),
    ("is none of", "is not one of"),
    ("not any more", "no longer"),
    ("little by little", "gradually"),
];

/// Words in messages and names that are not ours.
const QUOTED: [(&str, &str, &str); 2] = [
    ("tests/support/proxy", "linger", "`SO_LINGER`, an option of sockets"),
    ("console/app/src/cli/resources/delete", "belongings", "a key of JSON in version 0.1.0"),
];

/// Words of a text, or of a name in snake case or camel case.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for character in text.chars() {
        let is_new = !before.is_alphabetic() || (character.is_uppercase() && before.is_lowercase());
        if character.is_alphabetic() {
            if is_new {
                words.push(String::new());
            }
            words.last_mut().unwrap().extend(character.to_lowercase());
        }
        before = character;
    }
    words
}

/// Text of a string literal, without its escapes and the names in its placeholders.
fn text(literal: &str) -> Option<String> {
    let literal = literal.trim_start_matches(['b', 'c', 'r', '#']);
    let literal = literal.strip_prefix('"')?.trim_end_matches(['#', '"']);
    let mut text = String::new();
    let mut characters = literal.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                characters.next();
                text.push(' ');
            }
            '{' => {
                text.push(' ');
                characters.by_ref().find(|character| matches!(character, '}' | '{' | '"' | '\n'));
            }
            _ => text.push(character),
        }
    }
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn banned_in_message(message: &str) -> Vec<&'static str> {
    let words = words(message);
    let lower = format!(" {} ", words.join(" "));
    let phrases = PHRASES.iter().filter(|(phrase, _)| lower.contains(&format!(" {phrase} ")));
    let mut banned = banned(&words);
    banned.extend(phrases.map(|(phrase, _)| *phrase));
    // "x is no number", but neither "there is no number" nor "it is no longer a number".
    let is_no = words.windows(2).enumerate().any(|(at, pair)| {
        ["is", "are"].contains(&pair[0].as_str())
            && pair[1] == "no"
            && !(at > 0 && words[at - 1] == "there")
            && words.get(at + 2).is_none_or(|next| next != "longer")
    });
    if is_no {
        banned.push("is no");
    }
    banned
}

fn banned(words: &[String]) -> Vec<&'static str> {
    let is_in = |word: &str| words.iter().any(|other| other == word);
    WORDS.iter().map(|(word, _)| *word).filter(|word| is_in(word)).collect()
}

/// Reads the names and the messages in the code of a file. Comments are not code.
#[derive(Default)]
struct Reader {
    found: Vec<(String, &'static str)>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream, is_shipped: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut test_end = 0;
        let mut at = 0;
        while at < tokens.len() {
            if let (TokenTree::Punct(sign), Some(attribute)) =
                (&tokens[at], group(&tokens, at + 1, Delimiter::Bracket))
                && sign.as_char() == '#'
            {
                if is_test(attribute) {
                    test_end = test_end.max(item_end(&tokens, at + 2));
                }
                if attribute.stream().to_string().starts_with("doc ") {
                    at += 2;
                    continue;
                }
            }
            let is_shipped = is_shipped && at >= test_end;
            match &tokens[at] {
                TokenTree::Group(group) => self.read(group.stream(), is_shipped),
                TokenTree::Ident(name) => {
                    let name = name.to_string();
                    self.add(&name, banned(&words(&name)));
                }
                TokenTree::Literal(literal) if is_shipped => {
                    if let Some(text) = text(&literal.to_string()) {
                        self.add(&text, banned_in_message(&text));
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn add(&mut self, text: &str, banned: Vec<&'static str>) {
        self.found.extend(banned.into_iter().map(|word| (text.to_owned(), word)));
    }
}

fn found_in(code: &str, is_shipped: bool) -> Vec<(String, &'static str)> {
    let mut reader = Reader::default();
    reader.read(code.parse().unwrap(), is_shipped);
    reader.found
}

/// Files of unit tests: they are in a folder `tests`, or called so.
fn is_of_tests(path: &str) -> bool {
    path.starts_with("tests/") || path.split(['/', '.']).any(|part| part == "tests")
}

#[test]
fn names_and_messages_are_in_the_words_of_the_field() {
    let mut wrong = Vec::new();
    for (file, code) in all_sources() {
        let path = file.to_str().unwrap();
        for (text, word) in found_in(&code, !is_of_tests(path)) {
            let is_quoted = |(place, quoted, _): &(&str, &str, &str)| {
                path.starts_with(place) && *quoted == word
            };
            if !QUOTED.iter().any(is_quoted) {
                wrong.push(format!("{path}: {word}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The texts of keys are shown in the footer, in the help and in the palette.
#[test]
fn the_keymap_is_in_the_words_of_the_field() {
    let keymap = Path::new("console/app/src/tui/keymap.toml");
    let text = fs::read_to_string(repository().join(keymap)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let found: Vec<&str> = lines.filter(|line| !banned_in_message(line).is_empty()).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_banned_word_is_found_in_names_and_in_messages() {
    for (word, _) in WORDS {
        let mut camel: Vec<char> = word.chars().collect();
        camel[0].make_ascii_uppercase();
        let camel: String = camel.into_iter().chain("Line".chars()).collect();
        for name in [word.to_owned(), format!("is_{word}_so"), camel] {
            assert_eq!(words_of(&format!("fn {name}() {{}}"), false), [word], "{name}");
        }
    }
    for (phrase, _) in WORDS.iter().chain(&PHRASES) {
        let code = format!("fn f() {{ panic!(\"it {{f:?}} {phrase}, x\\n\") }}");
        assert_eq!(words_of(&code, true), [*phrase]);
    }
}

fn words_of(code: &str, is_shipped: bool) -> Vec<&'static str> {
    found_in(code, is_shipped).into_iter().map(|(_, word)| word).collect()
}

#[test]
fn comments_tests_placeholders_and_longer_words_are_allowed() {
    for code in [
        "/// It tells.\n//! told\n// says\n/* anew */ fn f() {}",
        "fn f() { format!(\"{told} {says:?} essays\") }",
        "#[cfg(test)] mod tests { const A: &str = \"as told\"; }",
        "#[test] fn f() { g(\"as told\") }",
        "const A: &str = \"there is no file\"; const B: &str = \"it is no longer there\";",
        "fn essay() {} struct Amend; fn sandstell() {}",
    ] {
        let code = code.replace("//! told", "");
        assert_eq!(words_of(&code, true), [""; 0], "{code}");
    }
    let code = "#[cfg(test)] mod tests { const A: &str = \"told\"; } const B: &str = \"told\";";
    assert_eq!(found_in(code, true).len(), 1, "what follows the tests is shipped");
    assert_eq!(words_of("const A: &str = \"`x` is no number\";", true), ["is no"]);
    assert_eq!(words_of("const A: &str = r#\"anew\"#;", true), ["anew"]);
}

#[test]
fn what_is_banned_is_listed_once() {
    let all: BTreeSet<&str> = WORDS.iter().chain(&PHRASES).map(|(word, _)| *word).collect();
    assert_eq!(all.len(), WORDS.len() + PHRASES.len());
}
