//! Publishing versions and moving aliases.

use aws_sdk_lambda::types::AliasRoutingConfiguration;
use lambda_console_model::{Alias, Failure, FunctionVersions, Share, percent};
use tokio_util::sync::CancellationToken;

use crate::{
    Job,
    aws::{
        error::{CallError, present},
        stage::Stage,
        waiting::{retry_change, settle},
    },
};

/// Prefix of an alias's description that records the version it pointed to before. A description
/// that a person wrote is kept.
const NOTE: &str = "lambda-console: before this, version ";

/// An alias as it was when it was last read or written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointer {
    pub(crate) version: String,
    pub(crate) canary: Option<Share>,
    pub(crate) description: String,
    pub(crate) revision: Option<String>,
}

/// Parameters of publishing a version.
pub(crate) struct Publication<'a> {
    /// The function's name on the stage.
    pub(crate) name: &'a str,
    /// The code that must be there, in Base64.
    pub(crate) sha256: &'a str,
    /// The function's revision that was compared.
    pub(crate) revision: Option<&'a str>,
    /// Description of the version.
    pub(crate) description: Option<&'a str>,
}

/// Publishes the function as it is now and returns the version's number, which may not be active
/// yet. Lambda publishes no new version if code and configuration are those of the last one.
pub(crate) async fn publish(
    stage: &Stage,
    publication: &Publication<'_>,
    cancel: &CancellationToken,
) -> Result<String, CallError> {
    let Publication { name, sha256, revision, description } = *publication;
    let published = retry_change(stage, name, cancel, || {
        stage.call(|clients| async move {
            let publish =
                clients.lambda().publish_version().function_name(name).code_sha256(sha256);
            publish
                .set_revision_id(revision.map(str::to_owned))
                .set_description(description.map(str::to_owned))
                .send()
                .await
        })
    })
    .await?;
    Ok(published.version().unwrap_or_default().to_owned())
}

/// Creates the alias, pointing to `version`.
pub(crate) async fn create(
    stage: &Stage,
    name: &str,
    alias: &str,
    version: &str,
    cancel: &CancellationToken,
) -> Result<(), CallError> {
    let made = retry_change(stage, name, cancel, || {
        stage.call(|clients| async move {
            let create = clients.lambda().create_alias().function_name(name).name(alias);
            create.function_version(version).send().await
        })
    });
    made.await.map(|_| ())
}

/// As [`publish`], and returns the version's number once it is active.
pub(crate) async fn published(
    stage: &Stage,
    publication: &Publication<'_>,
    job: &Job,
) -> Result<String, Failure> {
    let function = publication.name;
    let version = publish(stage, publication, &job.cancel).await.map_err(|error| {
        let what = format!("could not publish a version of {function}");
        if error.is_stale() {
            stage.changed_since(what, function)
        } else {
            error.into_failure(what)
        }
    })?;
    settle(stage, &format!("{function}:{version}"), &job.cancel).await?;
    Ok(version)
}

/// Points `alias` at `version`, as it was when `before` was read; creates the alias if it did not
/// exist. Refused if someone changed it in the meantime.
pub(crate) async fn move_from(
    stage: &Stage,
    function: &str,
    alias: &str,
    before: Option<&Pointer>,
    version: &str,
    job: &Job,
) -> Result<(), Failure> {
    let moved = match before {
        None => create(stage, function, alias, version, &job.cancel).await,
        Some(before) => set(stage, function, alias, before, version, None).await.map(drop),
    };
    let what = || format!("could not point {alias} at {function}:{version}");
    moved.map_err(|error| {
        if error.is_stale() || error.is_existing() {
            stage.changed_since(what(), function)
        } else {
            error.into_failure(what())
        }
    })
}

