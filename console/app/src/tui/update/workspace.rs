//! The workspace, the stage and the toolchain: read at startup and on a refresh.

use lambda_console_model::{Failure, Found, Part, Workspace};

use super::{copy, finish, invoke::payload, settings, stages, start};
use crate::tui::{
    message::Effect,
    state::{
        Card, Connection, Deployment, Focus, JobId, JobKind, Notice, Setup, State, WorkspaceState,
    },
};

/// Reads workspace, stage and toolchain.
pub(super) fn read(state: &mut State) -> Vec<Effect> {
    let mut effects = vec![Effect::Discover(start(state, JobKind::Discover))];
    effects.push(stages::connect(state, true));
    if !matches!(state.setup, Setup::Running(_)) {
        let job = start(state, JobKind::Check);
        effects
            .push(Effect::CheckSetup { job, architecture: state.architecture.unwrap_or_default() });
    }
    effects
}

/// Ends `job`, and returns whether it is the newest of its kind: results of older ones are
/// outdated.
pub(super) fn is_news(state: &mut State, job: JobId, kind: &JobKind) -> bool {
    let ended = state.jobs.end(job).is_some();
    ended && state.jobs.newest(|other| other == kind).is_none_or(|newer| newer.id < job)
}

pub(super) fn discovered(
    state: &mut State,
    job: JobId,
    result: Result<Workspace, Failure>,
) -> Vec<Effect> {
    if !is_news(state, job, &JobKind::Discover) {
        return Vec::new();
    }
    match result {
        Ok(workspace) => take_in(state, workspace),
        Err(failure) => {
            state.tell(Notice::of(&failure));
            state.workspace = WorkspaceState::Broken(failure);
            Vec::new()
        }
    }
}

/// Lists the functions of the workspace that was read, each with its known state.
pub(super) fn take_in(state: &mut State, mut workspace: Workspace) -> Vec<Effect> {
    if let Some(warning) = workspace.warnings.first() {
        state.tell(Notice { mood: crate::tui::state::Mood::Plain, ..Notice::of(warning) });
    }
    let mut effects = Vec::new();
    let mut known = std::mem::take(&mut state.functions.cards);
    known.append(&mut state.functions.gone);
    for function in std::mem::take(&mut workspace.functions) {
        let index = known.iter().position(|card| card.function.name == function.name);
        let mut card = match index.map(|index| known.swap_remove(index)) {
            Some(card) => Card { function, ..card },
            None => Card::new(function),
        };
        if let Some(text) = state.drafts.remove(&card.function.name) {
            card.draft.load(&text, None);
        }
        effects.extend(payload::first_event(&mut card));
        state.functions.cards.push(card);
    }
    state.functions.gone = known;
    state.functions.cards.sort_by(|a, b| a.function.name.cmp(&b.function.name));
    // No other function is selected in place of one that is gone: keys may already be on their way.
    state.functions.select_first();
    if state.focus == Focus::Edit && state.functions.current().is_none() {
        state.focus = Focus::Tab;
    }
    state.workspace = WorkspaceState::Read(workspace);
    effects.extend(refresh(state));
    effects.extend(finish::load_samples(state, state.functions.names()).1);
    effects
}

/// Reads the deployed functions, once both the workspace and the stage are known.
pub(super) fn refresh(state: &mut State) -> Vec<Effect> {
    if !matches!(state.connection, Connection::Connected(_)) || state.functions.cards.is_empty() {
        return Vec::new();
    }
    let functions = state.functions.cards.iter().map(|card| card.function.clone()).collect();
    vec![Effect::RefreshDeployed { job: start(state, JobKind::Refresh), functions }]
}

pub(super) fn deployed(
    state: &mut State,
    job: JobId,
    result: Result<Vec<(String, Found)>, Failure>,
) {
    if !is_news(state, job, &JobKind::Refresh) {
        return;
    }
    match result {
        Ok(functions) => {
            let refused = functions.iter().find_map(|(_, found)| found.as_ref().err().cloned());
            for (name, found) in functions {
                if let Some(card) = state.functions.get_mut(&name) {
                    settings::outdate(card);
                    card.deployment = match found {
                        Ok(deployed) => deployed.map_or(Deployment::Absent, Deployment::Present),
                        Err(failure) => Deployment::Refused(failure),
                    };
                }
            }
            if let Some(failure) = refused {
                state.tell(Notice::of(&failure));
            }
        }
        Err(failure) => state.tell(Notice::of(&failure)),
    }
}

pub(super) fn checked(state: &mut State, job: JobId, parts: Vec<Part>) -> Vec<Effect> {
    if !is_news(state, job, &JobKind::Check) || matches!(state.setup, Setup::Running(_)) {
        return Vec::new();
    }
    if parts.iter().all(|part| part.found.is_some()) {
        state.setup = Setup::Ready(parts);
        return Vec::new();
    }
    set_going(state, parts)
}

/// Installs missing parts of the toolchain, on request of the user.
pub(super) fn provide(state: &mut State) -> Vec<Effect> {
    if matches!(state.setup, Setup::Running(_)) {
        state.tell(Notice::plain("setup is running", ""));
        return Vec::new();
    }
    state.command = Some(copy::setup(state));
    set_going(state, Vec::new())
}

fn set_going(state: &mut State, parts: Vec<Part>) -> Vec<Effect> {
    state.setup = Setup::Running(parts);
    let job = start(state, JobKind::Setup);
    vec![Effect::Setup { job, architecture: state.architecture.unwrap_or_default() }]
}

pub(super) fn set_up(
    state: &mut State,
    job: JobId,
    result: Result<Vec<Part>, Failure>,
) -> Vec<Effect> {
    if !is_news(state, job, &JobKind::Setup) {
        return Vec::new();
    }
    match result {
        Ok(parts) => {
            state.tell(Notice::good("toolchain ready"));
            state.setup = Setup::Ready(parts);
            // The stage may have an emulator now.
            vec![stages::connect(state, false)]
        }
        Err(failure) => {
            state.tell(Notice::of(&failure));
            state.setup = Setup::Failed(failure);
            Vec::new()
        }
    }
}
