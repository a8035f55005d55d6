//! The first line: workspace, stage with account and region, architecture, running job, time.

use lambda_console_model::Architecture;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::tui::{
    state::{Connection, Running, Setup, State, WorkspaceState},
    theme::Theme,
    view::{
        stages::expiry,
        text::{clock, columns, fit, line_columns, put_line},
    },
};

const NAME: &str = " lambda-console  ";
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Returns the current character of the spinner.
pub(crate) fn spinner(state: &State) -> char {
    SPINNER[(state.now / 100).rem_euclid(10) as usize]
}

pub(crate) fn draw(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    let (hours, minutes, ..) = clock(state.now, state.utc_offset);
    let mut right = vec![Span::styled(format!("  {hours:02}:{minutes:02} "), theme.dim)];
    if let Some(job) = state.jobs.shown() {
        right.insert(
            0,
            Span::styled(fit(&running(state, job), usize::from(area.width) / 3), theme.busy),
        );
    } else if let Some((text, style)) = trouble(state, theme) {
        right.insert(0, Span::styled(text, style));
    }
    let right = Line::from(right);
    let room = usize::from(area.width).saturating_sub(line_columns(&right) + 1);

    let stage = stage(state, theme);
    let needed: usize = stage.iter().map(|span| columns(&span.content)).sum();
    let workspace = match &state.workspace {
        WorkspaceState::Reading => "reading the workspace …".to_owned(),
        WorkspaceState::Read(workspace) => workspace.name.clone(),
        WorkspaceState::Broken(_) => "✗ workspace".to_owned(),
    };
    // Space that the stage leaves goes to the workspace, then to the console's name.
    let spare = room.saturating_sub(needed);
    let shows_name = spare > columns(NAME) + columns(&workspace) + 1;
    let mut left = Vec::new();
    if shows_name {
        left.push(Span::styled(NAME, theme.title));
    } else {
        left.push(Span::raw(" "));
    }
    let used: usize = left.iter().map(|span| columns(&span.content)).sum();
    let workspace = fit(&workspace, spare.saturating_sub(used + 2));
    if !workspace.is_empty() {
        left.push(Span::styled(format!("{workspace}  "), theme.title));
    }
    left.extend(stage);
    let width = area.width;
    put_line(frame.buffer_mut(), (area.x, area.y), &Line::from(left), room as u16);
    let right_width = (line_columns(&right) as u16).min(width);
    put_line(frame.buffer_mut(), (area.x + width - right_width, area.y), &right, right_width);
}

fn stage<'a>(state: &State, theme: &Theme) -> Vec<Span<'a>> {
    let name = format!("stage {}", state.active);
    let mut spans = Vec::new();
    match &state.stage().connection {
        Connection::Connecting => spans.push(Span::raw(format!("{name} …"))),
        Connection::Connected(info) => {
            spans.push(Span::styled(name, theme.title));
            spans.push(Span::raw(format!(" {} {}", info.account, info.region)));
            if let Some((text, style)) = expiry(state, theme, info) {
                spans.push(Span::styled(format!(" {text}"), style));
            }
        }
        Connection::Failed(_) => spans.push(Span::styled(format!("✗ {name}"), theme.bad)),
    }
    if state.stage().login.is_some() {
        spans.push(Span::styled("  log in", theme.bad));
    }
    if state.options.read_only {
        spans.push(Span::styled("  read-only", theme.warn));
    }
    if state.stage().watch.is_some() {
        spans.push(Span::styled("  watching", theme.busy));
        let failing = state.functions.cards.iter().filter(|card| card.build_failure.is_some());
        let names: Vec<&str> = failing.map(|card| card.function.name.as_str()).collect();
        match names.as_slice() {
            [] => {}
            [name] => spans.push(Span::styled(format!(" ✗ {}", fit(name, 20)), theme.bad)),
            names => spans.push(Span::styled(format!(" ✗ {} functions", names.len()), theme.bad)),
        }
    }
    let own = || {
        let card = state.functions.current();
        card.map(|card| state.architecture_of(card)).unwrap_or_default()
    };
    let architecture = state.architecture.unwrap_or_else(own);
    let emulator = match &state.stage().connection {
        Connection::Connected(info) if architecture == Architecture::Arm64 => {
            info.emulator.as_deref()
        }
        _ => None,
    };
    let emulator = emulator.map(|_| " (qemu)").unwrap_or_default();
    let debug = if state.debug { " debug" } else { "" };
    spans.push(Span::raw(format!("  {architecture}{emulator}{debug}")));
    if let Connection::Connected(info) = &state.stage().connection
        && !info.identity.is_empty()
    {
        spans.push(Span::styled(format!("  {}", fit(info.caller(), 30)), theme.dim));
    }
    spans
}

/// Returns `⠋ build 2/6 serde`.
fn running(state: &State, job: &Running) -> String {
    let mut words = vec![spinner(state).to_string(), job.task.title().unwrap_or_default()];
    if !state.is_active(&job.stage) && !job.task.is_of_workspace() {
        words.push(format!("on {}", job.stage));
    }
    if job.cancelled {
        words.push("cancelling".into());
        return words.join(" ");
    }
    words.extend(job.progress.count());
    words.extend(Some(job.progress.text.clone()).filter(|text| !text.is_empty()));
    let others = state.jobs.iter().filter(|other| other.task.title().is_some()).count() - 1;
    if others > 0 {
        words.push(format!("+{others}"));
    }
    words.join(" ")
}

/// Returns a problem that blocks work and is not shown elsewhere.
fn trouble(state: &State, theme: &Theme) -> Option<(String, ratatui::style::Style)> {
    if matches!(state.setup, Setup::Failed(_)) {
        return Some(("✗ setup".into(), theme.bad));
    }
    let whose = match state.tailed(&state.active) {
        [] => return None,
        [name] => name.clone(),
        _ => "all".into(),
    };
    Some((format!("tail {}", fit(&whose, 20)), theme.dim))
}
