//! The plan of a deploy, of settings or of a promotion: computed, shown, then applied or closed.

use lambda_console_model::{Approval, DeployPlan, Failure, Function, Promotion};

use super::{copy, overlay, promote, run, settings, verb};
use crate::tui::{
    message::{Action, Effect},
    state::{Context, JobId, JobKind, Notice, Overlay, Plan, Planned, State, overlay::StageChange},
};

/// Deploys `names`: on the local stage immediately, elsewhere after the plan was approved.
pub(super) fn deploy(state: &mut State, names: Vec<String>) -> Vec<Effect> {
    if state.is_local() {
        return verb::change_stage(state, StageChange::Deploy(names));
    }
    let (job, effect) = compare(state, names.clone());
    show(state, Plan::new(Planned::Deploy(names), job), effect)
}

/// Compares `names` with the stage.
pub(super) fn compare(state: &mut State, names: Vec<String>) -> (JobId, Effect) {
    state.command = Some(copy::plan(state, &names));
    let functions = verb::functions(state, &names);
    let job = super::start(state, JobKind::Plan(names));
    (job, Effect::Plan { job, functions })
}

/// Changes settings of a function: on the local stage immediately, elsewhere after the plan was
/// approved.
pub(super) fn configure(
    state: &mut State,
    function: Function,
    revision: Option<String>,
) -> Vec<Effect> {
    if state.is_local() && !state.is_protected() {
        return settings::send(state, function, revision, Approval::None);
    }
    state.command = Some(copy::plan_config(state, &function.name));
    let job = super::start(state, JobKind::Compare(vec![function.name.clone()]));
    let of =
        Planned::Configure { function: Box::new(function.clone()), revision: revision.clone() };
    show(state, Plan::new(of, job), Effect::PlanConfig { job, function, revision })
}

/// Promotes from another stage, after the plan was approved.
pub(super) fn promote(state: &mut State, promotion: Promotion) -> Vec<Effect> {
    state.command = Some(copy::promote(&promotion, true));
    let names = promotion.functions.iter().map(|function| function.name.clone()).collect();
    let job = super::start(state, JobKind::Compare(names));
    let of = Planned::Promote(Box::new(promotion.clone()));
    show(state, Plan::new(of, job), Effect::PlanPromotion { job, promotion })
}

fn show(state: &mut State, plan: Plan, effect: Effect) -> Vec<Effect> {
    state.notice = None;
    let mut effects = overlay::dismiss(state);
    state.overlay = Some(Overlay::Plan(plan));
    effects.push(effect);
    effects
}

/// Handles the result of a comparison, if the plan is still open, or the run waits for it.
pub(super) fn compared(
    state: &mut State,
    job: JobId,
    result: Result<DeployPlan, Failure>,
) -> Vec<Effect> {
    if state.jobs.end(job).is_none() {
        return Vec::new();
    }
    if let Some(effects) = run::compared(state, job, &result) {
        return effects;
    }
    let Some(Overlay::Plan(plan)) = &mut state.overlay else { return Vec::new() };
    if plan.job != Some(job) {
        return Vec::new();
    }
    plan.job = None;
    match result {
        Ok(outcome) => plan.outcome = Some(outcome),
        Err(failure) => {
            state.overlay = None;
            state.tell(Notice::of(&failure));
        }
    }
    Vec::new()
}

/// Cancels the comparison of a plan that was closed, or the run that waited for it.
pub(super) fn left(state: &mut State, plan: &Plan) -> Vec<Effect> {
    if matches!(plan.of, Planned::Run(_)) {
        run::left(state);
    }
    match plan.job {
        Some(job) if state.jobs.end(job).is_some() => vec![Effect::Cancel(job)],
        _ => Vec::new(),
    }
}

/// Applies the plan. It stays open while it is computed, and until the stage's name is typed if
/// that is needed.
pub(super) fn accept(state: &mut State, plan: Plan) -> Vec<Effect> {
    if plan.job.is_some() {
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    if !plan.is_open() {
        state.tell(match plan.outcome.and_then(|outcome| outcome.failed.into_iter().next()) {
            Some((_, failure)) => Notice::of(&failure),
            None => Notice::plain(format!("{} is up to date", state.options.stage), ""),
        });
        return Vec::new();
    }
    let approval = if state.asks_name(&plan) { Approval::Given } else { Approval::None };
    if approval == Approval::Given && plan.typed.text().trim() != state.options.stage {
        let key = state.key_of(Context::Confirm, Action::Back.name()).unwrap_or("esc");
        state.tell(Notice::plain(
            format!("name does not match: type `{}`", state.options.stage),
            format!("{key} cancels"),
        ));
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    // Keep the typed text while something else runs.
    if !verb::may_change(state, "nothing is changed") {
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    // Functions that cannot be deployed were reported in the plan.
    let names = plan.changed().map(|function| function.name.clone()).collect();
    match plan.of {
        Planned::Deploy(_) => {
            let started = verb::start_deploy(state, names, approval, plan.outcome);
            started.map(|(_, effects)| effects).unwrap_or_default()
        }
        Planned::Run(name) => run::deploy(state, name, plan.outcome, approval),
        Planned::Configure { function, revision } => {
            settings::send(state, *function, revision, approval)
        }
        Planned::Promote(promotion) => promote::send(state, Promotion { approval, ..*promotion }),
    }
}
