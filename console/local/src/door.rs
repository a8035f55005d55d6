//! The door: who may speak to the local Lambda. Requests come from this machine's loopback, name this server as their
//! `Host`, carry no `Origin` (a web page always does), and are signed with the generated key. Reads only the request.

pub(crate) mod download;
mod plain;

use crate::fault::Fault;
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use std::time::SystemTime;

/// How far the caller's clock may be off, in seconds: AWS's own five minutes.
const SKEW_SECONDS: i64 = 300;

/// Checks requests before anything else sees them.
pub(crate) struct Door {
    hosts: [String; 4],
    access_key: String,
    secret_key: String,
}

impl Door {
    /// The door of a server on `port` of the loopback, with its generated key.
    pub(crate) fn new(port: u16, access_key: &str, secret_key: &str) -> Self {
        // The SDKs send live tails to the host name prefixed with `stream-`.
        let hosts = ["127.0.0.1", "localhost", "stream-127.0.0.1", "stream-localhost"].map(|h| format!("{h}:{port}"));
        Self { hosts, access_key: access_key.to_owned(), secret_key: secret_key.to_owned() }
    }

    /// What can be judged before the body is read: where the request comes from and whose key it names.
    pub(crate) fn admit(&self, head: &Parts) -> Result<(), Fault> {
        refuse_origin(&head.headers)?;
        let mut hosts = head.headers.get_all("host").iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        let authority = head.uri.authority().map_or(host, http::uri::Authority::as_str);
        if hosts.next().is_some() || authority != host || !self.hosts.iter().any(|known| known == host) {
            let message = format!("Host {host:?} is not this server's; use {}", self.hosts[0]);
            return Err(Fault::new(403, "AccessDeniedException", message));
        }
        if download::is_download(head) {
            return Ok(());
        }
        self.know(&Claim::read(&head.headers)?)
    }

    fn know(&self, claim: &Claim<'_>) -> Result<(), Fault> {
        if claim.access_key != self.access_key {
            let message = "The security token included in the request is invalid: its access key is not this server's.";
            return Err(Fault::new(403, "UnrecognizedClientException", message));
        }
        Ok(())
    }

    /// That a request which did not come through [`Self::admit`] is signed, and for that AWS service; gives its key.
    pub(crate) fn verify_for(
        &self,
        service: &str,
        head: &Parts,
        sha256: &str,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let claim = Claim::read(&head.headers)?;
        self.know(&claim)?;
        if claim.service != service {
            let message = format!("Credential should be scoped to correct service: '{service}'.");
            return Err(Fault::new(403, "InvalidSignatureException", message));
        }
        self.verify_headers(head, sha256, now)?;
        Ok(claim.access_key.to_owned())
    }

    /// The signature of the whole request, whose body has the hexadecimal SHA-256 `sha256`: signs it again and compares.
    pub(crate) fn verify(&self, head: &Parts, sha256: &str, now: Timestamp) -> Result<(), Fault> {
        if download::is_download(head) {
            return self.verify_download(head, now);
        }
        self.verify_headers(head, sha256, now)
    }

    fn verify_headers(&self, head: &Parts, sha256: &str, now: Timestamp) -> Result<(), Fault> {
        let claim = Claim::read(&head.headers)?;
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let date = text("x-amz-date").ok_or_else(|| incomplete("it has no X-Amz-Date header"))?;
        let time = DateTime::strptime("%Y%m%dT%H%M%SZ", date)
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map_err(|error| incomplete(&format!("X-Amz-Date {date:?} is no ISO 8601 basic time ({error})")))?
            .timestamp();
        if (now.as_second() - time.as_second()).abs() > SKEW_SECONDS {
            let message = format!("Signature expired: {date} is more than five minutes away from {now}");
            return Err(Fault::new(403, "InvalidSignatureException", message));
        }
        if date.get(..8) != Some(claim.date) {
            return Err(incomplete("the date of its credential scope is not that of X-Amz-Date"));
        }
        // Nothing here streams, so an unsigned body has no honest use.
        if text("x-amz-content-sha256").is_some_and(|claimed| claimed != sha256) {
            let message = "X-Amz-Content-SHA256 is not the SHA-256 of the body (unsigned payloads are not accepted)";
            return Err(Fault::new(403, "InvalidSignatureException", message));
        }
        let signed: Vec<&str> = claim.signed_headers.split(';').collect();
        if !["host", "x-amz-date"].iter().all(|name| signed.contains(name)) {
            return Err(incomplete("Host and X-Amz-Date must be signed"));
        }
        let holds = |expected: &str| same(expected.as_bytes(), claim.signature.as_bytes());
        if plain::sign(&self.secret_key, head, &claim, sha256, date).is_some_and(|expected| holds(&expected)) {
            return Ok(());
        }
        let expected = self
            .sign(head, &claim, &signed, sha256, time.into())
            .map_err(|error| incomplete(&format!("it cannot be signed again: {error}")))?;
        if holds(&expected) {
            return Ok(());
        }
        let message = "The request signature we calculated does not match the signature you provided. \
                       Check your AWS Secret Access Key and signing method.";
        Err(Fault::new(403, "InvalidSignatureException", message))
    }

    fn sign(
        &self,
        head: &Parts,
        claim: &Claim<'_>,
        signed: &[&str],
        sha256: &str,
        time: SystemTime,
    ) -> Result<String, Box<dyn std::error::Error>> {
        let identity = Credentials::new(&self.access_key, &self.secret_key, None, None, "local").into();
        let mut settings = SigningSettings::default();
        // Exactly what the caller signed, be it a header that this crate would leave out.
        settings.excluded_headers = None;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(claim.region)
            .name(claim.service)
            .time(time)
            .settings(settings)
            .build()?
            .into();
        let mut headers = Vec::with_capacity(signed.len());
        for name in signed {
            for value in head.headers.get_all(*name) {
                headers.push((*name, value.to_str()?));
            }
        }
        let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let uri = format!("http://{}{path}", self.hosts[0]);
        let body = SignableBody::Precomputed(sha256.to_owned());
        let request = SignableRequest::new(head.method.as_str(), uri, headers.into_iter(), body)?;
        Ok(sign(request, &params)?.into_parts().1)
    }
}

/// Refuses what a browser sends for a page.
pub(crate) fn refuse_origin(headers: &HeaderMap) -> Result<(), Fault> {
    if headers.contains_key("origin") {
        return Err(Fault::new(403, "AccessDeniedException", "requests with an Origin header are refused"));
    }
    Ok(())
}

/// What the Authorization header says.
struct Claim<'a> {
    access_key: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn read(headers: &'a HeaderMap) -> Result<Self, Fault> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Err(Fault::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token"));
        };
        let rest = header
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("AWS4-HMAC-SHA256"))
            .ok_or_else(|| incomplete("the Authorization header is not AWS4-HMAC-SHA256"))?;
        let field = |name: &str| {
            rest.split(',')
                .filter_map(|part| part.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .ok_or_else(|| incomplete(&format!("the Authorization header has no {name}")))
        };
        let scope: Vec<&str> = field("Credential")?.split('/').collect();
        let &[access_key, date, region, service, "aws4_request"] = scope.as_slice() else {
            return Err(incomplete("the Credential is not KEY/DATE/REGION/SERVICE/aws4_request"));
        };
        let (signed_headers, signature) = (field("SignedHeaders")?, field("Signature")?);
        Ok(Self { access_key, date, region, service, signed_headers, signature })
    }
}

fn incomplete(why: &str) -> Fault {
    Fault::new(403, "IncompleteSignatureException", format!("The request is not properly signed: {why}"))
}

/// Compares without telling by its time where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
