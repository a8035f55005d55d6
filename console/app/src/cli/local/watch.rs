//! `local --watch`: builds and deploys saved changes to the local Lambda, one round after the
//! other.

use std::collections::BTreeMap;

use lambda_console_engine::{
    aws::stage::Stage,
    compile::BuildRequest,
    history::{Store, recorded},
    workspace::watch::{self, Builds},
};
use lambda_console_model::{
    Approval, BuildOutcome, Changed, Failure, FailureKind, Function, Workspace,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::super::{
    context::{self, Context, progress, select},
    deploy,
    output::{error, print_json},
    summary,
};
use super::Arguments;

type Changes = UnboundedReceiver<Result<Changed, Failure>>;

/// Watches until cancelled. Reports saved files and results on stderr; with `--json` on stdout, one
/// object per line.
pub(super) async fn run(
    context: &Context,
    workspace: Workspace,
    arguments: &Arguments,
    stage: &Stage,
) -> Result<(), Failure> {
    let root = workspace.root.clone();
    let store = context::store(&workspace);
    let (sender, changes) = unbounded_channel();
    // The receiver lives as long as the watcher.
    let report = |changed| drop(sender.send(changed));
    let (builds, failing) = (Builds::default(), BTreeMap::new());
    let rounds = Rounds {
        context,
        arguments,
        stage,
        workspace,
        store: store.as_ref(),
        builds: &builds,
        failing,
    };
    let result = tokio::select! {
        biased;
        watched = watch::watch(&root, &arguments.names, &builds, report, &context.job) => watched,
        ended = rounds.run(changes) => ended,
    };
    context::flush(store.as_ref()).await;
    result
}

/// State that is shared by all rounds of build and deploy.
struct Rounds<'a> {
    context: &'a Context,
    arguments: &'a Arguments,
    stage: &'a Stage,
    /// The workspace as last read.
    workspace: Workspace,
    store: Option<&'a Store>,
    builds: &'a Builds,
    /// The functions whose last build failed.
    failing: BTreeMap<String, Failure>,
}

impl Rounds<'_> {
    async fn run(mut self, mut changes: Changes) -> Result<(), Failure> {
        while let Some(changed) = changes.recv().await {
            let mut changed = match changed {
                Ok(changed) => changed,
                Err(failure) => {
                    self.print_failure(&failure)?;
                    continue;
                }
            };
            // Changes that were saved during the last round need another one.
            while let Ok(later) = changes.try_recv() {
                match later {
                    Ok(later) => changed.merge(later),
                    Err(failure) => self.print_failure(&failure)?,
                }
            }
            self.round(changed).await?;
        }
        Ok(())
    }

    /// Builds and deploys the changed functions.
    async fn round(&mut self, mut changed: Changed) -> Result<(), Failure> {
        if let Some(workspace) = changed.workspace.take() {
            self.workspace = workspace;
        }
        let is_there =
            |name: &String| self.workspace.functions.iter().any(|function| function.name == *name);
        changed.functions.retain(is_there);
        self.failing.retain(|name, _| is_there(name));
        if changed.functions.is_empty() {
            return Ok(());
        }
        self.print_changed(&changed)?;
        let outcome = match self.build(&changed.functions).await {
            Err(failure) if failure.kind != FailureKind::Interrupted => {
                return self.print_failure(&failure);
            }
            outcome => outcome?,
        };
        self.failing.retain(|name, _| outcome.built.iter().all(|built| built.name != *name));
        self.failing.extend(outcome.failed.iter().cloned());
        self.print_built(&outcome)?;
        let functions = self.built(outcome);
        if !functions.is_empty() {
            self.deploy(&functions).await?;
        }
        self.print_failing(&changed.functions);
        Ok(())
    }

    async fn build(&self, functions: &[String]) -> Result<BuildOutcome, Failure> {
        let _running = self.builds.begin();
        let selected = select(&self.workspace, functions)?;
        let request = BuildRequest {
            functions: functions.to_vec(),
            architecture: self.arguments.arch.map(Into::into),
            deployed: self.context.architectures(self.stage, &selected).await,
            debug: self.arguments.debug,
            ..BuildRequest::default()
        };
        recorded::build(
            &self.workspace,
            &request,
            self.store,
            &progress::job(self.context.job.cancel.clone()),
        )
        .await
    }

    /// Returns the functions that were built, with their new artifacts.
    fn built(&self, outcome: BuildOutcome) -> Vec<Function> {
        let made = outcome.built.into_iter().filter_map(|built| {
            let function =
                self.workspace.functions.iter().find(|function| function.name == built.name)?;
            let (bootstrap, zip) = (Some(built.bootstrap), Some(built.zip));
            Some(Function {
                architecture: built.architecture,
                bootstrap,
                zip,
                stale: false,
                ..function.clone()
            })
        });
        made.collect()
    }

    async fn deploy(&self, functions: &[Function]) -> Result<(), Failure> {
        let outcome =
            recorded::deploy(self.stage, functions, Approval::None, self.store, &self.context.job)
                .await;
        let outcome = match outcome {
            Err(failure) if failure.kind != FailureKind::Interrupted => {
                return self.print_failure(&failure);
            }
            other => other?,
        };
        if self.context.output.json {
            let done: Vec<Value> = outcome.functions.iter().map(deploy::document).collect();
            return print_json(
                &json!({ "event": "deployed", "functions": done, "failed": errors(&outcome.failures()) }),
            );
        }
        for function in &outcome.functions {
            progress::print(&format!(
                "{} {} in {:.1} s",
                function.name,
                deploy::action(function.action),
                function.seconds
            ));
        }
        summary("deploy", functions.len(), &outcome.failures()).iter().for_each(progress::failure);
        Ok(())
    }

    fn print_changed(&self, changed: &Changed) -> Result<(), Failure> {
        let Changed { files, functions, .. } = changed;
        if self.context.output.json {
            return print_json(
                &json!({ "event": "changed", "files": files, "functions": functions }),
            );
        }
        progress::print(&format!("{}: building {}", changed.cause(), functions.join(", ")));
        Ok(())
    }

    fn print_built(&self, outcome: &BuildOutcome) -> Result<(), Failure> {
        let BuildOutcome { built, failed, seconds } = outcome;
        if self.context.output.json {
            let done: Vec<Value> = built
                .iter()
                .map(|built| json!({ "name": built.name, "sha256": built.zip.sha256 }))
                .collect();
            return print_json(
                &json!({ "event": "built", "functions": done, "failed": errors(failed),
                         "failing": self.failing.keys().collect::<Vec<_>>(), "seconds": seconds }),
            );
        }
        summary("build", built.len() + failed.len(), failed).iter().for_each(progress::failure);
        Ok(())
    }

    /// Reports functions that were not in this round and whose last build failed.
    fn print_failing(&self, round: &[String]) {
        let earlier = self.failing.iter().filter(|(name, _)| !round.contains(name));
        if !self.context.output.json {
            earlier.for_each(|(_, failure)| progress::failure(failure));
        }
    }

    fn print_failure(&self, failure: &Failure) -> Result<(), Failure> {
        if self.context.output.json {
            return print_json(&json!({ "event": "failed", "error": error(failure) }));
        }
        progress::failure(failure);
        Ok(())
    }
}

fn errors(failed: &[(String, Failure)]) -> Vec<Value> {
    failed.iter().map(|(name, failure)| json!({ "name": name, "error": error(failure) })).collect()
}
