//! `CreateFunction`, and reading the code that comes in a request.

use super::{Named, configuration, configuration::Settings};
use crate::{
    call::{self, Body, Call},
    fault::Fault,
    service::Service,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Response;
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest<'a> {
    function_name: Option<String>,
    #[serde(borrow)]
    code: Option<Code<'a>>,
    package_type: Option<String>,
    architectures: Option<Vec<String>>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    publish: bool,
}

/// The code in a request: only a zip can come here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Code<'a> {
    #[serde(borrow)]
    pub(super) zip_file: Option<Cow<'a, str>>,
    pub(super) s3_bucket: Option<String>,
    pub(super) image_uri: Option<String>,
}

impl Code<'_> {
    /// The zip's bytes.
    pub(super) fn zip(&self) -> Result<Vec<u8>, Fault> {
        if self.s3_bucket.is_some() || self.image_uri.is_some() {
            return Err(Fault::invalid("The local Lambda takes code as ZipFile only, not from S3 or as an image."));
        }
        let Some(text) = &self.zip_file else {
            return Err(Fault::invalid("Please provide a source for function code."));
        };
        STANDARD
            .decode(text.as_bytes())
            .map_err(|error| Fault::new(400, "SerializationException", format!("ZipFile is not base64: {error}")))
    }
}

/// Refuses to publish: a version that never came to be should not be believed in.
pub(super) fn refuse_publish(publish: bool) -> Result<(), Fault> {
    if publish {
        return Err(Fault::invalid("The local Lambda has no versions: leave Publish out and use $LATEST."));
    }
    Ok(())
}

/// Unpacks a zip on a thread where that may take its time; gives its SHA-256.
pub(super) async fn unpack(service: &Service, zip: Vec<u8>) -> Result<(String, u64), Fault> {
    let (codes, size) = (Arc::clone(&service.codes), zip.len() as u64);
    let added = tokio::task::spawn_blocking(move || codes.add(&zip)).await;
    let sha256 = added.map_err(|error| Fault::service("broke off unpacking the zip", &error))??;
    Ok((sha256, size))
}

/// `CreateFunction`.
pub(super) async fn create_function(service: &Arc<Service>, call: &Call) -> Result<Response<Body>, Fault> {
    let request: CreateRequest<'_> = call.json()?;
    let settings: Settings = call.json()?;
    let Some(identifier) = &request.function_name else {
        return Err(Fault::validation("null", "functionName", "not be null"));
    };
    let name = Named::read(service, identifier, None)?.name;
    if request.package_type.as_deref().is_some_and(|package| package != "Zip") {
        return Err(Fault::invalid("The local Lambda runs zips only: PackageType must be Zip."));
    }
    refuse_publish(request.publish)?;
    let mut function = configuration::blank(name);
    if let Some(names) = &request.architectures {
        function.architecture = configuration::judge_architectures(names)?;
    }
    settings.apply(&mut function)?;
    for (value, field) in [(&function.role, "role"), (&function.runtime, "runtime"), (&function.handler, "handler")] {
        if value.is_empty() {
            return Err(Fault::validation("null", field, "not be null"));
        }
    }
    function.tags = request.tags;
    let zip = request.code.ok_or_else(|| Fault::validation("null", "code", "not be null"))?.zip()?;
    let exists = || Fault::new(409, "ResourceConflictException", format!("Function already exist: {name}"));
    if service.functions.get(name).is_some() {
        return Err(exists());
    }
    (function.code, function.code_size) = unpack(service, zip).await?;
    let function = function.touch();
    let change = service.functions.change().await;
    // Another call may have made it while this one unpacked.
    let kept = if service.functions.get(name).is_some() { Err(exists()) } else { change.put(&function) };
    if let Err(fault) = kept {
        service.codes.release(&function.code);
        return Err(fault);
    }
    service.pool.retire(&function.key(), &function.revision);
    Ok(call::json(201, &configuration::describe(&function, &service.region)))
}
