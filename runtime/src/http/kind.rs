//! Names of events that are not HTTP requests, for the error message of a handler of requests.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::values::text;

/// Fields by which such events are recognized.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Marks {
    #[serde(rename = "requestContext")]
    context: Option<WebSocket>,
    #[serde(rename = "Records")]
    records: Vec<Record>,
    #[serde(rename = "detail-type", deserialize_with = "text")]
    detail_type: Option<String>,
    #[serde(rename = "triggerSource", deserialize_with = "text")]
    trigger: Option<String>,
    #[serde(rename = "routeArn", alias = "methodArn")]
    route_arn: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WebSocket {
    connection_id: Option<IgnoredAny>,
    #[serde(deserialize_with = "text")]
    route_key: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Record {
    #[serde(rename = "eventSource", alias = "EventSource", deserialize_with = "text")]
    source: Option<String>,
    cf: Option<IgnoredAny>,
}

/// The name of an event, if it is of a known kind.
#[cold]
pub(super) fn name(event: &[u8]) -> Option<String> {
    let Marks { context, records, detail_type, trigger, route_arn } =
        serde_json::from_slice(event).ok()?;
    if route_arn.is_some() {
        return Some("a request to an authorizer of API Gateway".to_owned());
    }
    if let Some(context) = context.filter(|context| context.connection_id.is_some()) {
        let route = context.route_key.unwrap_or_default();
        return Some(format!("`{route}` of an API Gateway WebSocket API"));
    }
    if let Some(Record { source, cf }) = records.into_iter().next() {
        let source = source.or(cf.map(|_| "CloudFront".to_owned()))?;
        return Some(format!("a batch of records of `{source}`"));
    }
    let event = detail_type.map(|detail| format!("`{detail}` of EventBridge"));
    event.or_else(|| trigger.map(|trigger| format!("the Cognito trigger `{trigger}`")))
}
