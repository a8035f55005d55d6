//! How things look. Colours only underline what words, marks and modifiers say already: `plain` has none.

use ratatui::style::{Color, Modifier, Style};

/// A style for each thing that has one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Text.
    pub text: Style,
    /// What is less important.
    pub dim: Style,
    /// Titles and names.
    pub title: Style,
    /// Borders of panes.
    pub border: Style,
    /// The border of the pane that has the keys.
    pub focused: Style,
    /// The selected row.
    pub selected: Style,
    /// The selected tab's title.
    pub tab: Style,
    /// What worked.
    pub good: Style,
    /// What to look at.
    pub warn: Style,
    /// What failed.
    pub bad: Style,
    /// A key in hints and help.
    pub key: Style,
    /// A running job.
    pub busy: Style,
    /// Found text.
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
    /// The colours that tell requests apart in the logs.
    pub requests: [Style; 6],
}

impl Theme {
    /// The theme of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "dark" => Some(Self::dark()),
            "light" => Some(Self::light()),
            "plain" => Some(Self::plain()),
            _ => None,
        }
    }

    /// For dark terminals: the terminal's own sixteen colours.
    pub fn dark() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            dim: fg(Color::DarkGray),
            border: fg(Color::DarkGray),
            focused: fg(Color::Cyan),
            selected: Style::new().fg(Color::White).bg(Color::Indexed(24)).add_modifier(Modifier::BOLD),
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
                fg(Color::Blue),
                fg(Color::Green),
                fg(Color::LightRed),
            ],
            ..Self::plain()
        }
    }

    /// For light terminals.
    pub fn light() -> Self {
        let fg = |color| Style::new().fg(color);
        Self {
            dim: fg(Color::Gray),
            border: fg(Color::Gray),
            focused: fg(Color::Blue),
            selected: Style::new().fg(Color::Black).bg(Color::Indexed(153)).add_modifier(Modifier::BOLD),
            tab: fg(Color::Blue).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            warn: fg(Color::Indexed(94)),
            bad: fg(Color::Red).add_modifier(Modifier::BOLD),
            key: fg(Color::Blue).add_modifier(Modifier::BOLD),
            busy: fg(Color::Indexed(94)),
            json_key: fg(Color::Blue),
            json_string: fg(Color::Indexed(22)),
            json_number: fg(Color::Indexed(88)),
            good: fg(Color::Indexed(22)),
            cold: fg(Color::Blue),
            warm: fg(Color::Indexed(130)),
            ..Self::dark()
        }
    }

    /// Without colours: bold, dim, underlined and reversed only.
    pub fn plain() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        Self {
            text: plain,
            dim,
            title: bold,
            border: dim,
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
