//! Starts the work of an [`Effect`] and sends its results as [`Event`]s. Each job runs in a task of
//! its own and can be cancelled on its own; jobs wait only for what they share: workspace, stage,
//! history.

pub mod clipboard;
mod codes;
mod context;
mod drafts;
mod plans;
mod resources;
mod stages;
mod task;
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
    Job, aws::stage::StageOptions, deploy, history::Store, release::promote,
    workspace::watch::Builds,
};
use lambda_console_model::{Failure, VersionsPlan, Workspace};
use tokio::{
    sync::{OnceCell, mpsc, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{codes::Codes, context::EffectContext, plans::Plans, stages::Stages};
use crate::tui::{
    message::{Effect, Event},
    state::JobId,
    task::{JobEvent, Task},
};

/// Time that cancelled work has to clean up when the console ends.
const GRACE: Duration = Duration::from_secs(5);

/// Runs effects.
pub struct Work {
    inner: Arc<Inner>,
}

struct Inner {
    directory: PathBuf,
    stages: Stages,
    jobs: Mutex<HashMap<JobId, CancellationToken>>,
    /// Senders that notify each tail whether its lines are shown.
    tails: Mutex<HashMap<JobId, watch::Sender<bool>>>,
    /// Plans of deploys and of settings that wait for approval.
    plans: Plans<deploy::Plan>,
    /// Plans of promotions that wait for approval.
    promotions: Plans<promote::Plan>,
    /// Plans of changes of versions that wait for approval.
    changes: Plans<VersionsPlan>,
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
    history_error_reported: AtomicBool,
}

/// The workspace as last read, or why it cannot be read; `None` before the first read.
type Reading = Option<Result<Arc<Workspace>, Failure>>;

/// Sends what a job reports before it ends.
#[derive(Clone)]
struct Reports {
    job: JobId,
    events: mpsc::UnboundedSender<Event>,
}

impl Reports {
    fn send(&self, event: JobEvent) {
        // The receiver lives as long as the job.
        drop(self.events.send(Event::Job(self.job, event)));
    }

    fn notice(&self, failure: Failure) {
        drop(self.events.send(Event::Notice(failure)));
    }
}

impl Work {
    /// Creates the work on the workspace around `directory` and on the stage of `options`.
    pub fn new(directory: PathBuf, options: StageOptions) -> Self {
        let codes = Codes::new();
        let inner = Inner {
            directory,
            stages: Stages::new(StageOptions { asker: codes.asker(), ..options }),
            jobs: Mutex::default(),
            tails: Mutex::default(),
            plans: Plans::default(),
            promotions: Plans::default(),
            changes: Plans::default(),
            codes,
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            workspace: watch::Sender::default(),
            unsaved: Mutex::default(),
            store: OnceCell::new(),
            builds: Builds::default(),
            history_error_reported: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Starts the work of `effect`; its results are sent to `events`. Effects on the terminal are
    /// handled by the app and start nothing.
    pub fn start(&self, effect: Effect, events: &mpsc::Sender<Event>) {
        self.inner.codes.ask_through(events);
        match effect {
            Effect::Start { job, stage, task } => self.start_job(job, &stage, task, events),
            Effect::GiveCode { id, code } => self.inner.codes.give(id, code),
            Effect::ShowTail { job, shown } => {
                if let Some(show) = self.inner.tails().get(&job) {
                    show.send_replace(shown);
                }
            }
            Effect::Cancel(id) => {
                if let Some(token) = self.inner.jobs().get(&id) {
                    token.cancel();
                }
            }
            Effect::ReadEvent { function, file } => self.spawn(events, async move {
                let text = drafts::read(&file.path).await;
                Some(Event::EventRead(function, file, text))
            }),
            Effect::LoadDrafts => {
                let (inner, notices) = (Arc::clone(&self.inner), events.clone());
                self.spawn(events, async move {
                    let mut left_out = Vec::new();
                    let loaded = drafts::load(&inner.drafts().await.ok()?, |failure| {
                        left_out.push(failure);
                    })
                    .await;
                    for failure in left_out {
                        drop(notices.send(Event::Notice(failure)).await);
                    }
                    Some(loaded.map_or_else(Event::Notice, Event::Drafts))
                });
            }
            Effect::SaveDraft { function, text } => {
                let inner = Arc::clone(&self.inner);
                self.spawn(events, async move {
                    let saved = drafts::save(&inner.drafts().await.ok()?, &function, &text).await;
                    let mut unsaved = inner.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
                    unsaved.remove(&function);
                    saved.err().map(|failure| {
                        unsaved.insert(function, failure.clone());
                        Event::Notice(failure)
                    })
                });
            }
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

    /// Starts the job `id` on `stage`.
    fn start_job(&self, id: JobId, stage: &str, task: Task, events: &mpsc::Sender<Event>) {
        match &task {
            // Jobs that need the workspace wait for this read.
            Task::Discover => {
                let is_failed = |read: &Result<_, _>| read.is_err();
                self.inner
                    .workspace
                    .send_if_modified(|read| read.take_if(|read| is_failed(read)).is_some());
            }
            Task::StartTail { .. } => {
                self.inner.tails().insert(id, watch::Sender::new(true));
            }
            _ => {}
        }
        let context =
            EffectContext { inner: Arc::clone(&self.inner), handle: self.inner.stages.of(stage) };
        self.run(id, events, async move |job, reports| context.perform(task, &job, &reports).await);
    }

    /// Cancels running jobs, waits a while until they have ended, and releases the stages, as
    /// [`Stage::leave`] does. Drafts are saved by then; returns an error for each that could not
    /// be.
    ///
    /// [`Stage::leave`]: lambda_console_engine::aws::stage::Stage::leave
    pub async fn close(
        self,
        cut: &CancellationToken,
        report: &(dyn Fn(&str) + Sync),
    ) -> Vec<Failure> {
        self.inner.closing.cancel();
        self.inner.codes.close();
        for token in self.inner.jobs().values() {
            token.cancel();
        }
        self.inner.tasks.close();
        if timeout(GRACE, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!("work did not end in time");
        }
        if let Some(store) = self.inner.store.get()
            && let Err(failure) = store.flush().await
        {
            // The screen that would show it is gone.
            tracing::warn!(%failure, "the history is incomplete");
        }
        self.inner.stages.leave(cut, report).await;
        let unsaved =
            std::mem::take(&mut *self.inner.unsaved.lock().unwrap_or_else(PoisonError::into_inner));
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
        work: impl FnOnce(Job, Reports) -> Fut,
    ) where
        Fut: Future<Output = JobEvent> + Send + 'static,
    {
        let token = CancellationToken::new();
        self.inner.jobs().insert(id, token.clone());
        let (sender, mut received) = mpsc::unbounded_channel();
        let reports = Reports { job: id, events: sender };
        let steps = reports.clone();
        let job = Job::new(token, move |step| steps.send(JobEvent::Step(step)));
        let work = work(job, reports);
        let (inner, events) = (Arc::clone(&self.inner), events.clone());
        self.inner.tasks.spawn(async move {
            let mut work = pin!(work);
            let result = loop {
                // Sending fails only if the app has ended; then there is nothing to report to.
                tokio::select! {
                    biased;
                    Some(event) = received.recv() => drop(events.send(event).await),
                    result = &mut work => break result,
                }
            };
            while let Ok(event) = received.try_recv() {
                drop(events.send(event).await);
            }
            inner.jobs().remove(&id);
            drop(events.send(Event::Job(id, result)).await);
        });
    }

    fn spawn(
        &self,
        events: &mpsc::Sender<Event>,
        work: impl Future<Output = Option<Event>> + Send + 'static,
    ) {
        let events = events.clone();
        self.inner.tasks.spawn(async move {
            if let Some(event) = work.await {
                // As above.
                drop(events.send(event).await);
            }
        });
    }
}

impl Inner {
    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, CancellationToken>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tails(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, watch::Sender<bool>>> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
