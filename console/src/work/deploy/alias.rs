//! Versions, on stages that have an alias: a deploy publishes one and points the alias at it, which `versions` does.

use tokio_util::sync::CancellationToken;

use super::{Stage, wait::patiently};
use crate::work::stage::call::CallError;

/// What is published.
pub(super) struct Publication<'a> {
    /// The function's name on the stage.
    pub(super) name: &'a str,
    /// The code that must be there, in Base64.
    pub(super) sha256: &'a str,
    /// The function's revision that was compared.
    pub(super) revision: Option<&'a str>,
    /// What the version is described by.
    pub(super) description: Option<&'a str>,
}

/// Publishes what the function is now; with the version's number, which may not be active yet. Lambda publishes nothing
/// new where code and configuration are those of the last version.
pub(super) async fn publish(
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
pub(super) async fn create(
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
