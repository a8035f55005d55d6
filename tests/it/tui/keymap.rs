//! Keys as text, and that there is a key for every verb.

use std::{env, fmt::Write as _, fs};

use lambda_console::tui::{
    keymap::Keymap,
    message::Action,
    state::{Context, Hint, Key, KeyCode},
};
use tests::repository;

#[test]
fn every_key_is_read_as_it_is_written() {
    let codes = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Insert,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
    ];
    let characters = (' '..='~').chain("éß日Ω".chars()).map(KeyCode::Char);
    let all = codes.into_iter().chain((1..=24).map(KeyCode::F)).chain(characters);
    let mut count = 0;
    for code in all {
        for modifiers in 0..8_u8 {
            let (ctrl, alt, shift) = (modifiers & 1 > 0, modifiers & 2 > 0, modifiers & 4 > 0);
            if shift && matches!(code, KeyCode::Char(_)) {
                continue;
            }
            let key = Key { code, ctrl, alt, shift };
            assert_eq!(key.to_string().parse(), Ok(key), "{key}");
            assert_eq!(Key::script(&format!("<{key}>")), Ok(vec![key]), "{key}");
            count += 1;
        }
    }
    assert!(count > 600);
}

#[test]
fn invalid_keys_are_refused() {
    for text in ["", "ctrl-", "ctrl", "F0", "F25", "Enter", "shift-a", "super-a", "ab"] {
        assert!(text.parse::<Key>().is_err(), "{text:?}");
    }
}

#[test]
fn every_action_has_a_row_in_the_keymap_with_a_description() {
    let hints = Keymap::shipped().hints();
    for action in Action::ALL {
        let row = hints.iter().find(|hint| hint.run == *action);
        let row = row.unwrap_or_else(|| panic!("{action} is not in keymap.toml"));
        assert!(!row.desc.is_empty(), "{action}");
        assert_eq!(action.name().parse(), Ok(*action));
    }
}

#[test]
fn an_action_without_a_key_is_in_the_palette() {
    let mut console = tests::Harness::ready(80, 24);
    console.press(":");
    let Some(lambda_console::tui::state::Overlay::Choose(choose)) = &console.state.overlay else {
        panic!("the palette")
    };
    let hints = Keymap::shipped().hints();
    for action in Action::ALL {
        let has_key = hints.iter().any(|hint| hint.run == *action && !hint.keys.is_empty());
        let is_offered = choose.entries.iter().any(|entry| entry.value == action.name());
        assert!(has_key || is_offered, "{action}");
    }
}

#[test]
fn keys_that_are_text_reach_the_text() {
    let keymap = Keymap::shipped();
    for context in Context::ALL.into_iter().filter(|context| context.takes_text()) {
        for character in (' '..='~').chain("éß".chars()) {
            let key = Key::plain(KeyCode::Char(character));
            assert_eq!(keymap.action(context, key), None, "{character} in {}", context.name());
        }
    }
}

#[test]
fn every_context_can_be_left() {
    let keymap = Keymap::shipped();
    for context in Context::ALL {
        let action = keymap.action(context, Key::plain(KeyCode::Esc));
        assert_eq!(action, Some(Action::Back), "{}", context.name());
        assert_eq!(
            keymap.action(context, "ctrl-c".parse().unwrap()),
            Some(Action::Interrupt),
            "{}",
            context.name()
        );
    }
}

/// Returns the README's table: the keys of all panes that the footer has words for.
fn table(hints: &[Hint]) -> String {
    let rows = hints.iter().filter(|hint| {
        hint.context == Context::Global && !hint.keys.is_empty() && !hint.short.is_empty()
    });
    let mut table = "\n| Key | Does |\n| --- | --- |\n".to_owned();
    for Hint { keys, desc, .. } in rows {
        writeln!(table, "| `{}` | {desc} |", keys.join("` `")).unwrap();
    }
    table + "\n"
}

#[test]
fn the_readme_has_the_keys_of_the_keymap() {
    const END: &str = "<!-- end of keys -->";
    let path = repository().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("<!-- keys:").unwrap();
    let (marker, rest) = rest.split_once('\n').unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let wanted = table(&Keymap::shipped().hints());
    if env::var_os("KEYS_UPDATE").is_some() {
        let text = format!("{before}<!-- keys:{marker}\n{wanted}{END}{after}");
        fs::write(path, text).unwrap();
    } else {
        assert_eq!(found, wanted, "KEYS_UPDATE=1 rewrites the table");
    }
}

#[test]
fn hints_are_short_and_never_repeat_their_key() {
    for hint in Keymap::shipped().hints() {
        let words = hint.short.split_whitespace().count();
        assert!(words <= 3, "{}: {}", hint.run, hint.short);
        let is_repeated = hint.keys.contains(&hint.short) || hint.keys.contains(&hint.desc);
        assert!(!is_repeated, "{}: {} repeats its key", hint.run, hint.short);
    }
}
