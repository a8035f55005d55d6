//! Watching: builds and deploys saved changes to the local stage, one round after the other.

use lambda_console_model::{Approval, Changed, Failure, FailureKind};

use super::{copy, start_on, verb, workspace};
use crate::tui::{
    message::Effect,
    state::{Mood, Notice, Running, State, Watch},
    task::Task,
};

/// Starts watching, or stops it.
pub(super) fn toggle(state: &mut State) -> Vec<Effect> {
    if let Some(watch) = state.stage_mut().watch.take() {
        state.jobs.end(watch.job);
        state.notify(Notice::plain("watch off", ""));
        return vec![Effect::Cancel(watch.job)];
    }
    let refusal = if !state.is_local() {
        Some(("watch deploys to the local stage only", "switch to the stage `local`, then watch"))
    } else if state.options.read_only {
        Some(("read-only mode: watch cannot deploy", "restart without `--read-only`"))
    } else if state.is_protected() {
        Some(("the stage is protected: watch cannot deploy", "deploy manually"))
    } else {
        None
    };
    if let Some((why, hint)) = refusal {
        state.notify(Notice::plain(why, hint));
        return Vec::new();
    }
    let stage = state.active.clone();
    let (job, effect) = start_on(state, &stage, Task::Watch);
    state.stage_mut().watch = Some(Watch::new(job));
    state.command = Some(copy::watch(state));
    state.notify(Notice::plain("watching for changes", ""));
    vec![effect]
}

/// Handles saved files.
pub(super) fn changed(
    state: &mut State,
    job: &Running,
    result: Result<Changed, Failure>,
) -> Vec<Effect> {
    let mut changed = match result {
        Ok(changed) => changed,
        Err(failure) => {
            state.notify_on(&job.stage, Notice::of(&failure));
            return Vec::new();
        }
    };
    let mut effects = Vec::new();
    if let Some(workspace) = changed.workspace.take() {
        effects = workspace::take_in(state, &job.stage, workspace);
    }
    if !changed.files.is_empty() {
        for name in &changed.functions {
            if let Some(card) = state.functions.get_mut(name) {
                card.function.stale = card.function.bootstrap.is_some();
            }
        }
    }
    if let Some(watch) = &mut state.on_mut(&job.stage).watch
        && !changed.functions.is_empty()
    {
        watch.cause = changed.cause();
        watch.waiting.extend(changed.functions);
    }
    effects
}

/// Builds the waiting functions, unless a build, deploy or run is active: then after it.
pub(super) fn resume(state: &mut State, stage: &str) -> Vec<Effect> {
    let hinders = |task: &Task| {
        matches!(task, Task::Build { .. } | Task::Deploy { .. } | Task::Delete { .. })
    };
    let runs = state.on(stage).run.as_ref().is_some_and(|run| run.job.is_some());
    if runs || state.jobs.iter().any(|job| hinders(&job.task)) {
        return Vec::new();
    }
    let Some(watch) = &mut state.on_mut(stage).watch else { return Vec::new() };
    let cause = watch.cause.clone();
    let mut names: Vec<String> = std::mem::take(&mut watch.waiting).into_iter().collect();
    names.retain(|name| state.functions.get(name).is_some());
    if names.is_empty() {
        return Vec::new();
    }
    let (job, effects) = verb::start_build(state, stage, names.clone());
    let doing = state.jobs.get(job).and_then(|job| job.task.title()).unwrap_or_default();
    state.output.push(&cause);
    state.notify_on(stage, Notice::plain(cause, doing));
    if let Some(watch) = &mut state.on_mut(stage).watch {
        watch.running = Some((job, names));
    }
    effects
}

/// Handles the end of the build `job`. If watching had started it, the functions in `built` are
/// deployed; the others keep their old code.
pub(super) fn built(state: &mut State, job: &Running, built: Vec<String>) -> Vec<Effect> {
    let stage = job.stage.as_str();
    let watch = state.on_mut(stage).watch.as_mut();
    if watch.and_then(|watch| watch.ended(job.id)).is_none() || built.is_empty() {
        return Vec::new();
    }
    let started = verb::start_deploy(state, stage, &built, Approval::None, None);
    let Some((deploy, effect)) = started else { return Vec::new() };
    if let Some(watch) = &mut state.on_mut(stage).watch {
        watch.running = Some((deploy, built));
    }
    vec![effect]
}

/// Handles the end of the deploy `job`, and returns its message. If watching had started it, the
/// message has the cause, or the functions that do not compile.
pub(super) fn deployed(state: &mut State, job: &Running, notice: Notice) -> Notice {
    let Some(watch) = &mut state.on_mut(&job.stage).watch else { return notice };
    if watch.ended(job.id).is_none() || !notice.hint.is_empty() {
        return notice;
    }
    let cause = watch.cause.clone();
    match state.functions.cards.iter().find_map(|card| card.build_failure.as_ref()) {
        Some(failure) if notice.mood != Mood::Bad => {
            Notice { hint: notice.text, ..Notice::of(failure) }
        }
        _ => Notice { hint: cause, ..notice },
    }
}

/// Handles that the user's own build replaced the build `job`: its functions wait again.
pub(super) fn superseded(state: &mut State, job: &Running) {
    if let Some(watch) = &mut state.on_mut(&job.stage).watch
        && let Some(functions) = watch.ended(job.id)
    {
        watch.waiting.extend(functions);
    }
}

/// Handles that watching itself failed.
pub(super) fn ended(state: &mut State, job: &Running, result: Result<(), Failure>) {
    let watch = &mut state.on_mut(&job.stage).watch;
    if watch.take_if(|watch| watch.job == job.id).is_some()
        && let Err(failure) = result
        && failure.kind != FailureKind::Interrupted
    {
        state.notify_on(&job.stage, Notice::of(&failure));
    }
}
