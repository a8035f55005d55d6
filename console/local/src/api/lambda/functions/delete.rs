//! `DeleteFunction`, of a whole function or of one version. Logs stay, as on AWS.

use std::sync::Arc;

use http::Response;

use crate::{
    api::lambda::identifier::FunctionRef,
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{function::LATEST, function_record::FunctionRecord},
};

/// `DeleteFunction`.
pub(crate) async fn delete_function(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    if named.qualifier == Some(LATEST) {
        return Err(ApiError::invalid(
            "$LATEST version cannot be deleted without deleting the function.",
        ));
    }
    let change = service.functions.change().await;
    let record = FunctionRef { qualifier: None, ..named }.record(service)?;
    let Some(qualifier) = named.qualifier else {
        change.remove(named.name)?;
        service.event_configs.forget(named.name);
        service.urls.forget(named.name);
        service.controls.forget(named.name);
        for function in record.all() {
            service.pool.retire(function);
            service.codes.release(function);
        }
        return Ok(response::empty(204));
    };
    if record.aliases.contains_key(qualifier) {
        return Err(ApiError::invalid("Deletion of aliases is not currently supported."));
    }
    // As on AWS, deleting a missing version succeeds.
    let Some(function) = record.version(qualifier).map(Arc::clone) else {
        return Ok(response::empty(204));
    };
    let aliases: Vec<&str> = record
        .aliases
        .iter()
        .filter(|(_, alias)| alias.leads_to(qualifier))
        .map(|(name, _)| name.as_str())
        .collect();
    if !aliases.is_empty() {
        let aliases = aliases.join(", ");
        let message = format!(
            "Unable to delete version because the following aliases reference it: [{aliases}]"
        );
        return Err(ApiError::conflict(message));
    }
    let mut record = FunctionRecord::clone(&record);
    record.versions.retain(|_, version| version.version != function.version);
    record.policies.remove(qualifier);
    change.store(record)?;
    service.pool.retire(&function);
    service.codes.release(&function);
    Ok(response::empty(204))
}
