//! A function's settings in a request: read, validated and put into the function.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    api::lambda::{layers, validate},
    http::error::ApiError,
    service::Service,
    store::function::{Architecture, Function, LATEST, LogFormat, Logging, State},
};

/// Settings that are stored and returned, and have no effect here. `TenancyConfig` is used by
/// Invoke.
const KEPT: [&str; 6] = [
    "VpcConfig",
    "DeadLetterConfig",
    "TracingConfig",
    "KMSKeyArn",
    "FileSystemConfigs",
    "TenancyConfig",
];
/// Settings that a function cannot have here, with the error message.
const REFUSED: [(&str, &str); 4] = [
    ("ImageConfig", "Please don't provide ImageConfig for a function with packageType Zip."),
    (
        "CapacityProviderConfig",
        "CapacityProviderConfig isn't supported for Lambda Default functions.",
    ),
    ("DurableConfig", "The local Lambda has no durable functions: leave DurableConfig out."),
    (
        "CodeSigningConfigArn",
        "The local Lambda has no code signing: leave CodeSigningConfigArn out.",
    ),
];

/// The settings in a `CreateFunction` or `UpdateFunctionConfiguration`. Settings that are absent
/// stay unchanged.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Settings {
    description: Option<String>,
    environment: Option<Environment>,
    ephemeral_storage: Option<Ephemeral>,
    handler: Option<String>,
    layers: Option<Vec<String>>,
    logging_config: Option<LoggingRequest>,
    memory_size: Option<i64>,
    role: Option<String>,
    runtime: Option<String>,
    snap_start: Option<SnapStart>,
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
struct Ephemeral {
    size: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStart {
    apply_on: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingRequest {
    log_format: Option<String>,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
    log_group: Option<String>,
}

/// Settings with a role that Lambda may assume.
pub(crate) struct Assumed(Settings);

impl Settings {
    /// Checks that Lambda may assume the role, if the local IAM has it.
    pub(crate) async fn assume(self, service: &Service) -> Result<Assumed, ApiError> {
        match &self.role {
            Some(role) if !service.iam.lambda_may_assume(role).await => Err(ApiError::invalid(
                "The role defined for the function cannot be assumed by Lambda.",
            )),
            _ => Ok(Assumed(self)),
        }
    }
}

impl Assumed {
    /// Validates the settings and applies them to the function. `new`: with those that cannot
    /// change after its creation.
    pub(crate) fn apply(
        self,
        service: &Service,
        function: &mut Function,
        new: bool,
    ) -> Result<(), ApiError> {
        let Self(settings) = self;
        for (name, why) in REFUSED {
            if settings.other.get(name).is_some_and(|setting| !setting.is_null()) {
                return Err(ApiError::invalid(why));
            }
        }
        if let Some(role) = settings.role {
            function.role = validate::role(role)?;
        }
        if let Some(runtime) = settings.runtime {
            function.runtime = validate::runtime(runtime)?;
        }
        if let Some(handler) = settings.handler {
            if handler.len() > 128 {
                return Err(ApiError::validation(
                    &handler,
                    "handler",
                    "have length less than or equal to 128",
                ));
            }
            if handler.contains(char::is_whitespace) {
                return Err(ApiError::validation(
                    &handler,
                    "handler",
                    "satisfy regular expression pattern: [^\\s]+",
                ));
            }
            function.handler = handler;
        }
        if let Some(description) = settings.description {
            validate::description(&description)?;
            function.description = description;
        }
        if let Some(timeout) = settings.timeout {
            function.timeout = validate::within(timeout, "timeout", 1, 900)?;
        }
        if let Some(memory) = settings.memory_size {
            function.memory = validate::within(memory, "memorySize", 128, 10_240)?;
        }
        if let Some(ephemeral) = settings.ephemeral_storage {
            function.ephemeral =
                validate::within(ephemeral.size, "ephemeralStorage.size", 512, 10_240)?;
        }
        if let Some(environment) = settings.environment {
            validate::environment(&environment.variables)?;
            function.environment = environment.variables;
        }
        if let Some(logging) = settings.logging_config {
            function.logging = validate_logging(logging, &function.logging)?;
        }
        if let Some(apply_on) = settings.snap_start.and_then(|snap_start| snap_start.apply_on) {
            validate::one_of(&apply_on, "snapStart.applyOn", &["PublishedVersions", "None"])?;
            if apply_on != "None" {
                let message = format!(
                    "{} is not supported for SnapStart enabled functions.",
                    function.runtime
                );
                return Err(ApiError::invalid(message));
            }
        }
        if let Some(layers) = settings.layers {
            function.layers = layers::choose(service, &layers)?;
        }
        for (name, setting) in settings.other {
            if !KEPT.contains(&name.as_str())
                || setting.is_null()
                || name == "TenancyConfig" && !new
            {
                continue;
            }
            validate::kept(&name, &setting)?;
            if is_empty(&setting) {
                function.other.shift_remove(&name);
            } else {
                function.other.insert(name, setting);
            }
        }
        Ok(())
    }
}

/// Returns `true` if a setting resets itself: an empty string or list, or an object of those.
fn is_empty(setting: &Value) -> bool {
    match setting {
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => {
            fields.values().all(|field| is_empty(field) || field == &Value::Bool(false))
        }
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Validates logging settings. Those that are absent stay unchanged; levels are supported for JSON
/// only.
fn validate_logging(request: LoggingRequest, old: &Logging) -> Result<Logging, ApiError> {
    let log_format = match request.log_format.as_deref() {
        None => old.log_format,
        Some("JSON") => LogFormat::Json,
        Some("Text") => LogFormat::Text,
        Some(other) => {
            return Err(ApiError::validation(
                other,
                "loggingConfig.logFormat",
                "satisfy enum value set: [JSON, Text]",
            ));
        }
    };
    let json = log_format == LogFormat::Json;
    if !json && (request.application_log_level.is_some() || request.system_log_level.is_some()) {
        return Err(ApiError::invalid(
            "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from \
            your request or change the LogFormat to \"JSON\" and try again.",
        ));
    }
    if let Some(level) = &request.application_log_level {
        let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        validate::one_of(level, "loggingConfig.applicationLogLevel", &levels)?;
    }
    if let Some(level) = &request.system_log_level {
        validate::one_of(level, "loggingConfig.systemLogLevel", &["DEBUG", "INFO", "WARN"])?;
    }
    if let Some(group) = &request.log_group {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
        if group.is_empty() || group.len() > 512 || !group.bytes().all(fits) {
            let pattern = "satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+";
            return Err(ApiError::validation(group, "loggingConfig.logGroup", pattern));
        }
    }
    let level = |level: Option<String>, old: &Option<String>| {
        json.then(|| level.or_else(|| old.clone()).unwrap_or_else(|| "INFO".to_owned()))
    };
    Ok(Logging {
        log_format,
        application_log_level: level(request.application_log_level, &old.application_log_level),
        system_log_level: level(request.system_log_level, &old.system_log_level),
        log_group: request.log_group.unwrap_or_else(|| old.log_group.clone()),
    })
}

/// Creates a function that has only a name, with Lambda's defaults.
pub(crate) fn blank(name: &str) -> Function {
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
        logging: Logging { log_group: format!("/aws/lambda/{name}"), ..Logging::default() },
        tags: BTreeMap::new(),
        layers: Vec::new(),
        ephemeral: 512,
        other: Map::new(),
        code: String::new(),
        code_size: 0,
        unpacked: 0,
        revision: String::new(),
        revision_id: String::new(),
        state: State::default(),
        source: String::new(),
        modified: 0,
        reserved: None,
        held: None,
    }
}
