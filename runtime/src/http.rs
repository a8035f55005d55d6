//! HTTP through Lambda: the events of function URLs, of API Gateway (payload formats 1.0 and 2.0) and of Application
//! Load Balancers as requests, and responses in the form of each. Feature `http`.
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

mod event;
mod request;
mod response;
mod service;

pub use request::Request;
pub use response::Response;
pub use service::{RequestBody, Serve, ServeStreaming};
