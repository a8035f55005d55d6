//! `cargo bench --workspace --bench tail`: time from a tail's line to the screen, while 5,000 lines
//! a second arrive.
//!
//! The real loop, on an in-memory terminal of 200 × 50. Lines arrive as from a live tail and from
//! pages: 500 at once, every tenth of a second, some of them late. Fails if the p99 exceeds 200 ms
//! or lines are lost.

use std::{
    io,
    process::ExitCode,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use lambda_console::tui::{
    app::{Input, Screen, run},
    config::Config,
    message::Event,
    state::State,
    task::{JobEvent, Task},
    theme::{Palette, Theme},
    view::{Areas, draw},
};
use lambda_console_model::{Failure, Percentiles};
use ratatui::{Terminal, backend::TestBackend};
use tests::{Harness, sample};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Number of lines that arrive at once.
const LINES: usize = 500;
/// Interval between two batches.
const PACE: Duration = Duration::from_millis(100);

struct Played {
    gone: Option<UnboundedReceiver<()>>,
    terminal: Terminal<TestBackend>,
    /// For each batch, the number of lines that are held after it, and the time at which its last
    /// line was sent.
    sent: Arc<Mutex<Vec<(usize, Instant)>>>,
    took: Vec<f64>,
    held: usize,
}

impl Screen for Played {
    fn input(&mut self) -> Input {
        let mut gone = self.gone.take().expect("it is asked for once");
        // The terminal is gone once everything was sent.
        Box::pin(
            futures_util::stream::poll_fn(move |context| {
                gone.poll_recv(context).map(|_| Some(Err(io::Error::other("gone"))))
            })
            .fuse(),
        )
    }

    fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<Areas> {
        let mut areas = Areas::default();
        let Ok(_) = self.terminal.draw(|frame| areas = draw(state, theme, frame));
        self.held = state.stage().logs.held();
        let mut sent = self.sent.lock().expect("nobody panics with it");
        while sent.first().is_some_and(|(lines, _)| *lines <= self.held) {
            self.took.push(sent.remove(0).1.elapsed().as_secs_f64() * 1e3);
        }
        Ok(areas)
    }

    fn copy(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn edit(&mut self, _: &str) -> Result<String, Failure> {
        Err(Failure::usage("could not edit", "this is a benchmark", ""))
    }
}

fn main() -> ExitCode {
    // `cargo test` runs benches too, unoptimised: there they only have to work.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let batches = if is_bench { 180 } else { 20 };
    let mut console = Harness::ready(200, 50);
    console.press("jt");
    let (job, Task::StartTail { .. }) = console.started() else { panic!("a tail") };
    let mut state = console.state;

    let (end, gone) = unbounded_channel();
    let sent: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
    let terminal = Terminal::new(TestBackend::new(200, 50)).expect("a buffer");
    let mut screen =
        Played { gone: Some(gone), terminal, sent: Arc::clone(&sent), took: Vec::new(), held: 0 };
    let mut end = Some(end);
    let mut rate = None;
    let start = |_, events: &tokio::sync::mpsc::Sender<Event>| {
        let Some(end) = end.take() else { return };
        let (events, sent) = (events.clone(), Arc::clone(&sent));
        rate = Some(thread::spawn(move || {
            let began = Instant::now();
            for batch in 0..batches {
                let mut lines = sample::log_lines_after("hello", (batch * LINES) as i64, LINES);
                // One line in ten is late: it belongs among the lines of the previous batch.
                for line in lines.iter_mut().step_by(10).filter(|_| batch > 0) {
                    line.timestamp -= LINES as i64;
                    line.rank = 1;
                }
                sent.lock()
                    .expect("nobody panics with it")
                    .push(((batch + 1) * LINES, Instant::now()));
                if events.blocking_send(Event::Job(job, JobEvent::LogLines(lines))).is_err() {
                    break;
                }
                thread::sleep(
                    (began + PACE * (batch as u32 + 1)).saturating_duration_since(Instant::now()),
                );
            }
            let rate = (batches * LINES) as f64 / began.elapsed().as_secs_f64();
            drop(end);
            rate
        }));
    };
    let executor =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an executor");
    executor
        .block_on(run(
            &mut screen,
            &mut state,
            &Config::read(None, "config.toml", Palette::FULL),
            start,
        ))
        .expect("it runs");
    let rate = rate.and_then(|sender| sender.join().ok()).unwrap_or_default();
    let held = screen.held;
    let Some(of) = Percentiles::of(screen.took) else { return ExitCode::FAILURE };
    report(&format!(
        "of {rate:.0} lines a second, one in ten late, the last of 500 is on screen after p50 \
        {:.2} ms, p99 {:.2} ms, max {:.2} ms, limit 200 ms; {held} of {} lines are there",
        of.p50,
        of.p99,
        of.max,
        batches * LINES
    ));
    let holds = of.p99 <= 200.0 && held == batches * LINES;
    if holds || !is_bench { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
