//! A text editor with undo history.

use ratatui::style::{Modifier, Style};
use ratatui_textarea::{CursorMove, Input, Key, Scrolling, TextArea};

use super::key;

/// The editor counts rows and columns in 16 bits; texts stay well below.
const MOST_LINES: usize = 20_000;
const LONGEST_LINE: usize = 20_000;
/// Maximum number of edits of the text area, and of whole texts, that can be undone.
const MAX_EDITS: usize = 1_000;
const MOST_TEXTS: usize = 50;

/// An editor of a text or of one line.
///
/// Undo reverts one key, one paste or one replacement, however many edits of the text area it
/// needed, and never goes past the initial text.
#[derive(Clone, Debug)]
pub struct Editor {
    text: Text,
    is_line: bool,
    done: Vec<Step>,
    undone: Vec<Step>,
}

/// The text: in the text area, or outside if it is too large for it.
#[derive(Clone, Debug)]
struct Text {
    area: TextArea<'static>,
    large: Option<String>,
}

/// Edits that are undone together.
#[derive(Clone, Debug)]
enum Step {
    /// This many edits of the text area.
    Edits(usize),
    /// The whole text: the previous one, or, once undone, the next one.
    Text(Box<Text>),
}

impl Editor {
    /// Creates an editor that contains `text`.
    pub fn new(text: &str) -> Self {
        Self::of(Text::new(text), false)
    }

    /// Creates an editor of one line that contains `text`, with the cursor at its end.
    pub fn line(text: &str) -> Self {
        Self::of(Text::line(text), true)
    }

    const fn of(text: Text, is_line: bool) -> Self {
        Self { text, is_line, done: Vec::new(), undone: Vec::new() }
    }

