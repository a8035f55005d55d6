//! Responses: parts as they arrive, outcomes of invocations, and the log lines that are linked to
//! them.

use lambda_console_model::{
    Failure, FailureKind, Invocation, RequestLog, ResponsePart, Sample, text::duration,
};

use crate::tui::{
    message::Effect,
    state::{Diagnostic, JobId, JobKind, Mood, Notice, Response, State, Tab, diagnostic},
    update::{finish::bring_up, logs, run, start},
};

/// Handles the next part of a response that streams. The first part replaces the previous response.
pub(crate) fn part(state: &mut State, job: JobId, part: ResponsePart) -> Vec<Effect> {
    let Some(JobKind::Invoke(name)) = state.jobs.get_mut(job).map(|running| running.kind.clone())
    else {
        return Vec::new();
    };
    let now = state.now;
    let Some(card) = state.functions.get_mut(&name) else { return Vec::new() };
    let shown = card.response.as_ref().map(|response| response.job);
    let begins = shown.is_none_or(|shown| shown < job);
    let replaced = if begins { card.response.replace(Response::arriving(job, now)) } else { None };
    if let Some(response) = card.response.as_mut().filter(|response| response.job == job) {
        response.take(part);
    }
    if begins {
        look(state, &name);
    }
    unlink(state, replaced)
}

/// Handles the result of an invocation.
pub(crate) fn invoked(
    state: &mut State,
    job: JobId,
    result: Result<Invocation, Failure>,
) -> Vec<Effect> {
    let Some(JobKind::Invoke(name)) = state.jobs.end(job).map(|ended| ended.kind) else {
        return Vec::new();
    };
    let worked = result.as_ref().is_ok_and(|invocation| {
        invocation.function_error.is_none() && invocation.cut_off().is_none()
    });
    state.tell(match &result {
        Ok(invocation) => story(&name, invocation),
        Err(failure) => Notice::of(failure),
    });
    let in_run = state.run.as_ref().is_some_and(|run| run.job == Some(job));
    let mut effects = Vec::new();
    let mut linking = None;
    if let Ok(invocation) = &result {
        // Lines from the response have no timestamps, those of the log do. The run's next step and
        // a tail fetch them anyway.
        let is_brought = (in_run && worked) || logs::is_tailed(state, &name);
        let is_untimed =
            !invocation.logs.is_empty() && !invocation.request_id.is_empty() && !is_brought;
        if invocation.logs_pending || is_untimed {
            let id = start(state, JobKind::LinkLogs(name.clone()));
            linking = Some(id);
            effects.push(Effect::LinkLogs {
                job: id,
                function: name.clone(),
                request_id: invocation.request_id.clone(),
                since: invocation.started_at,
            });
        }
    }
    let rows = usize::from(state.viewport.rows);
    let mut replaced = None;
    if let Some(card) = state.functions.get_mut(&name) {
        if let Ok(invocation) = &result
            && let Some(sample) = sample(invocation)
        {
            card.figures = std::mem::take(&mut card.figures).with(sample);
        }
        match &mut card.response {
            Some(response) if response.job == job => response.end(result, rows),
            Some(response) if response.job > job => {}
            _ => replaced = card.response.replace(Response::new(job, result)),
        }
        if let Some(response) = card.response.as_mut().filter(|response| response.job == job) {
            response.linking = linking;
        }
    }
    effects.extend(unlink(state, replaced));
    look(state, &name);
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
fn look(state: &mut State, name: &str) {
    let is_hidden = state.tab == Tab::Payload && !state.viewport.response_below;
    if state.functions.selected() == Some(name) && (is_hidden || state.tab == Tab::Build) {
        bring_up(state, Tab::Response);
    }
}

/// Cancels fetching the log lines of a response that is no longer shown: those that arrived with it
/// are kept.
fn unlink(state: &mut State, replaced: Option<Response>) -> Vec<Effect> {
    let Some(response) = replaced else { return Vec::new() };
    let Some(job) = response.linking.filter(|&job| state.jobs.end(job).is_some()) else {
        return Vec::new();
    };
    if let Some(invocation) = response.invocation() {
        logs::of_invocation(state, invocation);
    }
    vec![Effect::Cancel(job)]
}

/// Handles log lines of a request that arrived after its response.
pub(crate) fn linked(
    state: &mut State,
    job: JobId,
    result: Result<RequestLog, Failure>,
) -> Vec<Effect> {
    let Some(JobKind::LinkLogs(name)) = state.jobs.get_mut(job).map(|running| running.kind.clone())
    else {
        return Vec::new();
    };
    let ends = !matches!(&result, Ok(log) if !log.is_whole);
    if ends {
        state.jobs.end(job);
    }
    let Some(card) = state.functions.get_mut(&name) else { return Vec::new() };
    let Some(response) = card.response.as_mut().filter(|response| response.linking == Some(job))
    else {
        return Vec::new();
    };
    if ends {
        response.linking = None;
    }
    match result {
        Ok(log) => {
            let had_report =
                response.invocation().is_some_and(|invocation| invocation.report.is_some());
            response.link(&log);
            let sample = response.invocation().filter(|_| !had_report).and_then(sample);
            if let Some(sample) = sample {
                card.figures = std::mem::take(&mut card.figures).with(sample);
            }
            if log.is_whole {
                logs::fetched(state, log.lines);
            }
        }
        Err(failure) if failure.kind == FailureKind::Interrupted => {}
        Err(failure) => {
            // The tail of the log from the response is all there is to show.
            let invocation = response.invocation().cloned();
            if let Some(invocation) = &invocation {
                logs::of_invocation(state, invocation);
            }
            if invocation.is_none_or(|invocation| invocation.logs_pending) {
                state.tell(Notice::of(&failure));
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
