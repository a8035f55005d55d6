//! The local Lambda from outside: signed HTTP in, bootstraps that are small scripts.

mod api;
mod client;
mod invoke;
mod native;
mod sandbox;
mod second_process;
mod server;
mod store;

use crate::{Local, Options, limits::Limits, server::local::open_with};
use client::{Client, Reply};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    io::{Cursor, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};
use zip::{ZipWriter, write::SimpleFileOptions};

/// What every scripted bootstrap begins with: the Runtime API in a few lines.
const PRELUDE: &str = r#"#!/usr/bin/env python3
import http.client, json, os, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime/" + path, body, headers)
    reply = api.getresponse()
    return reply.status, reply.headers, reply.read()
def next_event():
    status, headers, body = call("GET", "invocation/next")
    return headers["Lambda-Runtime-Aws-Request-Id"], body, headers
def respond(id, body):
    return call("POST", f"invocation/{id}/response", body)
"#;

/// A bootstrap that answers with what it got.
const ECHO: &str = "while True:\n    id, body, _ = next_event()\n    respond(id, body)\n";

/// Limits that tests can wait for.
fn quick() -> Limits {
    Limits {
        init: Duration::from_secs(5),
        idle: Duration::from_mins(1),
        rest: Duration::from_millis(5),
        concurrency: 3,
        connections: 1024,
        retries: [Duration::from_millis(10); 2],
        namespaces: true,
    }
}

/// A served local Lambda in a directory of its own.
struct Server {
    local: Local,
    client: Client,
    dir: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(quick()).await
    }

    async fn start_with(limits: Limits) -> Self {
        Self::start_in(shared_dir(), limits).await
    }

    async fn start_in(dir: tempfile::TempDir, limits: Limits) -> Self {
        let local = open_with(options(dir.path()), limits).await.unwrap();
        let client = Client::new(local.endpoint().clone());
        Self { local, client, dir }
    }

    /// Creates a function whose bootstrap is this Python, after the prelude.
    async fn create(&self, name: &str, script: &str) -> Value {
        self.create_with(name, script, json!({})).await
    }

    async fn create_with(&self, name: &str, script: &str, settings: Value) -> Value {
        let reply =
            self.client.lambda("POST", "/2015-03-31/functions", &request(name, &python(script), settings)).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        self.settled(name).await
    }

    /// The configuration of a function (or of `NAME?Qualifier=…`) when nothing is in progress any more.
    async fn settled(&self, name: &str) -> Value {
        self.client.settled(name).await
    }

    /// What stands behind the door.
    fn service(&self) -> &Arc<crate::service::Service> {
        &self.local.server.as_ref().unwrap().service
    }

    /// A call below the functions' path.
    async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.client.lambda(method, &format!("/2015-03-31/functions{path}"), &body).await
    }

    /// Changes the configuration, and waits until that is done.
    async fn configure(&self, name: &str, settings: Value) -> Value {
        let reply = self.call("PUT", &format!("/{name}/configuration"), settings).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        self.settled(name).await
    }

    /// Publishes a version; gives its number.
    async fn publish(&self, name: &str) -> String {
        let reply = self.call("POST", &format!("/{name}/versions"), json!({})).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()["Version"].as_str().unwrap().to_owned()
    }

    async fn invoke(&self, name: &str, payload: &str) -> Reply {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.client.send("POST", &path, &[("x-amz-log-type", "Tail")], payload.as_bytes(), "lambda").await
    }
}

fn options(dir: &Path) -> Options {
    Options { dir: dir.to_owned(), port: 0, region: "eu-central-1".to_owned(), emulator: Arc::new(|| None) }
}

/// A directory that sandboxes see as well: each has a `/tmp` of its own.
fn shared_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").unwrap()
}

fn python(script: &str) -> Vec<u8> {
    zip(&[("bootstrap", format!("{PRELUDE}{script}").as_bytes())])
}

pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A `CreateFunction` request; `settings` replace its defaults, and `null` takes one away.
fn request(name: &str, zip: &[u8], settings: Value) -> Value {
    let mut request = json!({
        "FunctionName": name,
        "Role": "arn:aws:iam::000000000000:role/test",
        "Handler": "bootstrap",
        "Runtime": "provided.al2023",
        "Code": { "ZipFile": STANDARD.encode(zip) },
    });
    let fields = request.as_object_mut().unwrap();
    let Value::Object(settings) = settings else { panic!("settings are an object") };
    for (field, value) in settings {
        match value {
            Value::Null => drop(fields.remove(&field)),
            value => drop(fields.insert(field, value)),
        }
    }
    request
}
