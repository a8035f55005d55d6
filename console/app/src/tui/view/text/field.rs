//! Editors, drawn with the cursor always visible.

use lambda_console_model::text::clusters;
use ratatui::{
    Frame,
    layout::Rect,
    style::{Modifier, Style},
};
use ratatui_textarea::TextArea;

use super::{put_line, window};

/// Draws an editor. Returns the number of columns that are scrolled out of the area on the left.
///
/// The text area scrolls by the widths of characters and draws by those of clusters, so the cursor
/// gets out of view after emoji of several characters; if that is possible, the rows are drawn
/// here.
pub(crate) fn field(frame: &mut Frame, area: Rect, editor: &TextArea<'_>) -> usize {
    frame.render_widget(editor, area);
    let (top, left) = editor.scroll_offset();
    let (row, column) = (editor.cursor().0, editor.cursor().1);
    let before = editor.lines().get(row).map_or("", |line| {
        let end = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        line.get(..end).unwrap_or_default()
    });
    let columns = |text: &str| clusters(text).map(|(_, columns)| columns).sum::<usize>();
    let cursor = columns(before);
    let of_characters: usize =
        before.chars().map(|character| columns(character.encode_utf8(&mut [0; 4]))).sum();
    if left == 0 || cursor == of_characters {
        return usize::from(left);
    }
    let gutter = usize::from(editor.line_number_width());
    let cursor = gutter + cursor;
    let left = (cursor + 1).saturating_sub(usize::from(area.width));
    let buffer = frame.buffer_mut();
    for position in area.positions() {
        buffer[position].set_symbol(" ").modifier.remove(Modifier::REVERSED);
    }
    for ((number, line), y) in
        editor.lines().iter().enumerate().skip(usize::from(top)).zip(area.y..area.bottom())
    {
        let margin = if gutter == 0 {
            String::new()
        } else {
            format!("{:>width$} ", number + 1, width = gutter - 1)
        };
        let line = window(
            [(margin.as_str(), Style::new()), (line.as_str(), Style::new())],
            left,
            usize::from(area.width),
        );
        put_line(buffer, (area.x, y), &line, area.width);
        if number == row && cursor - left < usize::from(area.width) {
            buffer[(area.x + (cursor - left) as u16, y)].modifier.insert(Modifier::REVERSED);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};
    use ratatui_textarea::CursorMove;

    use super::*;
    use crate::tui::state::Editor;

    fn draw(terminal: &mut Terminal<TestBackend>, editor: &Editor) {
        let work = |frame: &mut Frame<'_>| {
            field(frame, frame.area(), editor.area());
        };
        terminal.draw(work).unwrap();
    }

    #[test]
    fn the_text_around_the_cursor_is_in_sight_behind_emoji_of_several_characters() {
        const FAMILY: &str = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}";
        let text = format!("\"{}\"", FAMILY.repeat(20));
        for mut editor in [Editor::new(&text), Editor::line(&text)] {
            editor.move_cursor(CursorMove::End);
            let mut terminal = Terminal::new(TestBackend::new(30, 2)).unwrap();
            draw(&mut terminal, &editor);
            let cells: Vec<_> = terminal.backend().buffer().content().iter().take(30).collect();
            assert!(cells.iter().filter(|cell| cell.symbol() == FAMILY).count() > 8, "{cells:?}");
            assert_eq!((cells[28].symbol(), cells[29].modifier), ("\"", Modifier::REVERSED));
            editor.move_cursor(CursorMove::Head);
            draw(&mut terminal, &editor);
            let head = terminal
                .backend()
                .buffer()
                .content()
                .iter()
                .take(6)
                .position(|cell| cell.symbol() == "\"");
            assert!(head.is_some(), "{:?}", terminal.backend().buffer());
        }
    }
}
