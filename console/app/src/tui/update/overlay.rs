//! Overlays: opens them, handles their answers, closes them.

use lambda_console_model::{Approval, Needed};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use super::{
    delete,
    input::{action, ahead},
    invoke::{options, payload},
    login, logs, plan, promote, roles, settings, stages, verb, versions, workspace,
};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Context, Focus, Notice, Overlay, State, Tab,
        overlay::{Choose, Entry, Line, Offer, Purpose},
    },
};

/// Opens the overlay for `action`.
pub(super) fn open(state: &mut State, action: Action) {
    state.overlay = match action {
        Action::Help => Some(Overlay::Help(0)),
        Action::Palette => Some(Overlay::Choose(palette(state))),
        Action::Filter if state.tab == Tab::Logs && state.focus == Focus::Tab => {
            Some(Overlay::Line(Line::new(Purpose::FilterLogs, &state.stage().logs.filter().text)))
        }
        Action::Filter => {
            Some(Overlay::Line(Line::new(Purpose::FilterFunctions, &state.functions.filter)))
        }
        _ => {
            let files = state.functions.current().map_or(&[][..], |card| &card.function.events);
            let entry = |name: &String| Entry {
                label: name.clone(),
                detail: String::new(),
                value: name.clone(),
            };
            let entries: Vec<Entry> = files.iter().map(|file| entry(&file.name)).collect();
            if entries.is_empty() {
                let hint = "save payloads as `events/NAME.json` beside the function's `src`";
                state.notify(Notice::plain("the function has no event files", hint));
                return;
            }
            Some(Overlay::Choose(Choose::new(Offer::Events, entries)))
        }
    };
}

/// Returns the list of every verb once, with its keys if it has some.
fn palette(state: &State) -> Choose {
    let (mut actions, mut entries) = (Vec::new(), Vec::new());
    let is_offered = |context: Context| {
        matches!(
            context,
            Context::Global
                | Context::Functions
                | Context::Payload
                | Context::Response
                | Context::Logs
                | Context::Settings
        )
    };
    for hint in state.hints.iter().filter(|hint| is_offered(hint.context)) {
        if !actions.contains(&hint.run) {
            actions.push(hint.run);
            let (label, value) = (hint.desc.clone(), hint.run.name().to_owned());
            entries.push(Entry { label, detail: hint.keys.join(" "), value });
        }
    }
    Choose::new(Offer::Actions(actions), entries)
}

/// Narrows the list, or filters, by the typed text.
pub(super) fn typed(state: &mut State) {
    match &mut state.overlay {
        Some(Overlay::Choose(choose)) => {
            let pattern = choose.input.text();
            choose.matches = matches(&choose.entries, &pattern);
            choose.selected = 0;
        }
        Some(Overlay::Line(line)) => {
            line.refused = None;
            let text = line.text();
            match line.purpose {
                Purpose::FilterFunctions => filter_functions(state, text),
                Purpose::FilterLogs => logs::filter(state, &text),
                Purpose::Qualifier
                | Purpose::ClientContext
                | Purpose::Tenant
                | Purpose::Setting(_)
                | Purpose::Variable
                | Purpose::Code(_)
                | Purpose::Delete(_)
                | Purpose::RemoveRole(_)
                | Purpose::Change(_) => {}
            }
        }
        Some(Overlay::Help(_) | Overlay::Plan(_) | Overlay::Versions(_) | Overlay::Login)
        | None => {}
    }
}

fn filter_functions(state: &mut State, text: String) {
    state.functions.filter = text;
    if state.functions.position().is_none() && state.functions.shown().next().is_some() {
        state.functions.select(0);
    }
}

/// Returns the entries that match `pattern`, best first; of equal ones, those that begin with it.
pub(super) fn matches(entries: &[Entry], pattern: &str) -> Vec<usize> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let typed = pattern;
    let pattern = Pattern::parse(pattern, CaseMatching::Smart, Normalization::Smart);
    let mut buffer = Vec::new();
    let mut score = |entry: &Entry| {
        let text = format!("{} {}", entry.label, entry.value);
        pattern.score(Utf32Str::new(&text, &mut buffer), &mut matcher)
    };
    let mut scored: Vec<(usize, u32)> = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((index, score(entry)?)))
        .collect();
    let begins = |index: usize| entries.get(index).is_some_and(|it| it.label.starts_with(typed));
    scored.sort_by_key(|&(index, score)| (std::cmp::Reverse(score), !begins(index), index));
    scored.into_iter().map(|(index, _)| index).collect()
}

