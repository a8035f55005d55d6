//! Keys, the text that is typed, and where they go.

pub(super) mod ahead;
pub(super) mod editor;
pub(super) mod focus;
pub(super) mod key;
