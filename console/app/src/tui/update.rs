//! `update(&mut State, Event) -> Vec<Effect>`: the only place that changes state.
//!
//! Never waits. Depends on `state` and `message` only; no clock (time arrives inside events), no
//! files, no tokio, no `view` and no engine.

mod copy;
mod delete;
mod finish;
mod input;
mod invoke;
mod login;
mod logs;
mod overlay;
mod plan;
mod promote;
mod roles;
mod run;
mod settings;
mod stages;
mod verb;
mod versions;
mod watch;
mod workspace;

use crate::tui::{
    message::{Action, Effect, Event},
    state::{Focus, JobKind, Notice, Overlay, State, Tab, Target},
};

/// Handles one event, and returns the effects that follow from it.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    if input::ahead::is_stray(state, &event) {
        return Vec::new();
    }
    let is_asked =
        matches!(event, Event::Action(_) | Event::Key(_) | Event::Paste(_) | Event::Click(_));
    state.quit_asked &= matches!(event, Event::Action(_)) || !is_asked;
    let stage = stages::of(state, &event);
    let before = input::ahead::meaning(state);
    let mut effects = stages::at(state, &stage, |state| take_in(state, event));
    effects.extend(stages::go_on(state));
    effects.extend(settings::follow(state));
    effects.extend(logs::tell_shown(state));
    let before = if is_asked { input::ahead::meaning(state) } else { before };
    login::offer_code(state);
    run::offer(state);
    input::ahead::changed(state, before);
    effects
}

/// Handles an event of the shown stage, or of none.
fn take_in(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    let stop = login::of(state, &event);
    match event {
        Event::Started { now, utc_offset } => {
            state.now = now;
            state.utc_offset = utc_offset;
            effects.push(Effect::LoadDrafts);
            effects.extend(workspace::read(state));
        }
        Event::Tick(now) => {
            state.now = now;
            effects = stages::look_at_expiry(state);
        }
        Event::Action(action) => effects = input::action::act(state, action),
        Event::Key(key) => effects = invoke::payload::key(state, key),
        Event::Paste(text) => invoke::payload::paste(state, &input::paste::text_of(&text)),
        Event::Click(target) => effects = click(state, target),
        Event::Scroll(target, lines) => input::scroll::wheel(state, target, lines),
        Event::Resize(..) => {}
        Event::Drawn(viewport) => {
            let is_resized = state.viewport.rows != viewport.rows;
            state.viewport = viewport;
            if is_resized {
                settings::keep_in_sight(state);
            }
        }
        Event::Terminate => effects = leave(state),
        Event::Continue => {
            state.logs.continuing = false;
            state.logs.search();
        }
        Event::Discovered(job, result) => effects = workspace::discovered(state, job, result),
        Event::StageConnected(job, result) => effects = stages::connected(state, job, result),
        Event::StagesRead(job, result) => effects = stages::read(state, job, result),
        Event::Deployed(job, result) => workspace::deployed(state, job, result),
        Event::SetupChecked(job, parts) => effects = workspace::checked(state, job, parts),
        Event::SetupFinished(job, result) => effects = workspace::set_up(state, job, result),
        Event::Changed(job, result) => effects = watch::changed(state, job, result),
        Event::WatchEnded(job, result) => watch::ended(state, job, result),
        Event::Step(job, step) => finish::step(state, job, &step),
        Event::BuildFinished(job, result) => effects = finish::build(state, job, result),
        Event::ConfigRead(job, result) => settings::read(state, job, result),
        Event::Configured(job, result) => effects = settings::sent(state, job, &result),
        Event::Planned(job, result) => effects = plan::compared(state, job, result),
        Event::DeployFinished(job, result) => effects = finish::deploy(state, job, result),
        Event::ResourcesListed(job, result) => delete::listed(state, job, result),
        Event::DeleteFinished(job, result) => effects = delete::ended(state, job, result),
        Event::RolesListed(job, result) => roles::listed(state, job, result),
        Event::RoleRemoved(job, result) => roles::removed(state, job, result),
        Event::PermissionsChecked(job, result) => roles::checked(state, job, result),
        Event::VersionsLoaded(job, result) => versions::loaded(state, job, result),
        Event::VersionsChanged(job, result) => effects = versions::changed(state, job, &result),
        Event::Promoted(job, result) => effects = promote::finished(state, job, &result),
        Event::InvokeFinished(job, result) => {
            effects = invoke::response::invoked(state, job, result);
        }
        Event::ResponsePart(job, part) => effects = invoke::response::part(state, job, part),
        Event::LogsLinked(job, result) => effects = invoke::response::linked(state, job, result),
        Event::LogLines(job, lines) => logs::lines(state, job, lines),
        Event::LogFixes(job, fixes) => logs::fixes(state, job, fixes),
        Event::LogMarked(job, mark) => logs::marked(state, job, &mark),
        Event::LogSamples(job, samples) => logs::samples(state, job, samples),
        Event::TailState(job, stands) => logs::stands(state, job, stands),
        Event::TailEnded(job, result) => logs::tail_ended(state, job, result),
        Event::LogsFetched(job, result) => effects = finish::logs(state, job, result),
        Event::Samples(job, result) => effects = finish::samples(state, job, result),
        Event::CodeAsked(asked) => state.codes.push(asked),
        Event::Edited(function, result) => {
            effects = invoke::payload::edited(state, &function, result);
        }
        Event::EventRead(function, file, result) => {
            effects = invoke::payload::event_read(state, &function, &file, result);
        }
        Event::Drafts(drafts) => invoke::payload::drafts(state, drafts),
        Event::Copied(result) => effects = input::action::copied(state, result),
        Event::Notice(failure) => state.tell(Notice::of(&failure)),
    }
    if let Some(stop) = stop {
        login::keep(state, stop);
    }
    logs::follow_selection(state);
    if state.logs.is_searching() && !state.logs.continuing {
        state.logs.continuing = true;
        effects.push(Effect::Continue);
    }
    effects
}

