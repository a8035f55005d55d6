//! Invocations: whether one may run now, the sandbox that takes it, and what it comes to.

pub(crate) mod concurrency;
pub(crate) mod invocation;
pub(crate) mod pool;
pub(crate) mod running;
