//! The least that a ratatui program can do: one frame, then wait for a key. The console's first frame is
//! measured against it.

fn main() -> std::io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    terminal.draw(|frame| frame.render_widget("bare: ? help", frame.area()))?;
    ratatui::crossterm::event::read()?;
    ratatui::try_restore()
}
