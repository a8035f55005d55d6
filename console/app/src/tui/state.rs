//! Plain data: functions, builds, payload editor, responses, request cards, logs, stats, focus.
//!
//! May not touch clients, channels, clocks or files.

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
    Architecture, CodeAsked, DeployPlan, Failure, FailureKind, InvokeMode, Part, StageEntry, StageInfo, Workspace,
};

pub use build::Output;
pub use delete::Deletion;
pub use functions::{Card, Deployment, Functions};
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
    response::{Arriving, Outcome, Response},
};
pub use jobs::{JobId, JobKind, Jobs, Progress, Running};
pub use login::{Login, Stopped};
pub use logs::{Logs, tail::Tail};
pub use overlay::Overlay;
pub use plan::{Plan, Planned};
pub use run::{LoopStep, Sequence, Standing};
pub use settings::Revealed;
pub use stages::Site;
pub use versions::Picker;
pub use watch::Watch;

/// What is known of the workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum WorkspaceState {
    /// Cargo has not answered.
    #[default]
    Reading,
    /// It was read: name and warnings; its functions are in [`State::functions`].
    Read(Workspace),
    /// It cannot be read. Functions that were known before stay listed.
    Broken(Failure),
}

/// What is known of the stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Connection {
    /// The stage has not answered.
    #[default]
    Connecting,
    /// It answered.
    Connected(StageInfo),
    /// It cannot be reached.
    Failed(Failure),
}

/// What is known of the toolchain.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Setup {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// These parts are being provided.
    Running(Vec<Part>),
    /// All is there.
    Ready(Vec<Part>),
    /// It could not be provided.
    Failed(Failure),
}

/// How a message in the status line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Something was done.
    Good,
    /// Something to know.
    Plain,
    /// Something failed.
    Bad,
}

/// The message in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How it is meant.
    pub mood: Mood,
    /// What happened.
    pub text: String,
    /// What to do next; may be empty.
    pub hint: String,
}

impl Notice {
    /// Tells that something was done.
    pub fn good(text: impl Into<String>) -> Self {
        Self { mood: Mood::Good, text: text.into(), hint: String::new() }
    }

    /// Tells something to know, and what to do about it.
    pub fn plain(text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { mood: Mood::Plain, text: text.into(), hint: hint.into() }
    }

    /// Tells of a failure; one that the user brought about is none.
    pub fn of(failure: &Failure) -> Self {
        if failure.kind == FailureKind::Interrupted {
            return Self::plain(format!("{}: cancelled", failure.what), "");
        }
        Self { mood: Mood::Bad, text: failure.to_string(), hint: failure.hint.clone() }
    }
}

/// What the command line said, as far as the screen needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The name of the stage that is shown.
    pub stage: String,
    /// The options that a headless command needs for the same workspace, quoted for a shell: `--workspace DIR`; empty
    /// for the defaults.
    pub arguments: String,
    /// Those that it needs for the same stage: `--stage beta --region eu-west-1`.
    pub stage_arguments: String,
    /// Nothing on the stage is changed.
    pub read_only: bool,
}

/// All that the screen shows.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// What the command line said.
    pub options: Options,
    /// Milliseconds since the Unix epoch, as the last event said.
    pub now: i64,
    /// The local time zone, in seconds east of UTC.
    pub utc_offset: i32,
    /// The workspace.
    pub workspace: WorkspaceState,
    /// The stage.
    pub connection: Connection,
    /// What waits for a login on the stage.
    pub login: Option<Login>,
    /// The codes that are asked for, on whichever stage.
    pub codes: Vec<CodeAsked>,
    /// The expiry of credentials after which they were looked at again, in milliseconds since the Unix epoch.
    pub expiry_seen: Option<i64>,
    /// The stages of the workspace, as last read.
    pub stages: Vec<StageEntry>,
    /// What is known of the other stages, by name.
    pub sites: BTreeMap<String, Site>,
    /// The toolchain.
    pub setup: Setup,
    /// The functions.
    pub functions: Functions,
    /// Payloads of functions that are not listed (yet), by name.
    pub drafts: BTreeMap<String, String>,
    /// The log lines.
    pub logs: Logs,
    /// How the tail stands; none where nothing is followed.
    pub tail: Option<Tail>,
    /// How long live sessions of tails that have ended were open in all, in milliseconds.
    pub live_ms: i64,
    /// The output of the last build.
    pub output: Output,
    /// What runs.
    pub jobs: Jobs,
    /// What is saved is built and deployed; none: it is not.
    pub watch: Option<Watch>,
    /// The last loop.
    pub sequence: Option<Sequence>,
    /// The status line.
    pub notice: Option<Notice>,
    /// The command line that does what was just done.
    pub command: Option<String>,
    /// What is built for. None: each function for its own architecture.
    pub architecture: Option<Architecture>,
    /// Builds are not optimised.
    pub debug: bool,
    /// How functions are invoked.
    pub mode: InvokeMode,
    /// The version or alias that is invoked.
    pub qualifier: Option<String>,
    /// What is being copied, in words.
    pub copying: String,
    /// The client context that functions are invoked with: a JSON object.
    pub client_context: Option<String>,
    /// The tenant that functions are invoked for.
    pub tenant: Option<String>,
    /// What has the keys.
    pub focus: Focus,
    /// The shown tab.
    pub tab: Tab,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// The variables whose values are shown.
    pub revealed: Revealed,
    /// First line of the tabs that only scroll (cold starts, settings).
    pub top: usize,
    /// The keymap as the help shows it.
    pub hints: Vec<Hint>,
    /// The room that the last frame had.
    pub viewport: Viewport,
    /// Quitting was asked for while a job runs: the next time it is done.
    pub quit_asked: bool,
    /// Keys that were pressed for what is not on the screen any more.
    pub ahead: Option<Ahead>,
}

