//! Styles of the screen. Colours only emphasise what words, marks and modifiers show already:
//! `plain` has none.

#[cfg(test)]
mod tests;

use ratatui::style::{Color, Modifier, Style};

/// A style for each kind of element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Text.
    pub text: Style,
    /// Less important text.
    pub dim: Style,
    /// Titles and names.
    pub title: Style,
    /// Borders of panes.
    pub border: Style,
    /// Border of the focused pane.
    pub focused: Style,
    /// The selected row.
    pub selected: Style,
    /// The selected tab's title.
    pub tab: Style,
    /// Success.
    pub good: Style,
    /// Warning.
    pub warn: Style,
    /// Failure.
    pub bad: Style,
    /// A key in hints and help.
    pub key: Style,
    /// A running job.
    pub busy: Style,
    /// Matches of a search.
    pub found: Style,
    /// JSON: a key.
    pub json_key: Style,
    /// JSON: a string.
    pub json_string: Style,
    /// JSON: a number.
    pub json_number: Style,
    /// JSON: `true`, `false`, `null`.
    pub json_word: Style,
    /// Cold starts in charts.
    pub cold: Style,
    /// Warm invocations in charts.
    pub warm: Style,
    /// Colours that distinguish requests in the logs.
    pub requests: [Style; 6],
}

impl Theme {
    /// Returns the theme with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "dark" => Some(Self::dark()),
            "light" => Some(Self::light()),
            "plain" => Some(Self::plain()),
            _ => None,
        }
    }

    /// Returns the theme for dark terminals: the terminal's own sixteen colours.
    pub fn dark() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            // Not one of the sixteen: "bright black" is the background of Solarized Dark.
            dim: fg(Color::Indexed(247)),
            border: fg(Color::Indexed(242)),
            focused: fg(Color::Cyan),
            selected: Style::new()
                .fg(Color::White)
                .bg(Color::Indexed(24))
                .add_modifier(Modifier::BOLD),
            tab: fg(Color::Cyan).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            good: fg(Color::Green),
            warn: fg(Color::Yellow),
            bad: fg(Color::LightRed).add_modifier(Modifier::BOLD),
            key: fg(Color::Cyan).add_modifier(Modifier::BOLD),
            busy: fg(Color::Yellow),
            found: Style::new().fg(Color::Black).bg(Color::Yellow),
            json_key: fg(Color::LightBlue),
            json_string: fg(Color::Green),
            json_number: fg(Color::Yellow),
            json_word: fg(Color::Magenta),
            cold: fg(Color::LightBlue),
            warm: fg(Color::LightYellow),
            requests: [
                fg(Color::Cyan),
                fg(Color::Magenta),
                fg(Color::Yellow),
                fg(Color::LightBlue),
                fg(Color::Green),
                fg(Color::LightRed),
            ],
            ..Self::plain()
        }
    }

    /// Returns the theme for light terminals.
    pub fn light() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            dim: fg(Color::Indexed(240)),
            border: fg(Color::Indexed(245)),
            focused: fg(Color::Blue),
            selected: Style::new()
                .fg(Color::Black)
                .bg(Color::Indexed(153))
                .add_modifier(Modifier::BOLD),
            tab: fg(Color::Blue).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            warn: fg(Color::Indexed(94)),
            bad: fg(Color::Red).add_modifier(Modifier::BOLD),
            key: fg(Color::Blue).add_modifier(Modifier::BOLD),
            busy: fg(Color::Indexed(94)),
            json_key: fg(Color::Blue),
            json_string: fg(Color::Indexed(22)),
            json_number: fg(Color::Indexed(88)),
            json_word: fg(Color::Indexed(90)),
            good: fg(Color::Indexed(22)),
            cold: fg(Color::Blue),
            warm: fg(Color::Indexed(94)),
            requests: [
                fg(Color::Indexed(23)),
                fg(Color::Indexed(90)),
                fg(Color::Indexed(94)),
                fg(Color::Indexed(25)),
                fg(Color::Indexed(22)),
                fg(Color::Indexed(124)),
            ],
            ..Self::dark()
        }
    }

    /// Reduces the theme to sixteen colours: other colours are replaced by the terminal's own
    /// foreground, which is readable on its background.
    #[must_use]
    pub fn in_sixteen(mut self) -> Self {
        for style in self.styles_mut() {
            if matches!(style.bg, Some(Color::Indexed(16..))) {
                (style.fg, style.bg) = (None, None);
                *style = style.add_modifier(Modifier::REVERSED);
            }
            if matches!(style.fg, Some(Color::Indexed(16..))) {
                style.fg = None;
            }
        }
        self
    }

    fn styles_mut(&mut self) -> impl Iterator<Item = &mut Style> {
        [
            &mut self.text,
            &mut self.dim,
            &mut self.title,
            &mut self.border,
            &mut self.focused,
            &mut self.selected,
            &mut self.tab,
            &mut self.good,
            &mut self.warn,
            &mut self.bad,
            &mut self.key,
            &mut self.busy,
            &mut self.found,
            &mut self.json_key,
            &mut self.json_string,
            &mut self.json_number,
            &mut self.json_word,
            &mut self.cold,
            &mut self.warm,
        ]
        .into_iter()
        .chain(&mut self.requests)
    }

    /// Returns the theme without colours: bold, underlined and reversed only. Not faint: many
    /// terminals draw that too close to their background.
    pub fn plain() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            text: plain,
            dim: plain,
            title: bold,
            border: plain,
            focused: bold,
            selected: plain.add_modifier(Modifier::REVERSED),
            tab: bold.add_modifier(Modifier::UNDERLINED),
            good: plain,
            warn: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            key: bold,
            busy: bold,
            found: plain.add_modifier(Modifier::REVERSED),
            json_key: plain,
            json_string: plain,
            json_number: plain,
            json_word: plain,
            cold: bold,
            warm: plain,
            requests: [plain; 6],
        }
    }
}

/// Colours of the terminal, as far as they are known without asking it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    /// `true` if the user wants no colours.
    pub none: bool,
    /// `true` if it has more than sixteen colours.
    pub many: bool,
    /// `true` if its background is light.
    pub light: bool,
}

impl Palette {
    /// Palette of most terminals: 256 colours on a dark background.
    pub const FULL: Self = Self { none: false, many: true, light: false };
    /// Palette of a terminal whose user wants no colours.
    pub const NONE: Self = Self { none: true, many: false, light: false };

    /// Reads the palette from environment variables that terminals and users set.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let term = variable("TERM").unwrap_or_default();
        let many = ["256color", "direct", "kitty", "alacritty", "foot", "ghostty", "wezterm"];
        // `foreground;background`, of the sixteen.
        let background =
            variable("COLORFGBG").and_then(|pair| pair.rsplit(';').next()?.parse::<u8>().ok());
        Self {
            none: set("NO_COLOR").is_some(),
            many: set("COLORTERM").is_some() || many.iter().any(|name| term.contains(name)),
            light: matches!(background, Some(7 | 9..=15)),
        }
    }

    /// Returns the theme for a user who has chosen none.
    pub fn theme(self) -> Theme {
        if self.light { Theme::light() } else { Theme::dark() }
    }

    /// Returns `theme` reduced to the available colours.
    pub fn fit(self, theme: Theme) -> Theme {
        match self {
            Self { none: true, .. } => Theme::plain(),
            Self { many: true, .. } => theme,
            Self { .. } => theme.in_sixteen(),
        }
    }
}
