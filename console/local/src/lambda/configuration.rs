//! A function's settings: reading them from a request, judging them, telling them.

use crate::{
    fault::Fault,
    function::{Architecture, Function, LATEST, LogFormat, Logging},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How large all environment variables may be together, in bytes.
const ENVIRONMENT_LIMIT: usize = 4096;
/// The settings that are kept and told, and have no effect here.
const KEPT: [&str; 9] = [
    "VpcConfig",
    "DeadLetterConfig",
    "TracingConfig",
    "KMSKeyArn",
    "FileSystemConfigs",
    "SnapStart",
    "EphemeralStorage",
    "ImageConfig",
    "TenancyConfig",
];
/// The environment variables that Lambda sets. Source: AWS Lambda developer guide, "Defined runtime environment variables".
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

/// The settings in a `CreateFunction` or `UpdateFunctionConfiguration`. What is absent stays as it is.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Settings {
    description: Option<String>,
    environment: Option<Environment>,
    handler: Option<String>,
    layers: Option<Vec<Value>>,
    logging_config: Option<LoggingRequest>,
    memory_size: Option<i64>,
    role: Option<String>,
    runtime: Option<String>,
    timeout: Option<i64>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Environment {
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingRequest {
    log_format: Option<LogFormat>,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
    log_group: Option<String>,
}

impl Settings {
    /// Judges the settings and puts them into the function.
    pub(super) fn apply(self, function: &mut Function) -> Result<(), Fault> {
        if self.layers.is_some_and(|layers| !layers.is_empty()) {
            return Err(Fault::invalid("The local Lambda has no layers: put what they hold into the function's zip."));
        }
        if let Some(role) = self.role {
            function.role = judge_role(role)?;
        }
        if let Some(runtime) = self.runtime {
            function.runtime = judge_runtime(runtime)?;
        }
        if let Some(handler) = self.handler {
            if handler.len() > 128 || handler.contains(char::is_whitespace) {
                return Err(Fault::validation(
                    &handler,
                    "handler",
                    "satisfy regular expression pattern: [^\\s]{0,128}",
                ));
            }
            function.handler = handler;
        }
        if let Some(description) = self.description {
            if description.chars().count() > 256 {
                return Err(Fault::validation(&description, "description", "have length less than or equal to 256"));
            }
            function.description = description;
        }
        if let Some(timeout) = self.timeout {
            function.timeout = within(timeout, "timeout", 1, 900)?;
        }
        if let Some(memory) = self.memory_size {
            function.memory = within(memory, "memorySize", 128, 10_240)?;
        }
        if let Some(environment) = self.environment {
            judge_environment(&environment.variables)?;
            function.environment = environment.variables;
        }
        if let Some(logging) = self.logging_config {
            function.logging = judge_logging(logging, &function.name)?;
        }
        let kept = self.other.into_iter().filter(|(name, value)| KEPT.contains(&name.as_str()) && !value.is_null());
        function.other.extend(kept);
        Ok(())
    }
}

/// A number in its range.
pub(super) fn within(value: i64, field: &str, least: u32, most: u32) -> Result<u32, Fault> {
    match u32::try_from(value) {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ if value > i64::from(most) => {
            Err(Fault::validation(&value.to_string(), field, &format!("have value less than or equal to {most}")))
        }
        _ => Err(Fault::validation(&value.to_string(), field, &format!("have value greater than or equal to {least}"))),
    }
}

/// A role's ARN.
fn judge_role(role: String) -> Result<String, Fault> {
    let parts: Vec<&str> = role.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, name]
            if partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && name.strip_prefix("role/").is_some_and(|name| !name.is_empty()) =>
        {
            Ok(role)
        }
        _ => {
            let constraint =
                "satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+";
            Err(Fault::validation(&role, "role", constraint))
        }
    }
}

/// A custom runtime.
fn judge_runtime(runtime: String) -> Result<String, Fault> {
    match runtime.as_str() {
        "provided" | "provided.al2" | "provided.al2023" => Ok(runtime),
        _ => Err(Fault::invalid(format!(
            "The runtime parameter of {runtime} is not supported by the local Lambda: it runs custom runtimes \
             (provided.al2023), whose zip brings its own bootstrap."
        ))),
    }
}

