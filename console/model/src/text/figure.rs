//! Formatting of numbers with a sensible number of digits.

/// Formats a duration: `0 ms`, `0.05 ms`, `3.10 ms`, `120 ms`, `12.3 s`, `2 m 3 s`.
pub fn duration(ms: f64) -> String {
    // Each bound is the value at which the previous form would round to one more digit.
    match ms {
        ms if ms <= 0.0 => "0 ms".to_owned(),
        ms if ms < 0.005 => "< 0.01 ms".to_owned(),
        ms if ms < 9.995 => format!("{ms:.2} ms"),
        ms if ms < 99.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1000.0),
        ms => {
            let seconds = (ms / 1000.0).round() as u64;
            format!("{} m {} s", seconds / 60, seconds % 60)
        }
    }
}

/// Formats a number of bytes: `17B`, `214K`, `1.2M`, in steps of 1,024, as Lambda counts its
/// limits.
pub fn bytes(count: u64) -> String {
    match count as f64 {
        count if count < 1024.0 => format!("{count:.0}B"),
        // Each bound is the value at which the previous form would round to one more digit.
        count if count < 1023.5 * 1024.0 => format!("{:.0}K", count / 1024.0),
        count => format!("{:.1}M", count / 1024.0 / 1024.0),
    }
}

/// Formats a number with a noun: `1 line`, `2,000 lines`; for nouns with a plural in `s`.
pub fn counted(number: usize, word: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {word}{ending}", count(number))
}

/// Formats a number with digits in groups of three: `100,000`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_three_digits_whatever_its_size() {
        for (ms, expected) in [
            (0.0, "0 ms"),
            (0.001, "< 0.01 ms"),
            (0.05, "0.05 ms"),
            (3.1, "3.10 ms"),
            (9.996, "10.0 ms"),
            (99.96, "100 ms"),
            (999.4, "999 ms"),
            (999.6, "1.0 s"),
            (3204.2, "3.2 s"),
            (59_960.0, "1 m 0 s"),
            (119_600.0, "2 m 0 s"),
            (123_000.0, "2 m 3 s"),
        ] {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn bytes_are_counted_in_steps_of_1024() {
        let shown = [0, 1023, 1024, 219_136, 1_036_288, 1_048_575, 52_428_800].map(bytes);
        assert_eq!(shown, ["0B", "1023B", "1K", "214K", "1012K", "1.0M", "50.0M"]);
    }

    #[test]
    fn one_of_a_thing_has_no_plural() {
        assert_eq!(
            [counted(0, "line"), counted(1, "line"), counted(2000, "line")],
            ["0 lines", "1 line", "2,000 lines"]
        );
    }
}
