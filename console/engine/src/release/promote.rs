//! Promotes code unchanged from one stage to another: identified by its SHA-256, never rebuilt.
//!
//! Two stages may be aliases of one function: then the target's alias is pointed to the version,
//! which includes its configuration. Or they are separate functions, also in different accounts:
//! then the zip is downloaded from the stage's storage, checked, and deployed with the
//! configuration of the target stage in the workspace's metadata; the source's configuration is not
//! copied.

mod temp_zip;

use std::{path::Path, time::Instant};

use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{
    Architecture, Canary, Change, ChangeKind, DeployAction, DeployPlan, Failure, Function,
    FunctionVersions, PromoteOutcome, Promoted, Promotion, Step, Zip,
};

use self::temp_zip::TempZip;
use super::{
    canary::{self, in_progress},
    code, read,
    versions::{absent, base64_of, figures_source, report, without_figures},
};
use crate::{
    Job,
    aws::{alias, naming::hex_of, stage::Stage},
    deploy,
};

/// Number of functions that are promoted at once.
const AT_ONCE: usize = 16;

/// Source and target stage of a promotion.
struct Promoter<'a> {
    from: &'a Stage,
    to: &'a Stage,
    /// The target without its alias: code and configuration are deployed first, the alias is moved
    /// after that.
    unaliased: Stage,
    promotion: &'a Promotion,
    /// Directory of downloaded zips.
    directory: &'a Path,
}

/// Code that the source stage's callers get of one function.
struct Source {
    /// The function's name on the source stage.
    function: String,
    version: String,
    /// Base64, as in Lambda's API.
    sha256: String,
    description: String,
    role: String,
}

impl Source {
    /// Returns the result for the function `name` on the target stage, whose callers got the
    /// version `before` and get `version`.
    fn promoted(
        &self,
        name: &str,
        action: DeployAction,
        (before, version): (Option<String>, Option<String>),
        changes: Vec<Change>,
    ) -> Promoted {
        Promoted {
            name: name.to_owned(),
            action,
            from_version: self.version.clone(),
            before,
            version,
            sha256: hex_of(&self.sha256),
            description: self.description.clone(),
            changes,
            seconds: 0.0,
        }
    }
}

/// Returns the changes that [`promote`] would make. Sends no change.
///
/// # Errors
/// Returns an error if both are one stage, a canary is requested without an alias, or the job was
/// cancelled. Failures of single functions are in the outcome.
pub async fn plan(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
    job: &Job,
) -> Result<PromoteOutcome, Failure> {
    each(from, to, promotion, directory, true, job).await
}

/// Promotes several functions at once, each to its end whether others fail or not.
///
/// # Errors
/// As [`plan`]; also returns an error if the target stage is read-only, or protected and there is
/// no consent.
pub async fn promote(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
    job: &Job,
) -> Result<PromoteOutcome, Failure> {
    if from.name() == to.name() {
        return Err(Failure::usage(
            format!("could not promote from {} to {}", from.name(), to.name()),
            "they are the same stage",
            "name the source stage first, then the target stage",
        ));
    }
    between(from, to, promotion, directory, job).await
}

/// Promotes between stages that may have one name, as two of local Lambdas do.
pub(super) async fn between(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
    job: &Job,
) -> Result<PromoteOutcome, Failure> {
    to.allow(
        &format!("could not promote to {}", to.name()),
        ChangeKind::Update,
        promotion.approval,
    )?;
    each(from, to, promotion, directory, false, job).await
}

