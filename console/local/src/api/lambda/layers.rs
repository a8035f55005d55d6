//! Layers: `PublishLayerVersion`, `GetLayerVersion`, `GetLayerVersionByArn`, `ListLayers`,
//! `ListLayerVersions`, `DeleteLayerVersion`, and the layers that a function uses.

mod policy;

use std::sync::Arc;

use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    code::{Code, take},
    functions::describe::base64_of,
    identifier::{is_name, is_number},
    operations::unknown,
    page::page,
    validate,
};
use crate::{
    account::{ACCOUNT, is_account},
    http::{
        error::ApiError,
        request::ApiRequest,
        response::{self, Body},
    },
    service::Service,
    store::{
        function,
        function_record::Policy,
        layers::{Layer, Version},
    },
};

/// Maximum number of layers of a function.
const MOST: usize = 5;
/// Pattern of a layer version's ARN in AWS's words.
const ARN_PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:\
    layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublishRequest {
    content: Option<Code>,
    #[serde(default)]
    description: String,
    license_info: Option<String>,
    #[serde(default)]
    compatible_runtimes: Vec<String>,
    #[serde(default)]
    compatible_architectures: Vec<String>,
}

/// Answers a request below `/layers`.
pub(super) async fn dispatch(
    service: &Arc<Service>,
    call: &ApiRequest,
    route: &[&str],
) -> Result<Response<Body>, ApiError> {
    match (&call.method, route) {
        (&Method::GET, []) if call.query("find") == Some("LayerVersion") => {
            get_by_arn(service, call)
        }
        (&Method::GET, []) => list_layers(service, call),
        (&Method::POST, [layer, "versions"]) => publish(service, call, read(service, layer)?).await,
        (&Method::GET, [layer, "versions"]) => list_versions(service, call, read(service, layer)?),
        (&Method::GET, [layer, "versions", number]) => {
            get(service, read(service, layer)?, validate_number(number)?)
        }
        (&Method::DELETE, [layer, "versions", number]) => {
            delete(service, read(service, layer)?, validate_number(number)?)
        }
        (&Method::POST, [layer, "versions", number, "policy"]) => {
            policy::add(service, call, read(service, layer)?, validate_number(number)?)
        }
        (&Method::GET, [layer, "versions", number, "policy"]) => {
            policy::get(service, read(service, layer)?, validate_number(number)?)
        }
        (&Method::DELETE, [layer, "versions", number, "policy", sid]) => {
            policy::remove(service, call, (read(service, layer)?, validate_number(number)?), sid)
        }
        _ => Err(unknown(call)),
    }
}

/// Returns the name in a layer's name or ARN.
fn read<'a>(service: &Service, layer: &'a str) -> Result<&'a str, ApiError> {
    let prefix = format!("arn:aws:lambda:{}:{ACCOUNT}:layer:", service.region);
    let name = layer.strip_prefix(&prefix).unwrap_or(layer);
    if is_name(name) && name.len() <= 140 {
        return Ok(name);
    }
    let pattern = "satisfy regular expression pattern: \
        (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}\
                   ((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:layer:[a-zA-Z0-9-_]{1,140}|[a-zA-Z0-9-_]{1,140})";
    Err(ApiError::validation(layer, "layerName", pattern))
}

fn validate_number(number: &str) -> Result<u64, ApiError> {
    match number.parse::<i64>() {
        Ok(number) if number >= 1 => Ok(number.unsigned_abs()),
        Ok(_) => Err(ApiError::invalid("Layer Version Cannot be less than 1")),
        Err(error) => Err(ApiError::new(
            400,
            "SerializationException",
            format!("{number:?} is not a version: {error}"),
        )),
    }
}

/// Returns a layer's ARN.
pub(super) fn arn(service: &Service, name: &str) -> String {
    format!("arn:aws:lambda:{}:{ACCOUNT}:layer:{name}", service.region)
}

/// Describes a version as in lists.
fn describe_in_list(service: &Service, name: &str, number: u64, version: &Version) -> Value {
    let created = jiff::Timestamp::from_millisecond(version.created).unwrap_or_default();
    let mut value = json!({
        "LayerVersionArn": format!("{}:{number}", arn(service, name)),
        "Version": number,
        "Description": version.description,
        "CreatedDate": created.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string(),
        "CompatibleRuntimes": version.runtimes,
        "CompatibleArchitectures": version.architectures,
    });
    if let Some(license) = &version.license {
        value["LicenseInfo"] = license.as_str().into();
    }
    value
}

