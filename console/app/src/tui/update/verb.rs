//! Starts the work for a verb, or reports why it cannot.

use lambda_console_model::{Approval, DeployPlan, Function, InvokeRequest, VersionsChange};

use super::{copy, plan, run, stages, versions, watch};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Deployment, JobId, JobKind, Notice, Output, Overlay, State, WorkspaceState,
        overlay::{Choose, Entry, Line, Offer, Purpose, StageChange},
    },
};

/// Returns the selected function's name, alone; empty if none is selected.
pub(super) fn selected(state: &State) -> Vec<String> {
    state.functions.selected().map(str::to_owned).into_iter().collect()
}

fn refuse(state: &mut State, why: impl Into<String>, hint: impl Into<String>) -> Vec<Effect> {
    state.tell(Notice::plain(why, hint));
    Vec::new()
}

/// Returns the key of a verb, for messages.
fn key(state: &State, action: Action) -> String {
    state
        .key_of(crate::tui::state::Context::Functions, action.name())
        .unwrap_or(action.name())
        .to_owned()
}

/// Reports why no function is selected, and what to do about it.
pub(super) fn none_selected(state: &mut State) -> Vec<Effect> {
    if state.functions.cards.is_empty() {
        return no_functions(state);
    }
    let filter = state.functions.filter.clone();
    if state.functions.shown().next().is_none() {
        let key = key(state, Action::Back);
        return refuse(
            state,
            format!("no function matches `{filter}`"),
            format!("{key} in the list clears the filter"),
        );
    }
    let (up, down) = (key(state, Action::Up), key(state, Action::Down));
    refuse(state, "no function is selected", format!("select one with {down} and {up} in the list"))
}

