//! Overlays over the screen: the help, lists to choose from, confirmations.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Clear,
};

use super::{
    areas::Areas,
    delete,
    frame::pane::scroll_bar,
    functions::frame_of,
    login, plan, stages,
    text::{columns, field, fit, pad, put, put_line, wrap},
    versions,
};
use crate::tui::{
    message::Action,
    state::{
        Connection, Context, Overlay, State, Target,
        overlay::{Choose, Line as TypedLine, Offer, Purpose, StageChange},
    },
    theme::Theme,
};

/// Columns of a confirmation if there is enough space.
const CONFIRM_WIDTH: u16 = 66;

pub(super) fn draw(state: &State, theme: &Theme, frame: &mut Frame, body: Rect, areas: &mut Areas) {
    match &state.overlay {
        None => {}
        Some(Overlay::Help(top)) => help(state, theme, frame, body, areas, *top),
        Some(Overlay::Login) => login::draw(state, theme, frame, body, areas),
        Some(Overlay::Choose(choose)) if choose.offer == Offer::Stages => {
            stages::draw(state, theme, frame, body, areas, choose);
        }
        Some(Overlay::Choose(choose)) => list(state, theme, frame, body, areas, choose),
        Some(Overlay::Plan(plan)) => plan::draw(state, theme, frame, body, areas, plan),
        Some(Overlay::Versions(picker)) => versions::draw(state, theme, frame, body, areas, picker),
        Some(Overlay::Line(line)) => {
            if let Some((title, text)) = question(state, &line.purpose) {
                confirm(theme, frame, body, areas, line, (&title, &text));
            }
        }
    }
}

/// Draws a cleared, framed box in the middle of `body`; returns its inner area.
pub(super) fn popup(
    frame: &mut Frame,
    theme: &Theme,
    body: Rect,
    size: (u16, u16),
    title: &str,
    areas: &mut Areas,
) -> Rect {
    let (width, height) = (size.0.min(body.width), size.1.min(body.height));
    let x = body.x + (body.width - width) / 2;
    let y = body.y + (body.height - height) / 3;
    let area = Rect { x, y, width, height };
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.text);
    let block = frame_of(title, true, theme);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    areas.put(area, Target::Overlay);
    inner
}

fn help(
    state: &State,
    theme: &Theme,
    frame: &mut Frame,
    body: Rect,
    areas: &mut Areas,
    top: usize,
) {
    let mut lines = any_keyboard(state, theme);
    for context in Context::ALL {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(context.title(), theme.title));
        for hint in state.hints.iter().filter(|hint| hint.context == context) {
            let keys = if hint.keys.is_empty() {
                let palette =
                    state.key_of(Context::Functions, Action::Palette).unwrap_or("palette");
                format!("{palette} {}", hint.run.name().replace('_', " "))
            } else {
                hint.keys.join(" ")
            };
            lines.push(Line::from(vec![
                Span::styled(format!("  {} ", pad(&keys, 22)), theme.key),
                Span::raw(hint.desc.clone()),
            ]));
        }
    }
    let size = (78, body.height.saturating_sub(2));
    let inner = popup(frame, theme, body, size, "Help", areas);
    areas.viewport.overlay = inner.height;
    areas.viewport.overlay_lines = lines.len();
    let top = top.min(lines.len().saturating_sub(usize::from(inner.height)));
    for (line, y) in lines.iter().skip(top).zip(inner.y..inner.bottom()) {
        put_line(frame.buffer_mut(), (inner.x + 1, y), line, inner.width - 1);
    }
    scroll_bar(frame, theme, inner, top, lines.len());
}

/// Returns keys that work on every keyboard: a terminal sends the character of a key, not its
/// position.
fn any_keyboard(state: &State, theme: &Theme) -> Vec<Line<'static>> {
    let palette = state.plain_key_of(Action::Palette);
    let palette =
        palette.map(|key| format!(" {key} opens the command palette,")).unwrap_or_default();
    vec![
        Line::styled("Any keyboard layout", theme.title),
        Line::raw("  Letter keys are Latin. On other layouts use arrows, tab, enter, esc, ctrl"),
        Line::raw(format!("  and F keys:{palette} ctrl-c twice quits.")),
    ]
}

