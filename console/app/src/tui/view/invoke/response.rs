//! The last response: status, figures, body, and log lines of the platform and the function.

use lambda_console_model::{Failure, HttpHead, Invocation, json::tokens};
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::payload::colour;
use crate::tui::{
    message::Action,
    state::{Arriving, Context, Document, Outcome, Response, State},
    theme::Theme,
    view::{
        areas::Areas,
        frame::pane::{info, put_empty, scroll_bar, split},
        functions::frame_of,
        logs::message_style,
        text::{bytes, columns, duration, fit, put, put_line, window, wrap},
    },
};

/// Draws the whole pane.
pub(crate) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let (first, area) = split(area);
    areas.viewport.rows = area.height;
    let Some(response) = state.selected().and_then(|(_, function)| function.response.as_ref())
    else {
        return none_yet(state, theme, frame, area);
    };
    let (summary, wall) = match &response.outcome {
        Outcome::Arriving(arriving) => (
            arriving_summary(theme, response, arriving),
            (state.now - arriving.since).max(0) as f64,
        ),
        Outcome::Done(invocation) => (summary(theme, response, invocation), invocation.client_ms),
        Outcome::Failed(failure) => return failed(theme, frame, first, area, failure),
    };
    info(frame, first, &summary, &Line::default());
    let (second, area) = split(area);
    let request =
        Line::styled(format!("request {}", response.request_id().unwrap_or_default()), theme.dim);
    info(
        frame,
        second,
        &request,
        &Line::styled(format!("round trip {}", duration(wall)), theme.dim),
    );

    areas.viewport.rows = area.height;
    let content = Content::new(state, theme, response, usize::from(area.width));
    let count = content.len();
    areas.viewport.lines = count;
    let last = count.saturating_sub(usize::from(area.height));
    let top = if response.follow { last } else { response.top.min(last) };
    for (index, y) in (top..count).zip(area.y..area.bottom()) {
        put_line(frame.buffer_mut(), (area.x, y), &content.line(index), area.width);
    }
    scroll_bar(frame, theme, area, top, count);
}

/// Draws the short form below the payload: the beginning of the body and the end of the log; the
/// end of a body that grows.
pub(crate) fn below(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    let response = state.selected().and_then(|(_, function)| function.response.as_ref());
    let block = frame_of("", false, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(response) = response else { return none_yet(state, theme, frame, inner) };
    let title = Rect { x: area.x + 2, width: area.width.saturating_sub(4), height: 1, ..area };
    let mut summary = match &response.outcome {
        Outcome::Arriving(arriving) => arriving_summary(theme, response, arriving),
        Outcome::Done(invocation) => summary(theme, response, invocation),
        Outcome::Failed(failure) => return failed(theme, frame, title, inner, failure),
    };
    summary.spans.insert(0, Span::raw(" "));
    summary.push_span(" ");
    info(frame, title, &summary, &Line::default());

    let content = Content::new(state, theme, response, usize::from(inner.width));
    let rows = usize::from(inner.height);
    let (body, count) = (content.above_logs(), content.len());
    let logs = count.saturating_sub(body + 1).min((rows / 3).max(rows.saturating_sub(body + 1)));
    let room = rows.saturating_sub(if logs > 0 { logs + 1 } else { 0 });
    let first = if response.follow { body.saturating_sub(room) } else { 0 };
    let shown =
        (first..body).take(room).chain((count > body).then_some(body)).chain(count - logs..count);
    for (index, y) in shown.zip(inner.y..inner.bottom()) {
        put_line(frame.buffer_mut(), (inner.x, y), &content.line(index), inner.width);
    }
}

/// The content from top to bottom: an HTTP head, the body, notes on the body, the error details,
/// the log.
struct Content<'a> {
    theme: &'a Theme,
    response: &'a Response,
    width: usize,
    /// `true` to colour each line of the body as JSON.
    is_json: bool,
    head: Vec<Line<'static>>,
    notes: Vec<Line<'static>>,
    error: &'a Document,
    logs: &'a [String],
    log_title: Option<String>,
}

