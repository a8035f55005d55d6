//! Missing or expired credentials: the stopped work is kept, and resumed after a login.

use lambda_console_model::{CodeAsked, Failure};

use super::{delete, logs, plan, stages, versions};
use crate::tui::{
    message::{Action, Effect, Event},
    state::{
        Connection, Context, Focus, JobId, JobKind, Login, Notice, Overlay, State, Stopped,
        overlay::{Line, Purpose},
    },
};

/// A job that stopped for lack of credentials, according to an event; determined before the event
/// is handled.
pub(super) struct Stop {
    stopped: Stopped,
    failure: Failure,
}

/// Returns the stop if `event` is the end of a job that stopped for lack of credentials.
pub(super) fn of(state: &State, event: &Event) -> Option<Stop> {
    let (id, failure) = (event.job()?, event.login()?);
    let job = state.jobs.iter().find(|job| job.id == id)?.clone();
    let in_run = state.run.as_ref().is_some_and(|run| run.job == Some(id));
    Some(Stop { stopped: Stopped { job, at: state.now, in_run }, failure: failure.clone() })
}

/// Keeps the stopped job, and asks for a login.
pub(super) fn keep(state: &mut State, stop: Stop) {
    if stop.stopped.job.kind == JobKind::Probe {
        return;
    }
    let login = state.login.get_or_insert_with(|| Login::new(stop.failure.clone()));
    login.failure = stop.failure;
    login.trying = false;
    // These follow from connecting automatically; a comparison can be requested again.
    let kind = &stop.stopped.job.kind;
    if !matches!(
        kind,
        JobKind::Connect
            | JobKind::Refresh
            | JobKind::ReadConfig(_)
            | JobKind::Samples(_)
            | JobKind::Compare(_)
    ) {
        login.stopped.push(stop.stopped);
    }
    show(state);
}

/// Shows how to log in, unless the user is typing.
pub(super) fn show(state: &mut State) {
    if state.login.is_some() && state.overlay.is_none() && state.focus != Focus::Edit {
        state.overlay = Some(Overlay::Login);
    }
}

/// Tries the new credentials, and then resumes the stopped jobs.
pub(super) fn resume(state: &mut State) -> Vec<Effect> {
    if state.overlay.as_ref().is_some_and(|overlay| matches!(overlay, Overlay::Login)) {
        state.overlay = None;
    }
    let Some(login) = &mut state.login else {
        state.tell(Notice::plain("no login is pending", ""));
        return Vec::new();
    };
    if std::mem::replace(&mut login.trying, true) {
        return Vec::new();
    }
    state.connection = Connection::Connecting;
    state.tell(Notice::plain("trying the new credentials", ""));
    vec![stages::connect(state, true)]
}

/// Asks for the code that credentials need, unless the user is typing or another overlay is open.
pub(super) fn offer_code(state: &mut State) {
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

/// Resumes the stopped jobs after the stage accepted the credentials, if the user requested it.
pub(super) fn accepted(state: &mut State) -> Vec<Effect> {
    let Some(login) = state.login.take() else { return Vec::new() };
    if login.stopped.is_empty() {
        return Vec::new();
    }
    let waiting = login.waiting();
    if !login.trying {
        let key =
            state.key_of(Context::Functions, Action::Resume.name()).unwrap_or("resume").to_owned();
        state.tell(Notice::plain(
            "the credentials are valid again",
            format!("{key} resumes {waiting}"),
        ));
        state.login = Some(login);
        return Vec::new();
    }
    state.tell(Notice::plain(format!("resuming {waiting}"), ""));
    let (mut effects, mut jobs) = (Vec::new(), Vec::<JobId>::new());
    for Stopped { job, at, in_run } in login.stopped {
        match job.kind {
            // These have a view of their own, which is opened again.
            JobKind::Tail(functions) => {
                effects.extend(logs::resume(state, functions, at));
                continue;
            }
            JobKind::Plan(names) if !in_run => {
                effects.extend(plan::deploy(state, names));
                continue;
            }
            JobKind::Versions(name) => {
                effects.extend(versions::show(state, name));
                continue;
            }
            JobKind::Resources(name) => {
                effects.extend(delete::ask(state, name));
                continue;
            }
            _ => {}
        }
        if let Some(run) = state.run.as_mut().filter(|_| in_run) {
            run.resume(job.id, state.now);
        }
        jobs.push(job.id);
        state.jobs.resume(job, state.now);
    }
    if !jobs.is_empty() {
        effects.push(Effect::Resume(jobs));
    }
    effects
}

/// Handles that the stage could not be reached, for another reason.
pub(super) fn hindered(state: &mut State) {
    if let Some(login) = &mut state.login {
        login.trying = false;
    }
}
