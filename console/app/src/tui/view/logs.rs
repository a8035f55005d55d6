//! The logs: only visible lines are processed, however many the ring has.

use lambda_console_model::{FREE_MINUTES, live_cost};
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    frame::pane::{info, put_empty, scroll_bar, split},
    text::{self, clock, columns, count, counted, fit, pad, put_line, window},
};
use crate::tui::{
    message::Action,
    state::{
        Context, State,
        logs::{Entry, Kind, filter_find},
    },
    theme::Theme,
};

/// Maximum number of rows of one wrapped line; the rest of it is not shown.
const MAX_ROWS: usize = 40;

pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let (first, area) = split(area);
    areas.viewport.rows = area.height;
    let logs = &state.stage().logs;
    areas.viewport.lines = logs.len();
    info(frame, first, &summary(state, theme), &tail_status(state, theme));
    let Some(last) = logs.last_shown() else { return empty_state(state, theme, frame, area) };
    let (width, height) = (usize::from(area.width), usize::from(area.height));

    // From the last line upwards until the pane is full, then downwards if it is not.
    let mut rows: Vec<Line> = Vec::with_capacity(height);
    let mut top = last + 1;
    let mut above: Vec<Vec<Line>> = Vec::new();
    let mut filled = 0;
    while filled < height
        && let Some(index) = top.checked_sub(1)
        && let Some(entry) = logs.get(index)
    {
        let lines = rows_of(state, theme, entry, width);
        filled += lines.len();
        above.push(lines);
        top = index;
    }
    rows.extend(above.into_iter().rev().flatten());
    let cut = rows.len().saturating_sub(height);
    rows.drain(..cut);
    let mut next = last + 1;
    while rows.len() < height
        && let Some(entry) = logs.get(next)
    {
        rows.extend(rows_of(state, theme, entry, width));
        next += 1;
    }
    for (row, y) in rows.iter().zip(area.y..area.bottom()) {
        put_line(frame.buffer_mut(), (area.x, y), row, area.width);
    }
    scroll_bar(frame, theme, area, top, logs.len());
}

/// Returns the number of lines, and the filters.
fn summary(state: &State, theme: &Theme) -> Line<'static> {
    let (logs, filter) = (&state.stage().logs, state.stage().logs.filter());
    let of = match &filter.function {
        Some(function) => format!(" of {}", fit(function, 24)),
        None => String::new(),
    };
    let mut spans = vec![Span::raw(format!("{}{of}", counted(logs.len(), "line")))];
    if !filter.text.is_empty() {
        spans.push(Span::styled(format!("  /{}", fit(&filter.text, 24)), theme.key));
    }
    if let Some(request) = &filter.request_id {
        spans.push(Span::styled(format!("  request {}", short(request)), theme.key));
    }
    if logs.is_searching() {
        spans.push(Span::styled("  searching …", theme.busy));
    }
    Line::from(spans)
}

/// Returns the state of the tail, its cost, and whether the view follows.
fn tail_status(state: &State, theme: &Theme) -> Line<'static> {
    let mut spans = Vec::new();
    match &state.stage().tail {
        None => spans.push(Span::styled("no tail", theme.dim)),
        Some(tail) => {
            if let Some(trouble) = &tail.state.trouble {
                spans.push(Span::styled(format!("{} · ", fit(trouble, 40)), theme.warn));
            }
            let live = if tail.state.sessions > 0 { "live" } else { "tailing" };
            let tailed = state.tailed(&state.active);
            match &state.stage().logs.filter().function {
                Some(function) if !tailed.contains(function) => {
                    spans.push(Span::styled("not tailed", theme.warn));
                }
                None if tailed.len() < state.functions.cards.len() => {
                    let whose = if let [name] = tailed {
                        fit(name, 20)
                    } else {
                        format!("{} functions", tailed.len())
                    };
                    spans.push(Span::styled(format!("{live}: {whose} only"), theme.good));
                }
                _ => spans.push(Span::styled(live, theme.good)),
            }
        }
    }
    if let Some(meter) = meter(state) {
        spans.push(Span::styled(meter, theme.dim));
    }
    if state.stage().logs.anchor.is_none() {
        spans.push(Span::styled(" · following", theme.dim));
    } else {
        let key = state.key_of(Context::Logs, Action::Follow).unwrap_or_default().to_owned();
        spans.push(Span::styled(format!(" · paused, {key} follows"), theme.warn));
    }
    Line::from(spans)
}

/// Returns a description of the key for the tail: it follows the selected function, or stops
/// following it.
pub(super) fn tail_action(state: &State) -> String {
    let Some(name) = state.functions.selected() else { return "tail".to_owned() };
    match state.tailed(&state.active) {
        [] => "tail".to_owned(),
        [one] if one == name => "stop tail".to_owned(),
        some if some.iter().any(|other| other == name) => format!("tail only {}", fit(name, 20)),
        _ => format!("tail {} instead", fit(name, 20)),
    }
}