/// Describes a version as Lambda does.
fn describe(
    service: &Service,
    name: &str,
    number: u64,
    version: &Version,
) -> Result<Value, ApiError> {
    let mut value = describe_in_list(service, name, number, version);
    value["LayerArn"] = arn(service, name).into();
    value["Content"] =
        json!({ "CodeSha256": base64_of(&version.sha256), "CodeSize": version.size });
    if let Some(location) = service.location(&version.sha256)? {
        value["Content"]["Location"] = location.into();
    }
    Ok(value)
}

/// `PublishLayerVersion`.
async fn publish(
    service: &Arc<Service>,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let request: PublishRequest = call.long_json().await?;
    validate::description(&request.description)?;
    if request.license_info.as_ref().is_some_and(|license| license.chars().count() > 512) {
        let license = request.license_info.unwrap_or_default();
        return Err(ApiError::validation(
            &license,
            "licenseInfo",
            "have length less than or equal to 512",
        ));
    }
    if request.compatible_runtimes.len() > 15 {
        let listed = format!("[{}]", request.compatible_runtimes.join(", "));
        return Err(ApiError::validation(
            &listed,
            "compatibleRuntimes",
            "have length less than or equal to 15",
        ));
    }
    for architecture in &request.compatible_architectures {
        validate::one_of(architecture, "compatibleArchitectures", &["x86_64", "arm64"])?;
    }
    let content =
        request.content.ok_or_else(|| ApiError::validation("null", "content", "not be null"))?;
    let taken = take(service, content.zip()?).await?;
    let version = Version {
        sha256: taken.sha256.clone(),
        size: taken.size,
        unpacked: taken.unpacked,
        description: request.description,
        license: request.license_info,
        runtimes: request.compatible_runtimes,
        architectures: request.compatible_architectures,
        created: jiff::Timestamp::now().as_millisecond(),
        policy: Policy::default(),
    };
    service.codes.keep_zip(&taken.sha256);
    let published = service.layers.change(name, |layer| {
        layer.published += 1;
        layer.versions.insert(layer.published, version.clone());
        layer.published
    });
    let number = published.inspect_err(|_| service.codes.drop_zip(&taken.sha256))?;
    Ok(response::json(201, &describe(service, name, number, &version)?))
}

/// `ResourceNotFoundException` for a version of the layer with that ARN.
pub(super) fn no_version(arn: &str, number: u64) -> ApiError {
    ApiError::not_found(format!("Layer version {arn}:{number} does not exist."))
}

fn missing() -> ApiError {
    ApiError::not_found("The resource you requested does not exist.")
}

/// `GetLayerVersion`.
fn get(service: &Service, name: &str, number: u64) -> Result<Response<Body>, ApiError> {
    let layer = service.layers.get(name).ok_or_else(missing)?;
    let version = layer.versions.get(&number).ok_or_else(missing)?;
    Ok(response::json(200, &describe(service, name, number, version)?))
}

/// Returns the region, the name and the number in the ARN of a layer version.
fn parts(arn: &str) -> Option<(&str, &str, u64)> {
    match arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "lambda", region, account, "layer", name, number]
            if is_account(account) && is_name(name) && is_number(number) =>
        {
            Some((region, name, number.parse().ok()?))
        }
        _ => None,
    }
}

/// `GetLayerVersionByArn`.
fn get_by_arn(service: &Service, call: &ApiRequest) -> Result<Response<Body>, ApiError> {
    let asked = call.query("Arn").unwrap_or_default();
    let Some((_, name, number)) = parts(asked) else {
        return Err(ApiError::validation(
            asked,
            "arn",
            &format!("satisfy regular expression pattern: {ARN_PATTERN}"),
        ));
    };
    if asked != format!("{}:{number}", arn(service, name)) {
        return Err(missing());
    }
    get(service, name, number)
}

