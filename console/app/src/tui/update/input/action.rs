//! Handles each verb that a key or the palette can request.

use lambda_console_model::{Architecture, VersionsChange};

use super::scroll;
use crate::tui::{
    message::{Action, Effect},
    state::{Focus, Mood, Notice, Overlay, State, Tab, overlay::Purpose},
    update::{
        copy, delete,
        invoke::{options, payload},
        leave, login, logs, overlay, promote, roles, run, settings, show, stages, verb, versions,
        watch, workspace,
    },
};

/// Handles `action`.
pub(crate) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    if !matches!(action, Action::Quit | Action::Interrupt) {
        state.quit_asked = false;
    }
    match action {
        Action::Build => verb::build(state, &verb::selected(state)),
        Action::BuildAll => verb::build_all(state),
        Action::Deploy => verb::deploy(state, &verb::selected(state)),
        Action::DeployAll => verb::deploy_all(state),
        Action::Invoke => verb::invoke_selected(state, verb::Sandbox::Any),
        Action::InvokeCold => verb::invoke_selected(state, verb::Sandbox::New),
        Action::Run => run::start_selected(state),
        Action::Tail => logs::tail(state, verb::selected(state)),
        Action::TailAll => logs::tail(state, state.functions.shown_names()),
        Action::Watch => watch::toggle(state),
        Action::Delete => delete::ask_selected(state),
        Action::Roles => roles::list(state),
        Action::Permissions => roles::check(state),
        Action::Size => workspace::size(state),
        Action::Export => workspace::export(state),
        Action::Versions => versions::open(state),
        Action::Promote => promote::choose(state),
        Action::Rollback => versions::change(state, VersionsChange::Rollback(None)),
        Action::PublishVersion => versions::change(state, VersionsChange::Publish(None)),
        Action::PruneVersions => versions::change(state, VersionsChange::Prune(versions::KEEP)),
        Action::Refresh if matches!(state.overlay, Some(Overlay::Versions(_))) => {
            versions::reload(state)
        }
        Action::Refresh => workspace::read(state),
        Action::Stages => stages::choose(state),
        Action::Resume => login::resume(state),
        Action::CopyLogin => copy_login(state),
        Action::Setup => workspace::provide(state),
        Action::Cancel => verb::cancel(state),
        Action::NextArchitecture | Action::ToggleDebug => {
            change_setting(state, action);
            Vec::new()
        }
        Action::NextMode => options::next_mode(state),
        Action::SetQualifier => options::open(state, Purpose::Qualifier),
        Action::SetClientContext => options::open(state, Purpose::ClientContext),
        Action::SetTenant => options::open(state, Purpose::Tenant),
        Action::Quit => quit(state),
        Action::Suspend => vec![Effect::Suspend],
        Action::Redraw => vec![Effect::Redraw],
        Action::Help | Action::Palette | Action::Filter | Action::ChooseEvent => {
            overlay::open(state, action);
            Vec::new()
        }
        Action::Back => back(state),
        Action::Interrupt => interrupt(state),
        Action::Accept => overlay::accept(state),
        Action::NextPane | Action::PreviousPane => {
            let left = if state.focus == Focus::Edit { payload::leave(state) } else { Vec::new() };
            next_pane(state, action == Action::PreviousPane);
            left
        }
        Action::ShowPayload => shown(state, Tab::Payload),
        Action::ShowResponse => shown(state, Tab::Response),
        Action::ShowLogs => shown(state, Tab::Logs),
        Action::ShowMetrics => shown(state, Tab::Metrics),
        Action::ShowBuild => shown(state, Tab::Build),
        Action::ShowSettings => shown(state, Tab::Settings),
        Action::Up
        | Action::Down
        | Action::Left
        | Action::Right
        | Action::PageUp
        | Action::PageDown
        | Action::Top
        | Action::Bottom => {
            scroll::go(state, action);
            Vec::new()
        }
        Action::CopyCommand => match state.command.clone() {
            Some(command) => copy(state, &command, "command line"),
            None => verb::decline(state, "no command to copy yet", ""),
        },
        Action::Edit => payload::edit(state),
        Action::OpenEditor => payload::open_editor(state),
        Action::Format => payload::format(state),
        Action::Undo | Action::Redo | Action::SelectAll => payload::change(state, action),
        Action::CopyPayload => match payload::selection(state) {
            Some(text) => copy(state, &text, "payload"),
            None => verb::none_selected(state),
        },
        Action::CopyResponse | Action::CopyRequest => copy_of_response(state, action),
        Action::KeepLogs | Action::KeepRole => delete::toggle(state, action),
        Action::RequestLogs => logs::of_request(state),
        Action::Follow | Action::Wrap | Action::AllLogs | Action::ClearLogs => {
            logs::change(state, action);
            Vec::new()
        }
        Action::EditSetting
        | Action::AddVariable
        | Action::RemoveSetting
        | Action::UndoSetting
        | Action::Reveal
        | Action::ApplySettings => settings::act(state, action),
        Action::CopyLogs => copy_logs(state),
    }
}

