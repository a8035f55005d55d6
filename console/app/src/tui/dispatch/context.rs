//! State of one effect, and the engine calls of each effect.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use lambda_console_engine::{
    Job,
    aws::stage::{self, Stage},
    compile::BuildRequest,
    deploy::{self, settings},
    export::{self, ExportRequest},
    history::{Store, recorded},
    logs::{self, LogQuery, TailEvent},
    release::versions,
    workspace::{self, paths},
};
use lambda_console_model::{
    Approval, BuildOutcome, Changed, DeployOutcome, DeployPlan, ExportFormat, ExportOutcome,
    Failure, Found, Function, Invocation, InvokeMode, InvokeRequest, LiveConfig, LogLine,
    RequestLog, ResponsePart, Sample, StageEntry, StageInfo, Workspace,
};
use tokio::sync::{mpsc, watch};

use super::{Inner, Reading, Reports, stages::StageHandle};
use crate::{
    logging,
    tui::task::{Credentials, JobEvent, JobId},
};

/// Period of the cold-start view, in milliseconds.
const SAMPLES_SINCE: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Number of parts of a response that may wait to be sent.
const PARTS: usize = 16;

/// State of one effect: the shared state, and the stage that was current when the effect started.
#[derive(Clone)]
pub(super) struct EffectContext {
    pub(super) inner: Arc<Inner>,
    pub(super) handle: Arc<StageHandle>,
}

impl std::ops::Deref for EffectContext {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Inner {
    /// Returns the directory of the payload drafts; waits for a workspace that can be read.
    pub(super) async fn drafts(&self) -> Result<PathBuf, Failure> {
        let read = self.read(|read| matches!(read, Some(Ok(_)))).await?;
        let workspace =
            read.unwrap_or_else(|| Err(Failure::interrupted("could not read the workspace")))?;
        Ok(paths::state_dir(&workspace.root).join("drafts"))
    }

    /// Returns the workspace as last read; waits for the first read, unless the console ends.
    ///
    /// # Errors
    /// Returns the error of the last read, or that the console ends (interrupted).
    pub(super) async fn workspace(&self) -> Result<Arc<Workspace>, Failure> {
        self.read(Option::is_some)
            .await?
            .unwrap_or_else(|| Err(Failure::interrupted("could not read the workspace")))
    }

    /// Waits until a read satisfies `is_enough`.
    async fn read(&self, is_enough: fn(&Reading) -> bool) -> Result<Reading, Failure> {
        let mut workspace = self.workspace.subscribe();
        let read = workspace.wait_for(is_enough);
        tokio::select! {
            // A finished read takes precedence, so that drafts can be saved when the console ends.
            biased;
            Ok(read) = read => Ok(read.clone()),
            () = self.closing.cancelled() => Err(Failure::interrupted("could not read the \
                workspace")),
        }
    }
}

impl EffectContext {
    /// Returns the directory of the code that promotions downloaded from other stages.
    pub(super) async fn promoted(&self) -> Result<PathBuf, Failure> {
        Ok(versions::promoted_dir(&self.workspace().await?.root))
    }

    /// Returns the stages of the workspace, and that of the command line.
    pub(super) async fn stages(&self) -> Result<Vec<StageEntry>, Failure> {
        stage::entries(&self.workspace().await?.root, self.inner.stages.options()).await
    }

    /// Returns the stage that was current when the effect started, connected.
    pub(super) async fn stage(&self) -> Result<Arc<Stage>, Failure> {
        let workspace = self.workspace().await?;
        tokio::select! {
            stage = self.handle.stage(&workspace) => stage,
            () = self.closing.cancelled() => Err(Failure::interrupted("could not connect to the \
                stage")),
        }
    }

