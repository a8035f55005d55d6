//! `tower` services as handlers, and thereby `tower`'s layers around any handler: limits of time
//! and concurrency, retries, layers of your own. Feature `tower`.
//!
//! A service of [`Invocation`]s is a handler by itself. A function becomes one with `service_fn`:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use lambda::{Error, Invocation};
//! use tower::ServiceBuilder;
//!
//! async fn halve(Invocation { event, .. }: Invocation<u32>) -> Result<u32, Error> {
//!     Ok(event / 2)
//! }
//!
//! fn main() {
//!     let limit = Duration::from_secs(5);
//!     lambda::run(ServiceBuilder::new().timeout(limit).service_fn(halve));
//! }
//! ```
//!
//! The service's request is an `Invocation<T>` of any [`Input`], its response any [`Respond`], its
//! error any [`Fault`]. It is cloned for each invocation, and a managed instance calls clones on
//! several threads at once.
//!
//! A service that needs an async function, or the executor, to be created is a state, served by
//! [`Serve`]. That includes a layer whose service is not `Clone`, under a `buffer`:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use lambda::{Error, Invocation};
//! use tower::{Service, ServiceBuilder};
//!
//! async fn halve(call: Invocation<u32>) -> Result<u32, Error> {
//!     Ok(call.event / 2)
//! }
//!
//! type Call = Invocation<u32>;
//!
//! async fn open() -> Result<impl Service<Call, Response = u32, Error = Error> + Clone, Error> {
//!     let second = Duration::from_secs(1);
//!     Ok(ServiceBuilder::new().buffer(16).rate_limit(10, second).service_fn(halve))
//! }
//!
//! fn main() {
//!     lambda::init(open).run(lambda::tower::Serve);
//! }
//! ```

use tower_service::Service;

use crate::event::{Input, Message};
use crate::failure::Fault;
use crate::handler::{Handler, answer, input};
use crate::invocation::Invocation;
use crate::respond::Respond;
use crate::runtime_api::reply::Reply;
use crate::runtime_api::report::Report;

/// Serves with a state that is a `tower` service: of [`Invocation`]s, or, with the feature `http`,
/// of HTTP requests, such as a router that has to be created first.
///
/// ```no_run
/// # #[cfg(feature = "http")] {
/// use axum::{Router, routing::get};
///
/// async fn router() -> Result<Router, lambda::Error> {
///     Ok(Router::new().route("/", get(async || "hello")))
/// }
///
/// fn main() {
///     lambda::init(router).run(lambda::http::Serve);
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Serve;

/// Marks `tower` services of invocations.
#[derive(Debug)]
pub enum ByInvocation {}

impl<S, T, TM, OM, EM> Handler<(), (ByInvocation, T, TM, OM, EM)> for S
where
    S: Service<Invocation<T>> + Clone + Send + Sync + 'static,
    S::Response: Respond<OM>,
    S::Error: Fault<EM>,
    T: Input<TM>,
{
    async fn call(&self, (): &(), message: Message<'_>, reply: &mut Reply) -> Result<(), Report> {
        Serve.call(self, message, reply).await
    }
}

impl<S, T, TM, OM, EM> Handler<S, (ByInvocation, T, TM, OM, EM)> for Serve
where
    S: Service<Invocation<T>> + Clone,
    S::Response: Respond<OM>,
    S::Error: Fault<EM>,
    T: Input<TM>,
{
    async fn call(
        &self,
        service: &S,
        message: Message<'_>,
        reply: &mut Reply,
    ) -> Result<(), Report> {
        let context = message.context();
        let event = input(message, reply)?;
        answer(call(service, Invocation { event, context }).await, reply)
    }
}

/// Calls a clone of the service, once it is ready.
pub(crate) async fn call<S, R>(service: &S, request: R) -> Result<S::Response, S::Error>
where
    S: Service<R> + Clone,
{
    let mut service = service.clone();
    std::future::poll_fn(|context| service.poll_ready(context)).await?;
    service.call(request).await
}

#[cfg(test)]
mod tests;
