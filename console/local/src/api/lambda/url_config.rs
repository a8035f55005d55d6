//! `CreateFunctionUrlConfig` and related operations. Source of the messages: AWS Lambda itself.

use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    identifier::{FunctionRef, is_number},
    operations::unknown,
    page::page,
    validate::within,
};
use crate::{
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{
        function::{self, LATEST},
        url_config::{AuthType, Cors, InvokeMode, UrlConfig},
    },
};

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Settings {
    auth_type: Option<String>,
    cors: Option<Cors>,
    invoke_mode: Option<String>,
}

impl Settings {
    fn auth(&self) -> Result<Option<AuthType>, ApiError> {
        match self.auth_type.as_deref() {
            None => Ok(None),
            Some("NONE") => Ok(Some(AuthType::None)),
            Some("AWS_IAM") => Ok(Some(AuthType::Iam)),
            Some(other) => Err(ApiError::validation(
                other,
                "authType",
                "satisfy enum value set: [NONE, AWS_IAM]",
            )),
        }
    }

    fn mode(&self) -> Result<Option<InvokeMode>, ApiError> {
        match self.invoke_mode.as_deref() {
            None => Ok(None),
            Some("BUFFERED") => Ok(Some(InvokeMode::Buffered)),
            Some("RESPONSE_STREAM") => Ok(Some(InvokeMode::Stream)),
            Some(other) => Err(ApiError::validation(
                other,
                "invokeMode",
                "satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
            )),
        }
    }

    /// Validates the settings for pages of other origins.
    fn cors(&mut self) -> Result<Option<Cors>, ApiError> {
        let Some(cors) = self.cors.take() else { return Ok(None) };
        if let Some(age) = cors.max_age {
            within(age, "cors.maxAge", 0, 86_400)?;
        }
        for (list, field, items, length) in [
            (&cors.allow_methods, "cors.allowMethods", 6, 6),
            (&cors.allow_origins, "cors.allowOrigins", 100, 253),
            (&cors.allow_headers, "cors.allowHeaders", 100, 1024),
            (&cors.expose_headers, "cors.exposeHeaders", 100, 1024),
        ] {
            let list = list.as_deref().unwrap_or_default();
            if list.len() > items {
                let constraint = format!("have length less than or equal to {items}");
                return Err(ApiError::validation(&format!("{list:?}"), field, &constraint));
            }
            if let Some(long) = list.iter().find(|item| item.len() > length) {
                return Err(ApiError::validation(
                    long,
                    field,
                    &format!("have length less than or equal to {length}"),
                ));
            }
        }
        Ok(Some(cors))
    }
}

/// Target of a request: a function, and an alias or `$LATEST`.
struct Place<'a> {
    function: &'a str,
    qualifier: &'a str,
}

impl<'a> Place<'a> {
    fn read(service: &Service, call: &'a ApiRequest, name: &'a str) -> Result<Self, ApiError> {
        let named = FunctionRef::read(service, name, call.query("Qualifier"))?;
        match named.qualifier {
            // A URL belongs to the whole function or to an alias.
            Some(other) if other == LATEST || is_number(other) => {
                let constraint = "satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)";
                Err(ApiError::validation(other, "qualifier", constraint))
            }
            alias => Ok(Self { function: named.name, qualifier: alias.unwrap_or(LATEST) }),
        }
    }

    fn must_exist(&self, service: &Service) -> Result<(), ApiError> {
        let known = service.functions.record(self.function).is_some_and(|record| {
            self.qualifier == LATEST || record.aliases.contains_key(self.qualifier)
        });
        if known { Ok(()) } else { Err(no_function()) }
    }

    fn get(&self, service: &Service) -> Result<UrlConfig, ApiError> {
        service.urls.get(self.function, self.qualifier).ok_or_else(nothing)
    }
}

fn no_function() -> ApiError {
    ApiError::not_found("Function does not exist")
}

fn nothing() -> ApiError {
    ApiError::not_found("The resource you requested does not exist.")
}

/// Returns the ARN of the function or the alias.
fn arn(service: &Service, function: &str, qualifier: &str) -> String {
    function::arn(
        &service.region,
        function,
        Some(qualifier).filter(|qualifier| *qualifier != LATEST),
    )
}

/// Answers a request for one URL.
pub(super) async fn dispatch(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    match call.method {
        Method::POST => create(service, call, name).await,
        Method::GET => get(service, call, name),
        Method::PUT => update(service, call, name).await,
        Method::DELETE => delete(service, call, name).await,
        _ => Err(unknown(call)),
    }
}

