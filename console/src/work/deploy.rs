//! Puts built functions on a stage.
//!
//! What is there already is compared first: an unchanged function is not sent, and settings made elsewhere
//! are kept. Each step can be repeated, so a deploy that was cut off is mended by the next one. The code goes
//! before the configuration, each guarded by the revision that was compared.

use std::time::{Duration, Instant};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{FutureExt, StreamExt, stream};
use sha2::{Digest, Sha256};

use self::remote::Remote;
use super::{Job, paths, stage::Stage};
use crate::message::{
    Architecture, Consent, DeployAction, DeployOutcome, DeployPlan, Deployed, DeployedFunction, FailedFunction,
    Failure, Function, FunctionPlan, Step,
};

mod alias;
mod configure;
mod diff;
mod remote;
mod send;

pub use configure::{configure, plan_settings};
pub(crate) use remote::settled;

/// How many functions are worked on at once.
const AT_ONCE: usize = 4;
/// Lambda takes 50 MB in one request, and the rest of the request needs some of it.
const MAX_ZIP_BYTES: u64 = 49 * 1024 * 1024;
/// How long a role or another change under way is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A function's zip with what it is compared by.
struct Package {
    bytes: Vec<u8>,
    /// As Lambda gives it: Base64.
    sha256: String,
    /// As people and our `--json` have it.
    sha256_hex: String,
    architecture: Architecture,
}

/// What is deployed of `functions`, in their order; none where a function is not on the stage.
///
/// # Errors
/// The stage cannot be asked.
pub async fn deployed(stage: &Stage, functions: &[Function]) -> Result<Vec<(String, Option<Deployed>)>, Failure> {
    let asks: Vec<_> = functions.iter().map(|function| deployed_one(stage, function).boxed()).collect();
    stream::iter(asks).buffered(8).collect::<Vec<_>>().await.into_iter().collect()
}

async fn deployed_one(stage: &Stage, function: &Function) -> Result<(String, Option<Deployed>), Failure> {
    let remote = &stage.remote_name(&function.name);
    let answer = stage
        .call(|clients| async move { clients.lambda().get_function_configuration().function_name(remote).send().await })
        .await;
    let found = match answer {
        Err(error) if error.is_not_found() => return Ok((function.name.clone(), None)),
        other => other.map_err(|error| error.into_failure(format!("could not ask for {remote}")))?,
    };
    let sha256 = remote::hex_of(found.code_sha256().unwrap_or_default());
    let deployed = Deployed {
        version: found.version().unwrap_or("$LATEST").to_owned(),
        in_sync: function.zip.as_ref().is_some_and(|zip| zip.sha256 == sha256),
        sha256,
        modified_at: found.last_modified().and_then(remote::milliseconds).unwrap_or_default(),
    };
    Ok((function.name.clone(), Some(deployed)))
}

/// Makes `functions` on the stage what they are in the workspace, several at once; one that fails does not
/// stop the others.
///
/// # Errors
/// The stage is read-only, or protected and there is no consent, or the job was cancelled. What fails of one
/// function is in the outcome.
pub async fn deploy(
    stage: &Stage,
    functions: &[Function],
    consent: Consent,
    job: &Job,
) -> Result<DeployOutcome, Failure> {
    stage.allow_change("could not deploy", consent)?;
    each(stage, functions, false, job).await
}

/// Compares `functions` with what is on the stage, and says what [`deploy`] would do.
///
/// # Errors
/// The job was cancelled. What fails of one function is in the outcome.
pub async fn plan(stage: &Stage, functions: &[Function], job: &Job) -> Result<DeployPlan, Failure> {
    let outcome = each(stage, functions, true, job).await?;
    let failed = outcome.failures();
    let functions = outcome.functions.into_iter().map(|function| {
        let DeployedFunction { name, action, version, sha256, changes, .. } = function;
        FunctionPlan { name, action, changes, calls: Vec::new(), opens: false, version, sha256 }
    });
    Ok(DeployPlan { stage: outcome.stage, functions: functions.collect(), failed })
}