/// Maximum number of bytes that are sent to the terminal's clipboard: 100 KB of base64, which most
/// terminals accept.
const MAX_BY_TERMINAL: usize = 74_000;

fn copy_login(state: &mut State) -> Vec<Effect> {
    let Some(login) = state.stage().login.clone() else {
        return verb::decline(state, "no login is pending", "");
    };
    match login.command() {
        Some(command) => copy(state, command, "login command"),
        None => verb::decline(state, "no command to copy", login.failure.hint),
    }
}

fn copy_logs(state: &mut State) -> Vec<Effect> {
    let text = copy::joined(state.stage().logs.iter().map(|entry| &*entry.message));
    if text.is_empty() {
        verb::decline(state, "no lines to copy", "")
    } else {
        copy(state, &text, "visible lines")
    }
}

fn shown(state: &mut State, tab: Tab) -> Vec<Effect> {
    show(state, tab);
    Vec::new()
}

/// Copies `text`; `what` is its name for messages.
pub(crate) fn copy(state: &mut State, text: &str, what: &str) -> Vec<Effect> {
    state.notify(Notice::plain(format!("copying {what} …"), ""));
    what.clone_into(&mut state.copying);
    vec![Effect::Copy(text.to_owned())]
}

/// Reports where the text was copied to. If no program accepted it, the terminal may.
pub(crate) fn copied(state: &mut State, result: Result<String, String>) -> Vec<Effect> {
    let what = std::mem::take(&mut state.copying);
    match result {
        Ok(place) => {
            state.notify(Notice::good(format!("copied {what} to {place}")));
            Vec::new()
        }
        Err(text) if text.len() > MAX_BY_TERMINAL => {
            let size = text.len() / 1000;
            state.notify(Notice {
                mood: Mood::Bad,
                text: format!("could not copy {what}: {size} KB exceed what terminals accept"),
                hint: "install wl-copy, xclip or xsel, or use tmux".to_owned(),
            });
            Vec::new()
        }
        Err(text) => {
            let hint = "some terminals ignore this; if it fails, install wl-copy, xclip or xsel, \
                or use tmux";
            state.notify(Notice::plain(format!("sent {what} to the terminal's clipboard"), hint));
            vec![Effect::CopyByTerminal(text)]
        }
    }
}

fn copy_of_response(state: &mut State, action: Action) -> Vec<Effect> {
    let Some((_, function)) = state.selected() else { return verb::none_selected(state) };
    let Some(invocation) = function.response.as_ref().and_then(|response| response.invocation())
    else {
        return verb::decline(state, "no response yet", "");
    };
    let (text, what) = match action {
        Action::CopyRequest => (invocation.request_id.clone(), "request ID"),
        _ => (invocation.payload.clone(), "response"),
    };
    copy(state, &text, what)
}

