//! Every file of the state directory, damaged in each way: the rest works, nothing is lost, and the
//! damage is reported.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::{
    Local,
    http::query::encode,
    server::local::open_with,
    store::damage::is_aside,
    tests::{Client, ECHO, Server, api::layers, eventually, options, python, quick, request, zip},
};

/// Kinds of damage to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Truncated,
    Flipped,
    Emptied,
    Directory,
}

const KINDS: [Kind; 4] = [Kind::Truncated, Kind::Flipped, Kind::Emptied, Kind::Directory];

/// Damages a file. Returns `false` if that changes nothing.
fn damage(file: &Path, kind: Kind) -> bool {
    let mut bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let half = bytes.len() / 2;
    match kind {
        _ if bytes.is_empty() && kind != Kind::Directory => return false,
        Kind::Truncated => bytes.truncate(half),
        Kind::Flipped => bytes[half] ^= 0x80,
        Kind::Emptied => bytes.clear(),
        Kind::Directory => {
            fs::remove_file(file).unwrap();
            fs::create_dir(file).unwrap();
            fs::write(file.join("inside"), "x").unwrap();
            return true;
        }
    }
    // The unpacked code may be read-only.
    let _ = fs::remove_file(file);
    fs::write(file, bytes).unwrap();
    true
}

/// Copies a directory with its modes and symbolic links.
fn copy(from: &Path, to: &Path) {
    let status =
        std::process::Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap();
    assert!(status.success());
}

/// The files below a directory, relative to it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => {
                    files.push(entry.path().strip_prefix(dir).unwrap().to_owned());
                }
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// A state with an item of every kind: two functions, one with a version, an alias, layers, a URL
/// and queue settings; a role; log groups; a queued event.
async fn state() -> tempfile::TempDir {
    let server = Server::start().await;
    server.create("good", ECHO).await;
    let (one, two) = (zip(&[("lib/a", b"1"), ("lib/only", b"1")]), zip(&[("lib/a", b"2")]));
    let (one, two) =
        (layers::publish(&server, "one", &one).await, layers::publish(&server, "two", &two).await);
    let used = json!({ "Layers": [one["LayerVersionArn"], two["LayerVersionArn"]] });
    server.create_with("other", "echo() # other", used).await;
    let version = server.publish("other").await;
    let alias = json!({ "Name": "live", "FunctionVersion": version });
    assert_eq!(server.call("POST", "/other/aliases", alias).await.status, 201);
    server.open_url("other", json!({})).await;
    let config = json!({ "MaximumRetryAttempts": 1 });
    let path = "/2019-09-25/functions/other/event-invoke-config";
    assert_eq!(server.client.lambda("PUT", path, &config).await.status, 200);
    for name in ["good", "other"] {
        assert_eq!(server.invoke(name, "1").await.text(), "1");
    }
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole",
    }] });
    let role = format!(
        "Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument={}",
        encode(&trust.to_string())
    );
    assert_eq!(server.client.query(&role, "iam").await.status, 200);
    server.create("slow", "never_answers()").await;
    let path = "/2015-03-31/functions/slow/invocations";
    server.client.send("POST", path, &[("x-amz-invocation-type", "Event")], b"{}", "lambda").await;
    let Server { local, dir, .. } = server;
    local.shutdown().await;
    // They are removed in the background.
    let sandboxes = dir.path().join("sandboxes");
    eventually("no sandbox is left on disk", async || {
        fs::read_dir(&sandboxes).unwrap().next().is_none()
    })
    .await;
    dir
}

async fn started(dir: &Path) -> (Local, Client) {
    let local = open_with(options(dir), quick()).await.unwrap();
    let client = Client::new(local.endpoint().clone());
    (local, client)
}

async fn invoke(client: &Client, name: &str) -> (u16, String) {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    let reply = client.lambda("POST", &path, &json!(7)).await;
    (reply.status, reply.text())
}

/// The zips of the state.
fn zips(dir: &Path) -> Vec<PathBuf> {
    files(dir)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "zip"))
        .collect()
}

