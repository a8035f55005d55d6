//! One function on a local Lambda behind a proxy, driven through the console's library: compares a
//! deploy's report with the actual state.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use lambda_console_engine::{
    Job,
    aws::stage::{Stage, StageOptions},
    deploy,
};
use lambda_console_model::{
    Approval, Change, DeployOutcome, FailedFunction, Failure, Field, Function, Workspace, Zip,
};
use sha2::{Digest as _, Sha256};
use tests::{Account, Call, LocalLambda, Proxy, sample, zip};

use super::alone::add_profile;

/// The alias that deploys point to the new version.
const ALIAS: &str = "live";

/// A workspace with one function, and the stage `beta`, which is behind a proxy.
pub(super) struct Behind {
    pub(super) proxy: Proxy,
    account: Account,
    directory: tempfile::TempDir,
    stage: Stage,
    /// The function as configured in the workspace.
    pub(super) function: Function,
    /// Other functions like it.
    others: Vec<Function>,
}

impl Behind {
    /// A function that is built, and not on the stage yet. Needs [`super::alone::alone`].
    pub(super) async fn new(local: &LocalLambda) -> Self {
        Self::on_stage(local, &format!("alias = \"{ALIAS}\"")).await
    }

    async fn on_stage(local: &LocalLambda, settings: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let account = local.account().clone();
        let proxy = Proxy::start(&account);
        let profile = format!("p{number}");
        add_profile(&profile, proxy.account());
        let directory = tempfile::tempdir().expect("a temporary directory");
        let manifest = format!(
            "[workspace]\n[workspace.metadata.lambda.stages.beta]\nprofile \
            = \"{profile}\"\n{settings}\n"
        );
        std::fs::write(directory.path().join("Cargo.toml"), manifest)
            .expect("the directory is ours");
        let workspace = Workspace { root: directory.path().to_path_buf(), ..Workspace::default() };
        let options = StageOptions { stage: "beta".to_owned(), ..StageOptions::default() };
        let stage = Stage::connect(&workspace, &options)
            .await
            .unwrap_or_else(|failure| panic!("{failure}"));
        let function = sample::function(&format!("greet-{number}"));
        proxy.calls();
        let mut behind = Self { proxy, account, directory, stage, function, others: Vec::new() };
        behind.build("1", 128);
        behind
    }

    /// A workspace of `count` functions that are built, and not on the stage yet, which has no
    /// alias.
    pub(super) async fn many(local: &LocalLambda, count: usize) -> Self {
        let mut behind = Self::on_stage(local, "").await;
        behind.others =
            (1..count).map(|number| sample::function(&format!("other-{number}"))).collect();
        behind.build("1", 128);
        behind
    }

    /// A function with edition 1 on the stage, and in the workspace edition 2 with other memory,
    /// timeout and environment.
    pub(super) async fn deployed(local: &LocalLambda) -> Self {
        let mut behind = Self::new(local).await;
        let outcome = behind.deploy().await.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(outcome.failed.is_empty(), "{outcome:?}");
        behind.build("2", 256);
        behind.function.config.timeout = Some(7);
        behind.function.config.env.insert("TOKEN".to_owned(), SECRET.to_owned());
        behind.proxy.calls();
        behind
    }

    /// Changes the functions in the workspace.
    pub(super) fn build(&mut self, edition: &str, memory: u32) {
        let path = self.directory.path().join("bootstrap.zip");
        let zip = write_zip(&path, edition);
        for function in std::iter::once(&mut self.function).chain(&mut self.others) {
            function.zip = Some(zip.clone());
            function.config.memory = Some(memory);
        }
    }

    /// Deploys all functions.
    pub(super) async fn deploy(&self) -> Result<DeployOutcome, Failure> {
        let functions: Vec<Function> =
            std::iter::once(&self.function).chain(&self.others).cloned().collect();
        deploy::deploy(&self.stage, &functions, Approval::None, &Job::silent()).await
    }

