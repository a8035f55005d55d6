//! Requests with the signature in their query string, so that any HTTP client can send them for a
//! limited time.

use std::time::Duration;

use http::{header::AUTHORIZATION, request::Parts};

use super::claim::{ALGORITHM, Claim, incomplete};
use crate::http::{error::ApiError, query::decode};

/// Query parameters that make up the signature; the rest of the query is signed.
const FIELDS: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];
/// Longest validity of a signature: seven days, in seconds.
const LONGEST: u64 = 604_800;

/// Query string of a presigned request.
pub(super) struct Query {
    fields: Vec<(String, String)>,
    /// The query without the signature's parameters, as it was sent.
    pub(super) rest: String,
}

impl Query {
    /// Returns the signature that the query contains.
    pub(super) fn claim(&self) -> Result<Claim<'_>, ApiError> {
        let validity = Some(self.validity()?);
        Claim::new(
            self.field("X-Amz-Credential")?,
            self.field("X-Amz-SignedHeaders")?,
            self.field("X-Amz-Signature")?,
            self.field("X-Amz-Date")?,
            validity,
        )
    }

    /// Reads the query; returns `None` if it contains no signature.
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
        let is_signed =
            fields.iter().any(|(name, _)| name == "X-Amz-Algorithm" || name == "X-Amz-Signature");
        is_signed.then(|| Self { fields, rest: rest.join("&") })
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the signature. A parameter that is repeated is an error.
    pub(super) fn field(&self, name: &str) -> Result<&str, ApiError> {
        match self.fields.iter().filter(|(field, _)| field == name).count() {
            1 => Ok(self.find(name).unwrap_or_default()),
            0 => Err(incomplete(&format!("its query has no {name}"))),
            _ => Err(incomplete(&format!("its query has {name} more than once"))),
        }
    }

    /// Time for which the signature is valid.
    pub(super) fn validity(&self) -> Result<Duration, ApiError> {
        if self.field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete(&format!("X-Amz-Algorithm is not {ALGORITHM}")));
        }
        let seconds = self.field("X-Amz-Expires")?;
        let seconds = seconds.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
        let seconds = seconds.ok_or_else(|| {
            incomplete("X-Amz-Expires is not a number of seconds from 1 to 604800")
        })?;
        Ok(Duration::from_secs(seconds))
    }

    /// Session token that the request was signed with.
    pub(super) fn token(&self) -> Option<&str> {
        self.find("X-Amz-Security-Token")
    }

    /// SHA-256 of the body, which SDKs move from a header into the query.
    pub(super) fn content_sha256(&self) -> Option<&str> {
        self.rest.split('&').find_map(|part| part.strip_prefix("X-Amz-Content-Sha256="))
    }
}