/// Damages one file of a copy of `from`, starts the local Lambda there and checks what works.
async fn try_one(from: &Path, file: &Path, kind: Kind) {
    let case = format!("{} {kind:?}", file.display());
    let dir = tempfile::tempdir().unwrap();
    copy(from, dir.path());
    if !damage(&dir.path().join(file), kind) {
        return;
    }
    let (local, client) = started(dir.path()).await;
    let place = file.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    let of_good = file.to_string_lossy().starts_with("functions/good-");
    let code = place == "code";
    // All functions whose records are readable run; unpacked code is repaired from its zip.
    let mut working = 0;
    for name in ["good", "other"] {
        let (status, answer) = invoke(&client, name).await;
        if status == 200 && answer == "7" {
            working += 1;
            continue;
        }
        let lost = match place.as_str() {
            "functions" if of_good => name == "good",
            "functions" => name == "other",
            "code" => file.extension().is_some_and(|extension| extension == "zip"),
            _ => false,
        };
        assert!(lost, "{case}: {name} answers {status} {answer}");
        assert!(
            status == 404 || answer.contains("damaged") || answer.contains("Failed"),
            "{case}: {name} says {answer}"
        );
        if code {
            // A comparison with the workspace shows that it must be deployed again.
            let shown = client
                .lambda("GET", &format!("/2015-03-31/functions/{name}/configuration"), &Value::Null)
                .await;
            assert_eq!(shown.json()["State"], "Failed", "{case}: {}", shown.text());
        }
    }
    assert!(working > 0, "{case}: no function works");
    for zip in zips(from) {
        assert!(dir.path().join(&zip).exists(), "{case}: {} was deleted", zip.display());
    }
    let mut report = local.endpoint().damage.clone();
    let groups = client.logs("DescribeLogGroups", &json!({})).await;
    assert_eq!(groups.status, 200, "{case}");
    for name in ["good", "other"] {
        let query = json!({ "logGroupName": format!("/aws/lambda/{name}") });
        let events = client.logs("FilterLogEvents", &query).await;
        assert_eq!(events.status, 200, "{case}: {}", events.text());
    }
    report.extend(local.server.as_ref().unwrap().service.damage.found());
    // A flipped character within a text may give another valid text.
    let may_be_silent = code
        || kind == Kind::Flipped
        || matches!(place.as_str(), "lock" | "endpoint.json")
        || place == "logs";
    assert!(!report.is_empty() || may_be_silent, "{case}: not a word");
    if let Some(sentence) = report.first()
        && kind != Kind::Emptied
    {
        let aside = files(dir.path()).into_iter().any(|file| file.ancestors().any(is_aside));
        assert!(aside, "{case}: {sentence}, but nothing was set aside");
    }
    // Deploying again repairs all of it.
    for (name, call) in [("good", ECHO), ("other", "echo() # other")] {
        let create = request(name, &python(call), json!({}));
        if client.lambda("POST", "/2015-03-31/functions", &create).await.status == 409 {
            let body = json!({ "ZipFile": STANDARD.encode(python(call)) });
            let updated =
                client.lambda("PUT", &format!("/2015-03-31/functions/{name}/code"), &body).await;
            assert_eq!(updated.status, 200, "{case}: {}", updated.text());
        }
        client.settled(name).await;
        let layer = code && name == "other";
        let (status, answer) = invoke(&client, name).await;
        assert!(
            (status == 200 && answer == "7") || layer,
            "{case}: {name} after a deploy: {status} {answer}"
        );
    }
    local.shutdown().await;
}

#[tokio::test]
async fn any_damaged_file_leaves_the_rest_working_and_is_reported() {
    let from = state().await;
    let files = files(from.path());
    assert!(files.len() > 20, "{files:?}");
    let tried = AtomicUsize::new(0);
    // All kinds of damage for each file take a minute: by default each file gets one, which changes
    // from file to file.
    let all = std::env::var_os("LAMBDA_CONSOLE_DAMAGE_ALL").is_some();
    let cases = files.iter().enumerate().flat_map(|(index, file)| {
        let kinds = (0..if all { KINDS.len() } else { 1 })
            .map(move |more| KINDS[(index + more) % KINDS.len()]);
        kinds.map(move |kind| (file, kind))
    });
    futures_util::stream::iter(cases)
        .for_each_concurrent(4, async |(file, kind)| {
            try_one(from.path(), file, kind).await;
            tried.fetch_add(1, Ordering::Relaxed);
        })
        .await;
    assert_eq!(tried.into_inner(), files.len() * if all { KINDS.len() } else { 1 });
}

#[tokio::test]
async fn a_directory_of_the_state_that_is_a_file_is_set_aside() {
    let from = state().await;
    for name in ["functions", "layers", "code", "logs", "queue", "urls", "event-invoke-configs"] {
        let dir = tempfile::tempdir().unwrap();
        copy(from.path(), dir.path());
        fs::rename(dir.path().join(name), dir.path().join("moved")).unwrap();
        fs::write(dir.path().join(name), "x").unwrap();
        let (local, client) = started(dir.path()).await;
        assert!(local.endpoint().damage.iter().any(|sentence| sentence.contains(name)), "{name}");
        assert!(dir.path().join(format!("{name}.damaged")).exists());
        let create = request("fresh", &python(ECHO), json!({}));
        assert_eq!(
            client.lambda("POST", "/2015-03-31/functions", &create).await.status,
            201,
            "{name}"
        );
        client.settled("fresh").await;
        assert_eq!(invoke(&client, "fresh").await, (200, "7".to_owned()), "{name}");
        local.shutdown().await;
    }
}

#[tokio::test]
async fn a_function_that_was_set_aside_has_its_url_back_when_it_is_deployed_again() {
    let from = state().await;
    let functions = from.path().join("functions");
    let file = fs::read_dir(&functions).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|file| file.to_string_lossy().contains("other-")).unwrap();
    fs::write(&file, "{").unwrap();
    for _ in 0..2 {
        // The second start reports nothing new, and still keeps what belongs to the damaged
        // function.
        let (local, _) = started(from.path()).await;
        local.shutdown().await;
    }
    let (local, client) = started(from.path()).await;
    assert!(local.endpoint().damage.is_empty(), "it is reported once");
    let create = request("other", &python(ECHO), json!({}));
    assert_eq!(client.lambda("POST", "/2015-03-31/functions", &create).await.status, 201);
    client.settled("other").await;
    let url = client.lambda("GET", "/2021-10-31/functions/other/url", &Value::Null).await;
    assert_eq!(url.status, 200, "{}", url.text());
    local.shutdown().await;
}
