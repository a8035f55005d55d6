//! Starts the work for a verb, or reports why it cannot.

use lambda_console_model::{Approval, ChangeKind, Function, InvokeMode, InvokeRequest, Needed};

use super::{copy, plan, run, start_on, watch};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Deployment, JobId, Notice, Output, Overlay, State, WorkspaceState,
        overlay::{Line, Purpose, StageChange},
    },
    task::Task,
};

/// Returns the selected function's name, alone; empty if none is selected.
pub(super) fn selected(state: &State) -> Vec<String> {
    state.functions.selected().map(str::to_owned).into_iter().collect()
}

/// Shows why nothing is started, and what to do.
pub(super) fn decline(
    state: &mut State,
    why: impl Into<String>,
    hint: impl Into<String>,
) -> Vec<Effect> {
    state.notify(Notice::plain(why, hint));
    Vec::new()
}

/// Returns the key of a verb, for messages.
fn key(state: &State, action: Action) -> String {
    state.key_of(crate::tui::state::Context::Functions, action).unwrap_or(action.name()).to_owned()
}

/// Reports why no function is selected, and what to do about it.
pub(super) fn none_selected(state: &mut State) -> Vec<Effect> {
    if state.functions.cards.is_empty() {
        return no_functions(state);
    }
    let filter = state.functions.filter.clone();
    if state.functions.shown().next().is_none() {
        let key = key(state, Action::Back);
        return decline(
            state,
            format!("no function matches `{filter}`"),
            format!("{key} in the list clears the filter"),
        );
    }
    let (up, down) = (key(state, Action::Up), key(state, Action::Down));
    decline(
        state,
        "no function is selected",
        format!("select one with {down} and {up} in the list"),
    )
}

/// Reports why there are no functions, and what to do about it.
fn no_functions(state: &mut State) -> Vec<Effect> {
    let key = key(state, Action::Refresh);
    match &state.workspace {
        WorkspaceState::Reading => decline(state, "still reading the workspace", ""),
        WorkspaceState::Broken(failure) => {
            let hint = format!("{}; {key} refreshes", failure.hint);
            let notice = Notice { hint, ..Notice::of(failure) };
            state.notify(notice);
            Vec::new()
        }
        WorkspaceState::Read(_) => decline(
            state,
            "the workspace has no functions",
            format!("run `cargo add lambda_runtime` in a package, then {key} refreshes"),
        ),
    }
}

/// Builds these functions.
pub(super) fn build(state: &mut State, names: &[String]) -> Vec<Effect> {
    if names.is_empty() {
        return none_selected(state);
    }
    let stage = state.active.clone();
    start_build(state, &stage, names.to_vec()).1
}

/// Builds all functions that the filter shows.
pub(super) fn build_all(state: &mut State) -> Vec<Effect> {
    let shown = state.functions.shown_names();
    if shown.is_empty() {
        return none_selected(state);
    }
    let is_all = shown.len() == state.functions.cards.len();
    let stage = state.active.clone();
    start_build(state, &stage, if is_all { Vec::new() } else { shown }).1
}

/// Starts a build for `stage`; a running one is cancelled, since the latest wins.
pub(super) fn start_build(
    state: &mut State,
    stage: &str,
    functions: Vec<String>,
) -> (JobId, Vec<Effect>) {
    let mut effects = Vec::new();
    let running = state.jobs.newest(stage, |task| matches!(task, Task::Build { .. }));
    if let Some(old) = running.map(|job| job.id).and_then(|old| state.jobs.end(old)) {
        run::superseded(state, &old);
        watch::superseded(state, &old);
        effects.push(Effect::Cancel(old.id));
    }
    state.begin(stage, copy::build(state, &functions));
    let deployed = state.on(stage).architectures();
    let (architecture, debug) = (state.architecture, state.debug);
    let task = Task::Build { functions, architecture, deployed, debug };
    state.output = Output::of(task.title().unwrap_or_default());
    let (job, effect) = start_on(state, stage, task);
    effects.push(effect);
    (job, effects)
}

