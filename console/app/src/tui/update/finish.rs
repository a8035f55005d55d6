//! Results of work. Results of jobs that are no longer listed are ignored.

use lambda_console_model::{
    Architecture, BuildOutcome, DeployAction, DeployOutcome, Deployed, Failure, FailureKind,
    Figures, LogLine, Sample, Step,
};

use super::{logs, run, start_on, watch, workspace};
use crate::tui::{
    message::Effect,
    state::{Deployment, Focus, JobId, Mood, Notice, Running, State, Tab},
    task::Task,
};

pub(super) fn step(state: &mut State, job: JobId, step: &Step) {
    state.jobs.note(job, step);
    if let Step::Output(text) = step {
        state.output.push(text);
    }
}

pub(super) fn build(
    state: &mut State,
    job: &Running,
    result: Result<BuildOutcome, Failure>,
) -> Vec<Effect> {
    let stage = job.stage.as_str();
    let worked = result.as_ref().is_ok_and(|outcome| outcome.failed.is_empty());
    match &result {
        Ok(outcome) => {
            for built in &outcome.built {
                let Some(card) = state.functions.get_mut(&built.name) else { continue };
                card.build_failure = None;
                card.function.stale = false;
                card.function.architecture = built.architecture;
                card.function.bootstrap = Some(built.bootstrap.clone());
                card.function.zip = Some(built.zip.clone());
                let function = state.on_mut(stage).function_mut(&built.name);
                if let Deployment::Present(deployed) = &mut function.deployment {
                    deployed.in_sync = deployed.sha256 == built.zip.sha256;
                }
                for warning in &built.warnings {
                    state.output.push(&format!("{}: {warning}", built.name));
                }
            }
            for (name, failure) in &outcome.failed {
                if let Some(card) = state.functions.get_mut(name) {
                    card.build_failure = Some(failure.clone());
                }
                state.output.push(&failure.to_string());
            }
            let built = named(outcome.built.iter().map(|built| built.name.as_str()));
            let notice = match outcome.failed.as_slice() {
                [] => Notice::good(format!("built {built} in {:.1} s", outcome.seconds)),
                [(_, failure)] => Notice::of(failure),
                failed => {
                    let failed = named(failed.iter().map(|(name, _)| name.as_str()));
                    Notice {
                        mood: Mood::Bad,
                        text: format!("could not build {failed}"),
                        hint: String::new(),
                    }
                }
            };
            state.notify_on(stage, notice);
        }
        Err(failure) => {
            state.output.push(&failure.to_string());
            state.notify_on(stage, Notice::of(failure));
        }
    }
    let cancelled = result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Interrupted);
    if !worked && !cancelled {
        show_result(state, stage, Tab::Build);
    }
    let built =
        result.iter().flat_map(|outcome| &outcome.built).map(|built| built.name.clone()).collect();
    state.output.outcome = Some(result);
    let mut effects = run::ended(state, job, worked);
    effects.extend(watch::built(state, job, built));
    effects
}

/// Shows a tab with a new result on `stage`, if it is active and the user is not typing.
pub(super) fn show_result(state: &mut State, stage: &str, tab: Tab) {
    if state.is_active(stage) && state.focus != Focus::Edit && state.overlay.is_none() {
        state.tab = tab;
        state.top = 0;
    }
}

pub(super) fn deploy(
    state: &mut State,
    job: &Running,
    result: Result<DeployOutcome, Failure>,
) -> Vec<Effect> {
    let worked = result.as_ref().is_ok_and(|outcome| outcome.failed.is_empty());
    let notice = match result {
        Ok(outcome) => {
            for done in &outcome.functions {
                if let Some(card) = state.functions.get(&done.name) {
                    let (version, sha256) = (done.version.clone(), done.sha256.clone());
                    // The stage reports the architecture of a native build when it is read.
                    let architecture = Some(card.function.architecture)
                        .filter(|architecture| *architecture != Architecture::Native);
                    let (in_sync, modified_at) = (true, state.now);
                    let function = state.on_mut(&job.stage).function_mut(&done.name);
                    function.deployment = Deployment::Present(Deployed {
                        version,
                        sha256,
                        in_sync,
                        modified_at,
                        architecture,
                    });
                }
            }
            for failed in &outcome.failed {
                state.output.push(&failed.failure.to_string());
                if let Some(truth) = failed.truth() {
                    state.output.push(&format!("  {}: {truth}", failed.name));
                }
            }
            deploy_failure(&outcome).unwrap_or_else(|| Notice::good(deploy_story(&outcome)))
        }
        Err(failure) => Notice::of(&failure),
    };
    let notice = watch::deployed(state, job, notice);
    state.notify_on(&job.stage, notice);
    let mut effects = workspace::refresh(state, &job.stage);
    effects.extend(run::ended(state, job, worked));
    effects
}

