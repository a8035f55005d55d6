//! Deletion of a function: its resources are listed first, and deleted after its name was typed.

use lambda_console_model::{
    Approval, ChangeKind, DeleteOutcome, Failure, FailureKind, Keep, Needed, Resources,
    text::counted,
};

use super::{copy, finish, overlay, start, start_on, verb, workspace};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Deletion, Deployment, JobId, Notice, Overlay, State,
        overlay::{Line, Purpose},
    },
    task::Task,
};

/// Asks for the name of the selected function.
pub(super) fn ask_selected(state: &mut State) -> Vec<Effect> {
    let Some(function) = state.functions.selected().map(str::to_owned) else {
        return verb::none_selected(state);
    };
    ask(state, function)
}

/// Asks for the name of the function, and lists its resources.
pub(super) fn ask(state: &mut State, function: String) -> Vec<Effect> {
    if verb::is_read_only(state, "nothing is deleted") {
        return Vec::new();
    }
    let stage = state.active.clone();
    let task = Task::ListResources { functions: vec![function.clone()] };
    let (job, effect) = start_on(state, &stage, task);
    let deletion = Deletion { function, job, listed: None, keep: Keep::default() };
    state.overlay = Some(Overlay::Line(Line::new(Purpose::Delete(deletion), "")));
    vec![effect]
}

/// Shows the resources of the function where its name is typed.
pub(super) fn listed(state: &mut State, job: JobId, result: Result<Vec<Resources>, Failure>) {
    if let Some(Overlay::Line(Line { purpose: Purpose::Delete(deletion), .. })) = &mut state.overlay
        && deletion.job == job
    {
        deletion.listed = result.map(|mut all| all.pop()).transpose();
    }
}

/// Returns the word to type for a deletion: the function's name; on a protected stage, with the
/// stage's name before it.
pub(super) fn word(state: &State, function: &str) -> String {
    match state.needs(ChangeKind::Delete(&[function.to_owned()])) {
        Needed::Word(word) => word,
        Needed::Nothing | Needed::Yes => function.to_owned(),
    }
}

/// Toggles a check box of the confirmation.
pub(super) fn toggle(state: &mut State, action: Action) -> Vec<Effect> {
    if let Some(Overlay::Line(Line { purpose: Purpose::Delete(deletion), .. })) = &mut state.overlay
    {
        let keep = &mut deletion.keep;
        match action {
            Action::KeepRole => keep.role = !keep.role,
            _ => keep.logs = !keep.logs,
        }
    }
    Vec::new()
}

/// Handles the typed word.
pub(super) fn accept(state: &mut State, line: Line, deletion: Deletion) -> Vec<Effect> {
    let Deletion { function, listed, keep, .. } = deletion;
    let typed = line.text();
    let refused = |state: &mut State, why: &str| {
        overlay::refuse(state, line.clone(), why);
        Vec::new()
    };
    let word = word(state, &function);
    if typed.trim() != word {
        return refused(state, &overlay::mismatch(&word));
    }
    match listed {
        None => {
            state.notify(Notice::plain(
                "the resources are not listed yet",
                "press Enter again in a moment",
            ));
            state.overlay = Some(Overlay::Line(line));
            Vec::new()
        }
        Some(Err(_)) => refused(state, "the resources could not be listed: nothing is deleted"),
        // Keep the typed text while something else runs.
        Some(Ok(_)) if !verb::may_change(state, "nothing is deleted") => {
            state.overlay = Some(Overlay::Line(line));
            Vec::new()
        }
        Some(Ok(resources)) => {
            state.command = Some(copy::delete(state, &function, keep));
            state.notice = None;
            let (functions, approval) = (vec![resources.keeping(keep)], Approval::Given);
            vec![start(state, Task::Delete { functions, approval })]
        }
    }
}

/// Cancels the listing, after the confirmation was closed.
pub(super) fn dismissed(state: &mut State, deletion: &Deletion) -> Vec<Effect> {
    state.jobs.end(deletion.job).map(|ended| Effect::Cancel(ended.id)).into_iter().collect()
}

/// Handles the end of the deletion.
pub(super) fn ended(
    state: &mut State,
    stage: &str,
    result: Result<DeleteOutcome, Failure>,
) -> Vec<Effect> {
    match result {
        Ok(outcome) => {
            for function in &outcome.functions {
                let is_gone = function
                    .gone
                    .iter()
                    .any(|item| item.kind == lambda_console_model::ResourceKind::Function);
                if is_gone {
                    let function = state.on_mut(stage).function_mut(&function.name);
                    function.deployment = Deployment::Absent;
                }
            }
            state.notify_on(stage, story(&outcome));
        }
        Err(failure) => state.notify_on(stage, Notice::of(&failure)),
    }
    workspace::refresh(state, stage)
}

/// Returns a message on the deleted resources; for a failure, on those that are left.
fn story(outcome: &DeleteOutcome) -> Notice {
    let failed =
        outcome.functions.iter().find_map(|function| Some((function, function.failure.as_ref()?)));
    let Some((function, failure)) = failed else {
        let gone = finish::named(outcome.functions.iter().map(|function| function.name.as_str()));
        let items: usize =
            outcome.functions.iter().map(|function| function.gone.len().saturating_sub(1)).sum();
        let more =
            if items == 0 { String::new() } else { format!(" and {}", counted(items, "resource")) };
        return Notice::good(format!("deleted {gone}{more} from {}", outcome.stage));
    };
    let left = function.left.iter().filter(|item| item.kept.is_none()).map(|item| item.kind.name());
    let mut left: Vec<&str> = left.collect();
    left.dedup();
    let notice = Notice::of(failure);
    let text = format!("{}; not deleted: {}", notice.text, left.join(", "));
    let hint = if failure.kind == FailureKind::Interrupted || failure.hint.is_empty() {
        "delete it again to finish".to_owned()
    } else {
        failure.hint.clone()
    };
    Notice { text, hint, ..notice }
}
