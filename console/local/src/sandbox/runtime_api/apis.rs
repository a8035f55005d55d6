//! State of the APIs of one sandbox.

use std::sync::Arc;

use super::{connection_owners::ConnectionOwners, invocation_state::InvocationState};
use crate::{
    sandbox::{extensions::Extensions, log::writer::LogWriter},
    store::function::Function,
};

/// State that the APIs of one sandbox share.
pub(crate) struct Apis {
    /// The Runtime API's state.
    pub(crate) invocation: Arc<InvocationState>,
    /// The Extensions API's state.
    pub(crate) extensions: Arc<Extensions>,
    /// The log whose events the Telemetry API sends.
    pub(crate) log: Arc<LogWriter>,
    /// The function that `register` describes.
    pub(crate) function: Arc<Function>,
    pub(crate) owners: ConnectionOwners,
}
