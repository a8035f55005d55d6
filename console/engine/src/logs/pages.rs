//! Reads log groups in pages.

use super::{group::Group, merge::Entry};
use crate::aws::{error::CallError, stage::Stage};

/// Range of a group to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range<'a> {
    /// Its number.
    pub(super) number: usize,
    /// The group.
    pub(super) group: &'a Group,
    /// Events from this time on, in milliseconds since the Unix epoch.
    pub(super) since: i64,
    /// Only events that match this filter pattern.
    pub(super) pattern: Option<&'a str>,
    /// Only of this stream.
    pub(super) stream: Option<&'a str>,
}

/// The page of `range` after the one that returned `token`, and the token of the next. Pages may be
/// empty and still be followed by others.
pub(super) async fn page(
    stage: &Stage,
    range: Range<'_>,
    token: Option<String>,
) -> Result<(Vec<Entry>, Option<String>), CallError> {
    let Range { number, group, since, pattern, stream } = range;
    let token = &token;
    let page = stage
        .call(|clients| async move {
            clients
                .logs()
                .filter_log_events()
                .log_group_name(&group.name)
                .start_time(since.max(0))
                .set_filter_pattern(pattern.map(str::to_owned))
                .set_log_stream_names(stream.map(|stream| vec![stream.to_owned()]))
                .set_next_token(token.clone())
                .send()
                .await
        })
        .await?;
    let entry = |event: &aws_sdk_cloudwatchlogs::types::FilteredLogEvent| {
        Some(Entry {
            group: number,
            line: group.line(event.timestamp(), event.log_stream_name(), event.message())?,
            ingested: event.ingestion_time().unwrap_or_default(),
            id: event.event_id().map(str::to_owned),
        })
    };
    let entries = page.events().iter().filter_map(entry).collect();
    Ok((entries, page.next_token().map(str::to_owned)))
}

/// A `CloudWatch` filter pattern for lines that contain `text`.
pub(super) fn pattern(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_the_text_as_it_is() {
        assert_eq!(pattern(r#"say "hi" \o/"#), r#""say \"hi\" \\o/""#);
    }
}
