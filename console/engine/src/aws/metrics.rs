//! The metric `Errors` of a function's versions: `CloudWatch`'s count of the invocations that
//! failed. A REPORT in text does not show an error that the function itself returned, and anybody
//! can write the other lines of a log.
//!
//! Source: `CloudWatch` API reference, `GetMetricData`, in its JSON protocol; AWS Lambda developer
//! guide, "Types of metrics for Lambda functions" (the dimensions `Resource` and
//! `ExecutedVersion`).

use std::collections::{BTreeMap, HashSet};

use aws_config::SdkConfig;
use aws_sigv4::http_request::SigningSettings;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::Intercept,
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        result::SdkError,
    },
};
use aws_smithy_types::body::SdkBody;
use lambda_console_model::FunctionVersions;
use serde::Deserialize;
use serde_json::json;

use super::{
    clients::READ_TIMEOUT,
    error::CallError,
    naming::partition,
    request::{self, Call, Refused},
    stage::Stage,
};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
/// Maximum number of pages of an answer that are read.
const MOST_PAGES: usize = 20;
/// The metrics by the alias that was called and the version that it pointed to.
const EXECUTED: &str = "executed";
/// The metrics by the called resource: a function, a version or an alias.
const CALLED: &str = "called";

/// Errors of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Errors {
    pub(crate) version: String,
    /// Start of the period, in milliseconds since the Unix epoch: a full minute.
    pub(crate) time: i64,
    pub(crate) count: u64,
}

/// Reads the errors of `function`'s versions since the given time, in milliseconds since the Unix
/// epoch. `aliases` has the version that each points to. A service without `CloudWatch`, such as
/// the local Lambda, has none.
pub(crate) async fn errors(
    stage: &Stage,
    function: &str,
    aliases: &[(String, String)],
    since: i64,
) -> Result<Vec<Errors>, CallError> {
    let now = jiff::Timestamp::now().as_second();
    let (mut results, mut token) = (Vec::new(), None::<String>);
    for _ in 0..MOST_PAGES {
        let query = &query(function, (since / 1000, now), token.as_deref());
        let answer = stage
            .call(|clients| async move { get(clients.sdk(), clients.guard(), query.clone()).await })
            .await;
        let page: Page = match answer {
            Err(error) if is_not_served(&error) => return Ok(Vec::new()),
            answer => serde_json::from_slice(&answer?)
                .map_err(|error| CallError::Transport(error.to_string().into()))?,
        };
        results.extend(page.results);
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    Ok(attributed(function, aliases, &results))
}

fn is_not_served(error: &CallError) -> bool {
    matches!(
        error.code(),
        "UnknownOperationException" | "UnknownOperation" | "InvalidAction" | "NotImplemented"
    )
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "MetricDataResults", default)]
    results: Vec<Series>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

/// One metric: start times of its periods, in seconds since the Unix epoch, and the count in each.
#[derive(Deserialize)]
struct Series {
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Label", default)]
    label: String,
    #[serde(rename = "Timestamps", default)]
    times: Vec<f64>,
    #[serde(rename = "Values", default)]
    values: Vec<f64>,
}

/// The request's body. `CloudWatch` keeps finer periods for a shorter time.
fn query(function: &str, (since, now): (i64, i64), token: Option<&str>) -> String {
    let period = match now - since {
        ..=90_000 => MINUTE,
        span if span <= 60 * DAY => 5 * MINUTE,
        _ => 60 * MINUTE,
    };
    let search = |id: &str, dimensions: &str, label: &str| {
        let metric = format!(
            "{{AWS/Lambda,{dimensions}}} MetricName=\"Errors\" FunctionName=\"{function}\""
        );
        json!({ "Id": id, "Expression": format!("SEARCH('{metric}', 'Sum', \
            {period})"), "Label": label })
    };
    let mut query = json!({
        "StartTime": since - since.rem_euclid(period),
        "EndTime": now + MINUTE,
        "ScanBy": "TimestampDescending",
        "MetricDataQueries": [
            search(EXECUTED, "FunctionName,Resource,ExecutedVersion", "${PROP('Dim.Resource')} \
                ${PROP('Dim.ExecutedVersion')}"),
            search(CALLED, "FunctionName,Resource", "${PROP('Dim.Resource')}"),
        ],
    });
    if let Some(token) = token {
        query["NextToken"] = token.into();
    }
    query.to_string()
}

