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
    Approval, ChangeKind, Failure, FailureKind, FunctionVersions, Step, Version, VersionsChange,
    VersionsChanged, VersionsDone, VersionsPlan,
};

use super::{
    code,
    figures::{self, Source, Tally},
    read::{self, Found},
};
use crate::{
    Job,
    aws::{
        alias,
        naming::{default_group, hex_of, milliseconds},
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

/// Returns the plan of a change of the function `name`, with its versions as they are now.
///
/// # Errors
/// As [`of`].
#[boxed]
pub async fn plan(
    stage: &Stage,
    name: &str,
    change: VersionsChange,
) -> Result<VersionsPlan, Failure> {
    let seen = Some(Box::new(without_figures(stage, name).await?));
    Ok(VersionsPlan { function: name.to_owned(), change, seen })
}

/// Returns the source of the versions' figures.
pub(super) fn figures_source(function: &str, found: &Found) -> Source {
    let group = |version: &FunctionConfiguration| {
        let configured =
            version.logging_config().and_then(|logging| logging.log_group()).map(str::to_owned);
        configured.unwrap_or_else(|| default_group(function))
    };
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

/// Changes the versions of a function, as planned.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected and there is no consent; if the version
/// or alias does not exist, or is not as it was shown; or if the stage refuses the change.
#[boxed]
pub async fn change(
    stage: &Stage,
    plan: &VersionsPlan,
    approval: Approval,
    job: &Job,
) -> Result<VersionsChanged, Failure> {
    let VersionsPlan { function: name, change, seen } = plan;
    let names = std::slice::from_ref(name);
    let (what, kind) = match change {
        VersionsChange::Publish(_) => ("publish a version of", ChangeKind::Update),
        VersionsChange::Rollback(_) => ("roll back", ChangeKind::Reroute),
        VersionsChange::Prune(_) => ("delete versions of", ChangeKind::Prune(names)),
    };
    stage.allow(&format!("could not {what} {name}"), kind, approval)?;
    let read;
    let present = if let Some(seen) = seen {
        &**seen
    } else {
        read = without_figures(stage, name).await?;
        &read
    };
    let done = match change {
        VersionsChange::Publish(description) => {
            publish(stage, present, description.as_deref(), job).await?
        }
        VersionsChange::Rollback(to) => roll_back(stage, present, to.as_deref(), job).await?,
        VersionsChange::Prune(keep) => prune(stage, present, *keep, job).await?,
    };
    Ok(VersionsChanged { name: name.clone(), stage: stage.name(), done })
}

/// Publishes the last deploy. If it equals the last version, returns that one.
async fn publish(
    stage: &Stage,
    before: &FunctionVersions,
    description: Option<&str>,
    job: &Job,
) -> Result<VersionsDone, Failure> {
    let name = &before.name;
    let Some(latest) = before.versions.first() else { return Err(absent(stage, name)) };
    report(job, name, "publishing a version");
    let sha256 = latest.sha256.clone();
    let version =
        alias::published(stage, &before.function, &base64_of(&sha256), description, job).await?;
    let new = !before.versions.iter().any(|known| known.version == version);
    Ok(VersionsDone::Published { version, new, sha256 })
}

/// Ends a canary if one is in progress and no version is named; otherwise moves the alias to `to`,
/// or to the previous version.
async fn roll_back(
    stage: &Stage,
    present: &FunctionVersions,
    to: Option<&str>,
    job: &Job,
) -> Result<VersionsDone, Failure> {
    let (name, function) = (&present.name, &present.function);
    let what = || format!("could not roll back {name}");
    let known = || {
        let names: Vec<&str> =
            present.versions.iter().map(|version| version.version.as_str()).collect();
        format!("the versions are {}", names.join(", "))
    };
    if let (None, Some(alias)) = (to, present.stage_alias())
        && let Some(canary) = alias.canary.clone()
    {
        report(job, name, "ending the canary");
        alias::reset(stage, function, alias).await?;
        return Ok(VersionsDone::Reset {
            alias: alias.name.clone(),
            version: alias.version.clone(),
            canary,
        });
    }
    let to = match to {
        Some(to) => to,
        None => present.previous().ok_or_else(|| {
            Failure::work(
                what(),
                format!("there is no earlier version; {}", known()),
                "name one of them",
            )
        })?,
    };
    let Some(version) = present.versions.iter().find(|version| version.version == to) else {
        return Err(Failure::usage(
            what(),
            format!("it has no version {to}; {}", known()),
            "name one of them",
        ));
    };
    let live = present.live().map(str::to_owned);
    if to == FunctionVersions::LATEST {
        return Err(Failure::usage(
            what(),
            "$LATEST is what the next deploy changes",
            "name a version's number",
        ));
    }
    let Some(name_of_alias) = stage.alias() else {
        report(job, name, &format!("restoring the code of version {to}"));
        code::put_back(stage, present, version, &job.cancel).await?;
        return Ok(VersionsDone::RolledBack { alias: None, from: live, to: to.to_owned() });
    };
    report(job, name, &format!("pointing {name_of_alias} at version {to}"));
    let before = present.stage_alias();
    alias::point(stage, function, name_of_alias, before, to, job).await?;
    Ok(VersionsDone::RolledBack {
        alias: Some(name_of_alias.to_owned()),
        from: live,
        to: to.to_owned(),
    })
}

/// Deletes old versions, oldest first.
async fn prune(
    stage: &Stage,
    present: &FunctionVersions,
    keep: usize,
    job: &Job,
) -> Result<VersionsDone, Failure> {
    let (name, function, old) = (&present.name, &present.function, present.prunable(keep));
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