    /// Connects, and returns the stage's account and caller.
    pub(super) async fn connect(&self, with: Credentials, job: &Job) -> Result<StageInfo, Failure> {
        let connected = async {
            match with {
                Credentials::Known => self.stage().await,
                Credentials::Renewed => self.handle.renewed(&*self.workspace().await?).await,
            }
        };
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

    /// Exports all functions, with the settings of the stage.
    pub(super) async fn export(&self, format: ExportFormat) -> Result<ExportOutcome, Failure> {
        let request = ExportRequest {
            format,
            names: Vec::new(),
            stage: Some(self.handle.options.clone()),
            directory: None,
            force: false,
        };
        export::export(&*self.workspace().await?, &request).await
    }

    pub(super) async fn store(&self, reports: &Reports) -> Result<&Store, Failure> {
        let open = async || {
            let root = self.workspace().await?.root.clone();
            let opened = tokio::task::spawn_blocking(move || Store::of_workspace(&root)).await;
            let store = opened.map_err(|error| {
                Failure::work("could not open the history", error.to_string(), "")
            })??;
            if let Some(notice) = store.notice() {
                reports.notice(notice.clone());
            }
            Ok(store)
        };
        self.store.get_or_try_init(open).await
    }

    /// Returns the history for work that only records in it: an error is reported once, and the
    /// work continues without it.
    pub(super) async fn history(&self, reports: &Reports) -> Option<&Store> {
        match self.store(reports).await {
            Ok(store) => Some(store),
            Err(failure) => {
                if !self.history_error_reported.swap(true, Ordering::Relaxed) {
                    reports.notice(failure);
                }
                None
            }
        }
    }

    pub(super) async fn discover(&self) -> Result<Workspace, Failure> {
        let found = workspace::discover(&self.directory).await;
        match &found {
            Ok(workspace) => {
                logging::start(&paths::state_dir(&workspace.root));
                self.workspace.send_replace(Some(Ok(Arc::new(workspace.clone()))));
            }
            // The previous read is still the best available.
            Err(failure) => {
                self.workspace.send_if_modified(|read| {
                    let is_news = !matches!(read, Some(Ok(_)));
                    if is_news {
                        *read = Some(Err(failure.clone()));
                    }
                    is_news
                });
            }
        }
        found
    }

    pub(super) async fn deployed(
        &self,
        functions: &[Function],
    ) -> Result<Vec<(String, Found)>, Failure> {
        deploy::deployed(&*self.stage().await?, functions).await
    }

    pub(super) async fn build(
        &self,
        request: &BuildRequest,
        job: &Job,
        reports: &Reports,
    ) -> Result<BuildOutcome, Failure> {
        let workspace = self.workspace().await?;
        let _running = self.builds.begin();
        recorded::build(&workspace, request, self.history(reports).await, job).await
    }

    pub(super) async fn plan(
        &self,
        functions: &[Function],
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployPlan, Failure> {
        let plan =
            deploy::compare(&*self.stage().await?, functions, deploy::Scope::Whole, job).await?;
        Ok(self.shown(plan, reports))
    }

    /// Keeps a plan until it is applied, and returns it as it is shown.
    fn shown(&self, plan: deploy::Plan, reports: &Reports) -> DeployPlan {
        let shown = plan.shown();
        self.plans.keep(reports.job, plan);
        shown
    }

    /// Applies the plan that the job `of` made, as far as it is for the functions `names`.
    pub(super) async fn apply(
        &self,
        of: JobId,
        names: &[String],
        approval: Approval,
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployOutcome, Failure> {
        let mut plan = self.plans.take(of)?;
        plan.keep(names);
        let (stage, history) = (self.stage().await?, self.history(reports).await);
        recorded::apply_shown(&stage, plan, approval, history, job).await
    }

    pub(super) async fn config(
        &self,
        function: &Function,
        job: &Job,
    ) -> Result<Option<Box<LiveConfig>>, Failure> {
        let stage = self.stage().await?;
        Ok(Box::pin(settings::read(&stage, &function.name, job)).await?.map(Box::new))
    }

    pub(super) async fn plan_config(
        &self,
        function: &Function,
        revision: Option<&str>,
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployPlan, Failure> {
        let plan = deploy::compare_settings(&*self.stage().await?, function, revision, job).await?;
        Ok(self.shown(plan, reports))
    }

    pub(super) async fn configure(
        &self,
        function: &Function,
        revision: Option<&str>,
        approval: Approval,
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployOutcome, Failure> {
        let (stage, history) = (self.stage().await?, self.history(reports).await);
        recorded::configure(&stage, function, revision, approval, history, job).await
    }

    pub(super) async fn deploy(
        &self,
        functions: &[Function],
        approval: Approval,
        job: &Job,
        reports: &Reports,
    ) -> Result<DeployOutcome, Failure> {
        let (stage, history) = (self.stage().await?, self.history(reports).await);
        recorded::deploy(&stage, functions, approval, history, job).await
    }

    pub(super) async fn invoke(
        &self,
        request: &InvokeRequest,
        job: &Job,
        reports: &Reports,
    ) -> Result<Invocation, Failure> {
        let (stage, history) = (&self.stage().await?, self.history(reports).await);
        if request.mode != InvokeMode::Stream {
            return recorded::answer(stage, request, None, history, job).await;
        }
        let (parts, mut taken) = mpsc::channel::<ResponsePart>(PARTS);
        let forward = async {
            let mut room = Invocation::KEPT;
            while let Some(part) = taken.recv().await {
                reports.send(JobEvent::ResponsePart(part.within(&mut room)));
            }
        };
        let answer =
            async move { recorded::answer(stage, request, Some(&parts), history, job).await };
        tokio::join!(answer, forward).0
    }

    pub(super) async fn link(
        &self,
        request: recorded::Request<'_>,
        job: &Job,
        reports: &Reports,
    ) -> Result<RequestLog, Failure> {
        let lines = |log| reports.send(JobEvent::LogsLinked(Ok(log)));
        recorded::link(&*self.stage().await?, request, lines, self.history(reports).await, job)
            .await
    }

    pub(super) async fn fetch(&self, query: &LogQuery, job: &Job) -> Result<Vec<LogLine>, Failure> {
        logs::fetch(&*self.stage().await?, query, job).await
    }

    pub(super) async fn tail(
        &self,
        query: &LogQuery,
        shown: watch::Receiver<bool>,
        job: &Job,
        reports: &Reports,
    ) -> Result<(), Failure> {
        let forward = move |output| {
            let event = match output {
                TailEvent::Lines(lines) => JobEvent::LogLines(lines),
                TailEvent::Fixes(fixes) => JobEvent::LogFixes(fixes),
                TailEvent::Marked(mark) => JobEvent::LogMarked(mark),
                TailEvent::Samples(samples) => JobEvent::LogSamples(samples),
                TailEvent::State(stands) => JobEvent::TailState(stands),
            };
            reports.send(event);
        };
        logs::tail(&*self.stage().await?, query, shown, forward, job).await
    }

    pub(super) async fn watch(&self, job: &Job, reports: &Reports) -> Result<(), Failure> {
        let root = self.workspace().await?.root.clone();
        let changed = |changed: Result<Changed, Failure>| {
            if let Ok(Changed { workspace: Some(workspace), .. }) = &changed {
                self.workspace.send_replace(Some(Ok(Arc::new(workspace.clone()))));
            }
            reports.send(JobEvent::Changed(changed));
        };
        lambda_console_engine::workspace::watch::watch(&root, &[], &self.builds, changed, job).await
    }

    pub(super) async fn samples(
        &self,
        functions: &[String],
        reports: &Reports,
    ) -> Result<Vec<(String, Vec<Sample>)>, Failure> {
        let (store, since) =
            (self.store(reports).await?, jiff::Timestamp::now().as_millisecond() - SAMPLES_SINCE);
        let mut all = Vec::with_capacity(functions.len());
        for function in functions {
            all.push((
                function.clone(),
                store.samples(function, &self.handle.options.stage, since).await?,
            ));
        }
        Ok(all)
    }
}
