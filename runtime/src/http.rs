//! HTTP through Lambda: the events of function URLs, of API Gateway (payload formats 1.0 and 2.0), of Application Load
//! Balancers and of VPC Lattice as requests, and responses in the form of each. Feature `http`.
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
//! A `tower` service is a handler as it is, an axum router for one:
//!
//! ```no_run
//! use axum::{Router, routing::get};
//!
//! fn main() {
//!     lambda::run(Router::new().route("/", get(async || "hello")));
//! }
//! ```
//!
//! A request's extensions have the invocation's [`Context`](crate::Context). A router that is made by an async function
//! is a state, served by [`Serve`] (or by [`ServeStreaming`]).
//!
//! # Paths
//!
//! A path is as the client sent it, without the name of API Gateway's stage where that is in front. Set the environment
//! variable `LAMBDA_HTTP_BASE_PATH`, to `/orders` for one, to remove what a custom domain maps an API by: routes are then
//! the same there and under API Gateway's own domain. Only whole segments at the beginning are removed.
//!
//! What a URI cannot hold (HTTP APIs decode paths) is percent-encoded again. A header field or a cookie that HTTP does not
//! allow is left out.

mod address;
mod event;
mod kind;
mod request;
mod response;
#[cfg(test)]
mod round_trip;
mod service;
mod values;

pub use request::Request;
pub use response::Response;
pub use service::{RequestBody, Serve, ServeStreaming};
