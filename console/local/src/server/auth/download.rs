//! Code downloads: URLs that contain their own signature, as AWS's presigned URLs do, so that any
//! HTTP client can use them for ten minutes.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use http::{Method, request::Parts};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{Auth, signature::same};
use crate::http::error::ApiError;

/// Prefix of download paths.
pub(crate) const PATH: &str = "/code/";
/// Validity of a download URL, the same as AWS's.
const VALIDITY: Duration = Duration::from_mins(10);

/// Returns `true` if the request is a download, which is not signed in its headers.
pub(super) fn is_download(head: &Parts) -> bool {
    head.method == Method::GET && head.uri.path().starts_with(PATH)
}

/// Returns the SHA-256 in a download's path; `None` for any other path, so that no path reaches
/// another file.
pub(crate) fn sha256_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix(PATH)?.strip_suffix(".zip")?;
    let is_hexadecimal = name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (name.len() == 64 && is_hexadecimal).then_some(name)
}

impl Auth {
    /// Returns a URL from which `name` can be downloaded for the next ten minutes.
    pub(crate) fn download(&self, name: &str, now: Timestamp) -> Result<String, ApiError> {
        let host = &self.hosts[0];
        Ok(format!("http://{host}{}", self.presign(&format!("{PATH}{name}"), now)?))
    }

    /// Path and query of a download that is signed at `time`.
    fn presign(&self, path: &str, time: Timestamp) -> Result<String, ApiError> {
        let failed =
            |error: &dyn std::fmt::Display| ApiError::service("could not sign a download", error);
        let identity =
            Credentials::new(&self.access_key, &self.secret_key, None, None, "local").into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(VALIDITY);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("local")
            .name("s3")
            .time(time.into())
            .settings(settings)
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let host = self.hosts[0].as_str();
        let headers = std::iter::once(("host", host));
        let request = SignableRequest::new(
            "GET",
            format!("http://{host}{path}"),
            headers,
            SignableBody::UnsignedPayload,
        )
        .map_err(|error| failed(&error))?;
        let (instructions, _) =
            sign(request, &params).map_err(|error| failed(&error))?.into_parts();
        let query: Vec<String> = instructions
            .params()
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::http::query::encode(value)))
            .collect();
        Ok(format!("{path}?{}", query.join("&")))
    }

    /// Checks that a download's signature is valid and has not expired: signs it again and
    /// compares.
    pub(super) fn verify_download(&self, head: &Parts, now: Timestamp) -> Result<(), ApiError> {
        let denied = |why: &str| Err(ApiError::new(403, "AccessDeniedException", why));
        let query = crate::http::query::pairs(head.uri.query().unwrap_or_default());
        let date =
            query.iter().find(|(name, _)| name == "X-Amz-Date").map(|(_, value)| value.as_str());
        let time = date.and_then(|date| DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok());
        let Some(time) = time.and_then(|time| time.to_zoned(TimeZone::UTC).ok()) else {
            return denied("This download is not signed: ask GetFunction for its URL.");
        };
        let time = time.timestamp();
        let expected = self.presign(head.uri.path(), time)?;
        let given = head.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        if !same(expected.as_bytes(), given.as_bytes()) {
            return denied(
                "The request signature we calculated does not match the signature you provided.",
            );
        }
        if now.as_second() - time.as_second() > VALIDITY.as_secs() as i64 {
            return denied("Request has expired: ask GetFunction for a new URL.");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_good_for_ten_minutes() {
        let auth = Auth::new(9, "local", "KEY", "secret");
        let signed = Timestamp::from_second(1_800_000_000).unwrap();
        let url = auth.download("x.zip", signed).unwrap();
        let (head, ()) = http::Request::get(url).body(()).unwrap().into_parts();
        let after = |seconds: i64| {
            auth.verify_download(&head, Timestamp::from_second(1_800_000_000 + seconds).unwrap())
        };
        assert_eq!(after(0), Ok(()));
        assert_eq!(after(600), Ok(()));
        assert!(after(601).unwrap_err().message.starts_with("Request has expired"));
        let other = Auth::new(9, "local", "KEY", "another");
        assert!(other.verify_download(&head, signed).is_err());
    }
}
