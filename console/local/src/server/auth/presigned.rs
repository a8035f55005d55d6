//! Requests that carry their signature in the query, so that any HTTP client may send them for a while.

use super::sigv4::{ALGORITHM, SigV4, incomplete};
use crate::http::{error::ApiError, query::decode};
use http::{header::AUTHORIZATION, request::Parts};
use std::time::Duration;

/// What a signature in a query consists of; the rest of the query is signed.
const FIELDS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];
/// How long a signature is good at most: seven days.
const LONGEST: u64 = 604_800;

/// The query of a presigned request.
pub(super) struct Query {
    fields: Vec<(String, String)>,
    /// What is not of the signature, as it was sent.
    pub(super) rest: String,
}

impl Query {
    /// The signature that it carries.
    pub(super) fn claim(&self) -> Result<SigV4<'_>, ApiError> {
        let validity = Some(self.validity()?);
        SigV4::new(
            self.field("X-Amz-Credential")?,
            self.field("X-Amz-SignedHeaders")?,
            self.field("X-Amz-Signature")?,
            self.field("X-Amz-Date")?,
            validity,
        )
    }

    /// Reads it; none when the request is not signed there.
    pub(super) fn read(head: &Parts) -> Option<Self> {
        let query = head.uri.query().filter(|query| query.contains("X-Amz-"))?;
        if head.headers.contains_key(AUTHORIZATION) {
            return None;
        }
        let (mut fields, mut rest) = (Vec::new(), Vec::new());
        for part in query.split('&') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = decode(name, false);
            if FIELDS.contains(&name.as_ref()) {
                fields.push((name.into_owned(), decode(value, false).into_owned()));
            } else {
                rest.push(part);
            }
        }
        let is_signed = fields.iter().any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature");
        is_signed.then(|| Self { fields, rest: rest.join("&") })
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// A part of the signature. A part that is there twice says nothing.
    pub(super) fn field(&self, name: &str) -> Result<&str, ApiError> {
        match self.fields.iter().filter(|(field, _)| field == name).count() {
            1 => Ok(self.find(name).unwrap_or_default()),
            0 => Err(incomplete(&format!("its query has no {name}"))),
            _ => Err(incomplete(&format!("its query has {name} more than once"))),
        }
    }

    /// How long it is good.
    pub(super) fn validity(&self) -> Result<Duration, ApiError> {
        if self.field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete(&format!("X-Amz-Algorithm is not {ALGORITHM}")));
        }
        let seconds = self.field("X-Amz-Expires")?;
        let seconds = seconds.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
        let seconds = seconds.ok_or_else(|| incomplete("X-Amz-Expires is not a number of seconds from 1 to 604800"))?;
        Ok(Duration::from_secs(seconds))
    }

    /// The session token that it was signed with.
    pub(super) fn token(&self) -> Option<&str> {
        self.find("X-Amz-Security-Token")
    }

    /// The hash of the body that it names: what SDKs move into the query from a header.
    pub(super) fn content_sha256(&self) -> Option<&str> {
        self.rest.split('&').find_map(|part| part.strip_prefix("X-Amz-Content-Sha256="))
    }
}
