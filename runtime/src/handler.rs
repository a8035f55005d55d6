//! The forms that a handler may have.

use crate::context::Context;
use crate::event::{Input, Message};
use crate::failure::Fault;
use crate::respond::Respond;
use crate::runtime_api::reply::Reply;
use crate::runtime_api::report::Report;

/// A function that handles invocations. Every async function or closure of one of these forms is
/// one:
///
/// - `async fn(T) -> Result<O, E>`
/// - `async fn(T, Context) -> Result<O, E>`
/// - after [`init`](fn@crate::init): `async fn(&S, T) -> Result<O, E>`
/// - after [`init`](fn@crate::init): `async fn(&S, T, Context) -> Result<O, E>`
/// - with the feature `tower`: every `tower` service of [`Invocation`](crate::Invocation)s
/// - with the feature `http`: every `tower` service of HTTP requests, such as an axum router
///
/// `T` is an [`Input`], `O` a [`Respond`], `E` a [`Fault`]. The handler itself is `Send + Sync`,
/// because a managed instance calls it from several threads at once; the future it returns need not
/// be.
///
/// The second parameter only distinguishes the forms; the compiler infers it. Not meant to be
/// implemented elsewhere.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler is `async fn(T) -> Result<O, E>` or `async fn(T, lambda::Context) -> \
        Result<O, E>`, with `&State` before the event after `lambda::init`",
    note = "`T` implements `serde::Deserialize` (without borrowing) or is `lambda::Event`; `O` \
        implements `serde::Serialize` or is `lambda::Body`; `E` is an error that is `Send + Sync`"
)]
pub trait Handler<S, M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn call(
        &self,
        state: &S,
        message: Message<'_>,
        reply: &mut Reply,
    ) -> impl Future<Output = Result<(), Report>>;
}

/// Writes the result of a handler.
pub(crate) fn answer<O, OM, E, EM>(outcome: Result<O, E>, reply: &mut Reply) -> Result<(), Report>
where
    O: Respond<OM>,
    E: Fault<EM>,
{
    outcome.map_err(Fault::report)?.respond(reply)
}

/// Reads the event for a handler.
#[cfg_attr(
    not(feature = "http"),
    expect(unused_variables, reason = "only HTTP responses differ by their event")
)]
pub(crate) fn input<T: Input<M>, M>(message: Message<'_>, reply: &mut Reply) -> Result<T, Report> {
    let event =
        T::read(message).map_err(|error| Report::runtime("UnmarshalError", error.to_string()))?;
    #[cfg(feature = "http")]
    {
        reply.form = event.form();
    }
    Ok(event)
}

/// Marks `async fn(T)`.
#[derive(Debug)]
pub enum Plain {}
/// Marks `async fn(T, Context)`.
#[derive(Debug)]
pub enum WithContext {}
/// Marks `async fn(&S, T)`.
#[derive(Debug)]
pub enum WithState {}
/// Marks `async fn(&S, T, Context)`.
#[derive(Debug)]
pub enum WithBoth {}

impl<F, T, O, E, TM, OM, EM> Handler<(), (Plain, T, O, E, TM, OM, EM)> for F
where
    F: AsyncFn(T) -> Result<O, E> + Send + Sync + 'static,
    T: Input<TM>,
    O: Respond<OM>,
    E: Fault<EM>,
{
    async fn call(&self, (): &(), message: Message<'_>, reply: &mut Reply) -> Result<(), Report> {
        let event = input(message, reply)?;
        answer(self(event).await, reply)
    }
}

impl<F, T, O, E, TM, OM, EM> Handler<(), (WithContext, T, O, E, TM, OM, EM)> for F
where
    F: AsyncFn(T, Context) -> Result<O, E> + Send + Sync + 'static,
    T: Input<TM>,
    O: Respond<OM>,
    E: Fault<EM>,
{
    async fn call(&self, (): &(), message: Message<'_>, reply: &mut Reply) -> Result<(), Report> {
        let context = message.context();
        let event = input(message, reply)?;
        answer(self(event, context).await, reply)
    }
}

impl<F, S, T, O, E, TM, OM, EM> Handler<S, (WithState, T, O, E, TM, OM, EM)> for F
where
    F: AsyncFn(&S, T) -> Result<O, E> + Send + Sync + 'static,
    T: Input<TM>,
    O: Respond<OM>,
    E: Fault<EM>,
{
    async fn call(&self, state: &S, message: Message<'_>, reply: &mut Reply) -> Result<(), Report> {
        let event = input(message, reply)?;
        answer(self(state, event).await, reply)
    }
}

impl<F, S, T, O, E, TM, OM, EM> Handler<S, (WithBoth, T, O, E, TM, OM, EM)> for F
where
    F: AsyncFn(&S, T, Context) -> Result<O, E> + Send + Sync + 'static,
    T: Input<TM>,
    O: Respond<OM>,
    E: Fault<EM>,
{
    async fn call(&self, state: &S, message: Message<'_>, reply: &mut Reply) -> Result<(), Report> {
        let context = message.context();
        let event = input(message, reply)?;
        answer(self(state, event, context).await, reply)
    }
}

/// The init of a function without one.
pub(crate) async fn nothing() -> Result<(), std::convert::Infallible> {
    Ok(())
}
