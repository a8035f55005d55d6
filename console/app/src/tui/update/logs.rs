//! Logs: tails, the lines of an invocation, and the filter.

use std::collections::BTreeMap;

use lambda_console_model::{
    Failure, FailureKind, Invocation, LogFix, LogLine, LogMark, Sample, TailState,
};

use super::{copy, show, start, verb};
use crate::tui::{
    message::{Action, Effect},
    state::{Context, JobId, JobKind, Notice, Response, Site, State, Tab, Tail, logs::Filter},
};

/// Period before its start that a first tail covers.
const FIRST_LOOK_MS: i64 = 10 * 60 * 1000;

/// Follows the logs of these functions; stops it if they are followed already.
pub(super) fn tail(state: &mut State, functions: Vec<String>) -> Vec<Effect> {
    if functions.is_empty() {
        return verb::none_selected(state);
    }
    let mut effects = Vec::new();
    if let Some((id, kind)) = tail_job(state) {
        effects.push(Effect::Cancel(id));
        state.jobs.end(id);
        settle(state);
        if kind == JobKind::Tail(functions.clone()) {
            state.tell(Notice::plain("tail stopped", ""));
            return effects;
        }
    }
    state.logs.all_functions = functions.len() > 1;
    state.command = Some(copy::tail(state, &functions));
    state.logs.anchor = None;
    show(state, Tab::Logs);
    let since = if state.logs.held() == 0 { state.now - FIRST_LOOK_MS } else { state.now };
    let job = start(state, JobKind::Tail(functions.clone()));
    state.tail = Some(Tail { job, shown: true, state: TailState::default() });
    effects.push(Effect::StartTail { job, functions, since });
    effects
}

/// Follows the logs of these functions again, from the time when that had stopped. The screen is
/// unchanged.
pub(super) fn resume(state: &mut State, functions: Vec<String>, since: i64) -> Vec<Effect> {
    if tail_job(state).is_some() {
        return Vec::new();
    }
    let job = start(state, JobKind::Tail(functions.clone()));
    state.tail = Some(Tail { job, shown: true, state: TailState::default() });
    // From the last known line.
    let since = state.logs.newest().map_or(since, |newest| since.min(newest + 1));
    vec![Effect::StartTail { job, functions, since }]
}

/// Notifies each tail whether its lines are shown, if that has changed.
pub(super) fn tell_shown(state: &mut State) -> Vec<Effect> {
    let is_shown = state.tab == Tab::Logs;
    let here = state.tail.iter_mut().map(|tail| (tail, is_shown));
    let elsewhere = state.sites.values_mut().filter_map(Site::tail_mut).map(|tail| (tail, false));
    let changed = here.chain(elsewhere).filter(|(tail, shown)| tail.shown != *shown);
    let tell = |(tail, shown): (&mut Tail, bool)| {
        tail.shown = shown;
        Effect::ShowTail { job: tail.job, shown }
    };
    changed.map(tell).collect()
}

fn tail_job(state: &State) -> Option<(JobId, JobKind)> {
    state.jobs.newest(|kind| matches!(kind, JobKind::Tail(_))).map(|job| (job.id, job.kind.clone()))
}

pub(super) fn is_tailed(state: &State, function: &str) -> bool {
    state.tailed().iter().any(|name| name == function)
}

/// Adds the time that sessions of the ending tail were open to the total.
fn settle(state: &mut State) {
    if let Some(tail) = state.tail.take() {
        state.live_ms += tail.state.used_at(state.now);
    }
}

pub(super) fn lines(state: &mut State, job: JobId, lines: Vec<LogLine>) {
    if state.jobs.get_mut(job).is_some() {
        state.logs.push(lines);
    }
}

pub(super) fn fixes(state: &mut State, job: JobId, fixes: Vec<LogFix>) {
    if state.jobs.get_mut(job).is_some() {
        state.logs.fix(fixes);
    }
}

pub(super) fn marked(state: &mut State, job: JobId, mark: &LogMark) {
    if state.jobs.get_mut(job).is_some() {
        state.logs.mark(mark);
    }
}

/// Adds the figures of invocations that a tail reported, including those by other clients.
pub(super) fn samples(state: &mut State, job: JobId, samples: Vec<(String, Sample)>) {
    if state.jobs.get_mut(job).is_none() {
        return;
    }
    let mut by_function: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (function, sample) in samples {
        by_function.entry(function).or_default().push(sample);
    }
    for (function, samples) in by_function {
        if let Some(card) = state.functions.get_mut(&function) {
            card.figures = std::mem::take(&mut card.figures).with_all(samples);
        }
    }
}

pub(super) fn stands(state: &mut State, job: JobId, stands: TailState) {
    if let Some(tail) = state.tail.as_mut().filter(|tail| tail.job == job) {
        tail.state = stands;
    }
}

