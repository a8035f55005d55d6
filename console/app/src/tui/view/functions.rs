//! The function list: name, build, zip, deployment, last duration.

use lambda_console_model::FailureKind;
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, BorderType},
};

use super::{
    areas::Areas,
    frame::header::spinner,
    text::{age, bytes, columns, duration, fit, pad, pad_left, put, put_line, wrap},
};
use crate::tui::{
    message::Action,
    state::{Card, Connection, Context, Deployment, Focus, State, Target, WorkspaceState},
    task::Task,
    theme::Theme,
};

/// Widths of the columns after the name.
const BUILT: usize = 8;
const ZIP: usize = 5;
const STATE: usize = 8;
const LAST: usize = 7;
/// Maximum number of columns of a frame's title.
const TITLE: usize = 200;

pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let has_focus = state.focus == Focus::Functions && state.overlay.is_none();
    let mut title = "Functions".to_owned();
    if !state.functions.filter.is_empty() {
        title = format!("Functions /{}", fit(&state.functions.filter, 20));
    }
    let block = frame_of(&title, has_focus, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    areas.put(area, Target::Functions);
    areas.viewport.functions = inner.height.saturating_sub(1);

    if state.functions.cards.is_empty() {
        empty_state(state, theme, frame, inner);
        return;
    }
    let width = usize::from(inner.width);
    let fitted = Fitted::of(state, width);
    let heading = fitted.line(
        ["name", "built", "zip", &state.active, "last"].map(|text| Span::raw(text.to_owned())),
    );
    put_line(frame.buffer_mut(), (inner.x, inner.y), &heading.style(theme.dim), inner.width);

    let rows = usize::from(inner.height.saturating_sub(1));
    let position = state.functions.position().unwrap_or(0);
    // The selected row is always visible.
    let top = (position + 1).saturating_sub(rows);
    let shown = state.functions.shown().enumerate().skip(top).take(rows);
    for ((index, card), y) in shown.zip(inner.y + 1..) {
        let line = fitted.line(cells(state, theme, card));
        let area = Rect { y, height: 1, ..inner };
        areas.put(area, Target::Function(index));
        let buffer = frame.buffer_mut();
        put_line(buffer, (inner.x, y), &line, inner.width);
        if Some(card.function.name.as_str()) == state.functions.selected() {
            buffer.set_style(area, theme.selected);
            put(buffer, (inner.x, y), "▸", 1, theme.selected);
        }
    }
    if state.functions.shown().next().is_none() {
        let back = state.key_of(Context::Functions, Action::Back).unwrap_or("back");
        let text = format!(
            "  no function matches `{}`, {back} clears the filter",
            fit(&state.functions.filter, 20)
        );
        put(frame.buffer_mut(), (inner.x, inner.y + 1), fit(&text, width), width, theme.dim);
    }
}

/// Returns the frame of a pane; the focused one has thick lines.
pub(super) fn frame_of<'a>(title: &str, has_focus: bool, theme: &Theme) -> Block<'a> {
    let (kind, style) = if has_focus {
        (BorderType::Thick, theme.focused)
    } else {
        (BorderType::Plain, theme.border)
    };
    let block = Block::bordered().border_type(kind).border_style(style);
    if title.is_empty() {
        block
    } else {
        block.title(Span::styled(format!(" {} ", fit(title, TITLE)), theme.title))
    }
}

/// Columns that fit beside the names.
struct Fitted {
    name: usize,
    zip: bool,
    last: bool,
}

impl Fitted {
    /// Names come first: the last duration is left out for them, then the zip's size.
    fn of(state: &State, width: usize) -> Self {
        let longest = state
            .functions
            .shown()
            .map(|card| columns(&card.function.name))
            .max()
            .unwrap_or(0)
            .max(8);
        let min_width = 2 + BUILT + 1 + STATE + 1;
        let room = |more: usize| width.saturating_sub(min_width + more);
        let zip = room(ZIP + 2) >= longest.min(20);
        let last = zip && room(ZIP + 2 + LAST + 1) >= longest.min(20);
        let more = if zip { ZIP + 2 } else { 0 } + if last { LAST + 1 } else { 0 };
        Self { name: room(more), zip, last }
    }

