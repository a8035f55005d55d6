//! The last response: status, figures, body, and what the platform and the function logged meanwhile.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    functions::frame_of,
    logs::message_style,
    pane::{info, scroll_bar, split},
    payload::colour,
    text::{duration, window, wrap},
};
use crate::{
    message::{Action, Failure, Invocation},
    state::{Context, Response, State, json::tokens},
    theme::Theme,
};

/// The whole pane.
pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let (first, area) = split(area);
    areas.viewport.rows = area.height;
    let Some(response) = state.functions.current().and_then(|card| card.response.as_ref()) else {
        return none_yet(state, theme, frame, area);
    };
    let invocation = match &response.outcome {
        Ok(invocation) => invocation,
        Err(failure) => return failed(theme, frame, first, area, failure),
    };
    info(frame, first, &summary(theme, response, invocation), &Line::default());
    let (second, area) = split(area);
    let request = Line::styled(format!("request {}", invocation.request_id), theme.dim);
    let wall = Line::styled(format!("{} as seen from here", duration(invocation.client_ms)), theme.dim);
    info(frame, second, &request, &wall);

    areas.viewport.rows = area.height;
    let count = length(response, invocation);
    areas.viewport.lines = count;
    let top = response.top.min(count.saturating_sub(usize::from(area.height)));
    for (index, y) in (top..count).zip(area.y..area.bottom()) {
        let line = line(theme, response, invocation, index, usize::from(area.width));
        frame.buffer_mut().set_line(area.x, y, &line, area.width);
    }
    scroll_bar(frame, theme, area, top, count);
}

/// The short form below the payload: the beginning of the body and the end of the log.
pub(super) fn below(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    let response = state.functions.current().and_then(|card| card.response.as_ref());
    let block = frame_of("", false, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(response) = response else { return none_yet(state, theme, frame, inner) };
    let title = Rect { x: area.x + 2, width: area.width.saturating_sub(4), height: 1, ..area };
    let invocation = match &response.outcome {
        Ok(invocation) => invocation,
        Err(failure) => return failed(theme, frame, title, inner, failure),
    };
    let mut summary = summary(theme, response, invocation);
    summary.spans.insert(0, Span::raw(" "));
    summary.push_span(" ");
    info(frame, title, &summary, &Line::default());

    let rows = usize::from(inner.height);
    let logs = invocation.logs.len().min((rows / 3).max(rows.saturating_sub(response.body.len() + 1)));
    let body = rows.saturating_sub(if logs > 0 { logs + 1 } else { 0 });
    let last_logs = response.body.len() + 1 + invocation.logs.len() - logs;
    let shown = (0..response.body.len().min(body)).chain([response.body.len()]);
    let shown = shown.chain(last_logs..length(response, invocation));
    for (index, y) in shown.zip(inner.y..inner.bottom()) {
        let line = line(theme, response, invocation, index, usize::from(inner.width));
        frame.buffer_mut().set_line(inner.x, y, &line, inner.width);
    }
}

/// Lines of body, a line between, lines of log.
fn length(response: &Response, invocation: &Invocation) -> usize {
    response.body.len() + if invocation.logs.is_empty() { 0 } else { 1 + invocation.logs.len() }
}

fn line(theme: &Theme, response: &Response, invocation: &Invocation, index: usize, width: usize) -> Line<'static> {
    let body = response.body.len();
    if let Some(text) = response.body.line(index) {
        if !response.body.json {
            return window([(text, theme.text)], response.left, width);
        }
        let pieces = tokens(text).map(|(token, range)| (text.get(range).unwrap_or_default(), colour(theme, token)));
        return window(pieces, response.left, width);
    }
    match index.checked_sub(body + 1).and_then(|index| invocation.logs.get(index)) {
        Some(text) => window([(text.as_str(), message_style(theme, text))], response.left, width),
        None if invocation.logs.is_empty() => Line::default(),
        None => Line::styled("── log ".to_owned() + &"─".repeat(width.saturating_sub(7)), theme.dim),
    }
}

/// `200 · 3.10 ms · init 4.80 ms (cold) · 9 of 128 MB`
fn summary(theme: &Theme, response: &Response, invocation: &Invocation) -> Line<'static> {
    let mut spans = Vec::new();
    match &invocation.function_error {
        None => spans.push(Span::styled(format!("{}", invocation.status), theme.good)),
        Some(error) => {
            spans.push(Span::styled(format!("✗ {} {error}", invocation.status), theme.bad));
            if let Some(error_type) = &response.error_type {
                spans.push(Span::styled(format!(" {error_type}"), theme.bad));
            }
        }
    }
    let mut figure = |text: String, style: Style| {
        spans.push(Span::styled(" · ", theme.dim));
        spans.push(Span::styled(text, style));
    };
    match &invocation.report {
        Some(report) => {
            figure(duration(report.duration_ms), theme.text);
            match report.init_ms {
                Some(init) => figure(format!("init {} (cold)", duration(init)), theme.cold),
                None if report.cold => figure("cold".into(), theme.cold),
                None => figure("warm".into(), theme.warm),
            }
            figure(format!("{} of {} MB", report.max_memory_mb, report.memory_mb), theme.text);
            if report.emulated {
                figure("emulated".into(), theme.warn);
            }
            figure(format!("billed {} ms", report.billed_ms), theme.dim);
        }
        None => figure(duration(invocation.client_ms), theme.text),
    }
    Line::from(spans)
}

fn none_yet(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    if area.height == 0 {
        return;
    }
    let key = |action: Action| state.key_of(Context::Functions, action.name()).unwrap_or(action.name()).to_owned();
    let text = format!("no response yet: {} invokes, {} does the whole loop", key(Action::Invoke), key(Action::Loop));
    frame.buffer_mut().set_stringn(area.x + 1, area.y, text, usize::from(area.width.saturating_sub(1)), theme.dim);
}

fn failed(theme: &Theme, frame: &mut Frame, first: Rect, area: Rect, failure: &Failure) {
    info(frame, first, &Line::styled(format!(" ✗ {} ", failure.what), theme.bad), &Line::default());
    let width = usize::from(area.width).saturating_sub(1);
    let why = wrap(&failure.why, width).into_iter().map(|line| (line, theme.text));
    let hint = wrap(&failure.hint, width).into_iter().map(|line| (line, theme.warn));
    for ((line, style), y) in why.chain(hint).zip(area.y..area.bottom()) {
        frame.buffer_mut().set_stringn(area.x + 1, y, line, width, style);
    }
}
