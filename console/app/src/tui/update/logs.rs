//! Logs: tails, the lines of an invocation, and the filter.

use std::collections::BTreeMap;

use lambda_console_model::{Failure, FailureKind, Invocation, LogLine, Sample, TailState};

use super::{copy, show, start_on, verb};
use crate::tui::{
    message::{Action, Effect},
    state::{Context, JobId, Notice, Response, Running, State, Tab, Tail, logs::Filter},
    task::Task,
};

/// Period before its start that a first tail covers.
const FIRST_LOOK_MS: i64 = 10 * 60 * 1000;

/// Follows the logs of these functions; stops it if they are followed already.
pub(super) fn tail(state: &mut State, functions: Vec<String>) -> Vec<Effect> {
    if functions.is_empty() {
        return verb::none_selected(state);
    }
    let mut effects = Vec::new();
    let stage = state.active.clone();
    if let Some(running) = tail_job(state, &stage) {
        effects.push(Effect::Cancel(running));
        let was_same = state.tailed(&stage) == functions;
        state.jobs.end(running);
        settle(state, &stage);
        if was_same {
            state.notify(Notice::plain("tail stopped", ""));
            return effects;
        }
    }
    state.command = Some(copy::tail(state, &functions));
    show(state, Tab::Logs);
    let now = state.now;
    let logs = &mut state.on_mut(&stage).logs;
    logs.all_functions = functions.len() > 1;
    logs.anchor = None;
    let since = if logs.held() == 0 { now - FIRST_LOOK_MS } else { now };
    effects.push(begin(state, &stage, functions, since));
    effects
}

fn begin(state: &mut State, stage: &str, functions: Vec<String>, since: i64) -> Effect {
    let (job, effect) = start_on(state, stage, Task::StartTail { functions, since });
    state.on_mut(stage).tail = Some(Tail { job, shown: true, state: TailState::default() });
    effect
}

/// Follows the logs of these functions on `stage` again, from the time when that had stopped. The
/// screen is unchanged.
pub(super) fn resume(
    state: &mut State,
    stage: &str,
    functions: &[String],
    since: i64,
) -> Option<Effect> {
    if tail_job(state, stage).is_some() {
        return None;
    }
    // From the last known line.
    let since = state.on(stage).logs.newest().map_or(since, |newest| since.min(newest + 1));
    Some(begin(state, stage, functions.to_vec(), since))
}

/// Notifies each tail whether its lines are shown, if that has changed.
pub(super) fn notify_shown(state: &mut State) -> Vec<Effect> {
    let is_shown = |stage: &String| state.tab == Tab::Logs && *stage == state.active;
    let tails = state
        .stages
        .iter_mut()
        .filter_map(|(stage, on_stage)| Some((on_stage.tail.as_mut()?, is_shown(stage))));
    let changed = tails.filter(|(tail, shown)| tail.shown != *shown);
    let notify = |(tail, shown): (&mut Tail, bool)| {
        tail.shown = shown;
        Effect::ShowTail { job: tail.job, shown }
    };
    changed.map(notify).collect()
}

fn tail_job(state: &State, stage: &str) -> Option<JobId> {
    state.jobs.newest(stage, |task| matches!(task, Task::StartTail { .. })).map(|job| job.id)
}

pub(super) fn is_tailed(state: &State, stage: &str, function: &str) -> bool {
    state.tailed(stage).iter().any(|name| name == function)
}

/// Adds the time that sessions of the ending tail were open to the total.
fn settle(state: &mut State, stage: &str) {
    let now = state.now;
    let stage = state.on_mut(stage);
    if let Some(tail) = stage.tail.take() {
        stage.live_ms += tail.state.used_at(now);
    }
}

/// Adds the figures of invocations that a tail reported, including those by other clients.
pub(super) fn samples(state: &mut State, stage: &str, samples: Vec<(String, Sample)>) {
    let mut by_function: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (function, sample) in samples {
        by_function.entry(function).or_default().push(sample);
    }
    for (function, samples) in by_function {
        let figures = &mut state.on_mut(stage).function_mut(&function).figures;
        *figures = std::mem::take(figures).with_all(samples);
    }
}

/// Handles the state that a tail reports.
pub(super) fn reported(state: &mut State, job: &Running, reported: TailState) {
    let tail = state.on_mut(&job.stage).tail.as_mut();
    if let Some(tail) = tail.filter(|tail| tail.job == job.id) {
        tail.state = reported;
    }
}

/// Handles the end of the tail of `stage`.
pub(super) fn tail_ended(state: &mut State, stage: &str, result: Result<(), Failure>) {
    settle(state, stage);
    if let Err(failure) = result
        && failure.kind != FailureKind::Interrupted
    {
        state.notify_on(stage, Notice::of(&failure));
    }
}

/// Adds the lines from a response, which have no timestamps, unless the log's lines are there or a
/// tail fetches them.
pub(super) fn of_invocation(state: &mut State, stage: &str, invocation: &Invocation) {
    let is_known = state.on(stage).logs.has_request(&invocation.request_id);
    if is_known || is_tailed(state, stage, &invocation.function) {
        return;
    }
    let line = |(rank, message): (usize, &String)| LogLine {
        timestamp: state.now,
        function: invocation.function.clone(),
        stream: String::new(),
        rank: rank as i64,
        request_id: Some(invocation.request_id.clone()),
        message: message.clone(),
    };
    let lines = invocation.logs.iter().enumerate().map(line).collect();
    state.on_mut(stage).logs.push(lines);
}

