//! A version's zip: downloaded from the stage's storage, and sent again.

use aws_sdk_lambda::{
    operation::get_function::GetFunctionOutput,
    primitives::Blob,
    types::{FunctionConfiguration, PackageType},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::{Failure, FunctionVersions, Version};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::versions::base64_of;
use crate::{
    aws::{
        clients::uploading,
        naming::{hex_of, milliseconds},
        retry::{DOWNLOAD, retry},
        stage::Stage,
        waiting::settle,
    },
    deploy::fetch_zip,
};

/// A version's zip and its metadata.
pub(super) struct Code {
    pub(super) bytes: Vec<u8>,
    /// Base64, as in Lambda's API.
    pub(super) sha256: String,
    /// `arm64` or `x86_64`.
    pub(super) architecture: String,
}

/// Downloads the zip of `function`'s version. It is refused if its digest is not the one that the
/// stage reports.
pub(super) async fn fetch(
    stage: &Stage,
    function: &str,
    version: &str,
    cancel: &CancellationToken,
) -> Result<Code, Failure> {
    let what = || format!("could not fetch the code of {function}:{version}");
    let found = get(stage, function, version).await?;
    let configuration = found.configuration();
    if configuration.and_then(|found| found.package_type()) == Some(&PackageType::Image) {
        return Err(Failure::work(
            what(),
            "it is a container image, not a zip",
            "promote it with the tools for container images",
        ));
    }
    let sha256 = configuration.and_then(|found| found.code_sha256()).unwrap_or_default().to_owned();
    let architecture = configuration.and_then(|found| found.architectures().first());
    let Some(location) = found.code().and_then(|code| code.location()) else {
        return Err(Failure::work(
            what(),
            "the stage returned no URL for it",
            "a profile with lambda:GetFunction is needed",
        ));
    };
    let bytes = retry(&DOWNLOAD, cancel, || fetch_zip(stage, location))
        .await
        .map_err(|error| error.into_failure(what()))?;
    let digest = BASE64_STANDARD.encode(Sha256::digest(&bytes));
    if digest != sha256 {
        let why =
            format!("the downloaded code has the SHA-256 {digest}, and the stage reports {sha256}");
        return Err(Failure::work(what(), why, "nothing was changed; try it again"));
    }
    Ok(Code {
        bytes,
        sha256,
        architecture: architecture
            .map_or("x86_64", |architecture| architecture.as_str())
            .to_owned(),
    })
}

async fn get(stage: &Stage, function: &str, version: &str) -> Result<GetFunctionOutput, Failure> {
    stage
        .call(|clients| async move {
            clients.lambda().get_function().function_name(function).qualifier(version).send().await
        })
        .await
        .map_err(|error| error.into_failure(format!("could not read {function}:{version}")))
}

/// `$LATEST` as it was shown, and is still.
pub(super) struct Latest {
    /// Base64, as in Lambda's API.
    pub(super) sha256: String,
    pub(super) revision: Option<String>,
}

/// Reads `$LATEST`. It is refused if it has changed since it was shown in `seen`.
pub(super) async fn latest(
    stage: &Stage,
    seen: &FunctionVersions,
    what: String,
) -> Result<Latest, Failure> {
    let function = &seen.function;
    let found = get(stage, function, FunctionVersions::LATEST).await?;
    let is_as = |shown: &Version, now: &FunctionConfiguration| {
        now.code_sha256().map(hex_of).as_deref() == Some(&shown.sha256)
            && now.last_modified().and_then(milliseconds) == Some(shown.modified_at)
    };
    match (seen.versions.first(), found.configuration()) {
        (Some(shown), Some(now)) if is_as(shown, now) => Ok(Latest {
            sha256: now.code_sha256().unwrap_or_default().to_owned(),
            revision: now.revision_id().map(str::to_owned),
        }),
        _ => Err(stage.changed_since(what, function)),
    }
}

/// Restores the code of `version` as that of `$LATEST`, which is as it was shown in `seen`; the
/// configuration is kept.
pub(super) async fn put_back(
    stage: &Stage,
    seen: &FunctionVersions,
    version: &Version,
    what: String,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let function = &seen.function;
    let Version { version, sha256, .. } = version;
    let code = fetch(stage, function, version, cancel).await?;
    if code.sha256 != base64_of(sha256) {
        return Err(stage.changed_since(what, function));
    }
    let latest = latest(stage, seen, what.clone()).await?;
    if latest.sha256 == code.sha256 {
        return Ok(());
    }
    let (bytes, architecture) = (&code.bytes, code.architecture.as_str());
    let revision = &latest.revision;
    let sent = stage
        .call(|clients| async move {
            clients
                .lambda()
                .update_function_code()
                .function_name(function)
                .architectures(architecture.into())
                .zip_file(Blob::new(bytes.clone()))
                .set_revision_id(revision.clone())
                .customize()
                .config_override(uploading())
                .send()
                .await
        })
        .await;
    let sent = sent.map_err(|error| {
        if error.is_stale() {
            stage.changed_since(what.clone(), function)
        } else {
            error.into_failure(what.clone())
        }
    })?;
    settle(stage, function, cancel).await?;
    if sent.code_sha256() == Some(&code.sha256) {
        return Ok(());
    }
    let why =
        format!("the stage now has the SHA-256 {}", sent.code_sha256().unwrap_or("of nothing"));
    Err(Failure::work(what, why, "`lambda-console versions` shows what is there"))
}