    /// Returns the text area, to be drawn; empty if the text is too large for it.
    pub const fn area(&self) -> &TextArea<'static> {
        &self.text.area
    }

    /// Returns the text if it is too large for the text area: it is shown and sent, but only
    /// `$EDITOR` can change it.
    pub fn large(&self) -> Option<&str> {
        self.text.large.as_deref()
    }

    /// Returns the whole text.
    pub fn text(&self) -> String {
        self.text.large.clone().unwrap_or_else(|| self.lines().join("\n"))
    }

    fn lines(&self) -> &[String] {
        self.text.area.lines()
    }

    /// Returns the selected text; `None` if nothing is selected.
    pub fn selection(&self) -> Option<String> {
        let ((first, from), (last, to)) = self.text.area.selection_range()?;
        let lines = self.lines().get(first..=last)?;
        let count = lines.len();
        let cut = lines.iter().enumerate().map(|(index, line)| {
            let end = if index + 1 == count { to } else { usize::MAX };
            let start = if index == 0 { from } else { 0 };
            line.chars().take(end).skip(start).collect::<String>()
        });
        Some(cut.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
    }

    /// Returns `true` if there is room for one more key.
    pub fn has_room(&self) -> bool {
        let line = self.lines().get(self.text.area.cursor().0).map_or(0, String::len);
        self.text.large.is_none() && self.lines().len() < MOST_LINES && line < LONGEST_LINE
    }

    /// Handles a key: types, deletes, moves. Returns whether the text was changed.
    pub fn input(&mut self, input: Input) -> bool {
        let Input { key, ctrl, alt, .. } = input;
        match key {
            Key::Char('u') if ctrl && !alt => return self.undo(),
            Key::Char('r') if ctrl && !alt => return self.redo(),
            Key::Enter | Key::Char('\n' | '\r') if self.is_line => return false,
            Key::Char('m') if ctrl && self.is_line => return false,
            _ => {}
        }
        let inserts = match key {
            Key::Enter => true,
            Key::Char('m' | 'y') if ctrl => true,
            Key::Char(_) | Key::Tab => !ctrl && !alt,
            _ => false,
        };
        self.change(inserts, |area| area.input(input))
    }

    /// Inserts `text` at the cursor, replacing the selection.
    pub fn insert(&mut self, text: &str) {
        if self.is_line {
            let text = one_line(text);
            self.change(true, |area| area.insert_str(text));
            return;
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let lines: Vec<&str> = text.split('\n').collect();
        let all = self.lines().len() + lines.len();
        let widest = self.lines().get(self.text.area.cursor().0).map_or(0, String::len);
        if all <= MOST_LINES && lines.iter().all(|line| line.len() + widest <= LONGEST_LINE) {
            self.change(true, |area| area.insert_str(text));
            return;
        }
        // Too large for the text area: insert it into the text directly.
        let here = (self.text.area.cursor().0, self.text.area.cursor().1);
        let (from, to) = self.text.area.selection_range().unwrap_or((here, here));
        let before = self.lines().iter().take(from.0).cloned();
        let head: String = self
            .lines()
            .get(from.0)
            .into_iter()
            .flat_map(|line| line.chars().take(from.1))
            .collect();
        let tail: String =
            self.lines().get(to.0).into_iter().flat_map(|line| line.chars().skip(to.1)).collect();
        let after = self.lines().iter().skip(to.0 + 1).cloned();
        let whole: Vec<String> =
            before.chain([format!("{head}{text}{tail}")]).chain(after).collect();
        self.replace(&whole.join("\n"));
    }

    /// Replaces the whole text with `text`.
    pub fn replace(&mut self, text: &str) {
        let after = if self.is_line { Text::line(text) } else { Text::new(text) };
        let before = std::mem::replace(&mut self.text, after);
        self.note(Step::Text(Box::new(before)));
    }

    /// Undoes the last change. Returns whether there was one.
    pub fn undo(&mut self) -> bool {
        let Some(step) = self.done.pop() else { return false };
        let step = self.text.turn(step, TextArea::undo);
        self.undone.push(step);
        true
    }

    /// Redoes the change that was undone last. Returns whether there was one.
    pub fn redo(&mut self) -> bool {
        let Some(step) = self.undone.pop() else { return false };
        let step = self.text.turn(step, TextArea::redo);
        self.done.push(step);
        true
    }

    /// Selects the whole text, so that the next input replaces it.
    pub fn select_all(&mut self) {
        self.text.area.select_all();
    }

    /// Clears the selection.
    pub fn cancel_selection(&mut self) {
        self.text.area.cancel_selection();
    }

    /// Moves the cursor.
    pub fn move_cursor(&mut self, to: CursorMove) {
        self.text.area.move_cursor(to);
    }

    /// Scrolls by this many rows.
    pub fn scroll(&mut self, rows: i16) {
        self.text.area.scroll(Scrolling::Delta { rows, cols: 0 });
    }

    /// Changes the text area as one step. If `work` inserts, the selection is deleted first.
    fn change(&mut self, inserts: bool, work: impl FnOnce(&mut TextArea<'static>) -> bool) -> bool {
        let area = &mut self.text.area;
        let is_selected = inserts && area.selection_range().is_some_and(|(from, to)| from != to);
        // With a selection, only the selection is deleted.
        let deleted = is_selected && area.delete_char();
        let edits = usize::from(deleted) + usize::from(work(area));
        if edits > 0 {
            self.note(Step::Edits(edits));
        }
        edits > 0
    }

    /// Records a step for undo. Drops the oldest steps first, each as a whole.
    fn note(&mut self, step: Step) {
        self.undone.clear();
        self.done.push(step);
        let (mut edits, mut texts) = (0, 0);
        let is_kept = |step: &Step| {
            match step {
                Step::Edits(count) => edits += count,
                Step::Text(_) => texts += 1,
            }
            edits <= MAX_EDITS && texts <= MOST_TEXTS
        };
        let kept = self.done.iter().rev().map(is_kept).take_while(|is_kept| *is_kept).count();
        self.done.drain(..self.done.len() - kept);
    }
}

impl Text {
    fn new(text: &str) -> Self {
        let lines: Vec<String> =
            text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect();
        if lines.len() <= MOST_LINES && lines.iter().all(|line| line.len() <= LONGEST_LINE) {
            let mut text = Self::of(lines);
            text.area.set_line_number_style(Style::new());
            text
        } else {
            Self { large: Some(text.to_owned()), ..Self::of(Vec::new()) }
        }
    }

    fn line(text: &str) -> Self {
        let mut text = Self::of(vec![one_line(text)]);
        text.area.move_cursor(CursorMove::End);
        text
    }

    fn of(lines: Vec<String>) -> Self {
        let mut area = TextArea::new(lines);
        // Colours belong to the view: only modifiers are set here, and the view paints over them.
        area.set_cursor_line_style(Style::new());
        area.set_cursor_style(Style::new().add_modifier(Modifier::REVERSED));
        area.set_selection_style(Style::new().add_modifier(Modifier::REVERSED));
        area.set_tab_length(2);
        area.set_max_histories(MAX_EDITS);
        Self { area, large: None }
    }

    /// Undoes or redoes `step`, and returns the opposite step.
    fn turn(&mut self, step: Step, edit: fn(&mut TextArea<'static>) -> bool) -> Step {
        match step {
            Step::Edits(count) => {
                for _ in 0..count {
                    edit(&mut self.area);
                }
                step
            }
            Step::Text(mut other) => {
                std::mem::swap(self, &mut other);
                Step::Text(other)
            }
        }
    }
}

impl From<key::Key> for Input {
    fn from(pressed: key::Key) -> Self {
        use key::KeyCode as Code;
        let key = match pressed.code {
            Code::Char(character) => Key::Char(character),
            Code::Enter => Key::Enter,
            Code::Esc => Key::Esc,
            Code::Tab => Key::Tab,
            Code::Backspace => Key::Backspace,
            Code::Delete => Key::Delete,
            Code::Up => Key::Up,
            Code::Down => Key::Down,
            Code::Left => Key::Left,
            Code::Right => Key::Right,
            Code::Home => Key::Home,
            Code::End => Key::End,
            Code::PageUp => Key::PageUp,
            Code::PageDown => Key::PageDown,
            Code::F(number) => Key::F(number),
            Code::Insert => Key::Null,
        };
        Self { key, ctrl: pressed.ctrl, alt: pressed.alt, shift: pressed.shift }
    }
}

fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(editor: &mut Editor, script: &str) {
        for key in crate::tui::state::Key::script(script).unwrap() {
            editor.input(key.into());
        }
    }

    fn all_undone(mut editor: Editor) -> (usize, String) {
        let mut steps = 0;
        while editor.undo() {
            steps += 1;
        }
        (steps, editor.text())
    }

    #[test]
    fn undo_never_goes_past_what_was_loaded() {
        assert_eq!(all_undone(Editor::new("{\n}")), (0, "{\n}".into()));
        assert_eq!(all_undone(Editor::line("256")), (0, "256".into()));
        let mut editor = Editor::new("{\n}");
        press(&mut editor, "a<backspace><enter>b");
        assert_eq!(all_undone(editor), (4, "{\n}".into()));
    }

    #[test]
    fn what_takes_the_place_of_something_is_one_step() {
        let replaced: [fn(&mut Editor); 6] = [
            |editor| editor.replace("[1]"),
            |editor| editor.replace(&"x".repeat(LONGEST_LINE + 1)),
            |editor| editor.insert("[1,\n2]"),
            |editor| editor.insert(&"x".repeat(LONGEST_LINE + 1)),
            |editor| press(editor, "z"),
            |editor| press(editor, "<backspace>"),
        ];
        for (index, replace) in replaced.into_iter().enumerate() {
            let mut editor = Editor::new("{\n\"a\": 1}");
            editor.select_all();
            replace(&mut editor);
            let after = editor.text();
            assert!(!after.contains('a'), "{index}");
            assert!(editor.undo());
            assert_eq!(editor.text(), "{\n\"a\": 1}", "{index}");
            assert!(editor.redo());
            assert_eq!(editor.text(), after, "{index}");
            assert_eq!(all_undone(editor), (1, "{\n\"a\": 1}".into()), "{index}");
        }
    }

    #[test]
    fn a_large_paste_stands_where_a_small_one_would() {
        let large = "x".repeat(LONGEST_LINE + 1);
        let mut editor = Editor::new("ab\ncd\nef");
        editor.move_cursor(CursorMove::Jump(0, 1));
        press(&mut editor, "<shift-down>");
        editor.insert(&large);
        assert_eq!(editor.text(), format!("a{large}d\nef"));
        assert_eq!(all_undone(editor), (1, "ab\ncd\nef".into()));
    }

    #[test]
    fn what_was_undone_is_gone_once_something_else_is_done() {
        let mut editor = Editor::new("");
        press(&mut editor, "1");
        assert!(editor.undo());
        editor.replace("2");
        assert!(editor.undo() && !editor.undo());
        assert!(editor.redo() && !editor.redo());
        assert_eq!(editor.text(), "2", "not the 1 that was undone before");
    }

    #[test]
    fn the_oldest_steps_are_forgotten_whole() {
        let mut editor = Editor::new("loaded");
        for _ in 0..MAX_EDITS {
            editor.select_all();
            press(&mut editor, "x");
        }
        let (steps, text) = all_undone(editor);
        assert_eq!((steps, text.as_str()), (MAX_EDITS / 2, "x"), "never the empty text in between");
    }

    #[test]
    fn a_line_stays_one() {
        let mut editor = Editor::line("a");
        press(&mut editor, "<alt-enter><enter><ctrl-m>b");
        editor.insert("c\r\nd\ne");
        assert_eq!(editor.text(), "abc d e");
    }

    #[test]
    fn any_keys_can_be_undone_to_the_beginning_and_redone() {
        let keys = [
            "a",
            "é",
            "<enter>",
            "<tab>",
            "<backspace>",
            "<delete>",
            "<left>",
            "<up>",
            "<shift-left>",
            "<shift-up>",
            "<ctrl-w>",
            "<ctrl-k>",
            "<ctrl-j>",
            "<ctrl-x>",
            "<ctrl-y>",
            "<alt-d>",
            "<ctrl-a>",
            "<ctrl-e>",
            "日",
        ];
        let mut random = 7_u32;
        for begin in ["", "one\ntwo", "{\"né\": 1}\n"] {
            let mut editor = Editor::new(begin);
            let mut states = vec![editor.text()];
            for _ in 0..300 {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                press(&mut editor, keys[(random >> 16) as usize % keys.len()]);
                if states.last() != Some(&editor.text()) {
                    states.push(editor.text());
                }
            }
            let end = editor.text();
            let mut back = vec![end.clone()];
            while editor.undo() {
                if back.last() != Some(&editor.text()) {
                    back.push(editor.text());
                }
            }
            back.reverse();
            assert_eq!(back, states);
            while editor.redo() {}
            assert_eq!(editor.text(), end);
        }
    }
}