pub(super) fn tail_ended(state: &mut State, job: JobId, result: Result<(), Failure>) {
    if state.jobs.end(job).is_none() {
        return;
    }
    settle(state);
    if let Err(failure) = result
        && failure.kind != FailureKind::Interrupted
    {
        state.tell(Notice::of(&failure));
    }
}

/// Adds the lines from a response, which have no timestamps, unless the log's lines are there or a
/// tail fetches them.
pub(super) fn of_invocation(state: &mut State, invocation: &Invocation) {
    if is_tailed(state, &invocation.function) || state.logs.has_request(&invocation.request_id) {
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
    state.logs.push(lines);
}

/// Starts to fetch the lines of the function's last invocation.
pub(super) fn fetch(state: &mut State, function: &str) -> Option<(JobId, Vec<Effect>)> {
    let response = state.functions.get(function)?.response.as_ref()?;
    let invocation = response.invocation()?;
    let (request_id, since) = (invocation.request_id.clone(), invocation.started_at);
    let function = function.to_owned();
    let job = start(state, JobKind::FetchLogs(function.clone()));
    Some((job, vec![Effect::FetchLogs { job, function, request_id, since }]))
}

/// Adds the lines from the function's response if its log has none yet, or cannot be read.
pub(super) fn of_response(state: &mut State, function: &str) {
    let response = state.functions.get(function).and_then(|card| card.response.as_ref());
    if let Some(invocation) = response.and_then(Response::invocation).cloned() {
        of_invocation(state, &invocation);
    }
}

/// Adds the lines of a request, unless they are there.
pub(super) fn fetched(state: &mut State, lines: Vec<LogLine>) {
    let known = |id: &String| state.logs.has_request(id);
    let tailed = lines.first().is_some_and(|line| is_tailed(state, &line.function));
    if !tailed && !lines.iter().filter_map(|line| line.request_id.as_ref()).any(known) {
        state.logs.push(lines);
    }
}

/// Shows only the lines of the request whose response is shown.
pub(super) fn of_request(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return verb::none_selected(state) };
    let Some(invocation) = card.response.as_ref().and_then(|response| response.invocation()) else {
        state.tell(Notice::plain("no response yet", ""));
        return Vec::new();
    };
    let request_id = Some(invocation.request_id.clone());
    let function = invocation.function.clone();
    let is_known = state.logs.has_request(&invocation.request_id);
    let filter = Filter { request_id, ..state.logs.filter().clone() };
    state.logs.set_filter(filter);
    state.logs.anchor = None;
    show(state, Tab::Logs);
    if is_known {
        Vec::new()
    } else {
        fetch(state, &function).map(|(_, effects)| effects).unwrap_or_default()
    }
}

/// Returns `true` if a filter text or a request narrows the lines.
pub(super) fn is_narrowed(state: &State) -> bool {
    let filter = state.logs.filter();
    !filter.text.is_empty() || filter.request_id.is_some()
}

/// Removes the filters, except for the function.
pub(super) fn show_all_of_selection(state: &mut State) {
    let function = state.logs.filter().function.clone();
    state.logs.set_filter(Filter { function, ..Filter::default() });
}

/// Shows lines that contain `text`.
pub(super) fn filter(state: &mut State, text: &str) {
    let filter = Filter { text: text.to_owned(), ..state.logs.filter().clone() };
    state.logs.set_filter(filter);
}

/// Filters the lines by the selected function. After a change, the newest lines are shown.
pub(super) fn follow_selection(state: &mut State) {
    let wanted =
        if state.logs.all_functions { None } else { state.functions.selected().map(str::to_owned) };
    let filter = state.logs.filter();
    if filter.function != wanted {
        let filter = Filter { function: wanted, request_id: None, text: filter.text.clone() };
        state.logs.anchor = None;
        state.logs.set_filter(filter);
    }
}

/// Changes the display of the lines.
pub(super) fn change(state: &mut State, action: Action) {
    match action {
        Action::Follow => state.logs.toggle_follow(),
        Action::Wrap => {
            state.logs.wrap = !state.logs.wrap;
            state.logs.left = 0;
        }
        Action::AllLogs => {
            state.logs.all_functions = !state.logs.all_functions;
            let which =
                if state.logs.all_functions { "all functions" } else { "the selected function" };
            state.tell(Notice::plain(format!("showing {which}"), ""));
        }
        _ => {
            let cleared = state.logs.clear_shown();
            let key = state.key_of(Context::Logs, Action::Undo.name()).unwrap_or("undo").to_owned();
            state.tell(match cleared {
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
pub(super) fn bring_back(state: &mut State) {
    let lines = state.logs.bring_back();
    state.tell(match lines {
        None => Notice::plain("no cleared lines to restore", ""),
        Some(1) => Notice::plain("restored 1 line", ""),
        Some(lines) => Notice::plain(format!("restored {lines} lines"), ""),
    });
}
