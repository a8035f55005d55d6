//! The resource policy of a function, a version or an alias: `AddPermission`, `RemovePermission`,
//! `GetPolicy`. It is stored and returned, and applies to unsigned function URLs; a caller with the
//! local Lambda's key may do everything.

use std::sync::Arc;

use http::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    identifier::{FunctionRef, is_name, is_number},
    validate,
};
use crate::{
    account::is_account,
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{
        function::{LATEST, arn},
        function_record::{FunctionRecord, Policy},
    },
};

/// Largest resource policy, in bytes. Source: AWS Lambda developer guide, "Lambda quotas".
const POLICY_LIMIT: usize = 20 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PermissionRequest {
    statement_id: Option<String>,
    action: Option<String>,
    principal: Option<String>,
    source_arn: Option<String>,
    source_account: Option<String>,
    event_source_token: Option<String>,
    function_url_auth_type: Option<String>,
    invoked_via_function_url: Option<bool>,
    #[serde(rename = "PrincipalOrgID")]
    principal_org_id: Option<String>,
    revision_id: Option<String>,
}

/// Adds a statement whose id is new.
pub(super) fn add(policy: &mut Policy, statement: Value) -> Result<(), ApiError> {
    if policy.statements.iter().any(|other| other["Sid"] == statement["Sid"]) {
        return Err(ApiError::conflict(format!(
            "The statement id ({}) provided already exists. Please provide a new statement id, or \
            remove the existing statement.",
            statement["Sid"].as_str().unwrap_or_default()
        )));
    }
    policy.statements.push(statement);
    Ok(())
}

/// Removes a statement by its id, if `revision` is the policy's, which `call` returns.
pub(super) fn remove(
    policy: &mut Policy,
    sid: &str,
    revision: Option<&str>,
    call: &str,
) -> Result<(), ApiError> {
    let place = policy.statements.iter().position(|statement| statement["Sid"] == sid);
    let gone = || ApiError::not_found(format!("Statement {sid} is not found in resource policy."));
    let place = place.ok_or_else(gone)?;
    validate::revision(revision, &policy.revision, call)?;
    policy.statements.remove(place);
    Ok(())
}

/// Renders a policy as AWS does.
pub(super) fn document(policy: &Policy) -> String {
    json!({ "Version": "2012-10-17", "Id": "default", "Statement": policy.statements }).to_string()
}

impl PermissionRequest {
    /// Builds the requested statement, about `resource`.
    fn statement(&self, resource: &str) -> Result<Value, ApiError> {
        let sid = validate::required(self.statement_id.as_ref(), "statementId")?;
        let action = validate::required(self.action.as_ref(), "action")?;
        let principal = validate::required(self.principal.as_ref(), "principal")?;
        validate::statement_id(sid)?;
        let operation = action.strip_prefix("lambda:").unwrap_or_default();
        let named =
            !operation.is_empty() && operation.bytes().all(|byte| byte.is_ascii_alphabetic());
        if action != "*" && operation != "*" && !named {
            let pattern = "satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])";
            return Err(ApiError::validation(action, "action", pattern));
        }
        let statement = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": principal_of(principal)?,
            "Action": action,
            "Resource": resource,
        });
        let (Value::Object(mut statement), condition) = (statement, self.condition()?) else {
            return Ok(Value::Null);
        };
        if !condition.is_empty() {
            statement.insert("Condition".to_owned(), Value::Object(condition));
        }
        Ok(Value::Object(statement))
    }

    fn condition(&self) -> Result<Map<String, Value>, ApiError> {
        let mut equals = Map::new();
        if let Some(account) = &self.source_account {
            if !is_account(account) {
                let pattern = "satisfy regular expression pattern: \\d{12}";
                return Err(ApiError::validation(account, "sourceAccount", pattern));
            }
            equals.insert("AWS:SourceAccount".to_owned(), account.as_str().into());
        }
        if let Some(token) = &self.event_source_token {
            equals.insert("lambda:EventSourceToken".to_owned(), token.as_str().into());
        }
        // A condition on URLs is valid for the action of URLs only.
        let only_for = |operation: &str, field: &str| {
            let is_for = self.action.as_deref() == Some(operation);
            let message =
                || ApiError::invalid(format!("{field} is only supported for {operation} action"));
            is_for.then_some(()).ok_or_else(message)
        };
        if let Some(kind) = &self.function_url_auth_type {
            validate::one_of(kind, "functionUrlAuthType", &["NONE", "AWS_IAM"])?;
            only_for("lambda:InvokeFunctionUrl", "FunctionUrlAuthType")?;
            equals.insert("lambda:FunctionUrlAuthType".to_owned(), kind.as_str().into());
        }
        if let Some(organization) = &self.principal_org_id {
            equals.insert("aws:PrincipalOrgID".to_owned(), organization.as_str().into());
        }
        let mut condition = Map::new();
        if !equals.is_empty() {
            condition.insert("StringEquals".to_owned(), Value::Object(equals));
        }
        if let Some(source) = &self.source_arn {
            validate::arn(source, "sourceArn")?;
            condition.insert("ArnLike".to_owned(), json!({ "AWS:SourceArn": source }));
        }
        if let Some(through) = self.invoked_via_function_url {
            only_for("lambda:InvokeFunction", "InvokedViaFunctionUrl")?;
            condition.insert(
                "Bool".to_owned(),
                json!({ "lambda:InvokedViaFunctionUrl": through.to_string() }),
            );
        }
        Ok(condition)
    }
}

