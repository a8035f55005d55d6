//! The output of the last build, in the colours of cargo and rustc.

use ansi_to_tui::IntoText;
use lambda_console_model::{FailureKind, text::clean_but_colours};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    frame::{
        header::spinner,
        pane::{info, put_empty, scroll_bar, split},
    },
    text::{put_line, window},
};
use crate::tui::{
    message::Action,
    state::{Context, State},
    task::Task,
    theme::Theme,
};

pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let (first, area) = split(area);
    let output = &state.output;
    let running = state
        .jobs
        .newest(&state.active, |task| matches!(task, Task::Build { .. } | Task::Setup { .. }));
    let (left, right) = heading(state, theme, usize::from(first.width));
    info(frame, first, &left, &right);
    areas.viewport.rows = area.height;
    areas.viewport.lines = output.len();
    if output.is_empty() && running.is_none() {
        let key = state.key_of(Context::Functions, Action::Build).unwrap_or("build");
        if output.title.is_empty() && area.height > 0 {
            let text = format!("no build yet: {key} builds");
            put_empty(frame, area, theme, &text);
        }
        return;
    }
    let last = output.len().saturating_sub(usize::from(area.height));
    let top = output.top.unwrap_or(last).min(last);
    for (text, y) in output.window(top, usize::from(area.height)).zip(area.y..area.bottom()) {
        let line = coloured(text, theme, output.left, usize::from(area.width));
        put_line(frame.buffer_mut(), (area.x, y), &line, area.width);
    }
    scroll_bar(frame, theme, area, top, output.len());
}

/// Returns a line of output with its ANSI colours, cleaned of everything else.
fn coloured(text: &str, theme: &Theme, left: usize, width: usize) -> Line<'static> {
    let plain = || window([(text, theme.text)], left, width);
    // Without colours in the theme, the output has none either.
    if *theme == Theme::plain() {
        return plain();
    }
    let Ok(parsed) = clean_but_colours(text).as_ref().into_text() else { return plain() };
    let Some(line) = parsed.lines.first() else { return Line::default() };
    window(
        line.spans.iter().map(|span| (span.content.as_ref(), line.style.patch(span.style))),
        left,
        width,
    )
}

fn heading(state: &State, theme: &Theme, width: usize) -> (Line<'static>, Line<'static>) {
    let output = &state.output;
    if let Some(job) = state
        .jobs
        .newest(&state.active, |task| matches!(task, Task::Build { .. } | Task::Setup { .. }))
    {
        let title = job.task.title().unwrap_or_default();
        let seconds = (state.now - job.since).max(0) as f64 / 1000.0;
        let mut spans =
            vec![Span::styled(format!("{} {title} {seconds:.1} s ", spinner(state)), theme.busy)];
        let progress = &job.progress;
        if let (Some(share), Some(count)) = (progress.share(), progress.count()) {
            let room = width / 4;
            let done = (share * room as f64) as usize;
            spans.push(Span::styled("█".repeat(done), theme.busy));
            spans.push(Span::styled("░".repeat(room - done), theme.dim));
            spans.push(Span::raw(format!(" {count}")));
        }
        spans.push(Span::raw(format!(" {}", progress.text)));
        let key = state.key_of(Context::Global, Action::Cancel).unwrap_or("cancel").to_owned();
        return (Line::from(spans), Line::styled(format!("{key} cancels"), theme.dim));
    }
    let left = match &output.outcome {
        None => Line::raw(output.title.clone()),
        Some(Ok(outcome)) if outcome.failed.is_empty() => {
            Line::styled(format!("✓ {} in {:.1} s", output.title, outcome.seconds), theme.good)
        }
        Some(Ok(outcome)) => {
            let (built, failed) = (outcome.built.len(), outcome.failed.len());
            Line::styled(format!("✗ {}: {failed} failed, {built} built", output.title), theme.bad)
        }
        Some(Err(failure)) if failure.kind == FailureKind::Interrupted => {
            Line::styled(format!("{}: cancelled", output.title), theme.warn)
        }
        Some(Err(_)) => Line::styled(format!("✗ {}", output.title), theme.bad),
    };
    let paused =
        if output.top.is_some() { Line::styled("paused", theme.dim) } else { Line::default() };
    (left, paused)
}
