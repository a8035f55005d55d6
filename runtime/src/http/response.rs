//! A response in the formats of function URLs, API Gateway and load balancers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::slice;

use serde::Serialize;

use crate::event::AsItIs;
use crate::failure::Fault;
use crate::respond::Respond;
use crate::runtime_api::base64;
use crate::runtime_api::reply::{Form, Reply};
use crate::runtime_api::report::Report;
use crate::stream::{Stream, Writer};

/// An HTTP response.
///
/// It is written in the format of the request's source. Sources of the formats: AWS Lambda
/// developer guide, "Invoking Lambda function URLs"; API Gateway developer guide, "Lambda proxy
/// integrations"; Elastic Load Balancing, "Lambda functions as targets".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) cookies: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// Creates a response with this status and nothing else.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Creates a response with a value as its JSON body. Returns an error if the value cannot be
    /// serialized.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Result<Self, serde_json::Error> {
        let body = serde_json::to_vec(value)?;
        Ok(Self::new(status).with_header("content-type", "application/json").with_body(body))
    }

    /// Creates a response with a text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status)
            .with_header("content-type", "text/plain; charset=utf-8")
            .with_body(text.into())
    }

    /// Sets a header field; an existing one is replaced.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.into());
        self
    }

    /// Adds a cookie, in the format of the `Set-Cookie` field.
    #[must_use]
    pub fn with_cookie(mut self, cookie: impl Into<String>) -> Self {
        self.cookies.push(cookie.into());
        self
    }

    /// Sets the body. Bytes that are not UTF-8 are sent as base64.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Replaces the body by one that is made while it is sent; status, fields and cookies are sent
    /// before it. The function URL's invoke mode has to be `RESPONSE_STREAM`.
    pub fn stream<P, E, M>(self, produce: P) -> Stream
    where
        P: AsyncFnOnce(&mut Writer) -> Result<(), E> + 'static,
        E: Fault<M>,
    {
        self.stream_reported(async move |out| produce(out).await.map_err(Fault::report))
    }

    /// Like [`Response::stream`], for a closure that reports its failure itself.
    pub(super) fn stream_reported<P>(self, produce: P) -> Stream
    where
        P: AsyncFnOnce(&mut Writer) -> Result<(), Report> + 'static,
    {
        let prelude =
            Prelude { status_code: self.status, headers: &self.headers, cookies: &self.cookies };
        // Numbers and texts can always be serialized.
        let mut prelude = serde_json::to_vec(&prelude).unwrap_or_default();
        prelude.extend_from_slice(&[0; 8]);
        Stream::reported("application/vnd.awslambda.http-integration-response", produce)
            .with_prelude(prelude)
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header field, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Metadata that is sent before a stream, followed by eight zero bytes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Prelude<'a> {
    status_code: u16,
    headers: &'a BTreeMap<String, String>,
    cookies: &'a [String],
}

/// The serialized response, without the fields that its reader does not know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<Cow<'a, BTreeMap<String, String>>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    multi_value_headers: BTreeMap<&'a str, &'a [String]>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    cookies: &'a [String],
    body: &'a str,
    is_base64_encoded: bool,
}

/// A variant of a name that differs for each number in upper and lower case only. A load balancer
/// accepts one value per name, and clients ignore the case of names: so several cookies can be
/// sent.
fn cased(name: &str, number: usize) -> String {
    let case = |(place, letter): (usize, char)| {
        if number >> place & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
    };
    name.chars().enumerate().map(case).collect()
}

