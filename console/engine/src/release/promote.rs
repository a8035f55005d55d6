//! Promotes code unchanged from one stage to another: identified by its SHA-256, never rebuilt.
//!
//! Two stages may be aliases of one function: then the target's alias is pointed to the version,
//! which includes its configuration. Or they are separate functions, also in different accounts:
//! then the zip is downloaded from the stage's storage, checked, and deployed with the
//! configuration of the target stage in the workspace's metadata; the source's configuration is not
//! copied.

mod source;
mod temp_zip;

use std::{path::Path, time::Instant};

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Approval, Canary, Change, ChangeKind, DeployAction, DeployPlan, Failure, FailureKind, Field,
    Function, FunctionPlan, FunctionVersions, NewValue, PromoteOutcome, Promoted, Promotion, Step,
};

use self::{
    source::{Promoter, Source},
    temp_zip::TempZip,
};
use super::{
    canary, read,
    versions::{absent, base64_of, figures_source, report, without_figures},
};
use crate::{
    Job,
    aws::{
        alias::{self, Pointer, Publication},
        naming::hex_of,
        stage::Stage,
    },
    deploy::{self, Scope},
};

/// Number of functions that are promoted at once.
const AT_ONCE: usize = 16;

/// Changes of a promotion, with the data to apply them.
pub struct Plan {
    from: String,
    to: String,
    canary: Option<Canary>,
    ready: Vec<Ready>,
    failed: Vec<(String, Failure)>,
}

/// One function that was compared.
struct Ready {
    source: Source,
    /// The alias that the target's callers use, as it was.
    before: Option<Pointer>,
    way: Way,
    shown: Promoted,
}

/// Calls that bring the code to the target stage.
enum Way {
    /// None: both stages are aliases of one function, and the alias is pointed to the version.
    SameFunction,
    /// Those of a deploy.
    Deploy {
        plan: deploy::Plan,
        /// The downloaded code.
        _zip: TempZip,
    },
}

/// Returns the changes that a promotion makes. Sends no change.
///
/// # Errors
/// Returns an error if both are one stage, a canary is requested without an alias, or the job was
/// cancelled. Failures of single functions are in the plan.
#[boxed]
pub async fn plan(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
    job: &Job,
) -> Result<Plan, Failure> {
    if from.name() == to.name() {
        return Err(Failure::usage(
            format!("could not promote from {} to {}", from.name(), to.name()),
            "they are the same stage",
            "name the source stage first, then the target stage",
        ));
    }
    between(from, to, promotion, directory, job).await
}

/// Compares stages that may have one name, as two of local Lambdas do.
pub(super) async fn between(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
    job: &Job,
) -> Result<Plan, Failure> {
    if promotion.canary.is_some() && to.alias().is_none() {
        let hint = format!(
            "add `alias = \"live\"` to the settings of the stage {}, or leave --canary out",
            to.name()
        );
        return Err(Failure::usage(
            format!("could not promote from {} to {}", from.name(), to.name()),
            format!("a canary splits the traffic of an alias, and {} has none", to.name()),
            hint,
        ));
    }
    let promoter = &Promoter { from, to, unaliased: to.without_alias(), directory };
    let canary = promotion.canary.as_ref();
    let work = promotion
        .functions
        .iter()
        .map(|function| compare(promoter, function, canary, job).boxed())
        .collect::<Vec<_>>();
    let results: Vec<_> = stream::iter(work).buffered(AT_ONCE).collect().await;
    let mut plan = Plan {
        from: from.name(),
        to: to.name(),
        canary: promotion.canary.clone(),
        ready: Vec::new(),
        failed: Vec::new(),
    };
    for (function, result) in promotion.functions.iter().zip(results) {
        match result {
            Ok(ready) => plan.ready.push(ready),
            Err(failure) => plan.failed.push((function.name.clone(), failure)),
        }
    }
    Ok(plan)
}

