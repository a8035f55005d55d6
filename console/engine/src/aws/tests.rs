//! Calls that are sent to a test server, and calls that are refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{
    Credentials,
    provider::{
        self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
    },
};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{
    error::{ErrorMetadata, metadata::ProvideErrorMetadata},
    retry::RetryConfig,
};
use lambda_console_model::FailureKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    clients::{Clients, timeouts},
    error::CallError,
    guard::Guard,
};

/// A server that counts connections that send anything, and answers each with `answer`.
async fn counting(status: u16, answer: &'static str) -> (String, Arc<AtomicUsize>) {
    serving(status, "", answer).await
}

/// The same with more headers, each ending its line.
async fn serving(
    status: u16,
    headers: &'static str,
    answer: &'static str,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut request = vec![0; 65536];
                if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let head = format!(
                        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}",
                        answer.len()
                    );
                    let _ = stream
                        .write_all(format!("{head}connection: close\r\n\r\n{answer}").as_bytes())
                        .await;
                }
            });
        }
    });
    (url, count)
}

fn clients(url: &str, read_only: bool, credentials: impl ProvideCredentials + 'static) -> Clients {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(Duration::from_secs(10)))
        .build();
    Clients::new(config, "eu-west-1".to_owned(), Guard { read_only })
}

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests")
}

fn outcome<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> Result<(), CallError>
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    result.map(drop).map_err(CallError::from)
}

/// Calls of every service that change something, by name.
async fn changing(clients: &Clients) -> Vec<(&'static str, Result<(), CallError>)> {
    let (lambda, logs, iam) = (clients.lambda(), clients.logs(), clients.iam());
    let code = || aws_sdk_lambda::types::FunctionCode::builder().build();
    vec![
        (
            "CreateFunction",
            outcome(
                lambda.create_function().function_name("f").role("r").code(code()).send().await,
            ),
        ),
        (
            "UpdateFunctionCode",
            outcome(lambda.update_function_code().function_name("f").send().await),
        ),
        (
            "UpdateFunctionConfiguration",
            outcome(lambda.update_function_configuration().function_name("f").send().await),
        ),
        ("PublishVersion", outcome(lambda.publish_version().function_name("f").send().await)),
        (
            "UpdateAlias",
            outcome(lambda.update_alias().function_name("f").name("live").send().await),
        ),
        ("DeleteFunction", outcome(lambda.delete_function().function_name("f").send().await)),
        (
            "DeleteFunctionUrlConfig",
            outcome(lambda.delete_function_url_config().function_name("f").send().await),
        ),
        (
            "DeleteFunctionConcurrency",
            outcome(lambda.delete_function_concurrency().function_name("f").send().await),
        ),
        (
            "RemovePermission",
            outcome(lambda.remove_permission().function_name("f").statement_id("s").send().await),
        ),
        ("Invoke", outcome(clients.invoke().invoke().function_name("f").send().await)),
        (
            "InvokeWithResponseStream",
            outcome(clients.invoke().invoke_with_response_stream().function_name("f").send().await),
        ),
        ("CreateLogGroup", outcome(logs.create_log_group().log_group_name("g").send().await)),
        ("DeleteLogGroup", outcome(logs.delete_log_group().log_group_name("g").send().await)),
        (
            "PutRetentionPolicy",
            outcome(
                logs.put_retention_policy().log_group_name("g").retention_in_days(7).send().await,
            ),
        ),
        (
            "CreateRole",
            outcome(
                iam.create_role().role_name("r").assume_role_policy_document("{}").send().await,
            ),
        ),
        ("DeleteRole", outcome(iam.delete_role().role_name("r").send().await)),
        (
            "AssumeRole",
            outcome(clients.sts().assume_role().role_arn("r").role_session_name("s").send().await),
        ),
    ]
}

#[tokio::test]
async fn read_only_sends_nothing_that_changes_something() {
    let (url, count) = counting(200, "{}").await;
    let clients = clients(&url, true, keys());
    for (name, outcome) in changing(&clients).await {
        let error = outcome.unwrap_err();
        assert!(
            matches!(&error, CallError::ReadOnly(why) if why.contains(name)),
            "{name}: {error:?}"
        );
        let failure = error.into_failure("could not do it");
        assert_eq!(failure.kind, FailureKind::Usage);
    }
    assert_eq!(count.load(Ordering::SeqCst), 0, "not one of them was sent");
    clients.lambda().list_functions().send().await.unwrap();
    clients.logs().describe_log_groups().send().await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2, "what reads is sent");
}

#[tokio::test]
async fn without_read_only_each_of_the_same_calls_is_sent() {
    let (url, count) = counting(200, "{}").await;
    let calls = changing(&clients(&url, false, keys())).await;
    assert_eq!(count.load(Ordering::SeqCst), calls.len());
}

