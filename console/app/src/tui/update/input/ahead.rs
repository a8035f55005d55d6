//! Keys that were pressed before their reader could see that they mean something else by now.
//!
//! What lies over the screen can open, become ready or close by itself: a plan that was compared, one that failed, a
//! login that is needed. Keys that come in the moment after that were meant for what was there before. They are not run,
//! and as long as they go on coming, the moment lasts. Text that goes on in the same field is text. The same holds, for
//! one moment, for the keys behind the one that answered a question.

use crate::tui::{
    message::{Action, Event},
    state::{Ahead, Context, Focus, Overlay, State, overlay::Purpose},
};

/// How long it takes to see a change and to stop pressing keys, in milliseconds.
const MOMENT: i64 = 300;

/// What keys are for, and whether it is there already that Enter would take.
pub(crate) type Meaning = (Option<Context>, bool);

/// What keys are for now; none: the panes.
pub(crate) fn meaning(state: &State) -> Meaning {
    let is_ready = match &state.overlay {
        Some(Overlay::Plan(plan)) => plan.job.is_none(),
        Some(Overlay::Versions(picker)) => picker.found.is_some(),
        Some(Overlay::Line(line)) => !matches!(&line.purpose, Purpose::Delete(it) if it.listed.is_none()),
        Some(Overlay::Help(_) | Overlay::Choose(_) | Overlay::Login) | None => true,
    };
    (fields(state), is_ready)
}

fn fields(state: &State) -> Option<Context> {
    (state.overlay.is_some() || state.focus == Focus::Edit).then(|| state.context())
}

/// Notes that the screen has changed by itself, where keys mean something else than `before`.
pub(crate) fn changed(state: &mut State, before: Meaning) {
    // A login does nothing by itself: whoever looks at it may answer at once.
    let is_login = match &state.overlay {
        Some(Overlay::Login) => true,
        Some(Overlay::Line(line)) => matches!(line.purpose, Purpose::Code(_)),
        _ => false,
    };
    if meaning(state) != before && !is_login {
        // Of two changes in one moment, keys are still meant for what was there before the first.
        let meant = match state.ahead {
            Some(ahead) if state.now < ahead.until => ahead.meant,
            _ => before.0,
        };
        state.ahead = Some(Ahead { meant, until: state.now + MOMENT, goes_on: true });
    }
}

/// Notes that a question was answered and closed.
pub(crate) fn answered(state: &mut State) {
    state.ahead = Some(Ahead { meant: Some(Context::Line), until: state.now + MOMENT, goes_on: false });
}

/// Whether `event` is a key that was meant for something else, and is not run.
pub(crate) fn is_stray(state: &mut State, event: &Event) -> bool {
    let Some(ahead) = state.ahead.filter(|ahead| state.now < ahead.until) else {
        state.ahead = None;
        return false;
    };
    let is_same = ahead.meant == fields(state);
    let is_stray = match event {
        // These leave, and change nothing.
        Event::Action(Action::Back | Action::Interrupt | Action::Help | Action::Redraw | Action::Suspend) => false,
        Event::Action(Action::Accept) => true,
        Event::Action(_) | Event::Key(_) => !is_same,
        _ => false,
    };
    if is_stray && !is_same && ahead.goes_on {
        state.ahead = Some(Ahead { until: state.now + MOMENT, ..ahead });
    }
    is_stray
}