/// Compares one function of both stages.
async fn compare(
    promoter: &Promoter<'_>,
    function: &Function,
    canary: Option<&Canary>,
    job: &Job,
) -> Result<Ready, Failure> {
    let (began, name) = (Instant::now(), &function.name);
    report(job, name, &format!("reading {} and {}", promoter.from.name(), promoter.to.name()));
    let (source, before) = (promoter.source(name).await?, promoter.before(name).await?);
    let live = before.as_ref().map(|alias| alias.version.clone());
    let mut shown = Promoted {
        name: name.clone(),
        action: DeployAction::Updated,
        from_version: source.version.clone(),
        before: live.clone(),
        version: None,
        sha256: hex_of(&source.sha256),
        description: source.description.clone(),
        changes: Vec::new(),
        seconds: 0.0,
    };
    let way = if promoter.is_one_function(name) {
        promoter.check_alias(function, &source)?;
        shown.version =
            Some(source.version.clone()).filter(|version| version != FunctionVersions::LATEST);
        if shown.version.is_some() && shown.version == live {
            shown.action = DeployAction::Unchanged;
        }
        Way::SameFunction
    } else {
        report(job, name, &format!("fetching the code of version {}", source.version));
        let (function, zip) = tokio::select! {
            biased;
            () = job.cancel.cancelled() => {
                return Err(Failure::interrupted(promoter.what(name)));
            }
            fetched = promoter.fetched(function, &source, &job.cancel) => fetched?,
        };
        let plan = deploy::compare(&promoter.unaliased, &[function], Scope::Whole, job).await?;
        let mut compared = plan.shown();
        if let Some((_, failure)) = compared.failed.pop() {
            return Err(failure);
        }
        let Some(FunctionPlan { action, changes, .. }) = compared.functions.pop() else {
            return Err(Failure::interrupted(promoter.what(name)));
        };
        (shown.action, shown.changes) = (action, changes);
        if promoter.to.alias().is_none() {
            shown.version = Some(FunctionVersions::LATEST.to_owned());
        } else if action == DeployAction::Unchanged {
            if live.is_some() && deploy::is_published(promoter.to, name).await? {
                shown.version.clone_from(&live);
            } else {
                shown.action = DeployAction::Updated;
            }
        }
        Way::Deploy { plan, _zip: zip }
    };
    if let Some(alias) = promoter.to.alias()
        && shown.action != DeployAction::Unchanged
    {
        let to = shown.version.as_deref().unwrap_or("a new version");
        shown.changes.push(Change {
            field: Field::Alias(alias.to_owned()),
            from: live.clone(),
            to: NewValue::Set(to.to_owned()),
        });
        // Without callers so far, there is no traffic to shift.
        let canary = canary.filter(|_| live.is_some()).map(Canary::changes);
        shown.changes.extend(canary.into_iter().flatten());
    }
    job.report(Step::Done(name.clone()));
    shown.seconds = began.elapsed().as_secs_f64();
    Ok(Ready { source, before, way, shown })
}

impl Plan {
    /// Returns the plan as it is shown for approval.
    pub fn shown(&self) -> DeployPlan {
        let functions = self.ready.iter().map(|Ready { way, shown, .. }| {
            let deploy = match way {
                Way::SameFunction => None,
                Way::Deploy { plan, .. } => plan.shown().functions.pop(),
            };
            let (calls, opens) =
                deploy.map(|function| (function.calls, function.opens)).unwrap_or_default();
            FunctionPlan {
                name: shown.name.clone(),
                action: shown.action,
                changes: shown.changes.clone(),
                calls,
                opens,
                version: shown.before.clone().unwrap_or_default(),
                sha256: shown.sha256.clone(),
                stale: false,
            }
        });
        let functions = functions.collect();
        DeployPlan { stage: self.to.clone(), functions, failed: self.failed.clone() }
    }

    /// Returns the functions, each with the result that it will have.
    pub fn expected(&self) -> PromoteOutcome {
        PromoteOutcome {
            from: self.from.clone(),
            to: self.to.clone(),
            functions: self.ready.iter().map(|ready| ready.shown.clone()).collect(),
            failed: self.failed.clone(),
        }
    }

