//! Context of a headless command: the workspace, the stage, the history, and the job that cancels
//! it.

pub(super) mod code;
pub(super) mod confirm;
pub(super) mod progress;
pub(super) mod since;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use lambda_console_engine::{
    Job,
    aws::stage::{LOCAL, Stage, StageOptions},
    deploy,
    history::Store,
    workspace::{self, paths},
};
use lambda_console_model::{Architecture, Failure, Found, Function, Workspace, text::nearest};
use tokio_util::sync::CancellationToken;

use super::{Global, output::Output};
use crate::logging;

/// One run of one command.
pub(super) struct Context {
    pub(super) global: Global,
    pub(super) output: Output,
    pub(super) job: Job,
    /// The connected stages.
    stages: Mutex<Vec<Arc<Stage>>>,
}

impl Context {
    pub(super) fn new(global: Global, output: Output, cancel: CancellationToken) -> Self {
        Self { job: progress::job(cancel), global, output, stages: Mutex::default() }
    }

    /// Returns the workspace around the requested directory. Prints warnings about parts that could
    /// not be read to stderr.
    pub(super) async fn workspace(&self) -> Result<Workspace, Failure> {
        let directory = self.global.workspace.as_deref().unwrap_or(Path::new("."));
        let workspace = tokio::select! {
            biased;
            () = self.job.cancel.cancelled() => return Err(Failure::interrupted("could not read \
                the workspace")),
            workspace = workspace::discover(directory) => workspace?,
        };
        logging::start(&paths::state_dir(&workspace.root));
        for warning in &workspace.warnings {
            progress::notice(warning);
        }
        Ok(workspace)
    }

    /// Returns the architectures of the functions on the stage. Functions that cannot be read are
    /// left out: builds continue without them.
    pub(super) async fn architectures(
        &self,
        stage: &Stage,
        functions: &[Function],
    ) -> BTreeMap<String, Architecture> {
        let deployed = deploy::deployed(stage, functions).await.unwrap_or_default();
        let known = |(name, found): (String, Found)| Some((name, found.ok()??.architecture?));
        deployed.into_iter().filter_map(known).collect()
    }

    /// Returns the name of the requested stage, without connecting to it.
    pub(super) fn stage_name(&self) -> String {
        stage_options(&self.global, 0).stage
    }

    /// Connects to the requested stage.
    pub(super) async fn stage(&self, workspace: &Workspace) -> Result<Arc<Stage>, Failure> {
        self.stage_at(workspace, 0).await
    }

    /// Connects to the stage with this name; profile and region are those of its settings.
    pub(super) async fn stage_named(
        &self,
        workspace: &Workspace,
        name: &str,
    ) -> Result<Arc<Stage>, Failure> {
        let read_only = self.global.read_only;
        self.connect(
            workspace,
            StageOptions { stage: name.to_owned(), read_only, ..StageOptions::default() },
        )
        .await
    }

    /// Like [`Context::stage`], with the local Lambda's port.
    pub(super) async fn stage_at(
        &self,
        workspace: &Workspace,
        port: u16,
    ) -> Result<Arc<Stage>, Failure> {
        self.connect(workspace, stage_options(&self.global, port)).await
    }

    /// Releases the stages, after all output is printed: a local Lambda in this process may have to
    /// keep running for others.
    pub(super) async fn leave(&self) {
        let stages =
            std::mem::take(&mut *self.stages.lock().unwrap_or_else(PoisonError::into_inner));
        for stage in stages {
            stage.leave(&self.job.cancel, &progress::print).await;
        }
    }

    async fn connect(
        &self,
        workspace: &Workspace,
        options: StageOptions,
    ) -> Result<Arc<Stage>, Failure> {
        let options = StageOptions { asker: code::asker(), ..options };
        let stage = tokio::select! {
            biased;
            () = self.job.cancel.cancelled() => return Err(Failure::interrupted("could not connect \
                to the stage")),
            stage = Stage::connect(workspace, &options) => Arc::new(stage?),
        };
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&stage));
        stage.warning().into_iter().for_each(progress::notice);
        let info = stage.info();
        if let Some(notice) = info.damage_notice() {
            progress::notice(&notice);
        }
        if info.endpoint.is_none() {
            progress::print(&format!(
                "stage {} · account {} · {}",
                info.name, info.account, info.region
            ));
        }
        Ok(stage)
    }
}

/// Opens the workspace's history, for commands that cannot work without it.
pub(super) fn open_store(workspace: &Workspace) -> Result<Store, Failure> {
    let store = Store::of_workspace(&workspace.root)?;
    if let Some(notice) = store.notice() {
        progress::notice(notice);
    }
    Ok(store)
}

/// Opens the workspace's history. If it cannot be opened, prints the reason to stderr, and work
/// continues without it.
pub(super) fn store(workspace: &Workspace) -> Option<Store> {
    open_store(workspace).inspect_err(progress::notice).ok()
}

/// Waits until all records are on disk.
pub(super) async fn flush(store: Option<&Store>) {
    if let Some(store) = store
        && let Err(failure) = store.flush().await
    {
        progress::notice(&failure);
    }
}

