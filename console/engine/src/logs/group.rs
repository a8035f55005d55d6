//! The log groups of functions: each function has its own, or several share one.

use std::collections::HashMap;

use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::LogLine;

use crate::aws::{error::CallError, log_group, stage::Stage};

/// A log group, and the selected functions that write to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    functions: Vec<Writer>,
}

/// A function that writes to a log group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Writer {
    function: String,
    /// Its name on the stage.
    remote: String,
}

impl Group {
    /// The selected functions.
    pub(super) fn functions(&self) -> impl Iterator<Item = &str> {
        self.functions.iter().map(|writer| writer.function.as_str())
    }

    /// Their names, as part of a sentence.
    pub(super) fn names(&self) -> String {
        self.functions().collect::<Vec<_>>().join(", ")
    }

    /// The function that writes to `stream`; `None` if it is not selected. In a custom log group,
    /// the names of a function's streams contain its name: `2026/11/21/hello[$LATEST]0123…`.
    fn function_of(&self, stream: &str) -> Option<&str> {
        let last = stream.rsplit('/').next().unwrap_or_default();
        let named = last.split_once('[').map(|(name, _)| name).filter(|name| !name.is_empty());
        let writer = match named {
            Some(name) => self.functions.iter().find(|writer| writer.remote == name),
            None => self.functions.first(),
        };
        writer.map(|writer| writer.function.as_str())
    }

    /// Converts an event to a line; `None` if another function wrote it.
    pub(super) fn line(
        &self,
        timestamp: Option<i64>,
        stream: Option<&str>,
        message: Option<&str>,
    ) -> Option<LogLine> {
        let stream = stream.unwrap_or_default();
        Some(LogLine {
            timestamp: timestamp.unwrap_or_default(),
            function: self.function_of(stream)?.to_owned(),
            stream: stream.to_owned(),
            rank: 0,
            request_id: None,
            message: message.unwrap_or_default().trim_end_matches(['\n', '\r']).to_owned(),
        })
    }

    /// Identifier for a live tail: its ARN without `:*`.
    pub(super) fn arn(&self, stage: &Stage) -> String {
        let info = stage.info();
        format!(
            "arn:{}:logs:{}:{}:log-group:{}",
            stage.partition(),
            info.region,
            info.account,
            self.name
        )
    }
}

/// The log groups of the functions: those of their configuration, or those that Lambda creates.
///
/// # Errors
/// Returns an error if the stage cannot be reached.
pub(super) async fn groups(stage: &Stage, functions: &[String]) -> Result<Vec<Group>, CallError> {
    let asks: Vec<_> =
        functions.iter().map(|function| group_name(stage, function).boxed()).collect();
    let answers: Vec<Result<String, CallError>> = stream::iter(asks).buffered(8).collect().await;
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (function, name) in functions.iter().zip(answers) {
        let name = name?;
        let place = *places.entry(name.clone()).or_insert_with(|| {
            groups.push(Group { name, functions: Vec::new() });
            groups.len() - 1
        });
        let writer = Writer { function: function.clone(), remote: stage.remote_name(function) };
        groups[place].functions.push(writer);
    }
    Ok(groups)
}

async fn group_name(stage: &Stage, function: &str) -> Result<String, CallError> {
    let remote = &stage.remote_name(function);
    let answer = stage
        .call(|clients| async move {
            clients.lambda().get_function_configuration().function_name(remote).send().await
        })
        .await;
    match answer {
        Ok(found) => Ok(log_group::of(found.logging_config(), remote)),
        // The logs outlive their function, and a caller may be allowed to read them but not the
        // function.
        Err(error) if error.is_not_found() || error.is_denied() => Ok(log_group::default(remote)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A group that these functions write to.
    pub(in crate::logs) fn group(name: &str, functions: &[&str]) -> Group {
        let writer = |function: &&str| Writer {
            function: (*function).to_owned(),
            remote: format!("acme-{function}"),
        };
        Group { name: name.to_owned(), functions: functions.iter().map(writer).collect() }
    }

    #[test]
    fn a_line_loses_its_line_break_and_nothing_else() {
        let line = group("/aws/lambda/hello", &["hello"])
            .line(Some(1), Some("s"), Some("  a\tb \n"))
            .unwrap();
        assert_eq!((line.message.as_str(), line.function.as_str()), ("  a\tb ", "hello"));
    }

    #[test]
    fn the_streams_of_a_shared_group_have_the_name_of_their_function() {
        let shared = group("/acme/app", &["hello", "ping"]);
        assert_eq!(shared.function_of("2026/11/21/acme-ping[$LATEST]0123"), Some("ping"));
        assert_eq!(
            shared.function_of("2026/11/21/acme-other[7]0123"),
            None,
            "it was not asked for"
        );
        assert_eq!(shared.function_of("2026/11/21/[$LATEST]0123"), Some("hello"));
        assert_eq!(shared.function_of("made-by-hand"), Some("hello"));
    }
}
