//! The workspace, the stage and the toolchain: read at startup and on a refresh.

use lambda_console_model::{
    BootstrapSize, ExportAction, ExportFormat, ExportOutcome, ExportedFile, Failure, Found, Part,
    Workspace, text::bytes,
};

use super::{copy, finish, invoke::payload, stages, start, start_on, verb};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Card, Connection, Context, Deployment, Focus, Notice, Overlay, Running, Setup, State,
        WorkspaceState,
        overlay::{Choose, Entry, Offer},
    },
    task::{Credentials, Task},
};

/// Reads workspace, stage and toolchain.
pub(super) fn read(state: &mut State) -> Vec<Effect> {
    let stage = state.active.clone();
    let mut effects =
        vec![start(state, Task::Discover), stages::connect(state, &stage, Credentials::Renewed)];
    if !matches!(state.setup, Setup::Running(_)) {
        let architecture = state.architecture.unwrap_or_default();
        effects.push(start(state, Task::CheckSetup { architecture }));
    }
    effects
}

/// Returns `true` if no newer job of the same kind runs on its stage: the result of an older one is
/// outdated.
pub(super) fn is_newest(state: &State, job: &Running) -> bool {
    let newer = state.jobs.newest(&job.stage, |task| task.is_like(&job.task));
    newer.is_none_or(|newer| newer.id < job.id)
}

pub(super) fn discovered(
    state: &mut State,
    job: &Running,
    result: Result<Workspace, Failure>,
) -> Vec<Effect> {
    if !is_newest(state, job) {
        return Vec::new();
    }
    match result {
        Ok(workspace) => take_in(state, &job.stage, workspace),
        Err(failure) => {
            state.notify_on(&job.stage, Notice::of(&failure));
            state.workspace = WorkspaceState::Broken(failure);
            Vec::new()
        }
    }
}

/// Lists the functions of the workspace that was read, each with its known state.
pub(super) fn take_in(state: &mut State, stage: &str, mut workspace: Workspace) -> Vec<Effect> {
    if let Some(warning) = workspace.warnings.first() {
        let notice = Notice { mood: crate::tui::state::Mood::Plain, ..Notice::of(warning) };
        state.notify_on(stage, notice);
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
    effects.extend(refresh(state, stage));
    effects.extend(finish::load_samples(state, stage, state.functions.names()));
    effects
}

/// Reads the deployed functions of `stage`, once both the workspace and the stage are known.
pub(super) fn refresh(state: &mut State, stage: &str) -> Vec<Effect> {
    let is_connected = matches!(state.on(stage).connection, Connection::Connected(_));
    if !is_connected || state.functions.cards.is_empty() {
        return Vec::new();
    }
    let functions = state.functions.cards.iter().map(|card| card.function.clone()).collect();
    vec![start_on(state, stage, Task::RefreshDeployed { functions }).1]
}

pub(super) fn deployed(
    state: &mut State,
    job: &Running,
    result: Result<Vec<(String, Found)>, Failure>,
) {
    if !is_newest(state, job) {
        return;
    }
    match result {
        Ok(functions) => {
            let refused = functions.iter().find_map(|(_, found)| found.as_ref().err().cloned());
            for (name, found) in functions {
                if state.functions.get(&name).is_some() {
                    let function = state.on_mut(&job.stage).function_mut(&name);
                    function.config.is_fresh = false;
                    function.deployment = match found {
                        Ok(deployed) => deployed.map_or(Deployment::Absent, Deployment::Present),
                        Err(failure) => Deployment::Refused(failure),
                    };
                }
            }
            if let Some(failure) = refused {
                state.notify_on(&job.stage, Notice::of(&failure));
            }
        }
        Err(failure) => state.notify_on(&job.stage, Notice::of(&failure)),
    }
}

pub(super) fn checked(state: &mut State, job: &Running, parts: Vec<Part>) -> Vec<Effect> {
    if !is_newest(state, job) || matches!(state.setup, Setup::Running(_)) {
        return Vec::new();
    }
    if parts.iter().all(|part| part.found.is_some()) {
        state.setup = Setup::Ready(parts);
        return Vec::new();
    }
    set_going(state, &job.stage, parts)
}

/// Installs missing parts of the toolchain, on request of the user.
pub(super) fn provide(state: &mut State) -> Vec<Effect> {
    if matches!(state.setup, Setup::Running(_)) {
        state.notify(Notice::plain("setup is running", ""));
        return Vec::new();
    }
    state.command = Some(copy::setup(state));
    let stage = state.active.clone();
    set_going(state, &stage, Vec::new())
}

fn set_going(state: &mut State, stage: &str, parts: Vec<Part>) -> Vec<Effect> {
    state.setup = Setup::Running(parts);
    let architecture = state.architecture.unwrap_or_default();
    vec![start_on(state, stage, Task::Setup { architecture }).1]
}

pub(super) fn set_up(
    state: &mut State,
    job: &Running,
    result: Result<Vec<Part>, Failure>,
) -> Vec<Effect> {
    if !is_newest(state, job) {
        return Vec::new();
    }
    match result {
        Ok(parts) => {
            state.notify_on(&job.stage, Notice::good("toolchain ready"));
            state.setup = Setup::Ready(parts);
            // The stage may have an emulator now.
            vec![stages::connect(state, &job.stage, Credentials::Known)]
        }
        Err(failure) => {
            state.notify_on(&job.stage, Notice::of(&failure));
            state.setup = Setup::Failed(failure);
            Vec::new()
        }
    }
}

/// Reads the size of the selected function's bootstrap.
pub(super) fn size(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return verb::none_selected(state) };
    let function = Box::new(card.function.clone());
    if function.bootstrap.is_none() {
        let key = state.key_of(Context::Functions, Action::Build).unwrap_or("build");
        let notice =
            Notice::plain(format!("{} is not built", function.name), format!("{key} builds it"));
        state.notify(notice);
        return Vec::new();
    }
    state.command = Some(copy::line(state, ["size".to_owned(), copy::quoted(&function.name)]));
    state.notice = None;
    vec![start(state, Task::ReadSize { function })]
}

