//! Parsing of a start time: `10m`, `7d`, or a time.

use jiff::Timestamp;

/// Parses `text` to milliseconds since the Unix epoch: a number with `s`, `m`, `h`, `d` or `w`
/// before `now`, or an RFC 3339 time.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<i64, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wrong(text)),
    };
    let number: i64 = digits
        .parse()
        .map_err(|error: std::num::ParseIntError| format!("{} ({error})", wrong(text)))?;
    let past =
        number.checked_mul(seconds * 1000).filter(|past| *past >= 0).ok_or_else(|| wrong(text))?;
    Ok((now.as_millisecond() - past).max(0))
}

fn wrong(text: &str) -> String {
    format!("`{text}` is not a time (2026-11-21T04:00:00Z) or a duration (30s, 10m, 2h, 7d, 1w)")
}

/// For clap: a duration in milliseconds.
pub(crate) fn length(text: &str) -> Result<i64, String> {
    let now = Timestamp::now();
    let back = text.parse::<Timestamp>().is_err().then(|| parse(text, now)).and_then(Result::ok);
    let back = back.ok_or_else(|| format!("`{text}` is not a duration (30s, 5m, 1h)"))?;
    Ok(now.as_millisecond() - back)
}

/// For clap: a start time relative to now.
pub(crate) fn value(text: &str) -> Result<i64, String> {
    parse(text, Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_and_times_are_read() {
        let now = Timestamp::from_millisecond(1_000_000_000).unwrap();
        assert_eq!(parse("10m", now), Ok(1_000_000_000 - 600_000));
        assert_eq!(parse("1970-01-01T00:00:05Z", now), Ok(5_000));
        assert_eq!(parse("99w", now), Ok(0));
        for wrong in ["", "m", "10", "10 m", "-5m", "5y", "999999999999999999w"] {
            assert!(parse(wrong, now).is_err(), "{wrong}");
        }
    }
}
