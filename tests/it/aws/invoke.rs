//! Invocations with faults injected by a proxy: an invocation that may have run is not retried, one
//! that did not run is.

use tests::{Fault, Fixture, Home, LocalLambda, Outcome, Proxy, Rule};

/// A function on a local Lambda behind a proxy.
struct Greet {
    proxy: Proxy,
    home: Home,
    _fixture: Fixture,
    _local: LocalLambda,
    _directory: tempfile::TempDir,
}

impl Greet {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let local = LocalLambda::start(directory.path());
        let proxy = Proxy::start(local.account());
        let fixture = Fixture::apart();
        fixture.stage("beta", "");
        fixture.prebuilt("greet", "1", "");
        let home = Home::new(fixture.path()).on(proxy.account());
        home.run(["--stage", "beta", "deploy", "--json"]).ok();
        Self { proxy, home, _fixture: fixture, _local: local, _directory: directory }
    }

    /// Invokes it with this fault. Returns the outcome and the number of requests.
    fn invoke(&self, fault: Fault, times: usize) -> (Outcome, usize) {
        self.under(Rule::on("Invoke", fault).times(times), &[])
    }

    fn under(&self, rule: Rule, more: &[&str]) -> (Outcome, usize) {
        self.proxy.calls();
        self.proxy.fault(rule);
        let arguments = ["--stage", "beta", "invoke", "greet", "--payload", "{}", "--json"];
        let outcome = self.home.run([&arguments, more].concat());
        assert!(self.proxy.clear_faults()[0].done() > 0, "the harm was not done: {outcome:?}");
        (
            outcome,
            self.proxy
                .calls()
                .into_iter()
                .filter(|call| call.operation.starts_with("Invoke"))
                .count(),
        )
    }
}

#[test]
fn what_may_have_run_is_never_run_again() {
    let greet = Greet::new();
    for fault in [
        Fault::Reset,
        Fault::ResetDone,
        Fault::FAILED,
        Fault::FAILED_DONE,
        Fault::Truncate,
        Fault::THROTTLED,
    ] {
        let (outcome, sent) = greet.invoke(fault.clone(), 1);
        assert_eq!(sent, 1, "{fault:?}: {outcome:?}");
        assert!(matches!(outcome.code, Some(1 | 3)), "{fault:?}: {outcome:?}");
        let error = &outcome.json()["error"];
        assert!(
            error["what"].as_str().is_some_and(|what| what.contains("greet")),
            "{fault:?}: {error}"
        );
        assert!(error["why"].as_str().is_some_and(|why| why.len() > 10), "{fault:?}: {error}");
    }
}

#[test]
fn a_stream_that_is_cut_off_or_spoiled_is_not_taken_for_a_whole_one() {
    let greet = Greet::new();
    for fault in [Fault::Corrupt, Fault::Truncate, Fault::ResetDone] {
        let (outcome, sent) =
            greet.under(Rule::on("InvokeWithResponseStream", fault.clone()), &["--stream"]);
        assert_eq!(sent, 1, "{fault:?}: {outcome:?}");
        assert!(matches!(outcome.code, Some(1 | 3)), "{fault:?}: {outcome:?}");
        assert!(outcome.stdout.contains("could not"), "{fault:?}: {outcome:?}");
    }
}

#[test]
fn what_did_not_run_is_run_when_it_can_be() {
    let greet = Greet::new();
    for (code, status) in [
        ("ResourceNotReadyException", 502),
        ("CodeArtifactUserPendingException", 409),
        ("SnapStartNotReadyException", 409),
        ("ENINotReadyException", 502),
        ("EC2ThrottledException", 502),
    ] {
        let fault = Fault::refused(
            status,
            code,
            "Lambda is initializing your function. It will be ready to invoke shortly.",
        );
        let (outcome, sent) = greet.invoke(fault, 2);
        assert_eq!((outcome.ok().json()["status"].as_u64(), sent), (Some(200), 3), "{code}");
    }
}

#[test]
fn a_function_without_log_tails_is_asked_for_none() {
    let message = "Tail logs are not supported for functions configured with a capacity provider.";
    let (outcome, sent) =
        Greet::new().invoke(Fault::refused(400, "InvalidParameterValueException", message), 1);
    assert_eq!((outcome.ok().json()["payload"]["edition"].as_str(), sent), (Some("1"), 2));
}

#[test]
fn errors_of_the_caller_are_not_retried() {
    let greet = Greet::new();
    for (code, status) in [
        ("RequestTooLargeException", 413),
        ("InvalidRequestContentException", 400),
        ("UnsupportedMediaTypeException", 415),
    ] {
        let (outcome, sent) =
            greet.invoke(Fault::refused(status, code, "as the service says it"), 1);
        assert_eq!((outcome.code, sent), (Some(2), 1), "{code}: {outcome:?}");
        assert!(outcome.stdout.contains("as the service says it"), "{code}: {outcome:?}");
    }
}

#[test]
fn errors_around_the_function_are_reported_with_the_message_of_the_service() {
    let greet = Greet::new();
    for (code, status) in [
        ("ENILimitReachedException", 502),
        ("EFSMountFailureException", 403),
        ("KMSDisabledException", 502),
    ] {
        let (outcome, sent) =
            greet.invoke(Fault::refused(status, code, "as the service says it"), 1);
        assert_eq!((outcome.code, sent), (Some(1), 1), "{code}: {outcome:?}");
        assert!(
            outcome.stdout.contains(code) && outcome.stdout.contains("as the service says it"),
            "{outcome:?}"
        );
    }
}
