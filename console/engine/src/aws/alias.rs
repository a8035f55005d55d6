//! Publishing versions and moving aliases.

use aws_sdk_lambda::types::AliasRoutingConfiguration;
use lambda_console_model::{Alias, Failure, Share, percent};
use tokio_util::sync::CancellationToken;

use crate::{
    Job,
    aws::{
        error::{CallError, present},
        stage::Stage,
        waiting::{patiently, settled},
    },
};

/// What an alias's description begins with that says where it led before. One that someone wrote is left alone.
const NOTE: &str = "lambda-console: before this, version ";

/// An alias as it was when it was read or written last.
#[derive(Clone, Debug)]
pub(crate) struct Pointer {
    pub(crate) version: String,
    pub(crate) canary: Option<Share>,
    description: String,
    revision: Option<String>,
}

/// What is published.
pub(crate) struct Publication<'a> {
    /// The function's name on the stage.
    pub(crate) name: &'a str,
    /// The code that must be there, in Base64.
    pub(crate) sha256: &'a str,
    /// The function's revision that was compared.
    pub(crate) revision: Option<&'a str>,
    /// What the version is described by.
    pub(crate) description: Option<&'a str>,
}

/// Publishes what the function is now; with the version's number, which may not be active yet. Lambda publishes nothing
/// new where code and configuration are those of the last version.
pub(crate) async fn publish(
    stage: &Stage,
    publication: &Publication<'_>,
    cancel: &CancellationToken,
) -> Result<String, CallError> {
    let Publication { name, sha256, revision, description } = *publication;
    let published = patiently(stage, name, cancel, || {
        stage.call(|clients| async move {
            let publish = clients.lambda().publish_version().function_name(name).code_sha256(sha256);
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

/// Makes the alias, leading to `version`.
pub(crate) async fn create(
    stage: &Stage,
    name: &str,
    alias: &str,
    version: &str,
    cancel: &CancellationToken,
) -> Result<(), CallError> {
    let made = patiently(stage, name, cancel, || {
        stage.call(|clients| async move {
            let create = clients.lambda().create_alias().function_name(name).name(alias);
            create.function_version(version).send().await
        })
    });
    made.await.map(|_| ())
}

/// Publishes what the function is now, its code being `sha256`; with the version's number, once it is active.
pub(crate) async fn published(
    stage: &Stage,
    function: &str,
    sha256: &str,
    description: Option<&str>,
    job: &Job,
) -> Result<String, Failure> {
    let publication = Publication { name: function, sha256, revision: None, description };
    let published = publish(stage, &publication, &job.cancel).await;
    let version =
        published.map_err(|error| error.into_failure(format!("could not publish a version of {function}")))?;
    settled(stage, &format!("{function}:{version}")).await?;
    Ok(version)
}

/// Leads all who call `alias` to `version`, whether the alias is there or not.
pub(crate) async fn point(stage: &Stage, function: &str, alias: &str, version: &str, job: &Job) -> Result<(), Failure> {
    let Some(found) = get(stage, function, alias).await? else {
        let made = create(stage, function, alias, version, &job.cancel).await;
        return made.map_err(|error| error.into_failure(format!("could not make the alias {alias} of {function}")));
    };
    if found.version != version || found.canary.is_some() {
        let moved = set(stage, function, alias, &found, version, None).await;
        moved.map_err(|error| error.into_failure(format!("could not point {alias} at {function}:{version}")))?;
    }
    Ok(())
}

/// Takes a canary's part of an alias away. One that someone moved meanwhile is left alone.
pub(crate) async fn reset(stage: &Stage, function: &str, alias: &Alias) -> Result<(), Failure> {
    let what = || format!("could not end the canary of {function}");
    let Some(found) = get(stage, function, &alias.name).await? else { return Ok(()) };
    if found.version != alias.version || found.canary != alias.canary {
        return Err(Failure::work(
            what(),
            format!("someone else moved the alias {} meanwhile: {}", alias.name, found.story()),
            "`lambda-console versions` shows how it is now",
        ));
    }
    set(stage, function, &alias.name, &found, &found.version, None)
        .await
        .map_err(|error| error.into_failure(what()))?;
    Ok(())
}

/// The alias as it is; none where it is not there.
pub(crate) async fn get(stage: &Stage, function: &str, alias: &str) -> Result<Option<Pointer>, Failure> {
    let answer = stage
        .call(|clients| async move { clients.lambda().get_alias().function_name(function).name(alias).send().await })
        .await;
    let found = present(answer)
        .map_err(|error| error.into_failure(format!("could not look at the alias {alias} of {function}")))?;
    Ok(found.map(|found| Pointer {
        version: found.function_version().unwrap_or_default().to_owned(),
        canary: share(found.routing_config()),
        description: found.description().unwrap_or_default().to_owned(),
        revision: found.revision_id().map(str::to_owned),
    }))
}

/// Leads `alias`, which is as `found` says, to `version`, but for the canary's share. Refused where someone changed it
/// meanwhile.
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
    /// `it leads to version 7, and 5 % to version 8`.
    pub(crate) fn story(&self) -> String {
        let rest = self.canary.as_ref().map(|share| format!(", and {}", part(share))).unwrap_or_default();
        format!("it leads to version {}{rest}", self.version)
    }
}

/// The second version of an alias, where it has one with a part.
pub(crate) fn share(routing: Option<&AliasRoutingConfiguration>) -> Option<Share> {
    let (version, weight) = routing?.additional_version_weights()?.iter().next()?;
    Some(Share { version: version.clone(), weight: *weight })
}

/// The version that an alias's description says it led to before.
pub(crate) fn before(description: &str) -> Option<String> {
    let version = description.strip_prefix(NOTE)?;
    version.parse::<u64>().ok().map(|number| number.to_string())
}

/// `25 % to version 8`.
pub(crate) fn part(share: &Share) -> String {
    format!("{} to version {}", percent(share.weight), share.version)
}
