//! The filter of log lines.

use super::{Entry, Kind};

/// Filter of log lines: a line must satisfy everything that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Text that the line must contain; case-sensitive only if it contains an upper-case letter.
    /// Empty for any line.
    pub text: String,
    /// The function that wrote it.
    pub function: Option<String>,
    /// The request that the line must belong to.
    pub request_id: Option<String>,
}

impl Filter {
    /// Returns `true` if the filter can hide lines.
    pub fn is_set(&self) -> bool {
        !self.text.is_empty() || self.function.is_some() || self.request_id.is_some()
    }

    /// Returns `true` if `entry` is shown.
    pub fn lets_through(&self, entry: &Entry) -> bool {
        // Missed lines may be of any function.
        let is_of = |function: &str| function == &*entry.function || entry.kind == Kind::Mark;
        self.function.as_deref().is_none_or(is_of)
            && self.request_id.as_deref().is_none_or(|id| Some(id) == entry.request_id.as_deref())
            && contains(entry.text(), &self.text)
    }
}

/// Returns `true` if `text` contains `wanted`; without upper-case letters in `wanted`, case is
/// ignored (for ASCII).
pub fn contains(text: &str, wanted: &str) -> bool {
    find(text, wanted).is_some()
}

/// Returns the byte offset of `wanted` in `text`, with the rules of [`contains`].
pub fn find(text: &str, wanted: &str) -> Option<usize> {
    if wanted.chars().any(char::is_uppercase) {
        return text.find(wanted);
    }
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let Some((&first, rest)) = wanted.split_first() else { return Some(0) };
    let upper = first.to_ascii_uppercase();
    let starts = text.len().checked_sub(rest.len())?;
    let candidates = &text[..starts];
    let mut from = 0;
    while let Some(step) =
        candidates[from..].iter().position(|&byte| byte == first || byte == upper)
    {
        let at = from + step;
        if text[at + 1..at + 1 + rest.len()].eq_ignore_ascii_case(rest) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_counts_only_where_the_filter_has_upper_case() {
        assert_eq!(find("An ERROR here", "error"), Some(3));
        assert_eq!(find("An ERROR here", "Error"), None);
        assert_eq!(find("naïve Ünïcode", "ïve"), Some(2));
        assert_eq!(find("abc", ""), Some(0));
        assert_eq!(find("", "a"), None);
        assert_eq!(find("aab", "ab"), Some(1));
        assert_eq!(find("b", "bb"), None);
    }
}
