//! The state machine alone.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

use super::*;

fn invoke() -> Vec<String> {
    vec!["INVOKE".to_owned()]
}

fn event() -> Bytes {
    Bytes::from_static(b"{}")
}

#[tokio::test]
async fn an_invocation_ends_when_the_notified_extensions_ask_again() {
    let extensions = Extensions::new(["watcher".to_owned()]);
    let watcher = extensions
        .register("watcher", &["INVOKE".to_owned(), "SHUTDOWN".to_owned()], true)
        .unwrap();
    extensions.registered().await.unwrap();
    let idle = extensions.register("idle", &[], true).unwrap();
    let _idle = extensions.next(&idle).unwrap();
    let mut described = extensions.next(&watcher).unwrap();
    assert!(extensions.ready().await.unwrap().is_some());
    extensions.release(event);
    assert_eq!(described.try_recv().unwrap(), event());
    let ready = extensions.ready();
    tokio::pin!(ready);
    assert!(futures_util::poll!(&mut ready).is_pending(), "the watcher still works");
    let _answered = extensions.next(&watcher).unwrap();
    ready.await.unwrap();
}

#[test]
fn an_event_that_a_broken_connection_did_not_take_goes_to_the_next_one() {
    let extensions = Extensions::new([]);
    let id = extensions.register("inner", &invoke(), true).unwrap();
    drop(extensions.next(&id).unwrap());
    extensions.release(event);
    assert_eq!(extensions.next(&id).unwrap().try_recv().unwrap(), event());
    assert!(
        futures_util::FutureExt::now_or_never(extensions.ready()).is_none(),
        "it has the event now"
    );
}

#[test]
fn who_may_register_for_what_and_when() {
    let extensions = Extensions::new(["outer".to_owned()]);
    let kind = |name: &str, events: &[&str], open| {
        let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
        extensions.register(name, &events, open).err().map(|refusal| refusal.kind)
    };
    assert_eq!(kind("", &[], true), Some("Extension.InvalidExtensionName"));
    assert_eq!(kind("inner", &["SHUTDOWN"], true), Some("Extension.InvalidEventType"));
    assert_eq!(kind("outer", &["BOOM"], true), Some("Extension.InvalidEventType"));
    assert_eq!(kind("outer", &["SHUTDOWN"], true), None);
    assert_eq!(kind("outer", &["SHUTDOWN"], true), Some("Extension.InvalidExtensionState"));
    assert_eq!(kind("inner", &["INVOKE"], true), None);
    assert_eq!(kind("inner", &["INVOKE"], true), Some("Extension.InvalidExtensionState"));
    assert_eq!(kind("late", &[], false), Some("Extension.RegistrationClosed"));
    for n in 0..8 {
        assert_eq!(kind(&format!("more{n}"), &[], true), None);
    }
    assert_eq!(kind("eleventh", &[], true), Some("Extension.TooManyExtensions"));
}

#[test]
fn an_identifier_is_asked_for_checked_and_looked_up() {
    let extensions = Extensions::new([]);
    let kind = |id: &str| extensions.next(id).unwrap_err().kind;
    assert_eq!(kind(""), "Extension.MissingExtensionIdentifier");
    assert_eq!(kind("x"), "Extension.InvalidExtensionIdentifier");
    assert_eq!(kind(&Uuid::new_v4().to_string()), "Extension.UnknownExtensionIdentifier");
}

/// The end of a process with this status of `wait`.
fn exit(status: i32) -> Exit {
    Exit::Status(ExitStatus::from_raw(status))
}

#[tokio::test]
async fn an_exit_is_a_crash_unless_an_error_was_reported_or_the_shutdown_has_started() {
    let crash = Extensions::new(["a".to_owned()]);
    crash.exited("a", &exit(0));
    assert_eq!(
        crash.failed().await,
        Failure { kind: "Extension.Crash", message: "exit code 0".to_owned() }
    );
    assert!(crash.registered().await.is_err());

    let described = Extensions::new(["a".to_owned()]);
    let id = described.register("a", &[], true).unwrap();
    described.init_error(&id).unwrap();
    assert_eq!(
        described.next(&id).unwrap_err().kind,
        "Extension.InvalidExtensionState",
        "no further call succeeds"
    );
    described.exited("a", &exit(3 << 8));
    assert_eq!(
        described.failed().await,
        Failure { kind: "Extension.InitError", message: "exit status 3".to_owned() }
    );
    assert_eq!(described.standings()[0].state, "InitError");

    let ended = Extensions::new(["a".to_owned()]);
    assert!(ended.begin_end());
    assert!(!ended.begin_end());
    ended.exited("a", &exit(9));
    assert!(!ended.has_failed());
}

#[test]
fn the_shutdown_is_sent_to_those_who_registered_for_it() {
    let extensions = Extensions::new(["a".to_owned(), "b".to_owned()]);
    let a = extensions.register("a", &["SHUTDOWN".to_owned()], true).unwrap();
    let b = extensions.register("b", &invoke(), true).unwrap();
    let (mut described, _waiting) = (extensions.next(&a).unwrap(), extensions.next(&b).unwrap());
    assert_eq!(extensions.shut_down(&event()), ["b"]);
    assert_eq!(described.try_recv().unwrap(), event());
}
