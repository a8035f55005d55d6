//! The plan of a deploy, of settings, of a promotion or of versions: one line for each setting that
//! would change, by function. Values are masked already.

use lambda_console_model::{
    Change, DeployAction, DeployPlan, FunctionPlan, Needed, VersionsChange,
};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    areas::Areas,
    frame::pane::scroll_bar,
    overlay::popup,
    settings,
    text::{columns, counted, field, fit, pad, put, put_line, window, wrap},
};
use crate::tui::{
    state::{Connection, Plan, Planned, State},
    theme::Theme,
};

/// Columns of a plan if there is enough space.
const WIDTH: u16 = 100;

pub(super) fn draw(
    state: &State,
    theme: &Theme,
    frame: &mut Frame,
    body: Rect,
    areas: &mut Areas,
    plan: &Plan,
) {
    let stage = &state.active;
    let inside = usize::from(WIDTH.min(body.width).saturating_sub(4));
    let lines = lines(state, theme, plan, inside);
    let rows = (lines.len() as u16).saturating_add(5).min(body.height.saturating_sub(2));
    let title = match &plan.of {
        Planned::Configure { function, .. } => {
            format!("Change settings of {} on {}", fit(&function.name, 40), fit(stage, 30))
        }
        Planned::Promote(promotion) => {
            let names: Vec<&str> =
                promotion.functions.iter().map(|function| function.name.as_str()).collect();
            let how = if promotion.canary.is_some() { ", canary" } else { "" };
            format!(
                "Promote {} from {} to {}{how}",
                fit(&names.join(", "), 40),
                fit(&promotion.from, 20),
                fit(stage, 20)
            )
        }
        Planned::Versions { function, change } => {
            let (name, stage) = (fit(function, 40), fit(stage, 30));
            match change {
                VersionsChange::Publish(_) => format!("Publish a version of {name} on {stage}"),
                VersionsChange::Rollback(_) => format!("Roll {name} back on {stage}"),
                VersionsChange::Prune(_) => format!("Delete versions of {name} on {stage}"),
            }
        }
        Planned::Deploy(names) if names.len() == 1 => {
            format!(
                "Deploy {} to {}",
                fit(names.first().map_or("", String::as_str), 40),
                fit(stage, 30)
            )
        }
        Planned::Run(name) => format!("Run: deploy {} to {}", fit(name, 40), fit(stage, 30)),
        Planned::Deploy(names) => {
            format!("Deploy {} to {}", counted(names.len(), "function"), fit(stage, 30))
        }
    };
    let inner = popup(frame, theme, body, (WIDTH, rows), &title, areas);
    if inner.height < 3 {
        return;
    }
    let place = Line::styled(place(state), theme.dim);
    put_line(frame.buffer_mut(), (inner.x + 1, inner.y), &place, inner.width.saturating_sub(1));
    let list = Rect { y: inner.y + 1, height: inner.height - 3, ..inner };
    areas.viewport.overlay = list.height;
    areas.viewport.overlay_lines = lines.len();
    let top = plan.top.min(lines.len().saturating_sub(usize::from(list.height)));
    for (line, y) in lines.iter().skip(top).zip(list.y..list.bottom()) {
        put_line(frame.buffer_mut(), (list.x + 1, y), line, list.width.saturating_sub(1));
    }
    scroll_bar(frame, theme, list, top, lines.len());
    footer(state, theme, frame, Rect { y: inner.bottom() - 1, height: 1, ..inner }, plan);
}

/// Returns the account and region of the change.
fn place(state: &State) -> String {
    match &state.stage().connection {
        Connection::Connected(info) => format!("account {}, {}", info.account, info.region),
        Connection::Connecting => "connecting …".to_owned(),
        Connection::Failed(failure) => failure.to_string(),
    }
}

