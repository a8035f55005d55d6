//! The pages of a list.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::http::{error::ApiError, request::ApiRequest};

/// Maximum number of items in a page, whatever the request.
pub(super) const PAGE: usize = 50;

/// Returns the page that a call requests with `Marker` and `MaxItems` (at most `most`), and the
/// next page's marker. `items` are in the order of their keys; a marker is the encoded key of the
/// last item returned, so that items which are added or removed in between neither hide nor repeat
/// the others.
pub(super) fn page<T>(
    call: &ApiRequest,
    most: u32,
    items: impl Iterator<Item = (String, T)>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let limit = match call.query("MaxItems") {
        None => PAGE,
        Some(text) => {
            let number: i64 = text.parse().map_err(|error| {
                ApiError::new(
                    400,
                    "SerializationException",
                    format!("MaxItems {text:?} is not a number: {error}"),
                )
            })?;
            super::validate::within(number, "maxItems", 1, most)? as usize
        }
    };
    let limit = limit.min(PAGE);
    let marker = marker(call)?;
    let mut rest = items.filter(|(key, _)| *key > marker).peekable();
    let (mut items, mut last) = (Vec::new(), None);
    while let Some((key, item)) = rest.next_if(|_| items.len() < limit) {
        items.push(item);
        last = Some(key);
    }
    let next = last.filter(|_| rest.peek().is_some());
    Ok((items, next.map(|key| URL_SAFE_NO_PAD.encode(key))))
}

/// Returns the key of the last item of the page before, or an empty one.
pub(super) fn marker(call: &ApiRequest) -> Result<String, ApiError> {
    let marker = call.query("Marker").unwrap_or_default();
    let key = URL_SAFE_NO_PAD.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| ApiError::invalid("Invalid Marker."))
}
