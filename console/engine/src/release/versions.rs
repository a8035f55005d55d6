//! A function's versions and aliases: reading them with their figures, publishing, rolling back,
//! pruning.
//!
//! An alias is moved with the revision that was read, so that two people cannot overwrite each
//! other's move. Every move removes the weights of an earlier canary, and records the version that
//! the alias pointed to before.

use std::path::{Path, PathBuf};

use async_recursion::async_recursion as boxed;
use aws_sdk_lambda::types::{FunctionConfiguration, LogFormat};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Approval, Failure, FailureKind, FunctionVersions, Step, Version, VersionsChange,
    VersionsChanged, VersionsDone, VersionsEffect, VersionsPlan,
};

use super::{
    code,
    figures::{self, Source, Tally},
    read::{self, Found},
};
use crate::{
    Job,
    aws::{
        alias::{self, Publication},
        log_group,
        naming::{hex_of, milliseconds},
        stage::Stage,
    },
    workspace::paths,
};

/// Period of the versions' figures on the screen, in milliseconds.
pub const FIGURES_SINCE: i64 = 24 * 60 * 60 * 1_000;
/// Number of functions that are read at once.
const AT_ONCE: usize = 4;

/// The versions of `functions` (names in the workspace), each with its figures since the given
/// time, in milliseconds since the Unix epoch; `None` for one that is not on the stage, a failure
/// for one that cannot be read.
#[boxed]
pub async fn list(
    stage: &Stage,
    functions: &[String],
    since: i64,
) -> Vec<(String, Result<Option<FunctionVersions>, Failure>)> {
    let asks: Vec<_> =
        functions.iter().map(|name| with_figures(stage, name, since).boxed()).collect();
    functions
        .iter()
        .cloned()
        .zip(stream::iter(asks).buffered(AT_ONCE).collect::<Vec<_>>().await)
        .collect()
}

/// The versions of one function with their figures.
///
/// # Errors
/// Returns an error if the stage cannot be reached, or the function is not on it.
#[boxed]
pub async fn of(stage: &Stage, name: &str, since: i64) -> Result<FunctionVersions, Failure> {
    with_figures(stage, name, since).await?.ok_or_else(|| absent(stage, name))
}

async fn with_figures(
    stage: &Stage,
    name: &str,
    since: i64,
) -> Result<Option<FunctionVersions>, Failure> {
    let function = stage.remote_name(name);
    let Some((found, refused)) = read::seen(stage, &function).await? else { return Ok(None) };
    let (mut tally, source) = (Tally::default(), figures_source(&function, &found));
    let read = figures::read(stage, &function, &source, since, &mut tally).await;
    let measured = figures::measure(stage, &function, &source, since, &mut tally).await;
    let mut versions = listed(stage, name, function, found);
    versions.since = since;
    versions.refused.extend(refused);
    for version in &mut versions.versions {
        version.figures = tally.of(&version.version);
    }
    match read {
        Ok(_) => {}
        Err(failure) if failure.kind == FailureKind::Denied => versions.refused.push(failure),
        Err(failure) => return Err(failure),
    }
    // The figures from the logs are worth showing without it.
    versions.refused.extend(measured.err());
    Ok(Some(versions))
}

/// Returns the plan of `change` for the function `name`, decided on its versions as they are now.
/// Sends no change.
///
/// # Errors
/// Returns an error if the stage cannot be reached, the function is not on it, it has no version to
/// roll back to, or the job was cancelled.
#[boxed]
pub async fn plan(
    stage: &Stage,
    name: &str,
    change: VersionsChange,
    job: &Job,
) -> Result<VersionsPlan, Failure> {
    let seen = tokio::select! {
        biased;
        () = job.cancel.cancelled() => return Err(Failure::interrupted(change.failed(name))),
        seen = without_figures(stage, name) => seen?,
    };
    VersionsPlan::new(seen, change)
}

/// Returns the source of the versions' figures.
pub(super) fn figures_source(function: &str, found: &Found) -> Source {
    let group = |version: &FunctionConfiguration| log_group::of(version.logging_config(), function);
    let is_json = |version: &FunctionConfiguration| {
        version.logging_config().and_then(|logging| logging.log_format()) == Some(&LogFormat::Json)
    };
    Source {
        groups: found.versions.iter().map(group).collect(),
        aliases: found
            .aliases
            .iter()
            .map(|alias| (alias.name.clone(), alias.version.clone()))
            .collect(),
        is_text: !found.versions.iter().all(is_json),
    }
}

/// The versions of one function on the stage, without reading its logs.
pub(crate) async fn without_figures(
    stage: &Stage,
    name: &str,
) -> Result<FunctionVersions, Failure> {
    let function = stage.remote_name(name);
    let found = read::all(stage, &function).await?.ok_or_else(|| absent(stage, name))?;
    Ok(listed(stage, name, function, found))
}

fn listed(
    stage: &Stage,
    name: &str,
    function: String,
    Found { versions, aliases }: Found,
) -> FunctionVersions {
    let versions = versions.iter().map(|found| Version {
        version: found.version().unwrap_or_default().to_owned(),
        description: found.description().unwrap_or_default().to_owned(),
        sha256: hex_of(found.code_sha256().unwrap_or_default()),
        bytes: found.code_size().try_into().unwrap_or_default(),
        modified_at: found.last_modified().and_then(milliseconds).unwrap_or_default(),
        ..Version::default()
    });
    FunctionVersions {
        name: name.to_owned(),
        stage: stage.name(),
        function,
        alias: stage.alias().map(str::to_owned),
        aliases,
        versions: versions.collect(),
        since: 0,
        refused: Vec::new(),
    }
}

