//! Where functions are deployed to: the local Lambda or a stage on AWS, with the SDK clients for it.
//!
//! A stage is an endpoint with credentials: which one it is matters while its clients are made
//! (`clients`) and nowhere above.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::os_shim_internal::Env;
use lambda_console_local::Local;
use tokio::sync::Mutex;

pub use self::code::{Asker, CodeQuestion};
use self::{
    account::Account, call::CallError, clients::Clients, credentials::Source, guard::Guard, settings::StageSettings,
};
pub(crate) use self::{
    again::{again, doubling},
    clients::{UPLOAD_READ_TIMEOUT, timeouts, uploading},
};
use super::{paths, toolchain};
use crate::message::{Architecture, Consent, Failure, StageEntry, StageInfo, Workspace};

mod account;
mod again;
mod bundle;
pub(crate) mod call;
mod clients;
mod code;
mod credentials;
mod guard;
mod profiles;
mod proxy;
mod role;
mod settings;
#[cfg(test)]
mod tests;

/// The name of the stage that is always there.
pub const LOCAL: &str = StageInfo::LOCAL;
/// The region of the local Lambda where none is asked for.
const LOCAL_REGION: &str = "us-east-1";
/// How long a call waits for a local Lambda whose process is just ending to let go of its lock.
const TAKE_OVER: Duration = Duration::from_secs(3);

/// Which stage is meant and what may be done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageOptions {
    /// `local`, a name in `[workspace.metadata.lambda.stages]`, or, with a profile or region, any name.
    pub stage: String,
    /// The AWS profile; before that of the stage's settings.
    pub profile: Option<String>,
    /// The AWS region; before that of the stage's settings and of the profile.
    pub region: Option<String>,
    /// Refuse every call that changes something.
    pub read_only: bool,
    /// The local Lambda's port; 0: any that is free.
    pub port: u16,
    /// Asks for the codes of MFA devices.
    pub asker: Asker,
}

impl Default for StageOptions {
    fn default() -> Self {
        Self {
            stage: LOCAL.to_owned(),
            profile: None,
            region: None,
            read_only: false,
            port: 0,
            asker: Asker::default(),
        }
    }
}

impl StageOptions {
    /// The same for another stage: a profile and a region are for the stage that they were given with.
    pub(crate) fn of_stage(&self, stage: &str) -> Self {
        if stage == self.stage {
            return self.clone();
        }
        Self { stage: stage.to_owned(), profile: None, region: None, ..self.clone() }
    }
}

/// A connected stage.
pub struct Stage {
    settings: StageSettings,
    info: std::sync::Mutex<StageInfo>,
    read_only: bool,
    /// Where the credentials come from; none for the local Lambda.
    source: Option<Source>,
    place: Place,
}

/// Where the clients come from.
enum Place {
    Aws(Arc<Clients>),
    Local(Box<LocalPlace>),
}

/// The local Lambda of the workspace, and how to open it again.
struct LocalPlace {
    options: lambda_console_local::Options,
    joined: Mutex<Option<(Local, Arc<Clients>)>>,
}

/// The names of the stages of the workspace at `root`: `local`, then those of its manifest, sorted.
///
/// # Errors
/// The manifest cannot be read, or has a stage with an unknown key or a wrong type, with its place.
pub fn names(root: &Path) -> Result<Vec<String>, Failure> {
    let stages = settings::read(root)?;
    Ok(std::iter::once(LOCAL.to_owned()).chain(stages.into_keys().filter(|name| name != LOCAL)).collect())
}

