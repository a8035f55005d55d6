//! HTTP through Lambda: the events of function URLs and of API Gateway's HTTP APIs (payload format 2.0) as requests,
//! and responses in their form. Feature `http`.
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

mod request;
mod response;

pub use request::Request;
pub use response::Response;
