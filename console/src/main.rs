//! Temporary: tries discover, setup and build by hand.

#![expect(clippy::unwrap_used, reason = "temporary")]

use std::{process::ExitCode, sync::Mutex, time::Instant};

use lambda_console::{
    message::{Architecture, Step},
    work::{Job, build, discover, toolchain},
};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    if let Some(code) = lambda_console::zig::dispatch() {
        return code;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(run())
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "temporary")]
async fn run() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = std::env::current_dir().unwrap();
    let cancel = CancellationToken::new();
    let on_interrupt = cancel.clone();
    tokio::spawn(async move {
        tokio::signal::ctrl_c().await.unwrap();
        on_interrupt.cancel();
    });
    let began = Instant::now();
    let last = Mutex::new(String::new());
    let job = Job::new(cancel, move |step| match step {
        Step::Output(text) => eprint!("{text}"),
        Step::Phase { text, done, total } => {
            let mut last = last.lock().unwrap();
            if *last != text || done % 10 == 0 {
                eprintln!("[{:.2}] {text} {done}/{total}", began.elapsed().as_secs_f64());
                *last = text;
            }
        }
        other => eprintln!("[{:.2}] {other:?}", began.elapsed().as_secs_f64()),
    });
    let architecture = match arguments.get(1).map(String::as_str) {
        Some("x86_64") => Architecture::X86_64,
        Some("native") => Architecture::Native,
        _ => Architecture::Arm64,
    };
    let result = match arguments.first().map(String::as_str) {
        Some("setup") => toolchain::setup(architecture, &job).await.map(|parts| println!("{parts:#?}")),
        Some("check") => {
            println!("{:#?}", toolchain::check(architecture).await);
            Ok(())
        }
        Some("list") => discover::discover(&root).await.map(|workspace| println!("{workspace:#?}")),
        Some("build") => match discover::discover(&root).await {
            Ok(workspace) => {
                let functions = arguments.iter().skip(2).filter(|name| *name != "--debug").cloned().collect();
                let debug = arguments.iter().any(|argument| argument == "--debug");
                let request = build::BuildRequest { functions, architecture, debug };
                build::build(&workspace, &request, &job).await.map(|outcome| println!("{outcome:#?}"))
            }
            Err(failure) => Err(failure),
        },
        _ => Ok(()),
    };
    eprintln!("[{:.3}] end", began.elapsed().as_secs_f64());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}\nhint: {}", failure.hint);
            ExitCode::from(failure.kind.exit_code())
        }
    }
}