impl<'a> Content<'a> {
    fn new(state: &State, theme: &'a Theme, response: &'a Response, width: usize) -> Self {
        let invocation = response.invocation();
        let http = match &response.outcome {
            Outcome::Arriving(arriving) => arriving.http.as_ref(),
            Outcome::Done(invocation) => invocation.http(),
            Outcome::Failed(_) => None,
        };
        let declared = match &response.outcome {
            Outcome::Arriving(arriving) => arriving.content_type.as_deref(),
            Outcome::Done(invocation) => {
                invocation.stream.as_ref().and_then(|stream| stream.content_type.as_deref())
            }
            Outcome::Failed(_) => None,
        };
        // Lines of JSON are not valid JSON as a whole.
        let is_lines = http
            .and_then(HttpHead::content_type)
            .or(declared)
            .is_some_and(|declared| declared.contains("json"));
        Self {
            theme,
            response,
            width,
            is_json: !response.body.is_binary() && (response.body.is_json() || is_lines),
            head: http.map(|http| head(theme, http, width)).unwrap_or_default(),
            notes: notes(theme, response, width),
            error: &response.error,
            logs: &response.log,
            log_title: invocation.and_then(|invocation| log_title(state, response, invocation)),
        }
    }

    fn len(&self) -> usize {
        self.above_logs() + self.log_title.as_ref().map_or(0, |_| 1 + self.logs.len())
    }

    fn above_logs(&self) -> usize {
        let error = if self.error.is_empty() { 0 } else { 1 + self.error.len() };
        self.head.len() + self.response.body.len() + self.notes.len() + error
    }

    fn line(&self, index: usize) -> Line<'static> {
        let (theme, left, width) = (self.theme, self.response.left, self.width);
        if let Some(line) = self.head.get(index) {
            return line.clone();
        }
        let index = index - self.head.len();
        if let Some(text) = self.response.body.line(index) {
            if !self.is_json {
                return window([(&*text, theme.text)], left, width);
            }
            return json(theme, &text, left, width);
        }
        let index = index - self.response.body.len();
        if let Some(line) = self.notes.get(index) {
            return line.clone();
        }
        let mut index = index - self.notes.len();
        if !self.error.is_empty() {
            if index == 0 {
                return rule(theme, "error", width);
            }
            if let Some(text) = self.error.line(index - 1) {
                return json(theme, text, left, width);
            }
            index -= 1 + self.error.len();
        }
        match (index.checked_sub(1).and_then(|index| self.logs.get(index)), &self.log_title) {
            (Some(text), _) => window([(text.as_str(), message_style(theme, text))], left, width),
            (None, Some(title)) if index == 0 => rule(theme, title, width),
            _ => Line::default(),
        }
    }
}

fn json(theme: &Theme, text: &str, left: usize, width: usize) -> Line<'static> {
    let pieces = tokens(text)
        .map(|(token, range)| (text.get(range).unwrap_or_default(), colour(theme, token)));
    window(pieces, left, width)
}

/// Returns `── log ────`.
fn rule(theme: &Theme, title: &str, width: usize) -> Line<'static> {
    let used = columns(title) + 4;
    Line::styled(format!("── {title} {}", "─".repeat(width.saturating_sub(used))), theme.dim)
}

/// Returns the status and headers that the stream began with.
fn head(theme: &Theme, http: &HttpHead, width: usize) -> Vec<Line<'static>> {
    let style = if http.status < 400 { theme.good } else { theme.bad };
    let mut lines = vec![Line::styled(format!("HTTP {}", http.status), style)];
    let cookies = http.cookies.iter().map(|cookie| ("set-cookie", cookie));
    let headers = http.headers.iter().map(|(name, value)| (name.as_str(), value)).chain(cookies);
    lines.extend(headers.map(|(name, value)| {
        window([(name, theme.json_key), (": ", theme.dim), (value.as_str(), theme.text)], 0, width)
    }));
    lines.push(rule(theme, "body", width));
    lines
}

