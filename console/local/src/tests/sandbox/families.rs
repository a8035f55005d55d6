//! All processes that a function starts end with its sandbox, even if they left it, and with the
//! server, even if it is killed.

use serde_json::{Value, json};

use crate::tests::{
    Client, Server, api::layers::publish, eventually, extension, quick, request,
    second_process::SecondProcess, server::lifecycle::is_running, zip,
};

/// A bootstrap that starts three processes which leave it in different ways, and answers with their
/// ids and its own.
const DAEMONS: &str = "starts_daemons()";

fn processes(value: &Value) -> Vec<String> {
    let processes: Vec<String> = value.as_array().unwrap().iter().map(Value::to_string).collect();
    assert!(processes.len() == 4 && processes.iter().all(|process| is_running(process)), "{value}");
    processes
}

async fn end(processes: &[String]) {
    let have_ended = async || !processes.iter().any(|process| is_running(process));
    eventually(&format!("{processes:?} end"), have_ended).await;
}

#[tokio::test]
async fn a_family_ends_when_its_function_is_deleted_changed_or_out_of_time() {
    let server = Server::start().await;
    server.create_with("f", DAEMONS, json!({ "Timeout": 1 })).await;
    let others = server.create("g", DAEMONS).await;
    assert_eq!(others["State"], "Active");
    let kept = processes(&server.invoke("g", "{}").await.json());
    let changed = processes(&server.invoke("f", "{}").await.json());
    server.configure("f", json!({ "Description": "changed" })).await;
    end(&changed).await;
    let tail = server.invoke("f", "\"stay\"").await.tail();
    let line = tail.lines().find_map(|line| line.strip_prefix("family ")).unwrap();
    let timed_out: Vec<String> =
        serde_json::from_str::<Vec<u32>>(line).unwrap().iter().map(u32::to_string).collect();
    end(&timed_out).await;
    let deleted = processes(&server.invoke("f", "{}").await.json());
    assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
    end(&deleted).await;
    assert!(kept.iter().all(|process| is_running(process)), "another's");
    server.local.shutdown().await;
    assert!(
        !kept.iter().any(|process| is_running(process)),
        "none is left when the server has ended"
    );
}

#[tokio::test]
async fn a_family_ends_with_a_server_that_is_dropped() {
    let server = Server::start().await;
    server.create("f", DAEMONS).await;
    let family = processes(&server.invoke("f", "{}").await.json());
    drop(server.local);
    end(&family).await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_family_that_a_killed_server_left_ends_at_the_next_start_and_no_other() {
    let (dir, other) = (crate::tests::shared_dir(), Server::start().await);
    other.create("f", DAEMONS).await;
    let others = processes(&other.invoke("f", "{}").await.json());
    let mut serving = SecondProcess::start(dir.path()).await;
    let client = &serving.client;
    let create = request("f", &crate::tests::python(DAEMONS), json!({}));
    assert_eq!(client.lambda("POST", "/2015-03-31/functions", &create).await.status, 201);
    client.settled("f").await;
    let family = processes(
        &client.lambda("POST", "/2015-03-31/functions/f/invocations", &json!({})).await.json(),
    );
    serving.kill();
    let server = Server::start_in(dir, quick()).await;
    // The processes of the new server are not mistaken for leftovers.
    let new = processes(
        &Client::new(server.local.endpoint().clone())
            .lambda("POST", "/2015-03-31/functions/f/invocations", &json!({}))
            .await
            .json(),
    );
    end(&family).await;
    assert!(new.iter().chain(&others).all(|process| is_running(process)));
}

#[tokio::test]
async fn what_an_extension_starts_ends_as_well() {
    let server = Server::start().await;
    let waits = extension("registers_and_waits()");
    let files = [
        ("extensions/daemon", include_str!("families.sh").as_bytes()),
        ("waits.py", waits.as_bytes()),
    ];
    let layer = publish(&server, "daemon", &zip(&files)).await;
    let settings = json!({ "Layers": [layer["LayerVersionArn"]] });
    server.create_with("f", crate::tests::ECHO, settings).await;
    assert_eq!(server.invoke("f", "1").await.text(), "1");
    let sleeping = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| {
            std::fs::read(format!("/proc/{name}/cmdline"))
                .is_ok_and(|line| line == b"sleep\x00613\x00")
        })
    };
    let daemons: Vec<String> = sleeping().collect();
    assert_eq!(daemons.len(), 1);
    assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
    end(&daemons).await;
}
