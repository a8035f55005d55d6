//! The X-Ray trace header, as Lambda passes it on. Pure: text in, text out.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{http::ids, store::function::Function};

/// The header for an invocation of this function: it continues the caller's trace or begins a new
/// one; the segment is new. With active tracing a trace without a sampling decision is sampled:
/// here a trace costs nothing.
pub(crate) fn header(caller: Option<&str>, function: &Function) -> String {
    let active = function.other.get("TracingConfig").and_then(|config| config.get("Mode"))
        == Some(&json!("Active"));
    let field = |name: &str| caller.and_then(|header| field(header, name));
    let segment = ids::uuid().simple().to_string();
    let root = field("Root").map_or_else(new_root, str::to_owned);
    let sampled = match field("Sampled") {
        Some("1") => 1,
        Some("0") => 0,
        _ => u8::from(active),
    };
    // Lambda's own segment exists only if the trace is sampled.
    let parent = field("Parent").filter(|_| sampled == 0);
    let mut header =
        format!("Root={root};Parent={:.16};Sampled={sampled}", parent.unwrap_or(&segment));
    if let Some(lineage) = field("Lineage") {
        let _ = write!(header, ";Lineage={lineage}");
    }
    header
}

fn new_root() -> String {
    let seconds = jiff::Timestamp::now().as_second();
    let rest = ids::uuid().simple().to_string();
    format!("1-{seconds:08x}-{rest:.24}")
}

/// A sampled trace, as it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace<'a> {
    header: &'a str,
    root: &'a str,
    segment: &'a str,
}

impl<'a> Trace<'a> {
    /// Reads a header. Returns `None` if its trace is not sampled.
    pub(crate) fn sampled(header: &'a str) -> Option<Self> {
        let field = |name| field(header, name);
        (field("Sampled") == Some("1"))
            .then(|| Some(Self { header, root: field("Root")?, segment: field("Parent")? }))
            .flatten()
    }

    /// The line after `REPORT`.
    pub(crate) fn line(&self) -> String {
        format!("XRAY TraceId: {}\tSegmentId: {}\tSampled: true\t\n", self.root, self.segment)
    }

    /// The field `tracing` of an event.
    pub(crate) fn record(&self) -> Value {
        json!({ "spanId": self.segment, "type": "X-Amzn-Trace-Id", "value": self.header })
    }
}

fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sampled_header_is_a_trace() {
        let root = "1-62e900b2-710d76f009d6e7785905449a";
        let header = format!("Root={root};Parent=0efbd19962d95b05;Sampled=1");
        let trace = Trace::sampled(&header).unwrap();
        assert_eq!(
            trace.line(),
            format!("XRAY TraceId: {root}\tSegmentId: 0efbd19962d95b05\tSampled: true\t\n")
        );
        assert_eq!(trace.record()["spanId"], "0efbd19962d95b05");
        assert_eq!(Trace::sampled(&format!("Root={root};Parent=0efbd19962d95b05;Sampled=0")), None);
        assert_eq!(Trace::sampled(&format!("Root={root}")), None);
    }
}
