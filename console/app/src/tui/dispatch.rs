//! Starts the work of an [`Effect`] and sends its results as [`Event`]s. Each job runs in a task of
//! its own and can be cancelled on its own; jobs wait only for what they share: workspace, stage,
//! history.

pub mod clipboard;
mod codes;
mod drafts;
mod resources;
mod shared;
mod stages;
#[cfg(test)]
mod tests;
mod versions;

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use lambda_console_engine::{
    Job,
    aws::stage::StageOptions,
    compile::{BuildRequest, toolchain},
    history::Store,
    logs::LogQuery,
    workspace::watch::Builds,
};
use lambda_console_model::{Failure, Workspace};
use tokio::{
    sync::{OnceCell, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    codes::Codes,
    shared::Shared,
    stages::{Slot, Stages},
};
use crate::tui::{
    message::{Effect, Event},
    state::JobId,
};

/// Time that cancelled work has to clean up when the console ends.
const GRACE: Duration = Duration::from_secs(5);

/// Runs effects.
pub struct Work {
    common: Arc<Common>,
}

struct Common {
    directory: PathBuf,
    stages: Stages,
    jobs: Mutex<HashMap<JobId, CancellationToken>>,
    /// Jobs that run, or stopped for lack of credentials, each with its stage.
    begun: Mutex<HashMap<JobId, (Arc<Slot>, Effect)>>,
    /// Senders that notify each tail whether its lines are shown.
    tails: Mutex<HashMap<JobId, watch::Sender<bool>>>,
    /// Codes that the user was asked for.
    codes: Arc<Codes>,
    tasks: TaskTracker,
    closing: CancellationToken,
    /// The workspace as last read; an error until it is read successfully for the first time.
    workspace: watch::Sender<Reading>,
    /// Drafts that could not be saved, by function, each with its error.
    unsaved: Mutex<BTreeMap<String, Failure>>,
    store: OnceCell<Store>,
    /// The running builds.
    builds: Builds,
    /// `true` once the error of opening the history was reported.
    told: AtomicBool,
}

/// The workspace as last read, or why it cannot be read; `None` before the first read.
type Reading = Option<Result<Arc<Workspace>, Failure>>;

/// Progress of a job.
type Steps = mpsc::UnboundedSender<Event>;

impl Work {
    /// Creates the work on the workspace around `directory` and on the stage of `options`.
    pub fn new(directory: PathBuf, options: StageOptions) -> Self {
        let codes = Codes::new();
        let common = Common {
            directory,
            stages: Stages::new(StageOptions { asker: codes.asker(), ..options }),
            jobs: Mutex::default(),
            begun: Mutex::default(),
            tails: Mutex::default(),
            codes,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            workspace: watch::Sender::default(),
            unsaved: Mutex::default(),
            store: OnceCell::new(),
            builds: Builds::default(),
            told: AtomicBool::new(false),
        };
        Self { common: Arc::new(common) }
    }

    /// Starts the work of `effect`; its results are sent to `events`. Effects on the terminal are
    /// handled by the app and start nothing.
    pub fn start(&self, effect: Effect, events: &mpsc::Sender<Event>) {
        self.common.codes.ask_through(events);
        self.start_on(self.common.stages.current(), effect, events);
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each effect, each a call")]
    fn start_on(&self, slot: Arc<Slot>, effect: Effect, events: &mpsc::Sender<Event>) {
        if let Some(job) = effect.job() {
            self.common.begun().insert(job, (Arc::clone(&slot), effect.clone()));
        }
        let shared = Shared { common: Arc::clone(&self.common), slot };
        match effect {
            Effect::On { stage, effect } => {
                self.start_on(self.common.stages.of(&stage), *effect, events);
            }
            Effect::Resume(jobs) => {
                for job in jobs {
                    let begun = self.common.begun().remove(&job);
                    if let Some((slot, effect)) = begun {
                        self.start_on(slot, effect, events);
                    }
                }
            }
            Effect::GiveCode { id, code } => self.common.codes.give(id, code),
            Effect::Discover(id) => {
                // Jobs that need the workspace wait for this read.
                self.common
                    .workspace
                    .send_if_modified(|read| read.take_if(|read| read.is_err()).is_some());
                self.run(id, events, async move |_, _| shared.discover(id).await);
            }
            Effect::ReadStages(id) => {
                self.run(id, events, async move |_, _| {
                    Event::StagesRead(id, shared.stages().await)
                });
            }
            Effect::Connect { job: id, stage, renew } => {
                let shared = Shared { slot: self.common.stages.turn_to(&stage), ..shared };
                self.run(id, events, async move |job, _| {
                    Event::StageConnected(id, shared.connect(renew, &job).await)
                });
            }
            Effect::Probe { job: id, stage } => {
                let shared = Shared { slot: self.common.stages.of(&stage), ..shared };
                self.run(id, events, async move |job, _| {
                    Event::StageConnected(id, shared.connect(false, &job).await)
                });
            }
            Effect::RefreshDeployed { job: id, functions } => {
                self.run(id, events, async move |_, _| {
                    Event::Deployed(id, shared.deployed(&functions).await)
                });
            }
            Effect::CheckSetup { job: id, architecture } => {
                self.run(id, events, async move |_, _| {
                    Event::SetupChecked(
                        id,
                        toolchain::check_in(&shared.directory, architecture).await,
                    )
                });
            }
            Effect::Setup { job: id, architecture } => self.run(id, events, async move |job, _| {
                Event::SetupFinished(
                    id,
                    toolchain::setup_in(&shared.directory, architecture, &job).await,
                )
            }),
            Effect::Build { job: id, functions, architecture, deployed, debug } => {
                self.run(id, events, async move |job, steps| {
                    let request = BuildRequest {
                        functions,
                        architecture,
                        deployed,
                        debug,
                        ..BuildRequest::default()
                    };
                    Event::BuildFinished(id, shared.build(&request, &job, &steps).await)
                });
            }
            Effect::Plan { job: id, functions } => {
                self.run(id, events, async move |job, _| {
                    Event::Planned(id, shared.plan(&functions, &job).await)
                });
            }
            Effect::ReadConfig { job: id, function } => {
                self.run(id, events, async move |job, _| {
                    Event::ConfigRead(id, shared.config(&function, &job).await)
                });
            }
            Effect::PlanConfig { job: id, function, revision } => {
                self.run(id, events, async move |job, _| {
                    Event::Planned(
                        id,
                        shared.plan_config(&function, revision.as_deref(), &job).await,
                    )
                });
            }
            Effect::Configure { job: id, function, revision, approval } => {
                self.run(id, events, async move |job, steps| {
                    let done = shared
                        .configure(&function, revision.as_deref(), approval, &job, &steps)
                        .await;
                    Event::Configured(id, done)
                });
            }
            Effect::Deploy { job: id, functions, plan, approval } => {
                self.run(id, events, async move |job, steps| {
                    Event::DeployFinished(
                        id,
                        shared.deploy(&functions, plan.as_ref(), approval, &job, &steps).await,
                    )
                });
            }
            Effect::ListResources { job: id, functions } => {
                self.run(id, events, async move |job, _| {
                    Event::ResourcesListed(id, shared.resources(&functions, &job).await)
                });
            }
            Effect::Delete { job: id, functions } => self.run(id, events, async move |job, _| {
                Event::DeleteFinished(id, shared.delete(&functions, &job).await)
            }),
            Effect::ListRoles(id) => {
                self.run(id, events, async move |_, _| {
                    Event::RolesListed(id, shared.roles().await)
                });
            }
            Effect::RemoveRole { job: id, role } => {
                self.run(id, events, async move |_, _| {
                    Event::RoleRemoved(id, shared.remove_role(&role).await)
                });
            }
            Effect::CheckPermissions { job: id, functions } => {
                self.run(id, events, async move |_, _| {
                    Event::PermissionsChecked(id, shared.permissions(&functions).await)
                });
            }
            Effect::LoadVersions { job: id, function } => {
                self.run(id, events, async move |_, _| {
                    Event::VersionsLoaded(id, shared.versions(&function).await)
                });
            }
            Effect::ChangeVersions { job: id, function, change, approval } => {
                self.run(id, events, async move |job, _| {
                    Event::VersionsChanged(
                        id,
                        shared.change_versions(&function, &change, approval, &job).await,
                    )
                });
            }
            Effect::PlanPromotion { job: id, promotion } => {
                self.run(id, events, async move |job, _| {
                    Event::Planned(id, shared.plan_promotion(&promotion, &job).await)
                });
            }
            Effect::Promote { job: id, promotion } => {
                self.run(id, events, async move |job, _| {
                    Event::Promoted(id, shared.promote(&promotion, &job).await)
                });
            }
            Effect::Invoke { job: id, request } => self.run(id, events, async move |job, steps| {
                Event::InvokeFinished(id, shared.invoke(id, &request, &job, &steps).await)
            }),
            Effect::LinkLogs { job: id, function, request_id, since } => {
                self.run(id, events, async move |job, steps| {
                    Event::LogsLinked(
                        id,
                        shared.link(id, (&function, &request_id, since), &job, &steps).await,
                    )
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
            Effect::FetchLogs { job: id, function, request_id, since } => {
                self.run(id, events, async move |_, _| {
                    let query = LogQuery {
                        functions: vec![function],
                        since,
                        filter: None,
                        request_id: Some(request_id),
                    };
                    Event::LogsFetched(id, shared.fetch(&query).await)
                });
            }
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
            Effect::LoadDrafts => {
                let notices = events.clone();
                self.spawn(events, async move {
                    let mut left_out = Vec::new();
                    let loaded = drafts::load(&shared.drafts().await.ok()?, |failure| {
                        left_out.push(failure);
                    })
                    .await;
                    for failure in left_out {
                        drop(notices.send(Event::Notice(failure)).await);
                    }
                    Some(loaded.map_or_else(Event::Notice, Event::Drafts))
                });
            }
            Effect::SaveDraft { function, text } => self.spawn(events, async move {
                let saved = drafts::save(&shared.drafts().await.ok()?, &function, &text).await;
                let mut unsaved = shared.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
                unsaved.remove(&function);
                saved.err().map(|failure| {
                    unsaved.insert(function, failure.clone());
                    Event::Notice(failure)
                })
            }),
            Effect::Copy(text) => {
                self.spawn(events, async move { Some(Event::Copied(clipboard::copy(text).await)) });
            }
            Effect::Edit { .. }
            | Effect::CopyByTerminal(_)
            | Effect::Continue
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Quit => {}
        }
    }

    /// Cancels running jobs, waits a while until they have ended, and releases the stages, as
    /// [`Stage::leave`] does. Drafts are saved by then; returns an error for each that could not
    /// be.
    ///
    /// [`Stage::leave`]: lambda_console_engine::aws::stage::Stage::leave
    pub async fn close(self, cut: &CancellationToken, say: &(dyn Fn(&str) + Sync)) -> Vec<Failure> {
        self.common.closing.cancel();
        self.common.codes.close();
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
            // The screen that would show it is gone.
            tracing::warn!(%failure, "the history is incomplete");
        }
        self.common.stages.leave(cut, say).await;
        let unsaved = std::mem::take(
            &mut *self.common.unsaved.lock().unwrap_or_else(PoisonError::into_inner),
        );
        // The editor that held the text is gone.
        unsaved
            .into_values()
            .map(|failure| Failure { hint: "what was typed last is lost".into(), ..failure })
            .collect()
    }

    /// Runs `work` as the job `id`. Its progress is sent before its result, and it runs no faster
    /// than `events` are received.
    fn run<Fut>(
        &self,
        id: JobId,
        events: &mpsc::Sender<Event>,
        work: impl FnOnce(Job, Steps) -> Fut,
    ) where
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
                // Sending fails only if the app has ended; then there is nothing to report to.
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

    fn spawn(
        &self,
        events: &mpsc::Sender<Event>,
        work: impl Future<Output = Option<Event>> + Send + 'static,
    ) {
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
