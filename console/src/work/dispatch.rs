//! Starts what an [`Effect`] asks for and sends what comes of it as [`Event`]s. Each job runs in a task of its
//! own with its own way to be cancelled; none waits for another but for what they all need: workspace, stage, history.

mod belongings;
mod drafts;
mod stages;
mod versions;

use std::{
    collections::HashMap,
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OnceCell, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::stages::{Slot, Stages};
use super::{
    Job,
    build::BuildRequest,
    config, deploy, discover, log,
    logs::{self, LogQuery, Told},
    paths,
    stage::{self, Stage, StageOptions},
    store::Store,
    toolchain, verb,
};
use crate::message::{
    BuildOutcome, Changed, Consent, DeployOutcome, DeployPlan, Deployed, Effect, Event, Failure, Function, Invocation,
    InvokeMode, InvokeRequest, JobId, LiveConfig, LogLine, RequestLog, ResponsePart, Sample, StageEntry, StageInfo,
    Workspace,
};

/// How far back the cold-start view looks, in milliseconds.
const SAMPLES_SINCE: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Parts of a response that wait to be told of.
const PARTS: usize = 16;
/// How long cancelled work has to clean up when the console ends.
const GRACE: Duration = Duration::from_secs(5);

/// Carries effects out.
pub struct Work {
    common: Arc<Common>,
}

/// What one effect works with: what all share, and the stage that was current when it started.
#[derive(Clone)]
struct Shared {
    common: Arc<Common>,
    slot: Arc<Slot>,
}

impl std::ops::Deref for Shared {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

struct Common {
    directory: PathBuf,
    stages: Stages,
    jobs: Mutex<HashMap<JobId, CancellationToken>>,
    /// What runs, or stopped for lack of credentials, with its stage.
    begun: Mutex<HashMap<JobId, (Arc<Slot>, Effect)>>,
    /// Tells each tail whether its lines are shown.
    tails: Mutex<HashMap<JobId, watch::Sender<bool>>>,
    tasks: TaskTracker,
    closing: CancellationToken,
    workspace: watch::Sender<Option<Arc<Workspace>>>,
    store: OnceCell<Store>,
    /// Why the history cannot be used was told.
    told: AtomicBool,
}

/// What a job says while it runs.
type Steps = mpsc::UnboundedSender<Event>;

impl Work {
    /// Work on the workspace around `directory` and on the stage of `options`.
    pub fn new(directory: PathBuf, options: StageOptions) -> Self {
        let common = Common {
            directory,
            stages: Stages::new(options),
            jobs: Mutex::default(),
            begun: Mutex::default(),
            tails: Mutex::default(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            workspace: watch::Sender::default(),
            store: OnceCell::new(),
            told: AtomicBool::new(false),
        };
        Self { common: Arc::new(common) }
    }

    /// Starts the work of `effect`, whose results go to `events`. Effects of the terminal are the app's and start nothing.
    pub fn start(&self, effect: Effect, events: &mpsc::Sender<Event>) {
        self.start_on(self.common.stages.current(), effect, events);
    }

    fn start_on(&self, slot: Arc<Slot>, effect: Effect, events: &mpsc::Sender<Event>) {
        if let Some(job) = effect.job() {
            self.common.begun().insert(job, (Arc::clone(&slot), effect.clone()));
        }
        let shared = Shared { common: Arc::clone(&self.common), slot };
        match effect {
            Effect::On { stage, effect } => self.start_on(self.common.stages.of(&stage), *effect, events),
            Effect::Resume(jobs) => {
                for job in jobs {
                    let begun = self.common.begun().remove(&job);
                    if let Some((slot, effect)) = begun {
                        self.start_on(slot, effect, events);
                    }
                }
            }
            Effect::Discover(id) => self.run(id, events, async move |_, _| shared.discover(id).await),
            Effect::ReadStages(id) => {
                self.run(id, events, async move |_, _| Event::StagesRead(id, shared.stages().await));
            }
            Effect::Connect { job: id, stage, renew } => {
                let shared = Shared { slot: self.common.stages.turn_to(&stage), ..shared };
                self.run(id, events, async move |job, _| Event::StageConnected(id, shared.connect(renew, &job).await));
            }
            Effect::Probe { job: id, stage } => {
                let shared = Shared { slot: self.common.stages.of(&stage), ..shared };
                self.run(id, events, async move |job, _| Event::StageConnected(id, shared.connect(false, &job).await));
            }
            Effect::RefreshDeployed { job: id, functions } => {
                self.run(id, events, async move |_, _| Event::Deployed(id, shared.deployed(&functions).await));
            }
            Effect::CheckSetup { job: id, architecture } => self.run(id, events, async move |_, _| {
                Event::SetupChecked(id, toolchain::check_in(&shared.directory, architecture).await)
            }),
            Effect::Setup { job: id, architecture } => self.run(id, events, async move |job, _| {
                Event::SetupFinished(id, toolchain::setup_in(&shared.directory, architecture, &job).await)
            }),
            Effect::Build { job: id, functions, architecture, debug } => {
                self.run(id, events, async move |job, steps| {
                    let request = BuildRequest { functions, architecture, debug };
                    Event::BuildFinished(id, shared.build(&request, &job, &steps).await)
                });
            }
            Effect::Plan { job: id, functions } => {
                self.run(id, events, async move |job, _| Event::Planned(id, shared.plan(&functions, &job).await))
            }
            Effect::ReadConfig { job: id, function } => {
                self.run(id, events, async move |job, _| Event::ConfigRead(id, shared.config(&function, &job).await));
            }
            Effect::PlanConfig { job: id, function, revision } => self.run(id, events, async move |job, _| {
                Event::Planned(id, shared.plan_config(&function, revision.as_deref(), &job).await)
            }),
            Effect::Configure { job: id, function, revision, consent } => {
                self.run(id, events, async move |job, steps| {
                    let done = shared.configure(&function, revision.as_deref(), consent, &job, &steps).await;
                    Event::Configured(id, done)
                });
            }
            Effect::Deploy { job: id, functions, plan, consent } => self.run(id, events, async move |job, steps| {
                Event::DeployFinished(id, shared.deploy(&functions, plan.as_ref(), consent, &job, &steps).await)
            }),
            Effect::ListBelongings { job: id, functions } => self.run(id, events, async move |job, _| {
                Event::BelongingsListed(id, shared.belongings(&functions, &job).await)
            }),
            Effect::Delete { job: id, functions } => self
                .run(id, events, async move |job, _| Event::DeleteFinished(id, shared.delete(&functions, &job).await)),
            Effect::ListRoles(id) => {
                self.run(id, events, async move |_, _| Event::RolesListed(id, shared.roles().await));
            }
            Effect::RemoveRole { job: id, role } => {
                self.run(id, events, async move |_, _| Event::RoleRemoved(id, shared.remove_role(&role).await));
            }
            Effect::CheckPermissions { job: id, functions } => {
                self.run(id, events, async move |_, _| {
                    Event::PermissionsChecked(id, shared.permissions(&functions).await)
                });
            }
            effect @ (Effect::LoadVersions { .. } | Effect::ChangeVersions { .. }) => {
                self.start_versions(shared, effect, events);
            }
            Effect::Invoke { job: id, request } => self.run(id, events, async move |job, steps| {
                Event::InvokeFinished(id, shared.invoke(id, &request, &job, &steps).await)
            }),
            Effect::LinkLogs { job: id, function, request_id, since } => {
                self.run(id, events, async move |job, steps| {
                    Event::LogsLinked(id, shared.link(id, (&function, &request_id, since), &job, &steps).await)
                });
            }
            Effect::StartTail { job: id, functions, since } => {
                let (show, shown) = watch::channel(true);
                self.common.tails().insert(id, show);
                self.run(id, events, async move |job, steps| {
                    let query = LogQuery { functions, since, filter: None, request_id: None };
                    let ended = shared.tail(id, &query, shown, &job, steps).await;
                    shared.tails().remove(&id);
                    Event::TailEnded(id, ended)
                });
            }
            Effect::ShowTail { job, shown } => {
                if let Some(show) = self.common.tails().get(&job) {
                    show.send_replace(shown);
                }
            }
            Effect::FetchLogs { job: id, function, request_id, since } => self.run(id, events, async move |_, _| {
                let query = LogQuery { functions: vec![function], since, filter: None, request_id: Some(request_id) };
                Event::LogsFetched(id, shared.fetch(&query).await)
            }),
            Effect::LoadSamples { job: id, functions } => {
                self.run(id, events, async move |_, steps| {
                    Event::Samples(id, shared.samples(&functions, &steps).await)
                });
            }
            Effect::Watch(id) => {
                self.run(id, events, async move |job, steps| {
                    Event::WatchEnded(id, shared.watch(id, &job, steps).await)
                });
            }
            Effect::Cancel(id) => {
                if let Some(token) = self.common.jobs().get(&id) {
                    token.cancel();
                }
            }
            Effect::ReadEvent { function, file } => self.spawn(events, async move {
                let text = drafts::read(&file.path).await;
                Some(Event::EventRead(function, file, text))
            }),
            Effect::LoadDrafts => self.spawn(events, async move {
                let loaded = drafts::load(&shared.drafts().await.ok()?).await;
                Some(loaded.map_or_else(Event::Notice, Event::Drafts))
            }),
            Effect::SaveDraft { function, text } => self.spawn(events, async move {
                drafts::save(&shared.drafts().await.ok()?, &function, &text).await.err().map(Event::Notice)
            }),
            Effect::Edit { .. }
            | Effect::Copy(_)
            | Effect::Continue
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Quit => {}
        }
    }

    /// Cancels what runs, waits a while until it has ended, and lets go of the stages. Drafts are saved by then.
    pub async fn close(self) {
        self.common.closing.cancel();
        for token in self.common.jobs().values() {
            token.cancel();
        }
        self.common.tasks.close();
        if timeout(GRACE, self.common.tasks.wait()).await.is_err() {
            tracing::warn!("work did not end in time");
        }
        if let Some(store) = self.common.store.get()
            && let Err(failure) = store.flush().await
        {
            // There is no screen any more to tell it on.
            tracing::warn!(%failure, "the history is incomplete");
        }
        self.common.stages.close().await;
    }

    /// Runs `work` as the job `id`. What it says while it runs comes before its result, and it goes on no faster
    /// than `events` are taken.
    fn run<Fut>(&self, id: JobId, events: &mpsc::Sender<Event>, work: impl FnOnce(Job, Steps) -> Fut)
    where
        Fut: Future<Output = Event> + Send + 'static,
    {
        let token = CancellationToken::new();
        self.common.jobs().insert(id, token.clone());
        let (steps, mut said) = mpsc::unbounded_channel();
        let reports = steps.clone();
        // The receiver lives as long as the job.
        let job = Job::new(token, move |step| drop(reports.send(Event::Step(id, step))));
        let work = work(job, steps);
        let (common, events) = (Arc::clone(&self.common), events.clone());
        self.common.tasks.spawn(async move {
            let mut work = pin!(work);
            let result = loop {
                // Sending fails only when the app has ended, and nobody is left to be told.
                tokio::select! {
                    biased;
                    Some(event) = said.recv() => drop(events.send(event).await),
                    result = &mut work => break result,
                }
            };
            while let Ok(event) = said.try_recv() {
                drop(events.send(event).await);
            }
            common.jobs().remove(&id);
            if result.login().is_none() {
                common.begun().remove(&id);
            }
            drop(events.send(result).await);
        });
    }

    fn spawn(&self, events: &mpsc::Sender<Event>, work: impl Future<Output = Option<Event>> + Send + 'static) {
        let events = events.clone();
        self.common.tasks.spawn(async move {
            if let Some(event) = work.await {
                // As above.
                drop(events.send(event).await);
            }
        });
    }
}

impl Common {
    fn begun(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, (Arc<Slot>, Effect)>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, CancellationToken>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tails(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, watch::Sender<bool>>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Where the payload drafts are kept.
    async fn drafts(&self) -> Result<PathBuf, Failure> {
        Ok(self.state_dir().await?.join("drafts"))
    }

    async fn state_dir(&self) -> Result<PathBuf, Failure> {
        Ok(paths::state_dir(&self.workspace().await?.root))
    }

    /// The workspace as last read; waits for the first reading, unless the console ends.
    async fn workspace(&self) -> Result<Arc<Workspace>, Failure> {
        let mut workspace = self.workspace.subscribe();
        loop {
            if let Some(workspace) = workspace.borrow_and_update().clone() {
                return Ok(workspace);
            }
            tokio::select! {
                _ = workspace.changed() => {}
                () = self.closing.cancelled() => return Err(Failure::interrupted("could not read the workspace")),
            }
        }
    }

    /// The stages of the workspace, and that of the command line.
    async fn stages(&self) -> Result<Vec<StageEntry>, Failure> {
        stage::entries(&self.workspace().await?.root, self.common.stages.options()).await
    }

    /// The stage that was current when the effect started, connected.
    async fn stage(&self) -> Result<Arc<Stage>, Failure> {
        let workspace = self.workspace().await?;
        tokio::select! {
            stage = self.slot.stage(&workspace) => stage,
            () = self.closing.cancelled() => Err(Failure::interrupted("could not connect to the stage")),
        }
    }

    /// Connects, and says where the stage is; with `renew`, as it is now.
    async fn connect(&self, renew: bool, job: &Job) -> Result<StageInfo, Failure> {
        let connected =
            async { if renew { self.slot.renewed(&*self.workspace().await?).await } else { self.stage().await } };
        let cancelled = async {
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = job.cancel.cancelled() => {}
            }
        };
        tokio::select! {
            stage = connected => Ok(stage?.info()),
            () = cancelled => Err(Failure::interrupted("could not connect to the stage")),
        }
    }

    async fn store(&self, steps: &Steps) -> Result<&Store, Failure> {
        let open = async || {
            let root = self.workspace().await?.root.clone();
            let opened = tokio::task::spawn_blocking(move || Store::of_workspace(&root)).await;
            let store =
                opened.map_err(|error| Failure::work("could not open the history", error.to_string(), ""))??;
            if let Some(notice) = store.notice() {
                // The receiver lives as long as the job.
                drop(steps.send(Event::Notice(notice.clone())));
            }
            Ok(store)
        };
        self.store.get_or_try_init(open).await
    }

    /// The history, where recording is a side matter: that it cannot be opened is told once, and the work goes on.
    async fn history(&self, steps: &Steps) -> Option<&Store> {
        match self.store(steps).await {
            Ok(store) => Some(store),
            Err(failure) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    drop(steps.send(Event::Notice(failure)));
                }
                None
            }
        }
    }

    async fn discover(&self, id: JobId) -> Event {
        let found = discover::discover(&self.directory).await;
        if let Ok(workspace) = &found {
            log::start(&paths::state_dir(&workspace.root));
            self.workspace.send_replace(Some(Arc::new(workspace.clone())));
        }
        Event::Discovered(id, found)
    }

    async fn deployed(&self, functions: &[Function]) -> Result<Vec<(String, Option<Deployed>)>, Failure> {
        deploy::deployed(&*self.stage().await?, functions).await
    }

    async fn build(&self, request: &BuildRequest, job: &Job, steps: &Steps) -> Result<BuildOutcome, Failure> {
        verb::build(&*self.workspace().await?, request, self.history(steps).await, job).await
    }

    async fn plan(&self, functions: &[Function], job: &Job) -> Result<DeployPlan, Failure> {
        deploy::plan(&*self.stage().await?, functions, job).await
    }

    async fn config(&self, function: &Function, job: &Job) -> Result<Option<LiveConfig>, Failure> {
        config::read(&*self.stage().await?, &function.name, job).await
    }

    async fn plan_config(&self, function: &Function, revision: Option<&str>, job: &Job) -> Result<DeployPlan, Failure> {
        deploy::plan_settings(&*self.stage().await?, function, revision, job).await
    }

    async fn configure(
        &self,
        function: &Function,
        revision: Option<&str>,
        consent: Consent,
        job: &Job,
        steps: &Steps,
    ) -> Result<DeployOutcome, Failure> {
        let stage = self.stage().await?;
        verb::configure(&stage, function, revision, consent, self.history(steps).await, job).await
    }

    async fn deploy(
        &self,
        functions: &[Function],
        plan: Option<&DeployPlan>,
        consent: Consent,
        job: &Job,
        steps: &Steps,
    ) -> Result<DeployOutcome, Failure> {
        verb::deploy(&*self.stage().await?, functions, plan, consent, self.history(steps).await, job).await
    }

    async fn invoke(
        &self,
        id: JobId,
        request: &InvokeRequest,
        job: &Job,
        steps: &Steps,
    ) -> Result<Invocation, Failure> {
        let (stage, history) = (&self.stage().await?, self.history(steps).await);
        if request.mode != InvokeMode::Stream {
            return verb::answer(stage, request, None, history, job).await;
        }
        let (parts, mut taken) = mpsc::channel::<ResponsePart>(PARTS);
        let told = async {
            let mut room = Invocation::KEPT;
            while let Some(part) = taken.recv().await {
                // The receiver lives as long as the job.
                drop(steps.send(Event::ResponsePart(id, part.within(&mut room))));
            }
        };
        let answer = async move { verb::answer(stage, request, Some(&parts), history, job).await };
        tokio::join!(answer, told).0
    }

    async fn link(
        &self,
        id: JobId,
        request: (&str, &str, i64),
        job: &Job,
        steps: &Steps,
    ) -> Result<RequestLog, Failure> {
        // The receiver lives as long as the job.
        let lines = |log| drop(steps.send(Event::LogsLinked(id, Ok(log))));
        verb::link(&*self.stage().await?, request, lines, self.history(steps).await, job).await
    }

    async fn fetch(&self, query: &LogQuery) -> Result<Vec<LogLine>, Failure> {
        logs::fetch(&*self.stage().await?, query).await
    }

    async fn tail(
        &self,
        id: JobId,
        query: &LogQuery,
        shown: watch::Receiver<bool>,
        job: &Job,
        steps: Steps,
    ) -> Result<(), Failure> {
        let told = move |told| {
            let event = match told {
                Told::Lines(lines) => Event::LogLines(id, lines),
                Told::Fixes(fixes) => Event::LogFixes(id, fixes),
                Told::Marked(mark) => Event::LogMarked(id, mark),
                Told::Samples(samples) => Event::LogSamples(id, samples),
                Told::State(stands) => Event::TailState(id, stands),
            };
            // The receiver lives as long as the job.
            drop(steps.send(event));
        };
        logs::tail(&*self.stage().await?, query, shown, told, job).await
    }

    async fn watch(&self, id: JobId, job: &Job, steps: Steps) -> Result<(), Failure> {
        let root = self.workspace().await?.root.clone();
        let changed = |changed: Result<Changed, Failure>| {
            if let Ok(Changed { workspace: Some(workspace), .. }) = &changed {
                self.workspace.send_replace(Some(Arc::new(workspace.clone())));
            }
            // The receiver lives as long as the job.
            drop(steps.send(Event::Changed(id, changed)));
        };
        super::watch::watch(&root, &[], changed, job).await
    }

    async fn samples(&self, functions: &[String], steps: &Steps) -> Result<Vec<(String, Vec<Sample>)>, Failure> {
        let (store, since) = (self.store(steps).await?, jiff::Timestamp::now().as_millisecond() - SAMPLES_SINCE);
        let mut all = Vec::with_capacity(functions.len());
        for function in functions {
            all.push((function.clone(), store.samples(function, &self.slot.options.stage, since).await?));
        }
        Ok(all)
    }
}