async fn each(
    from: &Stage,
    to: &Stage,
    promotion: &Promotion,
    directory: &Path,
    dry_run: bool,
    job: &Job,
) -> Result<PromoteOutcome, Failure> {
    let what = || format!("could not promote from {} to {}", from.name(), to.name());
    if promotion.canary.is_some() && to.alias().is_none() {
        let hint = format!(
            "add `alias = \"live\"` to the settings of the stage {}, or leave --canary out",
            to.name()
        );
        return Err(Failure::usage(
            what(),
            format!("a canary splits the traffic of an alias, and {} has none", to.name()),
            hint,
        ));
    }
    let promoter = &Promoter { from, to, unaliased: to.without_alias(), promotion, directory };
    let work = promotion.functions.iter().map(|function| {
        let one = async move {
            let began = Instant::now();
            let result = if dry_run {
                planned(promoter, function, job).await
            } else {
                promoted(promoter, function, job).await
            };
            job.report(Step::Done(function.name.clone()));
            result.map(|done| Promoted { seconds: began.elapsed().as_secs_f64(), ..done })
        };
        one.boxed()
    });
    let results: Vec<_> = stream::iter(work.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    let mut outcome =
        PromoteOutcome { from: from.name(), to: to.name(), ..PromoteOutcome::default() };
    for (function, result) in promotion.functions.iter().zip(results) {
        match result {
            Ok(done) => outcome.functions.push(done),
            Err(failure) => outcome.failed.push((function.name.clone(), failure)),
        }
    }
    Ok(outcome)
}

impl Promoter<'_> {
    /// Returns `true` if both stages are names for one function.
    fn is_one_function(&self, name: &str) -> bool {
        self.from.remote_name(name) == self.to.remote_name(name) && self.from.is_where(self.to)
    }

    fn what(&self, name: &str) -> String {
        format!("could not promote {name} to {}", self.to.name())
    }

    /// Returns the code that the source stage's callers get, which is ambiguous during a canary.
    async fn source(&self, name: &str) -> Result<Source, Failure> {
        let function = self.from.remote_name(name);
        let at = self.from.name();
        let Some(found) = read::all(self.from, &function).await? else {
            return Err(absent(self.from, name));
        };
        let version = match self.from.alias() {
            None => FunctionVersions::LATEST.to_owned(),
            Some(wanted) => {
                let Some(alias) = found.aliases.iter().find(|alias| alias.name == wanted) else {
                    let hint = format!("`lambda-console --stage {at} deploy {name}` creates it");
                    return Err(Failure::work(
                        self.what(name),
                        format!("{function} has no alias {wanted} on {at}"),
                        hint,
                    ));
                };
                if let Some(share) = &alias.canary {
                    return Err(in_progress(
                        self.what(name),
                        &at,
                        name,
                        wanted,
                        &alias::part(share),
                    ));
                }
                alias.version.clone()
            }
        };
        let Some(found) =
            found.versions.iter().find(|found| found.version() == Some(version.as_str()))
        else {
            return Err(Failure::work(
                self.what(name),
                format!("{function} has no version {version} on {at}"),
                "",
            ));
        };
        Ok(Source {
            sha256: found.code_sha256().unwrap_or_default().to_owned(),
            description: found.description().unwrap_or_default().to_owned(),
            role: found.role().unwrap_or_default().to_owned(),
            function,
            version,
        })
    }

    /// The version that the target's callers get, if the stage has an alias and it exists.
    async fn before(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(wanted) = self.to.alias() else { return Ok(None) };
        let Some(found) = alias::get(self.to, &self.to.remote_name(name), wanted).await? else {
            return Ok(None);
        };
        match &found.canary {
            Some(share) => Err(in_progress(
                self.what(name),
                &self.to.name(),
                name,
                wanted,
                &alias::part(share),
            )),
            None => Ok(Some(found.version)),
        }
    }

    /// Checks that a version can be promoted to a target that is an alias of the same function. A
    /// version includes its configuration, so the target stage cannot have a different one.
    fn check_alias(&self, function: &Function, source: &Source) -> Result<String, Failure> {
        let (name, to) = (&function.name, self.to.name());
        let Some(wanted) = self.to.alias() else {
            let why =
                format!("both stages are the function {}, and {to} has no alias", source.function);
            let hint = format!(
                "give {to} an `alias`, or a `prefix` or `suffix` of its own, in its settings"
            );
            return Err(Failure::usage(self.what(name), why, hint));
        };
        if self.from.alias() == Some(wanted) {
            let why = format!("both stages are the alias {wanted} of {}", source.function);
            return Err(Failure::usage(
                self.what(name),
                why,
                format!("give {to} another `alias` in its settings"),
            ));
        }
        if let Some(role) = function.config.role.as_deref().or_else(|| self.to.role())
            && role != source.role
        {
            let why = format!(
                "version {} runs with the role {}, {to} wants {role}, and a version cannot be \
                changed",
                source.version, source.role
            );
            let hint = format!(
                "leave the role of {to} out, or give it a `prefix`, so that it is a function of \
                its own"
            );
            return Err(Failure::usage(self.what(name), why, hint));
        }
        Ok(wanted.to_owned())
    }

    /// `function` with the source's zip instead of the built one. The temporary file is removed
    /// when the guard drops.
    async fn fetched(
        &self,
        function: &Function,
        source: &Source,
    ) -> Result<(Function, TempZip), Failure> {
        let code = code::fetch(self.from, &source.function, &source.version).await?;
        if code.sha256 != source.sha256 {
            let why = format!("{} was deployed to in the meantime", self.from.name());
            return Err(Failure::work(self.what(&function.name), why, "promote it again"));
        }
        let sha256 = hex_of(&code.sha256);
        let path =
            self.directory.join(format!("{}-{}.zip", function.name, uuid::Uuid::new_v4().simple()));
        let kept = TempZip::write(&path, &code.bytes).await.map_err(|error| {
            Failure::environment(
                self.what(&function.name),
                format!("{}: {error}", path.display()),
                "free some disk space",
            )
        })?;
        let architecture =
            if code.architecture == "arm64" { Architecture::Arm64 } else { Architecture::X86_64 };
        let zip = Zip { path, bytes: code.bytes.len() as u64, sha256 };
        Ok((Function { zip: Some(zip), architecture, bootstrap: None, ..function.clone() }, kept))
    }
}

