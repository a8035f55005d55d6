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
//! - What a handler may take and return: [`Handler`], [`Input`], [`Respond`], [`Fault`].
//! - What is known of an invocation: [`Context`], and of the function: [`function`].
//! - Responses that are sent while they are made: [`Stream`].
//! - State that is made once and lent to every call: [`init`](fn@init).
//! - What else there is to do, after each response, at the end, around a snapshot: [`Init`].
//! - Lines in the log: [`log`].
//!
//! `run` speaks the Runtime API over one connection, with its own small HTTP/1.1 client on tokio and `httparse`
//! (hyper's parser): an invocation takes six system calls and about a sixth of the instructions that a general HTTP
//! client needs. Handlers run on a current-thread tokio, so timers and sockets of tokio work in them.
//!
//! A handler that returns an error fails its invocation; a handler that panics does too, and the process ends after
//! the report. When the environment is not Lambda's, `run` says so and ends the process with code 3.

mod base64;
mod client;
mod connection;
mod context;
mod decode;
mod end;
mod endpoint;
mod event;
mod extension;
mod failure;
mod handler;
mod hooks;
#[cfg(feature = "http")]
pub mod http;
mod init;
pub mod log;
mod panic;
mod payload;
mod reply;
mod report;
mod respond;
mod serve;
mod signal;
mod start;
mod stream;
pub mod testing;
#[cfg(feature = "tracing")]
pub mod tracing;

pub use bytes::Bytes;

pub use context::{Context, Function, Identity, function};
pub use event::{Event, Input};
pub use failure::{Error, Failure, Fault, PayloadError};
pub use handler::Handler;
pub use hooks::{Absent, Given, Hook, Hooks, NoHooks};
pub use init::{Init, init, stateless};
pub use respond::{Body, Respond};
use start::executor;
pub use start::run;
pub use stream::{Stream, Writer};
