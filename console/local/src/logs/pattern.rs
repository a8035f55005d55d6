//! Filter patterns: words that a message must, may or must not have. Pure.
//! Source: `CloudWatch` Logs user guide, "Filter pattern syntax", chapter on unstructured log events.

use super::invalid;
use crate::fault::Fault;

/// A filter pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    all: Vec<String>,
    any: Vec<String>,
    none: Vec<String>,
}

impl Pattern {
    /// Reads a pattern: `word`, `"a phrase"`, `-excluded`, `?one ?of ?these`. JSON, column and regex patterns are
    /// refused.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        if let Some(first) = text.chars().next().filter(|first| "{[%".contains(*first)) {
            return Err(invalid(format!(
                "Invalid filter pattern: the local Lambda matches words, \"phrases\", -exclusions and ?alternatives, \
                 but no patterns that begin with {first:?}"
            )));
        }
        let mut pattern = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (list, term) = if let Some(term) = rest.strip_prefix('-') {
                (&mut pattern.none, term)
            } else if let Some(term) = rest.strip_prefix('?') {
                (&mut pattern.any, term)
            } else {
                (&mut pattern.all, rest)
            };
            let (word, after) = if let Some(quoted) = term.strip_prefix('"') {
                phrase(quoted)?
            } else {
                let (word, after) = term.split_at(term.find(char::is_whitespace).unwrap_or(term.len()));
                (word.to_owned(), after)
            };
            if word.is_empty() {
                return Err(invalid("Invalid filter pattern: a term is empty"));
            }
            list.push(word);
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    /// Whether a message has what is asked for. Alternatives count only where no word is required, as on AWS.
    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |word: &String| message.contains(word.as_str());
        let wanted = if self.all.is_empty() {
            self.any.is_empty() || self.any.iter().any(has)
        } else {
            self.all.iter().all(has)
        };
        wanted && !self.none.iter().any(has)
    }
}

/// A quoted phrase, whose opening quote is gone, and what follows it.
fn phrase(quoted: &str) -> Result<(String, &str), Fault> {
    let mut word = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Ok((word, quoted.split_at(index + 1).1)),
            '\\' => word.extend(characters.next().map(|(_, escaped)| escaped)),
            other => word.push(other),
        }
    }
    Err(invalid("Invalid filter pattern: a quote is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(message)
    }

    #[test]
    fn words_phrases_exclusions_and_alternatives_match() {
        assert!(matches("", "anything"));
        assert!(matches("ERROR code", "code 7: ERROR"));
        assert!(!matches("ERROR code", "ERROR"));
        assert!(matches(r#""code 7""#, "code 7: ERROR") && !matches(r#""7 code""#, "code 7: ERROR"));
        assert!(matches("ERROR -fatal", "ERROR") && !matches("ERROR -fatal", "ERROR fatal"));
        assert!(!matches(r#"-"not this""#, "no, not this"));
        assert!(matches("?WARN ?ERROR", "WARN") && !matches("?WARN ?ERROR", "INFO"));
        assert!(matches(r#""say \"hi\"""#, r#"we say "hi""#));
        assert!(!matches("error", "ERROR"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for pattern in ["{ $.level = \"ERROR\" }", "[a, b]", "%AUTH%", "\"open", "a -"] {
            assert_eq!(Pattern::parse(pattern).unwrap_err().code, "InvalidParameterException", "{pattern}");
        }
    }
}
