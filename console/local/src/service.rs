//! What stands behind the door: the functions, their code, their sandboxes and their logs, and the way from a request
//! to the API that it is for.

use crate::{
    call::{self, Body, Call},
    code::Codes,
    concurrency::Concurrency,
    damage::Damage,
    door::{Door, download},
    fault::Fault,
    functions::Functions,
    iam::Iam,
    lambda::{self, Controls},
    layers::Layers,
    leaving::Gate,
    limits::Limits,
    linger::Linger,
    logs,
    logs::Logs,
    pool::Pool,
    qualified::Qualified,
    query,
    queue::{EventConfig, Queue},
    sandbox::Surroundings,
    sts,
    urls::UrlConfig,
};
use http::{Method, Response, request::Parts};
use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

/// The AWS account that the local Lambda plays.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Everything that the APIs work on.
pub(crate) struct Service {
    /// The AWS region in every ARN.
    pub(crate) region: String,
    /// The functions.
    pub(crate) functions: Arc<Functions>,
    /// The layers.
    pub(crate) layers: Layers,
    /// The zips of both.
    pub(crate) codes: Arc<Codes>,
    /// The log groups.
    pub(crate) logs: Arc<Logs>,
    /// The sandboxes.
    pub(crate) pool: Arc<Pool>,
    /// The asynchronous invocations.
    pub(crate) queue: Queue,
    /// How they are dealt with.
    pub(crate) event_configs: Qualified<EventConfig>,
    /// The function URLs.
    pub(crate) urls: Qualified<UrlConfig>,
    /// What else is kept of functions, and changes nothing here.
    pub(crate) controls: Qualified<Controls>,
    /// The requests that are being served.
    pub(crate) linger: Arc<Linger>,
    /// Whether more of them may begin.
    pub(crate) gate: Gate,
    /// The port that all of it is served on.
    pub(crate) port: u16,
    /// The IAM roles and policies.
    pub(crate) iam: Iam,
    /// The door, which signs downloads; none before the server listens.
    pub(crate) door: OnceLock<Arc<Door>>,
    /// What of the state was found damaged.
    pub(crate) damage: Arc<Damage>,
}

impl Service {
    /// Reads what is on disk under `dir`. Blocks.
    pub(crate) fn open(
        dir: &Path,
        region: String,
        emulator: crate::Emulator,
        limits: Limits,
        port: u16,
        damage: Arc<Damage>,
    ) -> std::io::Result<Arc<Self>> {
        damage.own_dir(dir)?;
        let codes = Codes::open(&dir.join("code"), &damage)?;
        let layers = Layers::open(&dir.join("layers"), &codes, &damage)?;
        let concurrency = Concurrency::new(limits.concurrency);
        let functions = Arc::new(Functions::open(&dir.join("functions"), &codes, Arc::clone(&concurrency), &damage)?);
        // What was set aside may name code that nothing else does.
        let needless = !layers.any_set_aside() && !functions.any_set_aside() && damage.found().is_empty();
        codes.sweep(needless)?;
        let logs = Logs::open(&dir.join("logs"), region.clone(), &functions.log_groups(), &damage)?;
        let surroundings =
            Surroundings::new(dir, region.clone(), emulator, limits, Arc::clone(&codes), Arc::clone(&logs))?;
        let pool = Pool::new(surroundings, concurrency, Arc::clone(&functions));
        let queue = Queue::open(&dir.join("queue"), &damage)?;
        let exists = |name: &str| functions.exists(name);
        let what = "how the asynchronous invocations of a function are dealt with";
        let event_configs = Qualified::open(&dir.join("event-invoke-configs"), what, &damage, exists)?;
        let urls = Qualified::open(&dir.join("urls"), "the URL of a function", &damage, exists)?;
        let controls = Qualified::open(&dir.join("controls"), "a setting of a function", &damage, exists)?;
        let iam = Iam::open(dir, &damage);
        Ok(Arc::new(Self {
            region,
            linger: Linger::new(),
            gate: Gate::default(),
            functions,
            layers,
            codes,
            logs,
            pool,
            queue,
            event_configs,
            urls,
            controls,
            port,
            iam,
            door: OnceLock::new(),
            damage,
        }))
    }

    /// Answers a request.
    pub(crate) async fn dispatch(self: &Arc<Self>, call: Call) -> Result<Response<Body>, Fault> {
        if let Some(target) = call.header("x-amz-target") {
            let Some(operation) = target.strip_prefix(LOGS) else {
                return Err(Fault::unknown(&format!("the target {target}"), TARGETS));
            };
            let operation = operation.to_owned();
            return logs::dispatch(&self.logs, &operation, &call).await;
        }
        if call.path == "/" {
            let form = if call.body.is_empty() { call.query } else { form(&call.body) };
            return match service_of(&form) {
                "sts" => sts::dispatch(&form, &call.request_id),
                _ => self.iam.dispatch(&form, &call.request_id).await,
            };
        }
        if call.method == Method::GET && call.path.starts_with(download::PATH) {
            let gone = || Fault::not_found("This code is not there any more.");
            let file = self.codes.zip(download::sha256_of(&call.path).ok_or_else(gone)?);
            let bytes = tokio::fs::read(file).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => gone(),
                _ => Fault::service("could not read the code", &error),
            })?;
            return Ok(call::answer(200, "application/zip", bytes));
        }
        lambda::dispatch(self, &call).await
    }

    /// Where a zip can be downloaded, by its SHA-256; none when only its files were kept.
    pub(crate) fn location(&self, sha256: &str) -> Result<Option<String>, Fault> {
        match self.door.get() {
            Some(door) if self.codes.zip(sha256).is_file() => {
                door.download(&format!("{sha256}.zip"), jiff::Timestamp::now()).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// What the targets of the Logs API begin with.
const LOGS: &str = "Logs_20140328.";
/// The targets that are served.
const TARGETS: [&str; 1] = ["Logs_20140328"];

/// The service that a request is for, and that its signature must be for.
pub(crate) fn addressee(head: &Parts, body: &[u8]) -> &'static str {
    if head.headers.contains_key("x-amz-target") {
        return "logs";
    }
    match (head.uri.path(), head.uri.query()) {
        ("/", Some(query)) if body.is_empty() => service_of(&query::pairs(query)),
        ("/", _) => service_of(&form(body)),
        _ => "lambda",
    }
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    query::pairs(&String::from_utf8_lossy(body))
}

/// The service of an action of the awsQuery protocol.
fn service_of(form: &[(String, String)]) -> &'static str {
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if field("Action") == Some("GetCallerIdentity") || field("Version") == Some(sts::VERSION) { "sts" } else { "iam" }
}
