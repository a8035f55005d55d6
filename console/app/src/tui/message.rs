//! What travels between the rooms: [`Action`] (a verb asked for), [`Event`] (a fact that came in) and
//! [`Effect`] (work to start).
//!
//! May touch nothing but `state`.

mod action;
mod job;

use std::collections::BTreeMap;

use lambda_console_model::{
    Architecture, Belongings, BuildOutcome, Changed, CodeAsked, Consent, DeleteOutcome, DeployOutcome, DeployPlan,
    EventFile, Failure, Found, Function, FunctionVersions, Invocation, InvokeRequest, LiveConfig, LogFix, LogLine,
    LogMark, Part, Permissions, PromoteOutcome, Promotion, RequestLog, ResponsePart, Role, Sample, StageEntry,
    StageInfo, Step, TailState, VersionsChange, VersionsChanged, Workspace,
};
use serde::{Deserialize, Serialize};

pub use action::Action;

use crate::tui::state::{JobId, Key, Target, Viewport};

/// A fact that came in. Results name the job they belong to; those of a job that is no longer current change nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    // The terminal and the clock.
    /// The console began: it answers with the work that fills the screen.
    Started {
        /// Milliseconds since the Unix epoch.
        now: i64,
        /// The local time zone, in seconds east of UTC.
        utc_offset: i32,
    },
    /// The time is `now` (milliseconds since the Unix epoch). Comes before each batch of other events, while
    /// something moves ten times a second, and else when the minute changes.
    Tick(i64),
    /// A verb was asked for, by key or by palette.
    Action(Action),
    /// A key that the keymap does not claim, for the text that has the focus.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The left mouse button went down on this.
    Click(Target),
    /// The wheel was turned over this, by so many lines; up is negative.
    Scroll(Target, i16),
    /// The terminal has so many columns and rows.
    Resize(u16, u16),
    /// A frame was drawn, and gave this much room to what scrolls.
    Drawn(Viewport),
    /// The process was told to end (SIGTERM, SIGHUP): what was typed is saved, and the console left.
    Terminate,
    /// [`Effect::Continue`] came round: go on with the slice after the last one.
    Continue,

    // The workspace and the stage.
    /// [`Effect::Discover`] ended.
    Discovered(JobId, Result<Workspace, Failure>),
    /// [`Effect::Connect`] or [`Effect::Probe`] ended.
    StageConnected(JobId, Result<StageInfo, Failure>),
    /// Credentials need a code of an MFA device. Answer: [`Effect::GiveCode`].
    CodeAsked(CodeAsked),
    /// [`Effect::ReadStages`] ended.
    StagesRead(JobId, Result<Vec<StageEntry>, Failure>),
    /// [`Effect::RefreshDeployed`] ended: what is deployed of each function.
    Deployed(JobId, Result<Vec<(String, Found)>, Failure>),
    /// [`Effect::CheckSetup`] ended: the parts of the toolchain as they are.
    SetupChecked(JobId, Vec<Part>),
    /// [`Effect::Setup`] ended.
    SetupFinished(JobId, Result<Vec<Part>, Failure>),

    // The verbs.
    /// A running job says how far it is.
    Step(JobId, Step),
    /// [`Effect::Build`] ended.
    BuildFinished(JobId, Result<BuildOutcome, Failure>),
    /// [`Effect::ReadConfig`] ended: the settings, none where the function is not on the stage.
    ConfigRead(JobId, Result<Option<Box<LiveConfig>>, Failure>),
    /// [`Effect::Configure`] ended.
    Configured(JobId, Result<DeployOutcome, Failure>),
    /// [`Effect::Plan`], [`Effect::PlanConfig`] or [`Effect::PlanPromotion`] ended: what would be done.
    Planned(JobId, Result<DeployPlan, Failure>),
    /// [`Effect::Deploy`] ended.
    DeployFinished(JobId, Result<DeployOutcome, Failure>),
    /// [`Effect::ListBelongings`] ended: what belongs to each function, in the order asked for.
    BelongingsListed(JobId, Result<Vec<Belongings>, Failure>),
    /// [`Effect::Delete`] ended.
    DeleteFinished(JobId, Result<DeleteOutcome, Failure>),
    /// [`Effect::ListRoles`] ended.
    RolesListed(JobId, Result<Vec<Role>, Failure>),
    /// [`Effect::RemoveRole`] ended: the role is gone.
    RoleRemoved(JobId, Result<(), Failure>),
    /// [`Effect::CheckPermissions`] ended.
    PermissionsChecked(JobId, Result<Permissions, Failure>),
    /// [`Effect::LoadVersions`] ended.
    VersionsLoaded(JobId, Result<FunctionVersions, Failure>),
    /// [`Effect::ChangeVersions`] ended.
    VersionsChanged(JobId, Result<VersionsChanged, Failure>),
    /// [`Effect::Promote`] ended.
    Promoted(JobId, Result<PromoteOutcome, Failure>),
    /// [`Effect::Invoke`] ended.
    InvokeFinished(JobId, Result<Invocation, Failure>),
    /// [`Effect::Invoke`] streams, and this is the next part of the response.
    ResponsePart(JobId, ResponsePart),
    /// [`Effect::LinkLogs`] found lines of the request. It ended when they are whole, or with an error.
    LogsLinked(JobId, Result<RequestLog, Failure>),

    // What is watched.
    /// A tail saw these lines, oldest first. They may be older than lines that it saw before.
    LogLines(JobId, Vec<LogLine>),
    /// A tail knows more of lines that it saw before.
    LogFixes(JobId, Vec<LogFix>),
    /// A tail missed lines, or has filled them in.
    LogMarked(JobId, LogMark),
    /// A tail saw the figures of these invocations, by function.
    LogSamples(JobId, Vec<(String, Sample)>),
    /// A tail says how it stands.
    TailState(JobId, TailState),
    /// [`Effect::StartTail`] ended by itself or failed.
    TailEnded(JobId, Result<(), Failure>),
    /// [`Effect::FetchLogs`] ended: the lines of the request, oldest first.
    LogsFetched(JobId, Result<Vec<LogLine>, Failure>),
    /// [`Effect::LoadSamples`] ended: the invocations of each function that was asked for, oldest first.
    Samples(JobId, Result<Vec<(String, Vec<Sample>)>, Failure>),
    /// [`Effect::Watch`] saw files that were saved, and at first all that it watches. An error: the manifests cannot be
    /// read as they are now; it goes on.
    Changed(JobId, Result<Changed, Failure>),
    /// [`Effect::Watch`] ended.
    WatchEnded(JobId, Result<(), Failure>),

    // Text.
    /// `$EDITOR` gave this text back for the function's payload; an error leaves the payload as it was.
    Edited(String, Result<String, Failure>),
    /// An event file was read: function, the file, its text.
    EventRead(String, EventFile, Result<String, Failure>),
    /// The payload drafts that an earlier run saved, by function.
    Drafts(Vec<(String, String)>),
    /// Text was copied to the place named; or no program took the text.
    Copied(Result<String, String>),
    /// Something to tell that no job ended with, for example a broken configuration file.
    Notice(Failure),
}

