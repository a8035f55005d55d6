//! Watching: builds and deploys saved changes to the local stage, one round after the other.

use lambda_console_model::{Approval, Changed, Failure, FailureKind};

use super::{copy, start, verb, workspace};
use crate::tui::{
    message::Effect,
    state::{JobId, JobKind, Mood, Notice, State, Watch},
};

/// Starts watching, or stops it.
pub(super) fn toggle(state: &mut State) -> Vec<Effect> {
    if let Some(watch) = state.watch.take() {
        state.jobs.end(watch.job);
        state.tell(Notice::plain("watch off", ""));
        return vec![Effect::Cancel(watch.job)];
    }
    let refusal = if !state.is_local() {
        Some(("watch deploys to the local stage only", "switch to the stage `local`, then watch"))
    } else if state.options.read_only {
        Some(("read-only mode: watch cannot deploy", "restart without `--read-only`"))
    } else if state.is_protected() {
        Some(("the stage is protected: watch cannot deploy", "deploy by hand"))
    } else {
        None
    };
    if let Some((why, hint)) = refusal {
        state.tell(Notice::plain(why, hint));
        return Vec::new();
    }
    let job = start(state, JobKind::Watch);
    state.watch = Some(Watch::new(job));
    state.command = Some(copy::watch(state));
    state.tell(Notice::plain("watching for changes", ""));
    vec![Effect::Watch(job)]
}

/// Handles saved files.
pub(super) fn changed(
    state: &mut State,
    job: JobId,
    result: Result<Changed, Failure>,
) -> Vec<Effect> {
    if state.watch.as_ref().is_none_or(|watch| watch.job != job) {
        return Vec::new();
    }
    let mut changed = match result {
        Ok(changed) => changed,
        Err(failure) => {
            state.tell(Notice::of(&failure));
            return Vec::new();
        }
    };
    let mut effects = Vec::new();
    if let Some(workspace) = changed.workspace.take() {
        effects = workspace::take_in(state, workspace);
    }
    if !changed.files.is_empty() {
        for name in &changed.functions {
            if let Some(card) = state.functions.get_mut(name) {
                card.function.stale = card.function.bootstrap.is_some();
            }
        }
    }
    if let Some(watch) = &mut state.watch
        && !changed.functions.is_empty()
    {
        watch.cause = changed.cause();
        watch.waiting.extend(changed.functions);
    }
    effects
}

/// Builds the waiting functions, unless a build, deploy or run is active: then after it.
pub(super) fn go_on(state: &mut State) -> Vec<Effect> {
    let Some(watch) = state.watch.as_mut().filter(|watch| !watch.waiting.is_empty()) else {
        return Vec::new();
    };
    let hinders = |kind: &JobKind| {
        matches!(kind, JobKind::Build(_) | JobKind::Deploy(_) | JobKind::Delete(_))
    };
    let loops = state.run.as_ref().is_some_and(|run| run.job.is_some());
    if loops || state.jobs.iter().any(|job| hinders(&job.kind)) {
        return Vec::new();
    }
    let cause = watch.cause.clone();
    let mut names: Vec<String> = std::mem::take(&mut watch.waiting).into_iter().collect();
    names.retain(|name| state.functions.get(name).is_some());
    if names.is_empty() {
        return Vec::new();
    }
    let (job, effects) = verb::start_build(state, names.clone());
    let doing = JobKind::Build(names.clone()).title().unwrap_or_default();
    state.output.push(&cause);
    state.tell(Notice::plain(cause, doing));
    if let Some(watch) = &mut state.watch {
        watch.running = Some((job, names));
    }
    effects
}

/// Handles the end of the build `job`. If watching had started it, the functions in `built` are
/// deployed; the others keep their old code.
pub(super) fn built(state: &mut State, job: JobId, built: Vec<String>) -> Vec<Effect> {
    if state.watch.as_mut().and_then(|watch| watch.ended(job)).is_none() || built.is_empty() {
        return Vec::new();
    }
    // A failure of another function stays shown.
    let notice = state.notice.clone();
    let Some((deploy, effects)) = verb::start_deploy(state, built.clone(), Approval::None, None)
    else {
        return Vec::new();
    };
    state.notice = notice;
    if let Some(watch) = &mut state.watch {
        watch.running = Some((deploy, built));
    }
    effects
}

/// Handles the end of the deploy `job`. If watching had started it, the status line shows its
/// cause, or the functions that do not compile.
pub(super) fn deployed(state: &mut State, job: JobId) {
    let Some(watch) = &mut state.watch else { return };
    if watch.ended(job).is_none() {
        return;
    }
    let failing = state.functions.cards.iter().find_map(|card| card.build_failure.as_ref());
    if let Some(notice) = state.notice.as_mut().filter(|notice| notice.hint.is_empty()) {
        match failing {
            Some(failure) if notice.mood != Mood::Bad => {
                *notice = Notice { hint: std::mem::take(&mut notice.text), ..Notice::of(failure) };
            }
            _ => notice.hint.clone_from(&watch.cause),
        }
    }
}

/// Handles that the user's own build replaced the build `job`: its functions wait again.
pub(super) fn broken_off(state: &mut State, job: JobId) {
    if let Some(watch) = &mut state.watch
        && let Some(functions) = watch.ended(job)
    {
        watch.waiting.extend(functions);
    }
}

/// Handles that watching itself failed.
pub(super) fn ended(state: &mut State, job: JobId, result: Result<(), Failure>) {
    state.jobs.end(job);
    if state.watch.take_if(|watch| watch.job == job).is_some()
        && let Err(failure) = result
        && failure.kind != FailureKind::Interrupted
    {
        state.tell(Notice::of(&failure));
    }
}
