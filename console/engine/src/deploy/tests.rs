//! Deploy, invoke and logs together, through the SDK against a local Lambda in this process.

mod applied;
#[cfg(test)]
pub(super) mod plan;
mod settings;
mod shared_target;

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use lambda_console_model::{
    Approval, Architecture, CargoTarget, DeployAction, Failure, FailureKind, Function,
    FunctionConfig, InvokeMode, InvokeRequest, LogLine, RuntimeCrate, Workspace, Zip,
};
use lambda_console_testing::{bootstrap, eventually};
use sha2::{Digest, Sha256};

use crate::{
    Job,
    aws::stage::{Stage, StageOptions},
    deploy, invoke,
    logs::{self, LogQuery, TailEvent},
    resources::{delete, roles},
};

mod streams;

/// A workspace on disk with a local Lambda of its own.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    workspace: Workspace,
}

impl Place {
    /// Directory of the workspace.
    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn new(manifest: &str) -> Self {
        // In /tmp a function sees only its own files.
        let dir = tempfile::tempdir_in("/var/tmp").unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
        let workspace = Workspace { root: dir.path().to_owned(), ..Workspace::default() };
        Self { dir, workspace }
    }

    pub(crate) async fn try_stage(&self, options: StageOptions) -> Result<Stage, Failure> {
        Stage::connect_in(self.dir.path().join("state"), &self.workspace, &options).await
    }

    pub(crate) async fn stage(&self) -> Stage {
        self.try_stage(StageOptions::default()).await.unwrap()
    }

    /// A function whose zip holds the bootstrap; `salt` makes another zip.
    pub(crate) fn function(&self, name: &str, salt: &str) -> Function {
        let path = self.dir.path().join(format!("{name}.zip"));
        let program = format!("{}\n# {salt}", include_str!("tests/reports.py"));
        write_zip(&path, &bootstrap(&program));
        Function {
            name: name.to_owned(),
            binary: name.to_owned(),
            package: name.to_owned(),
            manifest: PathBuf::new(),
            target: CargoTarget::default(),
            runtime: RuntimeCrate::Bundled,
            architecture: Architecture::Native,
            config: FunctionConfig { timeout: Some(20), ..FunctionConfig::default() },
            events: Vec::new(),
            bootstrap: None,
            zip: Some(zip_at(&path)),
            stale: false,
        }
    }
}

fn write_zip(path: &Path, bootstrap: &str) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default().unix_permissions(0o755))
        .unwrap();
    zip.write_all(bootstrap.as_bytes()).unwrap();
    zip.finish().unwrap();
}

fn zip_at(path: &Path) -> Zip {
    let bytes = std::fs::read(path).unwrap();
    let sha256 = crate::workspace::paths::hex(&Sha256::digest(&bytes));
    Zip { path: path.to_owned(), bytes: bytes.len() as u64, sha256 }
}

pub(crate) fn request(function: &str, payload: &str) -> InvokeRequest {
    InvokeRequest {
        function: function.to_owned(),
        payload: payload.to_owned(),
        ..InvokeRequest::default()
    }
}

pub(crate) async fn deploy_one(stage: &Stage, function: &Function) -> DeployAction {
    let outcome =
        deploy::deploy(stage, std::slice::from_ref(function), Approval::None, &Job::silent())
            .await
            .unwrap();
    assert_eq!(outcome.failed, []);
    outcome.functions[0].action
}

