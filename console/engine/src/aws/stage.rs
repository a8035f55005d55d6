//! Deployment targets of functions: the local Lambda or a stage on AWS, with the SDK clients for
//! it.
//!
//! A stage is an endpoint with credentials. The kind of stage matters while its clients are made
//! (`clients`) and nowhere above.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use async_recursion::async_recursion as boxed;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::os_shim_internal::Env;
use lambda_console_local::{Endpoint, Link};
use lambda_console_model::{Architecture, Failure, StageEntry, StageInfo, Workspace};
use tokio_util::sync::CancellationToken;

use self::{joined::Joined, settings::StageSettings};
use super::{
    account::Account, clients::Clients, credentials::Source, error::CallError, guard::Guard,
    naming::partition,
};
use crate::{compile::toolchain, workspace::paths};

pub use self::options::StageOptions;
pub use super::credentials::mfa::{Asker, CodeQuestion};

mod approval;
mod joined;
mod misdirected;
mod options;
pub(crate) mod settings;

/// The name of the stage that is always there.
pub const LOCAL: &str = StageInfo::LOCAL;
/// The default region of the local Lambda.
const LOCAL_REGION: &str = "us-east-1";

/// A connected stage.
pub struct Stage {
    settings: StageSettings,
    info: std::sync::Mutex<StageInfo>,
    read_only: bool,
    /// Warning about the stage's address.
    warning: Option<Failure>,
    /// Source of the credentials; `None` for the local Lambda.
    source: Option<Source>,
    place: Place,
}

/// Source of the clients.
enum Place {
    Aws(Arc<Clients>),
    Local(Box<Joined>),
}

/// The names of the stages of the workspace at `root` that can be used: `local`, then those of its
/// manifest, sorted.
///
/// # Errors
/// Returns an error if the manifest cannot be read.
pub fn names(root: &Path) -> Result<Vec<String>, Failure> {
    let stages = settings::read(root)?.known;
    Ok(std::iter::once(LOCAL.to_owned())
        .chain(stages.into_keys().filter(|name| name != LOCAL))
        .collect())
}

/// The stages of the workspace at `root` according to their settings: `local`, those of its
/// manifest, sorted, and the one of `options`, if it is none of these.
///
/// # Errors
/// As [`names`].
#[boxed]
pub async fn entries(root: &Path, options: &StageOptions) -> Result<Vec<StageEntry>, Failure> {
    let mut names = names(root)?;
    if !names.contains(&options.stage) {
        names.push(options.stage.clone());
    }
    let mut entries = Vec::with_capacity(names.len());
    for name in names {
        let settings = settings::resolve(root, &options.of_stage(&name))?;
        let credentials = match name.as_str() {
            LOCAL => String::new(),
            _ => match Account::read(&settings, Env::real()).await {
                Ok(account) => account.source().describe(),
                Err(_) => "not readable".to_owned(),
            },
        };
        let StageSettings { profile, region, protected, .. } = settings;
        entries.push(StageEntry { name, profile, region, credentials, protected });
    }
    Ok(entries)
}

impl Stage {
    /// Connects to the stage that `options` name: opens or joins the local Lambda, or loads the AWS
    /// profile, and reads the caller's identity.
    ///
    /// # Errors
    /// Returns an error if there is no such stage (usage), its settings have an error (usage), or
    /// it cannot be reached with the available credentials (environment).
    #[boxed]
    pub async fn connect(workspace: &Workspace, options: &StageOptions) -> Result<Self, Failure> {
        Self::connect_in(paths::state_dir(&workspace.root), workspace, options).await
    }

