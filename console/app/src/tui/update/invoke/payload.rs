//! The payload editor, and keys and pastes that are text.

use lambda_console_model::{EventFile, Failure, json};
use ratatui_textarea::CursorMove;

use crate::tui::{
    message::{Action, Effect},
    state::{
        Card, Check, Context, Draft, Editor, Focus, Key, KeyCode, Mood, Notice, Overlay, State, Tab,
    },
    update::{logs, overlay, show, verb},
};

/// Sends a key that is not bound to the focused text.
pub(crate) fn key(state: &mut State, key: Key) -> Vec<Effect> {
    if let Some(overlay) = &mut state.overlay {
        if overlay.editor_mut().is_some_and(|editor| editor.input(key.into())) {
            overlay::typed(state);
        }
        return Vec::new();
    }
    if state.focus != Focus::Edit {
        not_bound(state, key);
        return Vec::new();
    }
    let Some(card) = state.functions.current_mut() else { return Vec::new() };
    let types = matches!(key.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab)
        && !key.ctrl
        && !key.alt;
    if types && !card.draft.editor.has_room() {
        too_large(state);
        return Vec::new();
    }
    if card.draft.editor.input(key.into()) {
        card.draft.touched();
    }
    Vec::new()
}

/// Shows the alternatives for a keyboard without Latin letters.
fn not_bound(state: &mut State, key: Key) {
    let named = |action: Action| state.plain_key_of(action);
    let help = named(Action::Help).map(|key| format!("{key} shows all keys"));
    let palette = named(Action::Palette).map(|key| format!("{key} opens the command palette"));
    let hint: Vec<String> = help.into_iter().chain(palette).collect();
    state.notify(Notice::plain(format!("{key} is not bound"), hint.join(", ")));
}

fn too_large(state: &mut State) {
    state.notify(Notice::plain("the payload is too large to edit here", "open it in `$EDITOR`"));
}

/// Inserts pasted text where text is typed; elsewhere it is ignored, never run as commands.
pub(crate) fn paste(state: &mut State, text: &str) {
    if let Some(overlay) = &mut state.overlay {
        let is_read = matches!(overlay, Overlay::Plan(_)) && state.context() != Context::Confirm;
        if !is_read && let Some(editor) = state.overlay.as_mut().and_then(Overlay::editor_mut) {
            editor.insert(text);
            overlay::typed(state);
        }
        return;
    }
    if state.focus != Focus::Edit {
        let key = state.key_of(Context::Functions, Action::Edit).unwrap_or("edit");
        state.notify(Notice::plain(format!("press {key} to paste into the payload"), ""));
        return;
    }
    let Some(card) = state.functions.current_mut() else { return };
    card.draft.editor.insert(text);
    card.draft.touched();
    if card.draft.editor.large().is_some() {
        state.focus = Focus::Tab;
        too_large(state);
    }
}

/// Moves the cursor to the mouse position, and starts typing.
pub(crate) fn click(state: &mut State, row: u16, column: u16) -> Vec<Effect> {
    let effects = edit(state);
    if state.focus == Focus::Edit
        && let Some(card) = state.functions.current_mut()
    {
        let editor = &mut card.draft.editor;
        let (top, left) = editor.area().scroll_offset();
        let column = (column + left).saturating_sub(editor.area().line_number_width());
        let place = editor.area().screen_to_data(usize::from(row + top), usize::from(column));
        editor.cancel_selection();
        editor.move_cursor(CursorMove::Jump(place.0 as u16, place.1 as u16));
        return Vec::new();
    }
    effects
}

/// Starts typing; a payload that is too large for the editor is opened in `$EDITOR`.
pub(crate) fn edit(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return verb::none_selected(state) };
    if card.draft.editor.large().is_some() {
        return open_editor(state);
    }
    show(state, Tab::Payload);
    state.focus = Focus::Edit;
    Vec::new()
}

/// Stops typing. The text is kept.
pub(crate) fn leave(state: &mut State) -> Vec<Effect> {
    state.focus = Focus::Tab;
    let Some(card) = state.functions.current_mut() else { return Vec::new() };
    card.draft.editor.cancel_selection();
    if card.draft.changed { vec![save(card)] } else { Vec::new() }
}

fn save(card: &Card) -> Effect {
    Effect::SaveDraft { function: card.function.name.clone(), text: card.draft.text() }
}

pub(crate) fn open_editor(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return verb::none_selected(state) };
    vec![Effect::Edit { function: card.function.name.clone(), text: card.draft.text() }]
}

pub(crate) fn edited(
    state: &mut State,
    function: &str,
    result: Result<String, Failure>,
) -> Vec<Effect> {
    let text = match result {
        Ok(text) => text,
        Err(failure) => {
            state.notify(Notice::of(&failure));
            return Vec::new();
        }
    };
    let Some(card) = state.functions.known_mut().find(|card| card.function.name == function) else {
        state.drafts.insert(function.to_owned(), text.clone());
        return vec![Effect::SaveDraft { function: function.to_owned(), text }];
    };
    let before = card.draft.text();
    // Editors end the last line with a line break; that alone is not a change.
    let text = if before.ends_with('\n') {
        text
    } else {
        text.strip_suffix('\n').unwrap_or(&text).to_owned()
    };
    if text == before {
        return Vec::new();
    }
    card.draft.replace(&text);
    vec![save(card)]
}

