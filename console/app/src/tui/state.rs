//! Plain data: functions, builds, payload editor, responses, request cards, logs, stats, focus.
//!
//! Contains no clients, channels, clocks or files.

mod build;
mod delete;
mod functions;
mod input;
mod invoke;
mod jobs;
mod login;
pub mod logs;
pub mod overlay;
mod plan;
mod run;
pub mod settings;
mod stages;
mod versions;
mod watch;

use std::collections::BTreeMap;

use lambda_console_model::{
    Architecture, ChangeKind, CodeAsked, Failure, FailureKind, InvokeMode, Needed, Part,
    Protection, StageEntry, StageInfo, Workspace,
};

use crate::tui::{action::Action, task::Task};

pub use crate::tui::task::JobId;
pub use build::Output;
pub use delete::Deletion;
pub use functions::{Card, Functions};
pub use input::{
    ahead::Ahead,
    editor::Editor,
    focus::{Context, Focus, Hint, Tab, Target, Viewport},
    key::{Key, KeyCode},
};
pub use invoke::{
    body::Body,
    document::Document,
    payload::{Check, Draft},
    response::{Arriving, Diagnostic, Outcome, Response, diagnostic},
};
pub use jobs::{Jobs, Progress, Running};
pub use login::{Login, Stopped};
pub use logs::{Logs, tail::Tail};
pub use overlay::Overlay;
pub use plan::{Plan, Planned};
pub use run::{Compared, Run, RunStep, Standing};
pub use settings::Revealed;
pub use stages::{Deployment, OnStage, StageState};
pub use versions::Picker;
pub use watch::Watch;

/// State of the workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum WorkspaceState {
    /// Cargo has not returned it yet.
    #[default]
    Reading,
    /// Read: name and warnings; its functions are in [`State::functions`].
    Read(Workspace),
    /// It cannot be read. Functions from an earlier read stay listed.
    Broken(Failure),
}

/// State of the connection to the stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Connection {
    /// The stage has not answered.
    #[default]
    Connecting,
    /// Connected.
    Connected(StageInfo),
    /// The stage cannot be reached.
    Failed(Failure),
}

/// State of the toolchain.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Setup {
    /// Not checked yet.
    #[default]
    Unknown,
    /// These parts are being provided.
    Running(Vec<Part>),
    /// Complete.
    Ready(Vec<Part>),
    /// It could not be provided.
    Failed(Failure),
}

/// Kind of a message in the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// An action succeeded.
    Good,
    /// Information.
    Plain,
    /// An action failed.
    Bad,
}

/// The message in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Kind of the message.
    pub mood: Mood,
    /// The event to report.
    pub text: String,
    /// Suggested next step; may be empty.
    pub hint: String,
}

impl Notice {
    /// Creates a message for an action that succeeded.
    pub fn good(text: impl Into<String>) -> Self {
        Self { mood: Mood::Good, text: text.into(), hint: String::new() }
    }

    /// Creates a message with information, and what to do about it.
    pub fn plain(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { mood: Mood::Plain, text: text.into(), hint: hint.into() }
    }

    /// Creates a message for a failure; an interruption by the user is not an error.
    pub fn of(failure: &Failure) -> Self {
        if failure.kind == FailureKind::Interrupted {
            return Self::plain(format!("{}: cancelled", failure.what), "");
        }
        Self { mood: Mood::Bad, text: failure.to_string(), hint: failure.hint.clone() }
    }
}

/// Options of the command line that the screen needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The options that a headless command needs for the same workspace, quoted for a shell:
    /// `--workspace DIR`; empty for the defaults.
    pub arguments: String,
    /// `true` to refuse all changes on the stage.
    pub read_only: bool,
}

/// All data of the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Options of the command line.
    pub options: Options,
    /// Current time from the last event, in milliseconds since the Unix epoch.
    pub now: i64,
    /// The local time zone, in seconds east of UTC.
    pub utc_offset: i32,
    /// The workspace.
    pub workspace: WorkspaceState,
    /// The codes that the user was asked for, on all stages.
    pub codes: Vec<CodeAsked>,
    /// State of each stage that was used, by name.
    pub stages: BTreeMap<String, StageState>,
    /// The name of the active stage.
    pub active: String,
    /// The stages of the workspace, as last read.
    pub listed: Vec<StageEntry>,
    /// The toolchain.
    pub setup: Setup,
    /// The functions.
    pub functions: Functions,
    /// Payloads of functions that are not listed (yet), by name.
    pub drafts: BTreeMap<String, String>,
    /// The output of the last build.
    pub output: Output,
    /// The running jobs.
    pub jobs: Jobs,
    /// The status line.
    pub notice: Option<Notice>,
    /// Command line of the last action.
    pub command: Option<String>,
    /// Architecture to build for. `None` for each function's own.
    pub architecture: Option<Architecture>,
    /// `true` to build without optimisation.
    pub debug: bool,
    /// Mode of invocations.
    pub mode: InvokeMode,
    /// Name of the text that is being copied.
    pub copying: String,
    /// The client context that functions are invoked with: a JSON object.
    pub client_context: Option<String>,
    /// The part of the screen that receives keys.
    pub focus: Focus,
    /// The shown tab.
    pub tab: Tab,
    /// Overlay over the screen.
    pub overlay: Option<Overlay>,
    /// The variables whose values are shown.
    pub revealed: Revealed,
    /// First line of the tabs that only scroll (cold starts, settings).
    pub top: usize,
    /// The keymap as the help shows it.
    pub hints: Vec<Hint>,
    /// The room that the last frame had.
    pub viewport: Viewport,
    /// `true` if quitting was requested while a job runs: the next request quits.
    pub quit_asked: bool,
    /// Keys that may be meant for a part of the screen that is gone.
    pub ahead: Option<Ahead>,
}

