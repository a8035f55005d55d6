//! A console without a terminal or real work: keys and events go in, screens and effects come out.

use std::{collections::BTreeMap, fmt::Write};

use lambda_console::tui::{
    config::Config,
    message::{Effect, Event},
    state::{JobId, Key, Options, State, Viewport},
    task::{JobEvent, Task},
    update::update,
    view::{Areas, draw},
};
use lambda_console_model::Invocation;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use crate::sample;

/// A console of a fixed size at a fixed time.
pub struct Harness {
    /// The screen's state.
    pub state: State,
    /// Its keys and colours.
    pub config: Config,
    terminal: Terminal<TestBackend>,
    areas: Areas,
    effects: Vec<Effect>,
}

/// Name of the task's variant.
fn variant(task: &Task) -> String {
    format!("{task:?}").chars().take_while(|character| character.is_alphanumeric()).collect()
}

impl Harness {
    /// A console that has just started: no result has arrived yet.
    pub fn begun(width: u16, height: u16) -> Self {
        Self::with_config(
            width,
            height,
            Config::read(None, "config.toml", lambda_console::tui::theme::Palette::FULL),
        )
    }

    /// A console that has just started, with this configuration.
    pub fn with_config(width: u16, height: u16, config: Config) -> Self {
        let terminal =
            Terminal::new(TestBackend::new(width, height)).expect("a test backend cannot fail");
        let state = State::new("local", Options::default(), config.keymap.hints());
        let mut harness =
            Self { state, config, terminal, areas: Areas::default(), effects: Vec::new() };
        harness.feed(Event::Started { now: sample::NOW, utc_offset: 0 });
        harness
    }

    /// A console on the sample workspace, with stage and toolchain ready and nothing running.
    pub fn ready(width: u16, height: u16) -> Self {
        let mut harness = Self::begun(width, height);
        harness.answer_start(&sample::workspace());
        harness
    }

    /// Answers the effects that a console starts with.
    pub fn answer_start(&mut self, workspace: &lambda_console_model::Workspace) {
        self.feed(Event::Drafts(Vec::new()));
        for effect in self.effects() {
            match effect {
                Effect::Start { job, task: Task::Discover, .. } => {
                    self.feed(Event::Job(job, JobEvent::Discovered(Ok(workspace.clone()))));
                }
                Effect::Start { job, task: Task::Connect { .. }, .. } => {
                    self.feed(Event::Job(job, JobEvent::StageConnected(Ok(sample::stage()))));
                }
                Effect::Start { job, task: Task::CheckSetup { .. }, .. } => {
                    self.feed(Event::Job(job, JobEvent::SetupChecked(sample::parts())));
                }
                _ => {}
            }
        }
        for effect in self.effects() {
            match effect {
                Effect::Start { job, task: Task::RefreshDeployed { .. }, .. } => {
                    self.feed(Event::Job(job, JobEvent::Deployed(Ok(sample::deployed()))));
                }
                Effect::Start { job, task: Task::LoadSamples { .. }, .. } => {
                    self.feed(Event::Job(job, JobEvent::Samples(Ok(Vec::new()))));
                }
                Effect::ReadEvent { function, file } => {
                    self.feed(Event::EventRead(function, file, Ok(sample::EVENT.into())));
                }
                _ => {}
            }
        }
        self.effects();
        self.draw();
    }

