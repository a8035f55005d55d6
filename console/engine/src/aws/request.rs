//! Calls to services that no SDK crate is linked for: signed here, and sent with the HTTP client,
//! the credentials, the endpoint and the guard of the stage's other clients.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::Intercept,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
        stalled_stream_protection::StalledStreamProtectionConfig,
    },
};
use aws_smithy_types::error::{ErrorMetadata, metadata::ProvideErrorMetadata};
use aws_types::service_config::ServiceConfigKey;

use crate::aws::clients::timeouts;

/// An error that the service returned.
#[derive(Debug)]
pub(crate) struct Refused(ErrorMetadata);

impl Refused {
    /// An answer with this message, and this code if it has one.
    pub(crate) fn answer(code: Option<String>, message: &str) -> OrchestratorError<Self> {
        let meta = ErrorMetadata::builder().message(message);
        let meta = match code {
            Some(code) => meta.code(code),
            None => meta,
        };
        OrchestratorError::operation(Self(meta.build()))
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}

impl ProvideErrorMetadata for Refused {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

/// Reads a response.
pub(crate) type Read = fn(&HttpResponse) -> Result<Vec<u8>, OrchestratorError<Refused>>;

/// One operation, and its endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Name of the service and of the operation for the guard.
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    /// The origin.
    pub(crate) endpoint: &'a str,
    /// Longest time to wait for an answer.
    pub(crate) patience: Duration,
}

/// The endpoint that the user's configuration sets for a service, by the SDKs' name for it: `S3`.
/// `None` means AWS's.
pub(crate) fn endpoint(config: &SdkConfig, service: &'static str) -> Option<String> {
    let named = ServiceConfigKey::builder()
        .service_id(service)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let of_service =
        config.service_config().zip(named.ok()).and_then(|(config, key)| config.load_config(key));
    let given = of_service.or_else(|| config.endpoint_url().map(str::to_owned))?;
    Some(given.trim_end_matches('/').to_owned())
}

/// The region that requests are signed for.
pub(crate) fn region(config: &SdkConfig) -> &str {
    config.region().map_or("us-east-1", |region| region.as_ref())
}

/// Signs a request, whose URI is a path, for the service with this signing name: `s3`.
pub(crate) async fn signed(
    config: &SdkConfig,
    (service, settings): (&str, SigningSettings),
    endpoint: &str,
    mut request: HttpRequest,
) -> Result<HttpRequest, BoxError> {
    let provider = config.credentials_provider().ok_or("there are no credentials")?;
    let identity = provider.provide_credentials().await?.into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region(config))
        .name(service)
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let body = SignableBody::Bytes(request.body().bytes().unwrap_or_default());
    let url = format!("{endpoint}{}", request.uri());
    let signable = SignableRequest::new(request.method(), url, request.headers().iter(), body)?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    let (signatures, _) = instructions.into_parts();
    for header in signatures {
        request.headers_mut().insert(header.name(), header.value().to_owned());
    }
    Ok(request)
}

/// Sends one request as the stage's clients send theirs.
pub(crate) async fn send(
    config: &SdkConfig,
    guard: impl Intercept + 'static,
    call: Call<'_>,
    request: HttpRequest,
    read: Read,
) -> Result<Vec<u8>, SdkError<Refused, HttpResponse>> {
    let mut operation = Operation::builder()
        .service_name(call.service)
        .operation_name(call.operation)
        .no_auth()
        .no_retry()
        .interceptor(guard)
        .endpoint_url(call.endpoint)
        .timeout_config(timeouts(call.patience))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(client) = config.http_client() {
        operation = operation.http_client(client);
    }
    if let Some(sleep) = config.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    operation
        .serializer(Ok::<HttpRequest, BoxError>)
        .deserializer(read)
        .build()
        .invoke(request)
        .await
}
