//! The settings that can be edited: values on the stage, edits, and values in the workspace. Values
//! of variables are masked unless they were revealed.

pub(super) mod overview;

use lambda_console_model::settings::{Revert, Row, Setting, revert};
use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::text::{columns, fit, line_columns, pad};
use crate::tui::{
    message::Action,
    state::{
        Card, Context, Focus, State,
        settings::{ConfigEditor, Live},
    },
    theme::Theme,
};

/// Placeholder for no value.
const NOTHING: &str = "–";

/// Returns the settings of `card` in lines of `width` columns:
/// [`HEAD`](crate::tui::state::settings::ConfigEditor::HEAD) of them above the first row.
pub(super) fn lines(state: &State, theme: &Theme, card: &Card, width: usize) -> Vec<Line<'static>> {
    let rows = editor(state, card).rows(&card.function.config);
    let mut lines = vec![header(state, theme, card)];
    let name = rows
        .iter()
        .map(|row| columns(&row.setting.to_string()))
        .max()
        .unwrap_or_default()
        .clamp(14, 28);
    let stage = width.saturating_sub(name + 4) * 11 / 20;
    let titles = format!("   {} {} workspace", pad("setting", name), pad("stage", stage));
    lines.push(Line::styled(titles, theme.dim));
    let has_keys = state.focus == Focus::Tab;
    let selected = editor(state, card).selected.min(rows.len().saturating_sub(1));
    for (index, row) in rows.iter().enumerate() {
        let is_selected = has_keys && index == selected;
        let mark = if is_selected { " ▸ " } else { "   " };
        let label = pad(&fit(&row.setting.to_string(), name), name);
        let (value, style) = on_stage(state, theme, card, row);
        let (note, note_style) = in_workspace(state, theme, card, row);
        let mut line = Line::from(vec![
            Span::styled(
                format!("{mark}{label} "),
                if is_selected { theme.text } else { theme.dim },
            ),
            Span::styled(format!("{} ", pad(&fit(&value, stage), stage)), style),
            Span::styled(note, note_style),
        ]);
        if is_selected {
            let room = width.saturating_sub(line_columns(&line));
            line.push_span(" ".repeat(room));
            for span in &mut line.spans {
                span.style = span.style.patch(theme.selected);
            }
        }
        lines.push(line);
    }
    lines
}

/// Returns the settings of a function on the active stage.
fn editor<'a>(state: &'a State, card: &Card) -> &'a ConfigEditor {
    &state.stage().function(&card.function.name).config
}

/// Returns the function's name, and the state of its settings.
fn header(state: &State, theme: &Theme, card: &Card) -> Line<'static> {
    let stage = &state.active;
    let title = Span::styled(format!(" {} on {stage}  ", card.function.name), theme.title);
    let key =
        |action: Action| state.key_of(Context::Settings, action).unwrap_or_default().to_owned();
    let status = match (&editor(state, card).live, editor(state, card).edits.len()) {
        (Live::Failed(failure), _) => Span::styled(format!("✗ {failure}"), theme.bad),
        (Live::Absent, _) => Span::styled("not deployed yet", theme.dim),
        (Live::Unknown, _) if editor(state, card).asking.is_none() => {
            Span::styled("unavailable", theme.dim)
        }
        (Live::Unknown, _) => Span::styled("reading …", theme.busy),
        (Live::Known(_), 0) => Span::raw(""),
        (Live::Known(_), 1) => {
            Span::styled(format!("1 edit, {} applies it", key(Action::ApplySettings)), theme.warn)
        }
        (Live::Known(_), count) => Span::styled(
            format!("{count} edits, {} applies them", key(Action::ApplySettings)),
            theme.warn,
        ),
    };
    Line::from(vec![title, status])
}

/// Returns `value` as it may be shown.
fn shown(state: &State, setting: &Setting, value: &str) -> String {
    match setting {
        Setting::Env(name) if state.revealed.names.contains(name) => value.to_owned(),
        Setting::LogGroup if value.is_empty() => "default".to_owned(),
        _ if value.is_empty() => NOTHING.to_owned(),
        setting => setting.shown(value.to_owned()),
    }
}

/// Returns the value on the stage, and its edit.
fn on_stage(state: &State, theme: &Theme, card: &Card, row: &Row) -> (String, Style) {
    let text = |value: Option<&str>| {
        value.map_or_else(|| NOTHING.to_owned(), |value| shown(state, &row.setting, value))
    };
    let from = text(row.stage.as_deref());
    match &row.edit {
        Some(Some(to)) => (format!("{from} → {}", text(Some(to.as_str()))), theme.warn),
        Some(None) => (format!("{from} → removed"), theme.warn),
        None => {
            let live = editor(state, card).known();
            let address =
                live.and_then(|live| live.url.as_deref()).filter(|_| row.setting == Setting::Url);
            let is_hidden =
                row.setting.is_variable() && live.is_some_and(|live| live.is_env_hidden);
            match address {
                Some(address) => (format!("{from}  {address}"), theme.text),
                None if is_hidden => ("no permission to read".to_owned(), theme.dim),
                None if row.stage.is_none() => (from, theme.dim),
                None => (from, theme.text),
            }
        }
    }
}

/// Returns the value in the workspace, and the effect of the next deploy on the stage.
fn in_workspace(state: &State, theme: &Theme, card: &Card, row: &Row) -> (String, Style) {
    let wanted = row.workspace.as_deref().map(|value| shown(state, &row.setting, value));
    let is_known = editor(state, card)
        .known()
        .is_some_and(|live| !(live.is_env_hidden && row.setting.is_variable()));
    let reverted = revert(&card.function.config, &row.setting, row.value()).filter(|_| is_known);
    match (reverted, wanted) {
        (None, None) => (NOTHING.to_owned(), theme.dim),
        (None, Some(wanted)) => (wanted, theme.text),
        (Some(Revert::Removed), _) => ("the next deploy removes it".to_owned(), theme.warn),
        (Some(Revert::To(_)), wanted) => {
            let wanted = wanted.unwrap_or_default();
            let text = if row.edit.is_some() {
                format!("{wanted} after deploy")
            } else {
                format!("≠ {wanted}")
            };
            (text, theme.warn)
        }
    }
}

/// Returns warnings about edits of `card` that the next deploy reverts.
pub(super) fn warnings(state: &State, card: &Card) -> Vec<String> {
    let edits = editor(state, card).edits.iter();
    let warning = |(setting, value): (&Setting, &Option<String>)| {
        Some(format!(
            "the next deploy {}",
            revert(&card.function.config, setting, value.as_deref())?.of(setting)
        ))
    };
    edits.filter_map(warning).collect()
}

/// Returns the prompt of the line for a value.
pub(super) fn prompt(setting: &Setting) -> String {
    format!("{setting} ({}): ", setting.expects())
}
