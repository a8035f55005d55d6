//! What travels between the rooms: `Action` (a verb asked for), `Event` (a fact that came in) and
//! `Effect` (work to start), with the value types that they carry.
//!
//! May touch nothing but `state`'s value types. `work` takes those types from here.

pub use crate::state::{
    Architecture, Bootstrap, BuildOutcome, Built, Change, DeployAction, DeployOutcome, Deployed, DeployedFunction,
    EventFile, Failure, FailureKind, Function, FunctionConfig, FunctionStats, Invocation, InvokeMode, InvokeRequest,
    LogLine, Percentiles, Report, RuntimeCrate, Sample, StageInfo, Step, Workspace, Zip,
};