    /// Checks that the target stage is as it was when the plan was made: a function that has
    /// changed since is not promoted.
    async fn check(&mut self, to: &Stage, job: &Job) -> Result<(), Failure> {
        let unaliased = &to.without_alias();
        let work = std::mem::take(&mut self.ready).into_iter().map(|mut ready| {
            let check = async move { (ready.check(to, unaliased, job).await, ready) };
            check.boxed()
        });
        let work = work.collect::<Vec<_>>();
        let results: Vec<_> = stream::iter(work).buffered(AT_ONCE).collect().await;
        for (result, ready) in results {
            match result {
                Ok(()) => self.ready.push(ready),
                Err(failure) if failure.kind == FailureKind::Interrupted => return Err(failure),
                Err(failure) => self.failed.push((ready.shown.name, failure)),
            }
        }
        Ok(())
    }
}

impl Ready {
    async fn check(&mut self, to: &Stage, unaliased: &Stage, job: &Job) -> Result<(), Failure> {
        if self.shown.action == DeployAction::Unchanged {
            return Ok(());
        }
        let what = what(&self.shown.name, to);
        if let Way::Deploy { plan, .. } = &mut self.way {
            plan.check(unaliased, job).await?;
            if let Some((_, failure)) = plan.shown().failed.pop() {
                return Err(Failure { what, ..failure });
            }
        }
        let Some(alias) = to.alias() else { return Ok(()) };
        let remote = to.remote_name(&self.shown.name);
        let now = alias::get(to, &remote, alias).await?;
        if Pointer::are_same(now.as_ref(), self.before.as_ref()) {
            Ok(())
        } else {
            Err(to.changed_since(what, &remote))
        }
    }
}

/// Returns the summary of a failure to promote the function `name`.
fn what(name: &str, to: &Stage) -> String {
    format!("could not promote {name} to {}", to.name())
}

/// Applies a plan that waited for approval. Functions that have changed on the stage since the plan
/// was made are not changed.
///
/// # Errors
/// As [`apply`].
#[boxed]
pub async fn apply_shown(
    to: &Stage,
    mut plan: Plan,
    approval: Approval,
    job: &Job,
) -> Result<PromoteOutcome, Failure> {
    allow(to, approval)?;
    plan.check(to, job).await?;
    apply(to, plan, approval, job).await
}

/// Checks that promotions to the stage are allowed.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected and there is no approval.
pub fn allow(to: &Stage, approval: Approval) -> Result<(), Failure> {
    to.allow(&format!("could not promote to {}", to.name()), ChangeKind::Update, approval)
}

/// Promotes several functions at once, as planned, each to its end whether others fail or not.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected and there is no approval. Failures of
/// single functions are in the outcome.
#[boxed]
pub async fn apply(
    to: &Stage,
    plan: Plan,
    approval: Approval,
    job: &Job,
) -> Result<PromoteOutcome, Failure> {
    allow(to, approval)?;
    let Plan { from, canary, ready, failed, .. } = plan;
    let promotion = &Applied {
        from: &from,
        to,
        unaliased: to.without_alias(),
        canary: canary.as_ref(),
        approval,
    };
    let work = ready.into_iter().map(|ready| {
        let one = async move {
            let (began, name, planned) =
                (Instant::now(), ready.shown.name.clone(), ready.shown.seconds);
            let result = promotion.promote(ready, job).await;
            job.report(Step::Done(name.clone()));
            let seconds = planned + began.elapsed().as_secs_f64();
            match result {
                Ok(done) => Ok(Promoted { seconds, ..done }),
                Err(failure) => Err((name, failure)),
            }
        };
        one.boxed()
    });
    let results: Vec<_> = stream::iter(work.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    let mut outcome =
        PromoteOutcome { from: from.clone(), to: to.name(), functions: Vec::new(), failed };
    for result in results {
        match result {
            Ok(done) => outcome.functions.push(done),
            Err(failed) => outcome.failed.push(failed),
        }
    }
    Ok(outcome)
}

/// Promotion that is applied.
struct Applied<'a> {
    from: &'a str,
    to: &'a Stage,
    /// The target without its alias: code and configuration are deployed first, the alias is moved
    /// after that.
    unaliased: Stage,
    canary: Option<&'a Canary>,
    approval: Approval,
}