impl State {
    /// The state before anything is known.
    pub fn new(options: Options, hints: Vec<Hint>) -> Self {
        let jobs = Jobs::on(&options.stage);
        Self { options, jobs, hints, ..Self::default() }
    }

    /// The stage is the local Lambda.
    pub fn is_local(&self) -> bool {
        self.options.stage == StageInfo::LOCAL
    }

    /// The stage is changed only after its name was typed.
    pub fn is_protected(&self) -> bool {
        matches!(&self.connection, Connection::Connected(info) if info.protected)
    }

    /// The stage's name has to be typed before `plan` is carried out: the stage is protected, or everybody could call
    /// a function afterwards.
    pub fn asks_name(&self, plan: &Plan) -> bool {
        let opens = !self.is_local() && plan.outcome.as_ref().is_some_and(DeployPlan::opens);
        // Before it is known what would change, the name can be typed already.
        let is_open = plan.is_open() || plan.outcome.is_none();
        is_open && (opens || self.is_protected()) && !self.options.read_only
    }

    /// The functions with settings that are edited and not sent: `hello`, `hello on beta`.
    pub fn unsent(&self) -> Vec<String> {
        let here = self.functions.known().filter(|card| !card.config.edits.is_empty());
        let here = here.map(|card| card.function.name.clone());
        let there =
            self.sites.iter().flat_map(|(stage, site)| site.edited().map(move |name| format!("{name} on {stage}")));
        here.chain(there).collect()
    }

    /// The functions whose logs are followed, on the shown stage.
    pub fn tailed(&self) -> &[String] {
        match self.jobs.newest(|kind| matches!(kind, JobKind::Tail(_))).map(|job| &job.kind) {
            Some(JobKind::Tail(names)) => names,
            _ => &[],
        }
    }

    /// Which section of the keymap applies.
    pub fn context(&self) -> Context {
        match (&self.overlay, self.focus, self.tab) {
            (Some(Overlay::Help(_)), ..) => Context::Help,
            (Some(Overlay::Choose(_)), ..) => Context::Choose,
            (Some(Overlay::Line(_)), ..) => Context::Line,
            (Some(Overlay::Plan(plan)), ..) if self.asks_name(plan) => Context::Confirm,
            (Some(Overlay::Plan(_)), ..) => Context::Plan,
            (Some(Overlay::Login), ..) => Context::Login,
            (Some(Overlay::Versions(_)), ..) => Context::Versions,
            (None, Focus::Functions, _) => Context::Functions,
            (None, Focus::Edit, _) => Context::Edit,
            (None, Focus::Tab, Tab::Payload) => Context::Payload,
            (None, Focus::Tab, Tab::Response) => Context::Response,
            (None, Focus::Tab, Tab::Logs) => Context::Logs,
            (None, Focus::Tab, Tab::Config) => Context::Config,
            (None, Focus::Tab, _) => Context::Global,
        }
    }

    /// Whether something on the screen changes with time alone, so that it must be drawn again soon.
    pub fn is_moving(&self) -> bool {
        self.jobs.shown().is_some()
    }

    /// Shows a message in the status line.
    pub fn tell(&mut self, notice: Notice) {
        self.notice = Some(notice);
    }

    /// A key of an action that works everywhere and is on every keyboard: no letter, no mark.
    pub fn plain_key_of(&self, run: &str) -> Option<&str> {
        let hint = self.hints.iter().find(|hint| hint.context == Context::Global && hint.run == run)?;
        hint.keys.iter().find(|key| key.chars().count() > 1).map(String::as_str)
    }

    /// The keys of an action as the footer and titles name them: the first one bound.
    pub fn key_of(&self, context: Context, run: &str) -> Option<&str> {
        let of = |context| self.hints.iter().find(move |hint| hint.context == context && hint.run == run);
        let hint = of(context).or_else(|| context.inherits().then(|| of(Context::Global)).flatten())?;
        hint.keys.first().map(String::as_str)
    }
}
