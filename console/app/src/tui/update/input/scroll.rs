//! Scrolling and selection: lists, text and panes that only scroll.

use ratatui_textarea::CursorMove;

use crate::tui::{
    message::Action,
    state::{Focus, Outcome, Overlay, State, Tab, Target},
    update::settings,
};

/// Number of columns per step to the side.
const SIDE_STEP: usize = 8;

/// Moves the focused part.
pub(crate) fn go(state: &mut State, action: Action) {
    if let Some(sideways) = match action {
        Action::Left => Some(-1),
        Action::Right => Some(1),
        _ => None,
    } {
        side(state, sideways);
        return;
    }
    let rows = match (&state.overlay, state.focus) {
        (Some(_), _) => state.viewport.overlay,
        (None, Focus::Functions) => state.viewport.functions,
        (None, Focus::Tab | Focus::Edit) => state.viewport.rows,
    };
    let page = isize::from(i16::try_from(rows.max(2)).unwrap_or(i16::MAX)) - 1;
    let lines = match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::Top => isize::MIN,
        _ => isize::MAX,
    };
    if state.overlay.is_some() {
        overlay(state, lines);
    } else if state.focus == Focus::Functions {
        functions(state, lines);
    } else if state.tab != Tab::Settings || !settings::go(state, lines) {
        pane(state, lines);
    }
}

/// Scrolls the part under the mouse.
pub(crate) fn wheel(state: &mut State, target: Target, lines: i16) {
    let lines = isize::from(lines);
    match target {
        Target::Choice(_) | Target::Overlay => overlay(state, lines),
        _ if state.overlay.is_some() => {}
        Target::Function(_) | Target::Functions => functions(state, lines.signum()),
        Target::Pane | Target::Editor { .. } | Target::Tab(_) => pane(state, lines),
    }
}

/// Returns `at` moved by `lines`, so that the last of `count` lines stays at the bottom of `rows`
/// rows.
fn moved(at: usize, lines: isize, count: usize, rows: u16) -> usize {
    let last = count.saturating_sub(usize::from(rows));
    at.min(last).saturating_add_signed(lines).min(last)
}

fn overlay(state: &mut State, lines: isize) {
    let viewport = state.viewport;
    match &mut state.overlay {
        Some(Overlay::Help(top)) => {
            *top = moved(*top, lines, viewport.overlay_lines, viewport.overlay);
        }
        Some(Overlay::Plan(plan)) => {
            plan.top = moved(plan.top, lines, viewport.overlay_lines, viewport.overlay);
        }
        Some(Overlay::Versions(picker)) => {
            let last =
                picker.found.as_ref().map_or(0, |found| found.versions.len()).saturating_sub(1);
            picker.selected = picker.selected.saturating_add_signed(lines).min(last);
        }
        Some(Overlay::Choose(choose)) => {
            let last = choose.matches.len().saturating_sub(1);
            choose.selected = choose.selected.saturating_add_signed(lines).min(last);
        }
        Some(Overlay::Line(_) | Overlay::Login) | None => {}
    }
}

fn functions(state: &mut State, lines: isize) {
    let index = match state.functions.position() {
        Some(position) => position.saturating_add_signed(lines),
        None => 0,
    };
    state.functions.select(index);
    if state.tab != Tab::Build {
        state.top = 0;
    }
}

fn pane(state: &mut State, lines: isize) {
    let viewport = state.viewport;
    let rows = viewport.rows;
    match state.tab {
        Tab::Payload => {
            let Some(card) = state.functions.current_mut() else { return };
            let editor = &mut card.draft.editor;
            match lines {
                isize::MIN => editor.move_cursor(CursorMove::Top),
                isize::MAX => editor.move_cursor(CursorMove::Bottom),
                lines => {
                    let rows = lines.clamp(-10_000, 10_000) as i16;
                    editor.scroll(rows);
                }
            }
        }
        Tab::Response => {
            let Some(response) =
                state.selected_mut().and_then(|(_, function)| function.response.as_mut())
            else {
                return;
            };
            let last = viewport.lines.saturating_sub(usize::from(rows));
            let top = if response.follow { last } else { response.top };
            response.top = moved(top, lines, viewport.lines, rows);
            response.follow =
                response.top >= last && matches!(response.outcome, Outcome::Arriving(_));
        }
        Tab::Logs => state.stage_mut().logs.scroll(lines, usize::from(rows)),
        Tab::Build => {
            let count = state.output.len();
            let last = count.saturating_sub(usize::from(rows));
            let top = moved(state.output.top.unwrap_or(last), lines, count, rows);
            state.output.top = (top < last).then_some(top);
        }
        Tab::Metrics | Tab::Settings => {
            state.top = moved(state.top, lines, viewport.lines, rows);
        }
    }
}

fn side(state: &mut State, direction: isize) {
    let step = |left: &mut usize| {
        *left = left.saturating_add_signed(direction * SIDE_STEP as isize);
    };
    match state.tab {
        _ if state.focus == Focus::Functions || state.overlay.is_some() => {}
        Tab::Payload => {
            if let Some(card) = state.functions.current_mut() {
                let editor = &mut card.draft.editor;
                editor.move_cursor(if direction < 0 {
                    CursorMove::Back
                } else {
                    CursorMove::Forward
                });
            }
        }
        Tab::Response => {
            if let Some(response) =
                state.selected_mut().and_then(|(_, function)| function.response.as_mut())
            {
                step(&mut response.left);
            }
        }
        Tab::Logs if !state.stage().logs.wrap => step(&mut state.stage_mut().logs.left),
        Tab::Build => step(&mut state.output.left),
        Tab::Logs | Tab::Metrics | Tab::Settings => {}
    }
}
