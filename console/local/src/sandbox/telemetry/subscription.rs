//! A request to subscribe, validated as AWS does. Pure: JSON in, a subscription or error messages
//! out.

use std::time::Duration;

use http::{Method, Uri};
use serde_json::Value;

use super::{Category, destination::Destination};

/// The two APIs for subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// `/2022-07-01/telemetry`.
    Telemetry,
    /// `/2020-08-15/logs`, which has fewer events.
    Logs,
}

/// Subscription of an extension: events, batches and destination.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// The API through which it was requested.
    pub(super) api: Api,
    /// The event sources.
    pub(crate) categories: Vec<Category>,
    /// `true` if the Logs API sends `platform.runtimeDone`.
    runtime_done: bool,
    pub(super) destination: Destination,
    pub(super) buffering: Buffering,
}

/// Limits of a batch: it is sent as soon as one of them is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buffering {
    /// Number of events.
    pub(super) items: usize,
    /// Size of all events together in bytes.
    pub(super) bytes: usize,
    /// Age of the first event.
    pub(super) timeout: Duration,
}

impl Subscription {
    /// Parses a request. The error contains everything that is invalid.
    pub(crate) fn parse(api: Api, body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the request is not JSON: {error}"))?;
        let mut wrong = Vec::new();
        let version = body.get("schemaVersion").map(|version| version.as_str().unwrap_or_default());
        let versions: &[&str] = match api {
            Api::Telemetry => &["2022-07-01", "2022-12-13", "2025-01-29"],
            Api::Logs => &["2020-08-15", "2021-03-18"],
        };
        match version {
            None if api == Api::Telemetry => wrong.push("schemaVersion is not provided".to_owned()),
            Some(version) if !versions.contains(&version) => {
                wrong.push(format!("schemaVersion should be one of {}", versions.join(", ")));
            }
            _ => {}
        }
        let destination = destination(body.get("destination"), &mut wrong);
        let categories = categories(body.get("types"), &mut wrong);
        let buffering = body.get("buffering");
        let mut limit = |name: &str, default: u64, least: u64, most: u64| {
            let Some(value) = buffering.and_then(|buffering| buffering.get(name)) else {
                return default;
            };
            let value = value.as_u64().filter(|value| (least..=most).contains(value));
            value.unwrap_or_else(|| {
                wrong.push(format!("{name} should be between {least} and {most}"));
                default
            })
        };
        let buffering = Buffering {
            items: limit("maxItems", 10_000, 1000, 10_000) as usize,
            bytes: limit("maxBytes", 262_144, 262_144, 1_048_576) as usize,
            timeout: Duration::from_millis(limit("timeoutMs", 1000, 25, 30_000)),
        };
        match destination {
            Some(destination) if wrong.is_empty() => {
                let runtime_done = version == Some("2021-03-18");
                Ok(Self { api, categories, runtime_done, destination, buffering })
            }
            _ => Err(wrong.join("; ")),
        }
    }

    /// Returns `true` if the subscription includes this event.
    pub(super) fn wants(&self, category: Category, kind: &str) -> bool {
        let known = match self.api {
            Api::Telemetry => {
                !matches!(kind, "platform.end" | "platform.fault" | "platform.logsSubscription")
            }
            Api::Logs => match kind {
                "platform.runtimeDone" => self.runtime_done,
                _ => {
                    !kind.starts_with("platform.init")
                        && !matches!(kind, "platform.telemetrySubscription")
                }
            },
        };
        known && self.categories.contains(&category)
    }
}

fn categories(types: Option<&Value>, wrong: &mut Vec<String>) -> Vec<Category> {
    let all = [Category::Platform, Category::Function, Category::Extension];
    let types = types.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if types.is_empty() {
        wrong.push("types should not be empty".to_owned());
    }
    let mut categories = Vec::new();
    for name in types {
        match all.into_iter().find(|category| name == category.name()) {
            Some(category) => categories.push(category),
            None => {
                wrong.push(format!("{name} is not one of the types platform, function, extension"));
            }
        }
    }
    categories
}

