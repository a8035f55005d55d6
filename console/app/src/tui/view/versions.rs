//! The versions of a function: aliases and traffic, and the figures of each version.

use lambda_console_model::{FunctionVersions, Version, percent, short_sha256};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    frame::{header::spinner, pane::scroll_bar},
    overlay::popup,
    text::{age, bytes, count, duration, fit, pad, pad_left, put, put_line, window},
};
use crate::tui::{
    state::{Picker, State, Target},
    theme::Theme,
};

/// Columns of a list if there is enough space.
const WIDTH: u16 = 110;
/// Widths of the columns.
const NUMBER: usize = 8;
const ALIASES: usize = 16;
const AGE: usize = 8;
const RUNS: usize = 7;
const FAILED: usize = 8;
const TIME: usize = 9;

pub(super) fn draw(
    state: &State,
    theme: &Theme,
    frame: &mut Frame,
    body: Rect,
    areas: &mut Areas,
    picker: &Picker,
) {
    let rows = picker.found.as_ref().map_or(1, |found| found.versions.len() as u16);
    let height = rows.saturating_add(5).clamp(7, 30).min(body.height.saturating_sub(2));
    let title = format!("Versions of {}", fit(&picker.function, 40));
    let inner = popup(frame, theme, body, (WIDTH, height), &title, areas);
    if inner.height < 4 {
        return;
    }
    let row = |y: u16| Rect { y, height: 1, ..inner };
    let put_row = |frame: &mut Frame, y: u16, line: &Line<'_>| {
        put_line(frame.buffer_mut(), (inner.x + 1, y), line, inner.width.saturating_sub(1));
    };
    let Some(found) = &picker.found else {
        let text = format!("{} reading versions and logs of {} …", spinner(state), state.active);
        return put_row(frame, inner.y, &Line::styled(text, theme.busy));
    };
    put_row(frame, inner.y, &summary(state, theme, picker, found));
    put_row(frame, inner.y + 1, &Line::styled(heading(), theme.dim));
    let list = Rect { y: inner.y + 2, height: inner.height - 3, ..inner };
    areas.viewport.overlay = list.height;
    areas.viewport.overlay_lines = found.versions.len();
    let top = (picker.selected + 1).saturating_sub(usize::from(list.height));
    for ((index, version), y) in
        found.versions.iter().enumerate().skip(top).zip(list.y..list.bottom())
    {
        let line = line(state, theme, found, version, usize::from(list.width.saturating_sub(1)));
        put_row(frame, y, &line);
        if index == picker.selected {
            frame.buffer_mut().set_style(row(y), theme.selected);
            put(frame.buffer_mut(), (list.x, y), "▸", 1, theme.selected);
        }
        areas.put(row(y), Target::Choice(index));
    }
    scroll_bar(frame, theme, list, top, found.versions.len());
    if let Some(version) = picker.current() {
        put_row(frame, inner.bottom() - 1, &Line::styled(details(version), theme.dim));
    }
}

/// Returns a summary of the traffic of each version.
fn summary(
    state: &State,
    theme: &Theme,
    picker: &Picker,
    found: &FunctionVersions,
) -> Line<'static> {
    let mut spans =
        vec![Span::raw(format!("{} on {}: ", fit(&found.function, 40), fit(&found.stage, 30)))];
    match (&found.alias, found.stage_alias()) {
        (None, _) => spans.push(Span::raw("no alias: callers use $LATEST")),
        (Some(alias), None) => {
            spans.push(Span::styled(format!("{alias} does not exist yet"), theme.warn));
        }
        (Some(_), Some(alias)) => {
            spans.push(Span::raw(format!("{} → {}", alias.name, alias.version)));
            if let Some(share) = &alias.canary {
                spans.push(Span::raw(format!(" ({})", percent(1.0 - share.weight))));
                let text = format!(", {} ({}, canary)", share.version, percent(share.weight));
                spans.push(Span::styled(text, theme.warn));
            }
        }
    }
    if picker.job.is_some() {
        spans.push(Span::styled(format!("  {} reading", spinner(state)), theme.busy));
    }
    Line::from(spans)
}

fn heading() -> String {
    let names = [("runs", RUNS), ("errors", FAILED), ("init p50", TIME), ("p99", TIME)];
    let right = names.map(|(name, width)| pad_left(name, width)).concat();
    format!(
        " {} {} {}{right}  description",
        pad("version", NUMBER),
        pad("aliases", ALIASES),
        pad("from", AGE)
    )
}

fn line(
    state: &State,
    theme: &Theme,
    found: &FunctionVersions,
    version: &Version,
    width: usize,
) -> Line<'static> {
    let aliases: Vec<String> = found
        .aliases_of(&version.version)
        .map(|(alias, share)| {
            if share < 1.0 {
                format!("{} {}", alias.name, percent(share))
            } else {
                alias.name.clone()
            }
        })
        .collect();
    let figures = &version.figures;
    let (failed, style) = match figures.failed {
        _ if figures.invocations == 0 => ("–".to_owned(), theme.dim),
        0 => ("0 %".to_owned(), theme.good),
        _ => (percent(figures.failed_share()), theme.bad),
    };
    let time = |value: Option<f64>| pad_left(&value.map_or_else(|| "–".to_owned(), duration), TIME);
    let is_live = found.live() == Some(version.version.as_str());
    let pieces = [
        (
            format!(" {} ", pad(&version.version, NUMBER)),
            if is_live { theme.title } else { theme.text },
        ),
        (format!("{} ", pad(&aliases.join(" "), ALIASES)), theme.warm),
        (pad(&age(version.modified_at, state.now), AGE), theme.dim),
        (pad_left(&count(figures.invocations as usize), RUNS), theme.text),
        (pad_left(&failed, FAILED), style),
        (time(figures.init_ms.map(|of| of.p50)), theme.cold),
        // Percentiles need more than one sample.
        (time(figures.init_ms.filter(|_| figures.cold > 1).map(|of| of.p99)), theme.cold),
        (format!("  {}", version.description), theme.text),
    ];
    window(pieces.iter().map(|(text, style)| (text.as_str(), *style)), 0, width)
}

/// Returns details that do not fit into the row of a version.
fn details(version: &Version) -> String {
    let sha256 = short_sha256(&version.sha256);
    let mut text = format!(" {} · sha256 {sha256} · {}", version.version, bytes(version.bytes));
    let figures = &version.figures;
    if let Some(of) = figures.duration_ms {
        let duration = if figures.invocations == 1 {
            format!(" · duration {}", duration(of.max))
        } else {
            format!(" · duration p50 {} p99 {}", duration(of.p50), duration(of.p99))
        };
        let cold = format!(" · {} of {} cold", figures.cold, figures.invocations);
        text.extend([duration, cold]);
    }
    if !version.description.is_empty() {
        text.extend([" · ".to_owned(), fit(&version.description, 60)]);
    }
    text
}
