//! Policy documents: validated as IAM validates them. Source of the grammar: IAM user guide,
//! "Grammar of the IAM JSON policy language"; of the sizes: "IAM and AWS STS quotas". Pure
//! functions.

use serde_json::{Map, Value};

use crate::{account::is_account, http::error::ApiError};

/// Longest managed policy, trust policy of a role, and all inline policies of a role together,
/// without white space.
const MANAGED_LIMIT: usize = 6_144;
const TRUST_LIMIT: usize = 2_048;
pub(super) const INLINE_LIMIT: usize = 10_240;

/// The service principal of Lambda.
const LAMBDA: &str = "lambda.amazonaws.com";
/// The element of a statement that is about who may.
const PRINCIPALS: [&str; 2] = ["Principal", "NotPrincipal"];
/// The condition operators, without `ForAllValues:`, `ForAnyValue:` and `IfExists`.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// The use of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A managed policy: permissions.
    Managed,
    /// An inline policy of a role: permissions.
    Inline,
    /// The principals that may assume a role.
    Trust,
}

/// Validates a document. The size of an inline policy counts with the role's others, and is not
/// looked at here.
pub(super) fn validate(document: &str, kind: Kind) -> Result<(), ApiError> {
    check(document, kind)
        .map_err(|message| ApiError::new(400, "MalformedPolicyDocument", message))?;
    let (quota, limit) = match kind {
        Kind::Managed => ("PolicySize", MANAGED_LIMIT),
        Kind::Trust => ("ACLSizePerRole", TRUST_LIMIT),
        Kind::Inline => return Ok(()),
    };
    if size(document) > limit {
        return Err(limit_exceeded(format!("Cannot exceed quota for {quota}: {limit}")));
    }
    Ok(())
}

/// `LimitExceeded`, 409.
pub(super) fn limit_exceeded(message: String) -> ApiError {
    ApiError::new(409, "LimitExceeded", message)
}

/// The size of a document as IAM counts it: without white space.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

/// Checks whether a trust policy lets Lambda assume the role. Conditions are not evaluated.
pub(super) fn trusts_lambda(trust: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(trust) else { return false };
    let has = |value: &Value, wanted: &[&str]| match value {
        Value::String(text) => wanted.contains(&text.to_ascii_lowercase().as_str()),
        Value::Array(texts) => texts
            .iter()
            .filter_map(Value::as_str)
            .any(|text| wanted.contains(&text.to_ascii_lowercase().as_str())),
        _ => false,
    };
    let names_lambda = |statement: &Value| {
        let principal = &statement["Principal"];
        let named = has(&principal["Service"], &[LAMBDA])
            || has(&principal["AWS"], &["*"])
            || principal == "*";
        let excepted = !statement["NotPrincipal"].is_null()
            && !has(&statement["NotPrincipal"]["Service"], &[LAMBDA]);
        let acts = has(&statement["Action"], &["sts:assumerole", "sts:assumerole*", "sts:*", "*"])
            || !statement["NotAction"].is_null();
        (named || excepted) && acts
    };
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement => std::slice::from_ref(statement),
    };
    let is =
        |statement: &Value, effect: &str| statement["Effect"] == effect && names_lambda(statement);
    let denies = |statement: &Value| statement["Condition"].is_null() && is(statement, "Deny");
    statements.iter().any(|statement| is(statement, "Allow")) && !statements.iter().any(denies)
}

/// A message in IAM's words, and the reason, which IAM does not give.
fn syntax(reason: impl std::fmt::Display) -> String {
    format!("Syntax errors in policy. ({reason})")
}