impl Applied<'_> {
    /// Publishes the code of the source, which the target function has by now.
    async fn published(
        &self,
        name: &str,
        source: &Source,
        description: Option<&str>,
        job: &Job,
    ) -> Result<String, Failure> {
        let publication = Publication { name, sha256: &source.sha256, revision: None, description };
        alias::published(self.to, &publication, job).await
    }

    async fn promote(&self, ready: Ready, job: &Job) -> Result<Promoted, Failure> {
        let Ready { source, before, way, shown } = ready;
        if shown.action == DeployAction::Unchanged {
            return Ok(shown);
        }
        let (name, to) = (&shown.name, self.to);
        let remote = to.remote_name(name);
        let live = shown.before.as_ref();
        let cancelled = |done: &str| {
            let callers = live.map(|version| format!("; its callers still get version {version}"));
            let why = format!("it was cancelled; {done}{}", callers.unwrap_or_default());
            Failure { why, ..Failure::interrupted(what(name, to)) }
        };
        let (mut action, mut changes) = (DeployAction::Unchanged, Vec::new());
        let version = match &way {
            Way::SameFunction if source.version == FunctionVersions::LATEST => {
                report(job, name, "publishing a version");
                self.published(&remote, &source, None, job).await?
            }
            Way::SameFunction => source.version.clone(),
            Way::Deploy { plan, .. } => {
                let outcome = deploy::apply(&self.unaliased, plan, self.approval, job).await?;
                if let Some(failed) = outcome.failed.into_iter().next() {
                    return Err(failed.failure);
                }
                let Some(done) = outcome.functions.into_iter().next() else {
                    return Err(cancelled("nothing was changed"));
                };
                (action, changes) = (done.action, done.changes);
                self.arrived(name, &source).await?;
                match to.alias() {
                    None => FunctionVersions::LATEST.to_owned(),
                    Some(_) if job.cancel.is_cancelled() => {
                        return Err(cancelled("its code is uploaded, but not published"));
                    }
                    Some(_) => {
                        report(job, name, "publishing a version");
                        let description = Some(source.description.as_str())
                            .filter(|description| !description.is_empty());
                        self.published(&remote, &source, description, job).await?
                    }
                }
            }
        };
        let done = |action, changes| Promoted {
            action,
            changes,
            version: Some(version.clone()),
            ..shown.clone()
        };
        let Some(wanted) = to.alias() else { return Ok(done(action, changes)) };
        if live == Some(&version) {
            return Ok(done(action, changes));
        }
        if job.cancel.is_cancelled() {
            return Err(cancelled(&format!("version {version} is published")));
        }
        match (self.canary, live) {
            (Some(canary), Some(old)) => {
                let found = read::all(to, &remote).await?.ok_or_else(|| absent(to, name))?;
                let course = canary::Course {
                    stage: to,
                    name,
                    function: &remote,
                    alias: wanted,
                    old,
                    new: &version,
                    source: figures_source(&remote, &found),
                    canary,
                };
                canary::run(&course, job).await?;
            }
            // Without callers so far, there is no traffic to shift.
            _ => alias::move_from(to, &remote, wanted, before.as_ref(), &version, job).await?,
        }
        let field = Field::Alias(wanted.to_owned());
        changes.push(Change { field, from: live.cloned(), to: NewValue::Set(version.clone()) });
        let action = if action == DeployAction::Created { action } else { DeployAction::Updated };
        Ok(done(action, changes))
    }

    /// Checks that the target has exactly the code of the source.
    async fn arrived(&self, name: &str, source: &Source) -> Result<(), Failure> {
        let there = without_figures(self.to, name).await?;
        let latest =
            there.versions.iter().find(|version| version.version == FunctionVersions::LATEST);
        let found = latest.map(|latest| latest.sha256.as_str()).unwrap_or_default();
        if base64_of(found) == source.sha256 {
            return Ok(());
        }
        let why = format!(
            "{} has the SHA-256 {found}, and {} sent {}",
            self.to.name(),
            self.from,
            hex_of(&source.sha256)
        );
        let hint = "someone else has deployed in the meantime: promote it again";
        Err(Failure::work(what(name, self.to), why, hint))
    }
}

#[cfg(test)]
mod tests;
