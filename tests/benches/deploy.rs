//! `cargo bench --workspace --bench deploy`: duration of a deploy of twenty functions on a stage
//! with a latency of 50 ms, if none has changed and if all have. Fails if the deploy of the
//! unchanged ones takes a second.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use lambda_console_engine::{
    Job,
    aws::stage::{Stage, StageOptions},
    deploy,
};
use lambda_console_model::{Approval, Function, Workspace, Zip};
use sha2::{Digest as _, Sha256};
use tests::{LocalLambda, Proxy, hexadecimal, sample, zip};

const FUNCTIONS: usize = 20;
const LATENCY: Duration = Duration::from_millis(50);
/// Maximum duration of a deploy of unchanged functions.
const BOUND: Duration = Duration::from_secs(1);
/// Size of a typical function in Rust.
const ZIP_BYTES: usize = 2 << 20;

fn main() -> ExitCode {
    let directory = tempfile::tempdir().expect("a temporary directory");
    if std::env::args().any(|argument| argument == "measure") {
        return measure(directory.path());
    }
    // The settings of the stage must exist when the process starts.
    let local = LocalLambda::start(directory.path());
    let proxy = Proxy::start(local.account());
    let mut measuring = Command::new(std::env::current_exe().expect("this program"));
    proxy.account().lead(&mut measuring, directory.path());
    measuring.arg("measure").env("XDG_STATE_HOME", directory.path());
    proxy.delay(LATENCY);
    let ended = measuring.status().expect("it starts");
    if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(directory: &Path) -> ExitCode {
    let executor = tokio::runtime::Runtime::new().expect("a tokio runtime");
    executor.block_on(async {
        let manifest = "[workspace]\n[workspace.metadata.lambda.stages.beta]\n";
        std::fs::write(directory.join("Cargo.toml"), manifest).expect("the directory is ours");
        let workspace = Workspace { root: directory.to_path_buf(), ..Workspace::default() };
        let options = StageOptions { stage: "beta".to_owned(), ..StageOptions::default() };
        let stage = Stage::connect(&workspace, &options)
            .await
            .unwrap_or_else(|failure| panic!("{failure}"));
        let created = timed(&stage, &functions(directory, 1)).await;
        let unchanged = timed(&stage, &functions(directory, 1)).await;
        let changed = timed(&stage, &functions(directory, 2)).await;
        println!("{FUNCTIONS} functions, {LATENCY:?} for each answer, zips of {ZIP_BYTES} bytes");
        println!("created {created:?}, unchanged {unchanged:?}, changed {changed:?}");
        if unchanged < BOUND { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    })
}

async fn timed(stage: &Stage, functions: &[Function]) -> Duration {
    let began = Instant::now();
    let outcome = deploy::deploy(stage, functions, Approval::None, &Job::silent()).await;
    let took = began.elapsed();
    let outcome = outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(outcome.failed.is_empty(), "{outcome:?}");
    took
}

/// Twenty functions with the same code, which does not compress.
fn functions(directory: &Path, edition: u64) -> Vec<Function> {
    let mut state = edition;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    })
    .take(ZIP_BYTES)
    .collect();
    let bytes = zip(&[("bootstrap", &noise)]);
    let path = directory.join("bootstrap.zip");
    std::fs::write(&path, &bytes).expect("the directory is ours");
    let sha256 = hexadecimal(&Sha256::digest(&bytes));
    let zip = Zip { path, bytes: bytes.len() as u64, sha256 };
    let named = |number| Function {
        zip: Some(zip.clone()),
        ..sample::function(&format!("greet-{number}"))
    };
    (0..FUNCTIONS).map(named).collect()
}
