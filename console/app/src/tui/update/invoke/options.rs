//! Options of invocations: the mode, the version or alias, the client context, the tenant.

use lambda_console_model::{InvokeMode, json};

use crate::tui::{
    message::Effect,
    state::{
        Notice, Overlay, State,
        overlay::{Line, Purpose},
    },
    update::overlay,
};

/// Switches to the next mode.
pub(crate) fn next_mode(state: &mut State) -> Vec<Effect> {
    state.mode = match state.mode {
        InvokeMode::Sync => InvokeMode::Stream,
        InvokeMode::Stream => InvokeMode::Async,
        InvokeMode::Async => InvokeMode::DryRun,
        InvokeMode::DryRun => InvokeMode::Sync,
    };
    let kind = match state.mode {
        InvokeMode::Sync => "sync",
        InvokeMode::Stream => "response stream",
        InvokeMode::Async => "async",
        InvokeMode::DryRun => "dry run",
    };
    state.notify(Notice::plain(format!("invocation type: {kind}"), ""));
    Vec::new()
}

/// Opens the line for an option.
pub(crate) fn open(state: &mut State, purpose: Purpose) -> Vec<Effect> {
    let now = match purpose {
        Purpose::ClientContext => &state.client_context,
        Purpose::Tenant => &state.stage().tenant,
        _ => &state.stage().qualifier,
    };
    let text = now.clone().unwrap_or_default();
    state.overlay = Some(Overlay::Line(Line::new(purpose, &text)));
    Vec::new()
}

/// Stores the typed option; an empty text removes it.
pub(crate) fn take(state: &mut State, line: Line, text: &str) {
    let typed = (!text.is_empty()).then(|| text.to_owned());
    let message = match line.purpose {
        Purpose::ClientContext => {
            if let Some(wrong) = typed.as_deref().and_then(wrong_context) {
                overlay::refuse(state, line, wrong);
                return;
            }
            state.client_context = typed;
            match &state.client_context {
                Some(_) => "client context set".to_owned(),
                None => "client context cleared".to_owned(),
            }
        }
        Purpose::Tenant => {
            state.stage_mut().tenant = typed;
            match &state.stage().tenant {
                Some(tenant) => format!("tenant ID: {tenant}"),
                None => "tenant ID cleared".to_owned(),
            }
        }
        _ => {
            let qualifier = &mut state.stage_mut().qualifier;
            *qualifier = typed;
            format!("qualifier: {}", qualifier.as_deref().unwrap_or("$LATEST"))
        }
    };
    state.notify(Notice::plain(message, ""));
}

/// Returns the reason why `text` is not a valid client context.
fn wrong_context(text: &str) -> Option<String> {
    match json::check(text) {
        Err(error) => Some(format!("column {}: {}", error.column, error.message)),
        Ok(()) => (!text.trim_start().starts_with('{')).then(|| "must be a JSON object".to_owned()),
    }
}
