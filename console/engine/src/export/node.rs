//! Values of the exported texts: one tree, which each format prints in its own syntax.

use serde_json::Value;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// An expression of the format, as it is.
    Raw(String),
    /// A text, which the format quotes.
    Text(String),
    /// A number.
    Number(u64),
    /// A truth value.
    Flag(bool),
    /// A call of a function or a constructor.
    Call(String, Vec<Self>),
    /// A list.
    List(Vec<Self>),
    /// Keys and values, in their order.
    Map(Vec<(String, Self)>),
}

impl Node {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn raw(text: impl Into<String>) -> Self {
        Self::Raw(text.into())
    }

    pub(super) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::text(text.as_ref())).collect())
    }

    /// Returns a JSON value, with `text` for each text in it.
    pub(super) fn of_json(value: &Value, text: &impl Fn(&str) -> Self) -> Self {
        match value {
            Value::String(value) => text(value),
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::of_json(item, text)).collect())
            }
            Value::Object(fields) => {
                let field =
                    |(key, value): (&String, &Value)| (key.clone(), Self::of_json(value, text));
                Self::Map(fields.iter().map(field).collect())
            }
            // The manifest has whole numbers only.
            Value::Number(_) | Value::Null => Self::Raw(value.to_string()),
        }
    }
}

/// Collects the entries of a map; those without a value are left out.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, Node)>);

impl Fields {
    pub(super) fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub(super) fn with(mut self, key: &str, value: Node) -> Self {
        self.0.push((key.to_owned(), value));
        self
    }

    #[must_use]
    pub(super) fn maybe(self, key: &str, value: Option<Node>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Adds a text that is set and not empty.
    #[must_use]
    pub(super) fn text(self, key: &str, text: Option<&String>) -> Self {
        self.maybe(key, text.filter(|text| !text.is_empty()).map(Node::text))
    }

    #[must_use]
    pub(super) fn number(self, key: &str, number: Option<u32>) -> Self {
        self.maybe(key, number.map(|number| Node::Number(number.into())))
    }

    /// Adds a list that is not empty.
    #[must_use]
    pub(super) fn texts(self, key: &str, texts: &[String]) -> Self {
        self.maybe(key, (!texts.is_empty()).then(|| Node::texts(texts)))
    }

    pub(super) fn entries(self) -> Vec<(String, Node)> {
        self.0
    }

    pub(super) fn map(self) -> Node {
        Node::Map(self.0)
    }
}

/// A part of a text that refers to the place of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Text(&'t str),
    Partition,
    Account,
    Region,
}

/// Splits a text at `${AWS::Partition}`, `${AWS::AccountId}` and `${AWS::Region}`.
pub(super) fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    const PLACES: [(&str, Piece<'static>); 3] = [
        ("${AWS::Partition}", Piece::Partition),
        ("${AWS::AccountId}", Piece::Account),
        ("${AWS::Region}", Piece::Region),
    ];
    let mut pieces = Vec::new();
    loop {
        let first = PLACES
            .iter()
            .filter_map(|(word, piece)| Some((text.split_once(word)?, *piece)))
            .min_by_key(|((before, _), _)| before.len());
        let Some(((before, after), place)) = first else { break };
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(place);
        text = after;
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// Returns a text that may refer to the place of the deployment. `place` is the expression of a
/// place; `join` makes one expression of several pieces.
pub(super) fn placed(
    text: &str,
    place: impl Fn(Piece<'_>) -> &'static str,
    join: impl Fn(&[Piece<'_>]) -> String,
) -> Node {
    match pieces(text).as_slice() {
        [] | [Piece::Text(_)] => Node::text(text),
        [one] => Node::raw(place(*one)),
        several => Node::Raw(join(several)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_the_places_that_it_names() {
        assert_eq!(
            pieces("arn:${AWS::Partition}:x:${AWS::Region}${AWS::AccountId}"),
            [
                Piece::Text("arn:"),
                Piece::Partition,
                Piece::Text(":x:"),
                Piece::Region,
                Piece::Account
            ]
        );
        assert_eq!(pieces("${aws:username}"), [Piece::Text("${aws:username}")]);
    }
}