/// Returns a filter for the versions in a list that requests a runtime or an architecture.
fn filter(call: &ApiRequest) -> Result<impl Fn(&Version) -> bool, ApiError> {
    let (runtime, architecture) =
        (call.query("CompatibleRuntime"), call.query("CompatibleArchitecture"));
    if let Some(architecture) = architecture {
        validate::one_of(architecture, "compatibleArchitecture", &["x86_64", "arm64"])?;
    }
    Ok(move |version: &Version| {
        let has = |list: &[String], asked: Option<&str>| {
            asked.is_none_or(|asked| list.iter().any(|one| one == asked))
        };
        has(&version.runtimes, runtime) && has(&version.architectures, architecture)
    })
}

/// `ListLayers`: each with its latest matching version.
fn list_layers(service: &Service, call: &ApiRequest) -> Result<Response<Body>, ApiError> {
    let filter = filter(call)?;
    let all = service.layers.all();
    let listed = all.iter().filter_map(|layer: &Arc<Layer>| {
        let (number, version) = layer.versions.iter().rev().find(|(_, version)| filter(version))?;
        let listed = json!({
            "LayerName": layer.name,
            "LayerArn": arn(service, &layer.name),
            "LatestMatchingVersion": describe_in_list(service, &layer.name, *number, version),
        });
        Some((layer.name.clone(), listed))
    });
    let (listed, next) = page(call, 50, listed)?;
    Ok(response::json(200, &json!({ "Layers": listed, "NextMarker": next })))
}

/// `ListLayerVersions`: the latest first.
fn list_versions(
    service: &Service,
    call: &ApiRequest,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let filter = filter(call)?;
    let layer = service.layers.get(name).unwrap_or_default();
    let listed = layer.versions.iter().rev().filter(|(_, version)| filter(version)).map(
        |(number, version)| {
            (
                format!("{:020}", u64::MAX - number),
                describe_in_list(service, name, *number, version),
            )
        },
    );
    let (listed, next) = page(call, 50, listed)?;
    Ok(response::json(200, &json!({ "LayerVersions": listed, "NextMarker": next })))
}

/// `DeleteLayerVersion`: functions that use it keep it; deleting a missing version succeeds.
fn delete(service: &Service, name: &str, number: u64) -> Result<Response<Body>, ApiError> {
    if service.layers.get(name).is_some_and(|layer| layer.versions.contains_key(&number)) {
        let removed = service.layers.change(name, |layer| layer.versions.remove(&number))?;
        if let Some(version) = removed {
            service.codes.drop_zip(&version.sha256);
        }
    }
    Ok(response::empty(204))
}

/// Returns the layers of a function, by their versions' ARNs.
pub(super) fn choose(service: &Service, arns: &[String]) -> Result<Vec<function::Layer>, ApiError> {
    if arns.len() > MOST {
        return Err(ApiError::invalid(format!("Cannot reference more than {MOST} layers.")));
    }
    let mut chosen: Vec<function::Layer> = Vec::new();
    for asked in arns {
        let Some((region, name, number)) = parts(asked) else {
            let constraint = format!(
                "satisfy constraint: [Member must have length less than or equal to 2048, Member \
                must have length greater than or equal to 1, Member must satisfy regular \
                expression pattern: {ARN_PATTERN}, Member must not be null]"
            );
            return Err(ApiError::validation(
                &format!("[{}]", arns.join(", ")),
                "layers",
                &constraint,
            ));
        };
        if region != service.region {
            return Err(ApiError::invalid(format!(
                "Layers are not in the same region as the function. Layers are expected to be in \
                region {}.",
                service.region
            )));
        }
        let layer = format!("{}:", arn(service, name));
        let version =
            service.layers.get(name).and_then(|layer| layer.versions.get(&number).cloned());
        let Some(version) = version.filter(|_| asked.starts_with(&layer)) else {
            return Err(ApiError::invalid(format!("Layer version {asked} does not exist.")));
        };
        if let Some(other) = chosen.iter().find(|other| other.arn.starts_with(&layer)) {
            return Err(ApiError::invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the \
                same function. {} and {asked} are versions of the same layer.",
                other.arn
            )));
        }
        let Version { sha256, size, unpacked, .. } = version;
        chosen.push(function::Layer { arn: asked.clone(), sha256, size, unpacked });
    }
    Ok(chosen)
}