/// Failure for a function that is not on the stage.
pub fn absent(stage: &Stage, name: &str) -> Failure {
    let at = stage.name();
    Failure::work(
        format!("could not read the versions of {name}"),
        format!("it is not deployed on the stage {at}"),
        format!("`lambda-console --stage {at} deploy {name}` creates it"),
    )
}

/// Checks that the change of the functions `names` is allowed.
///
/// # Errors
/// Returns an error if the stage is read-only, or the change needs an approval and has none.
pub fn allow(
    stage: &Stage,
    names: &[String],
    change: &VersionsChange,
    approval: Approval,
) -> Result<(), Failure> {
    stage.allow(&change.failed(&names.join(" ")), change.kind(names), approval)
}

/// Changes the versions of a function, as planned.
///
/// # Errors
/// Returns an error if the stage is read-only, or the change needs an approval and has none; if
/// what the change is about is not as it was shown; or if the stage refuses the change.
#[boxed]
pub async fn apply(
    stage: &Stage,
    plan: &VersionsPlan,
    approval: Approval,
    job: &Job,
) -> Result<VersionsChanged, Failure> {
    let VersionsPlan { change, effect, seen } = plan;
    let (name, function) = (&seen.name, &seen.function);
    allow(stage, std::slice::from_ref(name), change, approval)?;
    let what = || change.failed(name);
    let live = || seen.live().map(str::to_owned);
    let done = match effect {
        VersionsEffect::Publish(description) => {
            report(job, name, "publishing a version");
            let latest = code::latest(stage, seen, what()).await?;
            let publication = Publication {
                name: function,
                sha256: &latest.sha256,
                revision: latest.revision.as_deref(),
                description: description.as_deref(),
            };
            let version = alias::published(stage, &publication, job).await?;
            let new = !seen.versions.iter().any(|known| known.version == version);
            VersionsDone::Published { version, new, sha256: hex_of(&latest.sha256) }
        }
        VersionsEffect::EndCanary { alias, canary } => {
            report(job, name, "ending the canary");
            alias::point(stage, seen, (&alias.name, Some(alias)), &alias.version, what(), job)
                .await?;
            VersionsDone::Reset {
                alias: alias.name.clone(),
                version: alias.version.clone(),
                canary: canary.clone(),
            }
        }
        VersionsEffect::Point { name: alias, before, to } => {
            report(job, name, &format!("pointing {alias} at version {to}"));
            alias::point(stage, seen, (alias, before.as_ref()), to, what(), job).await?;
            VersionsDone::RolledBack { alias: Some(alias.clone()), from: live(), to: to.clone() }
        }
        VersionsEffect::Restore(version) => {
            let to = version.version.clone();
            report(job, name, &format!("restoring the code of version {to}"));
            code::put_back(stage, seen, version, what(), &job.cancel).await?;
            VersionsDone::RolledBack { alias: None, from: live(), to }
        }
        VersionsEffect::Delete(old) => prune(stage, seen, old, job).await?,
    };
    Ok(VersionsChanged { name: name.clone(), stage: stage.name(), done })
}

/// Deletes old versions, oldest first.
async fn prune(
    stage: &Stage,
    present: &FunctionVersions,
    old: &[String],
    job: &Job,
) -> Result<VersionsDone, Failure> {
    let (name, function) = (&present.name, &present.function);
    let mut deleted = Vec::new();
    let so_far = |deleted: &[String], failure: Failure| {
        if deleted.is_empty() {
            return failure;
        }
        Failure {
            why: format!("{}; the versions {} are deleted", failure.why, deleted.join(", ")),
            ..failure
        }
    };
    for (index, version) in old.iter().enumerate() {
        job.report(Step::Phase {
            text: format!("{name}: deleting version {version}"),
            done: index as u64,
            total: old.len() as u64,
        });
        let delete = stage.call(|clients| async move {
            clients
                .lambda()
                .delete_function()
                .function_name(function)
                .qualifier(version)
                .send()
                .await
        });
        let answer = tokio::select! {
            biased;
            () = job.cancel.cancelled() => {
                return Err(so_far(&deleted, Failure::interrupted(format!("could not delete all old \
                    versions of {name}"))));
            }
            answer = delete => answer,
        };
        match answer {
            Ok(_) => deleted.push(version.clone()),
            // Someone else deleted it first.
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                let what = format!("could not delete version {version} of {name}");
                return Err(so_far(&deleted, error.into_failure(what)));
            }
        }
    }
    let stays = |version: &&Version| {
        version.version != FunctionVersions::LATEST && !old.contains(&version.version)
    };
    let kept =
        present.versions.iter().filter(stays).map(|version| version.version.clone()).collect();
    Ok(VersionsDone::Pruned { deleted, kept })
}

/// Directory of code that was downloaded from other stages for a promotion.
pub fn promoted_dir(root: &Path) -> PathBuf {
    paths::state_dir(root).join("promoted")
}

/// Reports progress of a function, on the screen or on stderr.
pub(super) fn report(job: &Job, name: &str, text: &str) {
    job.report(Step::Phase { text: format!("{name}: {text}"), done: 0, total: 0 });
}

/// Converts a digest to Lambda's notation.
pub(super) fn base64_of(hex: &str) -> String {
    let digits = |at: usize| {
        u8::from_str_radix(hex.get(at..at + 2).unwrap_or_default(), 16).unwrap_or_default()
    };
    let bytes: Vec<u8> = (0..hex.len() / 2).map(|index| digits(index * 2)).collect();
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
pub(super) mod tests;
