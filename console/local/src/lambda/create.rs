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
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    function_name: Option<String>,
    code: Option<Code>,
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
pub(super) struct Code {
    pub(super) zip_file: Option<Zip>,
    pub(super) s3_bucket: Option<String>,
    pub(super) image_uri: Option<String>,
}

/// A zip, in base64.
pub(super) struct Zip(Vec<u8>);

impl<'de> Deserialize<'de> for Zip {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Zip;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a zip in base64")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Zip, E> {
                STANDARD.decode(text).map(Zip).map_err(|error| E::custom(format!("ZipFile is not base64: {error}")))
            }
        }
        from.deserialize_str(Base64)
    }
}

impl Code {
    /// The zip's bytes.
    pub(super) fn zip(self) -> Result<Vec<u8>, Fault> {
        if self.s3_bucket.is_some() || self.image_uri.is_some() {
            return Err(Fault::invalid("The local Lambda takes code as ZipFile only, not from S3 or as an image."));
        }
        let Zip(zip) = self.zip_file.ok_or_else(|| Fault::invalid("Please provide a source for function code."))?;
        Ok(zip)
    }
}

/// Takes a zip on a thread where that may take its time.
pub(super) async fn take(service: &Service, zip: Vec<u8>) -> Result<Taken, Fault> {
    let codes = Arc::clone(&service.codes);
    let taken = tokio::task::spawn_blocking(move || codes.take(&zip)).await;
    Ok(taken.map_err(|error| Fault::service("broke off reading the zip", &error))??)
}

/// `CreateFunction`.
pub(super) async fn create_function(service: &Arc<Service>, call: &Call) -> Result<Response<Body>, Fault> {
    let request: CreateRequest = call.long_json().await?;
    let settings: Settings = call.long_json().await?;
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
    let told = store(service, function, request.publish).await?;
    // By now the function keeps it.
    drop(taken.held);
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
    let stored = change
        .store(record.clone())
        .inspect_err(|_fault| record.all().for_each(|version| service.codes.release(version)))?;
    prepare::begin(service, Arc::clone(&stored.latest));
    Ok(told)
}
