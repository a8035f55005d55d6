//! The execution roles that the console made: listing them, removing one.

use super::{command, start};
use crate::{
    message::{Effect, Failure, JobId, Role},
    state::{
        Focus, JobKind, Notice, Overlay, State,
        overlay::{Choose, Entry, Line, Offer, Purpose},
    },
};

/// Asks the stage for the roles.
pub(super) fn list(state: &mut State) -> Vec<Effect> {
    state.command = Some(command::iam(state));
    state.notice = None;
    vec![Effect::ListRoles(start(state, JobKind::Roles))]
}

/// The roles came: they are shown unless something else is open by now.
pub(super) fn listed(state: &mut State, job: JobId, result: Result<Vec<Role>, Failure>) {
    if state.jobs.end(job).is_none() {
        return;
    }
    match result {
        Ok(roles) if roles.is_empty() => {
            state.tell(Notice::plain("the console has made no role for functions in this region", ""));
        }
        Ok(roles) if state.overlay.is_none() && state.focus != Focus::Edit => {
            let entries = roles.into_iter().map(entry).collect();
            state.overlay = Some(Overlay::Choose(Choose::new(Offer::Roles, entries)));
        }
        Ok(roles) => state.tell(Notice::plain(format!("the console has made {} roles", roles.len()), "")),
        Err(failure) => state.tell(Notice::of(&failure)),
    }
}

fn entry(role: Role) -> Entry {
    let detail = match role.functions.as_slice() {
        [] => "unused".to_owned(),
        [one] => one.clone(),
        several => format!("{} functions", several.len()),
    };
    Entry { label: role.name.clone(), detail, value: role.name }
}

/// Asks for the name of a role that shall be removed.
pub(super) fn chosen(state: &mut State, entry: &Entry) -> Vec<Effect> {
    if state.options.read_only {
        state.tell(Notice::plain("nothing is removed: the console is read-only", "start it without `--read-only`"));
    } else if entry.detail == "unused" {
        state.overlay = Some(Overlay::Line(Line::new(Purpose::RemoveRole(entry.value.clone()), "")));
    } else {
        let why = format!("{} is the role of {}", entry.label, entry.detail);
        state.tell(Notice::plain(why, "delete the function first, or give it another role"));
    }
    Vec::new()
}

/// Takes what was typed to confirm the removal.
pub(super) fn accept(state: &mut State, typed: &str, role: String) -> Vec<Effect> {
    if typed.trim() != role {
        state.tell(Notice::plain(format!("{role} was not removed: that was not its name"), ""));
        return Vec::new();
    }
    state.command = Some(command::remove_role(state, &role));
    let job = start(state, JobKind::RemoveRole(role.clone()));
    vec![Effect::RemoveRole { job, role }]
}

/// The removal ended.
pub(super) fn removed(state: &mut State, job: JobId, result: Result<(), Failure>) {
    let Some(JobKind::RemoveRole(role)) = state.jobs.end(job).map(|ended| ended.kind) else { return };
    state.tell(match result {
        Ok(()) => Notice::good(format!("removed the role {role}")),
        Err(failure) => Notice::of(&failure),
    });
}