fn change_setting(state: &mut State, action: Action) {
    let message = if action == Action::NextArchitecture {
        state.architecture = match state.architecture {
            None => Some(Architecture::X86_64),
            Some(Architecture::X86_64) => Some(Architecture::Native),
            Some(Architecture::Native) => Some(Architecture::Arm64),
            Some(Architecture::Arm64) => None,
        };
        match state.architecture {
            Some(architecture) => format!("target architecture: {architecture}"),
            None => "target architecture: as each function is configured".to_owned(),
        }
    } else {
        state.debug = !state.debug;
        format!("{} builds", if state.debug { "debug" } else { "release" })
    };
    state.notify(Notice::plain(message, ""));
}

/// Quits. If that would lose or interrupt something, it must be requested twice.
fn quit(state: &mut State) -> Vec<Effect> {
    match objection(state, Action::Quit).filter(|_| !state.quit_asked) {
        Some(notice) => ask_to_quit(state, notice),
        None => leave(state),
    }
}

fn ask_to_quit(state: &mut State, notice: Notice) -> Vec<Effect> {
    state.notify(notice);
    state.quit_asked = true;
    Vec::new()
}

/// Returns a warning on what quitting would lose or interrupt, and how `action` quits nevertheless.
fn objection(state: &State, action: Action) -> Option<Notice> {
    let running = state.jobs.iter().rev().find(|job| job.task.blocks_quit());
    let running = running.and_then(|job| job.task.title());
    let unsent = state.unsent();
    let key = state.key_of(state.context(), action).unwrap_or(action.name());
    let edited = format!("unapplied setting edits on {}", unsent.join(", "));
    let (why, hint) = match (running, unsent.is_empty()) {
        (None, true) => return None,
        (Some(title), true) => {
            (format!("{title} is running"), format!("press {key} again to cancel it and quit"))
        }
        (Some(title), false) => (
            format!("{title} is running; {edited}"),
            format!("press {key} again to cancel it, discard the edits and quit"),
        ),
        (None, false) => (edited, format!("press {key} again to discard them and quit")),
    };
    Some(Notice::plain(why, hint))
}

/// Leaves the innermost open part.
fn back(state: &mut State) -> Vec<Effect> {
    if state.overlay.is_some() {
        return overlay::dismiss(state);
    } else if state.focus == Focus::Edit {
        return payload::leave(state);
    } else if state.focus == Focus::Tab && state.tab == Tab::Logs && logs::is_narrowed(state) {
        logs::show_all_of_selection(state);
    } else if state.focus == Focus::Functions && !state.functions.filter.is_empty() {
        state.functions.filter.clear();
    } else if state.focus == Focus::Tab {
        state.focus = Focus::Functions;
    } else {
        state.notice = None;
    }
    Vec::new()
}

fn interrupt(state: &mut State) -> Vec<Effect> {
    if state.overlay.is_none() && state.focus == Focus::Edit {
        let selected = state.functions.current().and_then(|card| card.draft.editor.selection());
        return match selected {
            Some(text) => copy(state, &text, "selection"),
            None => payload::leave(state),
        };
    }
    if state.overlay.is_some() {
        return back(state);
    }
    if state.jobs.iter().any(|job| !job.cancelled && job.task.title().is_some()) {
        state.quit_asked = false;
        return verb::cancel(state);
    }
    // The second one quits: not every keyboard has a `q`.
    if state.quit_asked {
        return leave(state);
    }
    let key = state.key_of(state.context(), Action::Interrupt).unwrap_or("ctrl-c");
    let nothing = Notice::plain("nothing is running", format!("press {key} again to quit"));
    let notice = objection(state, Action::Interrupt).unwrap_or(nothing);
    ask_to_quit(state, notice)
}

fn next_pane(state: &mut State, backwards: bool) {
    // Functions, then the six tabs, then functions again.
    let count = Tab::ALL.len() + 1;
    let here = match state.focus {
        Focus::Functions => 0,
        Focus::Tab | Focus::Edit => state.tab as usize + 1,
    };
    let there = if backwards { here + count - 1 } else { here + 1 } % count;
    match there.checked_sub(1).and_then(|index| Tab::ALL.get(index)) {
        // From the list, the focus moves to the tab that is shown already.
        Some(_) if here == 0 => state.focus = Focus::Tab,
        Some(&tab) => show(state, tab),
        None => state.focus = Focus::Functions,
    }
}