/// Closes it, and restores the previous filter.
pub(super) fn dismiss(state: &mut State) -> Vec<Effect> {
    match state.overlay.take() {
        Some(Overlay::Line(line)) => match line.purpose {
            Purpose::FilterFunctions => filter_functions(state, line.before),
            Purpose::FilterLogs => logs::filter(state, &line.before),
            Purpose::Delete(deletion) => return delete::dismissed(state, &deletion),
            Purpose::Code(asked) => return login::give_code(&asked, ""),
            Purpose::Qualifier
            | Purpose::ClientContext
            | Purpose::Tenant
            | Purpose::Setting(_)
            | Purpose::Variable
            | Purpose::RemoveRole(_)
            | Purpose::Change(_) => {}
        },
        Some(Overlay::Plan(plan)) => return plan::dismissed(state, plan),
        Some(Overlay::Versions(picker)) => return versions::dismissed(state, &picker),
        Some(Overlay::Help(_) | Overlay::Choose(_) | Overlay::Login) | None => {}
    }
    Vec::new()
}

/// Keeps a line open with its text, and shows why it is not accepted.
pub(super) fn refuse(state: &mut State, line: Line, why: impl Into<String>) {
    state.overlay = Some(Overlay::Line(Line { refused: Some(why.into()), ..line }));
}

/// Returns the reason why a typed word was not accepted: it is a name, or yes.
pub(super) fn mismatch(word: &str) -> String {
    if Needed::Yes.word() == Some(word) {
        format!("not confirmed: type `{word}`")
    } else {
        format!("name does not match: type `{word}`")
    }
}

/// Accepts the selected entry, or the typed text. Keys after an answer are not commands yet.
pub(super) fn accept(state: &mut State) -> Vec<Effect> {
    let is_question = state.overlay.as_ref().is_some_and(Overlay::is_question);
    let effects = take(state);
    if is_question && state.overlay.is_none() {
        ahead::answered(state);
    }
    effects
}

fn take(state: &mut State) -> Vec<Effect> {
    match state.overlay.take() {
        Some(Overlay::Choose(choose)) => {
            let Some(entry) = choose.current() else {
                state.overlay = Some(Overlay::Choose(choose));
                return Vec::new();
            };
            match choose.offer.clone() {
                Offer::Actions(actions) => match choose.index().and_then(|at| actions.get(at)) {
                    Some(chosen) => action::act(state, *chosen),
                    None => Vec::new(),
                },
                Offer::Events => payload::choose_event(state, &entry.value),
                Offer::Stages => stages::switch(state, &entry.value),
                Offer::Sources => promote::chosen(state, choose.index()),
                Offer::Roles(roles) => {
                    roles::chosen(state, choose.index().and_then(|at| roles.get(at)))
                }
                Offer::Permissions => roles::copied(state, entry),
                Offer::Exports => workspace::export_to(state, &entry.value),
                Offer::Facts(_) => Vec::new(),
            }
        }
        Some(Overlay::Line(line)) => typed_line(state, line),
        Some(Overlay::Plan(plan)) => plan::accept(state, plan),
        Some(Overlay::Versions(picker)) => versions::accept(state, picker),
        Some(Overlay::Help(_) | Overlay::Login) | None => Vec::new(),
    }
}

/// Handles the text typed into `line`. Text that is not accepted stays there to be corrected.
fn typed_line(state: &mut State, line: Line) -> Vec<Effect> {
    let text = line.text();
    let typed = text.trim();
    match line.purpose.clone() {
        Purpose::FilterFunctions | Purpose::FilterLogs => {}
        Purpose::Qualifier | Purpose::ClientContext | Purpose::Tenant => {
            options::take(state, line, typed);
        }
        Purpose::Setting(setting) => settings::typed(state, line, &setting),
        Purpose::Variable => settings::named(state, line),
        Purpose::Code(asked) => return login::give_code(&asked, typed),
        Purpose::Delete(deletion) => return delete::accept(state, line, deletion),
        Purpose::RemoveRole(role) => return roles::accept(state, line, role),
        Purpose::Change(_) if typed != state.active => {
            let why = mismatch(&state.active);
            refuse(state, line, why);
        }
        // Keep the typed text while something else runs.
        Purpose::Change(_) if !verb::may_change(state, "nothing is changed") => {
            state.overlay = Some(Overlay::Line(line));
        }
        Purpose::Change(change) => return verb::carry_out(state, change, Approval::Given),
    }
    Vec::new()
}