/// Starts to fetch the lines of the function's last invocation on `stage`.
pub(super) fn fetch(state: &mut State, stage: &str, function: &str) -> Option<(JobId, Effect)> {
    let invocation = state.on(stage).function(function).response.as_ref()?.invocation()?;
    let (request_id, since) = (invocation.request_id.clone(), invocation.started_at);
    let function = function.to_owned();
    Some(start_on(state, stage, Task::FetchLogs { function, request_id, since }))
}

/// Adds the lines from the function's response if its log has none yet, or cannot be read.
pub(super) fn of_response(state: &mut State, stage: &str, function: &str) {
    let response = state.on(stage).function(function).response.as_ref();
    if let Some(invocation) = response.and_then(Response::invocation).cloned() {
        of_invocation(state, stage, &invocation);
    }
}

/// Adds the lines of a request, unless they are there.
pub(super) fn fetched(state: &mut State, stage: &str, lines: Vec<LogLine>) {
    let known = |id: &String| state.on(stage).logs.has_request(id);
    let tailed = lines.first().is_some_and(|line| is_tailed(state, stage, &line.function));
    if !tailed && !lines.iter().filter_map(|line| line.request_id.as_ref()).any(known) {
        state.on_mut(stage).logs.push(lines);
    }
}

/// Shows only the lines of the request whose response is shown.
pub(super) fn of_request(state: &mut State) -> Vec<Effect> {
    let Some((_, function)) = state.selected() else { return verb::none_selected(state) };
    let Some(invocation) = function.response.as_ref().and_then(Response::invocation) else {
        state.notify(Notice::plain("no response yet", ""));
        return Vec::new();
    };
    let request_id = invocation.request_id.clone();
    let function = invocation.function.clone();
    let stage = state.active.clone();
    let logs = &mut state.on_mut(&stage).logs;
    let is_known = logs.has_request(&request_id);
    logs.set_filter(Filter { request_id: Some(request_id), ..logs.filter().clone() });
    logs.anchor = None;
    show(state, Tab::Logs);
    if is_known {
        return Vec::new();
    }
    fetch(state, &stage, &function).map(|(_, effect)| effect).into_iter().collect()
}

/// Returns `true` if a filter text or a request narrows the lines.
pub(super) fn is_narrowed(state: &State) -> bool {
    let filter = state.stage().logs.filter();
    !filter.text.is_empty() || filter.request_id.is_some()
}

/// Removes the filters, except for the function.
pub(super) fn show_all_of_selection(state: &mut State) {
    let logs = &mut state.stage_mut().logs;
    let function = logs.filter().function.clone();
    logs.set_filter(Filter { function, ..Filter::default() });
}

/// Shows lines that contain `text`.
pub(super) fn filter(state: &mut State, text: &str) {
    let logs = &mut state.stage_mut().logs;
    logs.set_filter(Filter { text: text.to_owned(), ..logs.filter().clone() });
}

/// Filters the lines by the selected function. After a change, the newest lines are shown.
pub(super) fn follow_selection(state: &mut State) {
    let all = state.stage().logs.all_functions;
    let wanted = if all { None } else { state.functions.selected() };
    if state.stage().logs.filter().function.as_deref() != wanted {
        let wanted = wanted.map(str::to_owned);
        let logs = &mut state.stage_mut().logs;
        let text = logs.filter().text.clone();
        logs.anchor = None;
        logs.set_filter(Filter { function: wanted, request_id: None, text });
    }
}

/// Changes the display of the lines.
pub(super) fn change(state: &mut State, action: Action) {
    let logs = &mut state.stage_mut().logs;
    match action {
        Action::Follow => logs.toggle_follow(),
        Action::Wrap => {
            logs.wrap = !logs.wrap;
            logs.left = 0;
        }
        Action::AllLogs => {
            logs.all_functions = !logs.all_functions;
            let which = if logs.all_functions { "all functions" } else { "the selected function" };
            state.notify(Notice::plain(format!("showing {which}"), ""));
        }
        _ => {
            let cleared = logs.clear_shown();
            let key = state.key_of(Context::Logs, Action::Undo).unwrap_or("undo").to_owned();
            state.notify(match cleared {
                0 => Notice::plain("no lines to clear", ""),
                1 => Notice::plain("cleared 1 line", format!("{key} restores it")),
                lines => {
                    Notice::plain(format!("cleared {lines} lines"), format!("{key} restores them"))
                }
            });
        }
    }
}

/// Restores the lines that were cleared last.
pub(super) fn restore_cleared(state: &mut State) {
    let lines = state.stage_mut().logs.restore_cleared();
    state.notify(match lines {
        None => Notice::plain("no cleared lines to restore", ""),
        Some(1) => Notice::plain("restored 1 line", ""),
        Some(lines) => Notice::plain(format!("restored {lines} lines"), ""),
    });
}
