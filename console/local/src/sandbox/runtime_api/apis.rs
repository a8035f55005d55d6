//! What the APIs of one sandbox work on.

use super::{connection_owners::Members, invocation_state::Exchange};
use crate::{
    sandbox::{extensions::Extensions, log::writer::Journal},
    store::function::Function,
};
use std::sync::Arc;

/// What the inside of a sandbox speaks to.
pub(crate) struct Apis {
    /// The Runtime API's state.
    pub(crate) exchange: Arc<Exchange>,
    /// The Extensions API's state.
    pub(crate) extensions: Arc<Extensions>,
    /// Whose happenings the Telemetry API tells.
    pub(crate) journal: Arc<Journal>,
    /// What `register` tells of.
    pub(crate) function: Arc<Function>,
    pub(crate) members: Members,
}
