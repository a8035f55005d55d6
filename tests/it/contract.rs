//! The contract between the runtime crate and the local Lambda: each understands the other's
//! requests and responses.

use std::{fs, sync::OnceLock};

use tests::{Fixture, Home, LocalLambda};

/// A function on our runtime that acts as its payload specifies, as a native bootstrap.
fn bootstrap() -> &'static [u8] {
    static BOOTSTRAP: OnceLock<Vec<u8>> = OnceLock::new();
    BOOTSTRAP.get_or_init(|| {
        let fixture = Fixture::kept("contract", &["contract"]);
        let source = r#"
use lambda::Context;

#[derive(serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Echo { text: String },
    Context,
    Fail { message: String },
    Panic,
    Exit { status: i32 },
    Hang,
    Big { bytes: usize },
    Print { line: String },
}

#[derive(Debug)]
struct OrderFailed(String);

impl std::fmt::Display for OrderFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OrderFailed {}

async fn handler(order: Order, context: Context) -> Result<serde_json::Value, OrderFailed> {
    Ok(match order {
        Order::Echo { text } => text.into(),
        Order::Context => serde_json::json!({
            "request_id": context.request_id,
            "arn": context.function_arn,
            "trace_id": context.trace_id,
            "remaining_ms": context.remaining().as_millis() as u64,
        }),
        Order::Fail { message } => return Err(OrderFailed(message)),
        Order::Panic => panic!("ordered to panic"),
        Order::Exit { status } => std::process::exit(status),
        Order::Hang => std::future::pending().await,
        Order::Big { bytes } => "x".repeat(bytes).into(),
        Order::Print { line } => {
            println!("{line}");
            line.len().into()
        }
    })
}

fn main() {
    lambda::run(handler)
}
"#;
        let dependencies = format!(
            "{}\nserde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n",
            Fixture::runtime()
        );
        fixture.function("contract", &dependencies, source);
        let built =
            Home::new(fixture.path()).run(["build", "--arch", "native", "--json"]).ok().json();
        fs::read(built["functions"][0]["bootstrap"].as_str().expect("a path"))
            .expect("it was built")
    })
}

fn started() -> (tempfile::TempDir, LocalLambda) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    local.create("contract", &[("bootstrap", bootstrap())]);
    (directory, local)
}

#[test]
fn a_response_comes_back_and_only_the_first_invocation_is_cold() {
    let (_directory, local) = started();
    for cold in [true, false, false] {
        let answer = local.invoke("contract", r#"{"echo":{"text":"grüß"}}"#);
        assert_eq!(answer.json(), "grüß", "{answer:?}");
        assert_eq!(answer.log.contains("Init Duration"), cold, "{answer:?}");
    }
}

#[test]
fn the_context_is_that_of_the_request() {
    let (_directory, local) = started();
    let answer = local.invoke("contract", "\"context\"");
    let context = answer.json();
    assert_eq!(context["request_id"], answer.request_id.as_str(), "{answer:?}");
    assert!(
        context["arn"].as_str().is_some_and(|arn| arn.ends_with(":function:contract")),
        "{context}"
    );
    assert!(context["trace_id"].as_str().is_some_and(|id| id.starts_with("Root=1-")), "{context}");
    assert!(
        context["remaining_ms"].as_u64().is_some_and(|ms| ms > 1_000 && ms <= 3_000),
        "{context}"
    );
}

#[test]
fn an_error_carries_type_and_message_and_the_sandbox_stays_warm() {
    let (_directory, local) = started();
    let failed = local.invoke("contract", r#"{"fail":{"message":"as asked"}}"#);
    assert_eq!(failed.function_error.as_deref(), Some("Unhandled"), "{failed:?}");
    assert_eq!(failed.json()["errorType"], "Function.OrderFailed", "{failed:?}");
    assert_eq!(failed.json()["errorMessage"], "as asked");
    let after = local.invoke("contract", r#"{"echo":{"text":"on"}}"#);
    assert!(!after.log.contains("Init Duration"), "{after:?}");
}

#[test]
fn a_payload_that_does_not_fit_names_path_line_and_column() {
    let (_directory, local) = started();
    let failed = local.invoke("contract", "{\"big\":\n{\"bytes\":\"many\"}}");
    assert_eq!(failed.function_error.as_deref(), Some("Unhandled"), "{failed:?}");
    let message = failed.json()["errorMessage"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("big.bytes") && message.contains("line 2"), "{message}");
}

#[test]
fn a_panic_is_an_error_with_its_place_and_never_a_timeout() {
    let (_directory, local) = started();
    let failed = local.invoke("contract", "\"panic\"");
    assert_eq!(failed.json()["errorType"], "Runtime.Panic", "{failed:?}");
    let message = failed.json()["errorMessage"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("ordered to panic"), "{message}");
    assert!(failed.payload_text().contains("main.rs:"), "{failed:?}");
    let after = local.invoke("contract", r#"{"echo":{"text":"on"}}"#);
    assert_eq!(after.json(), "on");
}

#[test]
fn an_exit_in_the_handler_is_a_runtime_exit_error() {
    let (_directory, local) = started();
    let failed = local.invoke("contract", r#"{"exit":{"status":7}}"#);
    assert_eq!(failed.json()["errorType"], "Runtime.ExitError", "{failed:?}");
    assert!(failed.payload_text().contains("exit status 7"), "{failed:?}");
}

#[test]
fn a_handler_that_hangs_is_killed_at_the_deadline() {
    let (_directory, local) = started();
    let failed = local.invoke("contract", "\"hang\"");
    assert!(failed.payload_text().contains("Task timed out after 3.00 seconds"), "{failed:?}");
    assert_eq!(local.invoke("contract", r#"{"echo":{"text":"on"}}"#).json(), "on");
}

#[test]
fn a_response_of_7_mb_is_refused_and_the_function_goes_on() {
    let (_directory, local) = started();
    let failed = local.invoke("contract", r#"{"big":{"bytes":7000000}}"#);
    assert_eq!(failed.json()["errorType"], "Function.ResponseSizeTooLarge", "{failed:?}");
    let big = local.invoke("contract", r#"{"big":{"bytes":6000000}}"#);
    assert_eq!(big.json().as_str().map(str::len), Some(6_000_000));
}

#[test]
fn what_the_handler_prints_is_in_the_tail_of_its_own_invocation() {
    let (_directory, local) = started();
    for line in ["first", "second", "third"] {
        let answer = local.invoke("contract", &format!(r#"{{"print":{{"line":"{line}"}}}}"#));
        let lines: Vec<_> =
            answer.log.lines().filter(|each| ["first", "second", "third"].contains(each)).collect();
        assert_eq!(lines, [line], "{answer:?}");
    }
}
