//! Compares functions with the stage: one read for each, all at once. Sends no change.

use std::{path::PathBuf, time::Instant};

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Change, DeployAction, DeployPlan, Failure, Field, Function, FunctionConfig, FunctionPlan,
    UrlSetting,
};
use tokio_util::sync::CancellationToken;

use super::{
    Stage,
    calls::{self, Call},
    code::Code,
    diff::{self, Wanted},
    remote::{self, Ask, Remote},
};
use crate::{
    Job,
    aws::naming::hex_of,
    resources::roles::{self, RolePolicies},
};

/// Number of functions that are read at once.
const AT_ONCE: usize = 32;

/// Parts of the functions that are compared and deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Code and settings.
    Whole,
    /// Only the settings, of functions that are on the stage.
    Settings,
}

/// Changes of a deploy, with the data to apply them.
pub struct Plan {
    pub(super) stage: String,
    pub(super) ready: Vec<Ready>,
    pub(super) failed: Vec<(String, Failure)>,
}

impl Plan {
    /// Returns the plan as it is shown.
    pub fn shown(&self) -> DeployPlan {
        let functions = self.ready.iter().map(|ready| ready.shown.clone()).collect();
        DeployPlan { stage: self.stage.clone(), functions, failed: self.failed.clone() }
    }

    /// Reduces the plan to the functions `names`.
    pub fn keep(&mut self, names: &[String]) {
        self.ready.retain(|ready| names.contains(&ready.name));
        self.failed.retain(|(name, _)| names.contains(name));
    }

    /// Checks that the stage is as it was when the plan was made: a function that has changed since
    /// is not deployed. Reads the revision of each function to change, and of its other resources
    /// only those that the plan changes.
    ///
    /// # Errors
    /// Returns an error if the job was cancelled. Failures of single functions are in the plan.
    pub(crate) async fn check(&mut self, stage: &Stage, job: &Job) -> Result<(), Failure> {
        let checks: Vec<_> = self.ready.iter().map(|ready| ready.check(stage).boxed()).collect();
        let all = stream::iter(checks).buffered(AT_ONCE).collect::<Vec<_>>();
        let results = finished(all, &job.cancel).await?;
        let ready = std::mem::take(&mut self.ready);
        for (ready, result) in ready.into_iter().zip(results) {
            match result {
                Ok(()) => self.ready.push(ready),
                Err(failure) => self.failed.push((ready.name, failure)),
            }
        }
        Ok(())
    }
}

/// One function that was compared.
pub(super) struct Ready {
    /// Its name in the workspace.
    pub(super) name: String,
    /// Directory that it is built in.
    pub(super) directory: PathBuf,
    pub(super) wanted: Wanted,
    pub(super) found: Option<Remote>,
    pub(super) calls: Vec<Call>,
    pub(super) shown: FunctionPlan,
    pub(super) seconds: f64,
}

impl Ready {
    async fn check(&self, stage: &Stage) -> Result<(), Failure> {
        // While a change is in progress, its end is a new revision: the changes are compared again
        // before they are made.
        let is_changing = self.found.as_ref().is_some_and(|found| found.is_changing);
        if self.shown.action == DeployAction::Unchanged || is_changing {
            return Ok(());
        }
        let has = |is_of: fn(&Field) -> bool| {
            self.shown.changes.iter().any(|change| is_of(&change.field))
        };
        let ask = self.wanted.ask();
        let ask = Ask {
            url: ask.url && has(Field::is_of_url),
            retention: ask.retention && has(|field| *field == Field::LogRetention),
            role: ask.role && has(Field::is_of_role),
            ..ask
        };
        let now = Box::pin(remote::get(stage, &self.wanted.name, ask)).await?;
        let is_same = match (&self.found, &now) {
            (None, None) => true,
            (Some(found), Some(now)) => found.is_as(now, ask),
            _ => false,
        };
        if is_same {
            return Ok(());
        }
        let what = match self.wanted.code {
            Some(_) => format!("could not deploy {}", self.name),
            None => format!("could not change the settings of {}", self.name),
        };
        Err(stage.changed_since(what, &self.wanted.name))
    }
}

/// Waits for `work`, unless the job is cancelled.
async fn finished<T>(
    work: impl Future<Output = T>,
    cancel: &CancellationToken,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Failure::interrupted("could not compare with the stage")),
        done = work => Ok(done),
    }
}

