//! The values of the console: functions, their settings, plans, invocations, log lines, versions,
//! stages, failures and statistics, with their pure rules.
//!
//! Pure: no clients, channels, clocks or files. The engine returns these values, and the commands
//! and the screen show them.

mod deploy;
mod export;
mod failure;
mod function;
mod invocation;
pub mod json;
mod logs;
mod progress;
mod resources;
mod roles;
pub mod settings;
mod stage;
mod stats;
pub mod text;
mod versions;
mod watch;

pub use deploy::{
    Approval, Change, ChangeKind, DeployAction, DeployOutcome, DeployPlan, Deployed,
    DeployedFunction, FailedFunction, Found, FunctionPlan, Needed, NewValue,
};
pub use export::{ExportAction, ExportFormat, ExportOutcome, ExportedFile};
pub use failure::{Failure, FailureKind, Remedy};
pub use function::{
    Architecture, Bootstrap, BootstrapSize, BuildOutcome, Built, CargoTarget, EventFile, Features,
    Function, FunctionConfig, Include, RuntimeCrate, SectionSize, Workspace, Zip, short_sha256,
};
pub use invocation::{
    HttpHead, Invocation, InvokeMode, InvokeRequest, LogLine, Report, RequestLog, ResponsePart,
    Streamed,
};
pub use logs::{FREE_MINUTES, LogFix, LogMark, MarkKind, TailState, live_cost};
pub use progress::{Part, Step};
pub use resources::{DeleteOutcome, DeletedFunction, Keep, Resource, ResourceKind, Resources};
pub use roles::{Permissions, Role, Verdict};
pub use settings::{
    Concurrency, Cors, Exec, Field, FunctionUrl, LiveConfig, LogFormat, LogSettings, Program,
    Source, UrlAuth, UrlSetting, Vpc,
};
pub use stage::{CodeAsked, Protection, StageEntry, StageInfo};
pub use stats::{Figures, FunctionStats, Percentiles, Sample};
pub use versions::{
    Alias, Canary, FunctionVersions, PromoteOutcome, Promoted, Promotion, Share, Version,
    VersionFigures, VersionsChange, VersionsChanged, VersionsDone, VersionsEffect, VersionsPlan,
    numbers, percent,
};
pub use watch::Changed;