#[tokio::test]
async fn a_deploy_creates_then_sends_only_what_differs() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    assert_eq!(stage.info().account, "000000000000");
    let mut hello = place.function("hello", "1");
    assert_eq!(
        deploy::deployed(&stage, std::slice::from_ref(&hello)).await.unwrap(),
        [("hello".to_owned(), Ok(None))]
    );
    let planned = deploy::plan(&stage, std::slice::from_ref(&hello), &Job::silent()).await.unwrap();
    assert_eq!(planned.functions[0].action, DeployAction::Created);
    assert_eq!(
        deploy::deployed(&stage, std::slice::from_ref(&hello)).await.unwrap()[0].1,
        Ok(None),
        "a dry run sends nothing"
    );
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Created);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Unchanged);
    hello.config.env = BTreeMap::from([("KEY".into(), "hunter2".into())]);
    assert_eq!(deploy_one(&stage, &hello).await, DeployAction::Updated);
    let another = place.function("hello", "2");
    assert_eq!(deploy_one(&stage, &another).await, DeployAction::Updated);
    let deployed = deploy::deployed(&stage, std::slice::from_ref(&another)).await.unwrap();
    let state = deployed[0].1.as_ref().unwrap().as_ref().unwrap();
    assert!(
        state.in_sync && state.version == "$LATEST" && state.modified_at > 1_600_000_000_000,
        "{state:?}"
    );
    let kept = invoke::invoke(&stage, &request("hello", r#"{"env":"KEY"}"#), &Job::silent())
        .await
        .unwrap();
    assert!(
        kept.payload.contains("hunter2"),
        "a deploy that does not say the variable keeps it: {}",
        kept.payload
    );
    let names = ["hello".to_owned()];
    let listed = delete::resources(&stage, &names, &Job::silent()).await.unwrap();
    let refused = delete::delete(&stage, &listed, Approval::None, &Job::silent()).await;
    assert!(refused.unwrap_err().hint.contains("typing `hello`"), "no deletion without approval");
    let outcome = delete::delete(&stage, &listed, Approval::Given, &Job::silent()).await.unwrap();
    assert_eq!((outcome.functions[0].failure.as_ref(), outcome.functions[0].left.len()), (None, 0));
    let again = delete::resources(&stage, &names, &Job::silent()).await.unwrap_err();
    assert_eq!(again.kind, FailureKind::Work);
    stage.close().await;
}

/// Simulates `kill -9` at each step of a first deploy and of an update.
#[tokio::test]
async fn a_deploy_that_was_interrupted_is_completed_by_the_next() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let name = &roles::role_name(&stage, "hello");
    let role = stage
        .call(|clients| async move {
            let role = clients.iam().create_role().role_name(name).path(roles::path("us-east-1"));
            role.assume_role_policy_document(roles::trust().to_string()).send().await
        })
        .await;
    assert!(role.is_ok(), "{role:?}");
    let mut hello = place.function("hello", "1");
    hello.config.memory = Some(256);
    assert_eq!(
        deploy_one(&stage, &hello).await,
        DeployAction::Created,
        "the role was there, its function not"
    );
    let newer = place.function("hello", "2");
    let zip = &std::fs::read(&newer.zip.as_ref().unwrap().path).unwrap();
    let code = stage
        .call(|clients| async move {
            let code = clients.lambda().update_function_code().function_name("hello");
            code.zip_file(aws_sdk_lambda::primitives::Blob::new(zip.clone())).send().await
        })
        .await;
    assert!(code.is_ok(), "{code:?}");
    let both = Function { config: FunctionConfig { memory: Some(512), ..hello.config }, ..newer };
    let plan = deploy::plan(&stage, std::slice::from_ref(&both), &Job::silent()).await.unwrap();
    let fields: Vec<String> =
        plan.functions[0].changes.iter().map(|change| change.field.to_string()).collect();
    assert_eq!(fields, ["memory"], "the code was sent, the configuration not");
    assert_eq!(deploy_one(&stage, &both).await, DeployAction::Updated);
    assert_eq!(deploy_one(&stage, &both).await, DeployAction::Unchanged);
    stage.close().await;
}

