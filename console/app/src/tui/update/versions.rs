//! Versions of a function: the list of them, and its actions.

use lambda_console_model::{Approval, Failure, FunctionVersions, VersionsChange, VersionsChanged};

use super::{copy, overlay, plan, start, start_on, verb, workspace};
use crate::tui::{
    message::Effect,
    state::{JobId, Notice, Overlay, Picker, State},
    task::Task,
};

/// Number of newest versions that are kept when old ones are deleted.
pub(super) const KEEP: usize = 5;

/// Shows the versions of the selected function.
pub(super) fn open(state: &mut State) -> Vec<Effect> {
    let Some(name) = state.functions.selected().map(str::to_owned) else {
        return verb::none_selected(state);
    };
    show(state, name)
}

/// Shows the versions of the function `name`.
pub(super) fn show(state: &mut State, name: String) -> Vec<Effect> {
    let mut effects = overlay::dismiss(state);
    state.command = Some(copy::versions(state, &name));
    state.notice = None;
    let (job, load) = load(state, &name);
    state.overlay = Some(Overlay::Versions(Picker::new(name, job)));
    effects.push(load);
    effects
}

fn load(state: &mut State, name: &str) -> (JobId, Effect) {
    let stage = state.active.clone();
    start_on(state, &stage, Task::LoadVersions { function: name.to_owned() })
}

/// Reads the shown versions again.
pub(super) fn reload(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Versions(picker)) = &state.overlay else { return Vec::new() };
    let (name, old) = (picker.function.clone(), picker.job);
    let mut effects = Vec::new();
    if let Some(old) = old.filter(|old| state.jobs.end(*old).is_some()) {
        effects.push(Effect::Cancel(old));
    }
    let (job, load) = load(state, &name);
    if let Some(Overlay::Versions(picker)) = &mut state.overlay {
        picker.job = Some(job);
    }
    effects.push(load);
    effects
}

/// Handles the versions that were read, if they are still shown.
pub(super) fn loaded(state: &mut State, job: JobId, result: Result<FunctionVersions, Failure>) {
    let Some(Overlay::Versions(picker)) = &mut state.overlay else { return };
    if picker.job != Some(job) {
        return;
    }
    picker.job = None;
    match result {
        Ok(found) => {
            let chosen = picker.current().map(|version| version.version.clone());
            let at =
                |wanted: &str| found.versions.iter().position(|version| version.version == wanted);
            // Initially selects the likely target of a rollback: during a canary, the version with
            // most of the traffic.
            let is_shared = found.stage_alias().is_some_and(|alias| alias.canary.is_some());
            let back = if is_shared { None } else { found.previous() };
            let wanted = chosen.as_deref().or(back).or_else(|| found.live());
            picker.selected = wanted.and_then(at).unwrap_or_default();
            let refused = found.refused.first().map(Notice::of);
            picker.found = Some(found);
            if let Some(refused) = refused {
                state.notify(refused);
            }
        }
        Err(failure) => {
            if picker.found.is_none() {
                state.overlay = None;
            }
            state.notify(Notice::of(&failure));
        }
    }
}

/// Cancels reading a list that was closed.
pub(super) fn dismissed(state: &mut State, picker: &Picker) -> Vec<Effect> {
    match picker.job {
        Some(job) if state.jobs.end(job).is_some() => vec![Effect::Cancel(job)],
        _ => Vec::new(),
    }
}

/// Points the stage's alias to the selected version, after the plan was approved.
pub(super) fn accept(state: &mut State, picker: Picker) -> Vec<Effect> {
    let wanted = picker.current().map(|version| version.version.clone());
    let (name, found) = (picker.function.clone(), picker.found.clone());
    state.overlay = Some(Overlay::Versions(picker));
    let (Some(version), Some(found)) = (wanted, found) else { return Vec::new() };
    let is_shared = found.stage_alias().is_some_and(|alias| alias.canary.is_some());
    let refused = if version == FunctionVersions::LATEST {
        Some("$LATEST changes with the next deploy: select a version")
    } else if found.live() == Some(version.as_str()) && !is_shared {
        Some("all traffic goes to this version already")
    } else {
        None
    };
    if let Some(why) = refused {
        state.notify(Notice::plain(why, ""));
        return Vec::new();
    }
    plan::versions(state, name, VersionsChange::Rollback(Some(version)))
}

/// Changes the versions of the selected function, or of the one whose versions are shown.
pub(super) fn change(state: &mut State, change: VersionsChange) -> Vec<Effect> {
    let function = match &state.overlay {
        Some(Overlay::Versions(picker)) => Some(picker.function.clone()),
        _ => state.functions.selected().map(str::to_owned),
    };
    match function {
        Some(function) => plan::versions(state, function, change),
        None => verb::none_selected(state),
    }
}

/// Starts a change that was approved.
pub(super) fn send(
    state: &mut State,
    function: String,
    change: VersionsChange,
    plan: JobId,
    approval: Approval,
) -> Effect {
    state.command = Some(copy::change_versions(state, &function, &change, approval));
    state.notice = None;
    start(state, Task::ChangeVersions { function, change, plan, approval })
}

/// Reports the result, and reads the shown state again.
pub(super) fn changed(
    state: &mut State,
    stage: &str,
    result: &Result<VersionsChanged, Failure>,
) -> Vec<Effect> {
    let notice = match result {
        Ok(changed) => Notice::good(changed.story()),
        Err(failure) => Notice::of(failure),
    };
    state.notify_on(stage, notice);
    let mut effects = workspace::refresh(state, stage);
    if state.is_active(stage) {
        effects.extend(reload(state));
    }
    effects
}
