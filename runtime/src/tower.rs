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

use crate::event::{Input, Invocation, Message};
use crate::failure::Fault;
use crate::handler::{Handler, answer, input};
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
mod tests {
    use std::future::pending;
    use std::sync::{Arc, Mutex};
    use std::task::{Context as TaskContext, Poll};
    use std::time::Duration;

    use tower::limit::ConcurrencyLimitLayer;
    use tower::util::BoxCloneSyncService;
    use tower::{Layer, Service, ServiceBuilder, service_fn};

    use super::*;
    use crate::testing::{self, Outcome};
    use crate::{Body, Context, Error, Event, Failure};

    /// A layer that notes the request id and the event of each call, and its outcome.
    #[derive(Clone, Default)]
    struct Noted(Arc<Mutex<Vec<String>>>);

    #[derive(Clone)]
    struct Noting<S> {
        notes: Noted,
        inner: S,
    }

    impl<S> Layer<S> for Noted {
        type Service = Noting<S>;

        fn layer(&self, inner: S) -> Noting<S> {
            Noting { notes: self.clone(), inner }
        }
    }

    impl<S, T> Service<Invocation<T>> for Noting<S>
    where
        S: Service<Invocation<T>, Future: 'static>,
        T: std::fmt::Debug,
    {
        type Response = S::Response;
        type Error = S::Error;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<S::Response, S::Error>>>>;

        fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
            self.inner.poll_ready(context)
        }

        fn call(&mut self, call: Invocation<T>) -> Self::Future {
            let text = format!("{} {:?}", call.context.request_id, call.event);
            let (notes, called) = (self.notes.clone(), self.inner.call(call));
            Box::pin(async move {
                let outcome = called.await;
                notes.0.lock().unwrap().push(format!("{text} {}", outcome.is_ok()));
                outcome
            })
        }
    }

    async fn halve(Invocation { event, .. }: Invocation<u32>) -> Result<u32, Failure> {
        match event {
            0 => pending().await,
            odd if odd % 2 == 1 => Err(Failure::new("Odd", format!("{odd} is odd"))),
            even => Ok(even / 2),
        }
    }

    fn events<const N: usize>(texts: [&'static str; N]) -> [Event; N] {
        texts.map(Event::new)
    }

    fn error(outcome: &Outcome) -> (&str, &str) {
        let Outcome::Error { kind, message, .. } = outcome else { panic!("{outcome:?}") };
        (kind, message)
    }

    #[test]
    fn layers_of_tower_are_around_a_typed_handler() {
        let notes = Noted::default();
        let service = ServiceBuilder::new()
            .layer(notes.clone())
            .timeout(Duration::from_millis(50))
            .layer(ConcurrencyLimitLayer::new(1))
            .service_fn(halve);
        let outcomes = testing::run(&(), service, events(["84", "3", "0", "\"x\"", "2"])).unwrap();
        assert_eq!(outcomes[0].json::<u32>().unwrap(), 42);
        // What a layer has put into a box keeps its name.
        assert_eq!(error(&outcomes[1]), ("Function.Odd", "3 is odd"));
        assert_eq!(error(&outcomes[2]), ("Function.Error", "request timed out"));
        assert_eq!(error(&outcomes[3]).0, "Runtime.UnmarshalError");
        // The permit of the call that was dropped is free.
        assert_eq!(outcomes[4].json::<u32>().unwrap(), 1);
        assert_eq!(
            *notes.0.lock().unwrap(),
            ["request-1 84 true", "request-2 3 false", "request-3 0 false", "request-5 2 true"]
        );
    }

    #[test]
    fn the_event_may_be_raw_and_the_response_a_body() {
        async fn echo(call: Invocation) -> Result<Body, Error> {
            Ok(Body::text(format!("{}: {:?}", call.context.request_id, call.event.bytes())))
        }
        let outcomes = testing::run(&(), service_fn(echo), events(["1"])).unwrap();
        let [Outcome::Response { content_type, body }] = &outcomes[..] else {
            panic!("{outcomes:?}")
        };
        assert_eq!(
            (content_type.as_str(), &body[..]),
            ("text/plain; charset=utf-8", &b"request-1: [49]"[..])
        );
    }

    #[test]
    fn a_service_that_is_created_by_the_init_is_a_state() {
        type Halves = BoxCloneSyncService<Invocation<u32>, u32, Error>;

        async fn open() -> Result<Halves, Error> {
            let buffered = ServiceBuilder::new()
                .boxed_clone_sync()
                .buffer(4)
                .rate_limit(10, Duration::from_secs(1))
                .service_fn(halve);
            Ok(buffered)
        }
        let seen = Mutex::new(0);
        let seen: &'static _ = Box::leak(Box::new(seen));
        let function =
            crate::init(open).after_response(async |_: &Halves| *seen.lock().unwrap() += 1);
        let outcomes = testing::run_function(function, Serve, events(["84", "3"])).unwrap();
        assert_eq!(outcomes[0].json::<u32>().unwrap(), 42);
        assert_eq!(error(&outcomes[1]), ("Function.Odd", "3 is odd"));
        assert_eq!(*seen.lock().unwrap(), 2);
    }

    #[cfg(feature = "http")]
    #[test]
    fn an_http_request_is_answered_in_its_form_through_layers() {
        use crate::http::{Request, Response};

        async fn path(call: Invocation<Request>) -> Result<Response, Error> {
            Ok(Response::text(200, call.event.path()).with_cookie("a=1"))
        }
        let service = ServiceBuilder::new().timeout(Duration::from_secs(9)).service_fn(path);
        let event = r#"{"httpMethod":"GET","path":"/x","requestContext":{"stage":"beta"}}"#;
        let outcomes = testing::run(&(), service, events([event])).unwrap();
        let answer: serde_json::Value = outcomes[0].json().unwrap();
        assert_eq!(
            (&answer["body"], &answer["multiValueHeaders"]["set-cookie"][0]),
            (&"/x".into(), &"a=1".into())
        );
    }

    #[test]
    fn an_invocation_is_made_of_an_event_with_or_without_a_context() {
        let context = Context { request_id: "7".into(), ..Context::default() };
        assert_eq!(Invocation::from(1).context, Context::default());
        assert_eq!(Invocation::from((1, context.clone())), Invocation { event: 1, context });
    }
}
