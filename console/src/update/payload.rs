//! The payload editor, and keys and pastes that are text.

use ratatui_textarea::{CursorMove, Input, Key as EditorKey};

use super::{overlay, show};
use crate::{
    message::{Action, Effect, EventFile, Failure, Key, KeyCode},
    state::{Card, Check, Focus, Notice, Overlay, State, Tab, json},
};

/// Gives a key that is not bound to the text that has the focus.
pub(super) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    match &mut state.overlay {
        Some(Overlay::Choose(choose)) => {
            if choose.input.input(input(key)) {
                overlay::typed(state);
            }
            return Vec::new();
        }
        Some(Overlay::Line(line)) => {
            if line.input.input(input(key)) {
                overlay::typed(state);
            }
            return Vec::new();
        }
        Some(Overlay::Plan(plan)) => {
            plan.typed.input(input(key));
            return Vec::new();
        }
        Some(Overlay::Help(_) | Overlay::Versions(_) | Overlay::Login) => return Vec::new(),
        None => {}
    }
    if state.focus != Focus::Edit {
        return Vec::new();
    }
    let Some(card) = state.functions.current_mut() else { return Vec::new() };
    let removes = matches!(key.code, KeyCode::Backspace | KeyCode::Delete);
    let types = matches!(key.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab) && !key.ctrl && !key.alt;
    if types && !removes && !card.draft.has_room() {
        state.tell(Notice::plain("the payload is too large for this editor", "open it in `$EDITOR`"));
        return Vec::new();
    }
    if card.draft.editor.input(input(key)) {
        card.draft.touched();
    }
    Vec::new()
}

fn input(key: Key) -> Input {
    let code = match key.code {
        KeyCode::Char(character) => EditorKey::Char(character),
        KeyCode::Enter => EditorKey::Enter,
        KeyCode::Esc => EditorKey::Esc,
        KeyCode::Tab => EditorKey::Tab,
        KeyCode::Backspace => EditorKey::Backspace,
        KeyCode::Delete => EditorKey::Delete,
        KeyCode::Up => EditorKey::Up,
        KeyCode::Down => EditorKey::Down,
        KeyCode::Left => EditorKey::Left,
        KeyCode::Right => EditorKey::Right,
        KeyCode::Home => EditorKey::Home,
        KeyCode::End => EditorKey::End,
        KeyCode::PageUp => EditorKey::PageUp,
        KeyCode::PageDown => EditorKey::PageDown,
        KeyCode::F(number) => EditorKey::F(number),
        KeyCode::Insert => EditorKey::Null,
    };
    Input { key: code, ctrl: key.ctrl, alt: key.alt, shift: key.shift }
}

/// Inserts pasted text where text is typed; elsewhere it is no command.
pub(super) fn paste(state: &mut State, text: &str) {
    let one_line = || text.replace(['\r', '\n'], " ");
    match &mut state.overlay {
        Some(Overlay::Choose(choose)) => {
            choose.input.insert_str(one_line());
            overlay::typed(state);
        }
        Some(Overlay::Line(line)) => {
            line.input.insert_str(one_line());
            overlay::typed(state);
        }
        Some(Overlay::Plan(plan)) if plan.is_open() => {
            plan.typed.insert_str(one_line());
        }
        Some(Overlay::Help(_) | Overlay::Plan(_) | Overlay::Versions(_) | Overlay::Login) => {}
        None if state.focus == Focus::Edit => {
            let Some(card) = state.functions.current_mut() else { return };
            card.draft.paste(text);
            if card.draft.large.is_some() {
                state.focus = Focus::Tab;
                state.tell(Notice::plain("the payload is too large for this editor", "open it in `$EDITOR`"));
            }
        }
        None => state.tell(Notice::plain("pasted text goes into the payload", "edit it first")),
    }
}

/// Puts the cursor where the mouse points, and begins to type.
pub(super) fn click(state: &mut State, row: u16, column: u16) -> Vec<Effect> {
    let effects = edit(state);
    if state.focus == Focus::Edit
        && let Some(card) = state.functions.current_mut()
    {
        let editor = &mut card.draft.editor;
        let (top, left) = editor.scroll_offset();
        let column = (column + left).saturating_sub(editor.line_number_width());
        let place = editor.screen_to_data(usize::from(row + top), usize::from(column));
        editor.cancel_selection();
        editor.move_cursor(CursorMove::Jump(place.0 as u16, place.1 as u16));
        return Vec::new();
    }
    effects
}

/// Begins to type; a payload that is too large for that goes to `$EDITOR`.
pub(super) fn edit(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return none_selected(state) };
    if card.draft.large.is_some() {
        return open_editor(state);
    }
    show(state, Tab::Payload);
    state.focus = Focus::Edit;
    Vec::new()
}

/// Ends typing. What was typed is kept.
pub(super) fn leave(state: &mut State) -> Vec<Effect> {
    state.focus = Focus::Tab;
    let Some(card) = state.functions.current_mut() else { return Vec::new() };
    card.draft.editor.cancel_selection();
    if card.draft.changed { vec![save(card)] } else { Vec::new() }
}

