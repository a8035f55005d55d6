//! The run: each step starts when the previous one has succeeded.

use lambda_console_model::{Approval, DeployAction, DeployPlan, Failure, InvokeMode};

use super::{logs, plan, verb};
use crate::tui::{
    message::Effect,
    state::{
        Focus, JobId, Notice, Overlay, Plan, Planned, Run, RunStep, State, overlay::StageChange,
    },
};

/// Starts the run of the selected function; on a protected local stage, after the stage's name was
/// typed. On other stages, the plan of its deploy asks for that.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    let Some(name) = state.functions.selected().map(str::to_owned) else {
        return verb::none_selected(state);
    };
    if state.is_local() {
        return verb::change_stage(state, StageChange::Run(name));
    }
    start(state, name, Approval::None)
}

/// Starts the run of the function `name`; a current one is restarted.
pub(super) fn start(state: &mut State, name: String, approval: Approval) -> Vec<Effect> {
    if !verb::may_change(state, "nothing is deployed") {
        return Vec::new();
    }
    let mut effects = Vec::new();
    // A step of an earlier run continues or is replaced, but nothing follows it.
    if let Some(job) = state.run.take().and_then(|run| run.job)
        && state.jobs.end(job).is_some()
    {
        effects.push(Effect::Cancel(job));
    }
    let (job, build) = verb::start_build(state, vec![name.clone()]);
    effects.extend(build);
    state.run = Some(Run::new(name, approval, job, state.now));
    effects
}

/// Handles the end of `job`. If it belongs to the run, the next step starts.
pub(super) fn ended(state: &mut State, job: JobId, worked: bool) -> Vec<Effect> {
    let now = state.now;
    let Some(run) = state.run.as_mut().filter(|run| run.job == Some(job)) else {
        return Vec::new();
    };
    let (function, approval) = (run.function.clone(), run.approval);
    let Some(next) = run.advance(now, worked) else { return Vec::new() };
    let started = match next {
        RunStep::Build => None,
        RunStep::Deploy if state.is_local() => {
            verb::start_deploy(state, vec![function], approval, None)
        }
        RunStep::Deploy => {
            let (job, effect) = plan::compare(state, vec![function]);
            Some((job, vec![effect]))
        }
        RunStep::Invoke => {
            // The run shows the function's response.
            let mode = state.mode;
            if matches!(mode, InvokeMode::Async | InvokeMode::DryRun) {
                state.mode = InvokeMode::Sync;
            }
            let started = verb::start_invoke(state, &function, false, Approval::None);
            state.mode = mode;
            started
        }
        RunStep::Logs => logs::fetch(state, &function),
        RunStep::Stats => Some(super::finish::load_samples(state, vec![function])),
    };
    let Some((job, effects)) = started else {
        // The reason was already shown in the status line.
        if let Some(run) = &mut state.run {
            run.run(next, job, now);
            run.advance(now, false);
        }
        return Vec::new();
    };
    if let Some(run) = &mut state.run {
        run.run(next, job, now);
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
    let run = state.run.as_mut().filter(|run| run.job == Some(job))?;
    let failure = match result {
        Ok(outcome) => outcome.failed.first().map(|(_, failure)| failure),
        Err(failure) => Some(failure),
    };
    match (failure, result) {
        (None, Ok(outcome))
            if outcome.functions.iter().any(|one| one.action != DeployAction::Unchanged) =>
        {
            run.job = None;
            run.plan = Some(outcome.clone());
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
    let Some(run) = &mut state.run else { return };
    if let Some(outcome) = run.plan.take() {
        let of = Planned::Run(run.function.clone());
        state.overlay = Some(Overlay::Plan(Plan::of(of, outcome)));
    }
}

/// Deploys according to the run's plan.
pub(super) fn deploy(
    state: &mut State,
    function: String,
    outcome: Option<DeployPlan>,
    approval: Approval,
) -> Vec<Effect> {
    let Some((job, effects)) = verb::start_deploy(state, vec![function], approval, outcome) else {
        left(state);
        return Vec::new();
    };
    let now = state.now;
    if let Some(run) = &mut state.run {
        run.run(RunStep::Deploy, job, now);
    }
    effects
}

/// Ends the run after its plan was closed.
pub(super) fn left(state: &mut State) {
    let now = state.now;
    if let Some(run) = &mut state.run {
        run.advance(now, false);
    }
}

/// Ends the run if `job`, one of its steps, was replaced by another.
pub(super) fn broken_off(state: &mut State, job: JobId) {
    let now = state.now;
    if let Some(run) = state.run.as_mut().filter(|run| run.job == Some(job)) {
        run.advance(now, false);
    }
}