    /// As [`Stage::connect`], with the local Lambda's state in `state`.
    pub(crate) async fn connect_in(
        state: PathBuf,
        workspace: &Workspace,
        options: &StageOptions,
    ) -> Result<Self, Failure> {
        let settings = settings::resolve(&workspace.root, options)?;
        let info = StageInfo {
            name: options.stage.clone(),
            protected: settings.protected,
            ..StageInfo::default()
        };
        let guard = Guard { read_only: options.read_only };
        let (mut source, mut warning) = (None, None);
        let place = if options.stage == LOCAL {
            let region = settings.region.clone().unwrap_or_else(|| LOCAL_REGION.to_owned());
            Place::Local(Box::new(Joined::new(&state, options.port, region, guard)))
        } else {
            let account = Account::read(&settings, Env::real()).await?;
            let misdirected =
                misdirected::failure(&options.stage, settings.profile.is_some()).await;
            // If only the command line names the stage, the environment decides its address.
            let is_of_environment = settings.profile.is_none()
                && !settings::read(&workspace.root)?.known.contains_key(&options.stage);
            if let Some(failure) = misdirected {
                if !is_of_environment {
                    return Err(failure);
                }
                warning = Some(Failure {
                    what: format!("the stage {} is not on AWS", options.stage),
                    ..failure
                });
            }
            source = Some(account.source().clone());
            Place::Aws(Arc::new(Clients::aws(&account, &options.asker, guard).await?))
        };
        let (info, read_only) = (std::sync::Mutex::new(info), options.read_only);
        let stage = Self { settings, info, read_only, warning, source, place };
        let region = stage.clients().await?.region().to_owned();
        stage.with_info(|info| info.region = region);
        stage.ask_who().await?;
        Ok(stage)
    }

    /// A stage whose services are all at one endpoint, for tests that serve it themselves.
    #[cfg(test)]
    pub(crate) fn at(endpoint: &Endpoint) -> Self {
        let clients = Clients::local(endpoint, Guard { read_only: false });
        let info = StageInfo {
            name: "tests".to_owned(),
            region: endpoint.region.clone(),
            ..StageInfo::default()
        };
        let (settings, info) = (StageSettings::default(), std::sync::Mutex::new(info));
        Self {
            settings,
            info,
            read_only: false,
            warning: None,
            source: None,
            place: Place::Aws(Arc::new(clients)),
        }
    }

    /// Reads the caller's identity, which also checks the credentials.
    #[boxed]
    pub async fn ask_who(&self) -> Result<(), Failure> {
        let caller = self
            .call(|clients| async move { clients.sts().get_caller_identity().send().await })
            .await
            .map_err(|error| {
                error.into_failure(format!("could not connect to the stage {}", self.name()))
            })?;
        self.with_info(|info| {
            caller.account().unwrap_or_default().clone_into(&mut info.account);
            if let Some(source) = &self.source {
                caller.arn().unwrap_or_default().clone_into(&mut info.identity);
                info.credentials = source.describe();
            }
        });
        Ok(())
    }

    /// Returns `true` if the credentials that were used last have expired.
    pub fn is_expired(&self) -> bool {
        let now = jiff::Timestamp::now().as_millisecond();
        self.info().expires_at.is_some_and(|at| at <= now)
    }

    /// Returns the stage's description for the screen.
    pub fn info(&self) -> StageInfo {
        self.with_info(|info| {
            if info.emulator.is_none() && matches!(self.place, Place::Local(_)) {
                // The toolchain may have been provided since the last time.
                info.emulator = emulator_name();
            }
            if let Place::Aws(clients) = &self.place {
                info.expires_at = clients.expires_at();
            }
            info.clone()
        })
    }

    /// Returns the warning about the stage's address, which does not prevent its use.
    pub const fn warning(&self) -> Option<&Failure> {
        self.warning.as_ref()
    }

