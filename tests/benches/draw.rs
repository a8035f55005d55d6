//! Duration of update and draw with full logs: `cargo bench -p tests --bench draw`.
//!
//! Prints a line per case, in processor time. Fails if the p99 of update and draw exceeds 4 ms with
//! 100,000 lines held, or if a hundredth of a second is not enough for its 500 lines at 50,000 a
//! second.

use std::process::ExitCode;

use lambda_console::tui::{
    state::{JobId, logs::MOST_LINES},
    task::{JobEvent, Task},
};
use lambda_console_model::Percentiles;
use tests::{Harness, processor_ms, sample};

fn main() -> ExitCode {
    // `cargo test` runs benches too, unoptimised: there they only have to work.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let rounds = if is_bench { 2_000 } else { 10 };
    let mut in_time = true;
    for (name, keys) in [
        ("follow", &["3"][..]),
        ("scroll", &["<pageup>", "k", "<pagedown>"]),
        ("break lines", &["w", "<pageup>", "k"]),
        ("type a filter", &["/", "e", "r", "q", "<backspace>", "<esc>"]),
        ("all functions", &["a", "k"]),
    ] {
        let (mut console, _) = full();
        let times = (0..rounds).flat_map(|round| console.timed(keys[round % keys.len()])).collect();
        in_time &= in_limit(name, times, 4.0);
    }
    let (mut console, job) = full();
    console.press("/ERROR<enter>");
    let batch = |round: usize| {
        let lines = sample::log_lines_after("hello", (MOST_LINES + 500 * round) as i64, 500);
        let begun = processor_ms();
        console.report(job, JobEvent::LogLines(lines));
        console.draw();
        processor_ms() - begun
    };
    in_time &= in_limit("500 filtered lines", (0..rounds).map(batch).collect(), 10.0);
    if in_time || !is_bench { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A console of 200 × 50 that follows a full ring.
fn full() -> (Harness, JobId) {
    let mut console = Harness::ready(200, 50);
    console.press("jt");
    let (job, Task::StartTail { .. }) = console.started() else { panic!("a tail") };
    for tenth in 0..10 {
        let lines =
            sample::log_lines_after("hello", (tenth * MOST_LINES / 10) as i64, MOST_LINES / 10);
        console.report(job, JobEvent::LogLines(lines));
    }
    console.draw();
    assert_eq!(console.state.stage().logs.len(), MOST_LINES);
    (console, job)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn in_limit(name: &str, times: Vec<f64>, limit: f64) -> bool {
    let Some(of) = Percentiles::of(times) else { return false };
    println!(
        "{name:20} p50 {:7.3} ms   p99 {:7.3} ms   max {:7.3} ms   limit {limit} ms",
        of.p50, of.p99, of.max
    );
    of.p99 <= limit
}
