//! Signature Version 4 of a request: signed again, and compared. Pure.

mod fast_path;

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use http::{request::Parts, uri::PathAndQuery};

use super::{
    claim::{Claim, incomplete},
    presigned,
};
use crate::http::error::ApiError;

/// The generated key, and the server's address, which is signed with each request.
pub(super) struct Signer<'a> {
    pub(super) access_key: &'a str,
    pub(super) secret_key: &'a str,
    pub(super) host: &'a str,
}

impl Signer<'_> {
    /// Returns `true` if a request, whose body has the hexadecimal SHA-256 `sha256`, has the
    /// signature that its claim has to have.
    pub(super) fn verify(
        &self,
        head: &Parts,
        claim: &Claim<'_>,
        query: Option<&presigned::Query>,
        sha256: &str,
        time: SystemTime,
    ) -> Result<bool, ApiError> {
        let holds = |expected: &str| same(expected.as_bytes(), claim.signature.as_bytes());
        if query.is_none()
            && fast_path::sign(self.secret_key, head, claim, sha256).is_some_and(|it| holds(&it))
        {
            return Ok(true);
        }
        let expected = self
            .sign(head, claim, query, sha256, time)
            .map_err(|error| incomplete(&format!("it cannot be signed again: {error}")))?;
        Ok(holds(&expected))
    }

    fn sign(
        &self,
        head: &Parts,
        claim: &Claim<'_>,
        query: Option<&presigned::Query>,
        sha256: &str,
        time: SystemTime,
    ) -> Result<String, Box<dyn std::error::Error>> {
        let token = query.and_then(presigned::Query::token).map(str::to_owned);
        let identity =
            Credentials::new(self.access_key, self.secret_key, token, None, "local").into();
        let mut settings = SigningSettings::default();
        if query.is_some() {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = claim.validity;
        }
        // Exactly the headers that the caller signed, even those that the signing crate would leave
        // out.
        settings.excluded_headers = None;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(claim.region)
            .name(claim.service)
            .time(time)
            .settings(settings)
            .build()?
            .into();
        let mut headers = Vec::new();
        for name in claim.signed_headers.split(';') {
            for value in head.headers.get_all(name) {
                headers.push((name, value.to_str()?));
            }
        }
        let path = match query {
            Some(query) => format!("{}?{}", head.uri.path(), query.rest),
            None => head.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned(),
        };
        let uri = format!("http://{}{path}", self.host);
        let body = SignableBody::Precomputed(sha256.to_owned());
        let request = SignableRequest::new(head.method.as_str(), uri, headers.into_iter(), body)?;
        Ok(sign(request, &params)?.into_parts().1)
    }
}

/// Compares in constant time, so that the time does not reveal the position of the first
/// difference.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
