//! Plain data: functions, builds, payload editor, responses, request cards, logs, stats, focus.
//!
//! May not touch clients, channels, clocks or files. The value types of this room are the ones that
//! [`crate::message`] carries between rooms.

mod deployment;
mod failure;
mod function;
mod invocation;
mod stats;
mod step;

pub use deployment::{Change, DeployAction, DeployOutcome, Deployed, DeployedFunction, StageInfo};
pub use failure::{Failure, FailureKind};
pub use function::{
    Architecture, Bootstrap, BuildOutcome, Built, EventFile, Function, FunctionConfig, RuntimeCrate, Workspace, Zip,
};
pub use invocation::{Invocation, InvokeMode, InvokeRequest, LogLine, Report};
pub use stats::{FunctionStats, Percentiles, Sample};
pub use step::Step;
