//! A minimal ratatui program: one frame, then it waits for a key. The console's first frame is
//! compared with it.

fn main() -> std::io::Result<()> {
    let mut terminal = ratatui::try_init()?;
    terminal.draw(|frame| frame.render_widget("bare: ? help", frame.area()))?;
    ratatui::crossterm::event::read()?;
    ratatui::try_restore()
}
