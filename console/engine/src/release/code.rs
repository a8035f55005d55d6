//! A version's zip: downloaded from the stage's storage, and sent again.

use aws_sdk_lambda::{
    operation::get_function::GetFunctionOutput, primitives::Blob, types::PackageType,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::{Failure, FunctionVersions, Version};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::versions::base64_of;
use crate::{
    aws::{
        clients::uploading,
        naming::hex_of,
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

/// Restores the code of `version` as that of `$LATEST`, which has the code that was shown in
/// `present`; the configuration is kept.
pub(super) async fn put_back(
    stage: &Stage,
    present: &FunctionVersions,
    version: &Version,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let (function, before) = (&present.function, present.versions.first());
    let Version { version, sha256: sha256_hex, .. } = version;
    let code = fetch(stage, function, version, cancel).await?;
    let what = || format!("could not restore the code of {function}:{version}");
    if code.sha256 != base64_of(sha256_hex) {
        return Err(Failure::work(what(), "the version changed while it was read", "try it again"));
    }
    let latest = get(stage, function, FunctionVersions::LATEST).await?;
    let revision = latest.configuration().and_then(|found| found.revision_id());
    let now = latest.configuration().and_then(|found| found.code_sha256());
    if now == Some(&code.sha256) {
        return Ok(());
    }
    if now.map(hex_of).as_deref() != before.map(|latest| latest.sha256.as_str()) {
        let why = "someone else has deployed to it in the meantime";
        return Err(Failure::work(what(), why, "`lambda-console versions` shows what is there"));
    }
    let (bytes, architecture) = (&code.bytes, code.architecture.as_str());
    let sent = stage
        .call(|clients| async move {
            clients
                .lambda()
                .update_function_code()
                .function_name(function)
                .architectures(architecture.into())
                .zip_file(Blob::new(bytes.clone()))
                .set_revision_id(revision.map(str::to_owned))
                .customize()
                .config_override(uploading())
                .send()
                .await
        })
        .await
        .map_err(|error| error.into_failure(what()))?;
    settle(stage, function, cancel).await?;
    if sent.code_sha256() == Some(&code.sha256) {
        return Ok(());
    }
    let why =
        format!("the stage now has the SHA-256 {}", sent.code_sha256().unwrap_or("of nothing"));
    Err(Failure::work(what(), why, "`lambda-console versions` shows what is there"))
}
