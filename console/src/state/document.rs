//! Text that is looked at, not typed: a response body with its lines found once.

use super::json;

/// A text and where its lines are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    text: String,
    ends: Vec<usize>,
    /// It is JSON, and laid out as such.
    pub json: bool,
}

impl Document {
    /// JSON is laid out; other text stays as it is.
    pub fn new(text: &str) -> Self {
        let json = json::check(text).is_ok();
        let text = if json { json::format(text) } else { text.to_owned() };
        let mut ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            ends.push(text.len());
        }
        Self { text, ends, json }
    }

    /// How many lines it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no line.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The line with this index, without its line break.
    pub fn line(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] + 1);
        self.text.get(start..end)
    }

    /// All of it.
    pub fn text(&self) -> &str {
        &self.text
    }
}
