//! Invocations: concurrency limits, the choice of a sandbox, the outcome.

pub(crate) mod concurrency;
pub(crate) mod invocation;
pub(crate) mod pool;
pub(crate) mod running;
