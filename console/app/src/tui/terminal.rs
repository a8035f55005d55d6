//! The real terminal: taken at the start, and always restored (after an error, a panic, a signal,
//! Ctrl-Z, `$EDITOR`).

mod editor;

use std::{
    io::{self, BufWriter, IsTerminal, Stdout, Write},
    sync::{
        Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread::{self, ThreadId},
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::Show,
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EventStream},
    execute, queue,
    style::Print,
    terminal::{
        BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
        disable_raw_mode, enable_raw_mode,
    },
};
use futures_util::{StreamExt, stream::poll_fn};
use lambda_console_model::Failure;
use ratatui::{Terminal, backend::CrosstermBackend, layout::Rect};

use crate::tui::{
    app::{Input, Screen},
    state::State,
    theme::Theme,
    view::{self, Areas},
};

/// Buttons and wheel, but not every motion of the mouse: motions would wake the console needlessly.
const BUTTONS_ON: &str = "\x1b[?1000h\x1b[?1006h";

/// `true` while the terminal is taken.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// The thread that draws: only a panic of this thread ends the console.
static DRAWING: Mutex<Option<ThreadId>> = Mutex::new(None);

/// The terminal, taken. Dropping it restores the terminal.
pub struct Term {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Term {
    /// Returns `true` if standard input and standard output both are a terminal.
    pub fn is_there() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Takes the terminal: raw mode, alternate screen, mouse, bracketed paste.
    pub fn take() -> io::Result<Self> {
        set_panic_hook();
        if let Ok(mut drawing) = DRAWING.lock() {
            *drawing = Some(thread::current().id());
        }
        take()?;
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(out)).inspect_err(|_| give_back())?;
        Ok(Self { terminal })
    }

    /// Restores the terminal while `work` runs.
    fn lent<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<T> {
        self.terminal.backend_mut().flush()?;
        give_back();
        let result = work();
        take()?;
        self.forget()?;
        Ok(result)
    }

    /// Clears the screen and its buffer. Without `Terminal::clear`, which asks the terminal for the
    /// cursor position: the answer would have to pass through the reader of the keys.
    fn forget(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::from(size))
    }
}

impl Drop for Term {
    fn drop(&mut self) {
        // There is nothing to report an error to.
        let _ = self.terminal.backend_mut().flush();
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Print(BUTTONS_ON))
        .inspect_err(|_| give_back())
}

/// Restores the terminal, once. Continues if a part fails: the terminal may be gone.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            EndSynchronizedUpdate,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// Returns `true` if the terminal of standard input was closed.
fn is_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdin = io::stdin();
    let mut input = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut input, Some(&Timespec::default())).is_ok_and(|count| {
        count > 0
            && input[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
    })
}

/// A panic of the drawing thread restores the terminal before it prints. A panic of another thread
/// must not print over the screen: it is logged.
fn set_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_drawing =
                DRAWING.lock().is_ok_and(|drawing| *drawing == Some(thread::current().id()));
            if is_drawing || !TAKEN.load(Ordering::SeqCst) {
                give_back();
                print(panic);
            } else {
                tracing::error!(%panic, "a thread panicked");
            }
        }));
    });
}

impl Screen for Term {
    fn input(&mut self) -> Input {
        let mut events = EventStream::new();
        // crossterm reads a closed terminal in an endless loop: it must not be polled any more.
        let until_gone = move |context: &mut Context<'_>| {
            if is_gone() { Poll::Ready(None) } else { events.poll_next_unpin(context) }
        };
        Box::pin(poll_fn(until_gone))
    }

    fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<Areas> {
        let mut areas = Areas::default();
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| areas = view::draw(state, theme, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        Ok(areas)
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.forget()
    }

    fn suspend(&mut self) -> io::Result<()> {
        use rustix::process::{Signal, kill_current_process_group};
        // Stop the whole process group, as if the terminal had sent the signal.
        self.lent(|| kill_current_process_group(Signal::TSTP))?.map_err(io::Error::from)
    }

    fn edit(&mut self, text: &str) -> Result<String, Failure> {
        self.lent(|| editor::edit(text)).unwrap_or_else(|error| {
            Err(Failure::environment("could not restore the terminal", error.to_string(), ""))
        })
    }
}