    /// Returns `true` for the local Lambda, which stays joined as long as the console runs.
    pub const fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(_))
    }

    /// The stage's name.
    pub fn name(&self) -> String {
        self.with_info(|info| info.name.clone())
    }

    /// The function-name alias in the stage's settings; deploys point it at the new version.
    pub fn alias(&self) -> Option<&str> {
        self.settings.alias.as_deref()
    }

    /// The same stage, for a deploy that publishes nothing.
    pub(crate) fn without_alias(&self) -> Self {
        let place = match &self.place {
            Place::Aws(clients) => Place::Aws(clients.clone()),
            Place::Local(local) => Place::Local(Box::new(local.again())),
        };
        Self {
            settings: StageSettings { alias: None, ..self.settings.clone() },
            info: std::sync::Mutex::new(self.info()),
            read_only: self.read_only,
            warning: self.warning.clone(),
            source: self.source.clone(),
            place,
        }
    }

    /// Returns `true` if a function of one name is the same function on both stages.
    pub(crate) fn is_where(&self, other: &Self) -> bool {
        let (here, there) = (self.info(), other.info());
        let is_one_place = match (&self.place, &other.place) {
            (Place::Local(here), Place::Local(there)) => here.dir() == there.dir(),
            (Place::Aws(here), Place::Aws(there)) => here.endpoint() == there.endpoint(),
            _ => false,
        };
        is_one_place && here.account == there.account && here.region == there.region
    }

    /// The role of functions that name none themselves.
    pub(crate) fn role(&self) -> Option<&str> {
        self.settings.role.as_deref()
    }

    /// The bucket that zips over Lambda's limit are sent through.
    pub(crate) fn bucket(&self) -> Option<&str> {
        self.settings.bucket.as_deref()
    }

    /// The name that the workspace's function `name` has on this stage.
    pub fn remote_name(&self, name: &str) -> String {
        let StageSettings { prefix, suffix, .. } = &self.settings;
        format!(
            "{}{name}{}",
            prefix.as_deref().unwrap_or_default(),
            suffix.as_deref().unwrap_or_default()
        )
    }

    /// The first part of an ARN that differs between AWS's separate clouds.
    pub(crate) fn partition(&self) -> &'static str {
        self.with_info(|info| partition(&info.region).0)
    }

    /// Returns `true` if the stage is marked as protected: changes need an approval.
    pub fn is_protected(&self) -> bool {
        self.settings.protected
    }

    /// Returns `true` if others than this machine's user can reach public resources of this stage.
    pub fn is_exposed(&self) -> bool {
        !self.is_local()
    }

    /// Allows a call with effects of its own (an invocation) unless `--read-only` is set.
    pub(crate) fn allow_call(&self, what: &str) -> Result<(), Failure> {
        if self.read_only {
            return Err(Failure::usage(
                what,
                "--read-only refuses every call that can change something",
                "run it without --read-only",
            ));
        }
        Ok(())
    }

    /// Returns AWS's architecture of a function's build.
    ///
    /// # Errors
    /// Returns an error for a native build on AWS: it is for the local Lambda only (usage).
    pub(crate) fn architecture(&self, architecture: Architecture) -> Result<Architecture, Failure> {
        match (architecture, &self.place) {
            (Architecture::Native, Place::Local(_)) if cfg!(target_arch = "aarch64") => {
                Ok(Architecture::Arm64)
            }
            (Architecture::Native, Place::Local(_)) => Ok(Architecture::X86_64),
            (Architecture::Native, Place::Aws(_)) => Err(Failure::usage(
                "could not deploy a native build to AWS",
                "it is built for this machine, not for Lambda",
                "build it with `lambda-console build --arch arm64`",
            )),
            (other, _) => Ok(other),
        }
    }

    /// Returns the local Lambda's endpoint with its keys; `None` on AWS. Joins it first if its
    /// process ended.
    pub async fn local_endpoint(&self) -> Result<Option<Endpoint>, Failure> {
        self.clients().await?;
        match &self.place {
            Place::Aws(_) => Ok(None),
            Place::Local(local) => Ok(local.endpoint().await),
        }
    }

    /// Returns `true` if this process serves the local Lambda, rather than having joined another's.
    pub async fn is_serving(&self) -> bool {
        match &self.place {
            Place::Aws(_) => false,
            Place::Local(local) => local.is_serving().await,
        }
    }

    /// Leaves the stage. A local Lambda that this process serves ends with its sandboxes, once the
    /// requests of others are answered and the events of its queue that were begun are done, or
    /// shortly after `cut`; its functions and logs are on disk. `report` receives the reason for
    /// which that takes a while, and the work that is left.
    #[boxed]
    pub async fn leave(&self, cut: &CancellationToken, report: &(dyn Fn(&str) + Sync)) {
        if let Place::Local(local) = &self.place {
            local.leave(cut, report).await;
        }
    }

    /// As [`Stage::leave`], however long it takes.
    #[cfg(test)]
    pub(crate) async fn close(&self) {
        self.leave(&CancellationToken::new(), &|_| {}).await;
    }

    /// The clients. Takes over or joins again if the process that served the local Lambda ended.
    pub(crate) async fn clients(&self) -> Result<Arc<Clients>, Failure> {
        Ok(self.reach().await?.0)
    }

    /// Returns the clients; for the local Lambda, also the link to its server.
    async fn reach(&self) -> Result<(Arc<Clients>, Option<Link>), Failure> {
        match &self.place {
            Place::Aws(clients) => Ok((Arc::clone(clients), None)),
            Place::Local(local) => {
                let (clients, link) = local.clients(|endpoint| self.note(endpoint)).await?;
                Ok((clients, Some(link)))
            }
        }
    }

    /// Waits until the process that serves the local Lambda has ended, if that is another one, and
    /// joins the next one, which may be this process. Returns `false` if there is nothing to wait
    /// for.
    ///
    /// # Errors
    /// Returns an error if the local Lambda cannot be opened.
    #[boxed]
    pub async fn follow(&self) -> Result<bool, Failure> {
        match &self.place {
            Place::Aws(_) => Ok(false),
            Place::Local(local) => local.follow(|endpoint| self.note(endpoint)).await,
        }
    }

    fn note(&self, endpoint: &Endpoint) {
        self.with_info(|info| {
            info.endpoint = Some(endpoint.url.clone());
            info.region.clone_from(&endpoint.region);
            info.damage.clone_from(&endpoint.damage);
        });
    }

    /// Makes one SDK call. If the process that served the local Lambda ended before it answered,
    /// the call is sent to the next one, as the SDK retries calls that got no answer from AWS.
    pub(crate) async fn call<T, E, F, Fut>(&self, send: F) -> Result<T, CallError>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        F: Fn(Arc<Clients>) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.send(send, true).await
    }

    /// As [`Stage::call`], for a call that must not run twice: it is sent again only if it is known
    /// not to have begun.
    pub(crate) async fn call_once<T, E, F, Fut>(&self, send: F) -> Result<T, CallError>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        F: Fn(Arc<Clients>) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        self.send(send, false).await
    }

    async fn send<T, E, F, Fut>(&self, send: F, repeats: bool) -> Result<T, CallError>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        F: Fn(Arc<Clients>) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let deadline = joined::deadline();
        loop {
            let (clients, link) = self.reach().await.map_err(CallError::Stage)?;
            let error = match send(clients).await {
                Ok(answer) => return Ok(answer),
                Err(error) => CallError::from(error),
            };
            let Some(link) = link else { return Err(self.explain(error)) };
            joined::sequel(&link, error, repeats, deadline)
                .await
                .map_err(|error| self.explain(error))?;
        }
    }

    /// Adds the login to `error` if it is about credentials. [`Stage::call`] does so itself.
    pub(crate) fn explain(&self, error: CallError) -> CallError {
        match (error, &self.source) {
            (CallError::Login { code, message, remedy: None }, Some(source)) => {
                CallError::Login { code, message, remedy: Some(source.login()) }
            }
            (error, _) => error,
        }
    }

    fn with_info<T>(&self, work: impl FnOnce(&mut StageInfo) -> T) -> T {
        work(&mut self.info.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("info", &self.info()).finish_non_exhaustive()
    }
}

/// ARM64 bootstraps run as they are on an ARM64 host.
fn emulator_name() -> Option<String> {
    if cfg!(target_arch = "aarch64") {
        return None;
    }
    Some(toolchain::emulator()?.file_name()?.to_string_lossy().into_owned())
}
