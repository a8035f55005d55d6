//! `CreateFunction`, and reading the code that comes in a request.

use super::{
    describe::describe,
    judge,
    named::Named,
    prepare,
    settings::{self, Settings},
};
use crate::{
    call::{self, Body, Call},
    code::Taken,
    fault::Fault,
    function::{Function, State},
    record::Record,
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

/// Takes a zip on a thread where that may take its time. It is to be dropped when something uses it.
pub(super) async fn take(service: &Service, zip: Vec<u8>) -> Result<Taken, Fault> {
    let codes = Arc::clone(&service.codes);
    let taken = tokio::task::spawn_blocking(move || codes.take(&zip)).await;
    Ok(taken.map_err(|error| Fault::service("broke off reading the zip", &error))??)
}

/// `CreateFunction`.
pub(super) async fn create_function(service: &Arc<Service>, call: &Call) -> Result<Response<Body>, Fault> {
    let request: CreateRequest<'_> = call.json()?;
    let settings: Settings = call.json()?;
    let Some(identifier) = &request.function_name else {
        return Err(Fault::validation("null", "functionName", "not be null"));
    };
    let name = Named::whole(service, identifier)?.name;
    if name.len() > 64 {
        return Err(Fault::validation(name, "functionName", "have length less than or equal to 64"));
    }
    if request.package_type.as_deref().is_some_and(|package| package != "Zip") {
        return Err(Fault::invalid("The local Lambda runs zips only: PackageType must be Zip."));
    }
    let mut function = settings::blank(name);
    if let Some(names) = &request.architectures {
        function.architecture = judge::architectures(names)?;
    }
    settings.apply(service, &mut function, true)?;
    for (value, field) in [(&function.role, "role"), (&function.runtime, "runtime"), (&function.handler, "handler")] {
        if value.is_empty() {
            return Err(Fault::validation("null", field, "not be null"));
        }
    }
    judge::tags(&request.tags)?;
    function.tags = request.tags;
    let zip = request.code.ok_or_else(|| Fault::validation("null", "code", "not be null"))?.zip()?;
    if service.functions.get(name).is_some() {
        return Err(exists(name));
    }
    let taken = take(service, zip).await?;
    (function.code, function.code_size) = (taken.sha256.clone(), taken.size);
    function.unpacked = taken.unpacked;
    let created = store(service, function, request.publish).await;
    service.codes.drop_zip(&taken.sha256);
    let told = created?;
    Ok(call::json(201, &describe(&told, &crate::function::arn(&service.region, name, None))))
}

fn exists(name: &str) -> Fault {
    Fault::conflict(format!("Function already exist: {name}"))
}

/// Stores a new function, which becomes `Active` when its code is unpacked. Gives the version to be told.
async fn store(service: &Arc<Service>, function: Function, publish: bool) -> Result<Arc<Function>, Fault> {
    judge::size(&function)?;
    let change = service.functions.change().await;
    // Another call may have made it meanwhile.
    if service.functions.get(&function.name).is_some() {
        return Err(exists(&function.name));
    }
    let latest = Arc::new(Function::clone(&function.touch()).turn(State::Pending));
    let mut record = Record::new(latest);
    let told = if publish { record.publish(None).0 } else { Arc::clone(&record.latest) };
    record.all().for_each(|version| service.codes.keep(version));
    if let Err(fault) = change.store(record.clone()) {
        record.all().for_each(|version| service.codes.release(version));
        return Err(fault);
    }
    prepare::begin(service, record.latest);
    Ok(told)
}
