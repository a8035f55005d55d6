//! A function's zip: the data that it is compared by, and its bytes when they are sent.

use std::path::{Path, PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_model::{Architecture, Failure, Function};
use sha2::{Digest, Sha256};

use super::Stage;
use crate::{compile::fingerprint::Fingerprint, workspace::paths};

/// Lambda accepts 50 MB in one request, and the rest of the request needs some of it.
const MAX_ZIP_BYTES: u64 = 49 * 1024 * 1024;

/// A built zip, as it was when it was compared.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) path: PathBuf,
    /// Base64, as in Lambda's API.
    pub(super) sha256: String,
    /// Hexadecimal, for people and for `--json`.
    pub(super) sha256_hex: String,
    pub(super) architecture: Architecture,
    /// Object in S3 from which Lambda reads the zip; `None` means that it is sent in the request.
    pub(super) bucket: Option<Place>,
}

/// An object in S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Code {
    /// Reads the built zip of `function`.
    pub(super) async fn of(stage: &Stage, function: &Function) -> Result<Self, Failure> {
        let what = || format!("could not deploy {}", function.name);
        let Some(zip) = &function.zip else {
            return Err(Failure::usage(what(), "it has no bootstrap.zip", build(&function.name)));
        };
        if let Some(fingerprint) = zip.path.parent().and_then(Fingerprint::read)
            && !fingerprint.is_of(function)
        {
            let why = format!("{} has since been built for another package", zip.path.display());
            return Err(Failure::usage(what(), why, build(&function.name)));
        }
        let architecture = stage.architecture(function.architecture)?;
        let bytes = read(&zip.path, &function.name).await?;
        let length = zip.bytes.max(bytes.len() as u64);
        let digest = tokio::task::spawn_blocking(move || Sha256::digest(&bytes));
        let digest = digest.await.map_err(|error| Failure::work(what(), error.to_string(), ""))?;
        let sha256_hex = paths::hex(&digest);
        // A bucket that the function names is always used, that of the stage only for a zip that is
        // too large for a request.
        let config = &function.config;
        let bucket = config
            .s3_bucket
            .as_deref()
            .or_else(|| stage.bucket().filter(|_| length > MAX_ZIP_BYTES));
        let bucket = bucket.filter(|bucket| !bucket.is_empty()).map(|bucket| Place {
            bucket: bucket.to_owned(),
            key: config.s3_key.clone().unwrap_or_else(|| {
                let name = stage.remote_name(&function.name);
                format!("lambda-console/{name}/{sha256_hex}.zip")
            }),
        });
        if length > MAX_ZIP_BYTES && bucket.is_none() {
            let size = length.div_ceil(1024 * 1024);
            let why = format!(
                "{} has {size} MB, and Lambda accepts at most 49 MB in a request",
                zip.path.display()
            );
            return Err(Failure::work(
                what(),
                why,
                "name a bucket for it (s3_bucket in its metadata, or bucket in the stage's \
                settings), or make the binary smaller: strip symbols, opt-level = \"z\", fewer \
                dependencies",
            ));
        }
        let sha256 = BASE64_STANDARD.encode(digest);
        Ok(Self { path: zip.path.clone(), sha256, sha256_hex, architecture, bucket })
    }

    /// The bytes, which are the ones that were compared.
    pub(super) async fn bytes(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let bytes = read(&self.path, name).await?;
        if BASE64_STANDARD.encode(Sha256::digest(&bytes)) == self.sha256 {
            return Ok(bytes);
        }
        Err(Failure::work(
            format!("could not deploy {name}"),
            "its zip was rebuilt after the comparison",
            "deploy again",
        ))
    }
}

async fn read(path: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    tokio::fs::read(path).await.map_err(|error| {
        Failure::usage(
            format!("could not deploy {name}"),
            format!("{}: {error}", path.display()),
            build(name),
        )
    })
}

fn build(name: &str) -> String {
    format!("build it first: `lambda-console build {name}`")
}
