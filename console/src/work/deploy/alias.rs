//! Versions and the aliases that lead to them. A deploy on a stage with an alias publishes a version and points the alias
//! at it; promotions and rollbacks use the same calls.

use std::collections::HashMap;

use aws_sdk_lambda::types::AliasRoutingConfiguration;
use tokio_util::sync::CancellationToken;

use super::{Stage, wait::patiently};
use crate::work::stage::call::CallError;

/// What an alias leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alias {
    /// The version that takes what no other takes.
    pub(crate) version: String,
    /// Other versions, each with its part of the whole.
    pub(crate) weights: HashMap<String, f64>,
    /// Guards a change of it.
    pub(crate) revision: Option<String>,
}

/// The alias as it is; none where there is no such alias.
pub(crate) async fn get(stage: &Stage, name: &str, alias: &str) -> Result<Option<Alias>, CallError> {
    let answer = stage
        .call(|clients| async move { clients.lambda().get_alias().function_name(name).name(alias).send().await })
        .await;
    match answer {
        Ok(found) => {
            let weights = found.routing_config().and_then(|routing| routing.additional_version_weights());
            Ok(Some(Alias {
                version: found.function_version().unwrap_or_default().to_owned(),
                weights: weights.cloned().unwrap_or_default(),
                revision: found.revision_id().map(str::to_owned),
            }))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
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

/// Points the alias at what `to` says, as long as its revision is that of `to`.
pub(crate) async fn point(
    stage: &Stage,
    name: &str,
    alias: &str,
    to: &Alias,
    cancel: &CancellationToken,
) -> Result<(), CallError> {
    let moved = patiently(stage, name, cancel, || {
        stage.call(|clients| async move {
            // Said also when there are none: parts that an earlier canary left would go on otherwise.
            let routing =
                AliasRoutingConfiguration::builder().set_additional_version_weights(Some(to.weights.clone())).build();
            let update = clients.lambda().update_alias().function_name(name).name(alias);
            update
                .function_version(&to.version)
                .routing_config(routing)
                .set_revision_id(to.revision.clone())
                .send()
                .await
        })
    });
    moved.await.map(|_| ())
}
