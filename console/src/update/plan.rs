//! The plan of a deploy: asked for, shown, carried out or left.

use super::{command, overlay, verb};
use crate::{
    message::{Consent, DeployPlan, Effect, Failure, JobId},
    state::{JobKind, Notice, Overlay, Plan, State, overlay::StageChange},
};

/// Deploys `names`: on the local stage at once, elsewhere after the plan was looked at.
pub(super) fn deploy(state: &mut State, names: Vec<String>) -> Vec<Effect> {
    if state.is_local() {
        return verb::change_stage(state, StageChange::Deploy(names));
    }
    state.command = Some(command::plan(state, &names));
    state.notice = None;
    let functions = verb::functions(state, &names);
    let job = super::start(state, JobKind::Plan(names.clone()));
    let mut effects = overlay::dismiss(state);
    state.overlay = Some(Overlay::Plan(Plan::new(names, job)));
    effects.push(Effect::Plan { job, functions });
    effects
}

/// Takes in what the comparison found, where the plan is still open.
pub(super) fn compared(state: &mut State, job: JobId, result: Result<DeployPlan, Failure>) {
    if state.jobs.end(job).is_none() {
        return;
    }
    let Some(Overlay::Plan(plan)) = &mut state.overlay else { return };
    if plan.job != Some(job) {
        return;
    }
    plan.job = None;
    match result {
        Ok(outcome) => plan.outcome = Some(outcome),
        Err(failure) => {
            state.overlay = None;
            state.tell(Notice::of(&failure));
        }
    }
}

/// Breaks the comparison of a plan off that was left.
pub(super) fn left(state: &mut State, plan: &Plan) -> Vec<Effect> {
    match plan.job {
        Some(job) if state.jobs.end(job).is_some() => vec![Effect::Cancel(job)],
        _ => Vec::new(),
    }
}

/// Carries the plan out. It stays open while it compares, and until the name of a protected stage is typed.
pub(super) fn accept(state: &mut State, plan: Plan) -> Vec<Effect> {
    if plan.job.is_some() {
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    if !plan.is_open() {
        state.tell(match plan.outcome.and_then(|outcome| outcome.failed.into_iter().next()) {
            Some((_, failure)) => Notice::of(&failure),
            None => Notice::plain(format!("{} has nothing to be changed", state.options.stage), ""),
        });
        return Vec::new();
    }
    let consent = if state.asks_name(&plan) { Consent::Given } else { Consent::None };
    if consent == Consent::Given && plan.typed.lines().concat() != state.options.stage {
        state.tell(Notice::plain("that is not the stage's name", "esc leaves everything as it is"));
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    // What cannot be deployed was told in the plan.
    let names = plan.changed().map(|function| function.name.clone()).collect();
    verb::carry_out(state, StageChange::Deploy(names), consent)
}
