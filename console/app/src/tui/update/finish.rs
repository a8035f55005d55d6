//! Results of work. Results of jobs that are no longer listed are ignored.

use lambda_console_model::{
    Architecture, BuildOutcome, DeployAction, DeployOutcome, Deployed, Failure, FailureKind,
    Figures, LogLine, Sample, Step,
};

use super::{logs, run, start, watch, workspace};
use crate::tui::{
    message::Effect,
    state::{Deployment, Focus, JobId, JobKind, Mood, Notice, State, Tab},
};

pub(super) fn step(state: &mut State, job: JobId, step: &Step) {
    state.jobs.note(job, step);
    if let Step::Output(text) = step
        && state.jobs.get_mut(job).is_some()
    {
        state.output.push(text);
    }
}

pub(super) fn build(
    state: &mut State,
    job: JobId,
    result: Result<BuildOutcome, Failure>,
) -> Vec<Effect> {
    if state.jobs.end(job).is_none() {
        return Vec::new();
    }
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
                if let Deployment::Present(deployed) = &mut card.deployment {
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
            state.tell(match outcome.failed.as_slice() {
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
            });
        }
        Err(failure) => {
            state.output.push(&failure.to_string());
            state.tell(Notice::of(failure));
        }
    }
    let cancelled = result.as_ref().is_err_and(|failure| failure.kind == FailureKind::Interrupted);
    if !worked && !cancelled {
        bring_up(state, Tab::Build);
    }
    let built =
        result.iter().flat_map(|outcome| &outcome.built).map(|built| built.name.clone()).collect();
    state.output.outcome = Some(result);
    let mut effects = run::ended(state, job, worked);
    effects.extend(watch::built(state, job, built));
    effects
}

/// Shows a tab with a new result, unless the user is typing.
pub(super) fn bring_up(state: &mut State, tab: Tab) {
    if state.focus != Focus::Edit && state.overlay.is_none() {
        state.tab = tab;
        state.top = 0;
    }
}

pub(super) fn deploy(
    state: &mut State,
    job: JobId,
    result: Result<DeployOutcome, Failure>,
) -> Vec<Effect> {
    if state.jobs.end(job).is_none() {
        return Vec::new();
    }
    let worked = result.as_ref().is_ok_and(|outcome| outcome.failed.is_empty());
    match result {
        Ok(outcome) => {
            for done in &outcome.functions {
                if let Some(card) = state.functions.get_mut(&done.name) {
                    let (version, sha256) = (done.version.clone(), done.sha256.clone());
                    // The stage reports the architecture of a native build when it is read.
                    let architecture = Some(card.function.architecture)
                        .filter(|architecture| *architecture != Architecture::Native);
                    let (in_sync, modified_at) = (true, state.now);
                    card.deployment = Deployment::Present(Deployed {
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
            let notice =
                deploy_failure(&outcome).unwrap_or_else(|| Notice::good(deploy_story(&outcome)));
            state.tell(notice);
        }
        Err(failure) => state.tell(Notice::of(&failure)),
    }
    watch::deployed(state, job);
    let mut effects = workspace::refresh(state);
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
    let told = [first.truth().unwrap_or_default(), notice.hint];
    notice.hint = told.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
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
    job: JobId,
    result: Result<Vec<LogLine>, Failure>,
) -> Vec<Effect> {
    let Some(JobKind::FetchLogs(function)) = state.jobs.end(job).map(|ended| ended.kind) else {
        return Vec::new();
    };
    let worked = result.is_ok();
    match result {
        Ok(lines) if lines.is_empty() => logs::of_response(state, &function),
        Ok(lines) => logs::fetched(state, lines),
        Err(failure) => {
            logs::of_response(state, &function);
            state.tell(Notice::of(&failure));
        }
    }
    run::ended(state, job, worked)
}

/// Starts to read the history of these functions.
pub(super) fn load_samples(state: &mut State, functions: Vec<String>) -> (JobId, Vec<Effect>) {
    let job = start(state, JobKind::Samples(functions.clone()));
    if functions.is_empty() {
        state.jobs.end(job);
        return (job, Vec::new());
    }
    (job, vec![Effect::LoadSamples { job, functions }])
}

pub(super) fn samples(
    state: &mut State,
    job: JobId,
    result: Result<Vec<(String, Vec<Sample>)>, Failure>,
) -> Vec<Effect> {
    if state.jobs.end(job).is_none() {
        return Vec::new();
    }
    let worked = result.is_ok();
    match result {
        Ok(functions) => {
            for (name, samples) in functions {
                let Some(card) = state.functions.get_mut(&name) else { continue };
                // Invocations that ended while the history was read are not in it yet.
                let newest = samples.last().map_or(i64::MIN, |sample| sample.at);
                let later =
                    card.figures.samples.iter().filter(|sample| sample.at > newest).cloned();
                let later: Vec<Sample> = later.collect();
                card.figures = later.into_iter().fold(Figures::new(samples), Figures::with);
            }
        }
        Err(failure) => state.tell(Notice::of(&failure)),
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
