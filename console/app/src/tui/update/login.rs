//! Missing or expired credentials: the stopped work is kept, and resumed after a login.

use lambda_console_model::{CodeAsked, Failure};

use super::{delete, logs, plan, stages, versions};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Connection, Context, Focus, Login, Notice, Overlay, Running, State, Stopped,
        overlay::{Line, Purpose},
    },
    task::{Credentials, JobEvent, Task, names},
};

/// A job that stopped for lack of credentials, according to an event; determined before the event
/// is handled.
pub(super) struct Stop {
    stopped: Stopped,
    failure: Failure,
}

/// Returns the stop if `event` is the end of `job`, which stopped for lack of credentials.
pub(super) fn of(state: &State, job: &Running, event: &JobEvent) -> Option<Stop> {
    let failure = event.login()?.clone();
    let in_run = state.on(&job.stage).run.as_ref().is_some_and(|run| run.job == Some(job.id));
    Some(Stop { stopped: Stopped { job: job.clone(), at: state.now, in_run }, failure })
}

/// Keeps the stopped job, and asks for a login.
pub(super) fn keep(state: &mut State, stop: Stop) {
    if matches!(*stop.stopped.job.task, Task::Probe) {
        return;
    }
    let stage = state.on_mut(&stop.stopped.job.stage);
    let login = stage.login.get_or_insert_with(|| Login::new(stop.failure.clone()));
    login.failure = stop.failure;
    login.trying = false;
    // These follow from connecting automatically; a comparison can be requested again.
    if !matches!(
        *stop.stopped.job.task,
        Task::Connect { .. }
            | Task::RefreshDeployed { .. }
            | Task::ReadConfig { .. }
            | Task::LoadSamples { .. }
            | Task::PlanConfig { .. }
            | Task::PlanPromotion { .. }
    ) {
        login.stopped.push(stop.stopped);
    }
    show(state);
}

/// Shows how to log in on the active stage, if that is needed and the user is not typing.
pub(super) fn show(state: &mut State) {
    if state.stage().login.is_some() && state.overlay.is_none() && state.focus != Focus::Edit {
        state.overlay = Some(Overlay::Login);
    }
}

/// Tries the new credentials, and then resumes the stopped jobs.
pub(super) fn resume(state: &mut State) -> Vec<Effect> {
    if state.overlay.as_ref().is_some_and(|overlay| matches!(overlay, Overlay::Login)) {
        state.overlay = None;
    }
    let stage = state.active.clone();
    let Some(login) = &mut state.on_mut(&stage).login else {
        state.notify(Notice::plain("no login is pending", ""));
        return Vec::new();
    };
    if std::mem::replace(&mut login.trying, true) {
        return Vec::new();
    }
    state.on_mut(&stage).connection = Connection::Connecting;
    state.notify(Notice::plain("trying the new credentials", ""));
    vec![stages::connect(state, &stage, Credentials::Renewed)]
}

/// Asks for the code that credentials need, unless the user is typing or another overlay is open.
pub(super) fn show_code_prompt(state: &mut State) {
    if state.overlay.is_none() && state.focus != Focus::Edit && !state.codes.is_empty() {
        let asked = state.codes.remove(0);
        state.overlay = Some(Overlay::Line(Line::new(Purpose::Code(asked), "")));
    }
}

/// Answers with the code that was typed; an empty text means that there will be none.
pub(super) fn give_code(asked: &CodeAsked, typed: &str) -> Vec<Effect> {
    let code: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
    vec![Effect::GiveCode { id: asked.id, code: (!code.is_empty()).then_some(code) }]
}

/// Resumes the stopped jobs after `stage` accepted the credentials, if the user requested it.
pub(super) fn accepted(state: &mut State, stage: &str) -> Vec<Effect> {
    let Some(login) = state.on_mut(stage).login.take() else { return Vec::new() };
    if login.stopped.is_empty() {
        return Vec::new();
    }
    let waiting = login.waiting();
    if !login.trying {
        let key = state.key_of(Context::Functions, Action::Resume).unwrap_or("resume").to_owned();
        let hint = format!("{key} resumes {waiting}");
        state.notify_on(stage, Notice::plain("the credentials are valid again", hint));
        state.on_mut(stage).login = Some(login);
        return Vec::new();
    }
    state.notify_on(stage, Notice::plain(format!("resuming {waiting}"), ""));
    let is_active = state.is_active(stage);
    let mut effects = Vec::new();
    for Stopped { job, at, in_run } in login.stopped {
        match &*job.task {
            // These have a view of their own, which is opened again.
            Task::StartTail { functions, .. } => {
                effects.extend(logs::resume(state, stage, functions, at));
                continue;
            }
            Task::Plan { functions } if !in_run => {
                if is_active {
                    effects.extend(plan::deploy(state, names(functions)));
                }
                continue;
            }
            Task::LoadVersions { function } => {
                if is_active {
                    effects.extend(versions::show(state, function.clone()));
                }
                continue;
            }
            Task::ListResources { functions } => {
                if is_active && let [function] = functions.as_slice() {
                    effects.extend(delete::ask(state, function.clone()));
                }
                continue;
            }
            _ => {}
        }
        let now = state.now;
        if let Some(run) = state.on_mut(stage).run.as_mut().filter(|_| in_run) {
            run.resume(job.id, now);
        }
        let (id, task) = (job.id, (*job.task).clone());
        state.jobs.resume(job, now);
        effects.push(Effect::Start { job: id, stage: stage.to_owned(), task });
    }
    effects
}

/// Handles that `stage` could not be reached, for another reason.
pub(super) fn connection_failed(state: &mut State, stage: &str) {
    if let Some(login) = &mut state.on_mut(stage).login {
        login.trying = false;
    }
}
