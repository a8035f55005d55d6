//! A version's zip: fetched from where the stage keeps it, and sent again.

use std::time::Duration;

use aws_sdk_lambda::{operation::get_function::GetFunctionOutput, primitives::Blob, types::PackageType};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use aws_smithy_types::byte_stream::{AggregatedBytes, ByteStream};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::base64_of;
use crate::{
    message::Failure,
    work::{
        deploy::settled,
        stage::{Stage, call::causes, uploading},
    },
};

/// How often a download is tried that breaks off.
const ATTEMPTS: u32 = 3;

/// A version's zip and what belongs to it.
pub(super) struct Code {
    pub(super) bytes: Vec<u8>,
    /// Base64, as Lambda gives it.
    pub(super) sha256: String,
    /// `arm64` or `x86_64`.
    pub(super) architecture: String,
}

/// Fetches the zip of `function`'s version. Its digest is the one that the stage names, or it is refused.
pub(super) async fn fetch(stage: &Stage, function: &str, version: &str) -> Result<Code, Failure> {
    let what = || format!("could not fetch the code of {function}:{version}");
    let found = get(stage, function, version).await?;
    let configuration = found.configuration();
    if configuration.and_then(|found| found.package_type()) == Some(&PackageType::Image) {
        return Err(Failure::work(
            what(),
            "it is a container image, not a zip",
            "promote it with the image's own tools",
        ));
    }
    let sha256 = configuration.and_then(|found| found.code_sha256()).unwrap_or_default().to_owned();
    let architecture = configuration.and_then(|found| found.architectures().first());
    let Some(location) = found.code().and_then(|code| code.location()) else {
        return Err(Failure::work(
            what(),
            "the stage does not say where it is",
            "a profile with lambda:GetFunction is needed",
        ));
    };
    let bytes = download(location).await.map_err(|why| {
        Failure::environment(what(), why, "look at the network: the zip is fetched from where Lambda keeps it (S3)")
    })?;
    let digest = BASE64_STANDARD.encode(Sha256::digest(&bytes));
    if digest != sha256 {
        let why = format!("what was downloaded has the SHA-256 {digest}, and the stage says {sha256}");
        return Err(Failure::work(what(), why, "nothing was changed; try it again"));
    }
    Ok(Code {
        bytes,
        sha256,
        architecture: architecture.map_or("x86_64", |architecture| architecture.as_str()).to_owned(),
    })
}

async fn get(stage: &Stage, function: &str, version: &str) -> Result<GetFunctionOutput, Failure> {
    stage
        .call(|clients| async move {
            clients.lambda().get_function().function_name(function).qualifier(version).send().await
        })
        .await
        .map_err(|error| error.into_failure(format!("could not look at {function}:{version}")))
}

/// Follows a URL that carries its own signature, which is a secret for as long as it holds: errors do not name it.
async fn download(url: &str) -> Result<Vec<u8>, String> {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_mins(1))
        .build();
    let connector =
        Connector::builder().connector_settings(settings).tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    let mut why = String::new();
    for _ in 0..ATTEMPTS {
        match once(&connector, url).await {
            Ok(bytes) => return Ok(bytes),
            Err(error) => why = error,
        }
    }
    Err(why)
}

async fn once(connector: &Connector, url: &str) -> Result<Vec<u8>, String> {
    let request =
        HttpRequest::get(url).map_err(|error| format!("it is kept at what is no URL: {}", innermost(&error)))?;
    let response = connector.call(request).await.map_err(|error| innermost(&error))?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("the download was answered with {status}"));
    }
    let body = ByteStream::new(response.into_body()).collect().await;
    body.map(AggregatedBytes::to_vec).map_err(|error| innermost(&error))
}

/// Makes the code of a version, whose digest was read, that of `$LATEST` again; its configuration stays.
pub(super) async fn put_back(stage: &Stage, function: &str, version: &str, sha256_hex: &str) -> Result<(), Failure> {
    let code = fetch(stage, function, version).await?;
    let what = || format!("could not put the code of {function}:{version} back");
    if code.sha256 != base64_of(sha256_hex) {
        return Err(Failure::work(what(), "the version changed while it was read", "try it again"));
    }
    let latest = get(stage, function, crate::message::FunctionVersions::LATEST).await?;
    let revision = latest.configuration().and_then(|found| found.revision_id());
    if latest.configuration().and_then(|found| found.code_sha256()) == Some(&code.sha256) {
        return Ok(());
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
    settled(stage, function).await?;
    if sent.code_sha256() == Some(&code.sha256) {
        return Ok(());
    }
    let why = format!("the stage now has the SHA-256 {}", sent.code_sha256().unwrap_or("of nothing"));
    Err(Failure::work(what(), why, "`lambda-console versions` shows what is there"))
}

/// The innermost cause says what happened; none of them names the URL.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
