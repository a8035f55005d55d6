//! A key press as data, and its text form: `ctrl-s`, `shift-tab`, `F5`, `?`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyCode {
    /// A character; upper case where shift made it so.
    Char(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab; with shift, back-tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Cursor up.
    Up,
    /// Cursor down.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// A function key, 1 to 24.
    F(u8),
}

/// A key press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The key without modifiers.
    pub code: KeyCode,
    /// `true` with control.
    pub ctrl: bool,
    /// `true` with alt.
    pub alt: bool,
    /// `true` with shift; never set for characters, whose case shows it.
    pub shift: bool,
}

impl Key {
    /// Returns `code` without modifiers.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// Parses keys as tests write them: `jj<enter><ctrl-s>`, where `<lt>` and `<gt>` are the
    /// characters `<` and `>`.
    pub fn script(script: &str) -> Result<Vec<Self>, String> {
        let mut keys = Vec::new();
        let mut rest = script.chars();
        while let Some(character) = rest.next() {
            if character == '<' {
                let name: String = rest.by_ref().take_while(|&c| c != '>').collect();
                keys.push(name.parse()?);
            } else {
                keys.push(Self::plain(KeyCode::Char(character)));
            }
        }
        Ok(keys)
    }
}

/// Keys with their names; the first name of a key is the one that is printed.
const NAMES: [(&str, KeyCode); 20] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("lt", KeyCode::Char('<')),
    ("gt", KeyCode::Char('>')),
    ("minus", KeyCode::Char('-')),
    ("return", KeyCode::Enter),
    ("escape", KeyCode::Esc),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (set, name) in [(self.ctrl, "ctrl-"), (self.alt, "alt-"), (self.shift, "shift-")] {
            if set {
                f.write_str(name)?;
            }
        }
        if let Some((name, _)) = NAMES.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            KeyCode::Char(character) => write!(f, "{character}"),
            KeyCode::F(number) => write!(f, "F{number}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut key = Self::plain(KeyCode::Esc);
        let mut rest = text;
        loop {
            if let Some(after) = rest.strip_prefix("ctrl-").filter(|after| !after.is_empty()) {
                (key.ctrl, rest) = (true, after);
            } else if let Some(after) = rest.strip_prefix("alt-").filter(|after| !after.is_empty())
            {
                (key.alt, rest) = (true, after);
            } else if let Some(after) =
                rest.strip_prefix("shift-").filter(|after| !after.is_empty())
            {
                (key.shift, rest) = (true, after);
            } else {
                break;
            }
        }
        key.code = code(rest).ok_or_else(|| format!("`{text}` is not a key"))?;
        if key.shift && matches!(key.code, KeyCode::Char(_)) {
            return Err(format!("`{text}`: write the shifted character, for example `B`"));
        }
        Ok(key)
    }
}

fn code(name: &str) -> Option<KeyCode> {
    if let Some((_, code)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*code);
    }
    let mut characters = name.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return (!character.is_control()).then_some(KeyCode::Char(character));
    }
    let number: u8 = name.strip_prefix('F')?.parse().ok()?;
    (1..=24).contains(&number).then_some(KeyCode::F(number))
}
