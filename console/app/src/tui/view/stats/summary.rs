//! Below the function list: the selected function's figures, and the steps of the run.

use lambda_console_model::Percentiles;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::chart::spark;
use crate::tui::{
    state::{RunStep, Standing, State},
    theme::Theme,
    view::{
        frame::header::spinner,
        functions::frame_of,
        text::{counted, duration, fit, pad, pad_left, put_line},
    },
};

/// Rows of the figures with their frame.
pub(crate) const HEIGHT: u16 = 5;
/// Rows of the run with its frame.
pub(crate) const RUN_HEIGHT: u16 = 7;

pub(crate) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    let Some(card) = state.functions.current().filter(|_| area.height > 0) else {
        if area.height > 0 {
            frame.render_widget(frame_of("", false, theme), area);
        }
        return;
    };
    let block = frame_of(&fit(&card.function.name, usize::from(area.width) - 6), false, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let figures = &state.stage().function(&card.function.name).figures;
    let room = usize::from(inner.width).saturating_sub(36).max(6);
    let init: Vec<f64> = figures.samples.iter().filter_map(|sample| sample.init_ms).collect();
    let durations: Vec<f64> = figures.samples.iter().map(|sample| sample.duration_ms).collect();
    let row = |name: &str, values: &[f64], style, percentiles: Option<Percentiles>| {
        let mut spans = vec![
            Span::raw(format!(" {name} ")),
            Span::styled(pad(&spark(values, room), room), style),
        ];
        spans.push(match percentiles {
            Some(of) if values.len() == 1 => {
                Span::raw(format!(" one {}", pad_left(&duration(of.max), 9)))
            }
            Some(of) => Span::raw(format!(
                " p50 {} p99 {}",
                pad_left(&duration(of.p50), 9),
                pad_left(&duration(of.p99), 9)
            )),
            None => Span::styled(" no figures yet", theme.dim),
        });
        Line::from(spans)
    };
    let mut lines = vec![
        row("init", &init, theme.cold, figures.init),
        row("dur ", &durations, theme.warm, figures.duration),
    ];
    if !figures.samples.is_empty() {
        let emulated = if figures.emulated > 0 { ", emulated" } else { "" };
        let invocations = counted(figures.samples.len(), "invocation");
        let text = format!(" {invocations}, {:.0} % cold{emulated}", figures.cold_share() * 100.0);
        lines.push(Line::styled(text, theme.dim));
    }
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        put_line(frame.buffer_mut(), (inner.x, y), line, inner.width);
    }
}

/// Draws the steps of the run, one per row.
pub(crate) fn steps(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    let Some(run) = state.stage().run.as_ref().filter(|_| area.height > 0) else { return };
    let block = frame_of(&format!("run {}", fit(&run.function, 30)), false, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    for ((step, standing), y) in RunStep::ALL.iter().zip(&run.steps).zip(inner.y..inner.bottom()) {
        let (mark, time, style) = shown(state, standing, theme);
        let line = Line::from(vec![
            Span::styled(format!(" {mark} "), style),
            Span::raw(pad(step.name(), 8)),
            Span::styled(pad_left(&time, 10), style),
        ]);
        put_line(frame.buffer_mut(), (inner.x, y), &line, inner.width);
    }
}

/// Returns the steps of the run on one line.
pub(crate) fn steps_line(state: &State, theme: &Theme) -> Option<Line<'static>> {
    let run = state.stage().run.as_ref()?;
    let mut spans = vec![Span::styled(format!(" run {}", fit(&run.function, 16)), theme.title)];
    for (step, standing) in RunStep::ALL.iter().zip(&run.steps) {
        let (mark, time, style) = shown(state, standing, theme);
        let time = time.replace(' ', "");
        let space = if time.is_empty() { "" } else { " " };
        spans.push(Span::styled(format!("  {mark} {}{space}{time}", step.name()), style));
    }
    Some(Line::from(spans))
}

fn shown(
    state: &State,
    standing: &Standing,
    theme: &Theme,
) -> (char, String, ratatui::style::Style) {
    match standing {
        Standing::Waiting => ('·', String::new(), theme.dim),
        // Tenths, so that the time moves with the spinner.
        Standing::Running(since) => (
            spinner(state),
            format!("{:.1} s", (state.now - since).max(0) as f64 / 1000.0),
            theme.busy,
        ),
        Standing::Done(ms) => ('✓', duration(*ms), theme.good),
        Standing::Failed(ms) => ('✗', duration(*ms), theme.bad),
    }
}