/// Points an alias of the function that was read as `seen` at `version`, with all its traffic; the
/// alias is created if it was not there. It is refused if it has changed since it was shown.
pub(crate) async fn point(
    stage: &Stage,
    seen: &FunctionVersions,
    (alias, shown): (&str, Option<&Alias>),
    version: &str,
    what: String,
    job: &Job,
) -> Result<(), Failure> {
    let function = &seen.function;
    let found = get(stage, function, alias).await?;
    let is_same = match (&found, shown) {
        (None, None) => true,
        (Some(found), Some(shown)) => found.is_as(shown),
        _ => false,
    };
    if !is_same {
        return Err(stage.changed_since(what, function));
    }
    if found.as_ref().is_some_and(|found| found.version == version && found.canary.is_none()) {
        return Ok(());
    }
    move_from(stage, function, alias, found.as_ref(), version, job).await
}

/// Returns the alias; `None` if it does not exist.
pub(crate) async fn get(
    stage: &Stage,
    function: &str,
    alias: &str,
) -> Result<Option<Pointer>, Failure> {
    let answer = stage
        .call(|clients| async move {
            clients.lambda().get_alias().function_name(function).name(alias).send().await
        })
        .await;
    let found = present(answer).map_err(|error| {
        error.into_failure(format!("could not read the alias {alias} of {function}"))
    })?;
    Ok(found.map(|found| Pointer {
        version: found.function_version().unwrap_or_default().to_owned(),
        canary: share(found.routing_config()),
        description: found.description().unwrap_or_default().to_owned(),
        revision: found.revision_id().map(str::to_owned),
    }))
}

/// Points `alias`, whose last known state is `found`, at `version`, except for the canary's share.
/// Refused if someone changed the alias in the meantime.
pub(crate) async fn set(
    stage: &Stage,
    function: &str,
    alias: &str,
    found: &Pointer,
    version: &str,
    canary: Option<&Share>,
) -> Result<Pointer, CallError> {
    let routing = AliasRoutingConfiguration::builder()
        .set_additional_version_weights(Some(
            canary.iter().map(|share| (share.version.clone(), share.weight)).collect(),
        ))
        .build();
    let is_ours = found.description.is_empty() || found.description.starts_with(NOTE);
    let moves = found.version != version;
    let description = (is_ours && moves).then(|| format!("{NOTE}{}", found.version));
    let (routing, description) = (&routing, &description);
    let answer = stage
        .call(|clients| async move {
            clients
                .lambda()
                .update_alias()
                .function_name(function)
                .name(alias)
                .function_version(version)
                .routing_config(routing.clone())
                .set_description(description.clone())
                .set_revision_id(found.revision.clone())
                .send()
                .await
        })
        .await?;
    Ok(Pointer {
        version: version.to_owned(),
        canary: canary.cloned(),
        description: answer.description().unwrap_or_default().to_owned(),
        revision: answer.revision_id().map(str::to_owned),
    })
}

impl Pointer {
    /// Returns `true` if nobody has changed the alias between two reads.
    pub(crate) fn are_same(one: Option<&Self>, other: Option<&Self>) -> bool {
        let parts =
            |alias: &Self| (alias.version.clone(), alias.canary.clone(), alias.revision.clone());
        one.map(parts) == other.map(parts)
    }

    /// Returns `true` if it routes traffic as `alias` did when it was shown.
    fn is_as(&self, alias: &Alias) -> bool {
        self.version == alias.version && self.canary == alias.canary
    }

    /// Describes it: `it points to version 7, and 5 % to version 8`.
    pub(crate) fn story(&self) -> String {
        let rest =
            self.canary.as_ref().map(|share| format!(", and {}", part(share))).unwrap_or_default();
        format!("it points to version {}{rest}", self.version)
    }
}

/// The second version of an alias, if it has one with traffic.
pub(crate) fn share(routing: Option<&AliasRoutingConfiguration>) -> Option<Share> {
    let (version, weight) = routing?.additional_version_weights()?.iter().next()?;
    Some(Share { version: version.clone(), weight: *weight })
}

/// The version that the alias pointed to before, according to its description.
pub(crate) fn before(description: &str) -> Option<String> {
    let version = description.strip_prefix(NOTE)?;
    version.parse::<u64>().ok().map(|number| number.to_string())
}

/// `25 % to version 8`.
pub(crate) fn part(share: &Share) -> String {
    format!("{} to version {}", percent(share.weight), share.version)
}
