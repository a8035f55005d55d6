//! The last two lines: the status or the typed line, and the keys that apply.

use lambda_console_model::VersionsChange;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::tui::{
    message::Action,
    state::{
        Context, Hint, Mood, Overlay, Planned, State,
        overlay::{Offer, Purpose},
    },
    theme::Theme,
    view::{
        logs, settings,
        stats::summary::steps_line,
        text::{columns, field, fit, put, put_line, window},
    },
};

/// Minimum number of visible columns of the typed text.
const MIN_TYPED: usize = 24;

/// Draws the status line.
pub(crate) fn status(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, is_wide: bool) {
    if let Some(Overlay::Line(line)) = &state.overlay
        && let Some(label) = match &line.purpose {
            Purpose::FilterFunctions => Some("filter functions: ".to_owned()),
            Purpose::FilterLogs => Some("filter logs: ".to_owned()),
            Purpose::Qualifier => Some("qualifier (version or alias): ".to_owned()),
            Purpose::ClientContext => Some("client context (JSON object): ".to_owned()),
            Purpose::Tenant => Some("tenant ID: ".to_owned()),
            Purpose::Setting(setting) => Some(settings::prompt(setting)),
            Purpose::Variable => Some("variable name: ".to_owned()),
            Purpose::Code(_) | Purpose::Delete(_) | Purpose::RemoveRole(_) | Purpose::Change(_) => {
                None
            }
        }
    {
        // However long the prompt, there is room for the typed text.
        let room = usize::from(area.width - 1);
        let label = fit(&label, room.saturating_sub(MIN_TYPED));
        let after = put(frame.buffer_mut(), (area.x + 1, area.y), label, room, theme.key);
        field(
            frame,
            Rect { x: after, width: area.right().saturating_sub(after), ..area },
            line.input.area(),
        );
        return;
    }
    let is_running = state.stage().run.as_ref().is_some_and(|run| run.job.is_some());
    if let Some(steps) = steps_line(state, theme).filter(|_| is_running && !is_wide) {
        put_line(frame.buffer_mut(), (area.x, area.y), &steps, area.width);
        return;
    }
    let width = usize::from(area.width).saturating_sub(1);
    let mut spans = vec![Span::raw(" ")];
    if let Some(notice) = &state.notice {
        let (mark, style) = match notice.mood {
            Mood::Good => ("✓ ", theme.good),
            Mood::Plain => ("", theme.text),
            Mood::Bad => ("✗ ", theme.bad),
        };
        spans.push(Span::styled(format!("{mark}{}", one_line(&notice.text)), style));
        if !notice.hint.is_empty() {
            spans.push(Span::raw(format!("  {}", one_line(&notice.hint))));
        }
    }
    let used: usize = spans.iter().map(|span| columns(&span.content)).sum();
    if let Some(command) = &state.command {
        let room = width.saturating_sub(used + 5);
        if room >= 20 {
            let gap = if used > 1 { "   " } else { "" };
            spans
                .push(Span::styled(format!("{gap}$ {}", fit(&one_line(command), room)), theme.dim));
        }
    }
    let pieces = spans.iter().map(|span| (span.content.as_ref(), span.style));
    let mut line = window(pieces, 0, width);
    if used > width {
        // Mark that the end is cut off.
        let pieces = spans.iter().map(|span| (span.content.as_ref(), span.style));
        line = window(pieces, 0, width - 1);
        line.push_span("…");
    }
    put_line(frame.buffer_mut(), (area.x, area.y), &line, area.width);
}

fn one_line(text: &str) -> String {
    text.replace('\n', " ")
}

/// Returns the footer's words for a key: verb and object of its current action.
fn does(state: &State, hint: &Hint) -> String {
    let is = |action: Action| hint.run == action;
    if hint.short.is_empty() {
        String::new()
    } else if is(Action::Tail) {
        logs::tail_action(state)
    } else if is(Action::TailAll) && state.tailed(&state.active) == state.functions.shown_names() {
        "stop tail".to_owned()
    } else if is(Action::Follow) && state.stage().logs.anchor.is_none() {
        "pause".to_owned()
    } else if is(Action::Accept) {
        accepts(state, hint)
    } else {
        hint.short.clone()
    }
}