fn check(document: &str, kind: Kind) -> Result<(), String> {
    let policy: Map<String, Value> = serde_json::from_str(document).map_err(syntax)?;
    for element in policy.keys() {
        if !["Version", "Id", "Statement"].contains(&element.as_str()) {
            return Err(unknown(element, kind));
        }
    }
    match policy.get("Version").map(Value::as_str) {
        Some(Some("2012-10-17")) => {}
        None | Some(Some("2008-10-17")) if kind != Kind::Managed => {}
        None | Some(Some("2008-10-17")) => {
            return Err("Policy document must be version 2012-10-17 or greater.".to_owned());
        }
        Some(_) => return Err(syntax("Version must be 2012-10-17 or 2008-10-17")),
    }
    if policy.get("Id").is_some_and(|id| !id.is_string()) {
        return Err(syntax("Id must be a string"));
    }
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        Some(_) => return Err(syntax("Statement must be a statement or a list of statements")),
        None => return Err(syntax("there is no Statement")),
    };
    let mut sids = Vec::new();
    for statement in statements {
        let Value::Object(statement) = statement else {
            return Err(syntax("a statement must be an object"));
        };
        check_statement(statement, kind)?;
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
        if !sid.is_empty() && sids.contains(&sid) {
            return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
        }
        sids.push(sid);
    }
    Ok(())
}

fn unknown(element: &str, kind: Kind) -> String {
    if kind == Kind::Trust {
        format!("Unknown field {element}")
    } else {
        syntax(format!("unknown element {element}"))
    }
}

fn check_statement(statement: &Map<String, Value>, kind: Kind) -> Result<(), String> {
    for (element, value) in statement {
        match element.as_str() {
            "Sid" => check_sid(value, kind)?,
            "Effect" | "Principal" | "NotPrincipal" | "Action" | "NotAction" | "Resource"
            | "NotResource" => {}
            "Condition" => check_condition(value)?,
            unfamiliar => return Err(unknown(unfamiliar, kind)),
        }
    }
    match statement.get("Effect").map(Value::as_str) {
        Some(Some("Allow" | "Deny")) => {}
        Some(_) => return Err(syntax("Effect must be Allow or Deny")),
        None if kind == Kind::Trust => return Err("Missing required field Effect".to_owned()),
        None => return Err(syntax("a statement has no Effect")),
    }
    let actions = one_of(statement, ["Action", "NotAction"])?;
    let actions =
        actions.map(|(_, actions)| texts("Action", actions)).transpose()?.unwrap_or_default();
    match (actions.is_empty(), kind) {
        (true, Kind::Trust) => return Err("Missing required field Action".to_owned()),
        (true, _) => return Err("Policy statement must contain actions.".to_owned()),
        (false, _) => actions.iter().try_for_each(|action| check_action(action, kind))?,
    }
    let resources = one_of(statement, ["Resource", "NotResource"])?;
    let principals = one_of(statement, PRINCIPALS)?;
    if kind == Kind::Trust {
        if let Some((element, _)) = resources {
            return Err(format!("Has prohibited field {element}"));
        }
        let (_, principals) = principals.ok_or("Missing required field Principal")?;
        return check_principals(principals);
    }
    if principals.is_some() {
        return Err("Policy document should not specify a principal.".to_owned());
    }
    let resources = resources
        .map(|(element, resources)| texts(element, resources))
        .transpose()?
        .unwrap_or_default();
    if resources.is_empty() {
        return Err("Policy statement must contain resources.".to_owned());
    }
    resources.into_iter().try_for_each(check_resource)
}

/// The element of two that exclude each other, with its value.
fn one_of<'a>(
    statement: &'a Map<String, Value>,
    [element, not]: [&'static str; 2],
) -> Result<Option<(&'static str, &'a Value)>, String> {
    match (statement.get(element), statement.get(not)) {
        (Some(_), Some(_)) => Err(syntax(format!("a statement has both {element} and {not}"))),
        (Some(value), None) => Ok(Some((element, value))),
        (None, value) => Ok(value.map(|value| (not, value))),
    }
}

/// A string or a list of strings.
fn texts<'a>(element: &str, value: &'a Value) -> Result<Vec<&'a str>, String> {
    let wrong = || syntax(format!("{element} must be a string or a list of strings"));
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(list) => list.iter().map(|text| text.as_str().ok_or_else(wrong)).collect(),
        _ => Err(wrong()),
    }
}

