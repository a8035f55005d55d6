//! Cold starts: figures of cold and warm invocations, durations over time, and their distribution.

pub(super) mod chart;
pub(super) mod summary;

use lambda_console_model::{Figures, Percentiles, Sample};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    frame::pane::scrolled,
    stats::chart::{Bar, bars, histogram},
    text::{count, counted, duration, pad, pad_left},
};
use crate::tui::{
    message::Action,
    state::{Context, State},
    theme::Theme,
};

const BUCKETS: usize = 8;

pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, areas: &mut Areas) {
    let Some(card) = state.functions.current() else { return };
    let figures = &state.stage().function(&card.function.name).figures;
    if figures.samples.is_empty() {
        let key = state.key_of(Context::Functions, Action::InvokeCold).unwrap_or("invoke_cold");
        let line =
            Line::styled(format!(" no invocations yet: {key} invokes in a new sandbox"), theme.dim);
        return scrolled(frame, theme, area, &[line], 0, areas);
    }
    let lines = lines(theme, figures, usize::from(area.width), usize::from(area.height));
    scrolled(frame, theme, area, &lines, state.top, areas);
}

fn lines(theme: &Theme, figures: &Figures, width: usize, height: usize) -> Vec<Line<'static>> {
    let total = figures.samples.len();
    let mut head = vec![Span::raw(format!(
        " {} · {} cold ({:.1} %)",
        counted(total, "invocation"),
        count(figures.cold),
        figures.cold_share() * 100.0
    ))];
    if figures.failed > 0 {
        head.push(Span::styled(format!(" · ✗ {} failed", count(figures.failed)), theme.bad));
    }
    let mut lines = vec![Line::from(head)];
    if figures.emulated > 0 {
        let which =
            if figures.emulated == total { "all".to_owned() } else { count(figures.emulated) };
        let text = format!(" {which} emulated with qemu (e): not comparable with Graviton");
        lines.push(Line::styled(text, theme.warn));
    }
    let heading = ["p50", "p90", "p99", "max"].map(|name| pad_left(name, 11)).concat();
    lines.push(Line::styled(format!(" {}{heading}", pad("", 16)), theme.dim));
    for (name, percentiles, samples, style) in [
        ("init", figures.init, figures.cold, theme.cold),
        ("duration cold", figures.cold_duration, figures.cold, theme.cold),
        ("duration warm", figures.warm_duration, total - figures.cold, theme.warm),
    ] {
        let row = row(percentiles, samples);
        lines.push(Line::from(vec![
            Span::styled(format!(" {}", pad(name, 16)), style),
            Span::raw(row),
        ]));
    }

    // Charts share the remaining space; if it is small, they scroll.
    let chart = (height.saturating_sub(lines.len() + 8) / 3).clamp(4, 10);
    let cold: Vec<&Sample> =
        figures.samples.iter().filter(|sample| sample.init_ms.is_some()).collect();
    if !cold.is_empty() {
        lines.push(Line::default());
        lines.push(Line::styled(" init over time (cold starts)", theme.title));
        let over_time: Vec<Bar> = cold
            .iter()
            .map(|sample| Bar {
                value: sample.init_ms.unwrap_or(0.0),
                style: theme.cold,
                mark: mark(sample),
            })
            .collect();
        lines.extend(bars(&over_time, width, chart));
    }
    lines.push(Line::default());
    lines.push(Line::styled(" duration over time (c cold, e emulated, x failed)", theme.title));
    let over_time: Vec<Bar> =
        figures.samples.iter().map(|sample| duration_bar(theme, sample)).collect();
    lines.extend(bars(&over_time, width, chart));

    let init: Vec<f64> = cold.iter().filter_map(|sample| sample.init_ms).collect();
    let of = |cold: bool| -> Vec<f64> {
        let samples = figures.samples.iter().filter(|sample| sample.init_ms.is_some() == cold);
        samples.map(|sample| sample.duration_ms).collect()
    };
    for (title, values, style) in [
        (" init distribution", init, theme.cold),
        (" cold duration distribution", of(true), theme.cold),
        (" warm duration distribution", of(false), theme.warm),
    ] {
        if !values.is_empty() {
            lines.push(Line::default());
            lines.push(Line::styled(title, theme.title));
            lines.extend(histogram(&values, BUCKETS, width, style));
        }
    }
    lines
}

/// Percentiles need more than one sample.
fn row(percentiles: Option<Percentiles>, samples: usize) -> String {
    match percentiles {
        Some(of) if samples == 1 => pad_left("–", 11).repeat(3) + &pad_left(&duration(of.max), 11),
        Some(of) => {
            [of.p50, of.p90, of.p99, of.max].map(|value| pad_left(&duration(value), 11)).concat()
        }
        None => pad_left("–", 11).repeat(4),
    }
}

fn mark(sample: &Sample) -> char {
    match sample {
        Sample { failed: true, .. } => 'x',
        Sample { emulated: true, .. } => 'e',
        _ => ' ',
    }
}

fn duration_bar(theme: &Theme, sample: &Sample) -> Bar {
    let is_cold = sample.init_ms.is_some();
    let style = if sample.failed {
        theme.bad
    } else if is_cold {
        theme.cold
    } else {
        theme.warm
    };
    let mark = if is_cold && !sample.failed { 'c' } else { mark(sample) };
    Bar { value: sample.duration_ms, style, mark }
}