/// Deploys these functions, if they are built.
pub(super) fn deploy(state: &mut State, names: &[String]) -> Vec<Effect> {
    let [name] = names else { return none_selected(state) };
    if state.functions.get(name).is_some_and(|card| card.function.zip.is_none()) {
        let hint = format!(
            "{} builds it, {} builds, deploys and invokes it",
            key(state, Action::Build),
            key(state, Action::Run)
        );
        return decline(state, format!("{name} is not built"), hint);
    }
    plan::deploy(state, names.to_vec())
}

/// Deploys all functions that the filter shows and that are built.
pub(super) fn deploy_all(state: &mut State) -> Vec<Effect> {
    if state.functions.shown().next().is_none() {
        return none_selected(state);
    }
    let built = state.functions.shown().filter(|card| card.function.zip.is_some());
    let names: Vec<String> = built.map(|card| card.function.name.clone()).collect();
    if names.is_empty() {
        let hint = format!("{} builds them", key(state, Action::BuildAll));
        return decline(state, "no function is built", hint);
    }
    plan::deploy(state, names)
}

/// Returns the functions with these names, as last discovered.
pub(super) fn functions(state: &State, names: &[String]) -> Vec<Function> {
    let functions = state.functions.cards.iter().map(|card| &card.function);
    functions.filter(|function| names.contains(&function.name)).cloned().collect()
}

/// Makes `change` immediately; on a protected stage, after the stage's name was typed.
pub(super) fn change_stage(state: &mut State, change: StageChange) -> Vec<Effect> {
    if state.options.read_only {
        return carry_out(state, change, Approval::None);
    }
    if let Needed::Word(_) = state.needs(ChangeKind::Update) {
        state.overlay = Some(Overlay::Line(Line::new(Purpose::Change(change), "")));
        return Vec::new();
    }
    carry_out(state, change, Approval::None)
}

/// Makes `change`, which was confirmed or needs no confirmation.
pub(super) fn carry_out(state: &mut State, change: StageChange, approval: Approval) -> Vec<Effect> {
    match change {
        StageChange::Deploy(names) => start_deploy_here(state, &names, approval, None),
        StageChange::Run(name) => run::start(state, name, approval),
        StageChange::ColdStart(name) => {
            let mode = state.mode;
            let stage = state.active.clone();
            let start = Start { sandbox: Sandbox::New, approval, mode };
            start_invoke(state, &stage, &name, start)
                .map(|(_, effect)| effect)
                .into_iter()
                .collect()
        }
    }
}

/// Returns `true` if all changes are refused, and reports that; `what` names the consequence:
/// `nothing is deployed`.
pub(super) fn is_read_only(state: &mut State, what: &str) -> bool {
    let stage = state.active.clone();
    is_read_only_on(state, &stage, what)
}

fn is_read_only_on(state: &mut State, stage: &str, what: &str) -> bool {
    if state.options.read_only {
        let why = format!("read-only mode: {what}");
        state.notify_on(stage, Notice::plain(why, "restart without `--read-only`"));
    }
    state.options.read_only
}

/// Like [`may_change_on`], on the active stage.
pub(super) fn may_change(state: &mut State, what: &str) -> bool {
    let stage = state.active.clone();
    may_change_on(state, &stage, what)
}

/// Returns `true` if functions on `stage` may be changed now; otherwise reports why not; `what`
/// names the consequence: `nothing is deployed`.
pub(super) fn may_change_on(state: &mut State, stage: &str, what: &str) -> bool {
    if is_read_only_on(state, stage, what) {
        return false;
    }
    let running = state.jobs.newest(stage, Task::changes_functions);
    let running = running.and_then(|job| job.task.title());
    if let Some(title) = &running {
        let hint = format!("wait for it, or {} cancels it", key(state, Action::Cancel));
        state.notify_on(stage, Notice::plain(format!("{title} is already running"), hint));
    }
    running.is_none()
}

