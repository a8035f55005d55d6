//! `DeleteFunction`. Its logs stay, as on AWS.

use super::read;
use crate::{
    call::{self, Body, Call},
    fault::Fault,
    service::Service,
};
use http::Response;
use std::sync::Arc;

/// `DeleteFunction`.
pub(super) async fn delete_function(service: &Arc<Service>, call: &Call, name: &str) -> Result<Response<Body>, Fault> {
    if call.query("Qualifier") == Some("$LATEST") {
        return Err(Fault::invalid("$LATEST version cannot be deleted without deleting the function."));
    }
    let change = service.functions.change().await;
    let function = read(service, name, call.query("Qualifier"))?;
    change.remove(&function.name)?;
    service.event_configs.forget(&function.name);
    service.urls.forget(&function.name);
    service.pool.retire(&function.key(), "");
    service.codes.release(&function.code);
    Ok(call::empty(204))
}
