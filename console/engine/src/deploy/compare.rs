//! Compares functions with the stage: one read for each, all at once. Sends no change.

use std::{
    hash::{BuildHasher, RandomState},
    path::PathBuf,
    sync::LazyLock,
    time::Instant,
};

use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Change, DeployAction, DeployPlan, Failure, Function, FunctionConfig, FunctionPlan, UrlSetting,
};

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

    /// Removes the functions whose changes are no longer those in `shown`.
    pub fn keep_as_shown(&mut self, shown: &DeployPlan) {
        let is_same = |ready: &Ready| {
            shown.functions.iter().any(|function| {
                function.name == ready.name
                    && function.changes == ready.shown.changes
                    && function.sha256 == ready.shown.sha256
                    && function.values == ready.shown.values
            })
        };
        let (same, other) = std::mem::take(&mut self.ready).into_iter().partition(is_same);
        self.ready = same;
        self.failed.extend(other.into_iter().map(|ready| {
            let failure = Failure::work(
                format!("could not deploy {}", ready.name),
                "it no longer matches the plan: the stage or the zip has changed since",
                "review the new plan, then deploy it",
            );
            (ready.name, failure)
        }));
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

/// Compares `functions` with the stage.
///
/// # Errors
/// Returns an error if the job was cancelled. Failures of single functions are in the plan.
pub async fn compare(
    stage: &Stage,
    functions: &[Function],
    scope: Scope,
    job: &Job,
) -> Result<Plan, Failure> {
    let asks: Vec<_> =
        functions.iter().map(|function| one(stage, function, scope).boxed()).collect();
    let all = stream::iter(asks).buffered(AT_ONCE).collect::<Vec<_>>();
    let results = tokio::select! {
        biased;
        () = job.cancel.cancelled() => return Err(Failure::interrupted("could not compare with the \
            stage")),
        results = all => results,
    };
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
        values: values(&wanted, found.as_ref(), &changes),
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

/// A digest of the values of environment variables that `changes` mask, before and after.
fn values(wanted: &Wanted, found: Option<&Remote>, changes: &[Change]) -> u64 {
    /// Only this process can relate a digest to values.
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let names = changes.iter().filter_map(|change| change.field.strip_prefix(diff::ENV));
    let after = diff::merged_env(&wanted.config, found);
    KEY.hash_one(
        names.map(|name| (name, diff::variable(found, name), after.get(name))).collect::<Vec<_>>(),
    )
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
    let config = &wanted.config;
    let ask = Ask {
        alias: wanted.alias.as_deref(),
        url: matches!(config.url, Some(UrlSetting::Absent | UrlSetting::Present(_))),
        retention: config.log.retention.is_some(),
        group: config.log.group.as_deref(),
        role: wanted.policies.as_ref().is_some_and(RolePolicies::is_asked),
    };
    Box::pin(remote::get(stage, &wanted.name, ask)).await
}
