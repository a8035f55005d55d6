//! Bootstraps that speak to their Runtime API in their own way, as AWS lets them.

use serde_json::json;

use crate::tests::Server;

#[tokio::test]
async fn a_bootstrap_may_name_any_host() {
    let server = Server::start().await;
    server.create("f", "names_other_hosts()").await;
    for n in 0..3 {
        let expected: Vec<&str> = ["200", "202"].into_iter().cycle().take(2 * n + 1).collect();
        let reply = server.invoke("f", "{}").await;
        assert_eq!(reply.json(), json!(expected), "{}", reply.tail());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_daemon_of_the_sandbox_may_poll_for_events() {
    use crate::{limits::Limits, tests::quick};
    for namespaces in [true, false] {
        let server = Server::start_with(Limits { namespaces, ..quick() }).await;
        server.create("f", "polls_as_a_daemon()").await;
        for _ in 0..2 {
            let reply = server.invoke("f", "{}").await;
            assert_eq!(
                reply.json(),
                json!([true, true]),
                "namespaces: {namespaces}: {}",
                reply.tail()
            );
        }
    }
}