/// Returns the cost of live sessions since the console started; `None` on the local stage, which
/// charges nothing.
fn meter(state: &State) -> Option<String> {
    let stage = state.stage();
    let used = stage.live_ms + stage.tail.as_ref().map_or(0, |tail| tail.state.used_at(state.now));
    if used == 0 || state.is_local() {
        return None;
    }
    let (minutes, dollars) = live_cost(used);
    Some(format!(" · {minutes}/{} free min (or ${dollars:.2})", count(FREE_MINUTES as usize)))
}

fn empty_state(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    if area.height == 0 || state.stage().logs.is_searching() {
        return;
    }
    let key =
        |action: Action| state.key_of(Context::Logs, action).unwrap_or(action.name()).to_owned();
    let waiting = state.stage().tail.as_ref().map_or(&[][..], |tail| &tail.state.waiting);
    let shown = state.stage().logs.filter().function.as_ref();
    let is_other = shown.is_some_and(|shown| {
        !state.tailed(&state.active).is_empty() && !state.tailed(&state.active).contains(shown)
    });
    let text = if is_other {
        format!(
            "not tailed: {} {}, {} tails all",
            key(Action::Tail),
            tail_action(state),
            key(Action::TailAll)
        )
    } else if let [first, rest @ ..] = waiting {
        let others =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        format!(
            "waiting for the log group of {}{others}: the first invocation creates it",
            fit(first, 24)
        )
    } else if state.stage().logs.held() > 0 {
        format!("no matching lines; {} shows all functions", key(Action::AllLogs))
    } else {
        format!(
            "no logs yet: {} tails this function, {} all",
            key(Action::Tail),
            key(Action::TailAll)
        )
    };
    put_empty(frame, area, theme, &text);
}

/// Returns the style of a line by its content.
pub(super) fn message_style(theme: &Theme, message: &str) -> Style {
    if message.starts_with("REPORT ") {
        theme.title
    } else if ["START ", "END ", "INIT_START "].iter().any(|start| message.starts_with(start)) {
        theme.dim
    } else {
        theme.text
    }
}

fn short(request: &str) -> String {
    request.chars().take(4).collect()
}

/// Returns the request's colour, by its ID.
fn request_style(theme: &Theme, request: &str) -> Style {
    let sum = request
        .bytes()
        .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    theme.requests[sum % theme.requests.len()]
}

fn rows_of(state: &State, theme: &Theme, entry: &Entry, width: usize) -> Vec<Line<'static>> {
    let (hours, minutes, seconds, ms) = clock(entry.timestamp, state.utc_offset);
    let time = format!("{hours:02}:{minutes:02}:{seconds:02}.{ms:03} ");
    let time = if entry.is_timed() { time } else { " ".repeat(columns(&time)) };
    let mut head = vec![Span::styled(time, theme.dim)];
    if state.stage().logs.all_functions {
        head.push(Span::raw(pad(&entry.function, 10)));
        head.push(Span::raw(" "));
    }
    match &entry.request_id {
        Some(request) => {
            head.push(Span::styled(
                format!("{:4}▏", short(request)),
                request_style(theme, request),
            ));
        }
        None => head.push(Span::styled("    ▏", theme.dim)),
    }
    let mark = match entry.kind {
        Kind::Error => Span::styled("✗ ", theme.bad),
        Kind::Warning => Span::styled("! ", theme.warn),
        Kind::Mark => Span::styled("≈ ", theme.warn),
        Kind::Plain | Kind::Platform | Kind::Report => Span::raw(""),
    };
    head.push(mark);
    let used: usize = head.iter().map(|span| columns(&span.content)).sum();
    let room = width.saturating_sub(used).max(1);
    let style = match entry.kind {
        Kind::Error => theme.bad,
        Kind::Warning | Kind::Mark => theme.warn,
        Kind::Report => theme.title,
        Kind::Platform => theme.dim,
        Kind::Plain => theme.text,
    };
    let texts = if state.stage().logs.wrap {
        text::rows(entry.text(), room, MAX_ROWS)
    } else {
        let lines = entry.text().lines().take(MAX_ROWS);
        lines
            .map(|line| window([(line, style)], state.stage().logs.left, room).to_string())
            .collect()
    };
    let mut texts = texts.into_iter();
    head.extend(found(state, theme, texts.next().unwrap_or_default(), style));
    let more = texts.map(|text| {
        let blank = Span::raw(" ".repeat(used));
        std::iter::once(blank).chain(found(state, theme, text, style)).collect()
    });
    std::iter::once(Line::from(head)).chain(more).collect()
}

/// Returns the spans of `text` with the filter's matches marked.
fn found(state: &State, theme: &Theme, text: String, style: Style) -> Vec<Span<'static>> {
    let wanted = &state.stage().logs.filter().text;
    let at = if wanted.is_empty() { None } else { filter_find(&text, wanted) };
    let parts = at.and_then(|at| {
        let end = at + wanted.len();
        Some((text.get(..at)?, text.get(at..end)?, text.get(end..)?))
    });
    let spans = match parts {
        Some((before, hit, after)) => vec![
            Span::styled(before.to_owned(), style),
            Span::styled(hit.to_owned(), theme.found),
            Span::styled(after.to_owned(), style),
        ],
        None => vec![Span::styled(text, style)],
    };
    spans.into_iter().filter(|span| !span.content.is_empty()).collect()
}
