//! The plan of a deploy, of settings, of a promotion or of versions: computed, shown, then applied
//! or closed.

use lambda_console_model::{
    Approval, DeployPlan, Failure, Function, Needed, Promotion, VersionsChange,
};

use super::{copy, overlay, promote, run, settings, start_on, verb, versions};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Context, JobId, Notice, Overlay, Picker, Plan, Planned, Running, State,
        overlay::StageChange,
    },
    task::Task,
};

/// Deploys `names`: on the local stage immediately, elsewhere after the plan was approved.
pub(super) fn deploy(state: &mut State, names: Vec<String>) -> Vec<Effect> {
    if state.is_local() {
        return verb::change_stage(state, StageChange::Deploy(names));
    }
    let stage = state.active.clone();
    let (job, effect) = compare(state, &stage, &names);
    show(state, Plan::new(Planned::Deploy(names), job), effect)
}

/// Compares `names` with `stage`.
pub(super) fn compare(state: &mut State, stage: &str, names: &[String]) -> (JobId, Effect) {
    if state.is_active(stage) {
        state.command = Some(copy::plan(state, names));
    }
    let functions = verb::functions(state, names);
    start_on(state, stage, Task::Plan { functions })
}

/// Changes settings of a function: on the local stage immediately, elsewhere after the plan was
/// approved.
pub(super) fn configure(
    state: &mut State,
    function: Box<Function>,
    revision: Option<String>,
) -> Vec<Effect> {
    if state.is_local() && !state.is_protected() {
        return settings::send(state, function, revision, None, Approval::None);
    }
    state.command = Some(copy::plan_config(state, &function.name));
    let of = Planned::Configure { function: function.clone(), revision: revision.clone() };
    let stage = state.active.clone();
    let (job, effect) = start_on(state, &stage, Task::PlanConfig { function, revision });
    show(state, Plan::new(of, job), effect)
}

/// Promotes from another stage, after the plan was approved.
pub(super) fn promote(state: &mut State, promotion: Promotion) -> Vec<Effect> {
    state.command = Some(copy::plan_promotion(&promotion));
    let of = Planned::Promote(Box::new(promotion.clone()));
    let stage = state.active.clone();
    let (job, effect) = start_on(state, &stage, Task::PlanPromotion { promotion });
    show(state, Plan::new(of, job), effect)
}

/// Changes the versions of `function`, after the plan was approved. The list of versions that is
/// open is shown again afterwards.
pub(super) fn versions(state: &mut State, function: String, change: VersionsChange) -> Vec<Effect> {
    state.command = Some(copy::plan_versions(state, &function, &change));
    let of = Planned::Versions { function: function.clone(), change: change.clone() };
    let under = match &state.overlay {
        Some(Overlay::Versions(picker)) => Some(Box::new(Picker { job: None, ..picker.clone() })),
        _ => None,
    };
    let stage = state.active.clone();
    let (job, effect) = start_on(state, &stage, Task::PlanVersions { function, change });
    show(state, Plan { under, ..Plan::new(of, job) }, effect)
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
    job: &Running,
    result: Result<DeployPlan, Failure>,
) -> Vec<Effect> {
    if let Some(effects) = run::compared(state, job, &result) {
        return effects;
    }
    let Some(Overlay::Plan(plan)) = &mut state.overlay else { return Vec::new() };
    if plan.job != job.id {
        return Vec::new();
    }
    match result {
        Ok(outcome) => plan.outcome = Some(outcome),
        Err(failure) => {
            let under = plan.under.take();
            state.overlay = None;
            state.notify_on(&job.stage, Notice::of(&failure));
            return reopened(state, under);
        }
    }
    Vec::new()
}

/// Shows the list of versions again that a plan was opened from.
fn reopened(state: &mut State, under: Option<Box<Picker>>) -> Vec<Effect> {
    let Some(picker) = under else { return Vec::new() };
    state.overlay = Some(Overlay::Versions(*picker));
    versions::reload(state)
}

/// Cancels the comparison of a plan that was closed, or the run that waited for it.
pub(super) fn dismissed(state: &mut State, plan: Plan) -> Vec<Effect> {
    if matches!(plan.of, Planned::Run(_)) {
        run::dismissed(state);
    }
    let ended = state.jobs.end(plan.job).map(|job| Effect::Cancel(job.id));
    ended.into_iter().chain(reopened(state, plan.under)).collect()
}

/// Applies the plan. It stays open while it is computed, and until the word is typed that it
/// needs.
pub(super) fn accept(state: &mut State, plan: Plan) -> Vec<Effect> {
    if plan.outcome.is_none() {
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    if !plan.is_open() {
        state.notify(match plan.outcome.and_then(|outcome| outcome.failed.into_iter().next()) {
            Some((_, failure)) => Notice::of(&failure),
            None => match &plan.of {
                Planned::Versions { .. } => Notice::plain("nothing to change", ""),
                _ => Notice::plain(format!("{} is up to date", state.active), ""),
            },
        });
        return reopened(state, plan.under);
    }
    let needed = state.plan_needs(&plan);
    let word = needed.word().filter(|word| plan.typed.text().trim() != *word);
    if let Some(why) = word.map(overlay::mismatch) {
        let key = state.key_of(Context::Confirm, Action::Back).unwrap_or("esc");
        state.notify(Notice::plain(why, format!("{key} cancels")));
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    let approval = match needed {
        Needed::Word(_) => Approval::Given,
        Needed::Yes | Needed::Nothing => Approval::None,
    };
    // Keep the typed text while something else runs.
    if !verb::may_change(state, "nothing is changed") {
        state.overlay = Some(Overlay::Plan(plan));
        return Vec::new();
    }
    // Functions that cannot be deployed were reported in the plan.
    let names: Vec<String> = plan.changed().map(|function| function.name.clone()).collect();
    match plan.of {
        Planned::Deploy(_) => verb::start_deploy_here(state, &names, approval, Some(plan.job)),
        Planned::Run(name) => run::deploy(state, name, plan.job, approval),
        Planned::Configure { function, revision } => {
            settings::send(state, function, revision, Some(plan.job), approval)
        }
        Planned::Promote(promotion) => promote::send(state, *promotion, plan.job, approval),
        Planned::Versions { function, change } => {
            let mut effects = reopened(state, plan.under);
            effects.push(versions::send(state, function, change, plan.job, approval));
            effects
        }
    }
}