/// Shows the sections of a bootstrap; only the total while another overlay is open or the user is
/// typing.
pub(super) fn size_read(state: &mut State, result: Result<BootstrapSize, Failure>) {
    let size = match result {
        Ok(size) => size,
        Err(failure) => return state.notify(Notice::of(&failure)),
    };
    let zip = size.zip_bytes.map(|zip| format!(", zip {}", bytes(zip))).unwrap_or_default();
    let title = format!("{}: {}{zip}", size.name, bytes(size.bytes));
    if state.overlay.is_some() || state.focus == Focus::Edit {
        return state.notify(Notice::plain(title, ""));
    }
    let entries = size.sections.iter().map(|section| Entry {
        label: section.name.clone(),
        detail: format!("{}  {:.1} %", bytes(section.bytes), size.percent(section)),
        value: String::new(),
    });
    let choose = Choose::new(Offer::Facts(title), entries.collect());
    state.overlay = Some(Overlay::Choose(choose));
}

/// Shows the formats of an export.
pub(super) fn export(state: &mut State) -> Vec<Effect> {
    if state.functions.current().is_none() {
        return verb::none_selected(state);
    }
    let entry = |format: ExportFormat| Entry {
        label: format.name().to_owned(),
        detail: format.description().to_owned(),
        value: format.name().to_owned(),
    };
    let entries = ExportFormat::ALL.map(entry).into();
    state.overlay = Some(Overlay::Choose(Choose::new(Offer::Exports, entries)));
    Vec::new()
}

/// Exports all functions to the format of this name.
pub(super) fn export_to(state: &mut State, name: &str) -> Vec<Effect> {
    let Some(format) = ExportFormat::ALL.into_iter().find(|format| format.name() == name) else {
        return Vec::new();
    };
    state.command = Some(copy::line(state, ["export".to_owned(), name.to_owned()]));
    state.notice = None;
    vec![start(state, Task::Export { format })]
}

/// Reports the exported files.
pub(super) fn exported(state: &mut State, stage: &str, result: Result<ExportOutcome, Failure>) {
    let notice = match result {
        Ok(outcome) => {
            let file = |file: &ExportedFile| {
                let path = file.path.display();
                match file.action {
                    ExportAction::Unchanged => format!("{path} is unchanged"),
                    ExportAction::Created | ExportAction::Replaced => format!("wrote {path}"),
                }
            };
            Notice::good(outcome.files.iter().map(file).collect::<Vec<_>>().join(", "))
        }
        Err(failure) => Notice::of(&failure),
    };
    state.notify_on(stage, notice);
}
