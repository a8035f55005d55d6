//! Describes a version's configuration as Lambda does.

use serde_json::{Value, json};

use crate::store::function::{Failure, Function, State};

/// AWS's reason for any state in progress, be it a creation or an update.
const REASON: (&str, &str) = ("The function is being created.", "Creating");

/// Describes the configuration of `function` under the requested ARN.
pub(crate) fn describe(function: &Function, arn: &str) -> Value {
    let mut value = describe_in_list(function, arn);
    let mut set = |name: &str, (reason, code): (&str, &str)| {
        value[format!("{name}Reason")] = reason.into();
        value[format!("{name}ReasonCode")] = code.into();
    };
    let words = |failure: &'_ Failure| (failure.reason.clone(), failure.code.clone());
    let (state, update) = match &function.state {
        State::Active => ("Active", Some("Successful")),
        State::Pending => {
            set("State", REASON);
            ("Pending", None)
        }
        State::Failed(failure) => {
            let (reason, code) = words(failure);
            set("State", (&reason, &code));
            ("Failed", Some("Failed"))
        }
        State::Updating => {
            set("LastUpdateStatus", REASON);
            ("Active", Some("InProgress"))
        }
        State::UpdateFailed(failure) => {
            let (reason, code) = words(failure);
            set("LastUpdateStatus", (&reason, &code));
            ("Active", Some("Failed"))
        }
    };
    value["State"] = state.into();
    if let Some(update) = update {
        value["LastUpdateStatus"] = update.into();
    }
    value
}

/// As [`describe`], without the state, which lists leave out.
pub(crate) fn describe_in_list(function: &Function, arn: &str) -> Value {
    let modified = jiff::Timestamp::from_millisecond(function.modified).unwrap_or_default();
    let mut value = json!({
        "FunctionName": function.name,
        "FunctionArn": arn,
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
        "RevisionId": function.revision_id(),
        "PackageType": "Zip",
        "Architectures": [function.architecture.name()],
        "TracingConfig": { "Mode": "PassThrough" },
        "EphemeralStorage": { "Size": function.ephemeral },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": function.logging,
    });
    if !function.environment.is_empty() {
        value["Environment"] = json!({ "Variables": function.environment });
    }
    if !function.layers.is_empty() {
        let layers =
            function.layers.iter().map(|layer| json!({ "Arn": layer.arn, "CodeSize": layer.size }));
        value["Layers"] = layers.collect();
    }
    for (name, setting) in &function.other {
        // An earlier state format stored these two together with the other settings.
        if name != "EphemeralStorage" && name != "SnapStart" {
            value[name] = setting.clone();
        }
    }
    value
}

/// Converts a hexadecimal SHA-256 to base64, as Lambda returns it.
pub(crate) fn base64_of(sha256: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes: Vec<u8> = sha256
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    STANDARD.encode(bytes)
}