/// Reports why there are no functions, and what to do about it.
fn no_functions(state: &mut State) -> Vec<Effect> {
    let key = key(state, Action::Refresh);
    match &state.workspace {
        WorkspaceState::Reading => refuse(state, "still reading the workspace", ""),
        WorkspaceState::Broken(failure) => {
            let hint = format!("{}; {key} refreshes", failure.hint);
            let notice = Notice { hint, ..Notice::of(failure) };
            state.tell(notice);
            Vec::new()
        }
        WorkspaceState::Read(_) => refuse(
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
    start_build(state, names.to_vec()).1
}

/// Builds all functions that the filter shows.
pub(super) fn build_all(state: &mut State) -> Vec<Effect> {
    let shown = state.functions.shown_names();
    if shown.is_empty() {
        return none_selected(state);
    }
    let is_all = shown.len() == state.functions.cards.len();
    start_build(state, if is_all { Vec::new() } else { shown }).1
}

/// Starts a build; a running one is cancelled, since the latest wins.
pub(super) fn start_build(state: &mut State, names: Vec<String>) -> (JobId, Vec<Effect>) {
    let mut effects = Vec::new();
    if let Some(old) = state.jobs.newest(|kind| matches!(kind, JobKind::Build(_))).map(|job| job.id)
    {
        let stage = state.jobs.end(old).map(|job| job.stage).unwrap_or_default();
        stages::at(state, &stage, |state| {
            run::broken_off(state, old);
            watch::broken_off(state, old);
            Vec::new()
        });
        effects.push(Effect::Cancel(old));
    }
    state.command = Some(copy::build(state, &names));
    state.notice = None;
    let kind = JobKind::Build(names.clone());
    state.output = Output::of(kind.title().unwrap_or_default());
    let job = super::start(state, kind);
    let deployed = state.functions.deployed_architectures();
    let (architecture, debug) = (state.architecture, state.debug);
    effects.push(Effect::Build { job, functions: names, architecture, deployed, debug });
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
        return refuse(state, format!("{name} is not built"), hint);
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
        return refuse(state, "no function is built", hint);
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
    if state.is_protected() {
        state.overlay = Some(Overlay::Line(Line::new(Purpose::Change(change), "")));
        return Vec::new();
    }
    if let StageChange::Versions(_, VersionsChange::Rollback(to)) = &change {
        let yes = match to {
            Some(to) => format!("yes, route all traffic to version {to}"),
            None => "yes, end the canary, or route all traffic to the previous version".to_owned(),
        };
        ask(state, change, yes);
        return Vec::new();
    }
    carry_out(state, change, Approval::None)
}

/// Value of the list entry that confirms a change.
pub(super) const YES: &str = "yes";

/// Asks whether to make `change`. Enter alone does not confirm.
fn ask(state: &mut State, change: StageChange, yes: String) {
    let under = match state.overlay.take() {
        Some(Overlay::Versions(picker)) => Some(Box::new(picker)),
        _ => None,
    };
    let entry = |label: String, value: &str| Entry {
        label,
        detail: String::new(),
        value: value.to_owned(),
    };
    let entries = vec![entry("no, cancel".to_owned(), "no"), entry(yes, YES)];
    state.overlay =
        Some(Overlay::Choose(Choose { under, ..Choose::new(Offer::Change(change), entries) }));
}

/// Makes `change`, which was confirmed or needs no confirmation.
pub(super) fn carry_out(state: &mut State, change: StageChange, approval: Approval) -> Vec<Effect> {
    match change {
        StageChange::Deploy(names) => {
            start_deploy(state, names, approval, None).map(|(_, effects)| effects)
        }
        StageChange::Versions(name, change) => versions::start(state, name, change, approval),
        StageChange::Run(name) => Some(run::start(state, name, approval)),
        StageChange::ColdStart(name) => {
            start_invoke(state, &name, true, approval).map(|(_, effects)| effects)
        }
    }
    .unwrap_or_default()
}

/// Returns `true` if all changes are refused, and reports that; `what` names the consequence:
/// `nothing is deployed`.
pub(super) fn is_read_only(state: &mut State, what: &str) -> bool {
    if state.options.read_only {
        refuse(state, format!("read-only mode: {what}"), "restart without `--read-only`");
    }
    state.options.read_only
}

/// Returns `true` if functions may be changed now; otherwise reports why not; `what` names the
/// consequence: `nothing is deployed`.
pub(super) fn may_change(state: &mut State, what: &str) -> bool {
    if is_read_only(state, what) {
        return false;
    }
    let running = state.jobs.newest(JobKind::changes_functions).and_then(|job| job.kind.title());
    if let Some(title) = &running {
        refuse(state, format!("{title} is running"), "wait for it to finish");
    }
    running.is_none()
}

/// Starts a deploy according to `plan`; returns none while another one runs, which must not be
/// interrupted, or if changes are refused.
pub(super) fn start_deploy(
    state: &mut State,
    names: Vec<String>,
    approval: Approval,
    plan: Option<DeployPlan>,
) -> Option<(JobId, Vec<Effect>)> {
    if !may_change(state, "nothing is deployed") {
        return None;
    }
    state.command = Some(copy::deploy(state, &names, approval));
    state.notice = None;
    let functions = functions(state, &names);
    let job = super::start(state, JobKind::Deploy(names));
    Some((job, vec![Effect::Deploy { job, functions, plan, approval }]))
}

/// Invokes the selected function.
pub(super) fn invoke_selected(state: &mut State, cold: bool) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return none_selected(state) };
    let name = card.function.name.clone();
    if card.deployment == Deployment::Absent {
        let stage = &state.options.stage;
        let why = format!("{name} is not deployed on {stage}");
        let hint = format!("{} builds, deploys and invokes it", key(state, Action::Run));
        return refuse(state, why, hint);
    }
    if cold {
        return change_stage(state, StageChange::ColdStart(name));
    }
    start_invoke(state, &name, false, Approval::None)
        .map(|(_, effects)| effects)
        .unwrap_or_default()
}

/// Starts an invocation of `name` with its payload.
pub(super) fn start_invoke(
    state: &mut State,
    name: &str,
    cold: bool,
    approval: Approval,
) -> Option<(JobId, Vec<Effect>)> {
    let card = state.functions.get(name)?;
    let request = InvokeRequest {
        function: name.to_owned(),
        payload: card.draft.payload(),
        qualifier: state.qualifier.clone(),
        mode: state.mode.of(&card.function.config),
        client_context: state.client_context.clone(),
        tenant: state.tenant.clone(),
        cold,
        approval,
    };
    state.command = Some(copy::invoke(state, &request, &card.draft));
    state.notice = None;
    let job = super::start(state, JobKind::Invoke(name.to_owned()));
    Some((job, vec![Effect::Invoke { job, request }]))
}

/// Cancels the newest job that is shown.
pub(super) fn cancel(state: &mut State) -> Vec<Effect> {
    let newest = state.jobs.iter().rev().find(|job| !job.cancelled && job.kind.title().is_some());
    let Some((id, title)) = newest.map(|job| (job.id, job.kind.title().unwrap_or_default())) else {
        return refuse(state, "nothing is running", "");
    };
    if let Some(job) = state.jobs.get_mut(id) {
        job.cancelled = true;
    }
    state.tell(Notice::plain(format!("cancelling {title}"), ""));
    vec![Effect::Cancel(id)]
}