fn destination(destination: Option<&Value>, wrong: &mut Vec<String>) -> Option<Destination> {
    let Some(destination) = destination.filter(|destination| destination.is_object()) else {
        wrong.push("destination is not provided".to_owned());
        return None;
    };
    let text = |name: &str| destination.get(name).and_then(Value::as_str).unwrap_or_default();
    let found = match text("protocol") {
        "HTTP" => http(text("URI"), text("method")),
        "TCP" => {
            let port = destination
                .get("port")
                .and_then(Value::as_u64)
                .and_then(|port| u16::try_from(port).ok());
            port.filter(|port| *port > 0)
                .map(|port| Destination::Tcp { port })
                .ok_or("port is not provided")
        }
        _ => Err("protocol should be HTTP or TCP"),
    };
    found.map_err(|error| wrong.push(error.to_owned())).ok()
}

fn http(uri: &str, method: &str) -> Result<Destination, &'static str> {
    let method = match method {
        "" | "POST" => Method::POST,
        "PUT" => Method::PUT,
        _ => return Err("method should be POST or PUT"),
    };
    let uri: Uri = uri.parse().map_err(|_invalid| "URI is not valid")?;
    if uri.scheme_str() != Some("http") {
        return Err("URI scheme should be http");
    }
    if !matches!(uri.host(), Some("sandbox.localdomain" | "sandbox")) {
        return Err("URI host should be sandbox.localdomain or sandbox");
    }
    let port = uri.port_u16().filter(|port| *port > 0).ok_or("URI port is not provided")?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Destination::Http { port, path, method })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(api: Api, change: impl FnOnce(&mut Value)) -> Result<Subscription, String> {
        let version = if api == Api::Logs { "2020-08-15" } else { "2022-07-01" };
        let mut request = json!({
            "schemaVersion": version, "types": ["platform", "function"],
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/x?y=1" },
        });
        change(&mut request);
        Subscription::parse(api, request.to_string().as_bytes())
    }

    #[test]
    fn the_defaults_are_those_of_aws() {
        let subscription = parse(Api::Telemetry, |_| {}).unwrap();
        let http =
            Destination::Http { port: 8080, path: "/x?y=1".to_owned(), method: Method::POST };
        assert_eq!(subscription.destination, http);
        let timeout = Duration::from_secs(1);
        assert_eq!(subscription.buffering, Buffering { items: 10_000, bytes: 262_144, timeout });
    }

    #[test]
    fn all_errors_are_reported() {
        let error = parse(Api::Telemetry, |request| {
            request["types"] = json!([]);
            request["destination"]["URI"] = "http://sandbox.localdomain".into();
        });
        assert_eq!(error.unwrap_err(), "URI port is not provided; types should not be empty");
        for (field, value) in [
            ("schemaVersion", json!("1999-01-01")),
            ("schemaVersion", Value::Null),
            ("types", json!(["weather"])),
            ("destination", Value::Null),
            ("destination", json!({ "protocol": "UDP" })),
            ("destination", json!({ "protocol": "TCP", "port": 70_000 })),
            ("destination", json!({ "protocol": "HTTP", "URI": "http://example.com:80" })),
            ("destination", json!({ "protocol": "HTTP", "URI": "https://sandbox:80" })),
            ("buffering", json!({ "maxItems": 1 })),
            ("buffering", json!({ "maxBytes": 1 })),
            ("buffering", json!({ "timeoutMs": 1 })),
        ] {
            let result = parse(Api::Telemetry, |request| request[field] = value.clone());
            assert!(result.is_err(), "{field}: {value}");
        }
    }

    #[test]
    fn each_api_has_its_events() {
        let telemetry = parse(Api::Telemetry, |_| {}).unwrap();
        let logs = parse(Api::Logs, |_| {}).unwrap();
        let wants = |kind: &str| {
            (telemetry.wants(Category::Platform, kind), logs.wants(Category::Platform, kind))
        };
        assert_eq!(wants("platform.initStart"), (true, false));
        assert_eq!(wants("platform.runtimeDone"), (true, false));
        assert_eq!(wants("platform.end"), (false, true));
        assert_eq!(wants("platform.report"), (true, true));
        assert!(!telemetry.wants(Category::Extension, "extension"), "not asked for");
    }
}
