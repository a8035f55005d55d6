//! A function can use its configured memory, and no more.

use serde_json::json;

use crate::tests::{Reply, Server};

fn assert_out_of_memory(reply: &Reply, id: &str) {
    assert_eq!(reply.header("x-amz-function-error"), Some("Unhandled"), "{}", reply.text());
    let message = format!("RequestId: {id} Error: Runtime exited with error: signal: killed");
    assert_eq!(reply.json(), json!({ "errorType": "Runtime.ExitError", "errorMessage": message }));
    let tail = reply.tail();
    assert!(tail.contains(&format!("{message}\nRuntime.ExitError\n")), "{tail}");
    assert!(tail.contains("\tStatus: error\tError Type: Runtime.OutOfMemory"), "{tail}");
}

#[tokio::test]
async fn too_much_memory_kills_the_function_and_the_next_invocation_works() {
    let server = Server::start().await;
    // Permanently, for a moment, and little by little.
    server.create_with("hungry", "takes_200_mb_if_told()", json!({ "Timeout": 60 })).await;
    for how in ["good", "moment", "bits"] {
        let reply = server.invoke("hungry", &json!(how).to_string()).await;
        let id = reply.header("x-amzn-requestid").unwrap().to_owned();
        assert_out_of_memory(&reply, &id);
        assert_eq!(reply.report("Max Memory Used"), Some(128.0), "{how}");
        assert_eq!(server.invoke("hungry", "1").await.text(), "\"still here\"");
    }
    server.configure("hungry", json!({ "MemorySize": 512 })).await;
    let reply = server.invoke("hungry", "\"moment\"").await;
    assert_eq!(reply.text(), "\"still here\"");
    let peak = reply.report("Max Memory Used").unwrap();
    assert!((200.0..300.0).contains(&peak), "it is measured: {peak}");
}

#[tokio::test]
async fn too_much_memory_in_the_init_is_reported_likewise() {
    let server = Server::start().await;
    server.create_with("heavy", "takes_200_mb_in_its_init()", json!({ "Timeout": 20 })).await;
    let reply = server.invoke("heavy", "1").await;
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    assert_out_of_memory(&reply, &id);
    let tail = reply.tail();
    assert!(
        tail.contains("\tPhase: init\tStatus: error\tError Type: Runtime.OutOfMemory"),
        "{tail}"
    );
}

#[tokio::test]
async fn what_the_bootstrap_starts_counts_too() {
    let server = Server::start().await;
    server.create_with("parent", "starts_a_child_of_200_mb()", json!({ "Timeout": 30 })).await;
    let reply = server.invoke("parent", "1").await;
    let id = reply.header("x-amzn-requestid").unwrap().to_owned();
    assert_out_of_memory(&reply, &id);
}

#[tokio::test]
async fn what_is_reserved_and_never_touched_does_not_count() {
    let server = Server::start().await;
    server.create("reserves", "reserves_what_it_never_touches()").await;
    let reply = server.invoke("reserves", "1").await;
    assert_eq!(reply.text(), "1");
    assert!(reply.report("Max Memory Used").unwrap() < 64.0, "{}", reply.tail());
}
