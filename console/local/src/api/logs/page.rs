//! Common parts of the Logs API's requests: the log group, limits, and pages of lists. Pure but for
//! the group.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    http::error::ApiError,
    store::logs::{Logs, error::invalid, group::Group},
};

/// Parses a request's parameters.
pub(super) fn read<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        ApiError::new(400, "SerializationException", format!("could not read the request: {error}"))
    })
}

/// Returns the group that a request identifies by one of the two.
pub(super) fn group(
    logs: &Logs,
    name: Option<&String>,
    identifier: Option<&String>,
) -> Result<Arc<Group>, ApiError> {
    match (name, identifier) {
        (Some(one), None) | (None, Some(one)) => logs.group(one),
        _ => Err(invalid(
            "You must include either logGroupIdentifier or logGroupName, but not both.",
        )),
    }
}

/// Checks that a limit is within its documented bounds.
pub(super) fn limit(asked: Option<i64>, default: usize, most: usize) -> Result<usize, ApiError> {
    match asked {
        None => Ok(default),
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=most).contains(limit))
            .ok_or_else(|| invalid(format!("limit is {limit}; it must be between 1 and {most}"))),
    }
}

/// Encodes a place as a token.
pub(super) fn token(place: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// Decodes the place in a token.
pub(super) fn place<T: DeserializeOwned>(token: &str) -> Result<T, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(bad_token)
}

/// Error for a token that no answer contained.
pub(super) fn bad_token() -> ApiError {
    invalid("The specified nextToken is invalid.")
}

/// Returns the page of `all`, ordered by `key`, that `after` requests, and the token of the next
/// page. A token contains the last key returned, so that items which are added or removed in
/// between change nothing.
pub(super) fn page<T, K: Ord + Serialize + DeserializeOwned>(
    mut all: Vec<T>,
    key: impl Fn(&T) -> K,
    descending: bool,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    all.sort_by_cached_key(&key);
    if let Some(after) = after {
        let after: K = place(after)?;
        all.retain(|item| if descending { key(item) < after } else { key(item) > after });
    }
    if descending {
        all.reverse();
    }
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|item| token(&key(item)));
    Ok((all, next))
}
