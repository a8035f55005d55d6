//! Keys that the user pressed before seeing that their meaning had changed.
//!
//! An overlay can open, become ready or close by itself: a plan that was computed, one that failed,
//! a login that is needed. Keys that arrive in the moment after that were meant for the previous
//! screen. They are ignored, and each of them extends the moment. Text that continues in the same
//! field is text. The same applies, for one moment, to the keys after one that answered a question.

use crate::tui::{
    message::{Action, Event},
    state::{Ahead, Context, Focus, Overlay, State, overlay::Purpose},
};

/// Time to notice a change and to stop pressing keys, in milliseconds.
const MOMENT: i64 = 300;

/// Context that keys are for, and `true` if the content that Enter would accept is there already.
pub(crate) type Meaning = (Option<Context>, bool);

/// Returns what keys currently mean; `None` for the panes.
pub(crate) fn meaning(state: &State) -> Meaning {
    let is_ready = match &state.overlay {
        Some(Overlay::Plan(plan)) => plan.outcome.is_some(),
        Some(Overlay::Versions(picker)) => picker.found.is_some(),
        Some(Overlay::Line(line)) => {
            !matches!(&line.purpose, Purpose::Delete(it) if it.listed.is_none())
        }
        Some(Overlay::Help(_) | Overlay::Choose(_) | Overlay::Login) | None => true,
    };
    (fields(state), is_ready)
}

fn fields(state: &State) -> Option<Context> {
    (state.overlay.is_some() || state.focus == Focus::Edit).then(|| state.context())
}

/// Records that the screen has changed by itself, if keys had another meaning `before`.
pub(crate) fn changed(state: &mut State, before: Meaning) {
    // A login does nothing by itself: the user may answer it immediately.
    let is_login = match &state.overlay {
        Some(Overlay::Login) => true,
        Some(Overlay::Line(line)) => matches!(line.purpose, Purpose::Code(_)),
        _ => false,
    };
    if meaning(state) != before && !is_login {
        // After two changes in one moment, keys are still meant for the screen before the first.
        let meant = match state.ahead {
            Some(ahead) if state.now < ahead.until => ahead.meant,
            _ => before.0,
        };
        state.ahead = Some(Ahead { meant, until: state.now + MOMENT, goes_on: true });
    }
}

/// Records that a question was answered and closed.
pub(crate) fn answered(state: &mut State) {
    state.ahead =
        Some(Ahead { meant: Some(Context::Line), until: state.now + MOMENT, goes_on: false });
}

/// Returns `true` if `event` is a key that was meant for another screen and must be ignored.
pub(crate) fn is_stray(state: &mut State, event: &Event) -> bool {
    let Some(ahead) = state.ahead.filter(|ahead| state.now < ahead.until) else {
        state.ahead = None;
        return false;
    };
    let is_same = ahead.meant == fields(state);
    let is_stray = match event {
        // These change nothing, or only close something.
        Event::Action(
            Action::Back | Action::Interrupt | Action::Help | Action::Redraw | Action::Suspend,
        ) => false,
        Event::Action(Action::Accept) => true,
        Event::Action(_) | Event::Key(_) => !is_same,
        _ => false,
    };
    if is_stray && !is_same && ahead.goes_on {
        state.ahead = Some(Ahead { until: state.now + MOMENT, ..ahead });
    }
    is_stray
}
