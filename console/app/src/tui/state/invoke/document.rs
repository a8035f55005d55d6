//! Text that is viewed, not edited: a response body with an index of its lines.

use lambda_console_model::json;

/// A text with an index of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    text: String,
    /// End of each line. Texts are shorter than four gigabytes.
    ends: Vec<u32>,
    /// `true` if the text is JSON, and formatted.
    pub json: bool,
}

impl Document {
    /// Creates a document; JSON is formatted, other text is unchanged.
    pub fn new(text: &str) -> Self {
        let json = json::check(text).is_ok();
        let mut document = Self { json, ..Self::default() };
        if json {
            document.push(&json::format(text));
        } else {
            document.push(text);
        }
        document
    }

    /// Appends text unchanged.
    pub fn push(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let from = self.text.len();
        // The last line ended with the text, and continues.
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.ends.pop();
        }
        self.text.push_str(text);
        self.ends.extend(text.match_indices('\n').map(|(at, _)| (from + at) as u32));
        if !text.ends_with('\n') {
            self.ends.push(self.text.len() as u32);
        }
    }

    /// Returns the number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns `true` if there are no lines.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the line with this index, without its line break.
    pub fn line(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize + 1);
        self.text.get(start..end)
    }

    /// Returns the whole text.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_came_in_pieces_has_the_lines_of_the_whole() {
        let text = "one\n\ntwo\nthree";
        for cut in 0..=text.len() {
            let mut pieces = Document::default();
            let (first, second) = text.split_at(cut);
            pieces.push(first);
            pieces.push(second);
            assert_eq!(pieces, Document::new(text), "cut at {cut}");
        }
        assert_eq!((Document::new(text).line(2), Document::new(text).line(4)), (Some("two"), None));
        assert_eq!(Document::new("a\n").len(), 1);
    }
}
