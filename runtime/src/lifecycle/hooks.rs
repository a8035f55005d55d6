//! Hooks of a function: after each response, at its end, around a snapshot.

/// A hook that was not set. It costs nothing, not even the code that would call it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

/// A hook that was set.
#[derive(Clone, Copy, Debug)]
pub struct Given<F>(pub(crate) F);

/// A hook with access to the function's state, or none. Only passed through [`Init`](crate::Init).
pub trait Hook<S, O> {
    /// `true` if the hook was set.
    const GIVEN: bool;

    #[doc(hidden)]
    fn call(&self, state: &S) -> impl Future<Output = Option<O>>;
}

impl<S, O> Hook<S, O> for Absent {
    const GIVEN: bool = false;

    async fn call(&self, _: &S) -> Option<O> {
        None
    }
}

impl<S, O, F: AsyncFn(&S) -> O> Hook<S, O> for Given<F> {
    const GIVEN: bool = true;

    async fn call(&self, state: &S) -> Option<O> {
        Some((self.0)(state).await)
    }
}

/// The hooks of a function, each of them set or absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks<A, T, B, R> {
    pub(crate) after_response: A,
    pub(crate) on_shutdown: T,
    pub(crate) before_snapshot: B,
    pub(crate) after_restore: R,
}

/// The hooks of a function without any.
pub type NoHooks = Hooks<Absent, Absent, Absent, Absent>;