impl State {
    /// Creates the state before anything was read, with `stage` active.
    pub fn new(stage: &str, options: Options, hints: Vec<Hint>) -> Self {
        let stages = BTreeMap::from([(stage.to_owned(), StageState::new(stage))]);
        Self { stages, active: stage.to_owned(), options, hints, ..Self::default() }
    }

    /// Returns `true` if the stage is the local Lambda.
    pub fn is_local(&self) -> bool {
        self.active == StageInfo::LOCAL
    }

    /// Returns `true` if changes on the active stage need its name typed.
    pub fn is_protected(&self) -> bool {
        self.stage().is_protected()
    }

    /// Returns the approval that `change` needs on the active stage.
    pub fn needs(&self, change: ChangeKind<'_>) -> Needed {
        change.needs(&self.active, Protection::of(self.is_protected()))
    }

    /// Returns the approval that `plan` needs, by the one rule; nothing if it changes nothing, or
    /// nothing may be changed. Before the changes are known, it can be given already.
    pub fn plan_needs(&self, plan: &Plan) -> Needed {
        if self.options.read_only || (plan.outcome.is_some() && !plan.is_open()) {
            return Needed::Nothing;
        }
        self.needs(plan.kind())
    }

    /// Returns the functions with settings that are edited but not sent: `hello`, `hello on beta`.
    pub fn unsent(&self) -> Vec<String> {
        let here = self.stage().edited().map(str::to_owned);
        let others = self.stages.iter().filter(|(stage, _)| **stage != self.active);
        let there = others.flat_map(|(stage, on_stage)| {
            on_stage.edited().map(move |name| format!("{name} on {stage}"))
        });
        here.chain(there).collect()
    }

    /// Returns the functions whose logs are followed, on `stage`.
    pub fn tailed(&self, stage: &str) -> &[String] {
        match self.jobs.newest(stage, is_tail).map(|job| &*job.task) {
            Some(Task::StartTail { functions, .. }) => functions,
            _ => &[],
        }
    }

    /// Returns the section of the keymap that applies.
    pub fn context(&self) -> Context {
        match (&self.overlay, self.focus, self.tab) {
            (Some(Overlay::Help(_)), ..) => Context::Help,
            (Some(Overlay::Choose(_)), ..) => Context::Choose,
            (Some(Overlay::Line(line)), ..) => match line.purpose {
                overlay::Purpose::Delete(_) => Context::Delete,
                _ => Context::Line,
            },
            (Some(Overlay::Plan(plan)), ..) if self.plan_needs(plan) != Needed::Nothing => {
                Context::Confirm
            }
            (Some(Overlay::Plan(_)), ..) => Context::Plan,
            (Some(Overlay::Login), ..) => Context::Login,
            (Some(Overlay::Versions(_)), ..) => Context::Versions,
            (None, Focus::Functions, _) => Context::Functions,
            (None, Focus::Edit, _) => Context::Edit,
            (None, Focus::Tab, Tab::Payload) => Context::Payload,
            (None, Focus::Tab, Tab::Response) => Context::Response,
            (None, Focus::Tab, Tab::Logs) => Context::Logs,
            (None, Focus::Tab, Tab::Settings) => Context::Settings,
            (None, Focus::Tab, _) => Context::Global,
        }
    }

    /// Returns `true` if a part of the screen changes over time, so that it must be drawn again
    /// soon.
    pub fn is_moving(&self) -> bool {
        self.jobs.shown().is_some()
    }

    /// Shows a message in the status line.
    pub fn notify(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// Shows a message on `stage`; if it is not the active one, the message names it.
    pub fn notify_on(&mut self, stage: &str, notice: Notice) {
        let text =
            if self.is_active(stage) { notice.text } else { format!("{stage}: {}", notice.text) };
        self.notice = Some(Notice { text, ..notice });
    }

    /// Returns `true` if `stage` is the active one.
    pub fn is_active(&self, stage: &str) -> bool {
        self.active == stage
    }

    /// Records the command line of an action on `stage`, and removes the last message. An action
    /// on another stage than the active one changes nothing on the screen.
    pub fn begin(&mut self, stage: &str, command: String) {
        if self.is_active(stage) {
            self.command = Some(command);
            self.notice = None;
        }
    }

    /// Returns a key of an action that works everywhere and is on every keyboard: not a letter or
    /// punctuation mark.
    pub fn plain_key_of(&self, run: Action) -> Option<&str> {
        let hint =
            self.hints.iter().find(|hint| hint.context == Context::Global && hint.run == run)?;
        hint.keys.iter().find(|key| key.chars().count() > 1).map(String::as_str)
    }

    /// Returns the key of an action for the footer and titles: the first one bound.
    pub fn key_of(&self, context: Context, run: Action) -> Option<&str> {
        let of = |context| {
            self.hints.iter().find(move |hint| hint.context == context && hint.run == run)
        };
        let hint =
            of(context).or_else(|| context.inherits().then(|| of(Context::Global)).flatten())?;
        hint.keys.first().map(String::as_str)
    }
}

const fn is_tail(task: &Task) -> bool {
    matches!(task, Task::StartTail { .. })
}