/// Returns the first failure, with the state of that function; the output contains all.
pub(super) fn deploy_failure(outcome: &DeployOutcome) -> Option<Notice> {
    let first = outcome.failed.first()?;
    let mut notice = Notice::of(&first.failure);
    let others = outcome.failed.len() - 1;
    if others > 0 {
        notice.text = format!("{} (and {others} more)", notice.text);
    }
    let hints = [first.truth().unwrap_or_default(), notice.hint];
    notice.hint = hints.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    Some(notice)
}

fn deploy_story(outcome: &DeployOutcome) -> String {
    if let [one] = outcome.functions.as_slice() {
        let what = match one.action {
            DeployAction::Created => "created",
            DeployAction::Updated => "updated",
            DeployAction::Unchanged => "is up to date",
        };
        return match one.action {
            DeployAction::Unchanged => format!("{} {what} on {}", one.name, outcome.stage),
            _ => format!("{what} {} on {} in {:.1} s", one.name, outcome.stage, one.seconds),
        };
    }
    let count =
        |action| outcome.functions.iter().filter(|function| function.action == action).count();
    let (created, updated) = (count(DeployAction::Created), count(DeployAction::Updated));
    let unchanged = count(DeployAction::Unchanged);
    format!(
        "deployed to {}: {created} created, {updated} updated, {unchanged} unchanged",
        outcome.stage
    )
}

pub(super) fn logs(
    state: &mut State,
    job: &Running,
    result: Result<Vec<LogLine>, Failure>,
) -> Vec<Effect> {
    let Task::FetchLogs { function, .. } = &*job.task else { return Vec::new() };
    let (stage, worked) = (job.stage.as_str(), result.is_ok());
    match result {
        Ok(lines) if lines.is_empty() => logs::of_response(state, stage, function),
        Ok(lines) => logs::fetched(state, stage, lines),
        Err(failure) => {
            logs::of_response(state, stage, function);
            state.notify_on(stage, Notice::of(&failure));
        }
    }
    run::ended(state, job, worked)
}

/// Starts to read the history of these functions on `stage`; `None` if there are none.
pub(super) fn load_samples(
    state: &mut State,
    stage: &str,
    functions: Vec<String>,
) -> Option<Effect> {
    (!functions.is_empty()).then(|| start_on(state, stage, Task::LoadSamples { functions }).1)
}

pub(super) fn samples(
    state: &mut State,
    job: &Running,
    result: Result<Vec<(String, Vec<Sample>)>, Failure>,
) -> Vec<Effect> {
    let worked = result.is_ok();
    match result {
        Ok(functions) => {
            for (name, samples) in functions {
                let figures = &mut state.on_mut(&job.stage).function_mut(&name).figures;
                // Invocations that ended while the history was read are not in it yet.
                let newest = samples.last().map_or(i64::MIN, |sample| sample.at);
                let later = figures.samples.iter().filter(|sample| sample.at > newest).cloned();
                let later: Vec<Sample> = later.collect();
                *figures = later.into_iter().fold(Figures::new(samples), Figures::with);
            }
        }
        Err(failure) => state.notify_on(&job.stage, Notice::of(&failure)),
    }
    run::ended(state, job, worked)
}

/// Formats names: `hello`, `hello and backend`, `6 functions`.
pub(super) fn named<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] => "nothing".into(),
        [one] => (*one).into(),
        [one, other] => format!("{one} and {other}"),
        names => format!("{} functions", names.len()),
    }
}
