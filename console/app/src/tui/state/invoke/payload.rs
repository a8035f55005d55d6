//! The payload of a function, as typed.

use lambda_console_model::json::{self, SyntaxError};

use crate::tui::state::Editor;

/// Result of checking that a payload is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// The payload is empty.
    Empty,
    /// Valid JSON.
    Json,
    /// Not JSON; it is kept and can be sent nevertheless.
    Broken(SyntaxError),
}

/// A payload with its editor.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text, with cursor, selection and undo history.
    pub editor: Editor,
    /// Event file that it was loaded from.
    pub source: Option<String>,
    /// `true` if it was changed since it was loaded or saved.
    pub changed: bool,
    /// Result of parsing it as JSON.
    pub check: Check,
}

impl Default for Draft {
    fn default() -> Self {
        Self::new("")
    }
}

impl Draft {
    /// Default payload of a function.
    pub const EMPTY: &str = "{}";

    /// Creates a draft of `text`.
    pub fn new(text: &str) -> Self {
        Self { editor: Editor::new(text), source: None, changed: false, check: check(text) }
    }

    /// Resets the draft to `text`: undo does not go past it.
    pub fn load(&mut self, text: &str, source: Option<String>) {
        *self = Self { source, ..Self::new(text) };
    }

    /// Replaces the text as one change that can be undone.
    pub fn replace(&mut self, text: &str) {
        self.editor.replace(text);
        self.touched();
    }

    /// Updates the state after the editor's text was changed.
    pub fn touched(&mut self) {
        self.changed = true;
        self.check = check(&self.text());
    }

    /// Returns the text as typed.
    pub fn text(&self) -> String {
        self.editor.text()
    }

    /// Returns the text to send: an empty payload becomes an empty object, as for the command.
    pub fn payload(&self) -> String {
        if self.check == Check::Empty { Self::EMPTY.to_owned() } else { self.text() }
    }
}

fn check(text: &str) -> Check {
    if text.trim().is_empty() {
        Check::Empty
    } else {
        json::check(text).map_or_else(Check::Broken, |()| Check::Json)
    }
}