#[tokio::test]
async fn an_invocation_has_its_response_report_and_lines() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let mut hello = place.function("hello", "1");
    hello.config.env = BTreeMap::from([("KEY".into(), "kept".into())]);
    deploy_one(&stage, &hello).await;
    let first =
        invoke::invoke(&stage, &request("hello", r#"{"say":"good morning"}"#), &Job::silent())
            .await
            .unwrap();
    assert_eq!((first.status, first.function_error.as_deref()), (200, None));
    let report = first.report.as_ref().unwrap();
    assert!(
        report.cold && report.init_ms.unwrap() > 1.0 && report.memory_mb == 128 && !report.emulated,
        "{report:?}"
    );
    assert!(first.logs.iter().any(|line| line.contains("good morning")), "{:?}", first.logs);
    let second = invoke::invoke(&stage, &request("hello", "{}"), &Job::silent()).await.unwrap();
    assert!(!second.report.unwrap().cold);
    assert_ne!(first.request_id, second.request_id);
    let forced = InvokeRequest { cold: true, ..request("hello", r#"{"env":"KEY"}"#) };
    let third = invoke::invoke(&stage, &forced, &Job::silent()).await.unwrap();
    assert!(third.report.unwrap().cold && third.payload.contains("kept"), "{}", third.payload);
    let plan = deploy::plan(&stage, &[hello], &Job::silent()).await.unwrap();
    assert_eq!(plan.functions[0].changes, [], "the console's own variable is no difference");
    stage.close().await;
}

#[tokio::test]
async fn a_function_error_is_a_result_with_its_payload_intact() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("hello", "1")).await;
    let failed = invoke::invoke(&stage, &request("hello", r#"{"fail":"no luck"}"#), &Job::silent())
        .await
        .unwrap();
    assert_eq!((failed.status, failed.function_error.as_deref()), (200, Some("Unhandled")));
    let error: serde_json::Value = serde_json::from_str(&failed.payload).unwrap();
    assert_eq!(error["errorType"], "Function.Oops");
    assert_eq!(error["stackTrace"], serde_json::json!(["a", "b"]));
    assert!(failed.report.is_some());
    for (mode, status) in [(InvokeMode::DryRun, 204), (InvokeMode::Async, 202)] {
        let asked = InvokeRequest { mode, ..request("hello", "{}") };
        let done = invoke::invoke(&stage, &asked, &Job::silent()).await.unwrap();
        assert_eq!((done.status, done.report, done.payload.as_str()), (status, None, ""));
    }
    stage.close().await;
}

#[tokio::test]
async fn a_function_that_cannot_be_invoked_gets_a_hint() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    let unknown =
        invoke::invoke(&stage, &request("nobody", "{}"), &Job::silent()).await.unwrap_err();
    assert!(unknown.hint.contains("lambda-console --stage local deploy nobody"), "{unknown:?}");
    let typed = invoke::invoke(&stage, &request("nobody", "{\n \"a\" 1}"), &Job::silent())
        .await
        .unwrap_err();
    assert!(
        typed.kind == FailureKind::Usage && typed.why.contains("line 2, column 6"),
        "{typed:?}"
    );
    let mut unbuilt = place.function("hello", "1");
    unbuilt.zip = None;
    let mut huge = place.function("huge", "1");
    huge.zip.as_mut().unwrap().bytes = 60 * 1024 * 1024;
    let fine = place.function("fine", "1");
    let outcome = deploy::deploy(&stage, &[unbuilt, huge, fine], Approval::None, &Job::silent())
        .await
        .unwrap();
    assert_eq!(outcome.functions.len(), 1, "{outcome:?}");
    assert!(outcome.failed[0].failure.hint.contains("lambda-console build hello"));
    assert!(outcome.failed[1].failure.why.contains("60 MB"));
    stage.close().await;
}

#[tokio::test]
async fn a_cancelled_invocation_ends_at_once() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("hello", "1")).await;
    let (job, begun) = (Job::silent(), place.root().join("begun"));
    let asked = request("hello", &serde_json::json!({ "begun": begun, "sleep": 19 }).to_string());
    let (result, ()) = tokio::join!(invoke::invoke(&stage, &asked, &job), async {
        eventually("it runs", async || begun.exists()).await;
        job.cancel.cancel();
    });
    // The answer would be the function's own, or its timeout.
    assert_eq!(result.unwrap_err().kind, FailureKind::Interrupted);
    stage.close().await;
}

#[tokio::test]
async fn read_only_and_protected_stages_refuse_changes() {
    let place = Place::new(
        "[workspace.metadata.lambda.stages.local]\nprefix = \"acme-\"\nprotected = true\n",
    );
    let stage = place.stage().await;
    let hello = place.function("hello", "1");
    let job = Job::silent();
    let refused = deploy::deploy(&stage, std::slice::from_ref(&hello), Approval::None, &job)
        .await
        .unwrap_err();
    assert!(refused.kind == FailureKind::Usage && refused.why.contains("protected"), "{refused:?}");
    let outcome =
        deploy::deploy(&stage, std::slice::from_ref(&hello), Approval::Given, &job).await.unwrap();
    assert_eq!((outcome.functions.len(), outcome.failed.len()), (1, 0), "{:?}", outcome.failed);
    let cold = InvokeRequest { cold: true, ..request("hello", "{}") };
    let refused = invoke::invoke(&stage, &cold, &job).await.unwrap_err();
    assert!(refused.why.contains("protected"), "the consent was for the deploy alone: {refused:?}");
    let cold = InvokeRequest { approval: Approval::Given, ..cold };
    assert_eq!(invoke::invoke(&stage, &cold, &job).await.unwrap().status, 200);
    let listed = delete::resources(&stage, &["hello".to_owned()], &job).await.unwrap();
    let refused = delete::delete(&stage, &listed, Approval::None, &job).await.unwrap_err();
    assert!(refused.why.contains("protected"), "{refused:?}");
    let read_only =
        place.try_stage(StageOptions { read_only: true, ..StageOptions::default() }).await.unwrap();
    assert!(
        deploy::deploy(&read_only, std::slice::from_ref(&hello), Approval::Given, &job)
            .await
            .is_err()
    );
    assert!(
        delete::delete(&read_only, &listed, Approval::Given, &job)
            .await
            .unwrap_err()
            .why
            .contains("--read-only")
    );
    assert!(
        invoke::invoke(&read_only, &request("hello", "{}"), &job)
            .await
            .unwrap_err()
            .why
            .contains("--read-only")
    );
    let dry = InvokeRequest { mode: InvokeMode::DryRun, ..request("hello", "{}") };
    assert_eq!(invoke::invoke(&read_only, &dry, &job).await.unwrap().status, 204);
    assert_eq!(stage.remote_name("hello"), "acme-hello");
    let state = deploy::deployed(&read_only, &[hello]).await.unwrap();
    assert!(state[0].1.as_ref().unwrap().as_ref().unwrap().in_sync);
    read_only.close().await;
    stage.close().await;
}

