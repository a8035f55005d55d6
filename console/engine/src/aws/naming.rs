//! Notations of AWS: digests and times as Lambda writes them, partitions. Pure.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::workspace::paths;

/// Lower-case hexadecimal of a digest in Base64; empty if it is not one.
pub(crate) fn hex_of(base64: &str) -> String {
    paths::hex(&BASE64_STANDARD.decode(base64).unwrap_or_default())
}

/// Milliseconds since the Unix epoch of a time as Lambda writes it: `2026-11-21T04:11:47.123+0000`.
pub(crate) fn milliseconds(modified: &str) -> Option<i64> {
    let time =
        jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", modified).ok()?.to_timestamp().ok()?;
    Some(time.as_millisecond())
}

/// The separate cloud of a region: its part of an ARN, and the domain of its services.
pub(crate) fn partition(region: &str) -> (&'static str, &'static str) {
    const PARTITIONS: [(&str, &str, &str); 7] = [
        ("cn-", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-", "aws-us-gov", "amazonaws.com"),
        ("eusc-", "aws-eusc", "amazonaws.eu"),
        ("us-iso-", "aws-iso", "c2s.ic.gov"),
        ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ];
    let found = PARTITIONS.iter().find(|(regions, ..)| region.starts_with(regions));
    found.map_or(("aws", "amazonaws.com"), |&(_, partition, domain)| (partition, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_has_its_own_way_to_write_a_time() {
        assert_eq!(milliseconds("1970-01-01T00:00:01.250+0000"), Some(1250));
        assert_eq!(
            milliseconds("2026-11-21T06:11:47.000+0200"),
            milliseconds("2026-11-21T04:11:47.000+0000")
        );
        assert_eq!(milliseconds("yesterday"), None);
    }

    #[test]
    fn a_digest_in_base64_is_shown_in_hexadecimal() {
        assert_eq!(hex_of("3q2+7w=="), "deadbeef");
        assert_eq!(hex_of("no digest"), "");
    }
}