/// Returns notes on the body: it is not text, only a part is kept, or it is incomplete.
fn notes(theme: &Theme, response: &Response, width: usize) -> Vec<Line<'static>> {
    let (body, mut notes) = (&response.body, Vec::new());
    let kept = body.kept() as u64;
    if body.is_binary() {
        notes.push(Line::styled(format!("binary, {}", bytes(body.bytes)), theme.dim));
    }
    // Formatted JSON is longer than the body was.
    if !body.is_json() && body.bytes > kept {
        let text = format!(
            "… {} more not kept: `invoke --output FILE` saves everything",
            bytes(body.bytes - kept)
        );
        notes.extend(wrap(&text, width).into_iter().map(|line| Line::styled(line, theme.warn)));
    }
    if let Some(failure) = response.invocation().and_then(Invocation::cut_off) {
        let why = wrap(&format!("✗ {failure}"), width)
            .into_iter()
            .map(|line| Line::styled(line, theme.bad));
        notes.extend(why);
        notes.extend(
            wrap(&failure.hint, width).into_iter().map(|line| Line::styled(line, theme.warn)),
        );
    }
    notes
}

/// Returns `log`, and which part of it is still missing.
fn log_title(state: &State, response: &Response, invocation: &Invocation) -> Option<String> {
    if invocation.logs_pending {
        let rest = if invocation.logs.is_empty() { "log" } else { "rest of the log" };
        if response.linking.is_some() {
            return Some(format!("{rest} is pending"));
        }
        let key = state.key_of(Context::Response, Action::RequestLogs).unwrap_or_default();
        return Some(format!("{rest} is missing, {key} fetches it"));
    }
    (!invocation.logs.is_empty()).then(|| "log".to_owned())
}

/// Returns `receiving · 12K · text/html`.
fn arriving_summary(theme: &Theme, response: &Response, arriving: &Arriving) -> Line<'static> {
    let mut spans = vec![Span::styled("receiving", theme.warn), Span::styled(" · ", theme.dim)];
    spans.push(Span::styled(bytes(response.body.bytes), theme.text));
    if let Some(content_type) =
        arriving.http.as_ref().and_then(HttpHead::content_type).or(arriving.content_type.as_deref())
    {
        spans.push(Span::styled(" · ", theme.dim));
        spans.push(Span::styled(fit(content_type, 40), theme.text));
    }
    Line::from(spans)
}

/// Returns `200 · 3.10 ms · init 4.80 ms (cold) · 9 of 128 MB`.
fn summary(theme: &Theme, response: &Response, invocation: &Invocation) -> Line<'static> {
    let mut spans = Vec::new();
    match (&invocation.function_error, invocation.cut_off()) {
        (Some(error), _) => {
            spans.push(Span::styled(format!("✗ {} {error}", invocation.status), theme.bad));
            if let Some(error_type) = &response.error_type {
                spans.push(Span::styled(format!(" {error_type}"), theme.bad));
            }
        }
        (None, Some(_)) => {
            spans.push(Span::styled(format!("✗ {} truncated", invocation.status), theme.bad));
        }
        (None, None) => spans.push(Span::styled(format!("{}", invocation.status), theme.good)),
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
    if let Some(version) = invocation.version.as_ref().filter(|version| *version != "$LATEST") {
        figure(format!("version {version}"), theme.text);
    }
    Line::from(spans)
}

fn none_yet(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    if area.height == 0 {
        return;
    }
    let key = |action: Action| {
        state.key_of(Context::Functions, action).unwrap_or(action.name()).to_owned()
    };
    let text = format!(
        "no response yet: {} invokes, {} builds, deploys and invokes",
        key(Action::Invoke),
        key(Action::Run)
    );
    put_empty(frame, area, theme, &text);
}

fn failed(theme: &Theme, frame: &mut Frame, first: Rect, area: Rect, failure: &Failure) {
    info(frame, first, &Line::styled(format!(" ✗ {} ", failure.what), theme.bad), &Line::default());
    let width = usize::from(area.width).saturating_sub(1);
    let why = wrap(&failure.why, width).into_iter().map(|line| (line, theme.text));
    let hint = wrap(&failure.hint, width).into_iter().map(|line| (line, theme.warn));
    for ((line, style), y) in why.chain(hint).zip(area.y..area.bottom()) {
        put(frame.buffer_mut(), (area.x + 1, y), line, width, style);
    }
}
