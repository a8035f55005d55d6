//! Versions, on stages that have an alias: a deploy publishes one and points the alias at it.

use super::{Stage, patiently, remote};
use crate::{message::Failure, work::versions};

/// Publishes what was just deployed and points `alias` at it; with the version's number. Lambda publishes
/// nothing new where code and configuration are those of the last version.
pub(super) async fn publish(stage: &Stage, name: &str, alias: &str, sha256: &str) -> Result<String, Failure> {
    let published = patiently(stage, name, || {
        stage.call(|clients| async move {
            clients.lambda().publish_version().function_name(name).code_sha256(sha256).send().await
        })
    })
    .await
    .map_err(|error| error.into_failure(format!("could not publish a version of {name}")))?;
    let version = published.version().unwrap_or_default().to_owned();
    remote::settled(stage, &format!("{name}:{version}")).await?;
    versions::alias::point(stage, name, alias, &version).await?;
    Ok(version)
}
