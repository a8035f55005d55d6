//! The picker of stages: account and region, caller, expiration of the credentials, or why a stage
//! cannot be reached.

use lambda_console_model::{StageEntry, StageInfo};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    frame::pane::scroll_bar,
    overlay::popup,
    text::{field, fit, pad, put, put_line, wrap},
};
use crate::tui::{
    state::{Connection, State, Target, overlay::Choose},
    theme::Theme,
};

/// Width of the list in columns, and number of rows below it with details of the selected stage.
const WIDTH: u16 = 100;
const DETAILS: u16 = 4;

pub(super) fn draw(
    state: &State,
    theme: &Theme,
    frame: &mut Frame,
    body: Rect,
    areas: &mut Areas,
    choose: &Choose,
) {
    let rows = (choose.entries.len() as u16)
        .saturating_add(DETAILS + 3)
        .min(body.height.saturating_sub(2));
    let inner = popup(frame, theme, body, (WIDTH, rows), "Stages", areas);
    put(frame.buffer_mut(), (inner.x + 1, inner.y), ":", 1, theme.key);
    let typed = Rect {
        x: inner.x + 3,
        width: inner.width.saturating_sub(4),
        height: 1.min(inner.height),
        ..inner
    };
    field(frame, typed, choose.input.area());
    let list =
        Rect { y: inner.y + 1, height: inner.height.saturating_sub(1 + DETAILS).max(1), ..inner };
    areas.viewport.overlay = list.height;
    areas.viewport.overlay_lines = choose.matches.len();
    let top = (choose.selected + 1).saturating_sub(usize::from(list.height));
    let name = |index: usize| choose.entries.get(index).map(|entry| entry.value.as_str());
    let widest =
        choose.entries.iter().map(|entry| entry.label.chars().count()).max().unwrap_or_default();
    for ((position, &index), y) in
        choose.matches.iter().enumerate().skip(top).zip(list.y..list.bottom())
    {
        let Some(stage) = name(index) else { continue };
        let row = Rect { y, height: 1, ..list };
        let mut spans = vec![Span::raw(format!("  {}  ", pad(stage, widest.min(24))))];
        spans.extend(of_stage(state, theme, stage));
        put_line(frame.buffer_mut(), (row.x, y), &Line::from(spans), row.width);
        if position == choose.selected {
            frame.buffer_mut().set_style(row, theme.selected);
            put(frame.buffer_mut(), (row.x, y), "▸", 1, theme.selected);
        }
        areas.put(row, Target::Choice(position));
    }
    if choose.matches.is_empty() {
        put(
            frame.buffer_mut(),
            (list.x + 2, list.y),
            "no matches",
            usize::from(list.width),
            theme.dim,
        );
    }
    scroll_bar(frame, theme, list, top, choose.matches.len());
    if let Some(stage) = choose.matches.get(choose.selected).and_then(|&index| name(index)) {
        let area = Rect {
            y: list.bottom(),
            height: inner.bottom().saturating_sub(list.bottom()),
            ..inner
        };
        details(state, theme, frame, area, stage);
    }
}

fn connection<'a>(state: &'a State, stage: &str) -> Option<&'a Connection> {
    state.stages.get(stage).map(|stage| &stage.connection)
}

fn entry<'a>(state: &'a State, stage: &str) -> Option<&'a StageEntry> {
    state.listed.iter().find(|entry| entry.name == stage)
}

/// Returns account, region, caller, expiration; or why the stage cannot be reached.
fn of_stage(state: &State, theme: &Theme, stage: &str) -> Vec<Span<'static>> {
    let entry = entry(state, stage);
    let mut spans = match connection(state, stage) {
        Some(Connection::Connected(info)) => {
            let caller = if info.identity.is_empty() {
                "embedded".to_owned()
            } else {
                info.caller().to_owned()
            };
            let mut spans = vec![
                Span::raw(format!("{}  {}  ", pad(&info.account, 12), pad(&info.region, 14))),
                Span::raw(format!("{}  ", pad(&caller, 24))),
            ];
            spans.extend(
                expiry(state, theme, info).map(|(text, style)| Span::styled(pad(&text, 14), style)),
            );
            spans
        }
        Some(Connection::Failed(failure)) => {
            vec![Span::styled(format!("✗ {}  ", fit(&failure.why, 56)), theme.bad)]
        }
        _ if stage == StageInfo::LOCAL => vec![Span::styled("embedded  ", theme.dim)],
        Some(Connection::Connecting) | None => {
            let region = entry.and_then(|entry| entry.region.clone()).unwrap_or_default();
            vec![Span::styled(format!("{}  {}  ", pad("…", 12), pad(&region, 14)), theme.dim)]
        }
    };
    if entry.is_some_and(|entry| entry.protected) {
        spans.push(Span::styled("protected", theme.warn));
    }
    spans
}

/// Returns the remaining time of the credentials.
pub(super) fn expiry(
    state: &State,
    theme: &Theme,
    info: &StageInfo,
) -> Option<(String, ratatui::style::Style)> {
    let left = (info.expires_at? - state.now) / 60_000;
    Some(match left {
        ..=0 => ("expired".to_owned(), theme.bad),
        1..=14 => (format!("{left} min left"), theme.warn),
        15..=119 => (format!("{left} min left"), theme.dim),
        _ => (format!("{} h left", left / 60), theme.dim),
    })
}

fn details(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, stage: &str) {
    let width = usize::from(area.width).saturating_sub(2);
    let mut lines = vec![Line::default()];
    let of_entry = entry(state, stage).map(|entry| {
        let profile = entry.profile.as_ref().map(|profile| format!("profile {profile}"));
        let words = profile
            .into_iter()
            .chain(Some(entry.credentials.clone()).filter(|text| !text.is_empty()));
        words.collect::<Vec<_>>().join(" · ")
    });
    let about = of_entry.filter(|text| !text.is_empty());
    match connection(state, stage) {
        Some(Connection::Connected(info)) => {
            lines.extend(about.map(|text| Line::styled(text, theme.dim)));
            if !info.identity.is_empty() {
                lines.push(Line::styled(fit(&info.identity, width), theme.text));
            }
        }
        Some(Connection::Failed(failure)) => {
            lines.extend(
                wrap(&failure.why, width)
                    .into_iter()
                    .take(2)
                    .map(|line| Line::styled(line, theme.bad)),
            );
            lines.push(Line::styled(fit(&failure.hint, width), theme.key));
        }
        Some(Connection::Connecting) | None => {
            lines.extend(about.map(|text| Line::styled(text, theme.dim)));
        }
    }
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put_line(frame.buffer_mut(), (area.x + 1, y), line, area.width.saturating_sub(1));
    }
}