fn judge_environment(variables: &BTreeMap<String, String>) -> Result<(), Fault> {
    let reserved: Vec<&str> = variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(Fault::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided contains reserved keys that are currently not supported for modification. Reserved keys used in \
             this request: {}",
            reserved.join(", ")
        )));
    }
    for (name, value) in variables {
        let valid = name.len() > 1
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !valid {
            return Err(Fault::validation(
                name,
                "environment.variables",
                "satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+",
            ));
        }
        if value.contains('\0') {
            return Err(Fault::invalid(format!("The environment variable {name} contains a NUL character.")));
        }
    }
    let size: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > ENVIRONMENT_LIMIT {
        return Err(Fault::invalid(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have \
             provided exceeded the 4KB limit. They have {size} bytes."
        )));
    }
    Ok(())
}

fn judge_logging(request: LoggingRequest, function: &str) -> Result<Logging, Fault> {
    let log_format = request.log_format.unwrap_or_default();
    let levels = request.application_log_level.is_some() || request.system_log_level.is_some();
    if levels && log_format == LogFormat::Text {
        return Err(Fault::invalid("ApplicationLogLevel and SystemLogLevel need LogFormat JSON."));
    }
    let json = log_format == LogFormat::Json;
    let level = |level: Option<String>| level.or_else(|| json.then(|| "INFO".to_owned()));
    Ok(Logging {
        log_format,
        application_log_level: level(request.application_log_level),
        system_log_level: level(request.system_log_level),
        log_group: request.log_group.unwrap_or_else(|| default_group(function)),
    })
}

/// A function's log group unless it says another.
fn default_group(function: &str) -> String {
    format!("/aws/lambda/{function}")
}

/// A function that has a name and nothing else yet, with Lambda's defaults.
pub(super) fn blank(name: &str) -> Function {
    Function {
        name: name.to_owned(),
        version: LATEST.to_owned(),
        role: String::new(),
        handler: String::new(),
        runtime: String::new(),
        description: String::new(),
        timeout: 3,
        memory: 128,
        environment: BTreeMap::new(),
        architecture: Architecture::X86,
        logging: Logging { log_group: default_group(name), ..Logging::default() },
        tags: BTreeMap::new(),
        other: Map::new(),
        code: String::new(),
        code_size: 0,
        revision: String::new(),
        modified: 0,
        reserved: None,
    }
}

/// `Architectures`: exactly one.
pub(super) fn judge_architectures(names: &[String]) -> Result<Architecture, Fault> {
    match names {
        [name] if name == "arm64" => Ok(Architecture::Arm64),
        [name] if name == "x86_64" => Ok(Architecture::X86),
        _ => Err(Fault::validation(&format!("{names:?}"), "architectures", "be exactly one of [x86_64, arm64]")),
    }
}

/// A function's configuration as Lambda tells it.
pub(super) fn describe(function: &Function, region: &str) -> Value {
    let modified = jiff::Timestamp::from_millisecond(function.modified).unwrap_or_default();
    let mut value = json!({
        "FunctionName": function.name,
        "FunctionArn": function.arn(region),
        "Runtime": function.runtime,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": function.code_size,
        "Description": function.description,
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "LastModified": modified.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
        "CodeSha256": base64_of(&function.code),
        "Version": function.version,
        "RevisionId": function.revision,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [function.architecture.name()],
        "TracingConfig": { "Mode": "PassThrough" },
        "EphemeralStorage": { "Size": 512 },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": function.logging,
    });
    if !function.environment.is_empty() {
        value["Environment"] = json!({ "Variables": function.environment });
    }
    for (name, setting) in &function.other {
        value[name] = setting.clone();
    }
    value
}

/// A hexadecimal SHA-256 as Lambda tells it: in base64.
pub(super) fn base64_of(sha256: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes: Vec<u8> = sha256
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    STANDARD.encode(bytes)
}
