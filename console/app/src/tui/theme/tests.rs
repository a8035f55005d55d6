use super::*;

type Rgb = (u8, u8, u8);

/// A terminal: its background, its text, and its sixteen colours.
struct Terminal {
    name: &'static str,
    background: u32,
    text: u32,
    sixteen: [u32; 16],
}

const XTERM: [u32; 16] = [
    0x00_0000, 0xcd_0000, 0x00_cd00, 0xcd_cd00, 0x00_00ee, 0xcd_00cd, 0x00_cdcd, 0xe5_e5e5,
    0x7f_7f7f, 0xff_0000, 0x00_ff00, 0xff_ff00, 0x5c_5cff, 0xff_00ff, 0x00_ffff, 0xff_ffff,
];
/// Values from ethanschoonover.com/solarized.
const SOLARIZED: [u32; 16] = [
    0x07_3642, 0xdc_322f, 0x85_9900, 0xb5_8900, 0x26_8bd2, 0xd3_3682, 0x2a_a198, 0xee_e8d5,
    0x00_2b36, 0xcb_4b16, 0x58_6e75, 0x65_7b83, 0x83_9496, 0x6c_71c4, 0x93_a1a1, 0xfd_f6e3,
];

const DARK: [Terminal; 3] = [
    Terminal { name: "black", background: 0x00_0000, text: 0xe5_e5e5, sixteen: XTERM },
    Terminal { name: "dark grey", background: 0x1e_1e1e, text: 0xd4_d4d4, sixteen: XTERM },
    Terminal { name: "Solarized Dark", background: 0x00_2b36, text: 0x83_9496, sixteen: SOLARIZED },
];
const LIGHT: [Terminal; 2] = [
    Terminal { name: "white", background: 0xff_ffff, text: 0x00_0000, sixteen: XTERM },
    Terminal {
        name: "Solarized Light",
        background: 0xfd_f6e3,
        text: 0x65_7b83,
        sixteen: SOLARIZED,
    },
];

const fn rgb(number: u32) -> Rgb {
    ((number >> 16) as u8, (number >> 8) as u8, number as u8)
}

impl Terminal {
    fn colour(&self, color: Color) -> Rgb {
        const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
        let level = |of: u8| LEVELS[usize::from(of % 6)];
        let index = match color {
            Color::Rgb(red, green, blue) => return (red, green, blue),
            Color::Indexed(index @ 232..) => return [8 + (index - 232) * 10; 3].into(),
            Color::Indexed(index @ 16..) => {
                let index = index - 16;
                return (level(index / 36), level(index / 6), level(index));
            }
            Color::Indexed(index) => index,
            Color::Black => 0,
            Color::Red => 1,
            Color::Green => 2,
            Color::Yellow => 3,
            Color::Blue => 4,
            Color::Magenta => 5,
            Color::Cyan => 6,
            Color::Gray => 7,
            Color::DarkGray => 8,
            Color::LightRed => 9,
            Color::LightGreen => 10,
            Color::LightYellow => 11,
            Color::LightBlue => 12,
            Color::LightMagenta => 13,
            Color::LightCyan => 14,
            Color::White => 15,
            Color::Reset => return rgb(self.text),
        };
        rgb(self.sixteen[usize::from(index)])
    }

    /// Returns the contrast of text in this style, as WCAG 2 defines it.
    fn contrast(&self, style: Style) -> f64 {
        let text = style.fg.map_or(rgb(self.text), |color| self.colour(color));
        let ground = style.bg.map_or(rgb(self.background), |color| self.colour(color));
        let (one, other) = (luminance(text), luminance(ground));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Returns the minimum contrast of secondary text: 4.5, or that of the terminal's own text if
    /// it is lower.
    fn enough(&self) -> f64 {
        self.contrast(Style::new()).min(4.5)
    }
}

fn luminance((red, green, blue): Rgb) -> f64 {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

fn check(theme: &Theme, terminal: &Terminal) {
    let name = terminal.name;
    let secondary = terminal.contrast(theme.dim);
    assert!(secondary >= terminal.enough(), "{name}: secondary text has {secondary:.2}:1");
    let border = terminal.contrast(theme.border);
    assert!(border >= 2.0, "{name}: borders have {border:.2}:1");
    for (at, style) in theme.clone().styles_mut().enumerate() {
        let contrast = terminal.contrast(*style);
        assert!(
            contrast >= 3.0 || *style == theme.border,
            "{name}: style {at}, {style:?}, has {contrast:.2}:1"
        );
        assert!(
            !style.add_modifier.contains(Modifier::DIM),
            "{name}: faint text is up to the terminal"
        );
    }
}

#[test]
fn text_is_readable_on_every_background_in_every_number_of_colours() {
    for (theme, terminals) in [(Theme::dark(), &DARK[..]), (Theme::light(), &LIGHT[..])] {
        for terminal in terminals {
            check(&theme, terminal);
            check(&Theme::plain(), terminal);
            let secondary = terminal.contrast(theme.clone().in_sixteen().dim);
            assert!(
                secondary >= terminal.enough(),
                "16 colours on {}: {secondary:.2}:1",
                terminal.name
            );
        }
    }
}

#[test]
fn sixteen_colours_are_enough_where_there_are_no_more() {
    for mut theme in [Theme::dark().in_sixteen(), Theme::light().in_sixteen()] {
        for style in theme.styles_mut() {
            assert!(!matches!(style.fg, Some(Color::Indexed(16..))), "{style:?}");
            assert!(!matches!(style.bg, Some(Color::Indexed(16..))), "{style:?}");
        }
        assert!(
            theme.selected.add_modifier.contains(Modifier::REVERSED),
            "the selected row is still marked"
        );
    }
}

#[test]
fn the_palette_follows_the_terminal() {
    let of = |variables: &[(&str, &str)]| {
        Palette::of(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    };
    for variables in [
        &[("TERM", "xterm-256color")][..],
        &[("TERM", "xterm-kitty")],
        &[("COLORTERM", "truecolor")],
    ] {
        assert_eq!(of(variables), Palette::FULL, "{variables:?}");
    }
    assert_eq!(
        of(&[("TERM", "linux"), ("COLORFGBG", "7;0"), ("NO_COLOR", "")]),
        Palette::default()
    );
    assert!(of(&[("COLORFGBG", "0;default;15")]).light && !of(&[("COLORFGBG", "15;8")]).light);
    assert_eq!(of(&[("NO_COLOR", "1")]).fit(Theme::dark()), Theme::plain());
    assert_eq!(of(&[]).fit(Theme::light()), Theme::light().in_sixteen());
    assert_eq!(
        (Palette::FULL.theme(), of(&[("COLORFGBG", "0;15")]).theme()),
        (Theme::dark(), Theme::light())
    );
}
