//! An async runtime for AWS Lambda functions: small, complete, quick to start.
//!
//! ```no_run
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize)]
//! struct Order {
//!     item: String,
//! }
//!
//! #[derive(Serialize)]
//! struct Receipt {
//!     text: String,
//! }
//!
//! async fn sell(order: Order) -> Result<Receipt, lambda::Error> {
//!     Ok(Receipt { text: format!("one {}", order.item) })
//! }
//!
//! fn main() {
//!     lambda::run(sell);
//! }
//! ```
//!
//! # The forms of a handler
//!
//! Each of these is run here as it would be in Lambda, by [`testing`]; in a function, `main` is
//! `lambda::run(handler)`.
//!
//! Values in and out, by serde; an error of any type:
//!
//! ```
//! # use lambda::{Error, Event, testing};
//! async fn halve(number: u32) -> Result<u32, Error> {
//!     if number % 2 == 1 {
//!         return Err(format!("{number} is odd").into());
//!     }
//!     Ok(number / 2)
//! }
//! # let outcomes = testing::run(&(), halve, [Event::new("84"), Event::new("3")]).unwrap();
//! # assert_eq!(outcomes[0].json::<u32>().unwrap(), 42);
//! # assert!(matches!(&outcomes[1], testing::Outcome::Error { message, .. } if message == "3 is odd"));
//! ```
//!
//! With the context of the invocation:
//!
//! ```
//! # use lambda::{Error, Event, testing};
//! use lambda::Context;
//!
//! async fn left(_: (), context: Context) -> Result<String, Error> {
//!     Ok(format!("{} has {:?} left", context.request_id, context.remaining()))
//! }
//! # let outcomes = testing::run(&(), left, [Event::new("null")]).unwrap();
//! # assert!(outcomes[0].json::<String>().unwrap().starts_with("request-1 has "));
//! ```
//!
//! The raw event, which lends its bytes; a body that is sent unchanged:
//!
//! ```
//! # use lambda::{Error, testing};
//! use lambda::{Body, Event};
//!
//! #[derive(serde::Deserialize)]
//! struct Name<'a> {
//!     name: &'a str,
//! }
//!
//! async fn greet(event: Event) -> Result<Body, Error> {
//!     let Name { name } = event.json()?;
//!     Ok(Body::text(format!("Hello, {name}!")))
//! }
//! # let outcomes = testing::run(&(), greet, [Event::new(r#"{"name":"Lambda"}"#)]).unwrap();
//! # assert!(matches!(&outcomes[0], testing::Outcome::Response { body, .. } if body == "Hello, Lambda!"));
//! ```
//!
//! State that is created once, before the first invocation, and hooks ([`Init`]):
//!
//! ```
//! # use lambda::{Error, Event, testing};
//! struct Rates {
//!     euro: f64,
//! }
//!
//! async fn load() -> Result<Rates, Error> {
//!     Ok(Rates { euro: 1.5 })
//! }
//!
//! async fn convert(rates: &Rates, euros: f64) -> Result<f64, Error> {
//!     Ok(rates.euro * euros)
//! }
//!
//! let function = lambda::init(load).after_response(async |_| lambda::log::info("converted"));
//! // In `main`: function.run(convert);
//! # let outcomes = testing::run_function(function, convert, [Event::new("2")]).unwrap();
//! # assert_eq!(outcomes[0].json::<f64>().unwrap(), 3.0);
//! ```
//!
//! A response that is sent while it is made:
//!
//! ```
//! # use lambda::{Error, Event, testing};
//! use lambda::Stream;
//!
//! async fn count(to: u32) -> Result<Stream, Error> {
//!     Ok(Stream::new("text/plain", async move |out| {
//!         for number in 1..=to {
//!             out.write(format!("{number}\n")).await?;
//!         }
//!         Ok::<_, Error>(())
//!     }))
//! }
//! # let outcomes = testing::run(&(), count, [Event::new("3")]).unwrap();
//! # assert!(matches!(&outcomes[0], testing::Outcome::Response { body, .. } if body == "1\n2\n3\n"));
//! ```
//!
//! HTTP requests of function URLs, API Gateway and load balancers, and any `tower` service, such as
//! an axum router (feature `http`):
//!
//! ```
//! # #[cfg(feature = "http")] {
//! # use lambda::{Error, Event, testing};
//! use lambda::http::{Request, Response};
//!
//! async fn route(request: Request) -> Result<Response, Error> {
//!     match (request.method(), request.path()) {
//!         ("GET", "/") => Ok(Response::json(200, &"welcome")?),
//!         _ => Ok(Response::json(404, &"not here")?),
//!     }
//! }
//! # let event = r#"{"version":"2.0","rawPath":"/","requestContext":{"http":{"method":"GET","path":"/"}}}"#;
//! # let outcomes = testing::run(&(), route, [Event::new(event)]).unwrap();
//! # assert!(matches!(&outcomes[0], testing::Outcome::Response { body, .. } if body.starts_with(b"{\"statusCode\":200")));
//! # }
//! ```
//!
//! Layers of `tower` around a handler (feature [`tower`]):
//!
//! ```
//! # #[cfg(feature = "tower")] {
//! # use std::time::Duration;
//! # use lambda::{Error, Event, testing};
//! # use tower::ServiceBuilder;
//! use lambda::Invocation;
//!
//! async fn double(call: Invocation<u32>) -> Result<u32, Error> {
//!     Ok(call.event * 2)
//! }
//!
//! let handler = ServiceBuilder::new().timeout(Duration::from_secs(5)).service_fn(double);
//! # let outcomes = testing::run(&(), handler, [Event::new("21")]).unwrap();
//! # assert_eq!(outcomes[0].json::<u32>().unwrap(), 42);
//! # }
//! ```
//!
//! # Where to look
//!
//! - Inputs and outputs of a handler: [`Handler`], [`Input`], [`Respond`], [`Fault`].
//! - Metadata of an invocation: [`Context`], and of the function: [`function`].
//! - State and hooks, after each response, at the end, around a snapshot: [`init`](fn@init),
//!   [`Init`].
//! - Several functions in one program, selected by the handler of the settings: [`route`].
//! - Log lines: [`log`]. Running a handler without Lambda: [`testing`].
//!
//! # How it works
//!
//! `run` speaks the Runtime API over one connection, with its own small HTTP/1.1 client on tokio
//! and `httparse` (hyper's parser): an invocation takes six system calls and about a sixth of the
//! instructions that a general HTTP client needs. Handlers run on a current-thread tokio, so timers
//! and sockets of tokio work in them.
//!
//! A handler that returns an error fails its invocation; a handler that panics does too, and the
//! process ends after the report. If the environment is not Lambda's, `run` reports it and ends the
//! process with code 3.

mod context;
mod event;
#[cfg(feature = "exec")]
pub mod exec;
mod failure;
mod handler;
#[cfg(feature = "http")]
pub mod http;
mod lifecycle;
pub mod log;
mod respond;
mod runtime_api;
mod stream;
pub mod testing;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use bytes::Bytes;
pub use context::{Context, Function, Identity, function};
pub use event::{Event, Input, Invocation};
pub use failure::{Error, Failure, Fault, PayloadError};
pub use handler::Handler;
pub use lifecycle::hooks::{Absent, Given, Hook, Hooks, NoHooks};
pub use lifecycle::init::{Init, init, stateless};
pub use lifecycle::route::route;
pub use lifecycle::start::run;
pub use respond::{Body, Respond};
pub use stream::{Stream, Writer};
