//! Authentication of requests. Requests come from this machine's loopback, name this server as
//! their `Host`, have no `Origin` (a web page always sends one), and are signed with the generated
//! key, for this region and for the service that they call. Reads only the request.

mod claim;
pub(crate) mod download;
mod presigned;
mod signature;

use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use jiff::Timestamp;

use self::{
    claim::{Claim, mismatch},
    signature::Signer,
};
use crate::http::error::ApiError;

/// Supported services.
const SERVICES: [&str; 4] = ["lambda", "logs", "iam", "sts"];
/// The global services, and the region that their requests are signed for.
const GLOBAL: ([&str; 2], &str) = (["iam", "sts"], "us-east-1");

/// Authenticates requests before any other code handles them.
pub(crate) struct Auth {
    hosts: [String; 4],
    region: String,
    access_key: String,
    secret_key: String,
}

impl Auth {
    /// Creates the checks for a server on `port` of the loopback, with its region and its generated
    /// key.
    pub(crate) fn new(port: u16, region: &str, access_key: &str, secret_key: &str) -> Self {
        // The SDKs send live tails to the host name prefixed with `stream-`.
        let hosts = ["127.0.0.1", "localhost", "stream-127.0.0.1", "stream-localhost"]
            .map(|h| format!("{h}:{port}"));
        let [region, access_key, secret_key] = [region, access_key, secret_key].map(str::to_owned);
        Self { hosts, region, access_key, secret_key }
    }

    /// Checks the head before the body is read: the request's origin and its access key.
    pub(crate) fn check_head(&self, head: &Parts) -> Result<(), ApiError> {
        refuse_origin(&head.headers)?;
        let mut hosts = head.headers.get_all("host").iter();
        let host = hosts.next().and_then(|host| host.to_str().ok()).unwrap_or_default();
        let authority = head.uri.authority().map_or(host, http::uri::Authority::as_str);
        if hosts.next().is_some()
            || authority != host
            || !self.hosts.iter().any(|known| known == host)
        {
            let message = format!("Host {host:?} is not this server's; use {}", self.hosts[0]);
            return Err(ApiError::new(403, "AccessDeniedException", message));
        }
        if download::is_download(head) {
            return Ok(());
        }
        let query = presigned::Query::read(head);
        self.check_access_key(&claim_in(head, query.as_ref())?)
    }

    fn check_access_key(&self, claim: &Claim<'_>) -> Result<(), ApiError> {
        if claim.access_key != self.access_key {
            let message = "The security token included in the request is invalid: its access key \
                is not this server's.";
            return Err(ApiError::new(403, "UnrecognizedClientException", message));
        }
        Ok(())
    }

    /// Checks that a credential is scoped to this region and to the service that the request is
    /// for.
    fn check_scope(&self, claim: &Claim<'_>, service: &str) -> Result<(), ApiError> {
        let (global, home) = GLOBAL;
        let is_here =
            claim.region == self.region || global.contains(&service) && claim.region == home;
        if claim.service != service {
            let message = format!("Credential should be scoped to correct service: '{service}'.");
            if SERVICES.contains(&claim.service) {
                return Err(mismatch(message));
            }
            let (served, asked) = (SERVICES.join(", "), claim.service);
            let message =
                format!("{message} The local Lambda serves {served}, and does not serve {asked}.");
            return Err(mismatch(message));
        }
        if !is_here {
            let (here, region) = (&self.region, claim.region);
            let message = format!(
                "Credential should be scoped to a valid region, not '{region}'. The local Lambda's \
                is {here}."
            );
            return Err(mismatch(message));
        }
        Ok(())
    }

    fn signer(&self) -> Signer<'_> {
        let Self { access_key, secret_key, hosts, .. } = self;
        Signer { access_key, secret_key, host: &hosts[0] }
    }

    /// As [`Self::verify`], for a request to the APIs: downloads have a signature of their own.
    pub(crate) fn verify_call(
        &self,
        service: &str,
        head: &Parts,
        sha256: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        if download::is_download(head) {
            return self.verify_download(head, now);
        }
        self.verify(service, head, sha256, now).map(drop)
    }

    /// Verifies the signature of a whole request to a service, whose body has the hexadecimal
    /// SHA-256 `sha256`: signs it again and compares. Returns the access key that signed it.
    pub(crate) fn verify(
        &self,
        service: &str,
        head: &Parts,
        sha256: &str,
        now: Timestamp,
    ) -> Result<String, ApiError> {
        let query = presigned::Query::read(head);
        let claim = claim_in(head, query.as_ref())?;
        self.check_access_key(&claim)?;
        self.check_scope(&claim, service)?;
        let time = claim.check_time(now)?;
        // Request bodies are never streamed, so an unsigned body has no legitimate use; Lambda does
        // not accept one either.
        let claimed = head.headers.get("x-amz-content-sha256").map(http::HeaderValue::as_bytes);
        let claimed = claimed.or_else(|| query.as_ref()?.content_sha256().map(str::as_bytes));
        if claimed.is_some_and(|claimed| claimed != sha256.as_bytes()) {
            let message = "X-Amz-Content-SHA256 is not the SHA-256 of the body: payloads that are \
                unsigned, or signed in chunks, are not accepted";
            return Err(mismatch(message));
        }
        claim.check_headers(&head.headers)?;
        if self.signer().verify(head, &claim, query.as_ref(), sha256, time.into())? {
            return Ok(claim.access_key.to_owned());
        }
        Err(mismatch(
            "The request signature we calculated does not match the signature you provided. Check \
            your AWS Secret Access Key and signing method.",
        ))
    }
}

/// Refuses requests that a browser sends for a web page.
pub(crate) fn refuse_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.contains_key("origin") {
        return Err(ApiError::new(
            403,
            "AccessDeniedException",
            "requests with an Origin header are refused",
        ));
    }
    Ok(())
}

/// Returns `true` if a request has a signature, in a header or in its query.
pub(crate) fn is_signed(head: &Parts) -> bool {
    head.headers.contains_key(AUTHORIZATION) || presigned::Query::read(head).is_some()
}

/// Returns the signature in a request's query, or else the one in its Authorization header.
fn claim_in<'a>(
    head: &'a Parts,
    query: Option<&'a presigned::Query>,
) -> Result<Claim<'a>, ApiError> {
    query.map_or_else(|| Claim::in_header(&head.headers), presigned::Query::claim)
}