/// Returns the words for the key that accepts; none if there is nothing to accept.
fn accepts<'a>(state: &'a State, hint: &'a Hint) -> String {
    let words = match &state.overlay {
        Some(Overlay::Choose(choose)) => match &choose.offer {
            Offer::Actions(_) => "run command",
            Offer::Events => "load event",
            Offer::Stages => "switch stage",
            Offer::Sources => "promote",
            Offer::Roles(_) => "delete role",
            Offer::Permissions => "copy statement",
            Offer::Exports => "export",
            Offer::Facts(_) => "close",
        },
        Some(Overlay::Line(line)) => match line.purpose {
            Purpose::FilterFunctions | Purpose::FilterLogs => "keep filter",
            Purpose::Qualifier | Purpose::ClientContext | Purpose::Tenant | Purpose::Setting(_) => {
                "set"
            }
            Purpose::Variable => "add variable",
            Purpose::Code(_) => "send code",
            Purpose::RemoveRole(_) => "delete role",
            Purpose::Delete(_) | Purpose::Change(_) => &hint.short,
        },
        Some(Overlay::Plan(plan)) => {
            let is_empty = plan.outcome.is_none() || plan.changed().next().is_none();
            match &plan.of {
                _ if is_empty || state.options.read_only => "",
                Planned::Deploy(_) => "deploy",
                Planned::Run(_) => "deploy and invoke",
                Planned::Promote(_) => "promote",
                Planned::Versions { change, .. } => match change {
                    VersionsChange::Publish(_) => "publish",
                    VersionsChange::Rollback(_) => "roll back",
                    VersionsChange::Prune(_) => "delete versions",
                },
                Planned::Configure { .. } => &hint.short,
            }
        }
        Some(Overlay::Versions(_) | Overlay::Help(_) | Overlay::Login) | None => &hint.short,
    };
    words.to_owned()
}

/// Returns the key of a hint as the footer shows it: one for both directions of a move.
fn key_of(state: &State, hint: &Hint) -> Option<String> {
    let first = hint.keys.first()?;
    if hint.run != Action::Down {
        return Some(first.clone());
    }
    let up = state.hints.iter().find(|other| {
        other.context == hint.context && other.run == Action::Up && !other.keys.is_empty()
    });
    let has = |hint: &Hint, arrow: &str| hint.keys.iter().any(|key| key == arrow);
    Some(match up {
        Some(up) if has(hint, "down") && has(up, "up") => "↑↓".to_owned(),
        Some(up) => format!("{first} {}", up.keys.first().map_or("", String::as_str)),
        None => first.clone(),
    })
}

/// Draws the keys that apply, those of the pane first, as many as fit; the help always.
pub(crate) fn hints(state: &State, theme: &Theme, frame: &mut Frame, area: Rect) {
    if let Some(Overlay::Line(line)) = &state.overlay
        && let Some(why) = line.refused.as_ref().filter(|_| !line.purpose.is_question())
    {
        let room = usize::from(area.width.saturating_sub(2));
        let why = fit(&format!("✗ {}", one_line(why)), room);
        put(frame.buffer_mut(), (area.x + 1, area.y), why, room, theme.bad);
        return;
    }
    let context = state.context();
    let own =
        state.hints.iter().filter(|hint| hint.context == context && context != Context::Global);
    let inherited = state.hints.iter().filter(|hint| {
        hint.context == Context::Global && (context == Context::Global || context.inherits())
    });
    let help = state.hints.iter().find(|hint| {
        hint.run == Action::Help
            && (hint.context == context || (context.inherits() && hint.context == Context::Global))
    });
    let mut room = usize::from(area.width).saturating_sub(1);
    let mut last = Vec::new();
    if let Some((hint, key)) = help.and_then(|hint| Some((hint, hint.keys.first()?))) {
        room = room.saturating_sub(columns(key) + columns(&hint.short) + 3);
        last = vec![
            Span::raw(" "),
            Span::styled(key.clone(), theme.key),
            Span::styled(format!(" {}", hint.short), theme.dim),
        ];
    }
    let mut spans = Vec::new();
    let mut inherited: Vec<&Hint> = inherited.collect();
    if context == Context::Logs {
        // The key that switches tails is used here more than anywhere else.
        inherited.sort_by_key(|hint| hint.run != Action::Tail);
    }
    // The list's own keys are few and obvious: the verbs come first there.
    let (first, second): (Vec<_>, Vec<_>) = if context == Context::Functions {
        (inherited, own.collect())
    } else {
        (own.collect(), inherited)
    };
    for hint in first.into_iter().chain(second).filter(|hint| hint.run != Action::Help) {
        let Some(key) = key_of(state, hint) else { continue };
        let desc = does(state, hint);
        if desc.is_empty() {
            continue;
        }
        let needed = columns(&key) + columns(&desc) + 3;
        if needed > room {
            break;
        }
        room -= needed;
        spans.push(Span::raw(" "));
        spans.push(Span::styled(key, theme.key));
        spans.push(Span::styled(format!(" {desc} "), theme.dim));
    }
    spans.extend(last);
    put_line(frame.buffer_mut(), (area.x, area.y), &Line::from(spans), area.width);
}
