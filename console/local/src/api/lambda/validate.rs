//! Request validation, with AWS's error messages.

use std::collections::BTreeMap;

use serde_json::Value;

use super::identifier::is_name;
use crate::{
    account::is_account,
    http::error::ApiError,
    store::{
        function::{Architecture, Function},
        zipfile::UNPACKED_LIMIT,
    },
};

/// Maximum size of all environment variables together, in bytes.
const ENVIRONMENT_LIMIT: usize = 4096;
/// Environment variables that Lambda sets. Source: AWS Lambda developer guide, "Defined runtime
/// environment variables".
const RESERVED: [&str; 19] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
    "AWS_SECRET_KEY",
];

/// Maximum number of tags of a function.
const TAGS: usize = 50;

/// Checks a number between two bounds.
pub(super) fn within(value: i64, field: &str, least: u32, most: u32) -> Result<u32, ApiError> {
    match u32::try_from(value) {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ if value > i64::from(most) => Err(ApiError::validation(
            &value.to_string(),
            field,
            &format!("have value less than or equal to {most}"),
        )),
        _ => Err(ApiError::validation(
            &value.to_string(),
            field,
            &format!("have value greater than or equal to {least}"),
        )),
    }
}

/// A field that a request must have.
pub(super) fn required<'a>(value: Option<&'a String>, field: &str) -> Result<&'a str, ApiError> {
    value.map(String::as_str).ok_or_else(|| ApiError::validation("null", field, "not be null"))
}

/// The id of a statement in a resource policy.
pub(super) fn statement_id(id: &str) -> Result<(), ApiError> {
    if id.len() > 100 {
        return Err(ApiError::validation(
            id,
            "statementId",
            "have length less than or equal to 100",
        ));
    }
    if !is_name(id) {
        let pattern = "satisfy regular expression pattern: ([a-zA-Z0-9-_]+)";
        return Err(ApiError::validation(id, "statementId", pattern));
    }
    Ok(())
}

/// Checks a role's ARN.
pub(super) fn role(role: String) -> Result<String, ApiError> {
    let parts: Vec<&str> = role.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, name]
            if partition.starts_with("aws")
                && is_account(account)
                && name.strip_prefix("role/").is_some_and(|name| !name.is_empty()) =>
        {
            Ok(role)
        }
        _ => {
            let constraint = "satisfy regular expression pattern: \
                arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
            Err(ApiError::validation(&role, "role", constraint))
        }
    }
}

/// Checks that a runtime is a custom one.
pub(super) fn runtime(runtime: String) -> Result<String, ApiError> {
    match runtime.as_str() {
        "provided" | "provided.al2" | "provided.al2023" => Ok(runtime),
        _ => Err(ApiError::invalid(format!(
            "The runtime parameter of {runtime} is not supported by the local Lambda: it runs \
            custom runtimes (provided.al2023), whose zip brings its own bootstrap."
        ))),
    }
}

/// Checks environment variables.
pub(super) fn environment(variables: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(ApiError::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment \
            variables you have provided contains reserved keys that are currently not supported \
            for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    for (name, value) in variables {
        let valid = name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !valid {
            return Err(ApiError::validation(
                name,
                "environment.variables",
                "satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+",
            ));
        }
        if value.contains('\0') {
            return Err(ApiError::invalid(format!(
                "The environment variable {name} contains a NUL character."
            )));
        }
    }
    let size: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > ENVIRONMENT_LIMIT {
        return Err(ApiError::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment \
            variables you have provided exceeded the 4KB limit. They have {size} bytes."
        )));
    }
    Ok(())
}

/// Checks `Architectures`, which contains exactly one.
pub(super) fn architectures(names: &[String]) -> Result<Architecture, ApiError> {
    let listed = format!("[{}]", names.join(", "));
    match names {
        [name] if name == "arm64" => Ok(Architecture::Arm64),
        [name] if name == "x86_64" => Ok(Architecture::X86),
        [_] => {
            let constraint = "satisfy constraint: [Member must satisfy enum value set: [x86_64, \
                arm64], Member must not be null]";
            Err(ApiError::validation(&listed, "architectures", constraint))
        }
        [] => Err(ApiError::validation(
            &listed,
            "architectures",
            "have length greater than or equal to 1",
        )),
        _ => Err(ApiError::validation(
            &listed,
            "architectures",
            "have length less than or equal to 1",
        )),
    }
}

/// Checks that a value is one of several words.
pub(super) fn one_of(value: &str, field: &str, words: &[&str]) -> Result<(), ApiError> {
    if words.contains(&value) {
        return Ok(());
    }
    Err(ApiError::validation(
        value,
        field,
        &format!("satisfy enum value set: [{}]", words.join(", ")),
    ))
}

/// Checks a description.
pub(super) fn description(text: &str) -> Result<(), ApiError> {
    if text.chars().count() > 256 {
        return Err(ApiError::validation(
            text,
            "description",
            "have length less than or equal to 256",
        ));
    }
    Ok(())
}

/// Checks an ARN of any service, or an empty string.
pub(super) fn arn(text: &str, field: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = text.splitn(4, ':').collect();
    let good = match parts.as_slice() {
        [""] => true,
        ["arn", partition, service, _] => partition.starts_with("aws") && !service.is_empty(),
        _ => false,
    };
    let pattern = "satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()";
    if good { Ok(()) } else { Err(ApiError::validation(text, field, pattern)) }
}

