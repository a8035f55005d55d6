//! Terminal input as events: keys through the keymap, the mouse through the areas that were drawn.

use crossterm::event::{
    Event as TerminalEvent, KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers, MouseEventKind,
};

use super::is_covered;
use crate::tui::{
    keymap::Keymap,
    message::Event,
    state::{Key, KeyCode, State, Target},
    view::Areas,
};

/// Number of lines per notch of the wheel.
const NOTCH: i16 = 3;

/// Returns the event for terminal input; `None` for input without a meaning.
pub(super) fn event(
    event: &TerminalEvent,
    keymap: &Keymap,
    state: &State,
    areas: &Areas,
) -> Option<Event> {
    match event {
        TerminalEvent::Key(event) if event.kind != KeyEventKind::Release => {
            keymap.event(state.context(), key(event)?)
        }
        TerminalEvent::Paste(text) => Some(Event::Paste(text.clone())),
        TerminalEvent::Resize(columns, rows) => Some(Event::Resize(*columns, *rows)),
        TerminalEvent::Mouse(mouse) => {
            let covered = is_covered(state).then_some(Target::Overlay);
            let target = areas.hit(mouse.column, mouse.row).or(covered)?;
            match mouse.kind {
                MouseEventKind::Down(crossterm::event::MouseButton::Left) => {
                    Some(Event::Click(target))
                }
                MouseEventKind::ScrollUp => Some(Event::Scroll(target, -NOTCH)),
                MouseEventKind::ScrollDown => Some(Event::Scroll(target, NOTCH)),
                _ => None,
            }
        }
        TerminalEvent::Key(_) | TerminalEvent::FocusGained | TerminalEvent::FocusLost => None,
    }
}

fn key(event: &KeyEvent) -> Option<Key> {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
    let code = match event.code {
        Code::Char(character) => {
            shift = false;
            // Terminals differ in whether control turns a letter into upper case.
            KeyCode::Char(if ctrl { character.to_ascii_lowercase() } else { character })
        }
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => {
            shift = true;
            KeyCode::Tab
        }
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Insert => KeyCode::Insert,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        Code::F(number) => KeyCode::F(number),
        _ => return None,
    };
    Some(Key { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT), shift })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_same_whatever_the_terminal_adds() {
        let of = |code, modifiers| key(&KeyEvent::new(code, modifiers)).unwrap().to_string();
        assert_eq!(of(Code::Char('B'), KeyModifiers::SHIFT), "B");
        assert_eq!(of(Code::Char('B'), KeyModifiers::NONE), "B");
        assert_eq!(of(Code::Char('C'), KeyModifiers::CONTROL), "ctrl-c");
        assert_eq!(of(Code::BackTab, KeyModifiers::NONE), "shift-tab");
        assert_eq!(of(Code::Enter, KeyModifiers::ALT), "alt-enter");
    }
}
