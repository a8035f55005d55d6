//! Fast signature for typical requests: the path needs no encoding, there is no query, and the
//! headers have no spaces to fold. For these, the canonical request can be written directly, in a
//! tenth of the time that AWS's own signer takes; [`Signer`](super::Signer) uses AWS's signer for
//! all others, and before it refuses one of these. Source: AWS Signature Version 4, "Create a signed
//! AWS API request".

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::super::claim::Claim;
use crate::http::hex::hexadecimal;

/// Returns the signature that the request should have; `None` if the request is not a plain one.
pub(super) fn sign(secret: &str, head: &Parts, claim: &Claim<'_>, sha256: &str) -> Option<String> {
    let path = head.uri.path_and_query()?.as_str();
    if !is_plain_path(path) {
        return None;
    }
    let mut canonical = String::with_capacity(1024);
    let mut add = |parts: &[&str]| parts.iter().for_each(|part| canonical.push_str(part));
    add(&[head.method.as_str(), "\n", path, "\n\n"]);
    let mut before = "";
    for name in claim.signed_headers.split(';') {
        let mut values = head.headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let value = value.to_str().ok()?;
        let is_plain = name > before && !name.bytes().any(|byte| byte.is_ascii_uppercase());
        if !is_plain || value.trim() != value || value.contains("  ") || value.contains('\t') {
            return None;
        }
        add(&[name, ":", value, "\n"]);
        before = name;
    }
    add(&["\n", claim.signed_headers, "\n", sha256]);
    let Claim { date: day, region, service, time: date, .. } = claim;
    let hash = hexadecimal(&Sha256::digest(&canonical));
    let string_to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{day}/{region}/{service}/aws4_request\n{hash}");
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes())?;
    for part in [region, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes())?;
    }
    Some(hexadecimal(&hmac(&key, string_to_sign.as_bytes())?))
}

/// Returns `true` if the path is already canonical: nothing to encode, no query, and no empty, `.`
/// or `..` segment.
fn is_plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~./".contains(&byte);
    path.bytes().all(is_plain)
        && path
            .strip_prefix('/')
            .is_some_and(|rest| !rest.split('/').any(|segment| ["", ".", ".."].contains(&segment)))
}

fn hmac(key: &[u8], message: &[u8]) -> Option<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    Some(mac.chain_update(message).finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::auth::Auth;
    use http::{Request, header::AUTHORIZATION};

    const DATE: &str = "20270115T080000Z";

    /// Builds a request that claims to be signed with these headers.
    fn request(path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let names = names.join(";");
        let claim = format!(
            "AWS4-HMAC-SHA256 Credential=KEY/20270115/eu-central-1/lambda/aws4_request, \
            SignedHeaders={names}, Signature=0"
        );
        let request = Request::post(path).header(AUTHORIZATION, claim);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    /// Returns the signatures of both signers.
    fn both(secret: &str, head: &Parts) -> (Option<String>, String) {
        let claim = Claim::in_header(&head.headers).unwrap();
        let time = jiff::Timestamp::from_second(1_800_000_000).unwrap();
        let sha256 = hexadecimal(&Sha256::digest(b"{}"));
        let auth = Auth::new(9, "eu-central-1", "KEY", secret);
        let general = auth.signer().sign(head, &claim, None, &sha256, time.into()).unwrap();
        (sign(secret, head, &claim, &sha256), general)
    }

    #[test]
    fn a_plain_request_has_the_signature_that_awss_own_signer_gives() {
        let long = "k".repeat(100);
        for secret in ["secret", "", &long] {
            for path in
                ["/2015-03-31/functions", "/2015-03-31/functions/a-b_c~d.e/invocations", "/x"]
            {
                for more in
                    [&[][..], &[("content-type", "application/json"), ("x-amz-a", "b, c d")]]
                {
                    let headers = [&[("host", "127.0.0.1:9"), ("x-amz-date", DATE)], more].concat();
                    let (plain, general) = both(secret, &request(path, &headers));
                    assert_eq!(plain.as_deref(), Some(general.as_str()), "{path} {headers:?}");
                }
            }
        }
    }

    #[test]
    fn what_would_have_to_be_encoded_or_folded_is_left_to_awss_own_signer() {
        let all = [("host", "127.0.0.1:9"), ("x-amz-date", DATE)];
        for path in
            ["/", "/a//b", "/a/", "/a/../b", "/a/./b", "/a?b=c", "/a?", "/a%3Ab", "/a:b", "/a+b"]
        {
            assert_eq!(both("secret", &request(path, &all)).0, None, "{path}");
        }
        for (name, value) in [("x-amz-a", "b  c"), ("x-amz-a", "b\tc"), ("host", "again")] {
            assert_eq!(
                both("secret", &request("/a", &[&all[..], &[(name, value)]].concat())).0,
                None,
                "{name}: {value}"
            );
        }
        let mut unsorted = request("/a", &all);
        let claim = unsorted.headers[AUTHORIZATION]
            .to_str()
            .unwrap()
            .replace("host;x-amz-date", "x-amz-date;host");
        unsorted.headers.insert(AUTHORIZATION, claim.parse().unwrap());
        assert_eq!(both("secret", &unsorted).0, None);
        let mut missing = request("/a", &all);
        missing.headers.remove("host");
        assert_eq!(both("secret", &missing).0, None);
    }
}
