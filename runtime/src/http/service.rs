//! `tower` services of HTTP as handlers: a service that serves HTTP anywhere else serves it in
//! Lambda unchanged.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll};

use ::http::header::{COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use ::http::{Request as HttpRequest, Response as HttpResponse};
use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use tower_service::Service;

use super::{Request, Response};
use crate::context::Context;
use crate::event::{Event, Message};
use crate::failure::Fault;
use crate::handler::{Handler, answer, input};
use crate::runtime_api::reply::Reply;
use crate::runtime_api::report::Report;
use crate::stream::Stream;
use crate::tower::{self, Serve};

/// The body of a request to a service. It is complete.
#[derive(Clone, Debug, Default)]
pub struct RequestBody(Option<Bytes>);

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}

/// Like [`Serve`], with a response that is sent while its body is made: for a function URL in the
/// mode `RESPONSE_STREAM`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServeStreaming;

/// Marks `tower` services, and handlers that serve with one.
#[derive(Debug)]
pub enum ByService {}

impl<S, B, EM, BM> Handler<(), (ByService, B, EM, BM)> for S
where
    S: Service<HttpRequest<RequestBody>, Response = HttpResponse<B>>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Error: Fault<EM>,
    B: http_body::Body,
    B::Error: Fault<BM>,
{
    async fn call(&self, (): &(), message: Message<'_>, reply: &mut Reply) -> Result<(), Report> {
        Serve.call(self, message, reply).await
    }
}

impl<S, B, EM, BM> Handler<S, (ByService, B, EM, BM)> for Serve
where
    S: Service<HttpRequest<RequestBody>, Response = HttpResponse<B>> + Clone,
    S::Error: Fault<EM>,
    B: http_body::Body,
    B::Error: Fault<BM>,
{
    async fn call(
        &self,
        service: &S,
        message: Message<'_>,
        reply: &mut Reply,
    ) -> Result<(), Report> {
        let (mut response, body) = called(service, message, reply).await?;
        let mut body = pin!(body);
        while let Some(frame) =
            std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
        {
            // Lambda's responses have no trailers.
            if let Ok(mut data) = frame.map_err(Fault::report)?.into_data() {
                response.body.extend_from_slice(&data.copy_to_bytes(data.remaining()));
            }
        }
        answer(Ok::<_, Infallible>(response), reply)
    }
}

impl<S, B, EM, BM> Handler<S, (ByService, B, EM, BM)> for ServeStreaming
where
    S: Service<HttpRequest<RequestBody>, Response = HttpResponse<B>> + Clone,
    S::Error: Fault<EM>,
    B: http_body::Body + 'static,
    B::Error: Fault<BM>,
{
    async fn call(
        &self,
        service: &S,
        message: Message<'_>,
        reply: &mut Reply,
    ) -> Result<(), Report> {
        let (response, body) = called(service, message, reply).await?;
        let stream: Stream = response.stream_reported(async move |out| {
            let mut body = pin!(body);
            while let Some(frame) =
                std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
            {
                if let Ok(mut data) = frame.map_err(Fault::report)?.into_data() {
                    let written = out.write(data.copy_to_bytes(data.remaining())).await;
                    written.map_err(|error| Report::runtime("StreamError", error.to_string()))?;
                }
            }
            Ok(())
        });
        answer(Ok::<_, Infallible>(stream), reply)
    }
}

/// Calls the service with the request of an event. Returns its response without the body, and the
/// body.
async fn called<S, B, EM>(
    service: &S,
    message: Message<'_>,
    reply: &mut Reply,
) -> Result<(Response, B), Report>
where
    S: Service<HttpRequest<RequestBody>, Response = HttpResponse<B>> + Clone,
    S::Error: Fault<EM>,
{
    let context = message.context();
    let (request, event): (Request, Event) = input(message, reply)?;
    let mut request = into_http(request, context).map_err(|error| {
        Report::runtime("UnmarshalError", format!("the event is not a valid request: {error}"))
    })?;
    request.extensions_mut().insert(event);
    let (head, body) = tower::call(service, request).await.map_err(Fault::report)?.into_parts();
    let mut response = Response::new(head.status.as_u16());
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        if name == SET_COOKIE {
            response.cookies.push(value.into_owned());
        } else {
            let values = response.headers.entry(name.as_str().to_owned()).or_default();
            if !values.is_empty() {
                values.push_str(", ");
            }
            values.push_str(&value);
        }
    }
    Ok((response, body))
}

/// Converts a request for services, with the invocation's [`Context`] in its extensions.
pub(super) fn into_http(
    request: Request,
    context: Context,
) -> Result<HttpRequest<RequestBody>, ::http::Error> {
    let Request { method, mut path, query, headers, cookies, body, .. } = request;
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    let body = (!body.is_empty()).then(|| body.into());
    let mut http =
        HttpRequest::builder().method(method.as_str()).uri(path).body(RequestBody(body))?;
    // Fields that HTTP does not allow are left out: the rest of the request is still valid.
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            http.headers_mut().append(name, value);
        }
    }
    if !http.headers().contains_key(COOKIE) {
        let cookies: Vec<&str> = cookies
            .iter()
            .map(String::as_str)
            .filter(|cookie| HeaderValue::from_str(cookie).is_ok())
            .collect();
        if let Ok(line) = HeaderValue::try_from(cookies.join("; "))
            && !line.is_empty()
        {
            http.headers_mut().insert(COOKIE, line);
        }
    }
    http.extensions_mut().insert(context);
    Ok(http)
}