/// Converts a principal to AWS's form: everybody, a service, an account's root or another ARN.
fn principal_of(principal: &str) -> Result<Value, ApiError> {
    let account = is_account(principal);
    if principal == "*" {
        Ok("*".into())
    } else if account {
        Ok(json!({ "AWS": format!("arn:aws:iam::{principal}:root") }))
    } else if principal.starts_with("arn:") {
        Ok(json!({ "AWS": principal }))
    } else if principal.contains('.') && !principal.contains(char::is_whitespace) {
        Ok(json!({ "Service": principal }))
    } else {
        Err(ApiError::invalid(
            "The provided principal was invalid. Please check the principal and try again.",
        ))
    }
}

/// Reads and validates the target of a policy: the function, a published version or an alias.
/// Returns its record and key.
fn key<'a>(
    named: &FunctionRef<'a>,
    service: &Service,
) -> Result<(Arc<FunctionRecord>, &'a str), ApiError> {
    if named.qualifier == Some(LATEST) {
        return Err(ApiError::invalid("We currently do not support adding policies for $LATEST."));
    }
    let record = FunctionRef { qualifier: None, ..*named }.record(service)?;
    let Some(qualifier) = named.qualifier else { return Ok((record, "")) };
    if record.aliases.contains_key(qualifier) || record.version(qualifier).is_some() {
        return Ok((record, qualifier));
    }
    if is_name(qualifier) && !is_number(qualifier) {
        return Err(ApiError::not_found(format!("Cannot find alias arn: {}", named.arn(service))));
    }
    Err(named.not_found(service))
}

/// `AddPermission`.
pub(super) async fn add_permission(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request: PermissionRequest = call.json()?;
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    let statement = request.statement(&arn(&service.region, named.name, named.qualifier))?;
    let change = service.functions.change().await;
    let (record, key) = key(&named, service)?;
    let mut record = FunctionRecord::clone(&record);
    let latest = record
        .policies
        .get(key)
        .map(|policy| policy.revision.clone())
        .or_else(|| revision(&record, key));
    validate::revision(
        request.revision_id.as_deref(),
        latest.as_deref().unwrap_or_default(),
        "GetPolicy",
    )?;
    let policy = record.policies.entry(key.to_owned()).or_default();
    let added = json!({ "Statement": statement.to_string() });
    add(policy, statement)?;
    policy.revision = Uuid::new_v4().to_string();
    let size = document(policy).len();
    if size > POLICY_LIMIT {
        let message =
            format!("The final policy size ({size}) is bigger than the limit ({POLICY_LIMIT}).");
        return Err(ApiError::new(400, "PolicyLengthExceededException", message));
    }
    change.store(record)?;
    Ok(response::json(201, &added))
}

/// Revision that the first statement of a policy is added to, before the policy has a revision of
/// its own.
fn revision(record: &FunctionRecord, key: &str) -> Option<String> {
    match (key, record.aliases.get(key)) {
        ("", _) => Some(record.latest.revision_id().to_owned()),
        (_, Some(alias)) => Some(alias.revision.clone()),
        (version, None) => record.version(version).map(|version| version.revision_id().to_owned()),
    }
}

/// `RemovePermission`.
pub(super) async fn remove_permission(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
    sid: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    let change = service.functions.change().await;
    if service.functions.get(named.name).is_none() {
        return Err(ApiError::not_found(format!("No policy found for: {}", named.arn(service))));
    }
    let (record, key) = key(&named, service)?;
    let mut record = FunctionRecord::clone(&record);
    let Some(policy) = record.policies.get_mut(key) else {
        return Err(ApiError::not_found("No policy is associated with the given resource."));
    };
    remove(policy, sid, call.query("RevisionId"), "GetPolicy")?;
    policy.revision = Uuid::new_v4().to_string();
    if policy.statements.is_empty() {
        record.policies.remove(key);
    }
    change.store(record)?;
    Ok(response::empty(204))
}

/// `GetPolicy`.
pub(super) fn get_policy(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
    let record = service.functions.record(named.name);
    let policy =
        record.as_ref().and_then(|record| record.policies.get(named.qualifier.unwrap_or_default()));
    let policy =
        policy.ok_or_else(|| ApiError::not_found("The resource you requested does not exist."))?;
    Ok(response::json(200, &json!({ "Policy": document(policy), "RevisionId": policy.revision })))
}
