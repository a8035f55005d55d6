//! The SDK clients of a stage, each made at its first use. All share one HTTP stack: hyper with
//! rustls on ring.

use std::{sync::OnceLock, time::Duration};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_cloudwatchlogs::config::{
    ConfigBag, Intercept, RuntimeComponents, endpoint::Params,
    interceptors::BeforeSerializationInterceptorContextMut,
};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        endpoint::{EndpointPrefix, EndpointResolverParams},
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use lambda_console_local::Endpoint;
use lambda_console_model::Failure;

use super::{
    account::Account,
    credentials::{Expiry, Watched, mfa::Asker},
    guard::Guard,
};

/// Lambda's longest timeout is 900 s; the client must not be the first to give up.
const INVOKE_READ_TIMEOUT: Duration = Duration::from_mins(16);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Read timeout of a call with a small body.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_mins(1);
/// Read timeout for an upload of fifty megabytes over a slow line.
pub(crate) const UPLOAD_READ_TIMEOUT: Duration = Duration::from_mins(15);

/// The clients of one endpoint with one set of credentials.
pub(crate) struct Clients {
    config: SdkConfig,
    region: String,
    guard: Guard,
    expiry: Expiry,
    lambda: OnceLock<aws_sdk_lambda::Client>,
    invoke: OnceLock<aws_sdk_lambda::Client>,
    logs: OnceLock<aws_sdk_cloudwatchlogs::Client>,
    iam: OnceLock<aws_sdk_iam::Client>,
    sts: OnceLock<aws_sdk_sts::Client>,
}

impl Clients {
    /// Clients for the local Lambda: plain HTTP, so that no trusted certificates are loaded, and no
    /// retries, for a loopback call that fails once fails again.
    pub(super) fn local(endpoint: &Endpoint, guard: Guard) -> Self {
        let credentials = Credentials::builder()
            .access_key_id(&endpoint.access_key)
            .secret_access_key(&endpoint.secret_key)
            .provider_name("lambda-console-local")
            .build();
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint.url)
            .region(Region::new(endpoint.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(READ_TIMEOUT))
            .build();
        Self::new(config, endpoint.region.clone(), guard)
    }

    /// Clients for AWS, for `account`.
    pub(super) async fn aws(
        account: &Account,
        asker: &Asker,
        guard: Guard,
    ) -> Result<Self, Failure> {
        let config = Box::pin(account.config(asker)).await?;
        let region = config.region().map(ToString::to_string).unwrap_or_default();
        Ok(Self::new(config, region, guard))
    }

    pub(super) fn new(config: SdkConfig, region: String, guard: Guard) -> Self {
        let expiry = Expiry::default();
        let config = match config.credentials_provider() {
            Some(provider) => {
                let provider =
                    SharedCredentialsProvider::new(Watched::new(provider, expiry.clone()));
                config.into_builder().credentials_provider(provider).build()
            }
            None => config,
        };
        Self {
            config,
            region,
            guard,
            expiry,
            lambda: OnceLock::new(),
            invoke: OnceLock::new(),
            logs: OnceLock::new(),
            iam: OnceLock::new(),
            sts: OnceLock::new(),
        }
    }

    /// The guard (see [`Guard`]), for a call that uses none of the clients.
    pub(crate) fn guard(&self) -> impl Intercept + use<> {
        self.guard
    }

    /// Configuration that all clients share.
    pub(crate) const fn sdk(&self) -> &SdkConfig {
        &self.config
    }

    /// Endpoint of the calls; `None` means AWS.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// The AWS region that the calls go to.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Expiry of the credentials that were used last, in milliseconds since the Unix epoch.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.expiry.at()
    }

    /// Lambda, for everything but Invoke.
    pub(crate) fn lambda(&self) -> &aws_sdk_lambda::Client {
        self.lambda.get_or_init(|| {
            let config =
                aws_sdk_lambda::config::Builder::from(&self.config).interceptor(self.guard).build();
            aws_sdk_lambda::Client::from_conf(config)
        })
    }

    /// Lambda for Invoke: one attempt, because a second one would have the effects twice, and a
    /// read timeout longer than any function's.
    pub(crate) fn invoke(&self) -> &aws_sdk_lambda::Client {
        self.invoke.get_or_init(|| {
            let config = aws_sdk_lambda::config::Builder::from(&self.config)
                .interceptor(self.guard)
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts(INVOKE_READ_TIMEOUT))
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build();
            aws_sdk_lambda::Client::from_conf(config)
        })
    }

    /// `CloudWatch` Logs.
    pub(crate) fn logs(&self) -> &aws_sdk_cloudwatchlogs::Client {
        self.logs.get_or_init(|| {
            let config = aws_sdk_cloudwatchlogs::config::Builder::from(&self.config)
                .interceptor(self.guard)
                .interceptor(KeepHost)
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build();
            aws_sdk_cloudwatchlogs::Client::from_conf(config)
        })
    }

    /// IAM.
    pub(crate) fn iam(&self) -> &aws_sdk_iam::Client {
        self.iam.get_or_init(|| {
            let config =
                aws_sdk_iam::config::Builder::from(&self.config).interceptor(self.guard).build();
            aws_sdk_iam::Client::from_conf(config)
        })
    }

    /// STS.
    pub(crate) fn sts(&self) -> &aws_sdk_sts::Client {
        self.sts.get_or_init(|| {
            let config =
                aws_sdk_sts::config::Builder::from(&self.config).interceptor(self.guard).build();
            aws_sdk_sts::Client::from_conf(config)
        })
    }
}

pub(crate) fn timeouts(read: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(read).build()
}

/// The settings of a call with a large body.
pub(crate) fn uploading() -> aws_sdk_lambda::config::Builder {
    aws_sdk_lambda::config::Builder::default().timeout_config(timeouts(UPLOAD_READ_TIMEOUT))
}

/// `StartLiveTail` puts `stream-` before the host, also of a custom endpoint, which has no such
/// host: keeps the host as configured.
#[derive(Debug)]
struct KeepHost;

impl Intercept for KeepHost {
    fn name(&self) -> &'static str {
        "KeepHost"
    }

    fn modify_before_serialization(
        &self,
        _: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let given = bag
            .load::<EndpointResolverParams>()
            .and_then(|params| params.get::<Params>())
            .is_some_and(|params| params.endpoint().is_some());
        if given {
            bag.interceptor_state().unset::<EndpointPrefix>();
        }
        Ok(())
    }
}
