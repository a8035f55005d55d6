//! The filter of log lines.

use std::ops::Range;

use super::{Entry, Kind};

/// Number of places in a line that are compared at once.
const BLOCK: usize = 16;

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
    let is_exact = wanted.chars().any(char::is_uppercase);
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else { return Some(0) };
    let cases = |byte: u8| {
        if is_exact { [byte; 2] } else { [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()] }
    };
    let ([first, other_first], [last, other_last]) = (cases(*first), cases(*last));
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without a short circuit, a block is compiled to a few vector instructions"
    )]
    let may_be = |start: u8, end: u8| {
        ((start == first) | (start == other_first)) & ((end == last) | (end == other_last))
    };
    let ends = text.get(wanted.len() - 1..)?;
    let find_in = |mut places: Range<usize>| {
        places.find(|&at| {
            let found = &text[at..at + wanted.len()];
            may_be(text[at], ends[at])
                && if is_exact { found == wanted } else { found.eq_ignore_ascii_case(wanted) }
        })
    };
    let (start_blocks, end_blocks) = (text.as_chunks::<BLOCK>().0, ends.as_chunks::<BLOCK>().0);
    for (number, (starts, ends)) in start_blocks.iter().zip(end_blocks).enumerate() {
        let has_place = starts
            .iter()
            .zip(ends)
            .fold(false, |has_place, (start, end)| has_place | may_be(*start, *end));
        if has_place && let Some(at) = find_in(number * BLOCK..(number + 1) * BLOCK) {
            return Some(at);
        }
    }
    find_in(end_blocks.len() * BLOCK..ends.len())
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

    #[test]
    fn every_place_in_a_line_is_found_whatever_stands_around_it() {
        for length in 0..70 {
            for at in 0..=length {
                for wanted in ["e", "er", "erq", "a fairly long text that is wanted"] {
                    let text = format!("{}{wanted}{}", "e".repeat(at), "r".repeat(length - at));
                    assert_eq!(find(&text, wanted), text.find(wanted), "{wanted} in {text}");
                    let upper = wanted.to_uppercase();
                    assert_eq!(find(&text.to_uppercase(), wanted), text.find(wanted));
                    assert_eq!(find(&text, &upper), None);
                    assert_eq!(find(&text.to_uppercase(), &upper), text.find(wanted));
                }
            }
        }
    }
}
