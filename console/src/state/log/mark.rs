//! What a tail says of its lines beside the lines: where some were missed, and what is known of them only later.

use serde::{Deserialize, Serialize};

/// Why lines may have been missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarkKind {
    /// More were written than a live tail sends: it sent a sample.
    Sampled,
    /// The live tail ended, with the reason, and another had to be begun.
    Reconnected(String),
}

/// A place where lines were missed. The same mark comes again, with what was filled in, when they have been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogMark {
    /// Names it among the marks of its tail.
    pub id: u64,
    /// Where it stands, in milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// What happened.
    pub kind: MarkKind,
    /// How many lines were filled in; none while they are being read.
    pub filled: Option<u64>,
}

impl LogMark {
    /// The mark in words.
    pub fn text(&self) -> String {
        let what = match &self.kind {
            MarkKind::Sampled => "more lines than a live tail sends".to_owned(),
            MarkKind::Reconnected(why) => format!("the live tail was begun anew: {why}"),
        };
        match self.filled {
            None => format!("{what}; reading those that were missed …"),
            Some(0) => format!("{what}; none was missed"),
            Some(1) => format!("{what}; 1 line filled in"),
            Some(lines) => format!("{what}; {lines} lines filled in"),
        }
    }
}

/// What is known only now of a line that was given out: its request, or that another place is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFix {
    /// The function's name.
    pub function: String,
    /// The log stream.
    pub stream: String,
    /// The line's timestamp.
    pub timestamp: i64,
    /// The line's rank as it was given.
    pub rank: i64,
    /// The rank that it has instead.
    pub new_rank: Option<i64>,
    /// The request that it belongs to.
    pub request_id: Option<String>,
}
