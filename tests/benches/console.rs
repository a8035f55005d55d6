//! `cargo bench -p tests --bench console`: cost of the console's start and of an idle console, in a
//! real pseudo-terminal.
//!
//! Times are medians of interleaved runs, printed as a ratio to the bare ratatui program of
//! `bare.rs`.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tests::{Home, Terminal, executable, repository};

const RUNS: usize = 21;
const IDLE: Duration = Duration::from_secs(12);

fn main() {
    let console = executable(&["--release", "--bin=lambda-console"]);
    let bare = executable(&["--release", "--example=bare"]);
    first_frame(&console, &bare);
    idle(&console);
}

fn until_first_frame(program: &Path, home: &Home) -> Duration {
    let started = Instant::now();
    let mut terminal = Terminal::start_program(program, home, &[], 120, 40);
    terminal.until_text("? help");
    let took = started.elapsed();
    terminal.press("q");
    drop(terminal.finish());
    took
}

fn first_frame(console: &Path, bare: &Path) {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        // A new home each time: there is no history, and cargo and the local Lambda have not
        // answered yet.
        times[0].push(until_first_frame(console, &Home::new(repository())));
        times[1].push(until_first_frame(bare, &Home::new(repository())));
    }
    let [console, bare] = times.map(|mut all| {
        all.sort();
        all[RUNS / 2].as_secs_f64() * 1e3
    });
    report(&format!(
        "first frame: console {console:.1} ms, bare {bare:.1} ms, ratio {:.2}",
        console / bare
    ));
}

fn idle(console: &Path) {
    let home = Home::new(repository());
    let mut terminal = Terminal::start_program(console, &home, &[], 120, 40);
    terminal
        .until("the functions", |screen| screen.contains("hello") && screen.contains("backend"));
    let pid = terminal.pid();
    settle(pid);
    let before = switches(pid);
    std::thread::sleep(IDLE);
    let after = switches(pid);
    let resident = status(pid, "VmRSS:") as f64 / 1024.0;
    report(&format!(
        "idle: {} context switches in {IDLE:?}, {resident:.1} MB resident",
        after - before
    ));
    terminal.press("q");
    drop(terminal.finish());
}

/// Waits until the work of the start (cargo, toolchain check, local Lambda) is over: a second
/// without a context switch, at most half a minute. Then the threads that did it end: tokio keeps
/// them for ten seconds.
fn settle(pid: u32) {
    for _ in 0..30 {
        let before = switches(pid);
        std::thread::sleep(Duration::from_secs(1));
        if switches(pid) == before {
            break;
        }
    }
    std::thread::sleep(Duration::from_secs(11));
}

/// Number of context switches of all threads of a process, voluntary and not.
fn switches(pid: u32) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("status")).ok())
        .map(|text| {
            field(&text, "voluntary_ctxt_switches:") + field(&text, "nonvoluntary_ctxt_switches:")
        })
        .sum()
}

fn status(pid: u32, name: &str) -> u64 {
    fs::read_to_string(format!("/proc/{pid}/status")).map_or(0, |text| field(&text, name))
}

fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
