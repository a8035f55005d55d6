//! The pane of the tabs: its frame with the tabs' titles, its scroll bar, and the shown tab.

use ratatui::{
    Frame,
    layout::{Margin, Rect},
    text::{Line, Span},
};

use crate::tui::{
    message::Action,
    state::{Context, Focus, State, Tab, Target},
    theme::Theme,
    view::{
        areas::Areas,
        build,
        functions::frame_of,
        invoke::{payload, response},
        logs,
        settings::overview,
        stats,
        text::{columns, line_columns, put, put_line, window},
    },
};

pub(crate) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let has_focus = state.focus != Focus::Functions && state.overlay.is_none();
    frame.render_widget(frame_of("", has_focus, theme), area);
    areas.put(area, Target::Pane);
    titles(state, theme, frame, area, areas);
    let inner = area.inner(Margin::new(1, 1));
    areas.viewport.columns = inner.width;
    match state.tab {
        Tab::Payload => payload::draw(state, theme, frame, inner, areas),
        Tab::Response => response::draw(state, theme, frame, inner, areas),
        Tab::Logs => logs::draw(state, theme, frame, inner, areas),
        Tab::Metrics => stats::draw(state, theme, frame, inner, areas),
        Tab::Build => build::draw(state, theme, frame, inner, areas),
        Tab::Settings => overview::draw(state, theme, frame, inner, areas),
    }
}

/// Splits a pane into its first row, which describes the content, and the content.
pub(crate) fn split(area: Rect) -> (Rect, Rect) {
    let first = Rect { height: area.height.min(1), ..area };
    let rest = Rect { y: area.y + first.height, height: area.height - first.height, ..area };
    (first, rest)
}

/// Draws lines that only scroll, from `top` on, and records their number.
pub(crate) fn scrolled(
    frame: &mut Frame,
    theme: &Theme,
    area: Rect,
    lines: &[Line<'_>],
    top: usize,
    areas: &mut Areas,
) {
    areas.viewport.rows = area.height;
    areas.viewport.lines = lines.len();
    let top = top.min(lines.len().saturating_sub(usize::from(area.height)));
    for (line, y) in lines.iter().skip(top).zip(area.y..area.bottom()) {
        put_line(frame.buffer_mut(), (area.x, y), line, area.width);
    }
    scroll_bar(frame, theme, area, top, lines.len());
}

/// Draws a scroll bar on the frame right of `area`, for the visible part of `count` lines.
pub(crate) fn scroll_bar(frame: &mut Frame, theme: &Theme, area: Rect, top: usize, count: usize) {
    let rows = usize::from(area.height);
    if count <= rows || rows == 0 {
        return;
    }
    let length = (rows * rows / count).max(1);
    let from = (top * (rows - length)).div_ceil((count - rows).max(1)).min(rows - length);
    for row in from..from + length {
        put(frame.buffer_mut(), (area.right(), area.y + row as u16), "█", 1, theme.dim);
    }
}

/// Draws the line that an empty pane has in the place of its content.
pub(crate) fn put_empty(frame: &mut Frame, area: Rect, theme: &Theme, text: &str) {
    let width = usize::from(area.width.saturating_sub(1));
    put(frame.buffer_mut(), (area.x + 1, area.y), text, width, theme.dim);
}

/// Draws `text` on the left and `right` on the right of a row; the right one is left out if there
/// is not enough space.
pub(crate) fn info(frame: &mut Frame, area: Rect, left: &Line<'_>, right: &Line<'_>) {
    if area.height == 0 {
        return;
    }
    let room = usize::from(area.width);
    let pieces = |line: &Line<'_>| -> Vec<(String, ratatui::style::Style)> {
        line.spans
            .iter()
            .map(|span| (span.content.to_string(), line.style.patch(span.style)))
            .collect()
    };
    let left = pieces(left);
    let shown = window(left.iter().map(|(text, style)| (text.as_str(), *style)), 0, room);
    let used = line_columns(&shown);
    put_line(frame.buffer_mut(), (area.x, area.y), &shown, area.width);
    let width = line_columns(right);
    if width > 0 && used + 1 + width <= room {
        put_line(frame.buffer_mut(), (area.right() - width as u16, area.y), right, width as u16);
    }
}

/// Draws the tabs' titles, each after its key, in the frame's first row.
fn titles(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let key = |tab: Tab| {
        let action = match tab {
            Tab::Payload => Action::ShowPayload,
            Tab::Response => Action::ShowResponse,
            Tab::Logs => Action::ShowLogs,
            Tab::Metrics => Action::ShowMetrics,
            Tab::Build => Action::ShowBuild,
            Tab::Settings => Action::ShowSettings,
        };
        state.key_of(Context::Global, action).unwrap_or_default().to_owned()
    };
    let form = |tab: Tab| match key(tab) {
        key if key.is_empty() => tab.title().to_owned(),
        key => format!("{key} {}", tab.title()),
    };
    let mut x = area.x + 1;
    for tab in Tab::ALL {
        let title = form(tab);
        let cells = columns(&title) as u16 + 2;
        if x + cells >= area.right() {
            break;
        }
        let style = if tab == state.tab { theme.tab } else { theme.dim };
        let line = Line::from(vec![Span::raw(" "), Span::styled(title, style), Span::raw(" ")]);
        put_line(frame.buffer_mut(), (x, area.y), &line, cells);
        areas.put(Rect { x, y: area.y, width: cells, height: 1 }, Target::Tab(tab));
        x += cells;
    }
}
