//! Keys, pastes and scrolling: the verbs that are asked for.

pub(super) mod action;
pub(super) mod ahead;
pub(super) mod paste;
pub(super) mod scroll;