/// Starts a deploy to the active stage.
pub(super) fn start_deploy_here(
    state: &mut State,
    names: &[String],
    approval: Approval,
    plan: Option<JobId>,
) -> Vec<Effect> {
    let stage = state.active.clone();
    let started = start_deploy(state, &stage, names, approval, plan);
    if started.is_some() {
        state.notice = None;
    }
    started.map(|(_, effect)| effect).into_iter().collect()
}

/// Starts a deploy according to `plan`; returns none while another one runs, which must not be
/// interrupted, or if changes are refused. The message in the status line stays: it may be a
/// failure of another function.
pub(super) fn start_deploy(
    state: &mut State,
    stage: &str,
    names: &[String],
    approval: Approval,
    plan: Option<JobId>,
) -> Option<(JobId, Effect)> {
    if !may_change_on(state, stage, "nothing is deployed") {
        return None;
    }
    if state.is_active(stage) {
        state.command = Some(copy::deploy(state, names, approval));
    }
    let functions = functions(state, names);
    Some(start_on(state, stage, Task::Deploy { functions, plan, approval }))
}

/// Sandbox of an invocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sandbox {
    /// Any, as Lambda selects it.
    Any,
    /// A new one.
    New,
}

/// Invokes the selected function.
pub(super) fn invoke_selected(state: &mut State, sandbox: Sandbox) -> Vec<Effect> {
    let Some((card, on_stage)) = state.selected() else { return none_selected(state) };
    let name = card.function.name.clone();
    if on_stage.deployment == Deployment::Absent {
        let why = format!("{name} is not deployed on {}", state.active);
        let hint = format!("{} builds, deploys and invokes it", key(state, Action::Run));
        return decline(state, why, hint);
    }
    if sandbox == Sandbox::New {
        return change_stage(state, StageChange::ColdStart(name));
    }
    let (stage, mode) = (state.active.clone(), state.mode);
    let start = Start { sandbox, approval: Approval::None, mode };
    start_invoke(state, &stage, &name, start).map(|(_, effect)| effect).into_iter().collect()
}

/// Options of one invocation.
pub(super) struct Start {
    /// Sandbox to invoke it in.
    pub(super) sandbox: Sandbox,
    /// Approval of the change that a new sandbox needs.
    pub(super) approval: Approval,
    /// Mode, unless the function has one of its own.
    pub(super) mode: InvokeMode,
}

/// Starts an invocation of `name` on `stage` with its payload.
pub(super) fn start_invoke(
    state: &mut State,
    stage: &str,
    name: &str,
    Start { sandbox, approval, mode }: Start,
) -> Option<(JobId, Effect)> {
    let card = state.functions.get(name)?;
    let on_stage = state.on(stage);
    let request = InvokeRequest {
        function: name.to_owned(),
        payload: card.draft.payload(),
        qualifier: on_stage.qualifier.clone(),
        mode: mode.of(&card.function.config),
        client_context: state.client_context.clone(),
        tenant: on_stage.tenant.clone(),
        cold: sandbox == Sandbox::New,
        approval,
    };
    state.begin(stage, copy::invoke(state, &request, &card.draft));
    Some(start_on(state, stage, Task::Invoke { request }))
}

/// Cancels the newest job that is shown.
pub(super) fn cancel(state: &mut State) -> Vec<Effect> {
    let newest = state.jobs.iter().rev().find(|job| !job.cancelled && job.task.title().is_some());
    let Some((id, title)) = newest.map(|job| (job.id, job.task.title().unwrap_or_default())) else {
        return decline(state, "nothing is running", "");
    };
    if let Some(job) = state.jobs.get_mut(id) {
        job.cancelled = true;
    }
    state.notify(Notice::plain(format!("cancelling {title}"), ""));
    vec![Effect::Cancel(id)]
}
