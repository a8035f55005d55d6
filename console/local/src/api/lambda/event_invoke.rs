//! `PutFunctionEventInvokeConfig`, `UpdateFunctionEventInvokeConfig` and related operations:
//! settings for asynchronous invocations. Source of the messages: AWS Lambda itself.

use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{identifier::FunctionRef, operations::unknown, page::page, validate::within};
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{
        event_invoke_config::EventConfig,
        function::{self, LATEST},
    },
};

/// Pattern of a destination in AWS's words.
const DESTINATION_PATTERN: &str = "satisfy regular expression pattern: \
    $|kafka://([^.]([a-zA-Z0-9\\-_.]{0,248}))|\
    arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1})?:(\\d{12})?:(.*)";

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    maximum_retry_attempts: Option<i64>,
    maximum_event_age_in_seconds: Option<i64>,
    destination_config: Option<Destinations>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Destinations {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Destination {
    destination: Option<String>,
}

/// Function and qualifier of a request.
struct Place<'a> {
    function: &'a str,
    qualifier: &'a str,
    arn: String,
}

impl<'a> Place<'a> {
    fn read(service: &Service, call: &'a ApiRequest, name: &'a str) -> Result<Self, ApiError> {
        let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
        let qualifier = named.qualifier.unwrap_or(LATEST);
        let arn = function::arn(&service.region, named.name, Some(qualifier));
        Ok(Self { function: named.name, qualifier, arn })
    }

    /// Checks that the version or alias exists.
    fn must_exist(&self, service: &Service) -> Result<(), ApiError> {
        let record = service.functions.record(self.function);
        let known = record.is_some_and(|record| {
            record.aliases.contains_key(self.qualifier) || record.version(self.qualifier).is_some()
        });
        if known { Ok(()) } else { Err(ApiError::not_found("The function doesn't exist.")) }
    }

    fn nothing(&self) -> ApiError {
        ApiError::not_found(format!("The function {} doesn't have an EventInvokeConfig", self.arn))
    }
}

/// Answers a request below a function's `event-invoke-config`.
pub(super) async fn dispatch(
    service: &Service,
    call: &ApiRequest,
    name: &str,
    route: &[&str],
) -> Result<Response<Body>, ApiError> {
    match (&call.method, route) {
        (&Method::PUT, []) => put(service, call, name).await,
        (&Method::POST, []) => update(service, call, name).await,
        (&Method::GET, []) => get(service, call, name),
        (&Method::DELETE, []) => delete(service, call, name).await,
        (&Method::GET, ["list"]) => list(service, call, name),
        _ => Err(unknown(call)),
    }
}

/// `PutFunctionEventInvokeConfig`: settings that are absent are reset.
async fn put(service: &Service, call: &ApiRequest, name: &str) -> Result<Response<Body>, ApiError> {
    change(service, call, name, |_| Ok(EventConfig::default())).await
}

/// `UpdateFunctionEventInvokeConfig`: settings that are absent stay unchanged.
async fn update(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    change(service, call, name, |place| {
        service.event_configs.get(place.function, place.qualifier).ok_or_else(|| place.nothing())
    })
    .await
}