impl Respond<AsItIs> for Response {
    fn respond(self, reply: &mut Reply) -> Result<(), Report> {
        const SET_COOKIE: &str = "set-cookie";
        let encoded;
        let (body, is_base64_encoded) = if let Ok(text) = std::str::from_utf8(&self.body) {
            (text, false)
        } else {
            encoded = base64::encode(&self.body);
            (encoded.as_str(), true)
        };
        let mut wire = Wire {
            status_code: self.status,
            status_description: None,
            headers: None,
            multi_value_headers: BTreeMap::new(),
            cookies: &[],
            body,
            is_base64_encoded,
        };
        if matches!(reply.form, Form::Balancer | Form::BalancerOfMany) {
            let reason = ::http::StatusCode::from_u16(self.status)
                .ok()
                .and_then(|status| status.canonical_reason());
            wire.status_description =
                Some(format!("{} {}", self.status, reason.unwrap_or_default()));
        }
        match reply.form {
            Form::Gateway2 => {
                wire.headers = Some(Cow::Borrowed(&self.headers));
                wire.cookies = &self.cookies;
            }
            Form::Gateway1 => wire.headers = Some(Cow::Borrowed(&self.headers)),
            Form::BalancerOfMany => {
                let headers = self.headers.iter();
                wire.multi_value_headers =
                    headers.map(|(name, value)| (&**name, slice::from_ref(value))).collect();
            }
            Form::Balancer => {
                let mut headers = self.headers.clone();
                let cookies = self.cookies.iter().enumerate();
                headers.extend(
                    cookies.map(|(number, cookie)| (cased(SET_COOKIE, number), cookie.clone())),
                );
                wire.headers = Some(Cow::Owned(headers));
            }
        }
        if matches!(reply.form, Form::Gateway1 | Form::BalancerOfMany) && !self.cookies.is_empty() {
            wire.multi_value_headers.insert(SET_COOKIE, &self.cookies);
        }
        wire.respond(reply)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::Event;
    use crate::testing;

    fn sent(response: Response) -> Value {
        let handler = async move |(): ()| Ok::<_, crate::Error>(response.clone());
        testing::run(&(), handler, [Event::default()]).unwrap()[0].json().unwrap()
    }

    #[test]
    fn a_response_is_sent_in_the_form_of_the_gateway() {
        let response =
            Response::json(201, &json!({"id": 1})).unwrap().with_header("Location", "/items/1");
        assert_eq!(
            sent(response.with_cookie("k=v; Secure")),
            json!({
                "statusCode": 201,
                "headers": {"content-type": "application/json", "location": "/items/1"},
                "cookies": ["k=v; Secure"],
                "body": "{\"id\":1}",
                "isBase64Encoded": false
            })
        );
    }

    #[test]
    fn each_kind_of_sender_gets_the_form_that_it_reads() {
        let answer = |event: Value| {
            let handler = async |request: crate::http::Request| {
                let response =
                    Response::text(404, request.path()).with_cookie("a=1").with_cookie("b=2");
                Ok::<_, crate::Error>(response)
            };
            testing::run(&(), handler, [Event::new(event.to_string())]).unwrap()[0]
                .json::<Value>()
                .unwrap()
        };
        let gateway =
            json!({"httpMethod": "GET", "path": "/x", "requestContext": {"stage": "beta"}});
        assert_eq!(
            answer(gateway),
            json!({
                "statusCode": 404,
                "headers": {"content-type": "text/plain; charset=utf-8"},
                "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]},
                "body": "/x",
                "isBase64Encoded": false
            })
        );
        let balancer = json!({"httpMethod": "GET", "path": "/x", "headers": {}, "requestContext": {"elb": {}}});
        assert_eq!(
            answer(balancer),
            json!({
                "statusCode": 404,
                "statusDescription": "404 Not Found",
                "headers": {"content-type": "text/plain; \
                    charset=utf-8", "set-cookie": "a=1", "Set-cookie": "b=2"},
                "body": "/x",
                "isBase64Encoded": false
            })
        );
        let many = json!({"httpMethod": "GET", "path": "/x", "multiValueHeaders": {}, "requestContext": {"elb": {}}});
        assert_eq!(
            answer(many),
            json!({
                "statusCode": 404,
                "statusDescription": "404 Not Found",
                "multiValueHeaders": {"content-type": ["text/plain; \
                    charset=utf-8"], "set-cookie": ["a=1", "b=2"]},
                "body": "/x",
                "isBase64Encoded": false
            })
        );
    }

    #[test]
    fn a_stream_has_its_status_and_fields_ahead() {
        let handler = async |(): ()| {
            let response = Response::new(201).with_header("x-a", "b").with_cookie("k=v");
            Ok::<_, crate::Error>(response.stream(async |out| out.write("body").await))
        };
        let outcomes = testing::run(&(), handler, [Event::default()]).unwrap();
        let expected = b"{\"statusCode\":201,\"headers\":{\"x-a\":\"b\"},\"cookies\":[\"k=v\"]}\0\0\0\0\0\0\0\0body";
        let content_type = "application/vnd.awslambda.http-integration-response".to_owned();
        assert_eq!(
            outcomes,
            [testing::Outcome::Response { content_type, body: expected[..].into() }]
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_sent_as_base64() {
        let sent = sent(Response::new(200).with_body([0xff, 0xfe]));
        assert_eq!((&sent["body"], &sent["isBase64Encoded"]), (&json!("//4="), &json!(true)));
    }
}
