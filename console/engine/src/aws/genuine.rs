//! Detects answers that are not AWS's: the page of a proxy that blocks the call, or of a network
//! that requires a login, instead of the service's own answer. With status 200 such a page would be
//! taken for success.
//!
//! Pure.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use lambda_console_model::text::{fit, one_line};

/// Headers of which each answer of a service has at least one.
const IDS: [&str; 4] = ["x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id", "x-amz-id-2"];
/// Maximum length of a page that is read, in bytes, and shown, in columns.
const READ: usize = 4096;
const SHOWN: usize = 120;

/// An answer that did not come from a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is not from AWS: {0}")]
pub(super) struct Foreign(String);

/// Checks that the answer came from a service.
pub(super) fn check(response: &HttpResponse) -> Result<(), Foreign> {
    let header = |name: &str| response.headers().get(name);
    let status = response.status().as_u16();
    let kind = header("content-type").unwrap_or_default();
    let is_page = kind.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
        || (300..400).contains(&status);
    if !is_page || IDS.iter().any(|id| header(id).is_some()) {
        return Ok(());
    }
    let mut text = format!("HTTP status {status}");
    if !kind.is_empty() {
        text = format!("{text}, {}", one_line(kind));
    }
    if let Some(location) = header("location") {
        // The rest of the URL may contain a secret of the login.
        let origin = location.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        text = format!("{text}, redirected to {}", fit(&one_line(&origin), SHOWN));
    }
    let body = response.body().bytes().unwrap_or_default();
    let body = String::from_utf8_lossy(body.get(..READ).unwrap_or(body));
    let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if !words.is_empty() {
        text = format!("{text}: {}", fit(&one_line(&words), SHOWN));
    }
    Err(Foreign(text))
}
