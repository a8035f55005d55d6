//! Shared state of the local Lambda: what the APIs work on.

use crate::{
    http::error::ApiError,
    invoke::{concurrency::Concurrency, pool::Pool},
    limits::Limits,
    sandbox::{SandboxEnv, env::Emulator},
    server::{auth::Auth, busy_poll::BusyPoll, gate::Gate},
    store::{
        code_store::CodeStore, controls::Controls, damage::Damage, event_invoke_config::EventConfig,
        functions::Functions, iam::Iam, layers::Layers, logs::Logs, per_qualifier::PerQualifier, queue::Queue,
        url_config::UrlConfig,
    },
};
use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

/// Everything that the APIs work on.
pub(crate) struct Service {
    /// The AWS region in every ARN.
    pub(crate) region: String,
    /// The functions.
    pub(crate) functions: Arc<Functions>,
    /// The layers.
    pub(crate) layers: Layers,
    /// The zips of both.
    pub(crate) codes: Arc<CodeStore>,
    /// The log groups.
    pub(crate) logs: Arc<Logs>,
    /// The sandboxes.
    pub(crate) pool: Arc<Pool>,
    /// The asynchronous invocations.
    pub(crate) queue: Queue,
    /// How they are dealt with.
    pub(crate) event_configs: PerQualifier<EventConfig>,
    /// The function URLs.
    pub(crate) urls: PerQualifier<UrlConfig>,
    /// What else is kept of functions, and changes nothing here.
    pub(crate) controls: PerQualifier<Controls>,
    /// The requests that are being served.
    pub(crate) busy_poll: Arc<BusyPoll>,
    /// Whether more of them may begin.
    pub(crate) gate: Gate,
    /// The port that all of it is served on.
    pub(crate) port: u16,
    /// The IAM roles and policies.
    pub(crate) iam: Iam,
    /// Signs downloads; `None` before the server listens.
    pub(crate) auth: OnceLock<Arc<Auth>>,
    /// What of the state was found damaged.
    pub(crate) damage: Arc<Damage>,
}

impl Service {
    /// Reads what is on disk under `dir`. Blocks.
    pub(crate) fn open(
        dir: &Path,
        region: String,
        emulator: Emulator,
        limits: Limits,
        port: u16,
        damage: Arc<Damage>,
    ) -> std::io::Result<Arc<Self>> {
        damage.own_dir(dir)?;
        let codes = CodeStore::open(&dir.join("code"), &damage)?;
        let layers = Layers::open(&dir.join("layers"), &codes, &damage)?;
        let concurrency = Concurrency::new(limits.concurrency);
        let functions = Arc::new(Functions::open(&dir.join("functions"), &codes, Arc::clone(&concurrency), &damage)?);
        // What was set aside may name code that nothing else does.
        let needless = !layers.any_set_aside() && !functions.any_set_aside() && damage.found().is_empty();
        codes.sweep(needless)?;
        let logs = Logs::open(&dir.join("logs"), region.clone(), &functions.log_groups(), &damage)?;
        let env = SandboxEnv::new(dir, region.clone(), emulator, limits, Arc::clone(&codes), Arc::clone(&logs))?;
        let pool = Pool::new(env, concurrency, Arc::clone(&functions));
        let queue = Queue::open(&dir.join("queue"), &damage)?;
        let exists = |name: &str| functions.exists(name);
        let what = "how the asynchronous invocations of a function are dealt with";
        let event_configs = PerQualifier::open(&dir.join("event-invoke-configs"), what, &damage, exists)?;
        let urls = PerQualifier::open(&dir.join("urls"), "the URL of a function", &damage, exists)?;
        let controls = PerQualifier::open(&dir.join("controls"), "a setting of a function", &damage, exists)?;
        let iam = Iam::open(dir, &damage);
        Ok(Arc::new(Self {
            region,
            busy_poll: BusyPoll::new(),
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
            auth: OnceLock::new(),
            damage,
        }))
    }

    /// Where a zip can be downloaded, by its SHA-256; none when only its files were kept.
    pub(crate) fn location(&self, sha256: &str) -> Result<Option<String>, ApiError> {
        match self.auth.get() {
            Some(auth) if self.codes.zip(sha256).is_file() => {
                auth.download(&format!("{sha256}.zip"), jiff::Timestamp::now()).map(Some)
            }
            _ => Ok(None),
        }
    }
}