async fn change(
    service: &Service,
    call: &ApiRequest,
    name: &str,
    base: impl FnOnce(&Place<'_>) -> Result<EventConfig, ApiError>,
) -> Result<Response<Body>, ApiError> {
    let settings: Settings = call.json()?;
    let place = Place::read(service, call, name)?;
    let _turn = service.functions.change().await;
    place.must_exist(service)?;
    let Settings { maximum_retry_attempts, maximum_event_age_in_seconds, destination_config } =
        settings;
    if maximum_retry_attempts.is_none()
        && maximum_event_age_in_seconds.is_none()
        && destination_config.is_none()
    {
        return Err(ApiError::invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    let mut config = base(&place)?;
    if let Some(retries) = maximum_retry_attempts {
        config.retries = Some(within(retries, "maximumRetryAttempts", 0, 2)?);
    }
    if let Some(age) = maximum_event_age_in_seconds {
        config.age = Some(within(age, "maximumEventAgeInSeconds", 60, 21_600)?);
    }
    let Destinations { on_success, on_failure } = destination_config.unwrap_or_default();
    if let Some(destination) = on_success {
        config.on_success = validate(service, &place, destination, "onSuccess")?;
    }
    if let Some(destination) = on_failure {
        config.on_failure = validate(service, &place, destination, "onFailure")?;
    }
    config.modified = jiff::Timestamp::now().as_millisecond();
    let described = describe(&config, &place.arn);
    service.event_configs.put(place.function, place.qualifier, config)?;
    Ok(response::json(200, &described))
}

/// Validates a destination: another local function, or none. AWS also supports queues, topics,
/// buckets and buses, which do not exist here.
fn validate(
    service: &Service,
    place: &Place<'_>,
    it: Destination,
    field: &str,
) -> Result<Option<String>, ApiError> {
    let Some(arn) = it.destination.filter(|arn| !arn.is_empty()) else { return Ok(None) };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let names_service = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let &["arn", partition, of, _, _, _] = parts.as_slice() else {
        let field = format!("destinationConfig.{field}.destination");
        return Err(ApiError::validation(&arn, &field, DESTINATION_PATTERN));
    };
    if !partition.starts_with("aws") || !names_service(of) {
        let field = format!("destinationConfig.{field}.destination");
        return Err(ApiError::validation(&arn, &field, DESTINATION_PATTERN));
    }
    match of {
        "lambda" => {}
        "sqs" | "sns" | "events" | "s3" => {
            return Err(ApiError::invalid(format!(
                "The destination ARN {arn} is not supported by the local Lambda: it sends records \
                to its own functions only. Name a function's ARN here, and set this destination on \
                AWS."
            )));
        }
        _ => {
            let described = |name: &str| {
                if field == name {
                    format!("{}(destination={arn})", capital(name))
                } else {
                    "null".to_owned()
                }
            };
            return Err(ApiError::invalid(format!(
                "The provided destination config DestinationConfig(onSuccess={}, onFailure={}) is \
                invalid.",
                described("onSuccess"),
                described("onFailure")
            )));
        }
    }
    let invalid = |_| ApiError::invalid(format!("The destination ARN {arn} is invalid."));
    let named = FunctionRef::read(service, &arn, None).map_err(invalid)?;
    named.version(service).map_err(invalid)?;
    if named.name == place.function {
        return Err(ApiError::invalid(
            "You can't specify the function as a destination for itself.",
        ));
    }
    Ok(Some(arn))
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// `GetFunctionEventInvokeConfig`.
fn get(service: &Service, call: &ApiRequest, name: &str) -> Result<Response<Body>, ApiError> {
    let place = Place::read(service, call, name)?;
    let config = service
        .event_configs
        .get(place.function, place.qualifier)
        .ok_or_else(|| place.nothing())?;
    Ok(response::json(200, &describe(&config, &place.arn)))
}

/// `DeleteFunctionEventInvokeConfig`.
async fn delete(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let place = Place::read(service, call, name)?;
    let _turn = service.functions.change().await;
    service
        .event_configs
        .remove(place.function, place.qualifier)?
        .ok_or_else(|| place.nothing())?;
    Ok(response::empty(204))
}

/// `ListFunctionEventInvokeConfigs`.
fn list(service: &Service, call: &ApiRequest, name: &str) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, None)?;
    if service.functions.record(named.name).is_none() {
        return Err(ApiError::not_found("The function doesn't exist."));
    }
    let all = service.event_configs.all(named.name);
    let described = all.into_iter().map(|(qualifier, config)| {
        let described =
            describe(&config, &function::arn(&service.region, named.name, Some(&qualifier)));
        (qualifier, described)
    });
    let (described, next) = page(call, 50, described)?;
    Ok(response::json(200, &json!({ "FunctionEventInvokeConfigs": described, "NextMarker": next })))
}

fn describe(config: &EventConfig, arn: &str) -> Value {
    let destination =
        |arn: &Option<String>| arn.as_ref().map_or(json!({}), |arn| json!({ "Destination": arn }));
    let mut value = json!({
        "LastModified": config.modified as f64 / 1000.0,
        "FunctionArn": arn,
        "DestinationConfig": {
            "OnSuccess": destination(&config.on_success),
            "OnFailure": destination(&config.on_failure),
        },
    });
    if let Some(retries) = config.retries {
        value["MaximumRetryAttempts"] = retries.into();
    }
    if let Some(age) = config.age {
        value["MaximumEventAgeInSeconds"] = age.into();
    }
    value
}