    /// Feeds one event, and the slices of a search that result from it.
    pub fn feed(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for effect in update(&mut self.state, event) {
                match effect {
                    Effect::Continue => events.push(Event::Continue),
                    effect => self.effects.push(effect),
                }
            }
        }
    }

    /// Presses keys, such as `jj<enter>`, as a user who has seen the current screen. A frame is
    /// drawn after each, as in the real loop.
    pub fn press(&mut self, script: &str) -> &mut Self {
        self.state.ahead = None;
        self.press_blindly(script)
    }

    /// Like [`Harness::press`], as a user who has not seen the latest changes on the screen.
    pub fn press_blindly(&mut self, script: &str) -> &mut Self {
        for key in Key::script(script).unwrap_or_else(|problem| panic!("{problem} in {script:?}")) {
            if let Some(event) = self.config.keymap.event(self.state.context(), key) {
                self.feed(event);
            }
            self.draw();
        }
        self
    }

    /// Presses keys. Returns the processor time of each following frame and the update before it,
    /// in milliseconds: one for the key, one for each further slice of a search.
    pub fn timed(&mut self, script: &str) -> Vec<f64> {
        let mut times = Vec::new();
        for key in Key::script(script).unwrap_or_else(|problem| panic!("{problem} in {script:?}")) {
            let mut next = self.config.keymap.event(self.state.context(), key);
            while let Some(event) = next.take() {
                let begun = processor_ms();
                let effects = update(&mut self.state, event);
                self.draw();
                times.push(processor_ms() - begun);
                next = effects.contains(&Effect::Continue).then_some(Event::Continue);
            }
        }
        times
    }

    /// Clicks on a cell of the last frame.
    pub fn click(&mut self, column: u16, row: u16) {
        if let Some(target) = self.areas.hit(column, row) {
            self.feed(Event::Click(target));
        }
        self.draw();
    }

    /// Turns the mouse wheel over a cell of the last frame.
    pub fn wheel(&mut self, column: u16, row: u16, lines: i16) {
        if let Some(target) = self.areas.hit(column, row) {
            self.feed(Event::Scroll(target, lines));
        }
        self.draw();
    }

    /// Takes the effects since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Answers an invocation, and its log lines if they are requested.
    pub fn answer_invoke(&mut self, job: JobId, invocation: &Invocation) {
        self.feed(Event::Job(job, JobEvent::InvokeFinished(Ok(invocation.clone()))));
        let link = self
            .effects
            .iter()
            .position(|effect| matches!(effect, Effect::Start { task: Task::LinkLogs { .. }, .. }));
        if let Some(at) = link
            && let Effect::Start { job, task: Task::LinkLogs { .. }, .. } = self.effects.remove(at)
        {
            self.feed(Event::Job(job, JobEvent::LogsLinked(Ok(sample::log(invocation)))));
        }
    }

    /// Takes the only effect since the last call.
    pub fn effect(&mut self) -> Effect {
        let mut effects = self.effects();
        assert_eq!(effects.len(), 1, "{effects:?}");
        effects.remove(0)
    }

    /// Takes the only effect since the last call, which starts a job.
    #[track_caller]
    pub fn started(&mut self) -> (JobId, Task) {
        match self.effect() {
            Effect::Start { job, task, .. } => (job, task),
            other => panic!("no job: {other:?}"),
        }
    }

    /// Takes the only effect since the last call, which starts this task: the name of a variant of
    /// [`Task`]. Returns the job.
    #[track_caller]
    pub fn job(&mut self, name: &str) -> JobId {
        let (job, task) = self.started();
        assert_eq!(variant(&task), name, "{task:?}");
        job
    }

    /// Takes the effects since the last call. Returns `true` if one starts this task: the name of
    /// a variant of [`Task`].
    pub fn has_started(&mut self, name: &str) -> bool {
        self.effects().iter().any(|effect| match effect {
            Effect::Start { task, .. } => variant(task) == name,
            _ => false,
        })
    }

    /// Builds the selected function. Returns the job.
    #[track_caller]
    pub fn build(&mut self) -> JobId {
        self.press("b").job("Build")
    }

    /// Deploys the selected function. Returns the job.
    #[track_caller]
    pub fn deploy(&mut self) -> JobId {
        self.press("d").job("Deploy")
    }

    /// Invokes the selected function. Returns the job.
    #[track_caller]
    pub fn invoke(&mut self) -> JobId {
        self.press("i").job("Invoke")
    }

    /// Feeds what a job reports.
    pub fn report(&mut self, job: JobId, event: JobEvent) {
        self.feed(Event::Job(job, event));
    }

    /// Changes the terminal's size.
    pub fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
        self.feed(Event::Resize(width, height));
        self.draw();
    }

    /// Draws a frame.
    pub fn draw(&mut self) {
        let Self { state, config, terminal, areas, .. } = self;
        terminal
            .draw(|frame| *areas = draw(state, &config.theme, frame))
            .expect("a test backend cannot fail");
        let viewport: Viewport = self.areas.viewport;
        self.feed(Event::Drawn(viewport));
    }

    /// The last frame.
    pub fn buffer(&self) -> &Buffer {
        self.terminal.backend().buffer()
    }

    /// Draws, and returns the frame's text.
    pub fn screen(&mut self) -> String {
        self.draw();
        let buffer = self.buffer();
        let mut text = String::new();
        for row in 0..buffer.area.height {
            let mut line = String::new();
            let mut covered = 0;
            for column in 0..buffer.area.width {
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                let symbol = buffer[(column, row)].symbol();
                covered = unicode_columns(symbol).saturating_sub(1);
                line.push_str(symbol);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Draws, and returns the frame's text followed by its styles: one line per style, with its
    /// cells as `row:columns`, or `rows:columns` if adjacent rows have it in the same columns.
    pub fn styled(&mut self) -> String {
        let mut text = self.screen();
        let buffer = self.buffer();
        // By style: first row, last row, first column, last column.
        let mut styles: BTreeMap<String, Vec<[u16; 4]>> = BTreeMap::new();
        for row in 0..buffer.area.height {
            for (style, first, last) in runs(buffer, row) {
                let blocks = styles.entry(style).or_default();
                match blocks
                    .iter_mut()
                    .find(|block| block[1] + 1 == row && block[2..] == [first, last])
                {
                    Some(block) => block[1] = row,
                    None => blocks.push([row, row, first, last]),
                }
            }
        }
        text.push_str("---\n");
        let range =
            |from: u16, to: u16| if from == to { from.to_string() } else { format!("{from}-{to}") };
        for (style, blocks) in styles {
            let _ = write!(text, "{style}:");
            for [top, bottom, first, last] in blocks {
                let _ = write!(text, " {}:{}", range(top, bottom), range(first, last));
            }
            text.push('\n');
        }
        text
    }
}

/// The runs of equal style in a row. Blank cells without a visible style belong to the run that
/// they are in.
fn runs(buffer: &Buffer, row: u16) -> Vec<(String, u16, u16)> {
    let mut runs: Vec<(String, u16, u16)> = Vec::new();
    let mut ends = true;
    for column in 0..buffer.area.width {
        let cell = &buffer[(column, row)];
        let style = style(cell);
        let is_unseen = style.is_empty() && cell.symbol().trim().is_empty();
        match runs.last_mut() {
            _ if is_unseen => {}
            _ if style.is_empty() => ends = true,
            Some((last, _, end)) if *last == style && !ends => *end = column,
            _ => {
                runs.push((style, column, column));
                ends = false;
            }
        }
    }
    runs
}

/// The processor time of this thread so far, in milliseconds: it does not depend on the load of the
/// machine.
pub fn processor_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1000.0 + time.tv_nsec as f64 / 1e6
}

fn unicode_columns(symbol: &str) -> usize {
    ratatui::text::Span::raw(symbol).width()
}

fn style(cell: &Cell) -> String {
    let mut words = Vec::new();
    if cell.fg != Color::Reset && !cell.symbol().trim().is_empty() {
        words.push(cell.fg.to_string());
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {}", cell.bg));
    }
    let blank = cell.symbol().trim().is_empty();
    for (modifier, name, shows_on_blank) in [
        (Modifier::BOLD, "bold", false),
        (Modifier::DIM, "dim", false),
        (Modifier::UNDERLINED, "underlined", true),
        (Modifier::REVERSED, "reversed", true),
    ] {
        if cell.modifier.contains(modifier) && (shows_on_blank || !blank) {
            words.push(name.into());
        }
    }
    words.join(" ")
}
