//! The address of a request to a function URL.

use http::request::Parts;

use crate::store::url_config::{DOMAIN, PATH};

/// Address in a request to a URL.
pub(crate) struct Address {
    /// ID of the URL.
    pub(super) id: String,
    /// Host name, without its port.
    pub(super) host: String,
    /// Path under the URL, as it was sent.
    pub(super) path: String,
    /// Port of the server.
    pub(super) port: u16,
}

impl Address {
    /// Reads the address of a request to a server on `port`; `None` if the request is for an API.
    pub(crate) fn read(head: &Parts, port: u16) -> Option<Self> {
        let mut hosts = head.headers.get_all("host").iter();
        let host = hosts.next()?.to_str().ok()?;
        // A request with two hosts, or with another one in its first line, is refused by the
        // authentication.
        if hosts.next().is_some()
            || head.uri.authority().is_some_and(|authority| authority.as_str() != host)
        {
            return None;
        }
        let (name, of) = host.split_once(':')?;
        if of != port.to_string() {
            return None;
        }
        let path = head.uri.path();
        if let Some(id) = name.to_ascii_lowercase().strip_suffix(DOMAIN) {
            return Some(Self {
                id: id.to_owned(),
                host: name.to_owned(),
                path: path.to_owned(),
                port,
            });
        }
        let rest = path.strip_prefix(PATH).filter(|_| matches!(name, "127.0.0.1" | "localhost"))?;
        let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
        Some(Self { id: id.to_owned(), host: name.to_owned(), path: format!("/{rest}"), port })
    }
}
