//! Areas of drawn elements: targets of the mouse, and space for scrolling.

use ratatui::layout::{Position, Rect};

use crate::tui::state::{Target, Viewport};

/// Areas of the last frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    targets: Vec<(Rect, Target)>,
    /// Space for scrollable content.
    pub viewport: Viewport,
}

impl Areas {
    /// Records that `target` is at `area`, above targets that were recorded before.
    pub(super) fn put(&mut self, area: Rect, target: Target) {
        self.targets.push((area, target));
    }

    /// Returns the target at this column and row.
    pub fn hit(&self, column: u16, row: u16) -> Option<Target> {
        let (area, target) = self
            .targets
            .iter()
            .rev()
            .find(|(area, _)| area.contains(Position::new(column, row)))?;
        Some(match target {
            Target::Editor { .. } => Target::Editor { row: row - area.y, column: column - area.x },
            target => *target,
        })
    }
}
