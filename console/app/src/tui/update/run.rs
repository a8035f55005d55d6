//! The run: each step starts when the previous one has succeeded.

use lambda_console_model::{Approval, DeployAction, DeployPlan, Failure, InvokeMode, StageInfo};

use super::{logs, plan, start_on, verb};
use crate::tui::{
    message::Effect,
    state::{
        Compared, Focus, Notice, Overlay, Plan, Planned, Run, RunStep, Running, State,
        overlay::StageChange,
    },
    task::{JobId, Task},
};

/// Starts the run of the selected function; on a protected local stage, after the stage's name was
/// typed. On other stages, the plan of its deploy asks for that.
pub(super) fn start_selected(state: &mut State) -> Vec<Effect> {
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
    let stage = state.active.clone();
    if !verb::may_change(state, "nothing is deployed") {
        return Vec::new();
    }
    let mut effects = Vec::new();
    // A step of an earlier run continues or is replaced, but nothing follows it.
    if let Some(job) = state.stage_mut().run.take().and_then(|run| run.job)
        && state.jobs.end(job).is_some()
    {
        effects.push(Effect::Cancel(job));
    }
    let (job, build) = verb::start_build(state, &stage, vec![name.clone()]);
    effects.extend(build);
    let run = Run::new(name, approval, job, state.now);
    state.stage_mut().run = Some(run);
    effects
}

/// Handles the end of `job`. If it belongs to the run of its stage, the next step starts.
pub(super) fn ended(state: &mut State, job: &Running, worked: bool) -> Vec<Effect> {
    let (now, stage) = (state.now, job.stage.as_str());
    let run = state.on_mut(stage).run.as_mut();
    let Some(run) = run.filter(|run| run.job == Some(job.id)) else { return Vec::new() };
    let (function, approval) = (run.function.clone(), run.approval);
    let Some(next) = run.advance(now, worked) else { return Vec::new() };
    let started = match next {
        RunStep::Build => None,
        RunStep::Deploy if stage == StageInfo::LOCAL => {
            let started = verb::start_deploy(state, stage, &[function], approval, None);
            if started.is_some() && state.is_active(stage) {
                state.notice = None;
            }
            started
        }
        RunStep::Deploy => Some(plan::compare(state, stage, &[function])),
        RunStep::Invoke => {
            // The run shows the function's response.
            let mode = match state.mode {
                InvokeMode::Async | InvokeMode::DryRun => InvokeMode::Sync,
                mode => mode,
            };
            let start = verb::Start { sandbox: verb::Sandbox::Any, approval: Approval::None, mode };
            verb::start_invoke(state, stage, &function, start)
        }
        RunStep::Logs => logs::fetch(state, stage, &function),
        RunStep::Stats => {
            Some(start_on(state, stage, Task::LoadSamples { functions: vec![function] }))
        }
    };
    let Some(run) = &mut state.on_mut(stage).run else { return Vec::new() };
    if let Some((job, effect)) = started {
        run.run(next, job, now);
        return vec![effect];
    }
    // The reason was already shown in the status line.
    run.run(next, job.id, now);
    run.advance(now, false);
    Vec::new()
}

/// Handles the plan of the run's deploy, if `job` computed it. If it has changes, the run waits for
/// approval.
pub(super) fn compared(
    state: &mut State,
    job: &Running,
    result: &Result<DeployPlan, Failure>,
) -> Option<Vec<Effect>> {
    let run = state.on_mut(&job.stage).run.as_mut().filter(|run| run.job == Some(job.id))?;
    let failure = match result {
        Ok(outcome) => outcome.failed.first().map(|(_, failure)| failure),
        Err(failure) => Some(failure),
    };
    match (failure, result) {
        (None, Ok(outcome))
            if outcome.functions.iter().any(|one| one.action != DeployAction::Unchanged) =>
        {
            run.job = None;
            run.plan = Some(Compared { job: job.id, plan: outcome.clone() });
            return Some(Vec::new());
        }
        (Some(failure), _) => state.notify_on(&job.stage, Notice::of(failure)),
        _ => {}
    }
    Some(ended(state, job, failure.is_none()))
}

/// Shows the plan that the run waits with, once no overlay is open and the user is not typing.
pub(super) fn show_pending_plan(state: &mut State) {
    if state.overlay.is_some() || state.focus == Focus::Edit {
        return;
    }
    let Some(run) = &mut state.stage_mut().run else { return };
    if let Some(Compared { job, plan }) = run.plan.take() {
        let of = Planned::Run(run.function.clone());
        state.overlay = Some(Overlay::Plan(Plan { outcome: Some(plan), ..Plan::new(of, job) }));
    }
}

/// Deploys according to the run's plan.
pub(super) fn deploy(
    state: &mut State,
    function: String,
    plan: JobId,
    approval: Approval,
) -> Vec<Effect> {
    let stage = state.active.clone();
    let started = verb::start_deploy(state, &stage, &[function], approval, Some(plan));
    let Some((job, effect)) = started else {
        dismissed(state);
        return Vec::new();
    };
    state.notice = None;
    let now = state.now;
    if let Some(run) = &mut state.stage_mut().run {
        run.run(RunStep::Deploy, job, now);
    }
    vec![effect]
}

/// Ends the run after its plan was closed.
pub(super) fn dismissed(state: &mut State) {
    let now = state.now;
    if let Some(run) = &mut state.stage_mut().run {
        run.advance(now, false);
    }
}

/// Ends the run if `job`, one of its steps, was replaced by another.
pub(super) fn superseded(state: &mut State, job: &Running) {
    let now = state.now;
    let run = state.on_mut(&job.stage).run.as_mut();
    if let Some(run) = run.filter(|run| run.job == Some(job.id)) {
        run.advance(now, false);
    }
}
