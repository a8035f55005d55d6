//! The loop itself, with a scripted terminal and effects that the test answers.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use futures_util::Stream;
use lambda_console::tui::{
    app::{Ending, Input, Screen, run},
    config::Config,
    message::{Effect, Event},
    state::{Options, State},
    task::{JobEvent, Task},
    theme::{Palette, Theme},
    view::{Areas, draw},
};
use lambda_console_model::Failure;
use ratatui::{Terminal, backend::TestBackend};
use tests::sample;

/// Events in order.
type Story = Rc<RefCell<Vec<String>>>;

/// Scripted terminal events, and whether they may begin.
#[derive(Default)]
struct Script {
    events: VecDeque<io::Result<TerminalEvent>>,
    begins: bool,
}

/// Plays the script; after its end the console waits forever.
struct Played(Rc<RefCell<Script>>);

impl Stream for Played {
    type Item = io::Result<TerminalEvent>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut script = self.0.borrow_mut();
        let event = if script.begins { script.events.pop_front() } else { None };
        event.map_or(Poll::Pending, |event| Poll::Ready(Some(event)))
    }
}

struct Stage {
    script: Rc<RefCell<Script>>,
    /// The script begins once this text is on the screen.
    cue: &'static str,
    terminal: Terminal<TestBackend>,
    story: Story,
}

fn press(character: char) -> TerminalEvent {
    TerminalEvent::Key(KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE))
}

fn control(character: char) -> TerminalEvent {
    TerminalEvent::Key(KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL))
}

impl Stage {
    /// A terminal on which these keys are pressed, and which is gone after them.
    fn new(cue: &'static str, events: impl IntoIterator<Item = TerminalEvent>) -> Self {
        let gone = Err(io::Error::other("gone"));
        let script =
            Script { events: events.into_iter().map(Ok).chain([gone]).collect(), begins: false };
        Self {
            script: Rc::new(RefCell::new(script)),
            cue,
            terminal: Terminal::new(TestBackend::new(100, 30)).unwrap(),
            story: Story::default(),
        }
    }

    fn record(&self, what: &str) {
        self.story.borrow_mut().push(what.into());
    }
}

impl Screen for Stage {
    fn input(&mut self) -> Input {
        self.record("input");
        Box::pin(Played(self.script.clone()))
    }

    fn draw(&mut self, state: &State, theme: &Theme) -> io::Result<Areas> {
        self.record("draw");
        let mut areas = Areas::default();
        self.terminal.draw(|frame| areas = draw(state, theme, frame)).unwrap();
        if self.terminal.backend().to_string().contains(self.cue) {
            self.script.borrow_mut().begins = true;
        }
        Ok(areas)
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.record(&format!("copy {text}"));
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.record("clear");
        Ok(())
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.record("suspend");
        Ok(())
    }

    fn edit(&mut self, text: &str) -> Result<String, Failure> {
        self.record("edit");
        Ok(text.replace("Lambda", "World"))
    }
}

/// Runs the console until it ends, with the sample workspace as the result of the start.
fn play(stage: &mut Stage) -> (Ending, Vec<Effect>, State) {
    let config = Config::read(None, "config.toml", Palette::FULL);
    let mut state = State::new("local", Options::default(), config.keymap.hints());
    let story = stage.story.clone();
    let mut effects = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ending = runtime.block_on(run(stage, &mut state, &config, |effect, answers| {
        story.borrow_mut().push("effect".into());
        let answer = match effect.clone() {
            Effect::Start { job, task: Task::Discover, .. } => {
                Some(Event::Job(job, JobEvent::Discovered(Ok(sample::workspace()))))
            }
            Effect::Start { job, task: Task::Connect { .. }, .. } => {
                Some(Event::Job(job, JobEvent::StageConnected(Ok(sample::stage()))))
            }
            Effect::Start { job, task: Task::CheckSetup { .. }, .. } => {
                Some(Event::Job(job, JobEvent::SetupChecked(sample::parts())))
            }
            Effect::Start { job, task: Task::RefreshDeployed { .. }, .. } => {
                Some(Event::Job(job, JobEvent::Deployed(Ok(sample::deployed()))))
            }
            Effect::ReadEvent { function, file } => {
                Some(Event::EventRead(function, file, Ok(sample::EVENT.into())))
            }
            _ => None,
        };
        if let Some(answer) = answer {
            answers.try_send(answer).unwrap();
        }
        effects.push(effect);
    }));
    (ending.unwrap(), effects, state)
}

#[test]
fn the_first_frame_comes_before_any_work() {
    let mut stage = Stage::new("", [press('q')]);
    let (ending, effects, _) = play(&mut stage);
    assert_eq!(ending, Ending::Quit);
    let story = stage.story.borrow();
    assert_eq!(story[..3], ["input", "draw", "effect"]);
    assert!(matches!(effects[1], Effect::Start { task: Task::Discover, .. }));
}

#[test]
fn a_closed_terminal_ends_the_console_with_an_error() {
    assert_eq!(play(&mut Stage::new("", [])).0, Ending::Terminated);
}

#[test]
fn keys_that_wait_are_taken_together_and_in_their_contexts() {
    // The help consumes `j`, `q` closes it, `/` opens a line that takes `xyq` as text; then the
    // terminal is gone.
    let mut stage = Stage::new("valid JSON", "?jq/xyq".chars().map(press));
    let (_, _, state) = play(&mut stage);
    assert_eq!(state.functions.filter, "xyq");
    let story = stage.story.borrow();
    let last = story.iter().rposition(|what| what == "effect").unwrap();
    let draws = story[..last].iter().filter(|what| *what == "draw").count();
    assert!(draws <= 12, "{draws} frames: {story:?}");
}

#[test]
fn the_terminal_is_lent_with_the_keys_let_go() {
    let mut stage = Stage::new("valid JSON", [press('1'), press('E'), control('z'), control('l')]);
    let (_, effects, state) = play(&mut stage);
    let payload = state.functions.current().unwrap().draft.text();
    assert_eq!(payload, sample::EVENT.trim_end().replace("Lambda", "World"));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::SaveDraft { text, .. } if *text == payload))
    );
    let story = stage.story.borrow();
    for lent in ["edit", "suspend"] {
        let at = story.iter().position(|what| what == lent).unwrap();
        assert_eq!(story[at + 1], "input", "input is read again after it");
    }
    assert!(story.iter().any(|what| what == "clear"));
}
