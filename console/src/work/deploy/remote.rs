//! A function as it is on the stage.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_lambda::{
    operation::{get_function::GetFunctionOutput, get_function_configuration::GetFunctionConfigurationOutput},
    types::{LastUpdateStatus, PackageType, State},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::Stage;
use crate::{message::Failure, work::paths};

/// How long a change on the stage may take: a function in a VPC needs minutes.
const SETTLE: Duration = Duration::from_mins(5);

/// What is compared of a deployed function. Environment values are secrets: no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Remote {
    pub(super) sha256: String,
    pub(super) architecture: String,
    pub(super) runtime: String,
    pub(super) is_image: bool,
    pub(super) memory: u32,
    pub(super) timeout: u32,
    pub(super) role: String,
    pub(super) description: String,
    pub(super) tracing: String,
    pub(super) layers: Vec<String>,
    /// None where the stage cannot show them, for example for want of the key.
    pub(super) env: Option<BTreeMap<String, String>>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) arn: String,
    pub(super) version: String,
    pub(super) revision: Option<String>,
}

impl Remote {
    fn of(output: &GetFunctionOutput) -> Self {
        let Some(found) = output.configuration() else { return Self::default() };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let environment = found.environment();
        Self {
            sha256: text(found.code_sha256()),
            architecture: found
                .architectures()
                .first()
                .map_or("x86_64", |architecture| architecture.as_str())
                .to_owned(),
            runtime: text(found.runtime().map(aws_sdk_lambda::types::Runtime::as_str)),
            is_image: found.package_type() == Some(&PackageType::Image),
            memory: found.memory_size().unwrap_or(128) as u32,
            timeout: found.timeout().unwrap_or(3) as u32,
            role: text(found.role()),
            description: text(found.description()),
            tracing: text(
                found
                    .tracing_config()
                    .and_then(|tracing| tracing.mode())
                    .map(aws_sdk_lambda::types::TracingMode::as_str),
            ),
            layers: found.layers().iter().filter_map(|layer| layer.arn().map(str::to_owned)).collect(),
            env: if environment.is_some_and(|environment| environment.error().is_some()) {
                None
            } else {
                let variables = environment.and_then(|environment| environment.variables());
                Some(variables.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect())
            },
            tags: output.tags().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())).collect(),
            arn: text(found.function_arn()),
            version: found.version().unwrap_or("$LATEST").to_owned(),
            revision: found.revision_id().map(str::to_owned),
        }
    }
}

/// The function as it is now; none where it is not on the stage.
pub(super) async fn get(stage: &Stage, name: &str) -> Result<Option<Remote>, Failure> {
    let answer =
        stage.call(|clients| async move { clients.lambda().get_function().function_name(name).send().await }).await;
    match answer {
        Ok(output) => Ok(Some(Remote::of(&output))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into_failure(format!("could not look at {name}"))),
    }
}

/// The function after changes under way have ended.
pub(super) async fn get_settled(stage: &Stage, name: &str) -> Result<Option<Remote>, Failure> {
    settled(stage, name).await?;
    get(stage, name).await
}

/// Waits until no change of the function is under way.
///
/// # Errors
/// The change failed, with the stage's reason; or five minutes went by.
pub(crate) async fn settled(stage: &Stage, name: &str) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + SETTLE;
    let mut wait = Duration::from_millis(100);
    loop {
        let answer = stage
            .call(
                |clients| async move { clients.lambda().get_function_configuration().function_name(name).send().await },
            )
            .await;
        let found = answer.map_err(|error| error.into_failure(format!("could not look at {name}")))?;
        if !is_changing(&found) {
            return failure_of(name, &found).map_or(Ok(()), Err);
        }
        if tokio::time::Instant::now() >= deadline {
            let why = "the stage is still changing it after 5 minutes";
            return Err(Failure::work(
                format!("could not wait for {name}"),
                why,
                "look again later with `lambda-console list`",
            ));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

fn is_changing(found: &GetFunctionConfigurationOutput) -> bool {
    found.state() == Some(&State::Pending) || found.last_update_status() == Some(&LastUpdateStatus::InProgress)
}

fn failure_of(name: &str, found: &GetFunctionConfigurationOutput) -> Option<Failure> {
    let (reason, code) = if found.state() == Some(&State::Failed) {
        (found.state_reason(), found.state_reason_code().map(aws_sdk_lambda::types::StateReasonCode::as_str))
    } else if found.last_update_status() == Some(&LastUpdateStatus::Failed) {
        (
            found.last_update_status_reason(),
            found.last_update_status_reason_code().map(aws_sdk_lambda::types::LastUpdateStatusReasonCode::as_str),
        )
    } else {
        return None;
    };
    let why = match (reason, code) {
        (Some(reason), Some(code)) => format!("{reason} ({code})"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "the stage gives no reason".to_owned(),
    };
    Some(Failure::work(format!("could not change {name}"), why, "mend the cause, then deploy again"))
}

/// Lower-case hexadecimal of a digest in Base64; empty where it is none.
pub(super) fn hex_of(base64: &str) -> String {
    paths::hex(&BASE64_STANDARD.decode(base64).unwrap_or_default())
}

/// Milliseconds since the Unix epoch of `2026-11-21T04:11:47.123+0000`.
pub(super) fn milliseconds(modified: &str) -> Option<i64> {
    let time = jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", modified).ok()?.to_timestamp().ok()?;
    Some(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_has_its_own_way_to_write_a_time() {
        assert_eq!(milliseconds("1970-01-01T00:00:01.250+0000"), Some(1250));
        assert_eq!(milliseconds("2026-11-21T06:11:47.000+0200"), milliseconds("2026-11-21T04:11:47.000+0000"));
        assert_eq!(milliseconds("yesterday"), None);
    }

    #[test]
    fn a_digest_in_base64_is_shown_in_hexadecimal() {
        assert_eq!(hex_of("3q2+7w=="), "deadbeef");
        assert_eq!(hex_of("no digest"), "");
    }
}
