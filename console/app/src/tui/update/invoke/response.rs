//! Responses: parts as they arrive, outcomes of invocations, and the log lines that are linked to
//! them.

use lambda_console_model::{
    Failure, FailureKind, Invocation, RequestLog, ResponsePart, Sample, text::duration,
};

use crate::tui::{
    message::Effect,
    state::{Diagnostic, Mood, Notice, Response, Running, State, Tab, diagnostic},
    task::Task,
    update::{finish::show_result, logs, run, start_on},
};

/// Handles the next part of a response that streams. The first part replaces the previous response.
pub(crate) fn part(state: &mut State, job: &Running, part: ResponsePart) -> Vec<Effect> {
    let Task::Invoke { request } = &*job.task else { return Vec::new() };
    let (now, id) = (state.now, job.id);
    let shown = &mut state.on_mut(&job.stage).function_mut(&request.function).response;
    let begins = shown.as_ref().is_none_or(|shown| shown.job < id);
    let replaced = if begins { shown.replace(Response::arriving(id, now)) } else { None };
    if let Some(response) = shown.as_mut().filter(|response| response.job == id) {
        response.take(part);
    }
    if begins {
        look(state, &job.stage, &request.function);
    }
    unlink(state, &job.stage, replaced)
}

/// Handles the result of an invocation.
pub(crate) fn invoked(
    state: &mut State,
    job: &Running,
    result: Result<Invocation, Failure>,
) -> Vec<Effect> {
    let Task::Invoke { request } = &*job.task else { return Vec::new() };
    let (stage, id, name) = (job.stage.as_str(), job.id, request.function.as_str());
    let worked = result.as_ref().is_ok_and(|invocation| {
        invocation.function_error.is_none() && invocation.cut_off().is_none()
    });
    let notice = match &result {
        Ok(invocation) => story(name, invocation),
        Err(failure) => Notice::of(failure),
    };
    state.notify_on(stage, notice);
    let in_run = state.on(stage).run.as_ref().is_some_and(|run| run.job == Some(id));
    let mut effects = Vec::new();
    let mut linking = None;
    if let Ok(invocation) = &result {
        // Lines from the response have no timestamps, those of the log do. The run's next step and
        // a tail fetch them anyway.
        let is_brought = (in_run && worked) || logs::is_tailed(state, stage, name);
        let is_untimed =
            !invocation.logs.is_empty() && !invocation.request_id.is_empty() && !is_brought;
        if invocation.logs_pending || is_untimed {
            let task = Task::LinkLogs {
                function: name.to_owned(),
                request_id: invocation.request_id.clone(),
                since: invocation.started_at,
            };
            let (link, effect) = start_on(state, stage, task);
            linking = Some(link);
            effects.push(effect);
        }
    }
    let rows = usize::from(state.viewport.rows);
    let mut replaced = None;
    let function = state.on_mut(stage).function_mut(name);
    if let Ok(invocation) = &result
        && let Some(sample) = sample(invocation)
    {
        function.figures = std::mem::take(&mut function.figures).with(sample);
    }
    match &mut function.response {
        Some(response) if response.job == id => response.end(result, rows),
        Some(response) if response.job > id => {}
        _ => replaced = function.response.replace(Response::new(id, result)),
    }
    if let Some(response) = function.response.as_mut().filter(|response| response.job == id) {
        response.linking = linking;
    }
    effects.extend(unlink(state, stage, replaced));
    look(state, stage, name);
    effects.extend(run::ended(state, job, worked));
    effects
}

/// Returns `hello: 200 in 12.4 ms`, or the error.
fn story(name: &str, invocation: &Invocation) -> Notice {
    match (&invocation.function_error, invocation.cut_off()) {
        (Some(error), _) => Notice {
            mood: Mood::Bad,
            text: match diagnostic(invocation) {
                Some(Diagnostic { error_type, error_message }) => {
                    format!("{name}: {error_type}: {error_message}")
                }
                None => format!("{name}: {error} error"),
            },
            hint: format!("request {}", invocation.request_id),
        },
        (None, Some(failure)) if failure.kind == FailureKind::Interrupted => {
            Notice::plain(format!("{name}: cancelled; partial response kept"), "")
        }
        (None, Some(failure)) => Notice::of(failure),
        (None, None) => Notice::good(format!(
            "{name}: {} in {}",
            invocation.status,
            duration(invocation.client_ms)
        )),
    }
}

/// Shows the response of the selected function if the payload or build tab hides it.
fn look(state: &mut State, stage: &str, name: &str) {
    let is_hidden = state.tab == Tab::Payload && !state.viewport.response_below;
    if state.functions.selected() == Some(name) && (is_hidden || state.tab == Tab::Build) {
        show_result(state, stage, Tab::Response);
    }
}

/// Cancels fetching the log lines of a response that is no longer shown: those that arrived with it
/// are kept.
fn unlink(state: &mut State, stage: &str, replaced: Option<Response>) -> Vec<Effect> {
    let Some(response) = replaced else { return Vec::new() };
    let Some(job) = response.linking.filter(|&job| state.jobs.end(job).is_some()) else {
        return Vec::new();
    };
    if let Some(invocation) = response.invocation() {
        logs::of_invocation(state, stage, invocation);
    }
    vec![Effect::Cancel(job)]
}

/// Handles log lines of a request that arrived after its response.
pub(crate) fn linked(
    state: &mut State,
    job: &Running,
    result: Result<RequestLog, Failure>,
) -> Vec<Effect> {
    let Task::LinkLogs { function: name, .. } = &*job.task else { return Vec::new() };
    let stage = job.stage.as_str();
    let function = state.on_mut(stage).function_mut(name);
    let response = function.response.as_mut().filter(|response| response.linking == Some(job.id));
    let Some(response) = response else { return Vec::new() };
    if !matches!(&result, Ok(log)if! log.is_whole) {
        response.linking = None;
    }
    match result {
        Ok(log) => {
            let had_report =
                response.invocation().is_some_and(|invocation| invocation.report.is_some());
            response.link(&log);
            let sample = response.invocation().filter(|_| !had_report).and_then(sample);
            if let Some(sample) = sample {
                function.figures = std::mem::take(&mut function.figures).with(sample);
            }
            if log.is_whole {
                logs::fetched(state, stage, log.lines);
            }
        }
        Err(failure) if failure.kind == FailureKind::Interrupted => {}
        Err(failure) => {
            // The tail of the log from the response is all there is to show.
            let invocation = response.invocation().cloned();
            if let Some(invocation) = &invocation {
                logs::of_invocation(state, stage, invocation);
            }
            if invocation.is_none_or(|invocation| invocation.logs_pending) {
                state.notify_on(stage, Notice::of(&failure));
            }
        }
    }
    Vec::new()
}

fn sample(invocation: &Invocation) -> Option<Sample> {
    let report = invocation.report.as_ref()?;
    Some(Sample {
        at: invocation.started_at,
        request_id: invocation.request_id.clone(),
        init_ms: report.init_ms,
        duration_ms: report.duration_ms,
        billed_ms: report.billed_ms,
        max_memory_mb: report.max_memory_mb,
        emulated: report.emulated,
        failed: invocation.function_error.is_some(),
    })
}
