//! `cargo run -p tests --example picture`: makes the README's picture from the real console. It
//! builds and deploys `hello`, invokes it a few times in a pseudo-terminal, and writes the frame
//! that a user would see.

use std::fs;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use tests::{Home, Terminal, repository, svg};

const COLUMNS: u16 = 120;
const ROWS: u16 = 32;

fn main() {
    let home = Home::new(repository());
    home.run(["build", "hello", "backend"]).ok();
    home.run(["deploy", "backend"]).ok();
    home.run(["invoke", "backend", "--event", "list-items"]);
    let mut terminal = Terminal::start(&home, &[], COLUMNS, ROWS);
    terminal
        .until("the functions", |screen| screen.contains("hello") && screen.contains("backend"));
    // backend, concurrent, exec, hello.
    terminal.press("jjj");
    terminal.press("r");
    terminal.until_text("Hello, ");
    terminal.until_text("✓ stats");
    for run in 2..=6 {
        terminal.press(if run % 3 == 0 { "I" } else { "i" });
        terminal.until_text(&format!(" {run} invocations"));
    }
    terminal.press("1");
    terminal.until_text("Hello, ");
    let buffer = terminal.with_screen(buffer);
    terminal.press("q");
    terminal.finish().assert_restored();
    let path = repository().join("docs/screen.svg");
    fs::write(path, svg(&buffer, "lambda-console")).expect("the repository is writable");
}

/// The emulated terminal's cells as a ratatui buffer.
fn buffer(screen: &vt100::Screen) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let (Some(from), Some(to)) = (screen.cell(row, column), buffer.cell_mut((column, row)))
            else {
                continue;
            };
            if from.has_contents() {
                to.set_symbol(from.contents());
            }
            let mut style = Style::new().fg(color(from.fgcolor())).bg(color(from.bgcolor()));
            let modifiers = [
                (from.bold(), Modifier::BOLD),
                (from.dim(), Modifier::DIM),
                (from.italic(), Modifier::ITALIC),
                (from.underline(), Modifier::UNDERLINED),
                (from.inverse(), Modifier::REVERSED),
            ];
            for (_, modifier) in modifiers.into_iter().filter(|(is_set, _)| *is_set) {
                style = style.add_modifier(modifier);
            }
            to.set_style(style);
        }
    }
    buffer
}

const fn color(color: vt100::Color) -> Color {
    match color {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(index) => Color::Indexed(index),
        vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