/// Compares `functions` with the stage.
///
/// # Errors
/// Returns an error if the job was cancelled. Failures of single functions are in the plan.
#[boxed]
pub async fn compare(
    stage: &Stage,
    functions: &[Function],
    scope: Scope,
    job: &Job,
) -> Result<Plan, Failure> {
    let asks: Vec<_> =
        functions.iter().map(|function| one(stage, function, scope).boxed()).collect();
    let all = stream::iter(asks).buffered(AT_ONCE).collect::<Vec<_>>();
    let results = finished(all, &job.cancel).await?;
    let mut plan = Plan { stage: stage.name(), ready: Vec::new(), failed: Vec::new() };
    for (function, result) in functions.iter().zip(results) {
        match result {
            Ok(ready) => plan.ready.push(ready),
            Err(failure) => plan.failed.push((function.name.clone(), failure)),
        }
    }
    Ok(plan)
}

async fn one(stage: &Stage, function: &Function, scope: Scope) -> Result<Ready, Failure> {
    let began = Instant::now();
    let name = stage.remote_name(&function.name);
    if !FunctionConfig::is_name(&name) {
        return Err(Failure::usage(
            format!("could not deploy {}", function.name),
            format!(
                "on the stage {} it would be called {name}, and a name is {}",
                stage.name(),
                FunctionConfig::NAME
            ),
            "change the stage's `prefix` or `suffix`, or the function's `name`",
        ));
    }
    let code = if scope == Scope::Whole { Some(Code::of(stage, function).await?) } else { None };
    let shared = || stage.role().filter(|_| scope == Scope::Whole).map(str::to_owned);
    let role = function.config.role.clone().or_else(shared);
    let makes_role = role.is_none() && scope == Scope::Whole;
    let wanted = Wanted {
        own_role: roles::role_name(stage, &name),
        name,
        code,
        role,
        policies: makes_role.then(|| RolePolicies::of(stage, &function.config)),
        alias: stage.alias().map(str::to_owned),
        config: function.config.clone(),
    };
    let found = read(stage, &wanted).await?;
    if found.is_none() && scope == Scope::Settings {
        return Err(Failure::work(
            format!("could not change the settings of {}", function.name),
            format!("it is not on the stage {}", stage.name()),
            format!("`lambda-console deploy {}` creates it", function.name),
        ));
    }
    let (changes, calls) = difference(&wanted, found.as_ref())?;
    let action = match &found {
        None => DeployAction::Created,
        Some(_) if changes.is_empty() => DeployAction::Unchanged,
        Some(_) => DeployAction::Updated,
    };
    let version =
        found.as_ref().and_then(|found| found.alias.as_ref()).map(|alias| alias.version.clone());
    let shown = FunctionPlan {
        name: function.name.clone(),
        action,
        changes,
        calls: calls
            .iter()
            .flat_map(|call| call.actions())
            .map(|action| (*action).to_owned())
            .collect(),
        opens: diff::opens(&wanted, found.as_ref()),
        version: version.unwrap_or_else(|| "$LATEST".to_owned()),
        sha256: match (&wanted.code, &found) {
            (Some(code), _) => code.sha256_hex.clone(),
            (None, Some(found)) => hex_of(&found.settings.sha256),
            (None, None) => String::new(),
        },
        stale: function.stale && wanted.code.is_some(),
    };
    let directory = function.manifest.parent().map(PathBuf::from).unwrap_or_default();
    let seconds = began.elapsed().as_secs_f64();
    Ok(Ready { name: function.name.clone(), directory, wanted, found, calls, shown, seconds })
}

/// Returns the differences, and the calls that change them.
pub(super) fn difference(
    wanted: &Wanted,
    found: Option<&Remote>,
) -> Result<(Vec<Change>, Vec<Call>), Failure> {
    let changes = diff::changes(wanted, found)?;
    // A new function is created even without any setting.
    let calls = if changes.is_empty() && found.is_some() {
        Vec::new()
    } else {
        calls::calls(wanted, found, &changes)
    };
    Ok((changes, calls))
}

/// Reads the compared parts of the function.
pub(super) async fn read(stage: &Stage, wanted: &Wanted) -> Result<Option<Remote>, Failure> {
    Box::pin(remote::get(stage, &wanted.name, wanted.ask())).await
}

impl Wanted {
    /// Returns the parts that are compared.
    fn ask(&self) -> Ask<'_> {
        let config = &self.config;
        Ask {
            alias: self.alias.as_deref(),
            url: matches!(config.url, Some(UrlSetting::Absent | UrlSetting::Present(_))),
            retention: config.log.retention.is_some(),
            group: config.log.group.as_deref(),
            role: self.policies.as_ref().is_some_and(RolePolicies::is_asked),
        }
    }
}