fn lines(state: &State, theme: &Theme, plan: &Plan, width: usize) -> Vec<Line<'static>> {
    let Some(outcome) = &plan.outcome else {
        return vec![Line::styled(format!("comparing with stage {} …", state.active), theme.busy)];
    };
    let mut lines = Vec::new();
    for function in plan.changed() {
        of_function(theme, function, width, &mut lines);
    }
    for (name, failure) in &outcome.failed {
        lines.push(Line::from(vec![
            Span::styled(name.clone(), theme.title),
            Span::styled(
                if matches!(plan.of, Planned::Promote(_)) {
                    "  ✗ cannot be promoted"
                } else {
                    "  ✗ cannot be deployed"
                },
                theme.bad,
            ),
        ]));
        let texts = [failure.to_string(), failure.hint.clone()];
        for text in
            texts.iter().filter(|text| !text.is_empty()).flat_map(|text| wrap(text, width - 2))
        {
            lines.push(clean(&format!("  {text}"), theme, width));
        }
    }
    for function in outcome.functions.iter().filter(|function| function.stale) {
        let text = format!("! {}: {}", function.name, function.staleness());
        lines.extend(wrap(&text, width).into_iter().map(|line| Line::styled(line, theme.warn)));
    }
    if plan.outcome.as_ref().is_some_and(DeployPlan::opens) {
        let text = "✗ public URL: anyone on the internet can invoke it (auth NONE)";
        lines.extend(wrap(text, width).into_iter().map(|line| Line::styled(line, theme.bad)));
    }
    if matches!(&plan.of, Planned::Versions { change: VersionsChange::Prune(_), .. })
        && plan.is_open()
    {
        let text = "! no alias points to them; they cannot be restored";
        lines.extend(wrap(text, width).into_iter().map(|line| Line::styled(line, theme.warn)));
    }
    if let Planned::Configure { function, .. } = &plan.of
        && let Some(card) = state.functions.get(&function.name)
    {
        let warnings = settings::warnings(state, card).into_iter().map(|text| format!("! {text}"));
        let lined = warnings.flat_map(|text| wrap(&text, width));
        lines.extend(lined.map(|line| Line::styled(line, theme.warn)));
    }
    let unchanged: Vec<&str> = plan.unchanged().map(|function| function.name.as_str()).collect();
    if !unchanged.is_empty() {
        let text = format!("unchanged: {}", unchanged.join(", "));
        lines.extend(wrap(&text, width).into_iter().map(|line| Line::styled(line, theme.dim)));
    }
    lines
}

fn of_function(
    theme: &Theme,
    function: &FunctionPlan,
    width: usize,
    lines: &mut Vec<Line<'static>>,
) {
    let (what, style) = match function.action {
        DeployAction::Created => ("create", theme.good),
        DeployAction::Updated | DeployAction::Unchanged => ("update", theme.warn),
    };
    lines.push(Line::from(vec![
        Span::styled(function.name.clone(), theme.title),
        Span::styled(format!("  {what}"), style),
    ]));
    let names: Vec<String> =
        function.changes.iter().map(|change| change.field.to_string()).collect();
    let fields = names.iter().map(|name| columns(name)).max().unwrap_or_default().clamp(12, 28);
    for (change, name) in function.changes.iter().zip(&names) {
        for (row, text) in values(change, width.saturating_sub(fields + 3)).into_iter().enumerate()
        {
            let field = if row == 0 { fit(name, fields) } else { String::new() };
            let pieces = [(format!("  {} ", pad(&field, fields)), theme.dim), (text, theme.text)];
            lines.push(window(
                pieces.iter().map(|(text, style)| (text.as_str(), *style)),
                0,
                width,
            ));
        }
    }
}

/// Returns `from → to`, on more lines if one is too narrow.
fn values(change: &Change, width: usize) -> Vec<String> {
    let Some(from) = &change.from else { return wrap(change.to.as_str(), width.max(1)) };
    let text = format!("{from} → {}", change.to);
    if columns(&text) <= width {
        return vec![text];
    }
    wrap(from, width.max(1))
        .into_iter()
        .chain(wrap(&format!("→ {}", change.to), width.max(1)))
        .collect()
}

fn clean(text: &str, theme: &Theme, width: usize) -> Line<'static> {
    window([(text, theme.text)], 0, width)
}

/// Draws the reason why there is nothing to apply, or the line for the word that approves it.
fn footer(state: &State, theme: &Theme, frame: &mut Frame, area: Rect, plan: &Plan) {
    let (x, width) = (area.x + 1, usize::from(area.width.saturating_sub(1)));
    let needed = state.plan_needs(plan);
    if let Some(word) = needed.word() {
        let label = match &needed {
            Needed::Word(stage) if *stage == state.active => {
                format!("type the stage name `{}` to confirm > ", fit(stage, 30))
            }
            _ => format!("type `{}` to confirm > ", fit(word, 30)),
        };
        let after = put(frame.buffer_mut(), (x, area.y), &label, width, theme.bad);
        field(
            frame,
            Rect { x: after, width: area.right().saturating_sub(after), ..area },
            plan.typed.area(),
        );
        return;
    }
    if plan.outcome.is_none() {
        return;
    }
    let text = if plan.changed().next().is_none() {
        "nothing to change"
    } else if state.options.read_only {
        "read-only mode: nothing is sent"
    } else {
        return;
    };
    put(frame.buffer_mut(), (x, area.y), text, width, theme.warn);
}
