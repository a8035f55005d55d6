//! The output of the last build: a bounded list of lines with ANSI colours.

use std::collections::VecDeque;

use lambda_console_model::{BuildOutcome, Failure};

const MOST_LINES: usize = 10_000;
const LONGEST_LINE: usize = 16_384;

/// Lines of output and the scroll position.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    lines: VecDeque<String>,
    /// Names of what was built: the title of the pane.
    pub title: String,
    /// Outcome of the build; `None` while it runs.
    pub outcome: Option<Result<BuildOutcome, Failure>>,
    /// First line shown; `None` to show the last lines.
    pub top: Option<usize>,
    /// First column shown.
    pub left: usize,
}

impl Output {
    /// Creates the empty output of a build that starts.
    pub fn of(title: String) -> Self {
        Self { title, ..Self::default() }
    }

    /// Adds text of one or more lines.
    pub fn push(&mut self, text: &str) {
        for line in text.lines() {
            if self.lines.len() == MOST_LINES {
                self.lines.pop_front();
                self.top = self.top.map(|top| top.saturating_sub(1));
            }
            let end = line.floor_char_boundary(LONGEST_LINE);
            self.lines.push_back(line.get(..end).unwrap_or_default().to_owned());
        }
    }

    /// Returns the number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns `true` if there are no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns `count` lines from `first` on.
    pub fn window(&self, first: usize, count: usize) -> impl Iterator<Item = &str> {
        self.lines.iter().skip(first).take(count).map(String::as_str)
    }
}
