//! A function before it runs: the init of its state, and its hooks.

use std::convert::Infallible;
use std::fmt;

use crate::failure::Fault;
use crate::lifecycle::hooks::{Absent, Given, Hooks, NoHooks};
use crate::runtime_api::report::Report;

/// Init and hooks of a function. Created by [`init`], or by [`stateless`] for a function without
/// state; each hook may be set once; [`run`](Init::run) serves.
///
/// ```no_run
/// use lambda::Error;
///
/// struct Metrics;
///
/// impl Metrics {
///     async fn flush(&self) {}
/// }
///
/// async fn open() -> Result<Metrics, Error> {
///     Ok(Metrics)
/// }
///
/// async fn count(metrics: &Metrics, number: u32) -> Result<u32, Error> {
///     Ok(number + 1)
/// }
///
/// fn main() {
///     lambda::init(open)
///         .after_response(async |metrics| metrics.flush().await)
///         .on_shutdown(async |metrics| metrics.flush().await)
///         .run(count);
/// }
/// ```
#[derive(Clone, Copy)]
#[must_use = "nothing runs before `.run(handler)`"]
pub struct Init<I, K = NoHooks> {
    pub(crate) init: I,
    pub(crate) hooks: K,
}

/// Creates a function's shared state before the first invocation, as part of the cold start. Every
/// call borrows the state; an error (or a panic) is reported as the function's init error, and the
/// process ends.
///
/// ```no_run
/// use lambda::Error;
///
/// struct Table {
///     name: String,
/// }
///
/// async fn open() -> Result<Table, Error> {
///     Ok(Table { name: std::env::var("TABLE")? })
/// }
///
/// async fn find(table: &Table, id: u32) -> Result<String, Error> {
///     Ok(format!("{} in {}", id, table.name))
/// }
///
/// fn main() {
///     lambda::init(open).run(find);
/// }
/// ```
pub fn init<I, S, E>(init: I) -> Init<I>
where
    I: AsyncFnOnce() -> Result<S, E>,
{
    Init { init, hooks: NoHooks::default() }
}

/// Creates a function without state, to set hooks; without hooks, [`run`](crate::run) is all that
/// is needed.
///
/// ```no_run
/// async fn double(number: i64) -> Result<i64, lambda::Error> {
///     Ok(number * 2)
/// }
///
/// fn main() {
///     lambda::stateless().on_shutdown(async |()| lambda::log::info("bye")).run(double);
/// }
/// ```
pub fn stateless() -> Init<impl AsyncFnOnce() -> Result<(), Infallible>> {
    init(async || Ok(()))
}

impl<I, T, B, R> Init<I, Hooks<Absent, T, B, R>> {
    /// Runs this hook after each answer, before the next invocation is requested and thus before
    /// the sandbox is frozen: use it to flush telemetry. The caller has the answer already; on an
    /// ordinary function the time still counts as the invocation's, and the next invocation waits.
    pub fn after_response<S, E, F>(self, hook: F) -> Init<I, Hooks<Given<F>, T, B, R>>
    where
        I: AsyncFnOnce() -> Result<S, E>,
        F: AsyncFn(&S) + Send + Sync + 'static,
    {
        let Hooks { on_shutdown, before_snapshot, after_restore, .. } = self.hooks;
        let hooks =
            Hooks { after_response: Given(hook), on_shutdown, before_snapshot, after_restore };
        Init { init: self.init, hooks }
    }
}

impl<I, A, B, R> Init<I, Hooks<A, Absent, B, R>> {
    /// Runs this hook when Lambda ends the sandbox (SIGTERM). Work in progress is dropped first;
    /// afterwards `run` returns, and the state is dropped. There are about 300 milliseconds for all
    /// of it, 500 if the function has no other extension.
    ///
    /// Only a function with this hook handles the signal. It costs two requests at the start:
    /// Lambda sends SIGTERM only if an extension is registered, so an internal one is.
    pub fn on_shutdown<S, E, F>(self, hook: F) -> Init<I, Hooks<A, Given<F>, B, R>>
    where
        I: AsyncFnOnce() -> Result<S, E>,
        F: AsyncFn(&S),
    {
        let Hooks { after_response, before_snapshot, after_restore, .. } = self.hooks;
        let hooks =
            Hooks { after_response, on_shutdown: Given(hook), before_snapshot, after_restore };
        Init { init: self.init, hooks }
    }
}

impl<I, A, T, R> Init<I, Hooks<A, T, Absent, R>> {
    /// Runs this hook before `SnapStart` takes its snapshot: warm up caches, close connections. A
    /// failure is the function's init error. Without `SnapStart` it never runs.
    #[expect(
        clippy::type_complexity,
        reason = "it is the type of the hook, which has no other name"
    )]
    pub fn before_snapshot<S, E, F, O, M>(
        self,
        hook: F,
    ) -> Init<I, Hooks<A, T, Given<impl AsyncFn(&S) -> Result<(), Report>>, R>>
    where
        I: AsyncFnOnce() -> Result<S, E>,
        F: AsyncFn(&S) -> Result<(), O>,
        O: Fault<M>,
    {
        let before_snapshot =
            Given(async move |state: &S| hook(state).await.map_err(Fault::report));
        let Hooks { after_response, on_shutdown, after_restore, .. } = self.hooks;
        Init {
            init: self.init,
            hooks: Hooks { after_response, on_shutdown, before_snapshot, after_restore },
        }
    }
}

impl<I, A, T, B> Init<I, Hooks<A, T, B, Absent>> {
    /// Runs this hook after `SnapStart` restored a snapshot, once in each sandbox: reopen
    /// connections, renew what must differ in every sandbox (seeds, ids; a `HashMap` created before
    /// keeps its seed). A failure is reported, and the process ends. Without `SnapStart` it never
    /// runs.
    #[expect(
        clippy::type_complexity,
        reason = "it is the type of the hook, which has no other name"
    )]
    pub fn after_restore<S, E, F, O, M>(
        self,
        hook: F,
    ) -> Init<I, Hooks<A, T, B, Given<impl AsyncFn(&S) -> Result<(), Report>>>>
    where
        I: AsyncFnOnce() -> Result<S, E>,
        F: AsyncFn(&S) -> Result<(), O>,
        O: Fault<M>,
    {
        let after_restore = Given(async move |state: &S| hook(state).await.map_err(Fault::report));
        let Hooks { after_response, on_shutdown, before_snapshot, .. } = self.hooks;
        Init {
            init: self.init,
            hooks: Hooks { after_response, on_shutdown, before_snapshot, after_restore },
        }
    }
}

impl<I, K> fmt::Debug for Init<I, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Init").finish_non_exhaustive()
    }
}
