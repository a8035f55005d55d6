//! The resource policy of a layer version: `AddLayerVersionPermission`,
//! `RemoveLayerVersionPermission`, `GetLayerVersionPolicy`. It is stored and returned; a caller
//! with the local Lambda's key may use every layer.

use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    account::is_account,
    api::lambda::{layers, policy, validate},
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{function_record::Policy, layers::Version},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PermissionRequest {
    statement_id: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    organization_id: Option<String>,
}

impl PermissionRequest {
    /// Builds the requested statement, about `resource`.
    fn statement(&self, resource: &str) -> Result<Value, ApiError> {
        let sid = validate::required(self.statement_id.as_ref(), "statementId")?;
        let action = validate::required(self.action.as_ref(), "action")?;
        let principal = validate::required(self.principal.as_ref(), "principal")?;
        validate::statement_id(sid)?;
        if action != "lambda:GetLayerVersion" {
            return Err(ApiError::validation(
                action,
                "action",
                "satisfy regular expression pattern: lambda:GetLayerVersion",
            ));
        }
        let who: Value = if principal == "*" {
            "*".into()
        } else if is_account(principal) {
            json!({ "AWS": format!("arn:aws:iam::{principal}:root") })
        } else if principal.starts_with("arn:") && validate::arn(principal, "principal").is_ok() {
            json!({ "AWS": principal })
        } else {
            let pattern = "satisfy regular expression \
                pattern: \\d{12}|\\*|arn:(aws[a-zA-Z-]*):iam::\\d{12}:root";
            return Err(ApiError::validation(principal, "principal", pattern));
        };
        let mut statement = json!({ "Sid": sid, "Effect": "Allow", "Principal": who, "Action": action, "Resource": resource });
        if let Some(organization) = &self.organization_id {
            statement["Condition"] =
                json!({ "StringEquals": { "aws:PrincipalOrgID": organization } });
        }
        Ok(statement)
    }
}

/// Changes the policy of a version.
fn change<T>(
    service: &Service,
    name: &str,
    number: u64,
    edit: impl FnOnce(&mut Policy) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    if !service.layers.get(name).is_some_and(|layer| layer.versions.contains_key(&number)) {
        return Err(layers::no_version(&layers::arn(service, name), number));
    }
    service.layers.change(name, |layer| {
        let Some(Version { policy, .. }) = layer.versions.get_mut(&number) else {
            return Err(layers::no_version(name, number));
        };
        let result = edit(policy)?;
        policy.revision = uuid::Uuid::new_v4().to_string();
        Ok(result)
    })?
}

/// `AddLayerVersionPermission`.
pub(super) fn add(
    service: &Service,
    call: &ApiRequest,
    name: &str,
    number: u64,
) -> Result<Response<Body>, ApiError> {
    let request: PermissionRequest = call.json()?;
    let statement = request.statement(&format!("{}:{number}", layers::arn(service, name)))?;
    let added = change(service, name, number, |policy| {
        validate::revision(call.query("RevisionId"), &policy.revision, "GetLayerVersionPolicy")?;
        let added = json!({ "Statement": statement.to_string() });
        policy::add(policy, statement)?;
        Ok(added)
    })?;
    let mut added = added;
    added["RevisionId"] = revision(service, name, number).into();
    Ok(response::json(201, &added))
}

fn revision(service: &Service, name: &str, number: u64) -> Option<String> {
    Some(service.layers.get(name)?.versions.get(&number)?.policy.revision.clone())
}

/// `RemoveLayerVersionPermission`.
pub(super) fn remove(
    service: &Service,
    call: &ApiRequest,
    (name, number): (&str, u64),
    sid: &str,
) -> Result<Response<Body>, ApiError> {
    change(service, name, number, |policy| {
        policy::remove(policy, sid, call.query("RevisionId"), "GetLayerVersionPolicy")
    })?;
    Ok(response::empty(204))
}

/// `GetLayerVersionPolicy`.
pub(super) fn get(service: &Service, name: &str, number: u64) -> Result<Response<Body>, ApiError> {
    let layer = service.layers.get(name);
    let version = layer.as_ref().and_then(|layer| layer.versions.get(&number));
    let version = version.ok_or_else(|| layers::no_version(&layers::arn(service, name), number))?;
    if version.policy.statements.is_empty() {
        return Err(ApiError::not_found("No policy is associated with the given resource."));
    }
    let document = policy::document(&version.policy);
    Ok(response::json(200, &json!({ "Policy": document, "RevisionId": version.policy.revision })))
}
