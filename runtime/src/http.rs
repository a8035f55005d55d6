//! HTTP through Lambda: requests from the events of function URLs, API Gateway (payload formats 1.0
//! and 2.0), Application Load Balancers and VPC Lattice, and responses in the format of each.
//! Feature `http`.
//!
//! ```
//! use lambda::Error;
//! use lambda::http::{Request, Response};
//!
//! async fn hello(request: Request) -> Result<Response, Error> {
//!     Ok(match (request.method(), request.path()) {
//!         ("GET", "/") => Response::text(200, "hello"),
//!         _ => Response::new(404),
//!     })
//! }
//! # let request = Request::new("GET", "/");
//! # assert_eq!((request.method(), request.path()), ("GET", "/"));
//! ```
//!
//! A `tower` service, such as an axum router, is a handler by itself:
//!
//! ```no_run
//! use axum::{Router, routing::get};
//!
//! fn main() {
//!     lambda::run(Router::new().route("/", get(async || "hello")));
//! }
//! ```
//!
//! A request's extensions contain the invocation's [`Context`](crate::Context) and its
//! [`Event`](crate::Event), which has what is not HTTP, such as an authorizer's claims. A router
//! that is created by an async function is a state, served by [`Serve`] (or by
//! [`ServeStreaming`]).
//!
//! # Paths
//!
//! A path is as the client sent it, without API Gateway's stage name if it begins with that. Set
//! the environment variable `LAMBDA_HTTP_BASE_PATH`, for example to `/orders`, to remove the base
//! path of a custom domain's API mapping: routes are then the same there and under API Gateway's
//! own domain. Only whole segments at the beginning are removed.
//!
//! Characters that a URI cannot contain (HTTP APIs decode paths) are percent-encoded again. A
//! header field or a cookie that HTTP does not allow is left out.

mod address;
mod event;
mod kind;
mod request;
mod response;
#[cfg(test)]
mod round_trip;
mod service;
mod values;

pub use crate::tower::Serve;
pub use request::Request;
pub use response::Response;
pub use service::{RequestBody, ServeStreaming};
