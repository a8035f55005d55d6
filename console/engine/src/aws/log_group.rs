//! Names of log groups. Pure.

use aws_sdk_lambda::types::LoggingConfig;

/// Returns the log group that a function writes to: the one in its configuration, else its default.
pub(crate) fn of(logging: Option<&LoggingConfig>, function: &str) -> String {
    let configured = logging.and_then(|logging| logging.log_group());
    configured.map_or_else(|| default(function), str::to_owned)
}

/// Returns the log group of a function whose configuration names none. Source: AWS Lambda developer
/// guide, "Configuring `CloudWatch` log groups".
pub(crate) fn default(function: &str) -> String {
    format!("/aws/lambda/{function}")
}
