//! Messages between the modules: [`Action`] (a verb that was requested), [`Event`] (something that
//! happened) and
//! [`Effect`] (work to start).
//!
//! Depends on `state` only.

mod action;
mod job;

use std::collections::BTreeMap;

use lambda_console_model::{
    Approval, Architecture, BuildOutcome, Changed, CodeAsked, DeleteOutcome, DeployOutcome,
    DeployPlan, EventFile, Failure, Found, Function, FunctionVersions, Invocation, InvokeRequest,
    LiveConfig, LogFix, LogLine, LogMark, Part, Permissions, PromoteOutcome, Promotion, RequestLog,
    Resources, ResponsePart, Role, Sample, StageEntry, StageInfo, Step, TailState, VersionsChange,
    VersionsChanged, Workspace,
};
use serde::{Deserialize, Serialize};

use crate::tui::state::{JobId, Key, Target, Viewport};

pub use action::Action;

/// Something that happened. Results contain the ID of their job; results of a job that is no longer
/// current are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    // The terminal and the clock.
    /// The console started: `update` returns the effects that fill the screen.
    Started {
        /// Milliseconds since the Unix epoch.
        now: i64,
        /// The local time zone, in seconds east of UTC.
        utc_offset: i32,
    },
    /// The time is `now` (milliseconds since the Unix epoch). Sent before each batch of other
    /// events, ten times a second while something moves, and otherwise every minute.
    Tick(i64),
    /// A verb was requested, by key or from the palette.
    Action(Action),
    /// A key that is not bound, for the text that has the focus.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The left mouse button went down on this.
    Click(Target),
    /// The wheel was turned over this, by this many lines; negative is up.
    Scroll(Target, i16),
    /// The terminal was resized to this many columns and rows.
    Resize(u16, u16),
    /// A frame was drawn with this space for scrollable content.
    Drawn(Viewport),
    /// The process received SIGTERM or SIGHUP: drafts are saved, and the console ends.
    Terminate,
    /// Answer to [`Effect::Continue`]: continue with the next slice.
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
    /// Progress of a running job.
    Step(JobId, Step),
    /// [`Effect::Build`] ended.
    BuildFinished(JobId, Result<BuildOutcome, Failure>),
    /// [`Effect::ReadConfig`] ended: the settings, `None` if the function is not on the stage.
    ConfigRead(JobId, Result<Option<Box<LiveConfig>>, Failure>),
    /// [`Effect::Configure`] ended.
    Configured(JobId, Result<DeployOutcome, Failure>),
    /// [`Effect::Plan`], [`Effect::PlanConfig`] or [`Effect::PlanPromotion`] ended: the plan.
    Planned(JobId, Result<DeployPlan, Failure>),
    /// [`Effect::Deploy`] ended.
    DeployFinished(JobId, Result<DeployOutcome, Failure>),
    /// [`Effect::ListResources`] ended: the resources of each function, in the order asked for.
    ResourcesListed(JobId, Result<Vec<Resources>, Failure>),
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
    /// The next part of the response that [`Effect::Invoke`] streams.
    ResponsePart(JobId, ResponsePart),
    /// [`Effect::LinkLogs`] found lines of the request. It has ended if they are complete, or with
    /// an error.
    LogsLinked(JobId, Result<RequestLog, Failure>),

    // What is watched.
    /// Lines from a tail, oldest first. They may be older than earlier lines.
    LogLines(JobId, Vec<LogLine>),
    /// Corrections of earlier lines of a tail.
    LogFixes(JobId, Vec<LogFix>),
    /// A tail missed lines, or has filled them in.
    LogMarked(JobId, LogMark),
    /// Figures of invocations from a tail, by function.
    LogSamples(JobId, Vec<(String, Sample)>),
    /// State of a tail.
    TailState(JobId, TailState),
    /// [`Effect::StartTail`] ended by itself or failed.
    TailEnded(JobId, Result<(), Failure>),
    /// [`Effect::FetchLogs`] ended: the lines of the request, oldest first.
    LogsFetched(JobId, Result<Vec<LogLine>, Failure>),
    /// [`Effect::LoadSamples`] ended: the invocations of each function that was asked for, oldest
    /// first.
    Samples(JobId, Result<Vec<(String, Vec<Sample>)>, Failure>),
    /// [`Effect::Watch`] found saved files, and at first everything that it watches. An error if
    /// the manifests cannot be read as they are now; watching continues.
    Changed(JobId, Result<Changed, Failure>),
    /// [`Effect::Watch`] ended.
    WatchEnded(JobId, Result<(), Failure>),

    // Text.
    /// `$EDITOR` returned this text for the function's payload; an error leaves the payload
    /// unchanged.
    Edited(String, Result<String, Failure>),
    /// An event file was read: function, the file, its text.
    EventRead(String, EventFile, Result<String, Failure>),
    /// The payload drafts that an earlier run saved, by function.
    Drafts(Vec<(String, String)>),
    /// Text was copied to this clipboard; or, as an error, no program accepted the text.
    Copied(Result<String, String>),
    /// A notice that no job ended with, for example an invalid configuration file.
    Notice(Failure),
}

