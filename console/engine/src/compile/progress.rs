//! Parses cargo's progress bar, the only source of the number of crates to be built.
//!
//! Pure, except for the environment of a command that has not been run yet.

use lambda_console_model::text::clean;
use tokio::process::Command;

/// Makes cargo draw its progress bar into a pipe, regardless of its configured verbosity.
pub(crate) fn ask_for(command: &mut Command) {
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "120")
        .env("CARGO_TERM_QUIET", "false")
        .env("CARGO_TERM_VERBOSE", "false");
}

/// Returns the number of crates done and of all crates, from a line like `    Building [===>    ]
/// 12/40: serde, tokio`; `None` for any other line. Colours are ignored.
pub(crate) fn parse(line: &str) -> Option<(u64, u64)> {
    let line = clean(line);
    let (_, counts) = line
        .trim_start()
        .strip_prefix("Building ")?
        .trim_start()
        .strip_prefix('[')?
        .split_once("] ")?;
    let (done, rest) = counts.split_once('/')?;
    let total: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((done.trim().parse().ok()?, total.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_how_many_crates_are_done() {
        assert_eq!(
            parse("    Building [=====>                   ] 12/40: serde, tokio(build)"),
            Some((12, 40))
        );
        assert_eq!(parse("\u{1b}[1m\u{1b}[96m    Building\u{1b}[0m [==>  ] 0/3"), Some((0, 3)));
        assert_eq!(parse("    Building [=========================>] 40/40"), Some((40, 40)));
        assert_eq!(parse("    Building [==>  ] 7/40: a\u{1b}[K"), Some((7, 40)));
    }

    #[test]
    fn other_lines_are_no_progress() {
        for line in [
            "   Compiling serde v1.0.228",
            "    Finished `release` profile",
            "Building [x",
            "    Building 1/2",
            "",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
