//! The payload of a function, as it is typed.

use ratatui_textarea::TextArea;

use super::json::{self, SyntaxError};

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
    pub editor: TextArea<'static>,
    /// Instead of the editor's, a text too large for it: shown and sent, but only `$EDITOR` changes it.
    pub large: Option<String>,
    /// The event file that it was read from.
    pub source: Option<String>,
    /// It was changed since it was read or saved.
    pub changed: bool,
    /// What a JSON parser says of it.
    pub check: Check,
}

/// The editor counts rows and columns in 16 bits; texts stay well within.
const MOST_LINES: usize = 20_000;
const LONGEST_LINE: usize = 20_000;

impl Default for Draft {
    fn default() -> Self {
        Self::new("")
    }
}

impl Draft {
    /// A draft of `text`.
    pub fn new(text: &str) -> Self {
        let mut draft =
            Self { editor: editor(Vec::new()), large: None, source: None, changed: false, check: Check::Empty };
        draft.put(text);
        draft
    }

    fn put(&mut self, text: &str) {
        let lines: Vec<String> = text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect();
        if fits(&lines) {
            self.large = None;
            self.editor = editor(lines);
        } else {
            self.large = Some(text.to_owned());
            self.editor = editor(Vec::new());
        }
        self.recheck();
    }

    /// Replaces the text as one change that undo takes back, where the editor can hold it.
    pub fn replace(&mut self, text: &str) {
        let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        if self.large.is_some() || !fits(&lines) {
            self.put(text);
            return;
        }
        // Inserting replaces what is selected.
        self.editor.select_all();
        if text.is_empty() {
            self.editor.cut();
        } else {
            self.editor.insert_str(text.replace('\r', ""));
        }
        self.editor.cancel_selection();
        self.editor.move_cursor(ratatui_textarea::CursorMove::Jump(0, 0));
        self.recheck();
    }

    /// Inserts pasted text at the cursor.
    pub fn paste(&mut self, text: &str) {
        let pasted = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines: Vec<String> = pasted.split('\n').map(str::to_owned).collect();
        let all = self.editor.lines().len() + lines.len();
        let widest = self.editor.lines().get(self.editor.cursor().0).map_or(0, |line| line.chars().count());
        if all <= MOST_LINES && lines.iter().all(|line| line.chars().count() + widest <= LONGEST_LINE) {
            self.editor.insert_str(pasted);
            self.touched();
            return;
        }
        // Too large to be edited here: splice it in as text.
        let (row, column) = (self.editor.cursor().0, self.editor.cursor().1);
        let mut before: Vec<String> = self.editor.lines().iter().take(row).cloned().collect();
        let current = self.editor.lines().get(row).cloned().unwrap_or_default();
        let head: String = current.chars().take(column).collect();
        let tail: String = current.chars().skip(column).collect();
        before.push(format!("{head}{pasted}{tail}"));
        before.extend(self.editor.lines().iter().skip(row + 1).cloned());
        self.put(&before.join("\n"));
        self.changed = true;
    }

    /// Notes that the editor's text was changed.
    pub fn touched(&mut self) {
        self.changed = true;
        self.recheck();
    }

    /// Whether one more key press fits.
    pub fn has_room(&self) -> bool {
        let line = self.editor.lines().get(self.editor.cursor().0).map_or(0, String::len);
        self.large.is_none() && self.editor.lines().len() < MOST_LINES && line < LONGEST_LINE
    }

    /// The text as it is sent.
    pub fn text(&self) -> String {
        self.large.clone().unwrap_or_else(|| self.editor.lines().join("\n"))
    }

    /// The selected text.
    pub fn selection(&self) -> Option<String> {
        let ((first, from), (last, to)) = self.editor.selection_range()?;
        let lines = self.editor.lines().get(first..=last)?;
        let count = lines.len();
        let cut = lines.iter().enumerate().map(|(index, line)| {
            let end = if index + 1 == count { to } else { usize::MAX };
            let start = if index == 0 { from } else { 0 };
            line.chars().take(end).skip(start).collect::<String>()
        });
        Some(cut.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
    }

    fn recheck(&mut self) {
        let text = self.text();
        self.check = if text.trim().is_empty() {
            Check::Empty
        } else {
            json::check(&text).map_or_else(Check::Broken, |()| Check::Json)
        };
    }
}

fn fits(lines: &[String]) -> bool {
    lines.len() <= MOST_LINES && lines.iter().all(|line| line.len() <= LONGEST_LINE)
}

fn editor(lines: Vec<String>) -> TextArea<'static> {
    use ratatui::style::{Modifier, Style};
    let mut editor = TextArea::new(lines);
    // Colours are the view's: only modifiers are set here, which it paints over.
    editor.set_cursor_line_style(Style::new());
    editor.set_cursor_style(Style::new().add_modifier(Modifier::REVERSED));
    editor.set_selection_style(Style::new().add_modifier(Modifier::REVERSED));
    editor.set_line_number_style(Style::new());
    editor.set_tab_length(2);
    editor.set_max_histories(1000);
    editor
}
