//! Execution roles that the console created: lists them, removes one; and the caller's permissions.

use lambda_console_model::{Approval, Failure, Permissions, Role, Verdict, text::counted};

use super::{copy, input::action, overlay, start, verb};
use crate::tui::{
    message::Effect,
    state::{
        Focus, Notice, Overlay, Running, State,
        overlay::{Choose, Entry, Line, Offer, Purpose},
    },
    task::Task,
};

/// Lists the roles of the stage.
pub(super) fn list(state: &mut State) -> Vec<Effect> {
    state.command = Some(copy::iam(state));
    state.notice = None;
    vec![start(state, Task::ListRoles)]
}

/// Shows the roles, unless another overlay was opened meanwhile.
pub(super) fn listed(state: &mut State, stage: &str, result: Result<Vec<Role>, Failure>) {
    let notice = match result {
        Ok(roles) if roles.is_empty() => {
            Notice::plain("no execution roles created by lambda-console in this region", "")
        }
        Ok(roles)
            if state.is_active(stage) && state.overlay.is_none() && state.focus != Focus::Edit =>
        {
            let entries = roles.iter().map(entry).collect();
            let choose = Choose::new(Offer::Roles(roles), entries);
            state.overlay = Some(Overlay::Choose(choose));
            return;
        }
        Ok(roles) => {
            Notice::plain(format!("{} created by lambda-console", counted(roles.len(), "role")), "")
        }
        Err(failure) => Notice::of(&failure),
    };
    state.notify_on(stage, notice);
}

fn entry(role: &Role) -> Entry {
    let detail = match role.functions.as_slice() {
        [] if role.is_unused() => "unused".to_owned(),
        [] => "unknown".to_owned(),
        _ => users(role),
    };
    Entry { label: role.name.clone(), detail, value: role.name.clone() }
}

/// Returns the functions that use the role: `hello`, or `6 functions`.
fn users(role: &Role) -> String {
    match role.functions.as_slice() {
        [one] => one.clone(),
        several => format!("{} functions", several.len()),
    }
}

/// Asks for the name of the role to remove.
pub(super) fn chosen(state: &mut State, role: Option<&Role>) -> Vec<Effect> {
    let Some(role) = role else { return Vec::new() };
    if verb::is_read_only(state, "nothing is deleted") {
        return Vec::new();
    }
    if role.is_unused() {
        state.overlay = Some(Overlay::Line(Line::new(Purpose::RemoveRole(role.name.clone()), "")));
    } else if role.functions.is_empty() {
        let why = format!("could not list the functions that use {}", role.name);
        state.notify(Notice::plain(why, format!("the caller needs {}", Role::LIST_FUNCTIONS)));
    } else {
        let why = format!("{} is in use by {}", role.name, users(role));
        state.notify(Notice::plain(why, "delete the function first, or assign it another role"));
    }
    Vec::new()
}

/// Handles the text typed to confirm the removal.
pub(super) fn accept(state: &mut State, line: Line, role: String) -> Vec<Effect> {
    if line.text().trim() != role {
        overlay::refuse(state, line, overlay::mismatch(&role));
        return Vec::new();
    }
    state.command = Some(copy::remove_role(state, &role));
    vec![start(state, Task::RemoveRole { role, approval: Approval::Given })]
}

/// Handles the end of the removal.
pub(super) fn removed(state: &mut State, job: &Running, result: Result<(), Failure>) {
    let Task::RemoveRole { role, .. } = &*job.task else { return };
    let notice = match result {
        Ok(()) => Notice::good(format!("deleted the role {role}")),
        Err(failure) => Notice::of(&failure),
    };
    state.notify_on(&job.stage, notice);
}

/// Checks the caller's permissions for the selected function.
pub(super) fn check(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return verb::none_selected(state) };
    let function = card.function.clone();
    state.command = Some(copy::permissions(state, &function.name));
    state.notice = None;
    vec![start(state, Task::CheckPermissions { functions: vec![function] })]
}

/// Shows the result: the denied actions, and below them the whole policy to copy.
pub(super) fn checked(state: &mut State, stage: &str, result: Result<Permissions, Failure>) {
    let permissions = match result {
        Ok(permissions) => permissions,
        Err(failure) => return state.notify_on(stage, Notice::of(&failure)),
    };
    let refused: Vec<&Verdict> =
        permissions.verdicts.iter().filter(|verdict| !verdict.allowed).collect();
    let notice = if refused.is_empty() {
        let all = permissions.verdicts.len();
        Notice::good(format!("all {all} permissions granted to {}", permissions.caller))
    } else {
        let message = format!(
            "{} of {} permissions missing for {}",
            refused.len(),
            permissions.verdicts.len(),
            permissions.caller
        );
        Notice::plain(message, "")
    };
    state.notify_on(stage, notice);
    if !state.is_active(stage) || state.overlay.is_some() || state.focus == Focus::Edit {
        return;
    }
    let mut entries: Vec<Entry> = refused.into_iter().map(refusal).collect();
    let label = "copy the minimal policy".to_owned();
    entries.push(Entry { label, detail: String::new(), value: permissions.policy });
    state.overlay = Some(Overlay::Choose(Choose::new(Offer::Permissions, entries)));
}

fn refusal(verdict: &Verdict) -> Entry {
    let Verdict { action, resource, reason, .. } = verdict;
    let value = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#);
    let last = resource.rsplit(':').find(|part| *part != "*").unwrap_or(resource);
    Entry { label: format!("{action} on {last}: {reason}"), detail: "denied".to_owned(), value }
}

/// Copies the selected statement or policy.
pub(super) fn copied(state: &mut State, entry: &Entry) -> Vec<Effect> {
    action::copy(state, &entry.value, if entry.detail.is_empty() { "policy" } else { "statement" })
}
