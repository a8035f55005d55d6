//! `draw(&State, &Theme, &mut Frame) -> Areas`: the whole screen, one file per pane.
//!
//! Cannot fail, cannot change state, draws any size. Depends on `state`, `message` and `theme`; not
//! on `update` or the engine.
//!
//! # Map of the screen
//!
//! From 110 columns on, list and pane are side by side; below that, the list is above the pane, and
//! summary and steps are left out. The files are in `view/`:
//!
//! ```text
//! ┌ frame/header.rs: workspace, stage, account, region, architecture ── running job, time ┐
//! ├ functions.rs ─────────────────────┬ frame/pane.rs: tabs, scroll bar ──────────────────┤
//! │   name    built   zip    local    │ 1 Payload      invoke/payload.rs                  │
//! │ ▸ hello   now     363K   in sync  │ 2 Response     invoke/response.rs                 │
//! │   router  stale   532K   –        │ 3 Logs         logs.rs                            │
//! │                                   │ 4 Cold starts  stats.rs, stats/chart.rs           │
//! │                                   │ 5 Build        build.rs                           │
//! │                                   │ 6 Config       settings/overview.rs, settings.rs  │
//! ├ stats/summary.rs `draw` ──────────┤                                                   │
//! │ init ▁▃▂  p50 27.0 ms             │                                                   │
//! │ dur  ▁▁▅  p50 0.53 ms             ├ invoke/response.rs `below` (beside tab 1) ────────┤
//! ├ stats/summary.rs `steps` ─────────┤ 200 · 7.79 ms · init 27.0 ms (cold)               │
//! │ ✓ build  ✓ deploy  ✓ invoke  …    │ {"message":"Hello, Lambda!"}                      │
//! ├ frame/footer.rs `status`: notice and command line, or the line that is typed ─────────┤
//! └ frame/footer.rs `hints`: keys of the focused pane ────────────────────────────────────┘
//! ```
//!
//! Over it, drawn last by `overlay.rs`: help, lists and questions in that file, and
//!
//! | overlay | file |
//! | --- | --- |
//! | plan of a deploy, of settings or of a promotion | `plan.rs` |
//! | versions of a function | `versions.rs` |
//! | picker of stages | `stages.rs` |
//! | resources that a deletion removes | `delete.rs` |
//! | login | `login.rs` |
//!
//! All text reaches the screen through `text.rs`, which cleans, measures and cuts it. `areas.rs`
//! records the areas of drawn elements, for the mouse and for scrolling.

mod areas;
mod build;
mod delete;
mod frame;
mod functions;
mod invoke;
mod login;
mod logs;
mod overlay;
mod plan;
mod settings;
mod stages;
mod stats;
mod text;
mod versions;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
    widgets::Paragraph,
};

use crate::tui::{
    state::{State, Tab},
    theme::Theme,
};

pub use areas::Areas;

/// Minimum size of a terminal that the screen fits in.
const MIN_SIZE: (u16, u16) = (60, 16);
/// Minimum width to show list and pane side by side.
const WIDE: u16 = 110;

/// Draws the screen, and returns the areas of its elements.
pub fn draw(state: &State, theme: &Theme, frame: &mut Frame) -> Areas {
    let area = frame.area();
    let mut areas = Areas::default();
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        too_small(frame, area);
        return areas;
    }
    frame.buffer_mut().set_style(area, theme.text);
    let [top, body, status, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame::header::draw(state, theme, frame, top);
    let is_wide = area.width >= WIDE;
    if is_wide {
        wide(state, theme, frame, body, &mut areas);
    } else {
        narrow(state, theme, frame, body, &mut areas);
    }
    frame::footer::status(state, theme, frame, status, is_wide);
    frame::footer::hints(state, theme, frame, hints);
    overlay::draw(state, theme, frame, body, &mut areas);
    areas
}

fn wide(state: &State, theme: &Theme, frame: &mut Frame, body: Rect, areas: &mut Areas) {
    let left = (body.width * 2 / 5).clamp(46, 58);
    let [left, right] =
        Layout::horizontal([Constraint::Length(left), Constraint::Min(0)]).areas(body);
    let steps = if state.stage().run.is_some() && body.height >= 26 {
        stats::summary::RUN_HEIGHT
    } else {
        0
    };
    let figures = if body.height >= 18 { stats::summary::HEIGHT } else { 0 };
    let [list, figures, steps] = Layout::vertical([
        Constraint::Min(5),
        Constraint::Length(figures),
        Constraint::Length(steps),
    ])
    .areas(left);
    functions::draw(state, theme, frame, list, areas);
    stats::summary::draw(state, theme, frame, figures);
    stats::summary::steps(state, theme, frame, steps);
    let below = state.tab == Tab::Payload && right.height >= 20;
    if below {
        let [pane, response] =
            Layout::vertical([Constraint::Percentage(55), Constraint::Min(0)]).areas(right);
        frame::pane::draw(state, theme, frame, pane, areas);
        invoke::response::below(state, theme, frame, response);
        areas.viewport.response_below = true;
    } else {
        frame::pane::draw(state, theme, frame, right, areas);
    }
}

fn narrow(state: &State, theme: &Theme, frame: &mut Frame, body: Rect, areas: &mut Areas) {
    let wanted = state.functions.shown().count() as u16 + 3;
    let list = wanted.clamp(5, (body.height * 2 / 5).max(5));
    let [list, pane] = Layout::vertical([Constraint::Length(list), Constraint::Min(0)]).areas(body);
    functions::draw(state, theme, frame, list, areas);
    frame::pane::draw(state, theme, frame, pane, areas);
}

fn too_small(frame: &mut Frame, area: Rect) {
    let lines = [
        "terminal too small".to_owned(),
        format!("needs {}×{}", MIN_SIZE.0, MIN_SIZE.1),
        format!("is {}×{}", area.width, area.height),
    ];
    let height = (lines.len() as u16).min(area.height);
    let middle = Rect { y: area.y + (area.height - height) / 2, height, ..area };
    frame.render_widget(Paragraph::new(lines.map(Line::from).to_vec()).centered(), middle);
}
