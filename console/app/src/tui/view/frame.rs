//! The lines around the panes, and the frame of the tabs.

pub(super) mod footer;
pub(super) mod header;
pub(super) mod pane;
