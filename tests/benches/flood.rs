//! `cargo bench --workspace --bench flood`: latency of a key while 50,000 log lines a second
//! arrive.
//!
//! The real loop, on an in-memory terminal of 200 × 50. A key is answered when the frame after it
//! is drawn. Fails if the p99 exceeds 16 ms.

use std::{
    cell::Cell,
    io,
    pin::Pin,
    process::ExitCode,
    rc::Rc,
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use futures_util::Stream;
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

/// Number of lines per millisecond.
const LINES: usize = 50;
/// Interval between two keys.
const PACE: Duration = Duration::from_millis(23);

/// Key presses with their times; the terminal is gone after the last.
struct Keys {
    pressed: UnboundedReceiver<(Instant, KeyCode)>,
    waiting: Rc<Cell<Option<Instant>>>,
}

impl Stream for Keys {
    type Item = io::Result<TerminalEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pressed.poll_recv(context).map(|key| {
            let Some((moment, code)) = key else { return Some(Err(io::Error::other("gone"))) };
            // If one frame answers two keys, the first waited longest.
            self.waiting
                .set(Some(self.waiting.get().map_or(moment, |earlier| earlier.min(moment))));
            Some(Ok(TerminalEvent::Key(KeyEvent::new(code, KeyModifiers::NONE))))
        })
    }
}

struct Played {
    keys: Option<Keys>,
    waiting: Rc<Cell<Option<Instant>>>,
    terminal: Terminal<TestBackend>,
    answers: Vec<f64>,
}

impl Screen for Played {
    fn input(&mut self) -> Input {
        Box::pin(self.keys.take().expect("it is asked for once"))
    }

    fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<Areas> {
        let mut areas = Areas::default();
        let Ok(_) = self.terminal.draw(|frame| areas = draw(state, theme, frame));
        if let Some(moment) = self.waiting.take() {
            self.answers.push(moment.elapsed().as_secs_f64() * 1e3);
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
    let presses = if is_bench { 500 } else { 5 };
    let mut console = Harness::ready(200, 50);
    console.press("jt");
    let (job, Task::StartTail { .. }) = console.started() else { panic!("a tail") };
    let mut state = console.state;

    let waiting = Rc::default();
    let (sender, pressed) = unbounded_channel();
    let terminal = Terminal::new(TestBackend::new(200, 50)).expect("a buffer");
    let keys = Some(Keys { pressed, waiting: Rc::clone(&waiting) });
    let mut screen = Played { keys, waiting, terminal, answers: Vec::new() };
    let mut sender = Some(sender);
    let mut arrived = None;
    let start = |_, events: &tokio::sync::mpsc::Sender<Event>| {
        let Some(sender) = sender.take() else { return };
        let events = events.clone();
        arrived = Some(thread::spawn(move || {
            let began = Instant::now();
            let (mut sent, mut key) = (0_u32, 0_u32);
            while key < presses {
                let lines = sample::log_lines_after("hello", i64::from(sent) * LINES as i64, LINES);
                if events.blocking_send(Event::Job(job, JobEvent::LogLines(lines))).is_err() {
                    break;
                }
                sent += 1;
                if began.elapsed() >= PACE * (key + 1) {
                    let code = [
                        KeyCode::PageUp,
                        KeyCode::Char('k'),
                        KeyCode::Char('G'),
                        KeyCode::Char('w'),
                    ][key as usize % 4];
                    let _ = sender.send((Instant::now(), code));
                    key += 1;
                }
                thread::sleep(
                    (began + Duration::from_millis(1) * sent)
                        .saturating_duration_since(Instant::now()),
                );
            }
            f64::from(sent) * LINES as f64 / began.elapsed().as_secs_f64()
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
    let rate = arrived.and_then(|flood| flood.join().ok()).unwrap_or_default();
    let Some(of) = Percentiles::of(screen.answers) else { return ExitCode::FAILURE };
    report(&format!(
        "a key amid {rate:.0} lines a second is answered: p50 {:.2} ms, p99 {:.2} ms, max {:.2} \
        ms, limit 16 ms",
        of.p50, of.p99, of.max
    ));
    if of.p99 <= 16.0 || !is_bench { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