#[tokio::test]
async fn a_joined_local_lambda_is_taken_over_when_its_process_ends() {
    let place = Place::new("[workspace]");
    let (first, second) = (place.stage().await, place.stage().await);
    assert!(first.is_serving().await && !second.is_serving().await);
    deploy_one(&second, &place.function("hello", "1")).await;
    first.close().await;
    let done = invoke::invoke(&second, &request("hello", "{}"), &Job::silent()).await.unwrap();
    assert_eq!(done.status, 200);
    assert!(second.is_serving().await);
    second.close().await;
}

#[tokio::test]
async fn logs_are_read_by_text_and_by_request() {
    let place = Place::new("[workspace]");
    let stage = place.stage().await;
    deploy_one(&stage, &place.function("hello", "1")).await;
    let query =
        LogQuery { functions: vec!["hello".into(), "never-run".into()], ..LogQuery::default() };
    assert_eq!(
        logs::fetch(&stage, &query, &Job::silent()).await.unwrap(),
        [],
        "no log group is no error"
    );
    let mut ids = Vec::new();
    for text in ["apples", "pears"] {
        let ask = request("hello", &format!(r#"{{"say":"I like {text}"}}"#));
        ids.push(invoke::invoke(&stage, &ask, &Job::silent()).await.unwrap().request_id);
    }
    let all = logs::fetch(&stage, &query, &Job::silent()).await.unwrap();
    assert!(all.iter().filter(|line| line.message.starts_with("REPORT")).count() == 2, "{all:?}");
    let of = |text: &str| LogQuery { filter: Some(text.into()), ..query.clone() };
    let pears = logs::fetch(&stage, &of("like pears"), &Job::silent()).await.unwrap();
    assert_eq!(
        pears.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(),
        ["I like pears"]
    );
    assert_eq!(
        pears[0].request_id.as_ref(),
        Some(&ids[1]),
        "the line itself does not name its request"
    );
    let of_request = LogQuery { request_id: Some(ids[0].clone()), ..query.clone() };
    let lines = logs::fetch(&stage, &of_request, &Job::silent()).await.unwrap();
    assert!(lines.iter().any(|line| line.message == "I like apples"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.message.contains("pears")), "{lines:?}");
    stage.close().await;
}

#[tokio::test]
async fn following_waits_for_the_log_group_and_gives_each_line_once() {
    let place = Place::new("[workspace]");
    let stage = Arc::new(place.stage().await);
    deploy_one(&stage, &place.function("hello", "1")).await;
    let got: Arc<Mutex<Vec<LogLine>>> = Arc::default();
    let job = Job::silent();
    let following = tokio::spawn({
        let (stage, got, job) = (stage.clone(), got.clone(), job.clone());
        let query = LogQuery { functions: vec!["hello".into()], ..LogQuery::default() };
        async move {
            let (_show, shown) = tokio::sync::watch::channel(true);
            let on_event = |on_event| {
                if let TailEvent::Lines(lines) = on_event {
                    got.lock().unwrap().extend(lines);
                }
            };
            logs::tail(&stage, &query, shown, on_event, &job).await
        }
    });
    let reports =
        || got.lock().unwrap().iter().filter(|line| line.message.starts_with("REPORT")).count();
    for round in 1..=3 {
        invoke::invoke(&stage, &request("hello", r#"{"say":"same"}"#), &Job::silent())
            .await
            .unwrap();
        eventually(&format!("report {round}"), async || reports() >= round).await;
    }
    job.cancel.cancel();
    assert_eq!(following.await.unwrap().unwrap_err().kind, FailureKind::Interrupted);
    let lines = got.lock().unwrap().clone();
    assert_eq!(lines.iter().filter(|line| line.message == "same").count(), 3, "{lines:?}");
    assert!(
        lines.iter().filter(|line| line.message == "same").all(|line| line.request_id.is_some()),
        "{lines:?}"
    );
    Arc::into_inner(stage).unwrap().close().await;
}
