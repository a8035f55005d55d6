//! What the APIs of one sandbox work on.

use super::{connection_owners::ConnectionOwners, invocation_state::InvocationState};
use crate::{
    sandbox::{extensions::Extensions, log::writer::LogWriter},
    store::function::Function,
};
use std::sync::Arc;

/// What the inside of a sandbox speaks to.
pub(crate) struct Apis {
    /// The Runtime API's state.
    pub(crate) invocation: Arc<InvocationState>,
    /// The Extensions API's state.
    pub(crate) extensions: Arc<Extensions>,
    /// Whose happenings the Telemetry API tells.
    pub(crate) log: Arc<LogWriter>,
    /// What `register` tells of.
    pub(crate) function: Arc<Function>,
    pub(crate) owners: ConnectionOwners,
}
