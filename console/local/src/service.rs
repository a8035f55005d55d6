//! What stands behind the door: the functions, their code, their sandboxes and their logs, and the way from a request
//! to the API that it is for.

use crate::{
    call::{self, Body, Call},
    code::Codes,
    concurrency::Concurrency,
    disk,
    door::{Door, download},
    fault::Fault,
    functions::Functions,
    iam, lambda,
    layers::Layers,
    limits::Limits,
    linger::Linger,
    logs,
    logs::Logs,
    pool::Pool,
    qualified::Qualified,
    query,
    queue::{EventConfig, Queue},
    roles::Roles,
    sandbox::Surroundings,
    sts,
    urls::UrlConfig,
};
use http::Response;
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
    /// The requests that are being served.
    pub(crate) linger: Arc<Linger>,
    /// The port that all of it is served on.
    pub(crate) port: u16,
    /// The IAM roles.
    pub(crate) roles: Roles,
    /// The door, which signs downloads; none before the server listens.
    pub(crate) door: OnceLock<Arc<Door>>,
}

impl Service {
    /// Reads what is on disk under `dir`. Blocks.
    pub(crate) fn open(
        dir: &Path,
        region: String,
        emulator: crate::Emulator,
        limits: Limits,
        port: u16,
    ) -> std::io::Result<Arc<Self>> {
        disk::sweep(dir)?;
        let codes = Codes::open(&dir.join("code"))?;
        let layers = Layers::open(&dir.join("layers"), &codes)?;
        let concurrency = Concurrency::new(limits.concurrency);
        let functions = Arc::new(Functions::open(&dir.join("functions"), &codes, Arc::clone(&concurrency))?);
        codes.sweep()?;
        let logs = Logs::open(&dir.join("logs"), region.clone())?;
        let surroundings = Surroundings::new(region.clone(), emulator, limits, Arc::clone(&codes), Arc::clone(&logs))?;
        let pool = Pool::new(surroundings, concurrency, Arc::clone(&functions));
        let queue = Queue::open(&dir.join("queue"))?;
        let exists = |name: &str| functions.get(name).is_some();
        let event_configs = Qualified::open(&dir.join("event-invoke-configs"), exists)?;
        let urls = Qualified::open(&dir.join("urls"), exists)?;
        let roles = Roles::open(&dir.join("roles.json"))?;
        Ok(Arc::new(Self {
            region,
            linger: Linger::new(),
            functions,
            layers,
            codes,
            logs,
            pool,
            queue,
            event_configs,
            urls,
            port,
            roles,
            door: OnceLock::new(),
        }))
    }

    /// Answers a request.
    pub(crate) async fn dispatch(self: &Arc<Self>, call: Call) -> Result<Response<Body>, Fault> {
        if let Some(target) = call.header("x-amz-target") {
            let Some(operation) = target.strip_prefix("Logs_20140328.") else {
                return Err(unknown(&format!("the target {target}")));
            };
            let operation = operation.to_owned();
            return logs::dispatch(&self.logs, &operation, &call).await;
        }
        if call.path == "/" {
            let form = query::pairs(&String::from_utf8_lossy(&call.body));
            let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            return match (field("Action").unwrap_or_default(), field("Version")) {
                ("GetCallerIdentity", _) => Ok(sts::get_caller_identity(&call.request_id)),
                (action, Some("2010-05-08")) => iam::dispatch(&self.roles, action, &field, &call.request_id).await,
                (action, _) => Err(unknown(&format!("the action {action:?}"))),
            };
        }
        if let Some(name) = call.path.strip_prefix(download::PATH) {
            let file = self.codes.zip(name.strip_suffix(".zip").unwrap_or(name));
            let bytes = tokio::fs::read(file).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Fault::not_found("This code is not there any more."),
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

/// An operation that this server does not have.
pub(crate) fn unknown(what: &str) -> Fault {
    Fault::new(404, "UnknownOperationException", format!("the local Lambda does not serve {what}"))
}