async fn each(stage: &Stage, functions: &[Function], dry_run: bool, job: &Job) -> Result<DeployOutcome, Failure> {
    let work: Vec<_> = functions.iter().map(|function| deploy_one(stage, function, dry_run, job).boxed()).collect();
    let mut results = stream::iter(work).buffered(AT_ONCE);
    let mut outcome = DeployOutcome { stage: stage.name(), ..DeployOutcome::default() };
    let mut names = functions.iter().map(|function| function.name.clone());
    loop {
        let next = tokio::select! {
            biased;
            () = job.cancel.cancelled() => return Err(Failure::interrupted("could not finish the deploy")),
            next = results.next() => next,
        };
        let (Some(result), Some(name)) = (next, names.next()) else { return Ok(outcome) };
        job.report(Step::Done(name.clone()));
        match result {
            Ok(done) => outcome.functions.push(done),
            Err(failure) => {
                let (done, left) = (Vec::new(), Vec::new());
                outcome.failed.push(FailedFunction { name, failure, done, left, is_known: false });
            }
        }
    }
}

async fn deploy_one(stage: &Stage, function: &Function, dry_run: bool, job: &Job) -> Result<DeployedFunction, Failure> {
    let began = Instant::now();
    let package = package(stage, function).await?;
    let wanted = diff::Wanted {
        sha256: &package.sha256,
        architecture: package.architecture,
        config: &function.config,
        role: function.config.role.as_deref().or_else(|| stage.role()),
    };
    let name = stage.remote_name(&function.name);
    let mut found = remote::get(stage, &name).await?;
    let changes = diff::changes(&wanted, found.as_ref())?;
    let mut action = match &found {
        None => DeployAction::Created,
        Some(_) if changes.is_empty() => DeployAction::Unchanged,
        Some(_) => DeployAction::Updated,
    };
    let mut version = found.as_ref().map_or("$LATEST", |found| &found.version).to_owned();
    if !dry_run {
        let step = |text: &str| {
            job.report(Step::Phase { text: format!("{}: {text}", function.name), done: 0, total: 0 });
        };
        if found.is_none() && !send::create(stage, &name, &wanted, &package, &step).await? {
            // Someone else, or a deploy that was cut off, made it meanwhile.
            found = remote::get(stage, &name).await?;
            action = DeployAction::Updated;
        }
        if let Some(found) = &found {
            send::update(stage, &name, &wanted, &package, found, &step).await?;
        }
        if let Some(alias) = stage.alias() {
            step("publishing");
            version = alias::publish(stage, &name, alias, &package.sha256).await?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(DeployedFunction { name: function.name.clone(), action, version, sha256: package.sha256_hex, seconds, changes })
}

/// Reads the zip that was built.
async fn package(stage: &Stage, function: &Function) -> Result<Package, Failure> {
    let what = || format!("could not deploy {}", function.name);
    let build = || format!("build it first: `lambda-console build {}`", function.name);
    let Some(zip) = &function.zip else {
        return Err(Failure::usage(what(), "it has no bootstrap.zip", build()));
    };
    if zip.bytes > MAX_ZIP_BYTES {
        let why = format!(
            "{} has {} MB, and Lambda takes 49 MB at most",
            zip.path.display(),
            zip.bytes.div_ceil(1024 * 1024)
        );
        return Err(Failure::work(
            what(),
            why,
            "make the binary smaller: strip symbols, opt-level = \"z\", fewer dependencies",
        ));
    }
    let architecture = stage.architecture(function.architecture)?;
    let bytes = tokio::fs::read(&zip.path)
        .await
        .map_err(|error| Failure::usage(what(), format!("{}: {error}", zip.path.display()), build()))?;
    let digest = Sha256::digest(&bytes);
    let sha256 = BASE64_STANDARD.encode(digest);
    Ok(Package { sha256_hex: paths::hex(&digest), sha256, bytes, architecture })
}

/// Sends a change again while another change of the same function is under way, or a new role is not yet
/// everywhere known.
async fn patiently<T, F, Fut>(stage: &Stage, name: &str, send: F) -> Result<T, super::stage::call::CallError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, super::stage::call::CallError>>,
{
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut waits = [1, 2, 3].into_iter().chain(std::iter::repeat(5)).map(Duration::from_secs);
    loop {
        match send().await {
            Err(error)
                if (error.is_conflict() || error.is_role_pending()) && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(waits.next().unwrap_or(PATIENCE)).await;
                if error.is_conflict() {
                    let _: Option<Remote> = remote::get_settled(stage, name).await.ok().flatten();
                }
            }
            answer => return answer,
        }
    }
}
