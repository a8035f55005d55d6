//! Keys, text that is typed, and focus.

pub(super) mod ahead;
pub(super) mod editor;
pub(super) mod focus;
pub(super) mod key;
