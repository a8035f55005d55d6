//! An invocation has the code and the version that it was resolved to, even if the function changes
//! in the meantime; and resources that are no longer used are removed without anything waiting for
//! that.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    api::lambda::identifier::{Resolved, resolve},
    invoke::invocation::{self, Invocation},
    store::function::LATEST,
    tests::{Server, eventually, python, sandbox::reuse::becomes, server::lifecycle::is_running},
};

/// A bootstrap that answers with a number.
fn number(n: u32) -> String {
    format!("answers({n})")
}

impl Server {
    async fn update(&self, name: &str, script: &str) {
        let body = json!({ "ZipFile": STANDARD.encode(python(script)) });
        assert_eq!(self.call("PUT", &format!("/{name}/code"), body).await.status, 200);
        self.settled(name).await;
    }

    /// An invocation that is resolved at this moment.
    fn resolve(&self, name: &str) -> Invocation {
        let Resolved { function, arn, .. } = resolve(self.service(), name, None).unwrap();
        Invocation {
            id: uuid::Uuid::new_v4().to_string(),
            function,
            arn,
            payload: "{}".into(),
            client_context: None,
            tenant: None,
            trace: String::new(),
            stream: None,
            tail: false,
        }
    }

    /// Runs it. Returns its answer and releases its permit.
    async fn run(&self, invocation: Invocation) -> String {
        let pool = &self.service().pool;
        let permit = pool.permit(&invocation.function).unwrap();
        let outcome = invocation::run(pool, invocation, permit).await.ok().unwrap();
        String::from_utf8_lossy(&outcome.payload).into_owned()
    }
}

#[tokio::test]
async fn an_invocation_runs_the_code_that_it_was_resolved_to_after_updates_deletes_and_a_prune() {
    let server = Server::start().await;
    let service = server.service();
    let code = |invocation: &Invocation| service.codes.place(&invocation.function.code);
    server.create("f", &number(1)).await;
    let updated = server.resolve("f");
    let first = code(&updated);
    server.update("f", &number(2)).await;
    server.publish("f").await;
    let (pruned, deleted) = (server.resolve("f:1"), server.resolve("f"));
    server.update("f", &number(3)).await;
    assert_eq!(server.call("DELETE", "/f?Qualifier=1", Value::Null).await.status, 204);
    assert_eq!(server.invoke("f", "{}").await.text(), "3");
    assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
    let second = code(&deleted);
    assert!(first.is_dir() && second.is_dir() && first != second);
    assert_eq!(server.run(updated).await, "1");
    eventually("what nobody can ask for any more goes", async || !first.exists()).await;
    assert_eq!(server.run(pruned).await, "2");
    assert!(second.is_dir(), "another one still has it");
    assert_eq!(server.run(deleted).await, "2");
    eventually("the last one was done", async || !second.exists()).await;
    eventually("nothing is left", async || {
        std::fs::read_dir(server.dir.path().join("code")).unwrap().count() == 0
    })
    .await;
}

#[tokio::test]
async fn an_invocation_of_what_was_there_before_leaves_the_warm_sandboxes_of_what_is_there_now() {
    let server = Server::start().await;
    server.create_native("f", json!({})).await;
    let before = server.resolve("f");
    server.configure("f", json!({ "Description": "changed" })).await;
    let warm = server.invoke("f", "0").await.text();
    let old = server.run(before).await;
    assert_ne!(old, warm);
    assert_eq!(server.invoke("f", "0").await.text(), warm);
    eventually("it was of a version that is no more", async || !is_running(&old)).await;
}

#[tokio::test]
async fn a_version_that_is_deleted_in_its_invocation_and_made_again_is_warm_again() {
    let server = Server::start().await;
    server.create_native("f", json!({ "Timeout": 60 })).await;
    server.publish("f").await;
    let here = crate::tests::shared_dir();
    let payload = json!(here.path()).to_string();
    let meanwhile = async {
        eventually("it is in its invocation", async || {
            std::fs::read_dir(here.path()).unwrap().count() > 0
        })
        .await;
        assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
        server.create_native("f", json!({})).await;
        server.publish("f").await;
        let first = server.invoke("f:1", "0").await.text();
        std::fs::write(here.path().join("go"), "").unwrap();
        first
    };
    let (reply, first) = tokio::join!(server.invoke("f:1", &payload), meanwhile);
    let deleted = reply.text();
    assert_ne!(deleted, first);
    becomes(&deleted, 'Z').await;
    for _ in 0..2 {
        assert_eq!(server.invoke("f:1", "0").await.text(), first);
    }
    assert!(is_running(&first));
}

#[tokio::test]
async fn an_update_that_fails_leaves_the_warm_sandboxes() {
    let server = Server::start().await;
    server.create_native("f", json!({})).await;
    let warm = server.invoke("f", "0").await.text();
    let mut damaged = crate::tests::zip(&[("bootstrap", &[b'x'; 300])]);
    // In the middle of the only file's data.
    damaged[45] ^= 0xff;
    let body = json!({ "ZipFile": STANDARD.encode(&damaged) });
    assert_eq!(server.call("PUT", "/f/code", body).await.status, 200);
    assert_eq!(server.settled("f").await["LastUpdateStatus"], "Failed");
    assert_eq!(server.invoke("f", "0").await.text(), warm);
}

#[tokio::test]
async fn many_files_are_removed_while_others_are_served() {
    const FILES: usize = 10_000;
    let server = Server::start().await;
    server.create("f", &number(1)).await;
    let code = server.service().codes.place(&server.service().functions.get("f").unwrap().code);
    for n in 0..FILES {
        std::fs::File::create(code.join(n.to_string())).unwrap();
    }
    let left = |dir: &Path| std::fs::read_dir(dir).unwrap().count();
    let dir = server.dir.path().join("code");
    assert_eq!(server.call("DELETE", "/f", Value::Null).await.status, 204);
    let mut answered = 0;
    while left(&dir) > 0 {
        assert_eq!(server.call("GET", "/f", Value::Null).await.status, 404);
        answered += 1;
    }
    assert!(answered > 1, "they were removed before the answer");
}

#[tokio::test]
async fn what_a_killed_server_was_removing_goes_at_the_next_start() {
    let server = Server::start().await;
    server.create("f", &number(1)).await;
    assert!(server.service().functions.get("f").unwrap().version == LATEST);
    let code = server.dir.path().join("code");
    server.local.shutdown().await;
    for left in [".half/deep", "0123/unknown"] {
        std::fs::create_dir_all(code.join(left)).unwrap();
    }
    std::fs::write(code.join("0123.zip"), "").unwrap();
    let server = Server::start_in(server.dir, crate::tests::quick()).await;
    eventually("what is not used is gone", async || std::fs::read_dir(&code).unwrap().count() == 2)
        .await;
    assert_eq!(server.invoke("f", "{}").await.text(), "1");
}
