//! AWS's own Python runtime runs on the local Lambda's Runtime API.

use tests::{Home, LocalLambda, workspace};

#[test]
fn awslambdaric_answers_fails_and_logs() {
    let home = Home::new(workspace());
    let local = LocalLambda::start(home.path());
    local.create(
        "ric",
        &[
            ("bootstrap", include_bytes!("python_runtime.sh")),
            ("function.py", include_bytes!("python_runtime.py")),
            ("python_path", super::python_path().as_os_str().as_encoded_bytes()),
        ],
    );

    let answer = local.invoke("ric", r#"{"n":1}"#);
    assert_eq!(answer.json()["got"]["n"], 1, "{answer:?}");
    assert_eq!(answer.json()["left"], true, "{answer:?}");
    assert!(answer.log.contains(&format!("seen {}", answer.request_id)), "{answer:?}");

    let failed = local.invoke("ric", r#"{"fail":true}"#);
    assert_eq!(failed.function_error.as_deref(), Some("Unhandled"), "{failed:?}");
    assert_eq!(failed.json()["errorType"], "ValueError", "{failed:?}");
    assert_eq!(failed.json()["errorMessage"], "as asked");
}
