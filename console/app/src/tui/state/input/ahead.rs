//! Keys that are on their way while what they mean changes.

use crate::tui::state::Context;

/// For a moment after something opened or closed by itself, or a question was answered, keys may still be meant for what
/// was there before: they are not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// What the keys were for; none: the panes.
    pub meant: Option<Context>,
    /// Until then, in milliseconds since the Unix epoch.
    pub until: i64,
    /// Each such key makes the moment longer: somebody types and does not look.
    pub goes_on: bool,
}