/// Attributes the count of an alias to the version that it pointed to, or to its current version if
/// only that is known.
fn attributed(function: &str, aliases: &[(String, String)], results: &[Series]) -> Vec<Errors> {
    let mut counts: BTreeMap<(&str, i64), f64> = BTreeMap::new();
    let executed = || results.iter().filter(|series| series.id == EXECUTED);
    let executed: Vec<_> =
        executed().filter_map(|series| Some((series.label.split_once(' ')?, series))).collect();
    let known: HashSet<&str> = executed.iter().map(|((resource, _), _)| *resource).collect();
    let called = results
        .iter()
        .filter(|series| series.id == CALLED && !known.contains(series.label.as_str()));
    let called = called.filter_map(|series| {
        let version = match series.label.strip_prefix(function)?.strip_prefix(':') {
            None | Some(FunctionVersions::LATEST) => FunctionVersions::LATEST,
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => number,
            Some(alias) => aliases
                .iter()
                .find(|(name, _)| name == alias)
                .map(|(_, version)| version.as_str())?,
        };
        Some((version, series))
    });
    for (version, series) in
        executed.iter().map(|((_, version), series)| (*version, *series)).chain(called)
    {
        for (time, value) in series.times.iter().zip(&series.values) {
            *counts.entry((version, *time as i64 * 1000)).or_default() += value;
        }
    }
    let counted = |((version, time), count): ((&str, i64), f64)| Errors {
        version: version.to_owned(),
        time,
        count: count as u64,
    };
    counts.into_iter().map(counted).collect()
}

async fn get(
    config: &SdkConfig,
    guard: impl Intercept + 'static,
    query: String,
) -> Result<Vec<u8>, SdkError<Refused, HttpResponse>> {
    let endpoint = address(config);
    let request =
        request(config, &endpoint, query).await.map_err(SdkError::construction_failure)?;
    let call = Call {
        service: "CloudWatch",
        operation: "GetMetricData",
        endpoint: &endpoint,
        patience: READ_TIMEOUT,
    };
    request::send(config, guard, call, request, answer).await
}

fn address(config: &SdkConfig) -> String {
    request::endpoint(config, "CloudWatch").unwrap_or_else(|| {
        let region = request::region(config);
        let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
        let domain = match partition(region).1 {
            "amazonaws.com" if config.use_dual_stack() == Some(true) => "api.aws",
            domain => domain,
        };
        format!("https://monitoring{fips}.{region}.{domain}")
    })
}

async fn request(
    config: &SdkConfig,
    endpoint: &str,
    query: String,
) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::from(query));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    request.headers_mut().insert("x-amz-target", "GraniteServiceVersion20100801.GetMetricData");
    request::signed(config, ("monitoring", SigningSettings::default()), endpoint, request).await
}

fn answer(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<Refused>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(body.to_vec());
    }
    let error: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |keys: [&str; 2]| {
        keys.iter().find_map(|key| error[*key].as_str()).unwrap_or_default().to_owned()
    };
    let code = text(["__type", "code"]);
    let code = code.rsplit('#').next().filter(|code| !code.is_empty()).map(str::to_owned);
    Err(Refused::answer(code, &text(["message", "Message"])))
}

#[cfg(test)]
mod tests {
    use lambda_console_local::Endpoint;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn series(id: &str, label: &str, values: &[(i64, f64)]) -> Series {
        let (times, values) = values.iter().map(|(time, value)| (*time as f64, *value)).unzip();
        Series { id: id.into(), label: label.into(), times, values }
    }

    #[test]
    fn errors_belong_to_the_version_that_ran() {
        let aliases = [("live".to_owned(), "7".to_owned()), ("beta".to_owned(), "8".to_owned())];
        let results = [
            series(EXECUTED, "f:live 7", &[(60, 1.0)]),
            series(EXECUTED, "f:live 8", &[(60, 2.0), (120, 1.0)]),
            series(CALLED, "f:live", &[(60, 3.0), (120, 1.0)]),
            series(CALLED, "f:beta", &[(60, 4.0)]),
            series(CALLED, "f:7", &[(60, 5.0)]),
            series(CALLED, "f", &[(60, 6.0)]),
            series(CALLED, "f:gone", &[(60, 7.0)]),
        ];
        let errors = attributed("f", &aliases, &results);
        let found: Vec<_> =
            errors.iter().map(|it| (it.version.as_str(), it.time, it.count)).collect();
        assert_eq!(
            found,
            [("$LATEST", 60_000, 6), ("7", 60_000, 6), ("8", 60_000, 6), ("8", 120_000, 1)]
        );
    }

