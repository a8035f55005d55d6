//! The loop: wait, drain, update, draw once. Uses no CPU while idle.
//!
//! Contains no business rules. The terminal is a [`Screen`], and work is a closure that starts an
//! [`Effect`] and sends events, so that tests can replace both.

mod input;

use std::{
    collections::VecDeque,
    future::{poll_fn, ready},
    io,
    pin::Pin,
    task::Poll,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt};
use lambda_console_model::Failure;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{Sender, channel},
    time::sleep_until,
};

use crate::tui::{
    config::Config,
    message::{Effect, Event},
    state::{Overlay, State},
    theme::Theme,
    update::update,
    view::Areas,
};

/// Interval of ticks while something on the screen moves.
const TICK: Duration = Duration::from_millis(100);
/// Minimum interval between frames that no key caused.
const FRAME: Duration = Duration::from_millis(16);
/// Maximum time that updates may take before keys are read and a frame is drawn.
const SLICE: Duration = Duration::from_millis(6);
/// Time after the end of `$EDITOR` in which its Ctrl-C may still arrive here.
const QUIET: Duration = Duration::from_millis(200);
/// Maximum number of waiting events; work that is faster than the screen waits too.
const QUEUE: usize = 1024;
const BATCH: usize = 256;

/// Events of the terminal, until the stream is dropped.
pub type Input = Pin<Box<dyn Stream<Item = io::Result<crossterm::event::Event>>>>;

/// The terminal, as the loop needs it.
pub trait Screen {
    /// Returns keys, mouse, pastes and sizes from now on. The previous stream must be dropped
    /// first.
    fn input(&mut self) -> Input;
    /// Draws one frame.
    fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<Areas>;
    /// Copies `text` to the terminal's clipboard, if it has one.
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// Clears the screen, so that the next frame is drawn in full.
    fn clear(&mut self) -> io::Result<()>;
    /// Restores the terminal, stops the process as Ctrl-Z does, and takes the terminal again.
    fn suspend(&mut self) -> io::Result<()>;
    /// Releases the terminal to `$EDITOR` with `text` in a file, and takes it again.
    fn edit(&mut self, text: &str) -> Result<String, Failure>;
}

/// Reason why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The user quit.
    Quit,
    /// A signal terminated it, or the terminal was closed.
    Terminated,
}

/// Runs the console until the user quits. `start` starts the work of an effect and returns
/// immediately; its events go to the sender. [`Effect::SaveDraft`] must be finished before the
/// process ends.
pub async fn run(
    screen: &mut impl Screen,
    state: &mut State,
    config: &Config,
    mut start: impl FnMut(Effect, &Sender<Event>),
) -> io::Result<Ending> {
    let (sender, mut answers) = channel(QUEUE);
    let mut signals = Signals::new()?;
    let mut input = screen.input();
    let now = jiff::Zoned::now();
    let begin = Event::Started {
        now: now.timestamp().as_millisecond(),
        utc_offset: now.offset().seconds(),
    };
    let mut pending: VecDeque<Event> = config.notice.iter().cloned().map(Event::Notice).collect();
    // The first frame is drawn before any work starts.
    let mut effects = update(state, begin);
    let mut areas = screen.draw(state, &config.theme)?;
    let mut drawn = Instant::now();
    let (mut is_stale, mut again) = (false, false);
    let mut ending = Ending::Quit;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        for effect in effects.drain(..) {
            match effect {
                Effect::Quit => return Ok(ending),
                Effect::Continue => again = true,
                Effect::CopyByTerminal(text) => screen.copy(&text)?,
                Effect::Redraw => {
                    screen.clear()?;
                    is_stale = true;
                }
                Effect::Suspend | Effect::Edit { .. } => {
                    // An active stream would take keys from the editor and the shell.
                    drop(input);
                    if let Effect::Edit { function, text } = effect {
                        pending.push_back(Event::Edited(function, screen.edit(&text)));
                    } else {
                        screen.suspend()?;
                    }
                    input = screen.input();
                    signals.quiet_until = Instant::now() + QUIET;
                    is_stale = true;
                }
                effect => start(effect, &sender),
            }
        }

        let wake = if is_stale {
            drawn + FRAME
        } else if state.is_moving() {
            drawn + TICK
        } else {
            Instant::now() + until_the_minute_ends()
        };
        // The next event of the terminal, or its end.
        let mut typed = None;
        tokio::select! {
            biased;
            event = input.next() => typed = Some(event),
            () = signals.next() => {
                ending = Ending::Terminated;
                pending.push_back(Event::Terminate);
            }
            () = ready(()), if again || !pending.is_empty() => {}
            _ = answers.recv_many(&mut batch, BATCH) => pending.extend(batch.drain(..)),
            () = sleep_until(wake.into()) => {}
        }
        let begun = Instant::now();
        effects.extend(update(state, Event::Tick(jiff::Timestamp::now().as_millisecond())));
        let has_key = typed.is_some();
        // Handle all waiting keys, each in the context that the previous one left.
        while let Some(event) = typed.take() {
            let Some(Ok(event)) = event else {
                ending = Ending::Terminated;
                pending.push_back(Event::Terminate);
                break;
            };
            if let Some(event) = input::event(&event, &config.keymap, state, &areas) {
                effects.extend(update(state, event));
            }
            // Keys after one that releases the terminal do not belong to the console.
            let is_lent = |effect: &Effect| {
                matches!(effect, Effect::Quit | Effect::Suspend | Effect::Edit { .. })
            };
            if begun.elapsed() < SLICE && !effects.iter().any(is_lent) {
                typed = waiting(&mut input).await;
            }
        }
        if std::mem::take(&mut again) {
            effects.extend(update(state, Event::Continue));
        }
        while begun.elapsed() < SLICE
            && let Some(event) = pending.pop_front()
        {
            effects.extend(update(state, event));
        }
        if ending == Ending::Terminated || effects.contains(&Effect::Quit) {
            continue;
        }
        is_stale = true;
        if has_key || begun >= drawn + FRAME {
            areas = screen.draw(state, &config.theme)?;
            drawn = Instant::now();
            is_stale = false;
            if areas.viewport != state.viewport {
                effects.extend(update(state, Event::Drawn(areas.viewport)));
            }
        }
    }
}

/// Returns an event that has already arrived; does not wait. Polls as this task, because the stream
/// wakes the task that polled it first: polled with another waker, the loop would never wake.
async fn waiting(input: &mut Input) -> Option<Option<io::Result<crossterm::event::Event>>> {
    poll_fn(|context| match input.poll_next_unpin(context) {
        Poll::Ready(typed) => Poll::Ready(Some(typed)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Ages and the clock change every minute.
fn until_the_minute_ends() -> Duration {
    let ms = jiff::Timestamp::now().as_millisecond().rem_euclid(60_000);
    Duration::from_millis(60_000 - ms as u64)
}

/// The signals that end the console.
struct Signals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    /// Until then, an interrupt was meant for the program that had the terminal.
    quiet_until: Instant,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quiet_until: Instant::now(),
        })
    }

    async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => return,
                _ = self.interrupt.recv() => {
                    if Instant::now() >= self.quiet_until {
                        return;
                    }
                }
            }
        }
    }
}

/// Returns `true` if an overlay receives mouse events.
fn is_covered(state: &State) -> bool {
    matches!(
        state.overlay,
        Some(
            Overlay::Help(_)
                | Overlay::Choose(_)
                | Overlay::Plan(_)
                | Overlay::Versions(_)
                | Overlay::Login
        )
    )
}