#[cfg(test)]
mod tests {
    use axum::extract::{Path, Query, Request as AxumRequest};
    use axum::response::{AppendHeaders, IntoResponse};
    use axum::routing::{get, post};
    use axum::{Router, body};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{self, Outcome};

    fn router() -> Router {
        async fn item(
            Path(id): Path<u32>,
            Query(query): Query<std::collections::BTreeMap<String, String>>,
            request: AxumRequest,
        ) -> impl IntoResponse {
            let context: &Context = request.extensions().get().unwrap();
            let event: &Event = request.extensions().get().unwrap();
            let event: Value = event.json().unwrap();
            let caller = &event["requestContext"]["http"]["sourceIp"];
            let cookie = request.headers()["cookie"].to_str().unwrap();
            let text = format!("{id} {query:?} {cookie} {} {caller}", context.request_id);
            (
                AppendHeaders([
                    ("set-cookie", "a=1"),
                    ("set-cookie", "b=2"),
                    ("x-tag", "1"),
                    ("x-tag", "2"),
                ]),
                text,
            )
        }
        Router::new()
            .route("/items/{id}", get(item))
            .route("/echo", post(async |body: body::Bytes| body))
    }

    fn event(method: &str, path: &str) -> Event {
        let event = json!({
            "rawPath": path,
            "rawQueryString": "q=a%20b",
            "headers": {"X-Tag": "t"},
            "cookies": ["k=v", "l=w"],
            "requestContext": {"http": {"method": method, "sourceIp": "192.0.2.1"}},
            "body": "//4=",
            "isBase64Encoded": true
        });
        Event::new(event.to_string())
    }

    #[test]
    fn an_axum_router_is_a_handler() {
        let events = [event("GET", "/items/7"), event("POST", "/echo"), event("GET", "/nowhere")];
        let outcomes = testing::run(&(), router(), events).unwrap();
        let answers: Vec<Value> = outcomes.iter().map(|outcome| outcome.json().unwrap()).collect();
        assert_eq!(answers[0]["statusCode"], 200);
        assert_eq!(answers[0]["body"], r#"7 {"q": "a b"} k=v; l=w request-1 "192.0.2.1""#);
        assert_eq!(answers[0]["cookies"], json!(["a=1", "b=2"]));
        assert_eq!(answers[0]["headers"]["x-tag"], "1, 2");
        assert_eq!(
            (&answers[1]["body"], &answers[1]["isBase64Encoded"]),
            (&json!("//4="), &json!(true))
        );
        assert_eq!(answers[2]["statusCode"], 404);
    }

    #[test]
    fn a_router_may_be_the_state_and_its_body_may_be_streamed() {
        let outcomes = testing::run(&router(), Serve, [event("GET", "/items/7")]).unwrap();
        assert_eq!(outcomes[0].json::<Value>().unwrap()["statusCode"], 200);
        let outcomes = testing::run(&router(), ServeStreaming, [event("POST", "/echo")]).unwrap();
        let [Outcome::Response { content_type, body }] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(content_type, "application/vnd.awslambda.http-integration-response");
        assert!(
            body.starts_with(b"{\"statusCode\":200,")
                && body.ends_with(b"\0\0\0\0\0\0\0\0\xff\xfe"),
            "{body:?}"
        );
    }

    #[test]
    fn a_request_that_no_service_can_take_fails_its_invocation() {
        let outcomes = testing::run(&(), router(), [event("G T", "/")]).unwrap();
        let Outcome::Error { kind, message, .. } = &outcomes[0] else { panic!("{outcomes:?}") };
        assert_eq!(kind, "Runtime.UnmarshalError");
        assert!(message.starts_with("the event is not a valid request: invalid "), "{message}");
    }

    #[test]
    fn one_bad_header_or_cookie_is_left_out() {
        async fn shown(request: AxumRequest) -> String {
            let headers = request.headers();
            format!("{} {:?} {}", request.uri(), headers.get("cookie"), headers.len())
        }
        let event = json!({
            "rawPath": "/hello/Ann Lee",
            "rawQueryString": "q=a b",
            "headers": {"good": "1", "b\u{e4}d": "2", "bad value": "3", "broken": "a\r\nb: c", "grüße": "x", "ok": "grüße"},
            "cookies": ["a=1", "b=\n", "c=3"],
            "requestContext": {"http": {"method": "GET"}}
        });
        let router = Router::new().fallback(shown);
        let outcomes = testing::run(&(), router, [Event::new(event.to_string())]).unwrap();
        let answer: Value = outcomes[0].json().unwrap();
        assert_eq!(answer["body"], r#"/hello/Ann%20Lee?q=a%20b Some("a=1; c=3") 3"#);
    }
}