    /// Differences between the stage and the wanted state, read without the console and the proxy.
    pub(super) async fn differences(&self) -> Vec<Difference> {
        let client = self.account.lambda();
        let name = &self.function.name;
        let config = &self.function.config;
        let zip = &self.function.zip.as_ref().expect("it is built").sha256;
        let (memory, timeout) = (config.memory.unwrap_or(128), config.timeout.unwrap_or(3));
        let found = client.get_function_configuration().function_name(name).send().await.ok();
        let published = client
            .get_function_configuration()
            .function_name(name)
            .qualifier(ALIAS)
            .send()
            .await
            .ok();
        let nothing = || GetFunctionConfigurationOutput::builder().build();
        let (found, published) = (found.unwrap_or_else(nothing), published.unwrap_or_else(nothing));
        let mut differences = Vec::new();
        let mut compare = |field, there: String, wanted: String| {
            if there != wanted {
                differences.push(Difference { field, there, wanted });
            }
        };
        compare(Field::Code, hexadecimal(&found), zip.clone());
        compare(Field::Memory, number(found.memory_size()), memory.to_string());
        // A new function has the setting by default.
        if config.timeout.is_some() {
            compare(Field::Timeout, number(found.timeout()), timeout.to_string());
        }
        let variables = found.environment().and_then(|environment| environment.variables());
        for (variable, value) in &config.env {
            let there = variables
                .and_then(|variables| variables.get(variable))
                .cloned()
                .unwrap_or_default();
            compare(Field::Env(variable.clone()), there, value.clone());
        }
        let behind_alias =
            format!("{} with {} MB", hexadecimal(&published), number(published.memory_size()));
        compare(Field::Alias(ALIAS.to_owned()), behind_alias, format!("{zip} with {memory} MB"));
        differences
    }

    /// Checks that a deploy's report of the function that it failed on is true.
    pub(super) async fn assert_true(&self, what: &str, failed: &FailedFunction) {
        let FailedFunction { name, failure, done, left, is_known } = failed;
        assert_eq!(name, &self.function.name, "{what}");
        assert!(
            !failure.what.is_empty() && !failure.why.is_empty(),
            "{what}: it does not say why: {failed:?}"
        );
        let message = format!("{failed:?}");
        assert!(!message.contains(SECRET), "{what}: it tells a secret: {message}");
        let differences = self.differences().await;
        if !is_known && done.is_empty() && left.is_empty() {
            // It could not even be read: then nothing was changed.
            let changed: Vec<Call> =
                self.proxy.calls().into_iter().filter(|call| !call.reads()).collect();
            assert!(changed.is_empty(), "{what}: it does not tell of {changed:?}: {failed:?}");
            return;
        }
        let is_left = |field: &Field| left.iter().any(|change| change.field == *field);
        for difference in &differences {
            assert!(
                is_left(&difference.field),
                "{what}: it does not tell of {difference:?}: {failed:?}"
            );
        }
        if *is_known {
            let differs =
                |field: &Field| differences.iter().any(|difference| difference.field == *field);
            let known = |field: &Field| {
                matches!(field, Field::Code | Field::Memory | Field::Timeout | Field::Env(_))
            };
            for change in left.iter().filter(|change| known(&change.field)) {
                assert!(
                    differs(&change.field),
                    "{what}: {change:?} is not left, it is done: {failed:?}"
                );
            }
            for change in done {
                assert!(!differs(&change.field), "{what}: {change:?} is not done: {differences:?}");
            }
        }
    }

    /// Deploys without faults: that repairs everything, and leaves nothing to do.
    pub(super) async fn assert_repaired(&self, what: &str) {
        self.proxy.clear_faults();
        let repaired = self.deploy().await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
        assert!(
            repaired.failed.is_empty(),
            "{what}: the next deploy does not repair it: {repaired:?}"
        );
        let left = self.differences().await;
        assert!(left.is_empty(), "{what}: the next deploy leaves {left:?}");
        let again = self.deploy().await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
        let changes: Vec<&Change> =
            again.functions.iter().flat_map(|function| &function.changes).collect();
        assert!(changes.is_empty(), "{what}: a deploy of what is there changes {changes:?}");
    }

    /// Deletes the functions: thousands of them would slow the local Lambda down.
    pub(super) async fn forget(&self) {
        let deleted =
            self.account.lambda().delete_function().function_name(&self.function.name).send().await;
        assert!(deleted.is_ok(), "{deleted:?}");
    }
}

/// A setting whose value on the stage differs from the workspace's.
#[derive(Debug)]
#[expect(dead_code, reason = "read by the people who read why a test failed")]
pub(super) struct Difference {
    /// Its name in the console.
    field: Field,
    there: String,
    wanted: String,
}

/// The code's digest; empty if there is no function.
fn hexadecimal(found: &GetFunctionConfigurationOutput) -> String {
    let bytes =
        BASE64_STANDARD.decode(found.code_sha256().unwrap_or_default()).expect("it is Base64");
    tests::hexadecimal(&bytes)
}

fn number(number: Option<i32>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}

/// A value that must never be shown.
pub(super) const SECRET: &str = "swordfish";

/// Writes the zip of a bootstrap that is never run.
fn write_zip(path: &Path, edition: &str) -> Zip {
    let bytes = zip(&[("bootstrap", format!("#!/bin/sh\n# {edition}\n").as_bytes())]);
    std::fs::write(path, &bytes).expect("the directory is ours");
    let sha256 = tests::hexadecimal(&Sha256::digest(&bytes));
    Zip { path: path.to_path_buf(), bytes: bytes.len() as u64, sha256 }
}
