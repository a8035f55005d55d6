//! What a function does besides answering: after each response, at its end, around a snapshot.

/// A hook that was not given. It costs nothing, not even the code that would call it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

/// A hook that was given.
#[derive(Clone, Copy, Debug)]
pub struct Given<F>(pub(crate) F);

/// Something to be done with the function's state, or nothing. Only passed through [`Init`](crate::Init).
pub trait Hook<S, O> {
    /// Whether there is anything to do.
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

/// The hooks of a function, each of them given or absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hooks<A, T, B, R> {
    pub(crate) after_response: A,
    pub(crate) on_shutdown: T,
    pub(crate) before_snapshot: B,
    pub(crate) after_restore: R,
}

/// The hooks of a function that has none.
pub type NoHooks = Hooks<Absent, Absent, Absent, Absent>;
