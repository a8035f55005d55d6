//! Stages: the shown one, and events of the others.

use lambda_console_model::{Failure, StageEntry, StageInfo};

use super::{copy, finish, login, overlay, promote, start, watch, workspace};
use crate::tui::{
    message::{Effect, Event},
    state::{
        Connection, JobId, JobKind, Notice, Overlay, State,
        overlay::{Choose, Entry, Offer},
    },
};

/// Shows the list of stages, known ones immediately.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    let mut choose = Choose::new(Offer::Stages, entries(state));
    choose.selected =
        choose.entries.iter().position(|entry| entry.value == state.options.stage).unwrap_or(0);
    state.overlay = Some(Overlay::Choose(choose));
    state.command = Some(copy::stages(state));
    vec![Effect::ReadStages(start(state, JobKind::Stages))]
}

/// Returns the stages of the manifest, and that of the command line.
pub(super) fn names(state: &State) -> Vec<String> {
    let mut names: Vec<String> = state.stages.iter().map(|stage| stage.name.clone()).collect();
    for name in std::iter::once(&state.options.stage).chain(state.sites.keys()) {
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
    job: JobId,
    result: Result<Vec<StageEntry>, Failure>,
) -> Vec<Effect> {
    if !workspace::is_news(state, job, &JobKind::Stages) {
        return Vec::new();
    }
    match result {
        Ok(stages) => state.stages = stages,
        Err(failure) => {
            state.tell(Notice::of(&failure));
            return Vec::new();
        }
    }
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
        let is_known =
            |site: &crate::tui::state::Site| matches!(site.connection, Connection::Connected(_));
        let is_asked =
            state.jobs.iter().any(|job| job.stage == stage && job.kind == JobKind::Probe);
        // The local stage is started when it is needed, so no request is sent.
        if stage == StageInfo::LOCAL
            || stage == state.options.stage
            || state.sites.get(&stage).is_some_and(is_known)
            || is_asked
        {
            continue;
        }
        let job = state.jobs.start_on(stage.clone(), JobKind::Probe, state.now);
        effects.push(Effect::Probe { job, stage });
    }
    effects
}

/// Connects to the shown stage; `renew` reads its credentials again.
pub(super) fn connect(state: &mut State, renew: bool) -> Effect {
    let job = start(state, JobKind::Connect);
    Effect::Connect { job, stage: state.options.stage.clone(), renew }
}

/// Shows another stage, with its known state immediately, and reads its deployed functions again.
pub(super) fn switch(state: &mut State, stage: &str) -> Vec<Effect> {
    if state.options.stage == stage {
        return Vec::new();
    }
    state.turn_to(stage);
    state.notice = None;
    let mut effects = vec![connect(state, false)];
    effects.extend(finish::load_samples(state, state.functions.names()).1);
    login::show(state);
    effects
}

/// Requests the caller again when the credentials expire: they may have been renewed.
pub(super) fn look_at_expiry(state: &mut State) -> Vec<Effect> {
    let Connection::Connected(StageInfo { expires_at: Some(at), .. }) = &state.connection else {
        return Vec::new();
    };
    let at = *at;
    if at > state.now || state.expiry_seen == Some(at) {
        return Vec::new();
    }
    state.expiry_seen = Some(at);
    let job = start(state, JobKind::Connect);
    vec![Effect::Probe { job, stage: state.options.stage.clone() }]
}

pub(super) fn connected(
    state: &mut State,
    job: JobId,
    result: Result<StageInfo, Failure>,
) -> Vec<Effect> {
    let is_probe =
        state.jobs.iter().any(|running| running.id == job && running.kind == JobKind::Probe);
    let kind = if is_probe { JobKind::Probe } else { JobKind::Connect };
    if !workspace::is_news(state, job, &kind) {
        return Vec::new();
    }
    match result {
        Ok(info) => {
            let known = match &state.connection {
                Connection::Connected(before) => before.damage == info.damage,
                _ => false,
            };
            if !known && let Some(notice) = info.damage_notice() {
                state.tell(Notice::of(&notice));
            }
            state.connection = Connection::Connected(info);
            if is_probe {
                return Vec::new();
            }
            let mut effects = workspace::refresh(state);
            effects.extend(login::accepted(state));
            effects
        }
        Err(failure) => {
            if !is_probe {
                login::hindered(state);
                state.tell(Notice::of(&failure));
            }
            state.connection = Connection::Failed(failure);
            Vec::new()
        }
    }
}

/// Returns the stage that `event` belongs to.
pub(super) fn of(state: &State, event: &Event) -> String {
    let of_job = event.job().and_then(|job| state.jobs.stage_of(job));
    of_job.unwrap_or(&state.jobs.stage).to_owned()
}

/// Runs `work` as if `stage` were shown. If it is not, the screen stays unchanged, except for a
/// message, which then contains the stage.
pub(super) fn at(
    state: &mut State,
    stage: &str,
    work: impl FnOnce(&mut State) -> Vec<Effect>,
) -> Vec<Effect> {
    if state.jobs.stage == stage {
        return work(state);
    }
    let here = state.options.stage.clone();
    let (focus, tab, top) = (state.focus, state.tab, state.top);
    let (overlay, notice, command) =
        (state.overlay.take(), state.notice.take(), state.command.take());
    state.turn_to(stage);
    let effects = work(state);
    state.turn_to(&here);
    let told =
        state.notice.take().map(|told| Notice { text: format!("{stage}: {}", told.text), ..told });
    state.notice = told.or(notice);
    (state.focus, state.tab, state.top) = (focus, tab, top);
    (state.overlay, state.command) = (overlay, command);
    let on_stage = |effect: Effect| match effect.job() {
        Some(_) => Effect::On { stage: stage.to_owned(), effect: Box::new(effect) },
        None => effect,
    };
    effects.into_iter().map(on_stage).collect()
}

/// Continues with the changes that watching has found, on the stage that it watches.
pub(super) fn go_on(state: &mut State) -> Vec<Effect> {
    let mut effects = watch::go_on(state);
    let waiting =
        state.sites.iter().filter(|(_, site)| site.is_waiting()).map(|(stage, _)| stage.clone());
    for stage in waiting.collect::<Vec<_>>() {
        effects.extend(at(state, &stage, watch::go_on));
    }
    effects
}