    #[test]
    fn periods_are_whole_and_as_fine_as_they_are_kept() {
        let parsed = |since: i64, now: i64| -> serde_json::Value {
            serde_json::from_str(&query("f", (since, now), Some("more"))).unwrap()
        };
        let day = parsed(1_000_030, 1_000_030 + DAY);
        assert_eq!((&day["StartTime"], &day["NextToken"]), (&json!(1_000_020), &json!("more")));
        let expression = day["MetricDataQueries"][0]["Expression"].as_str().unwrap();
        let metric = r#"{AWS/Lambda,FunctionName,Resource,ExecutedVersion} MetricName="Errors" FunctionName="f""#;
        assert_eq!(expression, format!("SEARCH('{metric}', 'Sum', 60)"));
        let week = parsed(0, 7 * DAY);
        assert!(
            week["MetricDataQueries"][1]["Expression"].as_str().unwrap().ends_with("'Sum', 300)"),
            "{week}"
        );
    }

    #[test]
    fn the_endpoint_is_that_of_the_region_and_the_configuration() {
        let config =
            |region: &'static str| SdkConfig::builder().region(aws_config::Region::new(region));
        assert_eq!(
            address(&config("eu-west-1").build()),
            "https://monitoring.eu-west-1.amazonaws.com"
        );
        let strict = config("eu-west-1").use_fips(true).use_dual_stack(true).build();
        assert_eq!(address(&strict), "https://monitoring-fips.eu-west-1.api.aws");
        assert_eq!(
            address(&config("cn-north-1").build()),
            "https://monitoring.cn-north-1.amazonaws.com.cn"
        );
        assert_eq!(
            address(&config("x").endpoint_url("http://127.0.0.1:1/").build()),
            "http://127.0.0.1:1"
        );
    }

    /// Serves one request; returns the request and the result.
    async fn asked(status: u16, answer: &str) -> (String, Result<Vec<Errors>, CallError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stage = Stage::at(&Endpoint {
            url: format!("http://{}", listener.local_addr().unwrap()),
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "secret".into(),
            region: "eu-west-1".into(),
            pid: 0,
            id: String::new(),
            memory_limit: String::new(),
            damage: Vec::new(),
        });
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, mut buffer) = (String::new(), [0; 4096]);
            let is_whole = |text: &str| {
                text.ends_with('}') && text.matches('{').count() == text.matches('}').count()
            };
            while !is_whole(&request) {
                let read = stream.read(&mut buffer).await.unwrap();
                assert_ne!(read, 0, "{request}");
                request.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            let length = answer.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
            request.to_lowercase()
        };
        tokio::join!(serving, errors(&stage, "f", &[], 0))
    }

    #[tokio::test]
    async fn the_metric_is_asked_for_in_the_services_json_and_signed() {
        let answer = r#"{"MetricDataResults":[{"Id":"executed","Label":"f:live 8","Timestamps":[1763719200.0],"Values":[2.0]}]}"#;
        let (request, errors) = asked(200, answer).await;
        assert_eq!(
            errors.unwrap(),
            [Errors { version: "8".into(), time: 1_763_719_200_000, count: 2 }]
        );
        assert!(request.starts_with("post / http/1.1\r\n"), "{request}");
        for part in [
            "x-amz-target: graniteserviceversion20100801.getmetricdata\r\n",
            "content-type: application/x-amz-json-1.0\r\n",
            "/eu-west-1/monitoring/aws4_request",
            "x-amz-date: ",
        ] {
            assert!(request.contains(part), "{part}: {request}");
        }
    }

    #[tokio::test]
    async fn a_service_without_metrics_has_none_and_a_refusal_is_one() {
        let (_, errors) =
            asked(400, r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#).await;
        assert_eq!(errors.unwrap(), []);
        let (_, errors) =
            asked(403, r#"{"__type":"AccessDeniedException","message":"not authorized"}"#).await;
        assert!(errors.unwrap_err().is_denied());
    }
}