/// `CreateFunctionUrlConfig`.
async fn create(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let mut settings: Settings = call.json()?;
    let place = Place::read(service, call, name)?;
    let auth =
        settings.auth()?.ok_or_else(|| ApiError::validation("null", "authType", "not be null"))?;
    let now = jiff::Timestamp::now().as_millisecond();
    let config = UrlConfig {
        id: uuid::Uuid::new_v4().simple().to_string(),
        auth,
        cors: settings.cors()?.filter(Cors::is_set),
        mode: settings.mode()?,
        created: now,
        modified: now,
    };
    let _turn = service.functions.change().await;
    place.must_exist(service)?;
    if place.get(service).is_ok() {
        let arn = arn(service, place.function, place.qualifier);
        let message = format!(
            "Failed to create function url config for [functionArn = {arn}]. Error message:  \
            FunctionUrlConfig exists for this Lambda function"
        );
        return Err(ApiError::new(409, "ResourceConflictException", message));
    }
    let mut described = describe(service, place.function, place.qualifier, &config);
    service.urls.put(place.function, place.qualifier, config)?;
    if let Some(fields) = described.as_object_mut() {
        fields.remove("LastModifiedTime");
    }
    Ok(response::json(201, &described))
}

/// `GetFunctionUrlConfig`.
fn get(service: &Service, call: &ApiRequest, name: &str) -> Result<Response<Body>, ApiError> {
    let place = Place::read(service, call, name)?;
    let config = place.get(service)?;
    Ok(response::json(200, &read(service, place.function, place.qualifier, &config)))
}

/// `UpdateFunctionUrlConfig`: settings that are absent stay unchanged; empty Cors settings remove
/// the existing ones.
async fn update(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let mut settings: Settings = call.json()?;
    let place = Place::read(service, call, name)?;
    let _turn = service.functions.change().await;
    let mut config = place.get(service)?;
    if let Some(auth) = settings.auth()? {
        config.auth = auth;
    }
    if let Some(mode) = settings.mode()? {
        config.mode = Some(mode);
    }
    if let Some(cors) = settings.cors()? {
        config.cors = Some(cors).filter(Cors::is_set);
    }
    config.modified = jiff::Timestamp::now().as_millisecond();
    let described = describe(service, place.function, place.qualifier, &config);
    service.urls.put(place.function, place.qualifier, config)?;
    Ok(response::json(200, &described))
}

/// `DeleteFunctionUrlConfig`.
async fn delete(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let place = Place::read(service, call, name)?;
    let _turn = service.functions.change().await;
    service.urls.remove(place.function, place.qualifier)?.ok_or_else(nothing)?;
    Ok(response::empty(204))
}

/// `ListFunctionUrlConfigs`.
pub(super) fn list(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let named = FunctionRef::read(service, name, None)?;
    if service.functions.record(named.name).is_none() {
        return Err(no_function());
    }
    let all = service.urls.all(named.name);
    let described = all.into_iter().map(|(qualifier, config)| {
        let described = read(service, named.name, &qualifier, &config);
        (qualifier, described)
    });
    let (described, next) = page(call, 50, described)?;
    Ok(response::json(200, &json!({ "FunctionUrlConfigs": described, "NextMarker": next })))
}

/// Describes a URL as in the answer to a change.
fn describe(service: &Service, function: &str, qualifier: &str, config: &UrlConfig) -> Value {
    let time = |milliseconds: i64| {
        let time = jiff::Timestamp::from_millisecond(milliseconds).unwrap_or_default();
        time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
    };
    let mut value = json!({
        "FunctionUrl": config.address(service.port),
        "FunctionArn": arn(service, function, qualifier),
        "AuthType": config.auth,
        "CreationTime": time(config.created),
        "LastModifiedTime": time(config.modified),
    });
    if let Some(cors) = &config.cors {
        value["Cors"] = json!(cors);
    }
    if let Some(mode) = config.mode {
        value["InvokeMode"] = json!(mode);
    }
    value
}

/// Describes a URL as in the answer to a read: with the default mode if none is set.
fn read(service: &Service, function: &str, qualifier: &str, config: &UrlConfig) -> Value {
    let mut value = describe(service, function, qualifier, config);
    value["InvokeMode"] = json!(config.mode.unwrap_or(InvokeMode::Buffered));
    value
}