/// A profile or region without a stage means AWS.
pub(super) fn stage_options(global: &Global, port: u16) -> StageOptions {
    let named = global.stage.clone().or_else(|| global.profile.clone());
    let on_aws = || if global.region.is_some() { "aws" } else { LOCAL }.to_owned();
    StageOptions {
        stage: named.unwrap_or_else(on_aws),
        profile: global.profile.clone(),
        region: global.region.clone(),
        read_only: global.read_only,
        port,
        ..StageOptions::default()
    }
}

/// Hint for a workspace without functions.
pub(super) const NO_FUNCTIONS: &str = "run `cargo add lambda_runtime` in a package, or depend on \
    `lambda-console-runtime`";

/// Returns the functions of the workspace with these `names`, in that order; all if `names` is
/// empty.
pub(super) fn select(workspace: &Workspace, names: &[String]) -> Result<Vec<Function>, Failure> {
    if workspace.functions.is_empty() {
        let what = format!("no functions in {}", workspace.root.display());
        let why =
            workspace.left_out.first().map(|(_, failure)| failure).or(workspace.hints.first());
        return Err(match why {
            Some(Failure { why, hint, .. }) => Failure::usage(what, why, hint),
            None => {
                Failure::usage(what, "no binary depends on a Lambda runtime crate", NO_FUNCTIONS)
            }
        });
    }
    if names.is_empty() {
        return Ok(workspace.functions.clone());
    }
    let mut selected: Vec<Function> = Vec::with_capacity(names.len());
    for name in names {
        let Some(function) = workspace.functions.iter().find(|function| &function.name == name)
        else {
            return Err(unknown(workspace, name, ""));
        };
        if !selected.iter().any(|other| other.name == *name) {
            selected.push(function.clone());
        }
    }
    Ok(selected)
}

/// Checks names of functions that may be on the stage without being in the workspace.
///
/// # Errors
/// Returns a usage error if a name is in neither, with the reason why it was left out of the
/// workspace, if it was.
pub(super) async fn check_names(
    stage: &Stage,
    workspace: &Workspace,
    names: impl IntoIterator<Item = &String>,
) -> Result<(), Failure> {
    for name in names {
        let is_known = workspace.functions.iter().any(|function| &function.name == name);
        if !is_known && !deploy::is_there(stage, name).await? {
            return Err(unknown(
                workspace,
                name,
                &format!(", and it is not deployed on stage {}", stage.name()),
            ));
        }
    }
    Ok(())
}

/// Creates the failure for an unknown function name. `elsewhere` is the other place that was
/// searched.
pub(super) fn unknown(workspace: &Workspace, name: &str, elsewhere: &str) -> Failure {
    if let Some((_, why)) = workspace.left_out.iter().find(|(left_out, _)| left_out == name) {
        return why.clone();
    }
    let known: Vec<&str> =
        workspace.functions.iter().map(|function| function.name.as_str()).collect();
    let root = workspace.root.display();
    let why = match known.as_slice() {
        [] => format!("{root} has no functions{elsewhere}"),
        [one] => format!("{root} has only {one}{elsewhere}"),
        known => format!("{root} has {}{elsewhere}", known.join(", ")),
    };
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`lambda-console list` lists the functions".to_owned(),
    };
    Failure::usage(format!("no function `{name}`"), why, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage_of(stage: Option<&str>, profile: Option<&str>, region: Option<&str>) -> String {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let global = Global {
            stage: owned(stage),
            profile: owned(profile),
            region: owned(region),
            ..Global::default()
        };
        stage_options(&global, 0).stage
    }

    #[test]
    fn the_stage_is_local_unless_an_option_selects_aws() {
        assert_eq!(stage_of(None, None, None), "local");
        assert_eq!(stage_of(Some("beta"), Some("acme"), None), "beta");
        assert_eq!(stage_of(None, Some("acme"), None), "acme");
        assert_eq!(stage_of(None, None, Some("eu-west-1")), "aws");
    }

    #[test]
    fn a_name_that_is_no_functions_gives_the_reason_or_the_nearest_name() {
        let function = serde_json::json!({"name": "evt", "binary": "evt", "package": "evt", "manifest": "/w/Cargo.toml", "runtime": "bundled",
            "architecture": "arm64", "config": {}, "events": [], "bootstrap": null, "zip": null, "stale": false});
        let reason = Failure::usage("ignored the function probe", "it is an extension", "");
        let workspace = Workspace {
            root: "/w".into(),
            functions: vec![serde_json::from_value(function).unwrap()],
            left_out: vec![("probe".into(), reason.clone())],
            ..Workspace::default()
        };
        let failure = unknown(&workspace, "EVT", ", and it is not deployed on stage local");
        assert_eq!(failure.why, "/w has only evt, and it is not deployed on stage local");
        assert_eq!((failure.hint.as_str(), failure.kind.exit_code()), ("did you mean `evt`?", 2));
        assert_eq!(
            select(&workspace, &["nope".into()]).unwrap_err().hint,
            "`lambda-console list` lists the functions"
        );
        assert_eq!(unknown(&workspace, "probe", ""), reason);
    }

    #[test]
    fn a_workspace_without_functions_explains_how_to_add_one() {
        let failure = select(&Workspace::default(), &[]).unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        assert!(failure.hint.contains("lambda_runtime"));
    }
}
