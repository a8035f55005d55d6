//! Where things landed on the screen: what a mouse event hits, and how much room scrolling has.

use ratatui::layout::{Position, Rect};

use crate::tui::state::{Target, Viewport};

/// Where the last frame put things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    targets: Vec<(Rect, Target)>,
    /// The room that it gave to what scrolls.
    pub viewport: Viewport,
}

impl Areas {
    /// Notes that `target` is at `area`, over what was noted before.
    pub(super) fn put(&mut self, area: Rect, target: Target) {
        self.targets.push((area, target));
    }

    /// What is at this column and row.
    pub fn hit(&self, column: u16, row: u16) -> Option<Target> {
        let (area, target) = self.targets.iter().rev().find(|(area, _)| area.contains(Position::new(column, row)))?;
        Some(match target {
            Target::Editor { .. } => Target::Editor { row: row - area.y, column: column - area.x },
            target => *target,
        })
    }
}
