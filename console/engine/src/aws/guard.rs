//! The last check before a call is sent: with `--read-only` only calls that are known to be
//! read-only are sent.
//!
//! It is in every SDK client, so that no verb can forget the check. Unknown operations are refused.
//! It also rejects responses that did not come from a service.

use aws_sdk_lambda::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::BeforeSerializationInterceptorContextMut,
    },
    operation::invoke::InvokeInput,
    types::InvocationType,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::context::AfterDeserializationInterceptorContextRef, orchestrator::Metadata,
    },
};

use super::genuine;

/// Refuses calls that can change something, before they are even serialized.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    pub(super) read_only: bool,
}

/// A call that the guard refused: `Lambda.UpdateFunctionCode`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--read-only refuses {0}, which can change something")]
pub(super) struct Refusal(pub(super) String);

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if !self.read_only {
            return Ok(());
        }
        let call = bag.load::<Metadata>();
        match call {
            Some(call) if only_reads(call.service(), call.name()) => Ok(()),
            Some(_) if is_dry_run(context) => Ok(()),
            Some(call) => Err(Refusal(format!("{}.{}", call.service(), call.name())).into()),
            None => Err(Refusal("an unnamed call".to_owned()).into()),
        }
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Ok(genuine::check(context.response())?)
    }
}

/// Returns `true` for an invocation that only checks whether it is allowed.
fn is_dry_run(context: &BeforeSerializationInterceptorContextMut<'_>) -> bool {
    let input = context.input().downcast_ref::<InvokeInput>();
    input.is_some_and(|input| input.invocation_type() == Some(&InvocationType::DryRun))
}

/// Returns `true` if an operation changes nothing, whatever its input.
fn only_reads(service: &str, operation: &str) -> bool {
    let prefixes: &[&str] = match service {
        "Lambda" => &["Get", "List"],
        "CloudWatch Logs" => &["Describe", "FilterLogEvents", "Get", "List", "StartLiveTail"],
        "CloudWatch" => &["GetMetric"],
        "IAM" => &["Get", "List", "Simulate"],
        "STS" => &["DecodeAuthorizationMessage", "GetCallerIdentity"],
        "S3" => &["Get", "Head", "List"],
        _ => &[],
    };
    prefixes.iter().any(|prefix| operation.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_to_read_is_refused() {
        for (service, operation) in [
            ("Lambda", "GetFunction"),
            ("Lambda", "ListVersionsByFunction"),
            ("CloudWatch Logs", "FilterLogEvents"),
            ("CloudWatch Logs", "StartLiveTail"),
            ("CloudWatch", "GetMetricData"),
            ("IAM", "SimulatePrincipalPolicy"),
            ("STS", "GetCallerIdentity"),
            ("S3", "HeadObject"),
        ] {
            assert!(only_reads(service, operation), "{service}.{operation}");
        }
        for (service, operation) in [
            ("Lambda", "Invoke"),
            ("Lambda", "InvokeWithResponseStream"),
            ("Lambda", "TagResource"),
            ("CloudWatch", "PutMetricData"),
            ("CloudWatch Logs", "StartQuery"),
            ("CloudWatch Logs", "PutRetentionPolicy"),
            ("IAM", "GenerateCredentialReport"),
            ("STS", "AssumeRole"),
            ("S3", "PutObject"),
            ("DynamoDB", "GetItem"),
        ] {
            assert!(!only_reads(service, operation), "{service}.{operation}");
        }
    }
}
