//! Keys, pastes and scrolling, and the verbs that they request.

pub(super) mod action;
pub(super) mod ahead;
pub(super) mod paste;
pub(super) mod scroll;