#[tokio::test]
async fn credentials_that_a_service_turns_down_ask_for_a_login() {
    let error = r#"{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}"#;
    let (url, _) = counting(403, error).await;
    let error = outcome(clients(&url, false, keys()).logs().describe_log_groups().send().await)
        .unwrap_err();
    let failure = error.into_failure("could not list");
    assert_eq!((failure.kind, failure.kind.exit_code()), (FailureKind::Credentials, 3));
    assert!(failure.why.contains("is expired (ExpiredTokenException)"), "{failure}");
}

#[tokio::test]
async fn a_call_that_is_not_allowed_asks_for_no_login() {
    let (url, _) =
        counting(403, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#).await;
    let error = outcome(clients(&url, false, keys()).logs().describe_log_groups().send().await)
        .unwrap_err();
    assert_eq!(error.code(), "AccessDeniedException");
    assert!(!error.into_failure("could not list").kind.is_login());
}

/// A role that could not be assumed.
#[derive(Debug)]
struct Role(&'static str);

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let meta = ErrorMetadata::builder().code(self.0).message("told by STS").build();
        future::ProvideCredentials::ready(Err(CredentialsError::provider_error(
            AssumeRoleError::generic(meta),
        )))
    }
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_reported_as_what_it_is() {
    let (url, count) = counting(200, "{}").await;
    let refused = async |code| {
        outcome(clients(&url, false, Role(code)).lambda().list_functions().send().await)
    };
    let error = refused("AccessDenied").await.unwrap_err();
    assert_eq!((error.code(), error.message()), ("AccessDenied", "told by STS"));
    assert!(!error.into_failure("could not list").kind.is_login(), "no login would help");
    let error = refused("ExpiredToken").await.unwrap_err();
    assert!(error.into_failure("could not list").kind.is_login());
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Provides no credentials, or some that expire.
#[derive(Debug)]
struct Provider(Option<SystemTime>);

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let result: provider::Result = match self.0 {
            Some(at) => Ok(Credentials::new("AKIDEXAMPLE", "secret", None, Some(at), "tests")),
            None => Err(CredentialsError::provider_error(
                "the SSO token has expired and cannot be refreshed",
            )),
        };
        future::ProvideCredentials::ready(result)
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_ask_for_a_login_and_nothing_is_sent() {
    let (url, count) = counting(200, "{}").await;
    let error =
        outcome(clients(&url, false, Provider(None)).lambda().list_functions().send().await)
            .unwrap_err();
    assert!(matches!(error, CallError::Login { .. }), "{error:?}");
    assert!(error.message().contains("the SSO token has expired"), "{error:?}");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_expiry_of_the_credentials_in_use_is_known() {
    let (url, _) = counting(200, "{}").await;
    let at = SystemTime::now() + Duration::from_hours(1);
    let clients = clients(&url, false, Provider(Some(at)));
    assert_eq!(clients.expires_at(), None, "none are in use");
    clients.lambda().list_functions().send().await.unwrap();
    let expected = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    assert_eq!(clients.expires_at(), i64::try_from(expected).ok());
}

#[tokio::test]
async fn a_page_in_the_place_of_an_answer_is_no_success_and_is_named() {
    const PAGE: &str = "<!DOCTYPE html>\n<title>Blocked \u{1b}[31mby policy</title>\n";
    const HEADERS: &str = "content-type: text/html; charset=utf-8\r\nlocation: \
        https://login.example/in?token=secret\r\n";
    for status in [200, 302, 403, 503] {
        let (url, _) = serving(status, HEADERS, PAGE).await;
        let clients = clients(&url, false, keys());
        let mut outcomes = changing(&clients).await;
        outcomes
            .push(("GetCallerIdentity", outcome(clients.sts().get_caller_identity().send().await)));
        outcomes.push((
            "FilterLogEvents",
            outcome(clients.logs().filter_log_events().log_group_name("g").send().await),
        ));
        for (name, outcome) in outcomes {
            let error = outcome.unwrap_err();
            assert!(matches!(error, CallError::Foreign(_)), "{status} {name}: {error:?}");
            let failure = error.into_failure("could not do it");
            let begin = format!(
                "the answer is not from AWS: HTTP status {status}, text/html; charset=utf-8, \
                redirected to https://login.example"
            );
            assert!(
                failure.why.starts_with(&begin) && !failure.why.contains("secret"),
                "{name}: {failure:?}"
            );
            let is_read =
                name == "InvokeWithResponseStream" || failure.why.contains("<title>Blocked");
            assert!(is_read && !failure.why.contains('\u{1b}'), "{name}: {failure:?}");
            assert!(failure.hint.contains("login page"), "{failure:?}");
        }
    }
    let (url, _) = serving(403, "content-type: text/html\r\nx-amzn-requestid: 1\r\n", "").await;
    let error =
        outcome(clients(&url, false, keys()).lambda().list_functions().send().await).unwrap_err();
    assert!(!matches!(error, CallError::Foreign(_)), "AWS may have its own pages: {error:?}");
}