/// Checks all tags of a function.
pub(super) fn tags(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    if tags.len() > TAGS {
        return Err(ApiError::invalid("Number of tags exceeds resource tag limit."));
    }
    for (key, value) in tags {
        if key.to_lowercase().starts_with("aws:") {
            let message =
                format!("{key}: aws: prefixed tag key names are not allowed for external use.");
            return Err(ApiError::invalid(message));
        }
        let length = "[Member must have length less than or equal to 128, Member must have length \
            greater than or equal to 1]";
        if key.is_empty() || key.chars().count() > 128 {
            return Err(ApiError::validation(
                key,
                "tags",
                &format!("satisfy constraint: {length}"),
            ));
        }
        if value.chars().count() > 256 {
            return Err(ApiError::validation(
                value,
                "tags",
                "have length less than or equal to 256",
            ));
        }
        let fits = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
        if !key.chars().chain(value.chars()).all(fits) {
            let pattern = "satisfy regular expression pattern: ([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)";
            return Err(ApiError::validation(&format!("{key}={value}"), "tags", pattern));
        }
    }
    Ok(())
}

/// Checks the size of a function's files together with those of its layers.
pub(super) fn size(function: &Function) -> Result<(), ApiError> {
    let layers: u64 = function.layers.iter().map(|layer| layer.unpacked).sum();
    let size = function.unpacked.saturating_add(layers);
    if size > UNPACKED_LIMIT {
        return Err(ApiError::invalid(format!(
            "Function code combined with layers exceeds the maximum allowed size of \
            {UNPACKED_LIMIT} bytes. The actual size is {size} bytes."
        )));
    }
    Ok(())
}

/// Checks that no creation or update is in progress.
pub(super) fn idle(function: &Function, arn: &str) -> Result<(), ApiError> {
    use crate::store::function::State;
    match function.state {
        State::Active | State::Failed(_) | State::UpdateFailed(_) => Ok(()),
        State::Updating => Err(ApiError::conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for \
            resource: {arn}"
        ))),
        State::Pending => Err(ApiError::conflict(
            "The operation cannot be performed at this time. The function is currently in the \
            following state: Pending",
        )),
    }
}

/// Checks that the caller knows the latest revision: `call` is the operation that the error message
/// names.
pub(super) fn revision(asked: Option<&str>, latest: &str, call: &str) -> Result<(), ApiError> {
    if asked.is_none_or(|asked| asked == latest) {
        return Ok(());
    }
    let message = format!(
        "The Revision Id provided does not match the latest Revision Id. Call the {call} API to \
        retrieve the latest Revision Id"
    );
    Err(ApiError::new(412, "PreconditionFailedException", message))
}

/// Checks a setting that is stored and returned, and has no effect here.
pub(super) fn kept(name: &str, setting: &Value) -> Result<(), ApiError> {
    let text = |field: &str| setting.get(field).and_then(Value::as_str);
    match name {
        "TracingConfig" => text("Mode")
            .map_or(Ok(()), |mode| one_of(mode, "tracingConfig.mode", &["Active", "PassThrough"])),
        "DeadLetterConfig" => text("TargetArn").map_or(Ok(()), dead_letter),
        "KMSKeyArn" => setting.as_str().map_or(Ok(()), |key| arn(key, "kMSKeyArn")),
        "TenancyConfig" => one_of(
            text("TenantIsolationMode").unwrap_or("null"),
            "tenancyConfig.tenantIsolationMode",
            &["PER_TENANT"],
        ),
        "VpcConfig" => {
            identifiers(
                setting,
                "SubnetIds",
                ("vpcConfig.subnetIds", "subnet-", "subnet-[0-9a-z]*"),
                16,
            )?;
            identifiers(
                setting,
                "SecurityGroupIds",
                ("vpcConfig.securityGroupIds", "sg-", "sg-[0-9a-zA-Z]*"),
                5,
            )
        }
        _ => Ok(()),
    }
}

/// Checks the target of events that could not be processed: a queue or a topic, or none.
fn dead_letter(target: &str) -> Result<(), ApiError> {
    arn(target, "deadLetterConfig.targetArn")?;
    match target.split(':').nth(2) {
        None | Some("sqs" | "sns") => Ok(()),
        Some(_) => Err(ApiError::invalid(format!(
            "The target {target} of DeadLetterConfig is neither an SQS queue nor an SNS topic."
        ))),
    }
}

/// Checks a list of a network's identifiers.
fn identifiers(
    config: &Value,
    list: &str,
    (field, prefix, pattern): (&str, &str, &str),
    most: usize,
) -> Result<(), ApiError> {
    let names: Vec<&str> = config
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let listed = format!("[{}]", names.join(", "));
    if names.len() > most {
        return Err(ApiError::validation(
            &listed,
            field,
            &format!("have length less than or equal to {most}"),
        ));
    }
    let fits = |name: &&str| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    if names.iter().all(fits) {
        return Ok(());
    }
    let constraint = format!(
        "satisfy constraint: [Member must have length less than or equal to 1024, Member must have \
        length greater than or equal to 0, Member must satisfy regular expression pattern: \
        {pattern}]"
    );
    Err(ApiError::validation(&listed, field, &constraint))
}