async fn planned(
    promoter: &Promoter<'_>,
    function: &Function,
    job: &Job,
) -> Result<Promoted, Failure> {
    let name = &function.name;
    let (source, before) = (promoter.source(name).await?, promoter.before(name).await?);
    let promoted = |action, version, changes| {
        source.promoted(name, action, (before.clone(), version), changes)
    };
    let moves = |version: &str| {
        let field = format!("alias.{}", promoter.to.alias().unwrap_or_default());
        let moved = Change { field, from: before.clone(), to: version.to_owned() };
        // Without callers so far, there is no traffic to shift.
        let canary =
            promoter.promotion.canary.as_ref().filter(|_| before.is_some()).map(Canary::changes);
        std::iter::once(moved).chain(canary.into_iter().flatten()).collect::<Vec<Change>>()
    };
    if promoter.is_one_function(name) {
        promoter.check_alias(function, &source)?;
        if source.version == FunctionVersions::LATEST {
            return Ok(promoted(DeployAction::Updated, None, moves("a new version")));
        }
        if before.as_ref() == Some(&source.version) {
            return Ok(promoted(DeployAction::Unchanged, before.clone(), Vec::new()));
        }
        return Ok(promoted(
            DeployAction::Updated,
            Some(source.version.clone()),
            moves(&source.version),
        ));
    }
    let (function, _kept) = promoter.fetched(function, &source).await?;
    let DeployPlan { functions, failed, .. } =
        deploy::plan(&promoter.unaliased, &[function], job).await?;
    if let Some((_, failure)) = failed.into_iter().next() {
        return Err(failure);
    }
    let Some(mut planned) = functions.into_iter().next() else {
        return Err(Failure::interrupted(promoter.what(name)));
    };
    if promoter.to.alias().is_some() {
        let live = match &before {
            Some(version) if planned.action == DeployAction::Unchanged => {
                let there = without_figures(promoter.to, name).await?;
                let live = there.versions.into_iter().find(|known| known.version == *version);
                live.filter(|live| base64_of(&live.sha256) == source.sha256)
            }
            _ => None,
        };
        if let Some(live) = live {
            return Ok(promoted(DeployAction::Unchanged, Some(live.version), Vec::new()));
        }
        planned.changes.extend(moves("a new version"));
        let action = if planned.action == DeployAction::Created {
            DeployAction::Created
        } else {
            DeployAction::Updated
        };
        return Ok(promoted(action, None, planned.changes));
    }
    Ok(promoted(planned.action, Some(FunctionVersions::LATEST.to_owned()), planned.changes))
}

