//! The payload editor, with JSON colours painted over it and the place of a syntax error.

use lambda_console_model::{
    InvokeMode,
    json::{Token, tokens},
    text::clusters,
};
use ratatui::{
    Frame,
    layout::Rect,
    style::{Modifier, Style},
    text::{Line, Span},
};

use crate::tui::{
    state::{Card, Check, Draft, Focus, State, Target},
    theme::Theme,
    view::{
        areas::Areas,
        frame::pane::{info, split},
        text::{bytes, field, fit, put, put_line, window},
    },
};

/// The editor's tab stops.
const TAB: usize = 2;

pub(crate) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let (first, area) = split(area);
    areas.viewport.rows = area.height;
    let Some(card) = state.functions.current() else { return };
    let draft = &card.draft;
    info(frame, first, &summary(state, theme, card), &verdict(theme, draft));
    if let Some(large) = draft.editor.large() {
        let note =
            format!("{}: too large to edit here, but it can be sent", bytes(large.len() as u64));
        put(frame.buffer_mut(), (area.x, area.y), note, usize::from(area.width), theme.warn);
        for (line, y) in large.lines().zip(area.y + 1..area.bottom()) {
            let line = window([(line, theme.text)], 0, usize::from(area.width));
            put_line(frame.buffer_mut(), (area.x, y), &line, area.width);
        }
        return;
    }
    let left = field(frame, area, draft.editor.area());
    areas.put(area, Target::Editor { row: 0, column: 0 });
    paint(state, theme, frame, area, draft, left);
}

/// Returns the source of the payload and the options of the invocation.
fn summary(state: &State, theme: &Theme, card: &Card) -> Line<'static> {
    let draft = &card.draft;
    let mut spans = Vec::new();
    match &draft.source {
        Some(name) => spans.push(Span::raw(format!("events/{name}.json"))),
        None => spans.push(Span::raw("unsaved payload")),
    }
    if draft.changed {
        spans.push(Span::styled(" ● changed", theme.warn));
    }
    match state.mode.of(&card.function.config) {
        InvokeMode::Sync => {}
        InvokeMode::Stream => spans.push(Span::styled("  response stream", theme.warn)),
        InvokeMode::Async => spans.push(Span::styled("  async", theme.warn)),
        InvokeMode::DryRun => spans.push(Span::styled("  dry run", theme.warn)),
    }
    if let Some(qualifier) = &state.stage().qualifier {
        spans.push(Span::styled(format!("  to {qualifier}"), theme.warn));
    }
    if let Some(tenant) = &state.stage().tenant {
        spans.push(Span::styled(format!("  tenant {}", fit(tenant, 20)), theme.warn));
    }
    if state.client_context.is_some() {
        spans.push(Span::styled("  client context", theme.warn));
    }
    if state.focus == Focus::Edit {
        spans.push(Span::styled("  editing", theme.key));
    }
    Line::from(spans)
}

fn verdict(theme: &Theme, draft: &Draft) -> Line<'static> {
    match &draft.check {
        Check::Empty => Line::styled("empty: {} is sent", theme.dim),
        Check::Json => Line::styled("valid JSON", theme.good),
        Check::Broken(error) => {
            Line::styled(format!("✗ {}:{} {}", error.line, error.column, error.message), theme.bad)
        }
    }
}

/// Returns the colour of a token.
pub(crate) fn colour(theme: &Theme, token: Token) -> Style {
    match token {
        Token::Key => theme.json_key,
        Token::String => theme.json_string,
        Token::Number => theme.json_number,
        Token::Word => theme.json_word,
        Token::Mark | Token::Space => theme.text,
        Token::Other => theme.bad,
    }
}

/// Colours the cells that the editor has drawn. The editor does not wrap lines, so its rows are
/// lines.
fn paint(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, draft: &Draft, left: usize) {
    let editor = draft.editor.area();
    let (top, _) = editor.scroll_offset();
    let gutter = usize::from(editor.line_number_width());
    let error = match &draft.check {
        Check::Broken(error) => Some(error),
        Check::Empty | Check::Json => None,
    };
    let buffer = frame.buffer_mut();
    if state.focus != Focus::Edit {
        // The cursor is only shown while typing.
        for position in area.positions() {
            buffer[position].modifier.remove(Modifier::REVERSED);
        }
    }
    for (row, y) in (usize::from(top)..).zip(area.y..area.bottom()) {
        let Some(line) = editor.lines().get(row) else { break };
        let broken = error.filter(|error| error.line == row + 1);
        let cells = |column: usize| -> Option<u16> {
            let x = column.checked_sub(left)?;
            (x < usize::from(area.width)).then(|| area.x + x as u16)
        };
        for column in 0..gutter {
            if let Some(x) = cells(column) {
                buffer[(x, y)].set_style(if broken.is_some() { theme.bad } else { theme.dim });
            }
        }
        if broken.is_some()
            && let Some(x) = cells(0)
        {
            buffer[(x, y)].set_symbol("✗");
        }
        let mut column = gutter;
        for (token, range) in tokens(line) {
            let style = colour(theme, token);
            for (cluster, columns) in clusters(line.get(range).unwrap_or_default()) {
                let columns = if cluster == "\t" { TAB - (column - gutter) % TAB } else { columns };
                for column in column..column + columns {
                    if let Some(x) = cells(column) {
                        let cell = &mut buffer[(x, y)];
                        let modifier = cell.modifier;
                        cell.set_style(style);
                        cell.modifier |= modifier;
                    }
                }
                column += columns;
            }
            if column > left + usize::from(area.width) {
                break;
            }
        }
        if let Some(error) = broken {
            let end = line.char_indices().nth(error.column - 1).map_or(line.len(), |(at, _)| at);
            let before: usize =
                clusters(line.get(..end).unwrap_or_default()).map(|(_, columns)| columns).sum();
            if let Some(x) = cells(gutter + before) {
                buffer[(x, y)].set_style(theme.bad.add_modifier(Modifier::UNDERLINED));
            }
        }
    }
}