fn check_sid(sid: &Value, kind: Kind) -> Result<(), String> {
    let sid = sid.as_str().ok_or_else(|| syntax("Sid must be a string"))?;
    if kind == Kind::Trust || sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
        expression [0-9A-Za-z]*"
        .to_owned())
}

fn check_action(action: &str, kind: Kind) -> Result<(), String> {
    let parts: Vec<&str> = action.split(':').collect();
    match parts.as_slice() {
        ["*"] if kind != Kind::Trust => Ok(()),
        [vendor, _] if kind == Kind::Trust && vendor.eq_ignore_ascii_case("sts") => Ok(()),
        _ if kind == Kind::Trust => {
            Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned())
        }
        [_] => {
            Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                .to_owned())
        }
        [vendor, _] => {
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            let is_valid = !vendor.is_empty() && vendor.bytes().all(valid) || *vendor == "*";
            if is_valid { Ok(()) } else { Err(format!("Vendor {vendor} is not valid")) }
        }
        _ => Err("Actions/Condition can contain only one colon.".to_owned()),
    }
}

fn check_resource(resource: &str) -> Result<(), String> {
    let parts: Vec<&str> = resource.splitn(3, ':').collect();
    match parts.as_slice() {
        ["*"] => Ok(()),
        ["arn", partition, rest]
            if !rest.is_empty()
                && (partition.starts_with("aws") || partition.contains(['*', '$'])) =>
        {
            Ok(())
        }
        ["arn", partition, _] => {
            Err(format!("Partition \"{partition}\" is not valid for resource \"{resource}\"."))
        }
        _ => Err(format!("Resource {resource} must be in ARN format or \"*\".")),
    }
}

fn check_principals(principals: &Value) -> Result<(), String> {
    let invalid = |principal: &str| Err(format!("Invalid principal in policy: {principal}"));
    let principals = match principals {
        Value::String(text) if text == "*" => return Ok(()),
        Value::Object(principals) if !principals.is_empty() => principals,
        other => return invalid(&other.to_string()),
    };
    for (kind, names) in principals {
        let names = texts("Principal", names)?;
        for name in &names {
            let arn = name.starts_with("arn:");
            let valid = match kind.as_str() {
                "AWS" => {
                    let account = is_account(name);
                    // Such as the unique id of a role that was deleted.
                    let id = name.len() >= 16
                        && name
                            .bytes()
                            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
                    *name == "*" || account || id || arn
                }
                "Service" => name.contains('.') && !name.contains(char::is_whitespace),
                "Federated" => arn || name.contains('.'),
                "CanonicalUser" => !name.is_empty(),
                _ => false,
            };
            if !valid {
                return invalid(&format!("\"{}\":\"{name}\"", kind.to_uppercase()));
            }
        }
        if names.is_empty() {
            return invalid(&format!("\"{}\":[]", kind.to_uppercase()));
        }
    }
    Ok(())
}

fn check_condition(condition: &Value) -> Result<(), String> {
    let Value::Object(operators) = condition else {
        return Err(syntax("Condition must be an object"));
    };
    for (operator, keys) in operators {
        let name = operator
            .strip_prefix("ForAllValues:")
            .or_else(|| operator.strip_prefix("ForAnyValue:"));
        let name = name.unwrap_or(operator);
        let name = name.strip_suffix("IfExists").unwrap_or(name);
        if !OPERATORS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(syntax(format!("unknown condition operator {operator}")));
        }
        let Value::Object(keys) = keys else {
            return Err(syntax(format!(
                "the condition operator {operator} must have an object of keys and values"
            )));
        };
        let is_scalar =
            |value: &Value| matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_));
        for (key, value) in keys {
            if !is_scalar(value)
                && !value.as_array().is_some_and(|values| values.iter().all(is_scalar))
            {
                return Err(syntax(format!(
                    "the values of the condition key {key} must be strings"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
