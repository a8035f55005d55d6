//! `UpdateFunctionCode` and `UpdateFunctionConfiguration`. A change takes effect when it is
//! complete: then it ends the function's idle sandboxes, and the busy ones after their invocation.

use std::sync::Arc;

use http::Response;
use serde::Deserialize;

use super::{activate, describe::describe, settings::Settings};
use crate::{
    api::lambda::{
        code::{Code, take},
        identifier::FunctionRef,
        validate,
    },
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{function::Function, function_record::FunctionRecord, functions::Change},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeRequest {
    #[serde(flatten)]
    code: Code,
    architectures: Option<Vec<String>>,
    revision_id: Option<String>,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    publish: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Revision {
    revision_id: Option<String>,
}

/// Parameters of an update, besides the change itself.
struct Update<'a> {
    named: FunctionRef<'a>,
    revision_id: Option<&'a str>,
    publish: bool,
    dry_run: bool,
}

impl Update<'_> {
    /// Checks that `$LATEST` may be changed now.
    fn validate(&self, service: &Service) -> Result<Arc<FunctionRecord>, ApiError> {
        let record = self.named.record(service)?;
        validate::idle(&record.latest, &record.latest.arn(&service.region))?;
        validate::revision(self.revision_id, record.latest.revision_id(), "GetFunction/GetAlias")?;
        Ok(record)
    }

    /// Waits for the exclusive right to change functions, and begins with `$LATEST` as it is then.
    async fn begin<'a>(&'a self, service: &'a Arc<Service>) -> Result<Begun<'a>, ApiError> {
        let change = service.functions.change().await;
        let record = FunctionRecord::clone(&*self.validate(service)?);
        Ok(Begun { update: self, service, change, record })
    }
}

/// An update that no other change of a function can come between.
struct Begun<'a> {
    update: &'a Update<'a>,
    service: &'a Arc<Service>,
    change: Change<'a>,
    record: FunctionRecord,
}

impl Begun<'_> {
    /// Changes `$LATEST`, and answers with it or with the published version.
    fn make(
        self,
        edit: impl FnOnce(&mut Function) -> Result<(), ApiError>,
    ) -> Result<Response<Body>, ApiError> {
        let Self { update, service, change, mut record } = self;
        let mut function = Function::clone(&record.latest);
        edit(&mut function)?;
        validate::size(&function)?;
        if update.dry_run {
            return Ok(response::json(200, &describe(&function, &function.arn(&service.region))));
        }
        record.update(function);
        let (current, new) =
            if update.publish { record.publish(None) } else { (Arc::clone(&record.latest), false) };
        let kept = [Some(&record.latest), new.then_some(&current)]
            .map(|function| function.map(Arc::clone));
        kept.iter().flatten().for_each(|function| service.codes.keep(function));
        let stored = change.store(record).inspect_err(|_fault| {
            kept.iter().flatten().for_each(|function| service.codes.release(function));
        })?;
        activate::begin(service, Arc::clone(&stored.latest));
        Ok(response::json(200, &describe(&current, &current.arn(&service.region))))
    }
}

/// `UpdateFunctionCode`.
pub(crate) async fn update_code(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request: CodeRequest = call.long_json().await?;
    let update = Update {
        named: FunctionRef::whole(service, name)?,
        revision_id: request.revision_id.as_deref(),
        publish: request.publish,
        dry_run: request.dry_run,
    };
    // Refused before the code is taken, which takes a while.
    update.validate(service)?;
    let architecture = request.architectures.as_deref().map(validate::architectures).transpose()?;
    let taken = take(service, request.code.zip()?).await?;
    // The code is held until the function or a layer keeps it.
    update.begin(service).await?.make(|function| {
        function.architecture = architecture.unwrap_or(function.architecture);
        (function.code, function.code_size) = (taken.sha256.clone(), taken.size);
        function.unpacked = taken.unpacked;
        Ok(())
    })
}

/// `UpdateFunctionConfiguration`.
pub(crate) async fn update_configuration(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let settings: Settings = call.json()?;
    let revision: Revision = call.json()?;
    let update = Update {
        named: FunctionRef::whole(service, name)?,
        revision_id: revision.revision_id.as_deref(),
        publish: false,
        dry_run: false,
    };
    let begun = update.begin(service).await?;
    let settings = settings.assume(service).await?;
    begun.make(|function| settings.apply(service, function, false))
}
