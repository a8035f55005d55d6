//! Shared state that the APIs work on.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use crate::{
    http::error::ApiError,
    invoke::{concurrency::Concurrency, pool::Pool},
    limits::Limits,
    sandbox::{SandboxEnv, env::Emulator},
    server::{auth::Auth, busy_poll::BusyPoll, gate::Gate},
    store::{
        code_store::CodeStore, controls::Controls, damage::Damage,
        event_invoke_config::EventConfig, functions::Functions, iam::Iam, layers::Layers,
        logs::Logs, per_qualifier::PerQualifier, queue::Queue, url_config::UrlConfig,
    },
};

/// Shared state of the APIs.
pub(crate) struct Service {
    /// AWS region in every ARN.
    pub(crate) region: String,
    /// The functions.
    pub(crate) functions: Arc<Functions>,
    /// The layers.
    pub(crate) layers: Layers,
    /// The zips of functions and layers.
    pub(crate) codes: Arc<CodeStore>,
    /// The log groups.
    pub(crate) logs: Arc<Logs>,
    /// The sandboxes.
    pub(crate) pool: Arc<Pool>,
    /// The asynchronous invocations.
    pub(crate) queue: Queue,
    /// Event invoke configs of the functions.
    pub(crate) event_configs: PerQualifier<EventConfig>,
    /// The function URLs.
    pub(crate) urls: PerQualifier<UrlConfig>,
    /// Other settings of functions, which are stored and have no effect here.
    pub(crate) controls: PerQualifier<Controls>,
    /// The requests that are being served.
    pub(crate) busy_poll: Arc<BusyPoll>,
    /// Gate that decides whether further requests may start.
    pub(crate) gate: Gate,
    /// Port of the server.
    pub(crate) port: u16,
    /// The IAM roles and policies.
    pub(crate) iam: Iam,
    /// Signs downloads; `None` before the server listens.
    pub(crate) auth: OnceLock<Arc<Auth>>,
    /// State on disk that was found damaged.
    pub(crate) damage: Arc<Damage>,
}

impl Service {
    /// Reads the state on disk under `dir`. Blocks.
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
        let functions = Arc::new(Functions::open(
            &dir.join("functions"),
            &codes,
            Arc::clone(&concurrency),
            &damage,
        )?);
        // Files that were set aside may refer to code that no other file refers to.
        let needless =
            !layers.any_set_aside() && !functions.any_set_aside() && damage.found().is_empty();
        codes.sweep(needless)?;
        let logs = Logs::open(&dir.join("logs"), region.clone(), &functions.log_groups(), &damage)?;
        let env = SandboxEnv::new(
            dir,
            region.clone(),
            emulator,
            limits,
            Arc::clone(&codes),
            Arc::clone(&logs),
        )?;
        let pool = Pool::new(env, concurrency, Arc::clone(&functions));
        let queue = Queue::open(&dir.join("queue"), &damage)?;
        let exists = |name: &str| functions.exists(name);
        let what = "the event invoke config of a function";
        let event_configs =
            PerQualifier::open(&dir.join("event-invoke-configs"), what, &damage, exists)?;
        let urls = PerQualifier::open(&dir.join("urls"), "the URL of a function", &damage, exists)?;
        let controls =
            PerQualifier::open(&dir.join("controls"), "a setting of a function", &damage, exists)?;
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

    /// Returns the URL from which a zip can be downloaded, by its SHA-256; `None` if only its files
    /// were kept.
    pub(crate) fn location(&self, sha256: &str) -> Result<Option<String>, ApiError> {
        match self.auth.get() {
            Some(auth) if self.codes.zip(sha256).is_file() => {
                auth.download(&format!("{sha256}.zip"), jiff::Timestamp::now()).map(Some)
            }
            _ => Ok(None),
        }
    }
}