/// Work to start. `dispatch` runs it and sends the event named as its answer; it never blocks the
/// caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Read the workspace. Answer: [`Event::Discovered`].
    Discover(JobId),
    /// Read the stages of the workspace. Answer: [`Event::StagesRead`].
    ReadStages(JobId),
    /// Make this stage the current one for the following effects, and connect to it. Jobs that
    /// started on another one continue there. Answer: [`Event::StageConnected`], immediately if it
    /// is connected already.
    Connect {
        /// The job.
        job: JobId,
        /// The stage's name.
        stage: String,
        /// If connected already: `true` to read settings and credentials again, and to request the
        /// caller again.
        renew: bool,
    },
    /// Connect to a stage that is not shown; effects still use the shown one. Answer:
    /// [`Event::StageConnected`].
    Probe {
        /// The job.
        job: JobId,
        /// The stage's name.
        stage: String,
    },
    /// Answers [`Event::CodeAsked`].
    GiveCode {
        /// ID of the request.
        id: u64,
        /// The code that was typed. `None` if there will be no code.
        code: Option<String>,
    },
    /// Start these jobs again, which ended for lack of credentials, each with the same effect and
    /// stage.
    Resume(Vec<JobId>),
    /// Run `effect` on a stage that is not shown, because it follows from a job there.
    On {
        /// The stage's name.
        stage: String,
        /// The effect to run.
        effect: Box<Self>,
    },
    /// Read the deployed state of the workspace's functions from the stage. Answer:
    /// [`Event::Deployed`].
    RefreshDeployed {
        /// The job.
        job: JobId,
        /// The functions as last discovered.
        functions: Vec<Function>,
    },
    /// Check the parts of the toolchain. Answer: [`Event::SetupChecked`].
    CheckSetup {
        /// The job.
        job: JobId,
        /// Architecture to build for.
        architecture: Architecture,
    },
    /// Provide the parts of the toolchain that are missing. Answer: [`Event::SetupFinished`].
    Setup {
        /// The job; reports its steps.
        job: JobId,
        /// Architecture to build for.
        architecture: Architecture,
    },
    /// Build functions. Answer: [`Event::BuildFinished`].
    Build {
        /// The job; reports its steps.
        job: JobId,
        /// Names; empty for all functions of the workspace.
        functions: Vec<String>,
        /// Architecture. `None` for each function's own.
        architecture: Option<Architecture>,
        /// Architectures of functions on the stage.
        deployed: BTreeMap<String, Architecture>,
        /// `true` to build without optimisation.
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
        /// The function, with only the settings to change.
        function: Function,
        /// Revision ID of the function when they were edited.
        revision: Option<String>,
    },
    /// Change settings of a function on the stage. Answer: [`Event::Configured`].
    Configure {
        /// The job; reports its steps.
        job: JobId,
        /// The function, with only the settings to change.
        function: Function,
        /// Revision ID of the function when they were edited.
        revision: Option<String>,
        /// Consent for a protected stage, and for a URL that everybody may call.
        approval: Approval,
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
        /// The job; reports its steps.
        job: JobId,
        /// The functions as last discovered.
        functions: Vec<Function>,
        /// The plan that was shown, if any: nothing else is applied.
        plan: Option<DeployPlan>,
        /// Consent for a protected stage, and for a URL that everybody may call.
        approval: Approval,
    },
    /// List the resources of functions on the stage. Answer: [`Event::ResourcesListed`].
    ListResources {
        /// The job.
        job: JobId,
        /// Names.
        functions: Vec<String>,
    },
    /// Delete functions from the stage with their resources; the user has confirmed it. Answer:
    /// [`Event::DeleteFinished`].
    Delete {
        /// The job; reports its steps.
        job: JobId,
        /// The resources to delete, as listed and confirmed.
        functions: Vec<Resources>,
    },
    /// List the execution roles that the console created. Answer: [`Event::RolesListed`].
    ListRoles(JobId),
    /// Remove an execution role that the console created; the user has confirmed it. Answer:
    /// [`Event::RoleRemoved`].
    RemoveRole {
        /// The job.
        job: JobId,
        /// The role's name.
        role: String,
    },
    /// Check the caller's permissions for these functions. Answer: [`Event::PermissionsChecked`].
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
        /// The job; reports its steps.
        job: JobId,
        /// The function's name.
        function: String,
        /// Change to make.
        change: VersionsChange,
        /// Consent for a protected stage.
        approval: Approval,
    },
    /// Compare one stage with another; sends no change. Answer: [`Event::Planned`].
    PlanPromotion {
        /// The job.
        job: JobId,
        /// The functions and stages of the promotion.
        promotion: Promotion,
    },
    /// Promote code from one stage to another. Answer: [`Event::Promoted`].
    Promote {
        /// The job; reports its steps.
        job: JobId,
        /// The functions and stages of the promotion.
        promotion: Promotion,
    },
    /// Invoke a function. Answers: [`Event::ResponsePart`] if it streams, then
    /// [`Event::InvokeFinished`].
    Invoke {
        /// The job.
        job: JobId,
        /// The request.
        request: InvokeRequest,
    },
    /// Fetch the log lines of a request that did not arrive with its response, until its last line.
    /// Answers:
    /// [`Event::LogsLinked`].
    LinkLogs {
        /// The job.
        job: JobId,
        /// The function's name.
        function: String,
        /// The request.
        request_id: String,
        /// Start time, in milliseconds since the Unix epoch.
        since: i64,
    },
    /// Follow the logs until cancelled. Answers: [`Event::LogLines`], [`Event::LogFixes`],
    /// [`Event::LogMarked`],
    /// [`Event::LogSamples`] and [`Event::TailState`], at the end [`Event::TailEnded`].
    StartTail {
        /// The job.
        job: JobId,
        /// Names.
        functions: Vec<String>,
        /// Start time of the lines, in milliseconds since the Unix epoch.
        since: i64,
    },
    /// Notify a tail whether its lines are shown, so that no live session is paid for while nobody
    /// sees them.
    ShowTail {
        /// The tail's job.
        job: JobId,
        /// `true` if they are shown.
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
        /// Start time, in milliseconds since the Unix epoch.
        since: i64,
    },
    /// Read invocations from the history. Answer: [`Event::Samples`].
    LoadSamples {
        /// The job.
        job: JobId,
        /// Names.
        functions: Vec<String>,
    },
    /// Watch the workspace's sources until cancelled. Answers: [`Event::Changed`], at the end
    /// [`Event::WatchEnded`].
    Watch(JobId),
    /// Cancel a job. It still answers, with [`Failure::interrupted`].
    Cancel(JobId),
    /// Open the function's payload in `$EDITOR`, in a file. Answer: [`Event::Edited`].
    Edit {
        /// The function's name.
        function: String,
        /// The current payload.
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
    /// Save a payload for the next run, as typed, even if it is not JSON; finished before the
    /// console ends if
    /// [`Effect::Quit`] follows. No answer, but a notice if it fails.
    SaveDraft {
        /// The function's name.
        function: String,
        /// The payload.
        text: String,
    },
    /// Copy text to the clipboard with the system's programs. Answer: [`Event::Copied`].
    Copy(String),
    /// Copy text to the terminal's clipboard (OSC 52). No answer: a terminal does not report
    /// whether it accepted it.
    CopyByTerminal(String),
    /// Send [`Event::Continue`] after the next frame and the waiting keys.
    Continue,
    /// Stop the process as Ctrl-Z does, with the terminal restored meanwhile.
    Suspend,
    /// Redraw everything: another program wrote to the terminal.
    Redraw,
    /// Quit.
    Quit,
}