/// The stages of the workspace at `root` as their settings say: `local`, those of its manifest, sorted, and the one of
/// `options`, if it is none of these.
///
/// # Errors
/// As [`names`].
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
    /// profile, and asks who the caller is.
    ///
    /// # Errors
    /// There is no such stage (usage), its settings have an error (usage), or it cannot be reached with the
    /// credentials at hand (environment).
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
        let info = StageInfo { name: options.stage.clone(), protected: settings.protected, ..StageInfo::default() };
        let guard = Guard { read_only: options.read_only };
        let mut source = None;
        let place = if options.stage == LOCAL {
            let options = lambda_console_local::Options {
                dir: state.join("local"),
                port: options.port,
                region: settings.region.clone().unwrap_or_else(|| LOCAL_REGION.to_owned()),
                emulator: Arc::new(toolchain::emulator),
            };
            Place::Local(Box::new(LocalPlace { options, joined: Mutex::new(None) }))
        } else {
            let account = Account::read(&settings, Env::real()).await?;
            source = Some(account.source().clone());
            Place::Aws(Arc::new(Clients::aws(&account, &options.asker, guard).await?))
        };
        let (info, read_only) = (std::sync::Mutex::new(info), options.read_only);
        let stage = Self { settings, info, read_only, source, place };
        let region = stage.clients().await?.region().to_owned();
        stage.with_info(|info| info.region = region);
        stage.ask_who().await?;
        Ok(stage)
    }

    /// A stage whose services are all at one endpoint, for tests that serve it themselves.
    #[cfg(test)]
    pub(crate) fn at(endpoint: &lambda_console_local::Endpoint) -> Self {
        let clients = Clients::local(endpoint, Guard { read_only: false });
        let info = StageInfo { name: "tests".to_owned(), region: endpoint.region.clone(), ..StageInfo::default() };
        let (settings, info) = (StageSettings::default(), std::sync::Mutex::new(info));
        Self { settings, info, read_only: false, source: None, place: Place::Aws(Arc::new(clients)) }
    }

    /// Asks who the caller is, and so whether the credentials still work.
    pub(crate) async fn ask_who(&self) -> Result<(), Failure> {
        let caller = self
            .call(|clients| async move { clients.sts().get_caller_identity().send().await })
            .await
            .map_err(|error| error.into_failure(format!("could not connect to the stage {}", self.name())))?;
        self.with_info(|info| {
            caller.account().unwrap_or_default().clone_into(&mut info.account);
            if let Some(source) = &self.source {
                caller.arn().unwrap_or_default().clone_into(&mut info.identity);
                info.credentials = source.describe();
            }
        });
        Ok(())
    }

    /// The credentials that were used last have expired by now.
    pub(crate) fn is_expired(&self) -> bool {
        let now = jiff::Timestamp::now().as_millisecond();
        self.info().expires_at.is_some_and(|at| at <= now)
    }

    /// Where this stage is, as the screen shows it.
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

    /// It is the local Lambda, which stays joined as long as the console runs.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self.place, Place::Local(_))
    }

    /// The stage's name.
    pub fn name(&self) -> String {
        self.with_info(|info| info.name.clone())
    }

    /// The function-name alias that the stage's settings give; deploys point it at the new version.
    pub fn alias(&self) -> Option<&str> {
        self.settings.alias.as_deref()
    }

    /// The same stage, for a deploy that publishes nothing.
    pub(crate) fn without_alias(&self) -> Self {
        let place = match &self.place {
            Place::Aws(clients) => Place::Aws(clients.clone()),
            Place::Local(local) => {
                Place::Local(Box::new(LocalPlace { options: local.options.clone(), joined: Mutex::new(None) }))
            }
        };
        Self {
            settings: StageSettings { alias: None, ..self.settings.clone() },
            info: std::sync::Mutex::new(self.info()),
            read_only: self.read_only,
            source: self.source.clone(),
            place,
        }
    }

    /// A function of one name is the same function on both stages.
    pub(crate) fn is_where(&self, other: &Self) -> bool {
        let (here, there) = (self.info(), other.info());
        let is_one_place = match (&self.place, &other.place) {
            (Place::Local(here), Place::Local(there)) => here.options.dir == there.options.dir,
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
        format!("{}{name}{}", prefix.as_deref().unwrap_or_default(), suffix.as_deref().unwrap_or_default())
    }

    /// The first part of an ARN that differs between AWS's separate clouds.
    pub(crate) fn partition(&self) -> &'static str {
        self.with_info(|info| partition(&info.region).0)
    }

    /// The stage is marked as protected: it changes only with [`Consent::Given`].
    pub fn is_protected(&self) -> bool {
        self.settings.protected
    }

    /// Lets a change through unless the stage is read-only or protected. `what` is what would fail:
    /// `could not deploy`.
    ///
    /// # Errors
    /// With `--read-only`, and on a protected stage without consent (usage).
    pub fn allow_change(&self, what: &str, consent: Consent) -> Result<(), Failure> {
        self.allow_call(what)?;
        if self.is_protected() && consent != Consent::Given {
            let name = self.name();
            return Err(Failure::usage(
                what,
                format!("the stage {name} is protected"),
                "confirm by typing its name, or pass --yes",
            ));
        }
        Ok(())
    }

    /// Others than this machine's user can reach what is public here.
    pub fn is_exposed(&self) -> bool {
        !self.is_local()
    }

    /// Lets a change through that everybody could call a function after. `what` is what would fail.
    ///
    /// # Errors
    /// Where others can reach the stage, without consent (usage).
    pub(crate) fn allow_opening(&self, what: &str, consent: Consent) -> Result<(), Failure> {
        if !self.is_exposed() || consent == Consent::Given {
            return Ok(());
        }
        Err(Failure::usage(
            what,
            "its URL would answer everybody, without credentials",
            "confirm it by typing the stage's name or with --yes, or set the URL's auth to `iam`",
        ))
    }

    /// Lets a call with effects of its own (an invocation) through unless `--read-only` holds.
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

    /// What AWS calls the architecture that a function is built for.
    ///
    /// # Errors
    /// A native build is for the local Lambda alone (usage).
    pub(crate) fn architecture(&self, architecture: Architecture) -> Result<Architecture, Failure> {
        match (architecture, &self.place) {
            (Architecture::Native, Place::Local(_)) if cfg!(target_arch = "aarch64") => Ok(Architecture::Arm64),
            (Architecture::Native, Place::Local(_)) => Ok(Architecture::X86_64),
            (Architecture::Native, Place::Aws(_)) => Err(Failure::usage(
                "could not deploy a native build to AWS",
                "it is built for this machine, not for Lambda",
                "build it with `lambda-console build --arch arm64`",
            )),
            (other, _) => Ok(other),
        }
    }

    /// The local Lambda's endpoint with its keys; none on AWS. Joins it first where its process ended.
    pub async fn local_endpoint(&self) -> Result<Option<lambda_console_local::Endpoint>, Failure> {
        self.clients().await?;
        match &self.place {
            Place::Aws(_) => Ok(None),
            Place::Local(local) => Ok(local.joined.lock().await.as_ref().map(|(local, _)| local.endpoint().clone())),
        }
    }

    /// This process serves the local Lambda, rather than having joined another's.
    pub async fn is_serving(&self) -> bool {
        match &self.place {
            Place::Aws(_) => false,
            Place::Local(local) => local.joined.lock().await.as_ref().is_some_and(|(local, _)| local.is_serving()),
        }
    }

    /// Lets go of the stage. A local Lambda that this process serves ends with its sandboxes; its functions
    /// and logs are on disk.
    pub async fn close(&self) {
        if let Place::Local(local) = &self.place {
            let joined = local.joined.lock().await.take();
            if let Some((local, _)) = joined {
                local.shutdown().await;
            }
        }
    }

    /// The clients, after taking over or joining again where the process that served the local Lambda ended.
    pub(crate) async fn clients(&self) -> Result<Arc<Clients>, Failure> {
        let LocalPlace { options, joined } = match &self.place {
            Place::Aws(clients) => return Ok(clients.clone()),
            Place::Local(local) => &**local,
        };
        let mut joined = joined.lock().await;
        if let Some((local, clients)) = &*joined
            && local.is_alive()
        {
            return Ok(clients.clone());
        }
        *joined = None;
        let local = lambda_console_local::open(options.clone()).await.map_err(|error| {
            Failure::environment(
                "could not open the local Lambda",
                error.to_string(),
                format!("its files are in {}", options.dir.display()),
            )
        })?;
        let clients = Arc::new(Clients::local(local.endpoint(), Guard { read_only: self.read_only }));
        self.with_info(|info| {
            info.endpoint = Some(local.endpoint().url.clone());
            info.region.clone_from(&local.endpoint().region);
            info.damage.clone_from(&local.endpoint().damage);
        });
        *joined = Some((local, clients.clone()));
        Ok(clients)
    }

    /// Makes one SDK call. Where nobody answers at the local Lambda's port because its process ended, it is
    /// taken over and the call, which was never received, is sent again.
    pub(crate) async fn call<T, E, F, Fut>(&self, send: F) -> Result<T, CallError>
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
        F: Fn(Arc<Clients>) -> Fut,
        Fut: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    {
        let deadline = tokio::time::Instant::now() + TAKE_OVER;
        loop {
            let clients = self.clients().await.map_err(CallError::Stage)?;
            match send(clients).await.map_err(CallError::from) {
                Err(CallError::Refused(_)) if self.is_taken_over() && tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                answer => return answer.map_err(|error| self.explain(error)),
            }
        }
    }

    /// Says how to log in on this stage, where that is what `error` is about. [`Stage::call`] does it by itself.
    pub(crate) fn explain(&self, error: CallError) -> CallError {
        match (error, &self.source) {
            (CallError::Login { code, message, hint }, Some(source)) if hint.is_empty() => {
                CallError::Login { code, message, hint: source.login() }
            }
            (error, _) => error,
        }
    }

    /// Another process may end while this one still has its endpoint.
    const fn is_taken_over(&self) -> bool {
        matches!(self.place, Place::Local(_))
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

/// The separate cloud of a region: its part of an ARN, and the domain of its services.
pub(crate) fn partition(region: &str) -> (&'static str, &'static str) {
    const PARTITIONS: [(&str, &str, &str); 7] = [
        ("cn-", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-", "aws-us-gov", "amazonaws.com"),
        ("eusc-", "aws-eusc", "amazonaws.eu"),
        ("us-iso-", "aws-iso", "c2s.ic.gov"),
        ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ];
    let found = PARTITIONS.iter().find(|(regions, ..)| region.starts_with(regions));
    found.map_or(("aws", "amazonaws.com"), |&(_, partition, domain)| (partition, domain))
}

/// ARM64 bootstraps run as they are on an ARM64 host.
fn emulator_name() -> Option<String> {
    if cfg!(target_arch = "aarch64") {
        return None;
    }
    Some(toolchain::emulator()?.file_name()?.to_string_lossy().into_owned())
}