    fn line(&self, cells: [Span<'static>; 5]) -> Line<'static> {
        let [name, built, zip, deployed, last] = cells;
        let cell =
            |cell: Span<'static>, pad: fn(&str, usize) -> String, width: usize, tail: &str| {
                Span::styled(pad(&cell.content, width) + tail, cell.style)
            };
        let mut line = Line::from(vec![
            Span::raw("  "),
            cell(name, pad, self.name, ""),
            cell(built, pad, BUILT, " "),
        ]);
        if self.zip {
            line.push_span(cell(zip, pad_left, ZIP, "  "));
        }
        line.push_span(cell(deployed, pad, STATE, if self.last { " " } else { "" }));
        if self.last {
            line.push_span(cell(last, pad_left, LAST, ""));
        }
        line
    }
}

fn cells(state: &State, theme: &Theme, card: &Card) -> [Span<'static>; 5] {
    let (built, built_style) = built(state, theme, card);
    let zip = card.function.zip.as_ref().map_or_else(|| "–".into(), |zip| bytes(zip.bytes));
    let (deployed, deployed_style) = deployed(state, theme, card);
    let last = state
        .stage()
        .function(&card.function.name)
        .figures
        .samples
        .last()
        .map_or_else(|| "–".into(), |sample| duration(sample.duration_ms));
    [
        Span::styled(card.function.name.clone(), theme.title),
        Span::styled(built, built_style),
        Span::raw(zip),
        Span::styled(deployed, deployed_style),
        Span::raw(last.replace(' ', "")),
    ]
}

fn built(state: &State, theme: &Theme, card: &Card) -> (String, Style) {
    let name = &card.function.name;
    let is_built = |task: &Task| matches!(task, Task::Build { .. }) && task.is_of(name);
    if state.jobs.newest(&state.active, is_built).is_some() {
        return (format!("{} build", spinner(state)), theme.busy);
    }
    match &card.function.bootstrap {
        _ if card.build_failure.is_some() => ("✗ failed".into(), theme.bad),
        None => ("–".into(), theme.dim),
        Some(_) if card.function.stale => ("stale".into(), theme.warn),
        Some(bootstrap) => (age(bootstrap.built_at, state.now), theme.text),
    }
}

fn deployed(state: &State, theme: &Theme, card: &Card) -> (String, Style) {
    let name = &card.function.name;
    let is_deployed = |task: &Task| matches!(task, Task::Deploy { .. }) && task.is_of(name);
    if state.jobs.newest(&state.active, is_deployed).is_some() {
        return (spinner(state).to_string(), theme.busy);
    }
    match &state.stage().function(name).deployment {
        Deployment::Unknown if matches!(state.stage().connection, Connection::Failed(_)) => {
            ("?".into(), theme.dim)
        }
        Deployment::Unknown => ("…".into(), theme.dim),
        Deployment::Absent => ("–".into(), theme.dim),
        Deployment::Refused(failure) if failure.kind == FailureKind::Denied => {
            ("denied".into(), theme.bad)
        }
        Deployment::Refused(_) => ("?".into(), theme.bad),
        Deployment::Present(deployed) if deployed.in_sync => ("in sync".into(), theme.good),
        Deployment::Present(deployed) if deployed.version == "$LATEST" => {
            ("differs".into(), theme.warn)
        }
        Deployment::Present(deployed) => (format!("v{}", deployed.version), theme.warn),
    }
}

fn empty_state(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    let refresh = state.key_of(Context::Functions, Action::Refresh).unwrap_or("refresh");
    let (text, style) = match &state.workspace {
        WorkspaceState::Reading => ("reading the workspace …".to_owned(), theme.dim),
        WorkspaceState::Read(_) => (
            format!(
                "no functions here\nA function is a binary whose package depends on \
                lambda-console-runtime, \
                 lambda_runtime or lambda_http, or has [package.metadata.lambda]: `cargo add \
                 lambda_runtime` in a \
                 package makes its binary one. {refresh} refreshes."
            ),
            theme.text,
        ),
        WorkspaceState::Broken(failure) => {
            (format!("✗ {failure}\n{}\n{refresh} refreshes.", failure.hint), theme.text)
        }
    };
    let width = usize::from(area.width).saturating_sub(2);
    for (line, y) in wrap(&text, width).iter().zip(area.y..area.bottom()) {
        debug_assert!(columns(line) <= width || width == 0);
        put(frame.buffer_mut(), (area.x + 1, y), line, width, style);
    }
}
