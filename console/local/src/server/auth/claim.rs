//! The parts of a signature: its access key, scope, time and signed headers. Source: AWS Identity
//! and Access Management user guide, "AWS Signature Version 4 for API requests".

use std::time::Duration;

use http::{HeaderMap, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use crate::http::error::ApiError;

/// Maximum difference between the caller's clock and this one: five minutes, as on AWS.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Format of timestamps.
const FORMAT: &str = "%Y%m%dT%H%M%SZ";
/// The only supported algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Parsed signature of a request.
pub(super) struct Claim<'a> {
    pub(super) access_key: &'a str,
    /// Date in the credential scope.
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
    /// Time of signing, as it was sent.
    pub(super) time: &'a str,
    /// Validity from that time on, if the signature is in the query.
    pub(super) validity: Option<Duration>,
}

impl<'a> Claim<'a> {
    /// Reads the signature in a request's Authorization header.
    pub(super) fn in_header(headers: &'a HeaderMap) -> Result<Self, ApiError> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Err(ApiError::new(
                403,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ));
        };
        let rest =
            header.to_str().ok().and_then(|text| text.strip_prefix(ALGORITHM)).ok_or_else(
                || incomplete(&format!("the Authorization header is not {ALGORITHM}")),
            )?;
        let field = |name: &str| {
            rest.split(',')
                .filter_map(|part| part.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or_else(|| incomplete(&format!("the Authorization header has no {name}")))
        };
        let date = headers.get("x-amz-date").and_then(|date| date.to_str().ok());
        let date = date.ok_or_else(|| incomplete("it has no X-Amz-Date header"))?;
        Self::new(field("Credential")?, field("SignedHeaders")?, field("Signature")?, date, None)
    }

    /// Parses the credential of a signature.
    pub(super) fn new(
        credential: &'a str,
        signed_headers: &'a str,
        signature: &'a str,
        time: &'a str,
        validity: Option<Duration>,
    ) -> Result<Self, ApiError> {
        let scope: Vec<&str> = credential.split('/').collect();
        let &[access_key, date, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(incomplete("the Credential is not KEY/DATE/REGION/SERVICE/aws4_request"));
        };
        Ok(Self { access_key, date, region, service, signed_headers, signature, time, validity })
    }

    /// Returns the time of signing, or an error if the signature is not valid at `now`.
    pub(super) fn check_time(&self, now: Timestamp) -> Result<Timestamp, ApiError> {
        let written = self.time;
        let time = DateTime::strptime(FORMAT, written)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|error| {
                incomplete(&format!(
                    "X-Amz-Date {written:?} is not a time in ISO 8601 basic format ({error})"
                ))
            })?
            .timestamp();
        if written.get(..8) != Some(self.date) {
            return Err(incomplete("the date of its credential scope is not that of X-Amz-Date"));
        }
        let validity = self
            .validity
            .and_then(|validity| SignedDuration::try_from(validity).ok())
            .unwrap_or(SKEW);
        let age = now.duration_since(time);
        let shown = |time: Timestamp| time.strftime(FORMAT).to_string();
        if age > validity {
            let seconds = validity.as_secs();
            let (earliest, now) = (shown(now - validity), shown(now));
            return Err(mismatch(format!(
                "Signature expired: {written} is now earlier than {earliest} ({now} - {seconds} s.)"
            )));
        }
        if age < -SKEW {
            let (latest, now) = (shown(now + SKEW), shown(now));
            return Err(mismatch(format!(
                "Signature not yet current: {written} is still later than {latest} ({now} + 5 min.)"
            )));
        }
        Ok(time)
    }

    /// Checks that the signature covers the host, the time and every `X-Amz` header, which give a
    /// request its meaning.
    pub(super) fn check_headers(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let is_signed = |name: &str| self.signed_headers.split(';').any(|signed| signed == name);
        if !is_signed("host") {
            return Err(mismatch(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let bare =
            headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
        let bare: Vec<&str> = bare.filter(|name| !is_signed(name)).collect();
        if !bare.is_empty() {
            let names = bare.join(", ");
            return Err(mismatch(format!(
                "There were headers present in the request which were not signed: {names}"
            )));
        }
        Ok(())
    }
}

/// Error for a signature with a missing part.
pub(super) fn incomplete(why: &str) -> ApiError {
    ApiError::new(
        403,
        "IncompleteSignatureException",
        format!("The request is not properly signed: {why}"),
    )
}

/// Error for a signature that does not match the request.
pub(super) fn mismatch(message: impl Into<String>) -> ApiError {
    ApiError::new(403, "InvalidSignatureException", message)
}
