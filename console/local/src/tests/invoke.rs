//! Invocations, from the request to the response and the log.

mod concurrency;
mod failures;
mod invocations;
pub(crate) mod phases;
mod queue;
mod resolved;
pub(crate) mod streaming;
mod tenants;
