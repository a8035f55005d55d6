//! Keys that were pressed before their meaning changed.

use crate::tui::state::Context;

/// For a moment after an overlay opened or closed by itself, or a question was answered, keys may
/// still be meant for the previous screen: they are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Context that the keys were meant for; `None` for the panes.
    pub meant: Option<Context>,
    /// End of the moment, in milliseconds since the Unix epoch.
    pub until: i64,
    /// `true` if each such key extends the moment, because the user types without looking.
    pub goes_on: bool,
}
