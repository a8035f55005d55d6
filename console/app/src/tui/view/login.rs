//! The login overlay: the error, the command that gets new credentials, and the jobs that resume
//! afterwards.

use lambda_console_model::CodeAsked;
use ratatui::{Frame, layout::Rect, text::Line};

use super::{
    areas::Areas,
    overlay::popup,
    text::{fit, put_line, wrap},
};
use crate::tui::{state::State, theme::Theme};

/// Width of the text in columns.
const WIDTH: usize = 72;

pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, body: Rect, areas: &mut Areas) {
    let Some(login) = &state.stage().login else { return };
    let width = WIDTH.min(usize::from(body.width).saturating_sub(4));
    let mut lines: Vec<Line> = wrap(&login.failure.why, width)
        .into_iter()
        .map(|line| Line::styled(line, theme.text))
        .collect();
    lines.push(Line::default());
    let help = match login.command() {
        Some(command) => wrap(&format!("$ {command}"), width),
        None => wrap(&login.failure.hint, width),
    };
    lines.extend(help.into_iter().map(|line| Line::styled(line, theme.key)));
    if !login.stopped.is_empty() {
        lines.push(Line::default());
        let waiting = wrap(&format!("will resume: {}", login.waiting()), width);
        lines.extend(waiting.into_iter().map(|line| Line::styled(line, theme.text)));
    }
    let title = format!("Log in on stage {}", fit(&state.active, 40));
    let inner =
        popup(frame, theme, body, (WIDTH as u16 + 4, lines.len() as u16 + 2), &title, areas);
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        put_line(frame.buffer_mut(), (inner.x + 1, y), line, inner.width.saturating_sub(1));
    }
}

/// Returns title and text of the question for a code.
pub(super) fn question(asked: &CodeAsked) -> (String, String) {
    let CodeAsked { role, device, profile, refused, .. } = asked;
    let refused = if *refused { "The code was not accepted.\n" } else { "" };
    let text = format!(
        "{refused}The profile {profile} assumes the role {role} with a code of the MFA device \
        {device}.\nType the code, or leave it empty to continue without:"
    );
    (format!("MFA code for {}", fit(role, 40)), text)
}
