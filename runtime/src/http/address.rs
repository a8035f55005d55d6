//! Paths and queries in URI form. Senders differ: a function URL, a REST API and a load balancer
//! pass a path on as it arrived, an HTTP API decodes it, and adds the stage at the front.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::event::RequestContext;
use super::values::Values;

/// Percent-encodes all characters that a URI cannot contain (the URL standard's query
/// percent-encode set) and the bytes `also`. Existing percent-encoding is kept.
pub(super) fn complete<'a>(text: &'a str, also: &[u8]) -> Cow<'a, str> {
    let holds =
        |byte: u8| byte.is_ascii_graphic() && !b"\"#<>".contains(&byte) && !also.contains(&byte);
    percent_encode(text, holds)
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
pub(super) fn encode(text: &str) -> Cow<'_, str> {
    percent_encode(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn percent_encode(text: &str, holds: impl Fn(u8) -> bool) -> Cow<'_, str> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if text.bytes().all(&holds) {
        return text.into();
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if holds(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend([
                '%',
                char::from(DIGITS[usize::from(byte >> 4)]),
                char::from(DIGITS[usize::from(byte & 15)]),
            ]);
        }
    }
    encoded.into()
}

/// The path that matched a route of API Gateway: `GET /hello/{name}` with its parameters. `None`
/// for `$default`, which matches any path, and if a parameter is missing.
pub(super) fn route(
    template: &str,
    parameters: Option<&BTreeMap<String, Values>>,
) -> Option<String> {
    let (_, template) = template.split_once('/')?;
    let mut path = String::new();
    for segment in template.split('/') {
        path.push('/');
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            Some(name) => path.push_str(parameters?.get(name.trim_end_matches('+'))?.0.first()?),
            None => path.push_str(segment),
        }
    }
    Some(path)
}

/// Removes the stage name at the front of a path, if it is there. The route determines that;
/// otherwise the domain does: API Gateway's own have stages, custom ones do not.
pub(super) fn without_stage<'a>(
    path: &'a str,
    context: &RequestContext,
    route: Option<&str>,
) -> &'a str {
    let stage = context.stage.as_deref().filter(|stage| *stage != "$default");
    let Some(rest) = stage.and_then(|stage| below(path, stage)) else { return path };
    let is_taken = |path: &str| {
        route.is_some_and(|route| route.trim_end_matches('/') == path.trim_end_matches('/'))
    };
    let has_stages =
        || context.domain_name.as_deref().is_none_or(|domain| domain.contains(".execute-api."));
    if is_taken(rest) || !is_taken(path) && has_stages() { rest } else { path }
}

/// Removes the base path at the front of a path, if it is there.
pub(super) fn without_base<'a>(path: &'a str, base: &str) -> &'a str {
    let base = base.trim_matches('/');
    if base.is_empty() { path } else { below(path, base).unwrap_or(path) }
}

/// The rest of a path after these whole segments at its beginning.
fn below<'a>(path: &'a str, segments: &str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(segments)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
