//! Reads the code in a request.

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

use crate::{http::error::ApiError, service::Service, store::code_store::StoredZip};

/// The code in a request: only a zip is accepted.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Code {
    pub(crate) zip_file: Option<Zip>,
    pub(crate) s3_bucket: Option<String>,
    pub(crate) image_uri: Option<String>,
}

/// A zip, decoded from base64.
pub(crate) struct Zip(Vec<u8>);

impl<'de> Deserialize<'de> for Zip {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Zip;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a zip in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Zip, E> {
                STANDARD
                    .decode(text)
                    .map(Zip)
                    .map_err(|error| E::custom(format!("ZipFile is not base64: {error}")))
            }
        }
        from.deserialize_str(Base64)
    }
}

impl Code {
    /// Returns the zip's bytes.
    pub(crate) fn zip(self) -> Result<Vec<u8>, ApiError> {
        if self.s3_bucket.is_some() || self.image_uri.is_some() {
            return Err(ApiError::invalid(
                "The local Lambda takes code as ZipFile only, not from S3 or as an image.",
            ));
        }
        let Zip(zip) = self
            .zip_file
            .ok_or_else(|| ApiError::invalid("Please provide a source for function code."))?;
        Ok(zip)
    }
}

/// Stores a zip on a blocking thread.
pub(crate) async fn take(service: &Service, zip: Vec<u8>) -> Result<StoredZip, ApiError> {
    let codes = Arc::clone(&service.codes);
    let taken = tokio::task::spawn_blocking(move || codes.take(&zip)).await;
    Ok(taken.map_err(|error| ApiError::service("stopped reading the zip", &error))??)
}
