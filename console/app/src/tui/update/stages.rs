//! Stages: the shown one, and events of the others.

use lambda_console_model::{Failure, StageEntry, StageInfo};

use super::{copy, finish, login, overlay, promote, start, start_on, watch, workspace};
use crate::tui::{
    message::Effect,
    state::{
        Connection, Notice, Overlay, Running, State,
        overlay::{Choose, Entry, Offer},
    },
    task::{Credentials, Task},
};

/// Shows the list of stages, known ones immediately.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    let mut choose = Choose::new(Offer::Stages, entries(state));
    choose.selected =
        choose.entries.iter().position(|entry| entry.value == state.active).unwrap_or(0);
    state.overlay = Some(Overlay::Choose(choose));
    state.command = Some(copy::stages(state));
    vec![start(state, Task::ReadStages { promote: false })]
}

/// Returns the stages of the manifest, and that of the command line.
pub(super) fn names(state: &State) -> Vec<String> {
    let mut names: Vec<String> = state.listed.iter().map(|stage| stage.name.clone()).collect();
    for name in std::iter::once(&state.active).chain(state.stages.keys()) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn entries(state: &State) -> Vec<Entry> {
    let entry = |name: String| Entry { label: name.clone(), detail: String::new(), value: name };
    names(state).into_iter().map(entry).collect()
}

/// Stores the list of stages, and requests the caller on those that are not known yet.
pub(super) fn read(
    state: &mut State,
    job: &Running,
    result: Result<Vec<StageEntry>, Failure>,
) -> Vec<Effect> {
    if !workspace::is_newest(state, job) {
        return Vec::new();
    }
    match result {
        Ok(stages) => state.listed = stages,
        Err(failure) => {
            state.notify_on(&job.stage, Notice::of(&failure));
            return Vec::new();
        }
    }
    promote::stages_read(state, job);
    let (stages, sources) = (entries(state), promote::entries(state));
    if let Some(Overlay::Choose(choose)) = &mut state.overlay
        && let Some(entries) = match &choose.offer {
            Offer::Stages => Some(&stages),
            Offer::Sources => Some(&sources),
            _ => None,
        }
    {
        let selected = choose.current().map(|entry| entry.value.clone());
        choose.entries.clone_from(entries);
        choose.matches = overlay::matches(&choose.entries, &choose.input.text());
        let is_selected = |&index: &usize| {
            choose.entries.get(index).map(|entry| &entry.value) == selected.as_ref()
        };
        choose.selected = choose.matches.iter().position(is_selected).unwrap_or(0);
    }
    let mut effects = Vec::new();
    for stage in names(state) {
        let is_known = matches!(state.on(&stage).connection, Connection::Connected(_));
        let is_asked =
            state.jobs.iter().any(|job| job.stage == stage && matches!(*job.task, Task::Probe));
        // The local stage is started when it is needed, so no request is sent.
        if stage == StageInfo::LOCAL || state.is_active(&stage) || is_known || is_asked {
            continue;
        }
        effects.push(start_on(state, &stage, Task::Probe).1);
    }
    effects
}

/// Connects to `stage`.
pub(super) fn connect(state: &mut State, stage: &str, with: Credentials) -> Effect {
    start_on(state, stage, Task::Connect { with }).1
}

/// Makes another stage the active one, with its known state immediately, and reads its deployed
/// functions again.
pub(super) fn switch(state: &mut State, stage: &str) -> Vec<Effect> {
    if state.is_active(stage) {
        return Vec::new();
    }
    state.activate(stage);
    state.notice = None;
    let mut effects = vec![connect(state, stage, Credentials::Known)];
    effects.extend(finish::load_samples(state, stage, state.functions.names()));
    login::show(state);
    effects
}

/// Requests the caller again when the credentials expire: they may have been renewed.
pub(super) fn look_at_expiry(state: &mut State) -> Vec<Effect> {
    let now = state.now;
    let stage = state.stage_mut();
    let Connection::Connected(StageInfo { expires_at: Some(at), .. }) = &stage.connection else {
        return Vec::new();
    };
    let at = *at;
    if at > now || stage.expiry_seen == Some(at) {
        return Vec::new();
    }
    stage.expiry_seen = Some(at);
    vec![start(state, Task::Connect { with: Credentials::Known })]
}

/// Handles the end of connecting to a stage.
pub(super) fn connected(
    state: &mut State,
    job: &Running,
    result: Result<StageInfo, Failure>,
) -> Vec<Effect> {
    if !workspace::is_newest(state, job) {
        return Vec::new();
    }
    let is_probe = matches!(*job.task, Task::Probe);
    let stage = job.stage.as_str();
    match result {
        Ok(info) => {
            let known = match &state.on(stage).connection {
                Connection::Connected(before) => before.damage == info.damage,
                _ => false,
            };
            if !known && let Some(notice) = info.damage_notice() {
                state.notify_on(stage, Notice::of(&notice));
            }
            state.on_mut(stage).connection = Connection::Connected(info);
            if is_probe {
                return Vec::new();
            }
            let mut effects = workspace::refresh(state, stage);
            effects.extend(login::accepted(state, stage));
            effects
        }
        Err(failure) => {
            if !is_probe {
                login::connection_failed(state, stage);
                state.notify_on(stage, Notice::of(&failure));
            }
            state.on_mut(stage).connection = Connection::Failed(failure);
            Vec::new()
        }
    }
}

/// Continues with the changes that watching has found, on the stages that it watches.
pub(super) fn resume_watch(state: &mut State) -> Vec<Effect> {
    let waiting = state.stages.iter().filter(|(_, stage)| stage.is_waiting());
    let waiting: Vec<String> = waiting.map(|(name, _)| name.clone()).collect();
    waiting.iter().flat_map(|stage| watch::resume(state, stage)).collect()
}