fn save(card: &Card) -> Effect {
    Effect::SaveDraft { function: card.function.name.clone(), text: card.draft.text() }
}

fn none_selected(state: &mut State) -> Vec<Effect> {
    state.tell(Notice::plain("no function is selected", ""));
    Vec::new()
}

pub(super) fn open_editor(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return none_selected(state) };
    vec![Effect::Edit { function: card.function.name.clone(), text: card.draft.text() }]
}

pub(super) fn edited(state: &mut State, function: &str, result: Result<String, Failure>) -> Vec<Effect> {
    let text = match result {
        Ok(text) => text,
        Err(failure) => {
            state.tell(Notice::of(&failure));
            return Vec::new();
        }
    };
    let Some(card) = state.functions.get_mut(function) else {
        state.drafts.insert(function.to_owned(), text.clone());
        return vec![Effect::SaveDraft { function: function.to_owned(), text }];
    };
    let before = card.draft.text();
    // Editors end the last line; that alone is no change.
    let text = if before.ends_with('\n') { text } else { text.strip_suffix('\n').unwrap_or(&text).to_owned() };
    if text == before {
        return Vec::new();
    }
    card.draft.replace(&text);
    card.draft.changed = true;
    vec![save(card)]
}

/// Lays the JSON out, or says where it is none.
pub(super) fn format(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current_mut() else { return none_selected(state) };
    match &card.draft.check {
        Check::Empty => Vec::new(),
        Check::Json => {
            let text = card.draft.text();
            let formatted = json::format(&text);
            if formatted == text {
                return Vec::new();
            }
            card.draft.replace(&formatted);
            card.draft.changed = true;
            vec![save(card)]
        }
        Check::Broken(error) => {
            let (row, column) = (error.line - 1, error.column - 1);
            let place = format!("not JSON: {} at line {}, column {}", error.message, error.line, error.column);
            card.draft.editor.move_cursor(CursorMove::Jump(row as u16, column as u16));
            state.tell(Notice { mood: crate::state::Mood::Bad, text: place, hint: String::new() });
            Vec::new()
        }
    }
}

/// Undo, redo, select all.
pub(super) fn change(state: &mut State, action: Action) {
    let Some(card) = state.functions.current_mut() else { return };
    let editor = &mut card.draft.editor;
    let changed = match action {
        Action::Undo => editor.undo(),
        Action::Redo => editor.redo(),
        _ => {
            editor.select_all();
            false
        }
    };
    if changed {
        card.draft.touched();
    }
}

/// The selected text of the payload, or all of it.
pub(super) fn selection(state: &State) -> Option<String> {
    let draft = &state.functions.current()?.draft;
    Some(draft.selection().unwrap_or_else(|| draft.text()))
}

/// Asks for an event file that the user chose.
pub(super) fn choose_event(state: &mut State, name: &str) -> Vec<Effect> {
    let Some(card) = state.functions.current_mut() else { return Vec::new() };
    let Some(file) = card.function.events.iter().find(|file| file.name == name).cloned() else { return Vec::new() };
    card.asked_event = Some(name.to_owned());
    vec![Effect::ReadEvent { function: card.function.name.clone(), file }]
}

/// Asks for the first event file of a function that has no payload yet.
pub(super) fn first_event(card: &Card) -> Option<Effect> {
    let file = card.function.events.first().filter(|_| card.draft.check == Check::Empty && !card.draft.changed)?;
    Some(Effect::ReadEvent { function: card.function.name.clone(), file: file.clone() })
}

pub(super) fn event_read(
    state: &mut State,
    function: &str,
    file: &EventFile,
    result: Result<String, Failure>,
) -> Vec<Effect> {
    let Some(card) = state.functions.get_mut(function) else { return Vec::new() };
    let is_asked = card.asked_event.as_deref() == Some(&file.name);
    // A file that nobody asked for never takes the place of what was typed.
    if !is_asked && (card.draft.changed || card.draft.check != Check::Empty) {
        return Vec::new();
    }
    card.asked_event = None;
    match result {
        Ok(text) => {
            card.draft.replace(text.strip_suffix('\n').unwrap_or(&text));
            card.draft.source = Some(file.name.clone());
            card.draft.changed = false;
            if !is_asked {
                return Vec::new();
            }
            let effects = vec![save(card)];
            show(state, Tab::Payload);
            effects
        }
        Err(failure) => {
            state.tell(Notice::of(&failure));
            Vec::new()
        }
    }
}

/// Takes the payloads of earlier runs in; what was typed meanwhile stays.
pub(super) fn drafts(state: &mut State, drafts: Vec<(String, String)>) {
    for (name, text) in drafts {
        match state.functions.get_mut(&name) {
            Some(card) if card.draft.changed => {}
            Some(card) => {
                card.draft.replace(&text);
                card.draft.source = None;
            }
            None => {
                state.drafts.insert(name, text);
            }
        }
    }
}
