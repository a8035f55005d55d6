//! Promotion: copies code from another stage to the shown one without a rebuild.

use lambda_console_model::{Approval, Canary, Failure, PromoteOutcome, Promotion};

use super::{copy, overlay, plan, stages, start, verb, workspace};
use crate::tui::{
    message::Effect,
    state::{
        Notice, Overlay, State,
        overlay::{Choose, Entry, Offer},
    },
    task::Task,
};

/// Suffix of the stage's name in an entry of the list.
const CANARY: &str = " canary";

/// Shows the stages that the selected function may be promoted from.
pub(super) fn choose(state: &mut State) -> Vec<Effect> {
    if state.functions.selected().is_none() {
        return verb::none_selected(state);
    }
    if !verb::may_change(state, "nothing is promoted") {
        return Vec::new();
    }
    let mut effects = overlay::dismiss(state);
    state.overlay = Some(Overlay::Choose(Choose::new(Offer::Sources, entries(state))));
    effects.push(start(state, Task::ReadStages));
    effects
}

/// Returns two entries for each other stage: all at once, and with a canary.
pub(super) fn entries(state: &State) -> Vec<Entry> {
    let others = stages::names(state).into_iter().filter(|name| *name != state.active);
    let both = others.flat_map(|name| {
        let steps: Vec<String> = Canary::default().steps.iter().map(f64::to_string).collect();
        let label = format!("{name} · canary {} → 100 %", steps.join(" → "));
        let value = format!("{name}{CANARY}");
        [
            Entry { label: name.clone(), detail: "all at once".to_owned(), value: name },
            Entry { label, detail: "canary".to_owned(), value },
        ]
    });
    both.collect()
}

/// Compares the chosen stage with the shown one.
pub(super) fn chosen(state: &mut State, value: &str) -> Vec<Effect> {
    let (from, canary) = match value.strip_suffix(CANARY) {
        Some(from) => (from, Some(Canary::default())),
        None => (value, None),
    };
    let Some(name) = state.functions.selected().map(str::to_owned) else {
        return verb::none_selected(state);
    };
    let (from, to) = (from.to_owned(), state.active.clone());
    let functions = verb::functions(state, &[name]);
    plan::promote(state, Promotion { functions, from, to, canary, approval: Approval::None })
}

/// Starts a promotion that was approved.
pub(super) fn send(state: &mut State, promotion: Promotion) -> Vec<Effect> {
    if !verb::may_change(state, "nothing is promoted") {
        return Vec::new();
    }
    state.command = Some(copy::promote(&promotion, false));
    state.notice = None;
    vec![start(state, Task::Promote { promotion })]
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
