//! Promotion: copies code from another stage to the shown one without a rebuild.

use lambda_console_model::{Approval, Canary, Failure, PromoteOutcome, Promotion};

use super::{copy, overlay, plan, stages, start, verb, workspace};
use crate::tui::{
    message::Effect,
    state::{
        Notice, Overlay, Running, State,
        overlay::{Choose, Entry, Offer},
    },
    task::{JobId, Task},
};

/// A stage that may be promoted from, all at once or with a canary.
struct Source {
    stage: String,
    canary: Option<Canary>,
}

/// Shows the stages that the selected function may be promoted from.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    if state.functions.selected().is_none() {
        return verb::none_selected(state);
    }
    if !verb::may_change(state, "nothing is promoted") {
        return Vec::new();
    }
    let mut effects = overlay::dismiss(state);
    let is_known = sources(state).next().is_some();
    if is_known {
        offer(state);
    }
    effects.push(start(state, Task::ReadStages { promote: !is_known }));
    effects
}

fn offer(state: &mut State) {
    state.overlay = Some(Overlay::Choose(Choose::new(Offer::Sources, entries(state))));
}

/// Shows the stages that were read for a promotion; if there is no other one, how to add one.
pub(super) fn stages_read(state: &mut State, job: &Running) {
    let is_wanted = matches!(*job.task, Task::ReadStages { promote: true });
    let is_offered = matches!(
        &state.overlay,
        Some(Overlay::Choose(choose)) if choose.offer == Offer::Sources
    );
    if sources(state).next().is_some() {
        if is_wanted && state.is_active(&job.stage) && state.overlay.is_none() {
            offer(state);
        }
    } else if is_wanted || is_offered {
        if is_offered {
            state.overlay = None;
        }
        let why = "no other stage to promote from";
        let hint = "add `[workspace.metadata.lambda.stages.beta]`";
        state.notify(Notice::plain(why, hint));
    }
}

/// Returns each other stage twice: all at once, and with a canary.
fn sources(state: &State) -> impl Iterator<Item = Source> {
    let others = stages::names(state).into_iter().filter(|name| *name != state.active);
    others.flat_map(|stage| {
        [None, Some(Canary::default())].map(|canary| Source { stage: stage.clone(), canary })
    })
}

/// Returns an entry for each source.
pub(super) fn entries(state: &State) -> Vec<Entry> {
    let entry = |Source { stage, canary }| match canary {
        None => Entry { label: stage.clone(), detail: "all at once".to_owned(), value: stage },
        Some(canary) => {
            let steps: Vec<String> = canary.steps.iter().map(f64::to_string).collect();
            let label = format!("{stage} · canary {} → 100 %", steps.join(" → "));
            Entry { label, detail: "canary".to_owned(), value: format!("{stage} canary") }
        }
    };
    sources(state).map(entry).collect()
}

/// Compares the chosen source, the one at `index`, with the active stage.
pub(super) fn chosen(state: &mut State, index: Option<usize>) -> Vec<Effect> {
    let Some(Source { stage: from, canary }) = index.and_then(|at| sources(state).nth(at)) else {
        return Vec::new();
    };
    let Some(name) = state.functions.selected().map(str::to_owned) else {
        return verb::none_selected(state);
    };
    let to = state.active.clone();
    let functions = verb::functions(state, &[name]);
    plan::promote(state, Promotion { functions, from, to, canary })
}

/// Starts a promotion that was approved.
pub(super) fn send(
    state: &mut State,
    promotion: Promotion,
    plan: JobId,
    approval: Approval,
) -> Vec<Effect> {
    if !verb::may_change(state, "nothing is promoted") {
        return Vec::new();
    }
    state.command = Some(copy::promote(&promotion, approval));
    state.notice = None;
    vec![start(state, Task::Promote { promotion, plan, approval })]
}

/// Reports the result, and reads the stage again.
pub(super) fn finished(
    state: &mut State,
    stage: &str,
    result: &Result<PromoteOutcome, Failure>,
) -> Vec<Effect> {
    let notice = match result {
        Ok(outcome) => {
            let stories = || outcome.functions.iter().map(|function| function.story(&outcome.to));
            let failed = outcome.failed.first().map(|(_, failure)| Notice::of(failure));
            failed.unwrap_or_else(|| Notice::good(stories().collect::<Vec<_>>().join("; ")))
        }
        Err(failure) => Notice::of(failure),
    };
    state.notify_on(stage, notice);
    workspace::refresh(state, stage)
}