async fn promoted(
    promoter: &Promoter<'_>,
    function: &Function,
    job: &Job,
) -> Result<Promoted, Failure> {
    let name = &function.name;
    let remote = promoter.to.remote_name(name);
    report(job, name, &format!("reading {} and {}", promoter.from.name(), promoter.to.name()));
    let (source, before) = (promoter.source(name).await?, promoter.before(name).await?);
    let mut action = DeployAction::Unchanged;
    let mut changes = Vec::new();
    let cancelled = |done: &str| {
        let leads =
            before.as_ref().map(|version| format!("; its callers still get version {version}"));
        let interrupted = Failure::interrupted(promoter.what(name));
        Failure {
            why: format!("it was cancelled; {done}{}", leads.unwrap_or_default()),
            ..interrupted
        }
    };
    let version = if promoter.is_one_function(name) {
        promoter.check_alias(function, &source)?;
        if source.version == FunctionVersions::LATEST {
            report(job, name, "publishing a version");
            alias::published(promoter.to, &remote, &source.sha256, None, job).await?
        } else {
            source.version.clone()
        }
    } else {
        report(job, name, &format!("fetching the code of version {}", source.version));
        let fetched = tokio::select! {
            biased;
            () = job.cancel.cancelled() => return Err(cancelled("nothing was changed")),
            fetched = promoter.fetched(function, &source) => fetched?,
        };
        let (function, _kept) = fetched;
        let outcome =
            deploy::deploy(&promoter.unaliased, &[function], promoter.promotion.approval, job)
                .await?;
        if let Some(failed) = outcome.failed.into_iter().next() {
            return Err(failed.failure);
        }
        let Some(done) = outcome.functions.into_iter().next() else {
            return Err(cancelled("nothing was changed"));
        };
        (action, changes) = (done.action, done.changes);
        arrived(promoter, name, &source).await?;
        match promoter.to.alias() {
            None => FunctionVersions::LATEST.to_owned(),
            Some(_) if job.cancel.is_cancelled() => {
                return Err(cancelled("its code is uploaded, but not published"));
            }
            Some(_) => {
                report(job, name, "publishing a version");
                let description =
                    Some(source.description.as_str()).filter(|description| !description.is_empty());
                alias::published(promoter.to, &remote, &source.sha256, description, job).await?
            }
        }
    };
    let done = |action, changes| {
        source.promoted(name, action, (before.clone(), Some(version.clone())), changes)
    };
    let Some(wanted) = promoter.to.alias() else { return Ok(done(action, changes)) };
    if before.as_ref() == Some(&version) {
        return Ok(done(action, changes));
    }
    if job.cancel.is_cancelled() {
        return Err(cancelled(&format!("version {version} is published")));
    }
    match (&promoter.promotion.canary, &before) {
        (Some(canary), Some(old)) => {
            let found =
                read::all(promoter.to, &remote).await?.ok_or_else(|| absent(promoter.to, name))?;
            let course = canary::Course {
                stage: promoter.to,
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
        _ => alias::point(promoter.to, &remote, wanted, &version, job).await?,
    }
    changes.push(Change {
        field: format!("alias.{wanted}"),
        from: before.clone(),
        to: version.clone(),
    });
    let action = if action == DeployAction::Created { action } else { DeployAction::Updated };
    Ok(done(action, changes))
}

/// Checks that the target has exactly the code of the source.
async fn arrived(promoter: &Promoter<'_>, name: &str, source: &Source) -> Result<(), Failure> {
    let there = without_figures(promoter.to, name).await?;
    let latest = there.versions.iter().find(|version| version.version == FunctionVersions::LATEST);
    let found = latest.map(|latest| latest.sha256.as_str()).unwrap_or_default();
    if base64_of(found) == source.sha256 {
        return Ok(());
    }
    let why = format!(
        "{} has the SHA-256 {found}, and {} sent {}",
        promoter.to.name(),
        promoter.from.name(),
        hex_of(&source.sha256)
    );
    let hint = "someone else has deployed in the meantime: promote it again";
    Err(Failure::work(promoter.what(name), why, hint))
}