fn click(state: &mut State, target: Target) -> Vec<Effect> {
    match (target, &mut state.overlay) {
        // A click selects; only Enter rolls back.
        (Target::Choice(index), Some(Overlay::Versions(picker))) => {
            picker.selected = index;
            return Vec::new();
        }
        (Target::Choice(index), Some(Overlay::Choose(choose))) => {
            choose.selected = index;
            return input::action::act(state, Action::Accept);
        }
        (Target::Overlay | Target::Choice(_), _) => return Vec::new(),
        (_, Some(_)) => return input::action::act(state, Action::Back),
        (_, None) => {}
    }
    let mut effects = Vec::new();
    if state.focus == Focus::Edit && !matches!(target, Target::Editor { .. }) {
        effects = invoke::payload::leave(state);
    }
    match target {
        Target::Function(index) => {
            state.focus = Focus::Functions;
            state.functions.select(index);
        }
        Target::Functions => state.focus = Focus::Functions,
        Target::Tab(tab) => show(state, tab),
        Target::Pane => state.focus = Focus::Tab,
        Target::Editor { row, column } => {
            effects.extend(invoke::payload::click(state, row, column));
        }
        Target::Choice(_) | Target::Overlay => {}
    }
    effects
}

/// Shows a tab and focuses it.
fn show(state: &mut State, tab: Tab) {
    if state.tab != tab {
        state.top = 0;
    }
    state.tab = tab;
    state.focus = Focus::Tab;
}

/// Returns the effects that must be finished before the console ends.
fn leave(state: &mut State) -> Vec<Effect> {
    let mut effects: Vec<Effect> = Vec::new();
    for card in state.functions.known_mut().filter(|card| card.draft.changed) {
        card.draft.changed = false;
        effects.push(Effect::SaveDraft {
            function: card.function.name.clone(),
            text: card.draft.text(),
        });
    }
    effects.extend(state.jobs.iter().map(|job| Effect::Cancel(job.id)));
    effects.push(Effect::Quit);
    effects
}

/// Starts a job that the user did not request directly.
fn start(state: &mut State, kind: JobKind) -> crate::tui::state::JobId {
    let now = state.now;
    state.jobs.start(kind, now)
}
