//! The run: each step starts when the previous one has succeeded.

use lambda_console_model::{Consent, DeployAction, DeployPlan, Failure, InvokeMode};

use super::{logs, plan, verb};
use crate::tui::{
    message::Effect,
    state::{
        Focus, JobId, LoopStep, Notice, Overlay, Plan, Planned, Sequence, State,
        overlay::StageChange,
    },
};

/// Starts the run of the selected function; on a protected local stage, after the stage's name was
/// typed. On other stages, the plan of its deploy asks for that.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let Some(name) = state.functions.selected().map(str::to_owned) else {
        return verb::none_selected(state);
    };
    if state.is_local() {
        return verb::change_stage(state, StageChange::Loop(name));
    }
    start(state, name, Consent::None)
}

/// Starts the run of the function `name`; a current one is restarted.
pub(super) fn start(state: &mut State, name: String, consent: Consent) -> Vec<Effect> {
    if !verb::may_change(state, "the loop deploys nothing") {
        return Vec::new();
    }
    let mut effects = Vec::new();
    // A step of an earlier run continues or is replaced, but nothing follows it.
    if let Some(job) = state.sequence.take().and_then(|sequence| sequence.job)
        && state.jobs.end(job).is_some()
    {
        effects.push(Effect::Cancel(job));
    }
    let (job, build) = verb::start_build(state, vec![name.clone()]);
    effects.extend(build);
    state.sequence = Some(Sequence::new(name, consent, job, state.now));
    effects
}

/// Handles the end of `job`. If it belongs to the run, the next step starts.
pub(super) fn ended(state: &mut State, job: JobId, worked: bool) -> Vec<Effect> {
    let now = state.now;
    let Some(sequence) = state.sequence.as_mut().filter(|sequence| sequence.job == Some(job))
    else {
        return Vec::new();
    };
    let (function, consent) = (sequence.function.clone(), sequence.consent);
    let Some(next) = sequence.advance(now, worked) else { return Vec::new() };
    let started = match next {
        LoopStep::Build => None,
        LoopStep::Deploy if state.is_local() => {
            verb::start_deploy(state, vec![function], consent, None)
        }
        LoopStep::Deploy => {
            let (job, effect) = plan::compare(state, vec![function]);
            Some((job, vec![effect]))
        }
        LoopStep::Invoke => {
            // The run shows the function's response.
            let mode = state.mode;
            if matches!(mode, InvokeMode::Async | InvokeMode::DryRun) {
                state.mode = InvokeMode::Sync;
            }
            let started = verb::start_invoke(state, &function, false, Consent::None);
            state.mode = mode;
            started
        }
        LoopStep::Logs => logs::fetch(state, &function),
        LoopStep::Stats => Some(super::finish::load_samples(state, vec![function])),
    };
    let Some((job, effects)) = started else {
        // The reason was already shown in the status line.
        if let Some(sequence) = &mut state.sequence {
            sequence.run(next, job, now);
            sequence.advance(now, false);
        }
        return Vec::new();
    };
    if let Some(sequence) = &mut state.sequence {
        sequence.run(next, job, now);
    }
    effects
}

/// Handles the plan of the run's deploy, if `job` computed it. If it has changes, the run waits for
/// approval.
pub(super) fn compared(
    state: &mut State,
    job: JobId,
    result: &Result<DeployPlan, Failure>,
) -> Option<Vec<Effect>> {
    let sequence = state.sequence.as_mut().filter(|sequence| sequence.job == Some(job))?;
    let failure = match result {
        Ok(outcome) => outcome.failed.first().map(|(_, failure)| failure),
        Err(failure) => Some(failure),
    };
    match (failure, result) {
        (None, Ok(outcome))
            if outcome.functions.iter().any(|one| one.action != DeployAction::Unchanged) =>
        {
            sequence.job = None;
            sequence.plan = Some(outcome.clone());
            return Some(Vec::new());
        }
        (Some(failure), _) => state.tell(Notice::of(failure)),
        _ => {}
    }
    Some(ended(state, job, failure.is_none()))
}

/// Shows the plan that the run waits with, once no overlay is open and the user is not typing.
pub(super) fn offer(state: &mut State) {
    if state.overlay.is_some() || state.focus == Focus::Edit {
        return;
    }
    let Some(sequence) = &mut state.sequence else { return };
    if let Some(outcome) = sequence.plan.take() {
        let of = Planned::Loop(sequence.function.clone());
        state.overlay = Some(Overlay::Plan(Plan::of(of, outcome)));
    }
}

/// Deploys according to the run's plan.
pub(super) fn deploy(
    state: &mut State,
    function: String,
    outcome: Option<DeployPlan>,
    consent: Consent,
) -> Vec<Effect> {
    let Some((job, effects)) = verb::start_deploy(state, vec![function], consent, outcome) else {
        left(state);
        return Vec::new();
    };
    let now = state.now;
    if let Some(sequence) = &mut state.sequence {
        sequence.run(LoopStep::Deploy, job, now);
    }
    effects
}

/// Ends the run after its plan was closed.
pub(super) fn left(state: &mut State) {
    let now = state.now;
    if let Some(sequence) = &mut state.sequence {
        sequence.advance(now, false);
    }
}

/// Ends the run if `job`, one of its steps, was replaced by another.
pub(super) fn broken_off(state: &mut State, job: JobId) {
    let now = state.now;
    if let Some(sequence) = state.sequence.as_mut().filter(|sequence| sequence.job == Some(job)) {
        sequence.advance(now, false);
    }
}
