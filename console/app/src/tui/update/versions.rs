//! Versions of a function: the list of them, and its actions.

use lambda_console_model::{
    Approval, Failure, FunctionVersions, VersionsChange, VersionsChanged, VersionsPlan,
};

use super::{copy, overlay, start_on, verb, workspace};
use crate::tui::{
    message::Effect,
    state::{
        JobId, Notice, Overlay, Picker, State,
        overlay::{Line, Purpose, StageChange},
    },
    task::Task,
};

/// Number of newest versions that are kept when old ones are deleted.
const KEEP: usize = 5;

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

/// Points the stage's alias to the selected version. The list stays open and is read again
/// afterwards.
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
    let change = VersionsChange::Rollback(Some(version));
    ask(state, VersionsPlan { function: name, change, seen: Some(Box::new(found)) })
}

/// Makes a change to the versions of the selected function, or of the one whose versions are shown.
pub(super) fn change(state: &mut State, change: VersionsChange) -> Vec<Effect> {
    let (function, seen) = match &state.overlay {
        Some(Overlay::Versions(picker)) => (Some(picker.function.clone()), picker.found.clone()),
        _ => (state.functions.selected().map(str::to_owned), None),
    };
    match function {
        Some(function) => ask(state, VersionsPlan { function, change, seen: seen.map(Box::new) }),
        None => verb::none_selected(state),
    }
}

fn ask(state: &mut State, plan: VersionsPlan) -> Vec<Effect> {
    verb::change_stage(state, StageChange::Versions(plan))
}

/// Asks for the function's name before its old versions are deleted, and lists them.
pub(super) fn ask_to_prune(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Versions(picker)) = &state.overlay else {
        // The versions to delete must be visible first.
        return open(state);
    };
    let Some(found) = &picker.found else { return Vec::new() };
    let plan = VersionsPlan {
        function: picker.function.clone(),
        change: VersionsChange::Prune(KEEP),
        seen: Some(Box::new(found.clone())),
    };
    if verb::is_read_only(state, "nothing is deleted") {
        return Vec::new();
    }
    if plan.deleted().is_empty() {
        let why = format!(
            "nothing to delete: the {KEEP} newest versions and those an alias points to are kept"
        );
        state.notify(Notice::plain(why, ""));
        return Vec::new();
    }
    let effects = overlay::dismiss(state);
    state.overlay = Some(Overlay::Line(Line::new(Purpose::Prune(plan), "")));
    effects
}

/// Starts the change; nothing starts while another change runs, or if changes are refused.
pub(super) fn start(state: &mut State, plan: VersionsPlan, approval: Approval) -> Vec<Effect> {
    if !verb::may_change(state, "nothing is changed") {
        return Vec::new();
    }
    state.command = Some(copy::change_versions(state, &plan.function, &plan.change, approval));
    state.notice = None;
    vec![super::start(state, Task::ChangeVersions { plan, approval })]
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
