//! `UpdateFunctionCode` and `UpdateFunctionConfiguration`. A change ends the function's idle sandboxes, and the busy ones
//! when they are done.

use super::{
    configuration::{self, Settings},
    create::{Code, refuse_publish, unpack},
    read,
};
use crate::{
    call::{self, Body, Call},
    fault::Fault,
    function::Function,
    service::Service,
};
use http::Response;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeRequest<'a> {
    #[serde(flatten, borrow)]
    code: Code<'a>,
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

fn check_revision(asked: Option<&str>, function: &Function) -> Result<(), Fault> {
    if asked.is_none_or(|asked| asked == function.revision) {
        return Ok(());
    }
    let message = "The Revision Id provided does not match the latest Revision Id. \
                   Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
    Err(Fault::new(412, "PreconditionFailedException", message))
}

/// `UpdateFunctionCode`.
pub(super) async fn update_code(service: &Arc<Service>, call: &Call, name: &str) -> Result<Response<Body>, Fault> {
    let request: CodeRequest<'_> = call.json()?;
    let found = read(service, name, None)?;
    check_revision(request.revision_id.as_deref(), &found)?;
    refuse_publish(request.publish)?;
    let architecture = request.architectures.as_deref().map(configuration::judge_architectures).transpose()?;
    let (sha256, size) = unpack(service, request.code.zip()?).await?;
    let changed = async {
        let change = service.functions.change().await;
        // What it is by now: another call may have changed it while this one unpacked.
        let found = read(service, name, None)?;
        check_revision(request.revision_id.as_deref(), &found)?;
        let mut function = Function::clone(&found);
        function.architecture = architecture.unwrap_or(function.architecture);
        (function.code, function.code_size) = (sha256.clone(), size);
        let function = function.touch();
        if !request.dry_run {
            change.put(&function)?;
        }
        Ok((found, function))
    }
    .await;
    let (old, function) = match changed {
        Ok(changed) => changed,
        Err(fault) => {
            service.codes.release(&sha256);
            return Err(fault);
        }
    };
    if request.dry_run {
        service.codes.release(&sha256);
    } else {
        service.pool.retire(&function.key(), &function.revision);
        service.codes.release(&old.code);
    }
    Ok(call::json(200, &configuration::describe(&function, &service.region)))
}

/// `UpdateFunctionConfiguration`.
pub(super) async fn update_configuration(
    service: &Arc<Service>,
    call: &Call,
    name: &str,
) -> Result<Response<Body>, Fault> {
    let settings: Settings = call.json()?;
    let revision: Revision = call.json()?;
    let change = service.functions.change().await;
    let found = read(service, name, None)?;
    check_revision(revision.revision_id.as_deref(), &found)?;
    let mut function = Function::clone(&found);
    settings.apply(&mut function)?;
    let function = function.touch();
    change.put(&function)?;
    service.pool.retire(&function.key(), &function.revision);
    Ok(call::json(200, &configuration::describe(&function, &service.region)))
}
