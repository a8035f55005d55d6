//! An invocation as one value.

use crate::context::Context;
use crate::event::Event;

/// An event and its context as one value: the request of a `tower` service (feature `tower`), and
/// what [`testing`](crate::testing) sends. An empty request id is replaced there by a generated one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation<T = Event> {
    /// The event: any [`Input`](crate::Input).
    pub event: T,
    /// The context.
    pub context: Context,
}

impl<T> From<T> for Invocation<T> {
    fn from(event: T) -> Self {
        Self { event, context: Context::default() }
    }
}

impl<T> From<(T, Context)> for Invocation<T> {
    fn from((event, context): (T, Context)) -> Self {
        Self { event, context }
    }
}