/// Work to start. `dispatch` carries it out and answers with the event named; nothing here waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Read the workspace. Answer: [`Event::Discovered`].
    Discover(JobId),
    /// Read which stages the workspace has. Answer: [`Event::StagesRead`].
    ReadStages(JobId),
    /// Make this stage the one that effects are for from now on, and connect to it. What began on another one goes on
    /// there. Answer: [`Event::StageConnected`], at once where it is connected already.
    Connect {
        /// The job.
        job: JobId,
        /// The stage's name.
        stage: String,
        /// Where it is connected already: read settings and credentials anew, and ask again who the caller is.
        renew: bool,
    },
    /// Connect to a stage that is not shown; effects are for the shown one as before. Answer:
    /// [`Event::StageConnected`].
    Probe {
        /// The job.
        job: JobId,
        /// The stage's name.
        stage: String,
    },
    /// Answers [`Event::CodeAsked`].
    GiveCode {
        /// The question.
        id: u64,
        /// What was typed. `None` means that there will be no code.
        code: Option<String>,
    },
    /// Start these jobs again, which ended for lack of credentials, each as it was and on its stage.
    Resume(Vec<JobId>),
    /// Carry `effect` out on a stage that is not shown: it follows from what began there.
    On {
        /// The stage's name.
        stage: String,
        /// What to carry out.
        effect: Box<Self>,
    },
    /// Ask the stage what is deployed of the workspace's functions. Answer: [`Event::Deployed`].
    RefreshDeployed {
        /// The job.
        job: JobId,
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Look which parts of the toolchain are there. Answer: [`Event::SetupChecked`].
    CheckSetup {
        /// The job.
        job: JobId,
        /// What shall be built for.
        architecture: Architecture,
    },
    /// Provide the parts of the toolchain that are missing. Answer: [`Event::SetupFinished`].
    Setup {
        /// The job; says its steps.
        job: JobId,
        /// What shall be built for.
        architecture: Architecture,
    },
    /// Build functions. Answer: [`Event::BuildFinished`].
    Build {
        /// The job; says its steps.
        job: JobId,
        /// Names; empty: all of the workspace.
        functions: Vec<String>,
        /// What for. None: each for its own architecture.
        architecture: Option<Architecture>,
        /// What functions are on the stage.
        deployed: BTreeMap<String, Architecture>,
        /// Without optimising.
        debug: bool,
    },
    /// Read the settings of a function on the stage. Answer: [`Event::ConfigRead`].
    ReadConfig {
        /// The job.
        job: JobId,
        /// The function as last discovered.
        function: Function,
    },
    /// Compare settings of a function with the stage; sends no change. Answer: [`Event::Planned`].
    PlanConfig {
        /// The job.
        job: JobId,
        /// The function, with the settings that are to be changed and none else.
        function: Function,
        /// What the function is to be as when they were edited.
        revision: Option<String>,
    },
    /// Change settings of a function on the stage. Answer: [`Event::Configured`].
    Configure {
        /// The job; says its steps.
        job: JobId,
        /// The function, with the settings that are to be changed and none else.
        function: Function,
        /// What the function is to be as when they were edited.
        revision: Option<String>,
        /// For a protected stage, and for a URL that everybody may call.
        consent: Consent,
    },
    /// Compare functions with the stage; sends no change. Answer: [`Event::Planned`].
    Plan {
        /// The job.
        job: JobId,
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Deploy functions to the stage. Answer: [`Event::DeployFinished`].
    Deploy {
        /// The job; says its steps.
        job: JobId,
        /// The functions as last discovered.
        functions: Vec<Function>,
        /// The plan that was looked at, where one was: nothing else is done.
        plan: Option<DeployPlan>,
        /// For a protected stage, and for a URL that is opened to everybody.
        consent: Consent,
    },
    /// Look what belongs to functions on the stage. Answer: [`Event::BelongingsListed`].
    ListBelongings {
        /// The job.
        job: JobId,
        /// Names.
        functions: Vec<String>,
    },
    /// Delete functions from the stage with what belongs to them; the user has confirmed it. Answer:
    /// [`Event::DeleteFinished`].
    Delete {
        /// The job; says its steps.
        job: JobId,
        /// What goes: as it was listed and confirmed.
        functions: Vec<Belongings>,
    },
    /// List the execution roles that this program made. Answer: [`Event::RolesListed`].
    ListRoles(JobId),
    /// Remove an execution role that this program made; the user has confirmed it. Answer: [`Event::RoleRemoved`].
    RemoveRole {
        /// The job.
        job: JobId,
        /// The role's name.
        role: String,
    },
    /// Ask what the caller may do of what these functions need. Answer: [`Event::PermissionsChecked`].
    CheckPermissions {
        /// The job.
        job: JobId,
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Read a function's versions with their figures. Answer: [`Event::VersionsLoaded`].
    LoadVersions {
        /// The job.
        job: JobId,
        /// The function's name.
        function: String,
    },
    /// Publish, roll back or prune a function's versions. Answer: [`Event::VersionsChanged`].
    ChangeVersions {
        /// The job; says its steps.
        job: JobId,
        /// The function's name.
        function: String,
        /// What shall be done.
        change: VersionsChange,
        /// For a protected stage.
        consent: Consent,
    },
    /// Compare what one stage has with another; sends no change. Answer: [`Event::Planned`].
    PlanPromotion {
        /// The job.
        job: JobId,
        /// What would be taken over, and from where to where.
        promotion: Promotion,
    },
    /// Take code over from one stage to another. Answer: [`Event::Promoted`].
    Promote {
        /// The job; says its steps.
        job: JobId,
        /// What is taken over, and from where to where.
        promotion: Promotion,
    },
    /// Invoke a function. Answers: [`Event::ResponsePart`] where it streams, then [`Event::InvokeFinished`].
    Invoke {
        /// The job.
        job: JobId,
        /// What is asked.
        request: InvokeRequest,
    },
    /// Fetch the log lines of a request that did not come with its response, until its last one is there. Answers:
    /// [`Event::LogsLinked`].
    LinkLogs {
        /// The job.
        job: JobId,
        /// The function's name.
        function: String,
        /// The request.
        request_id: String,
        /// When it began, milliseconds since the Unix epoch.
        since: i64,
    },
    /// Follow the logs until cancelled. Answers: [`Event::LogLines`], [`Event::LogFixes`], [`Event::LogMarked`],
    /// [`Event::LogSamples`] and [`Event::TailState`], at the end [`Event::TailEnded`].
    StartTail {
        /// The job.
        job: JobId,
        /// Names.
        functions: Vec<String>,
        /// Lines from then on, milliseconds since the Unix epoch.
        since: i64,
    },
    /// Tell a tail whether its lines are shown: for lines that nobody sees no live session is paid.
    ShowTail {
        /// The tail's job.
        job: JobId,
        /// They are shown.
        shown: bool,
    },
    /// Fetch the log lines of one request. Answer: [`Event::LogsFetched`].
    FetchLogs {
        /// The job.
        job: JobId,
        /// The function's name.
        function: String,
        /// The request.
        request_id: String,
        /// When it began, milliseconds since the Unix epoch.
        since: i64,
    },
    /// Read invocations from the history. Answer: [`Event::Samples`].
    LoadSamples {
        /// The job.
        job: JobId,
        /// Names.
        functions: Vec<String>,
    },
    /// Watch the workspace's sources until cancelled. Answers: [`Event::Changed`], at the end [`Event::WatchEnded`].
    Watch(JobId),
    /// Stop a job. It still answers, with [`Failure::interrupted`].
    Cancel(JobId),
    /// Give the terminal to `$EDITOR` with the function's payload in a file. Answer: [`Event::Edited`].
    Edit {
        /// The function's name.
        function: String,
        /// The payload as it is.
        text: String,
    },
    /// Read an event file. Answer: [`Event::EventRead`].
    ReadEvent {
        /// The function's name.
        function: String,
        /// The file.
        file: EventFile,
    },
    /// Read the payload drafts of earlier runs. Answer: [`Event::Drafts`].
    LoadDrafts,
    /// Keep a payload for the next run, as typed, even when it is not JSON: before the console ends, where
    /// [`Effect::Quit`] follows. No answer, but a notice if it fails.
    SaveDraft {
        /// The function's name.
        function: String,
        /// The payload.
        text: String,
    },
    /// Put text on the clipboard with the system's programs. Answer: [`Event::Copied`].
    Copy(String),
    /// Put text on the terminal's clipboard (OSC 52). No answer: a terminal does not say whether it took it.
    CopyByTerminal(String),
    /// Come back with [`Event::Continue`] after the next frame and the waiting keys.
    Continue,
    /// Stop the process as Ctrl-Z does, with the terminal given back meanwhile.
    Suspend,
    /// Draw everything anew: something else wrote on the terminal.
    Redraw,
    /// Leave.
    Quit,
}
