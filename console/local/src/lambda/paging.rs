//! A page of a list: `MaxItems`, `Marker` and `NextMarker`. Pure functions.

use crate::{call::Call, fault::Fault};

/// How many items a page has at most.
const PAGE: usize = 50;

/// The page that a request asks for, and the marker of the next one. The items come in the order of their keys; a marker
/// is the key of the last item told.
pub(super) fn page<T>(
    call: &Call,
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> &str,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let limit = match call.query("MaxItems") {
        None => PAGE,
        Some(text) => match text.parse::<usize>() {
            Ok(number) if (1..=PAGE).contains(&number) => number,
            _ => return Err(Fault::validation(text, "maxItems", &format!("be between 1 and {PAGE}"))),
        },
    };
    let marker = call.query("Marker").filter(|marker| !marker.is_empty());
    let mut rest = items.filter(|item| marker.is_none_or(|marker| key(item) > marker)).peekable();
    let mut page = Vec::new();
    while let Some(item) = rest.next_if(|_| page.len() < limit) {
        page.push(item);
    }
    let next = rest.peek().and(page.last()).map(|last| key(last).to_owned());
    Ok((page, next))
}
