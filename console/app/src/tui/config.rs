//! The user's `config.toml`: keys and theme. Takes the file's text and never reads files itself.
//!
//! Unknown keys are errors with their position. An invalid file results in defaults and a notice.

use std::ops::Range;

use lambda_console_model::Failure;
use serde::Deserialize;
use toml::Spanned;

use crate::tui::{
    keymap::{Keymap, Sections},
    theme::{Palette, Theme},
};

/// The user's configuration, merged with the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The keys.
    pub keymap: Keymap,
    /// The colours.
    pub theme: Theme,
    /// Reason why the file is ignored; `None` if it is valid.
    pub notice: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    theme: Option<Spanned<String>>,
    keys: Sections,
}

impl Config {
    /// Parses `text`, the content of the file at `path` (for messages); `None` if there is no file.
    /// The theme is adapted to the terminal's `palette`.
    pub fn read(text: Option<&str>, path: &str, palette: Palette) -> Self {
        let mut config = Self { keymap: Keymap::shipped(), theme: palette.theme(), notice: None };
        if let Some(text) = text
            && let Err(notice) = config.apply(text, path)
        {
            config =
                Self { keymap: Keymap::shipped(), theme: palette.theme(), notice: Some(notice) };
        }
        config.theme = palette.fit(config.theme);
        config
    }

    fn apply(&mut self, text: &str, path: &str) -> Result<(), Failure> {
        let fault = |span: Option<Range<usize>>, message: &str| {
            let (line, column) = place(text, span.map_or(0, |span| span.start));
            let why = format!("{path}:{line}:{column}: {message}");
            Failure::usage(
                "could not read the configuration",
                why,
                "using defaults until it is fixed",
            )
        };
        let file: File =
            toml::from_str(text).map_err(|error| fault(error.span(), error.message()))?;
        if let Some(name) = file.theme {
            self.theme = Theme::named(name.get_ref()).ok_or_else(|| {
                fault(Some(name.span()), "the theme must be `dark`, `light` or `plain`")
            })?;
        }
        self.keymap.merge(&file.keys).map_err(|mistake| fault(Some(mistake.span), &mistake.message))
    }
}

/// Returns the line and column, from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).map_or(0, |line| line.chars().count());
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        Config::read(Some(text), "config.toml", Palette::default()).notice.unwrap().why
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        assert!(
            why("theme = \"dark\"\ncolour = 1\n")
                .starts_with("config.toml:2:1: unknown field `colour`")
        );
        assert!(why("theme = \"blue\"\n").starts_with("config.toml:1:9: the theme must"));
        assert!(
            why("[[keys.global]]\non = [\"ctrl-\"]\nrun = \"build\"\n")
                .starts_with("config.toml:2:7: `ctrl-`")
        );
        assert!(
            why("[[keys.nowhere]]\non = []\nrun = \"build\"\n")
                .starts_with("config.toml:1:8: unknown field")
        );
        assert!(why("theme = ").starts_with("config.toml:1:"));
    }

    #[test]
    fn no_color_wins_over_the_theme() {
        assert_eq!(
            Config::read(Some("theme = \"light\""), "config.toml", Palette::NONE).theme,
            Theme::plain()
        );
        assert_eq!(
            Config::read(Some("theme = \"light\""), "config.toml", Palette::FULL).theme,
            Theme::light()
        );
    }
}
