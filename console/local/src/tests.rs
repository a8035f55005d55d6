//! The local Lambda tested from outside: signed HTTP requests, bootstraps that are small scripts.

mod api;
mod bootstraps;
mod client;
mod invoke;
mod native;
mod sandbox;
mod second_process;
mod server;
mod store;

use std::{
    io::{Cursor, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bootstraps::{ECHO, bootstrap, extension};
use client::{Client, Reply};
use lambda_console_testing::{PATIENCE, eventually};
use serde_json::{Value, json};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Local, Options, limits::Limits, server::local::open_with};

/// Limits short enough for tests to reach.
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

/// A local Lambda that is served from a directory of its own.
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

    /// Creates a function whose bootstrap makes this call of a Python function.
    async fn create(&self, name: &str, call: &str) -> Value {
        self.create_with(name, call, json!({})).await
    }

    async fn create_with(&self, name: &str, call: &str, settings: Value) -> Value {
        let reply = self
            .client
            .lambda("POST", "/2015-03-31/functions", &request(name, &python(call), settings))
            .await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        self.settled(name).await
    }

    /// Returns the configuration of a function (or of `NAME?Qualifier=…`) once no change is in
    /// progress.
    async fn settled(&self, name: &str) -> Value {
        self.client.settled(name).await
    }

    /// The service behind the server's auth.
    fn service(&self) -> &Arc<crate::service::Service> {
        &self.local.server.as_ref().unwrap().service
    }

    /// Sends a call below the functions' path.
    async fn call(&self, method: &str, path: &str, body: Value) -> Reply {
        self.client.lambda(method, &format!("/2015-03-31/functions{path}"), &body).await
    }

    /// Changes the configuration and waits until the change is complete.
    async fn configure(&self, name: &str, settings: Value) -> Value {
        let reply = self.call("PUT", &format!("/{name}/configuration"), settings).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        self.settled(name).await
    }

    /// Publishes a version and returns its number.
    async fn publish(&self, name: &str) -> String {
        let reply = self.call("POST", &format!("/{name}/versions"), json!({})).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()["Version"].as_str().unwrap().to_owned()
    }

    async fn invoke(&self, name: &str, payload: &str) -> Reply {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.client
            .send("POST", &path, &[("x-amz-log-type", "Tail")], payload.as_bytes(), "lambda")
            .await
    }
}

fn options(dir: &Path) -> Options {
    Options {
        dir: dir.to_owned(),
        port: 0,
        region: "eu-central-1".to_owned(),
        emulator: Arc::new(|| None),
    }
}

/// A directory that sandboxes see as well, although each has a `/tmp` of its own.
fn shared_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").unwrap()
}

/// A zip whose bootstrap makes this call of a Python function.
fn python(call: &str) -> Vec<u8> {
    zip(&[("bootstrap", bootstrap(call).as_bytes())])
}

pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default().unix_permissions(0o755)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A `CreateFunction` request. `settings` replace its defaults; `null` removes one.
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
