//! A frame as an SVG picture: for the README, from a real frame.

use std::fmt::Write;

use ratatui::{
    buffer::{Buffer, Cell, CellWidth},
    style::{Color, Modifier},
};

/// The size of a cell and the padding around the frame, in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
const MARGIN: f64 = 12.0;
const BAR: f64 = 28.0;
const INK: &str = "#d8dee9";
const PAPER: &str = "#11161d";

/// Draws `buffer` as a terminal window with `title`, on a dark background, with fonts that a
/// browser has.
pub fn svg(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let width = f64::from(area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(area.height) * CELL.1 + 2.0 * MARGIN + BAR;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"14\">\n\
         <title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{PAPER}\"/>\n\
         <text x=\"{middle:.0}\" y=\"20\" fill=\"#7b8794\" text-anchor=\"middle\">{title}</text>\n",
        title = escaped(title),
        middle = width / 2.0,
    );
    for row in 0..area.height {
        let mut column = 0;
        while column < area.width {
            let start = column;
            let look = Look::of(&buffer[(area.x + column, area.y + row)]);
            let mut text = String::new();
            // A run of cells with the same style, each glyph as wide as its cell.
            while column < area.width && Look::of(&buffer[(area.x + column, area.y + row)]) == look
            {
                let symbol = buffer[(area.x + column, area.y + row)].symbol();
                text.push_str(symbol);
                column += symbol.cell_width().max(1);
            }
            run(&mut out, &look, &text, (start, row), column - start);
        }
    }
    out.push_str("</svg>\n");
    out
}

#[derive(PartialEq)]
struct Look {
    ink: String,
    paper: Option<String>,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (ink, paper) = (hex(cell.fg), hex(cell.bg));
        let modifier = cell.modifier - Modifier::REVERSED;
        if cell.modifier.contains(Modifier::REVERSED) {
            let paper = Some(ink.unwrap_or_else(|| INK.into()));
            return Self { ink: hex(cell.bg).unwrap_or_else(|| PAPER.into()), paper, modifier };
        }
        Self { ink: ink.unwrap_or_else(|| INK.into()), paper, modifier }
    }
}

fn run(out: &mut String, look: &Look, text: &str, (column, row): (u16, u16), cells: u16) {
    let x = MARGIN + f64::from(column) * CELL.0;
    let y = MARGIN + BAR + f64::from(row) * CELL.1;
    let width = f64::from(cells) * CELL.0;
    if let Some(paper) = &look.paper {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" \
            fill=\"{paper}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let mut style = String::new();
    for (modifier, css) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::DIM, " opacity=\"0.6\""),
    ] {
        if look.modifier.contains(modifier) {
            style.push_str(css);
        }
    }
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{}\"{style} textLength=\"{width:.1}\" \
         lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\">{}</text>",
        y + CELL.1 * 0.76,
        look.ink,
        escaped(text),
    );
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            character if character.is_control() => {}
            character => out.push(character),
        }
    }
    out
}

/// The colour in hexadecimal, or `None` for the terminal's own.
fn hex(color: Color) -> Option<String> {
    let named = |index: usize| {
        [
            "#3b4252", "#e06c75", "#8fbf7f", "#e0b860", "#61a0e8", "#c08ad8", "#56b6c2", "#c8ced6",
            "#7b8794", "#ff7b86", "#a8d890", "#ffd97a", "#82bdff", "#d8a8f0", "#7ad8e4", "#ffffff",
        ][index]
            .to_owned()
    };
    Some(match color {
        Color::Reset => return None,
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Indexed(index @ 0..16) => named(usize::from(index)),
        Color::Indexed(index @ 16..232) => {
            // The cube of 6 × 6 × 6 colours of xterm.
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        Color::Indexed(grey) => {
            let level = 8 + 10 * (grey - 232);
            format!("#{level:02x}{level:02x}{level:02x}")
        }
    })
}

#[cfg(test)]
mod tests {
    use ratatui::{
        style::Style,
        text::{Line, Span},
    };

    use super::*;

    #[test]
    fn a_frame_becomes_text_with_its_styles() {
        let line = Line::from(vec![
            Span::styled("a<b", Style::new().fg(Color::Green).add_modifier(Modifier::BOLD)),
            Span::styled("日", Style::new().add_modifier(Modifier::REVERSED)),
            Span::raw(" plain"),
        ]);
        let picture = svg(&Buffer::with_lines([line]), "lambda-console & co");
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert!(picture.contains("<title>lambda-console &amp; co</title>"));
        assert!(picture.contains("fill=\"#8fbf7f\" font-weight=\"bold\""));
        assert!(picture.contains(">a&lt;b</text>"));
        assert!(
            picture.contains(&format!("fill=\"{INK}\"/>")),
            "reversed cells have the ink as their ground"
        );
        assert!(picture.contains("> plain</text>"));
    }
}
