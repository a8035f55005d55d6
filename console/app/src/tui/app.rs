//! The loop: wait, drain, update, draw once. Idle costs nothing.
//!
//! Knows no rules of the business. The terminal is a [`Screen`], and work is a closure that starts an [`Effect`]
//! and answers with events, so that both can be played in tests.

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

/// While something moves, the time comes this often.
const TICK: Duration = Duration::from_millis(100);
/// Frames that no key asked for are this far apart at least.
const FRAME: Duration = Duration::from_millis(16);
/// After so long, updating stops for the keys and a frame.
const SLICE: Duration = Duration::from_millis(6);
/// So long after `$EDITOR` has ended, its Ctrl-C may still arrive here.
const QUIET: Duration = Duration::from_millis(200);
/// Events that wait; work that is faster than the screen waits too.
const QUEUE: usize = 1024;
const BATCH: usize = 256;

/// What came from the terminal, until the stream is dropped.
pub type Input = Pin<Box<dyn Stream<Item = io::Result<crossterm::event::Event>>>>;

/// The terminal, as the loop needs it.
pub trait Screen {
    /// Keys, mouse, pastes and sizes from now on. The one before is dropped first.
    fn input(&mut self) -> Input;
    /// Draws one frame.
    fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<Areas>;
    /// Puts `text` on the terminal's clipboard, if it has one.
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// Forgets what is on the screen, so that the next frame is drawn whole.
    fn clear(&mut self) -> io::Result<()>;
    /// Gives the terminal back, stops the process as Ctrl-Z does, and takes the terminal again.
    fn suspend(&mut self) -> io::Result<()>;
    /// Gives the terminal to `$EDITOR` with `text` in a file, and takes it again.
    fn edit(&mut self, text: &str) -> Result<String, Failure>;
}

/// Why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The user left.
    Quit,
    /// A signal told it to, or the terminal is gone.
    Terminated,
}

/// Runs the console until it is left. `start` starts the work of an effect at once and returns; its answers go
/// into the sender. [`Effect::SaveDraft`] has to be done before the process ends.
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
    let begin = Event::Started { now: now.timestamp().as_millisecond(), utc_offset: now.offset().seconds() };
    let mut pending: VecDeque<Event> = config.notice.iter().cloned().map(Event::Notice).collect();
    // The first frame comes before any work.
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
                    // A stream that is alive would take keys from the editor and the shell.
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
        // What the terminal says next: an event, or that it is gone.
        let mut said = None;
        tokio::select! {
            biased;
            event = input.next() => said = Some(event),
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
        let has_key = said.is_some();
        // All keys that wait, each in the context that the one before has left.
        while let Some(event) = said.take() {
            let Some(Ok(event)) = event else {
                ending = Ending::Terminated;
                pending.push_back(Event::Terminate);
                break;
            };
            if let Some(event) = input::event(&event, &config.keymap, state, &areas) {
                effects.extend(update(state, event));
            }
            // Keys behind one that lends the terminal are not the console's.
            let is_lent = |effect: &Effect| matches!(effect, Effect::Quit | Effect::Suspend | Effect::Edit { .. });
            if begun.elapsed() < SLICE && !effects.iter().any(is_lent) {
                said = waiting(&mut input).await;
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

/// What the terminal has said already; does not wait. Polls as this task, since the stream wakes whoever polled it
/// first: a poll as nobody would leave the loop asleep.
async fn waiting(input: &mut Input) -> Option<Option<io::Result<crossterm::event::Event>>> {
    poll_fn(|context| match input.poll_next_unpin(context) {
        Poll::Ready(said) => Poll::Ready(Some(said)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Ages and the clock change with the minute.
fn until_the_minute_ends() -> Duration {
    let ms = jiff::Timestamp::now().as_millisecond().rem_euclid(60_000);
    Duration::from_millis(60_000 - ms as u64)
}

/// The signals that end the console.
struct Signals {
    terminate: Signal,
    hangup: Signal,
    interrupt: Signal,
    /// Until then an interrupt was meant for the program that had the terminal.
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

/// Whether an overlay takes the mouse.
fn is_covered(state: &State) -> bool {
    matches!(
        state.overlay,
        Some(Overlay::Help(_) | Overlay::Choose(_) | Overlay::Plan(_) | Overlay::Versions(_) | Overlay::Login)
    )
}
