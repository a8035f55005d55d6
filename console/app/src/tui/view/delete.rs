//! Resources to delete with a function, as shown in the confirmation.

use lambda_console_model::{ChangeKind, Needed, Resource, ResourceKind, Resources};

use super::text::fit;
use crate::tui::state::{Deletion, State};

/// Maximum number of names that are listed per kind.
const SHOWN: usize = 6;

/// Returns title and text of the confirmation.
pub(super) fn question(state: &State, deletion: &Deletion, whose: &str) -> (String, String) {
    let (stage, function) = (&state.active, &deletion.function);
    let title = format!("Delete {}?", fit(function, 40));
    let list = match &deletion.listed {
        None => "listing its resources …".to_owned(),
        Some(Err(failure)) => format!("{failure}\nNothing is deleted without this list."),
        Some(Ok(resources)) => lines(&resources.clone().keeping(deletion.keep)).join("\n"),
    };
    let boxes = boxes(deletion);
    let word = match state.needs(ChangeKind::Delete(std::slice::from_ref(function))) {
        Needed::Word(word) => word,
        Needed::Nothing | Needed::Yes => function.clone(),
    };
    let text = format!("From stage {stage}{whose}:\n{list}{boxes}\nType `{word}` to confirm:");
    (title, text)
}

/// Returns the line of check boxes: one for each resource that can be kept.
fn boxes(deletion: &Deletion) -> String {
    let Some(Ok(resources)) = &deletion.listed else { return String::new() };
    let offered = [
        (ResourceKind::LogGroup, "keep logs", deletion.keep.logs),
        (ResourceKind::Role, "keep role", deletion.keep.role),
    ];
    let boxes = offered.iter().filter(|(kind, ..)| resources.going().any(|it| it.kind == *kind));
    let boxes: Vec<String> = boxes
        .map(|(_, label, is_set)| format!("[{}] {label}", if *is_set { "x" } else { " " }))
        .collect();
    if boxes.is_empty() { String::new() } else { format!("\n{}", boxes.join("   ")) }
}

/// Returns one line for each kind of resource, and a separate line for each resource that is kept.
fn lines(resources: &Resources) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in resources.items.chunk_by(|one, other| one.kind == other.kind) {
        let Some(first) = kind.first() else { continue };
        let named = |item: &Resource| match item.detail.as_str() {
            "" => item.name.clone(),
            detail => format!("{} ({detail})", item.name),
        };
        let going: Vec<String> =
            kind.iter().filter(|item| item.kept.is_none()).map(named).collect();
        if !going.is_empty() {
            let more = going.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(", and {more} more") } else { String::new() };
            let shown = going[..going.len().min(SHOWN)].join(", ");
            lines.push(format!("  {:<13}{shown}{more}", first.kind.name()));
        }
        for item in kind {
            if let Some(why) = &item.kept {
                lines.push(format!("  {:<13}{} (kept: {why})", first.kind.name(), item.name));
            }
        }
    }
    lines
}
