//! The payload of a function, as it is typed.

use lambda_console_model::json::{self, SyntaxError};

use crate::tui::state::Editor;

/// Whether a payload is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing was typed.
    Empty,
    /// It is JSON.
    Json,
    /// It is not; it is kept, and can be sent, all the same.
    Broken(SyntaxError),
}

/// A payload with its editor.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text, with cursor, selection and undo history.
    pub editor: Editor,
    /// The event file that it was read from.
    pub source: Option<String>,
    /// It was changed since it was read or saved.
    pub changed: bool,
    /// What a JSON parser says of it.
    pub check: Check,
}

impl Default for Draft {
    fn default() -> Self {
        Self::new("")
    }
}

impl Draft {
    /// The payload of a function that nothing else is known for.
    pub const EMPTY: &str = "{}";

    /// A draft of `text`.
    pub fn new(text: &str) -> Self {
        Self { editor: Editor::new(text), source: None, changed: false, check: check(text) }
    }

    /// Begins again with `text`: undo does not go past it.
    pub fn load(&mut self, text: &str, source: Option<String>) {
        *self = Self { source, ..Self::new(text) };
    }

    /// Replaces the text as one change that undo takes back.
    pub fn replace(&mut self, text: &str) {
        self.editor.replace(text);
        self.touched();
    }

    /// Notes that the editor's text was changed.
    pub fn touched(&mut self) {
        self.changed = true;
        self.check = check(&self.text());
    }

    /// The text as it was typed.
    pub fn text(&self) -> String {
        self.editor.text()
    }

    /// The text as it is sent: nothing typed is an empty object, as for the command.
    pub fn payload(&self) -> String {
        if self.check == Check::Empty { Self::EMPTY.to_owned() } else { self.text() }
    }
}

fn check(text: &str) -> Check {
    if text.trim().is_empty() { Check::Empty } else { json::check(text).map_or_else(Check::Broken, |()| Check::Json) }
}