/// Formats the JSON, or reports where it is invalid.
pub(crate) fn format(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current_mut() else { return verb::none_selected(state) };
    match &card.draft.check {
        Check::Empty => Vec::new(),
        Check::Json => {
            let text = card.draft.text();
            let formatted = json::format(&text);
            if formatted == text {
                return Vec::new();
            }
            card.draft.replace(&formatted);
            vec![save(card)]
        }
        Check::Broken(error) => {
            let (row, column) = (error.line - 1, error.column - 1);
            let place = format!(
                "not JSON: {} at line {}, column {}",
                error.message, error.line, error.column
            );
            card.draft.editor.move_cursor(CursorMove::Jump(row as u16, column as u16));
            state.notify(Notice { mood: Mood::Bad, text: place, hint: String::new() });
            Vec::new()
        }
    }
}

/// Undo, redo, select all, in the focused text; in the logs, undo restores cleared lines.
pub(crate) fn change(state: &mut State, action: Action) -> Vec<Effect> {
    let work: fn(&mut Editor) -> bool = match action {
        Action::Undo => Editor::undo,
        Action::Redo => Editor::redo,
        _ => |editor| {
            editor.select_all();
            false
        },
    };
    if let Some(overlay) = &mut state.overlay {
        if overlay.editor_mut().is_some_and(work) {
            overlay::typed(state);
        }
        return Vec::new();
    }
    if action == Action::Undo && state.focus == Focus::Tab && state.tab == Tab::Logs {
        logs::restore_cleared(state);
        return Vec::new();
    }
    let Some(card) = state.functions.current_mut() else { return verb::none_selected(state) };
    if work(&mut card.draft.editor) {
        card.draft.touched();
    } else if action != Action::SelectAll {
        let what = if action == Action::Undo { "undo" } else { "redo" };
        state.notify(Notice::plain(format!("nothing to {what} in the payload"), ""));
    }
    Vec::new()
}

/// Returns the selected text of the payload, or all of it.
pub(crate) fn selection(state: &State) -> Option<String> {
    let draft = &state.functions.current()?.draft;
    Some(draft.editor.selection().unwrap_or_else(|| draft.text()))
}

/// Reads an event file that the user chose.
pub(crate) fn choose_event(state: &mut State, name: &str) -> Vec<Effect> {
    let Some(card) = state.functions.current_mut() else { return Vec::new() };
    let Some(file) = card.function.events.iter().find(|file| file.name == name).cloned() else {
        return Vec::new();
    };
    card.asked_event = Some(name.to_owned());
    vec![Effect::ReadEvent { function: card.function.name.clone(), file }]
}

/// Reads the first event file of a function that has no payload yet. Without one, the payload is an
/// empty object, as for the command.
pub(crate) fn first_event(card: &mut Card) -> Option<Effect> {
    if card.draft.check != Check::Empty || card.draft.changed {
        return None;
    }
    let Some(file) = card.function.events.first() else {
        card.draft.load(Draft::EMPTY, None);
        return None;
    };
    Some(Effect::ReadEvent { function: card.function.name.clone(), file: file.clone() })
}

pub(crate) fn event_read(
    state: &mut State,
    function: &str,
    file: &EventFile,
    result: Result<String, Failure>,
) -> Vec<Effect> {
    let Some(card) = state.functions.get_mut(function) else { return Vec::new() };
    let is_asked = card.asked_event.as_deref() == Some(&file.name);
    // A file that the user did not choose never replaces typed text.
    if !is_asked && (card.draft.changed || card.draft.check != Check::Empty) {
        return Vec::new();
    }
    card.asked_event = None;
    match result {
        Ok(text) => {
            let text = text.strip_suffix('\n').unwrap_or(&text);
            if !is_asked {
                card.draft.load(text, Some(file.name.clone()));
                return Vec::new();
            }
            card.draft.replace(text);
            card.draft.source = Some(file.name.clone());
            card.draft.changed = false;
            let effects = vec![save(card)];
            show(state, Tab::Payload);
            effects
        }
        Err(failure) => {
            state.notify(Notice::of(&failure));
            Vec::new()
        }
    }
}

/// Loads the payloads of earlier runs; text typed meanwhile is kept.
pub(crate) fn drafts(state: &mut State, drafts: Vec<(String, String)>) {
    for (name, text) in drafts {
        match state.functions.get_mut(&name) {
            Some(card) if card.draft.changed => {}
            Some(card) => card.draft.load(&text, None),
            None => {
                state.drafts.insert(name, text);
            }
        }
    }
}
