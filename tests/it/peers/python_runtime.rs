//! AWS's own Python runtime runs on the local Lambda's Runtime API.

use tests::{Home, LocalLambda, repository};

#[test]
fn awslambdaric_answers_fails_and_logs() {
    let home = Home::new(repository());
    let local = LocalLambda::start(home.path());
    let bootstrap = format!(
        "#!/bin/sh\ncd \"$LAMBDA_TASK_ROOT\"\nPYTHONPATH='{}' exec python3 -m awslambdaric \
        function.handler\n",
        super::python_path().display()
    );
    let function = "import json\n\
                    def handler(event, context):\n    \
                        print('seen', context.aws_request_id)\n    \
                        if event.get('fail'):\n        raise ValueError('as asked')\n    \
                        return {'got': event, 'left': context.get_remaining_time_in_millis() > 0}\n";
    local.create(
        "ric",
        &[("bootstrap", bootstrap.as_bytes()), ("function.py", function.as_bytes())],
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
