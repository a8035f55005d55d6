//! Metadata of an invocation. Plain data that a test can construct.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::failure::PayloadError;
use crate::runtime_api::payload;

/// Context of one invocation, passed to a handler that has it as its last parameter.
///
/// ```
/// use lambda::Context;
/// let context = Context { request_id: "8476a536-e9f4-11e8-9739-2dfe598c3fcd".into(), ..Context::default() };
/// ```
///
/// Source of the fields: AWS Lambda developer guide, "Using the Lambda runtime API".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The request id, as it appears in the log.
    pub request_id: String,
    /// Time at which the invocation times out, in milliseconds since the Unix epoch; 0 if the
    /// server sent none.
    pub deadline_ms: u64,
    /// The ARN that was invoked: function, version or alias.
    pub function_arn: String,
    /// The X-Ray trace header (`Root=…;Parent=…;Sampled=…`), if tracing is enabled. It is not set
    /// in the environment: that would be one value for all threads, and setting it is unsound.
    pub trace_id: Option<String>,
    /// The tenant ID, for functions with tenant isolation.
    pub tenant_id: Option<String>,
    /// The JSON that the caller of an SDK sent as client context: see [`Context::client_context`].
    pub client_context: Option<String>,
    /// The JSON of the Amazon Cognito identity: see [`Context::identity`].
    pub identity: Option<String>,
}

/// The Amazon Cognito identity of a call from a mobile app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The identity.
    pub cognito_identity_id: String,
    /// The identity pool.
    pub cognito_identity_pool_id: String,
}

impl Context {
    /// Time at which the invocation times out. `None` if the server sent none, or one in 1970:
    /// emulators without timeouts do that, and no deadline of Lambda's is before 2001.
    pub fn deadline(&self) -> Option<SystemTime> {
        const YEAR_2001_MS: u64 = 1_000_000_000_000;
        (self.deadline_ms >= YEAR_2001_MS)
            .then(|| UNIX_EPOCH.checked_add(Duration::from_millis(self.deadline_ms)))?
    }

    /// The remaining time: zero after the deadline, [`Duration::MAX`] without one.
    pub fn remaining(&self) -> Duration {
        match self.deadline() {
            Some(deadline) => deadline.duration_since(SystemTime::now()).unwrap_or_default(),
            None => Duration::MAX,
        }
    }

    /// Parses the client context. Returns `None` if the caller sent none.
    pub fn client_context<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>, PayloadError> {
        self.client_context.as_ref().map(|json| payload::read(json.as_bytes())).transpose()
    }

    /// Parses the caller's Amazon Cognito identity. Returns `None` if there is none.
    pub fn identity(&self) -> Result<Option<Identity>, PayloadError> {
        self.identity.as_ref().map(|json| payload::read(json.as_bytes())).transpose()
    }
}

/// The function of this process, from the environment that Lambda sets. A text is empty if a local
/// server does not set it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Function {
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// `AWS_LAMBDA_FUNCTION_VERSION`: `$LATEST` or a number.
    pub version: String,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in MB; 0 if it is not set.
    pub memory_mb: u32,
    /// `AWS_LAMBDA_LOG_GROUP_NAME`.
    pub log_group: String,
    /// `AWS_LAMBDA_LOG_STREAM_NAME`.
    pub log_stream: String,
    /// `AWS_REGION`.
    pub region: String,
    /// `_HANDLER`: the handler in the function's configuration, which the function may use freely.
    pub handler: String,
}

/// The function of this process. Read once, on the first call.
pub fn function() -> &'static Function {
    static FUNCTION: OnceLock<Function> = OnceLock::new();
    FUNCTION.get_or_init(|| {
        let text = |name| std::env::var(name).unwrap_or_default();
        Function {
            name: text("AWS_LAMBDA_FUNCTION_NAME"),
            version: text("AWS_LAMBDA_FUNCTION_VERSION"),
            memory_mb: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").parse().unwrap_or_default(),
            log_group: text("AWS_LAMBDA_LOG_GROUP_NAME"),
            log_stream: text("AWS_LAMBDA_LOG_STREAM_NAME"),
            region: text("AWS_REGION"),
            handler: text("_HANDLER"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_deadline(deadline_ms: u64) -> Context {
        Context { deadline_ms, ..Context::default() }
    }

    #[test]
    fn the_remaining_time_saturates() {
        assert_eq!(with_deadline(1_600_000_000_000).remaining(), Duration::ZERO);
        assert_eq!(
            with_deadline(u64::MAX).deadline(),
            UNIX_EPOCH.checked_add(Duration::from_millis(u64::MAX))
        );
        assert!(with_deadline(u64::MAX).remaining() > Duration::from_hours(1));
    }

    #[test]
    fn a_deadline_that_nobody_meant_is_none() {
        for deadline in [0, 600_000] {
            assert_eq!(with_deadline(deadline).deadline(), None);
            assert_eq!(with_deadline(deadline).remaining(), Duration::MAX);
        }
    }

    #[test]
    fn identity_and_client_context_are_read_as_values() {
        let context = Context {
            client_context: Some(r#"{"custom":{"a":"b"}}"#.into()),
            identity: Some(r#"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#.into()),
            ..Context::default()
        };
        let custom: serde_json::Value = context.client_context().unwrap().unwrap();
        assert_eq!(custom["custom"]["a"], "b");
        assert_eq!(context.identity().unwrap().unwrap().cognito_identity_pool_id, "p");
        assert_eq!(Context::default().identity(), Ok(None));
    }
}