fn list(
    state: &State,
    theme: &Theme,
    frame: &mut Frame,
    body: Rect,
    areas: &mut Areas,
    choose: &Choose,
) {
    let title = match &choose.offer {
        Offer::Actions(_) => "Commands".to_owned(),
        Offer::Events => "Event files".to_owned(),
        Offer::Stages => "Stages".to_owned(),
        Offer::Sources => format!("Promote to {} from …", fit(&state.active, 30)),
        Offer::Roles(_) => "Execution roles".to_owned(),
        Offer::Permissions => "Missing permissions".to_owned(),
        Offer::Exports => "Export functions to …".to_owned(),
        Offer::Facts(title) => title.clone(),
    };
    let rows = (choose.entries.len() as u16 + 3).clamp(6, 22);
    let inner = popup(frame, theme, body, (72, rows), &title, areas);
    put(frame.buffer_mut(), (inner.x + 1, inner.y), ":", 1, theme.key);
    field(
        frame,
        Rect { x: inner.x + 3, width: inner.width.saturating_sub(4), height: 1, ..inner },
        choose.input.area(),
    );

    let area = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let height = usize::from(area.height);
    areas.viewport.overlay = area.height;
    areas.viewport.overlay_lines = choose.matches.len();
    let top = (choose.selected + 1).saturating_sub(height);
    let width = usize::from(area.width);
    for ((position, &index), y) in
        choose.matches.iter().enumerate().skip(top).zip(area.y..area.bottom())
    {
        let Some(entry) = choose.entries.get(index) else { continue };
        let detail = fit(&entry.detail, 16);
        let label = pad(&entry.label, width.saturating_sub(columns(&detail) + 5));
        let row = Rect { y, height: 1, ..area };
        let line =
            Line::from(vec![Span::raw(format!("  {label} ")), Span::styled(detail, theme.key)]);
        put_line(frame.buffer_mut(), (area.x, y), &line, area.width);
        if position == choose.selected {
            frame.buffer_mut().set_style(row, theme.selected);
            put(frame.buffer_mut(), (area.x, y), "▸", 1, theme.selected);
        }
        areas.put(row, Target::Choice(position));
    }
    if choose.matches.is_empty() && area.height > 0 {
        put(
            frame.buffer_mut(),
            (area.x + 2, area.y),
            "no matches",
            width.saturating_sub(2),
            theme.dim,
        );
    }
    scroll_bar(frame, theme, area, top, choose.matches.len());
}

/// Returns title and text of a confirmation.
fn question(state: &State, purpose: &Purpose) -> Option<(String, String)> {
    let stage = &state.active;
    let whose = match &state.stage().connection {
        Connection::Connected(info) => format!(" (account {}, {})", info.account, info.region),
        Connection::Connecting | Connection::Failed(_) => String::new(),
    };
    let change = match purpose {
        Purpose::FilterFunctions
        | Purpose::FilterLogs
        | Purpose::Qualifier
        | Purpose::ClientContext
        | Purpose::Tenant
        | Purpose::Setting(_)
        | Purpose::Variable => return None,
        Purpose::Code(asked) => return Some(login::question(asked)),
        Purpose::Delete(it) => return Some(delete::question(state, it, &whose)),
        Purpose::RemoveRole(role) => {
            let text = format!(
                "This deletes the execution role {role} and its policies from stage \
                {stage}{whose}.\nType `{role}` to confirm:"
            );
            return Some((format!("Delete {}?", fit(role, 40)), text));
        }
        Purpose::Change(change) => change,
    };
    let what = match change {
        StageChange::Deploy(names) => format!("This deploys {} to", names.join(", ")),
        StageChange::Run(name) => {
            format!("The run builds {name}, then deploys and invokes it on")
        }
        StageChange::ColdStart(name) => format!("A cold start changes a variable of {name} on"),
    };
    let text =
        format!("{what} stage {stage}{whose}, which is protected.\nType `{stage}` to confirm:");
    Some((format!("Change {}?", fit(stage, 40)), text))
}

fn confirm(
    theme: &Theme,
    frame: &mut Frame,
    body: Rect,
    areas: &mut Areas,
    line: &TypedLine,
    (title, text): (&str, &str),
) {
    let width = usize::from(CONFIRM_WIDTH.min(body.width).saturating_sub(4)).max(1);
    let mut lines = wrap(text, width);
    let refused: Vec<String> =
        line.refused.iter().flat_map(|why| wrap(&format!("✗ {why}"), width)).collect();
    let rows = (lines.len() + refused.len()) as u16 + 3;
    let inner = popup(frame, theme, body, (CONFIRM_WIDTH, rows), title, areas);
    // The text to type is last and always visible.
    let room = usize::from(inner.height.saturating_sub(1)).saturating_sub(refused.len());
    if lines.len() > room {
        lines.drain(room.saturating_sub(2)..lines.len() - room.min(2));
    }
    for (line, y) in lines.iter().zip(inner.y..inner.bottom()) {
        put(frame.buffer_mut(), (inner.x + 1, y), line, width, theme.text);
    }
    let after = inner.y + lines.len() as u16;
    for (line, y) in refused.iter().zip(after..inner.bottom().saturating_sub(1)) {
        put(frame.buffer_mut(), (inner.x + 1, y), line, width, theme.bad);
    }
    let y = (after + refused.len() as u16).min(inner.bottom().saturating_sub(1));
    if y < inner.bottom() {
        put(frame.buffer_mut(), (inner.x + 1, y), ">", 1, theme.bad);
        field(
            frame,
            Rect { x: inner.x + 3, y, width: inner.width.saturating_sub(4), height: 1 },
            line.input.area(),
        );
    }
}
