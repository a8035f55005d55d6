//! The loop: each step starts when the one before it has worked.

use super::{logs, verb};
use crate::{
    message::{Consent, Effect, InvokeMode, JobId},
    state::{JobKind, LoopStep, Notice, Sequence, State, overlay::StageChange},
};

/// Starts the loop of the selected function; on a protected stage, after the stage's name was typed.
pub(super) fn ask(state: &mut State) -> Vec<Effect> {
    if let Some(name) = state.functions.selected.clone() {
        return verb::change_stage(state, StageChange::Loop(name));
    }
    state.tell(Notice::plain("no function is selected", ""));
    Vec::new()
}

/// Starts the loop of the function `name`; one that runs is begun anew.
pub(super) fn start(state: &mut State, name: String, consent: Consent) -> Vec<Effect> {
    if state.options.read_only {
        state.tell(Notice::plain("the loop deploys, and the console is read-only", "start it without `--read-only`"));
        return Vec::new();
    }
    if state.jobs.newest(JobKind::changes_functions).is_some() {
        state.tell(Notice::plain("a deploy is running", "wait for it to end"));
        return Vec::new();
    }
    let mut effects = Vec::new();
    // A step of an earlier loop goes on or is replaced, but nothing follows it.
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

/// Notes that `job` has ended. If it was the loop's, the next step starts.
pub(super) fn ended(state: &mut State, job: JobId, worked: bool) -> Vec<Effect> {
    let now = state.now;
    let Some(sequence) = state.sequence.as_mut().filter(|sequence| sequence.job == Some(job)) else {
        return Vec::new();
    };
    let (function, consent) = (sequence.function.clone(), sequence.consent);
    let Some(next) = sequence.advance(now, worked) else { return Vec::new() };
    let started = match next {
        LoopStep::Build => None,
        LoopStep::Deploy => verb::start_deploy(state, vec![function], consent),
        LoopStep::Invoke => {
            // The loop shows what the function answers.
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
        // What hindered the step has been told in the status line.
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

/// Notes that `job` was replaced by another: a loop whose step it was ends there.
pub(super) fn broken_off(state: &mut State, job: JobId) {
    let now = state.now;
    if let Some(sequence) = state.sequence.as_mut().filter(|sequence| sequence.job == Some(job)) {
        sequence.advance(now, false);
    }
}
