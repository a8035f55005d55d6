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
    state::{Focus, JobId, Notice, Overlay, State, Tab, Target},
    task::{JobEvent, Task},
};

/// Handles one event, and returns the effects that follow from it.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    if input::ahead::is_stray(state, &event) {
        return Vec::new();
    }
    let is_asked =
        matches!(event, Event::Action(_) | Event::Key(_) | Event::Paste(_) | Event::Click(_));
    state.quit_asked &= matches!(event, Event::Action(_)) || !is_asked;
    let before = input::ahead::meaning(state);
    let mut effects = take_in(state, event);
    effects.extend(stages::resume_watch(state));
    effects.extend(settings::follow(state));
    effects.extend(logs::notify_shown(state));
    let before = if is_asked { input::ahead::meaning(state) } else { before };
    login::show_code_prompt(state);
    run::show_pending_plan(state);
    input::ahead::changed(state, before);
    effects
}

fn take_in(state: &mut State, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
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
            for stage in state.stages.values_mut() {
                stage.logs.continuing = false;
            }
            state.stage_mut().logs.search();
        }
        Event::Job(job, event) => effects = take_report(state, job, event),
        Event::CodeAsked(asked) => state.codes.push(asked),
        Event::Edited(function, result) => {
            effects = invoke::payload::edited(state, &function, result);
        }
        Event::EventRead(function, file, result) => {
            effects = invoke::payload::event_read(state, &function, &file, result);
        }
        Event::Drafts(drafts) => invoke::payload::drafts(state, drafts),
        Event::Copied(result) => effects = input::action::copied(state, result),
        Event::Notice(failure) => state.notify(Notice::of(&failure)),
    }
    logs::follow_selection(state);
    let logs = &mut state.stage_mut().logs;
    if logs.is_searching() && !logs.continuing {
        logs.continuing = true;
        effects.push(Effect::Continue);
    }
    effects
}

/// Handles what a job reports, on the stage of the job. What a job reports that is no longer listed
/// is ignored.
fn take_report(state: &mut State, id: JobId, event: JobEvent) -> Vec<Effect> {
    let job = if event.is_end() { state.jobs.end(id) } else { state.jobs.get(id).cloned() };
    let Some(job) = job else { return Vec::new() };
    let stop = login::of(state, &job, &event);
    let mut effects = Vec::new();
    let stage = job.stage.as_str();
    match event {
        JobEvent::Discovered(result) => effects = workspace::discovered(state, &job, result),
        JobEvent::StageConnected(result) => effects = stages::connected(state, &job, result),
        JobEvent::StagesRead(result) => effects = stages::read(state, &job, result),
        JobEvent::Deployed(result) => workspace::deployed(state, &job, result),
        JobEvent::SetupChecked(parts) => effects = workspace::checked(state, &job, parts),
        JobEvent::SetupFinished(result) => effects = workspace::set_up(state, &job, result),
        JobEvent::Changed(result) => effects = watch::changed(state, &job, result),
        JobEvent::WatchEnded(result) => watch::ended(state, &job, result),
        JobEvent::Step(step) => finish::step(state, id, &step),
        JobEvent::BuildFinished(result) => effects = finish::build(state, &job, result),
        JobEvent::SizeRead(result) => workspace::size_read(state, result),
        JobEvent::Exported(result) => workspace::exported(state, stage, result),
        JobEvent::ConfigRead(result) => settings::read(state, &job, result),
        JobEvent::Configured(result) => effects = settings::sent(state, &job, &result),
        JobEvent::Planned(result) => effects = plan::compared(state, &job, result),
        JobEvent::DeployFinished(result) => effects = finish::deploy(state, &job, result),
        JobEvent::ResourcesListed(result) => delete::listed(state, id, result),
        JobEvent::DeleteFinished(result) => effects = delete::ended(state, stage, result),
        JobEvent::RolesListed(result) => roles::listed(state, stage, result),
        JobEvent::RoleRemoved(result) => roles::removed(state, &job, result),
        JobEvent::PermissionsChecked(result) => roles::checked(state, stage, result),
        JobEvent::VersionsLoaded(result) => versions::loaded(state, id, result),
        JobEvent::VersionsChanged(result) => effects = versions::changed(state, stage, &result),
        JobEvent::Promoted(result) => effects = promote::finished(state, stage, &result),
        JobEvent::InvokeFinished(result) => {
            effects = invoke::response::invoked(state, &job, result);
        }
        JobEvent::ResponsePart(part) => effects = invoke::response::part(state, &job, part),
        JobEvent::LogsLinked(result) => effects = invoke::response::linked(state, &job, result),
        JobEvent::LogLines(lines) => state.on_mut(stage).logs.push(lines),
        JobEvent::LogFixes(fixes) => state.on_mut(stage).logs.fix(fixes),
        JobEvent::LogMarked(mark) => state.on_mut(stage).logs.mark(&mark),
        JobEvent::LogSamples(samples) => logs::samples(state, stage, samples),
        JobEvent::TailState(reported) => logs::reported(state, &job, reported),
        JobEvent::TailEnded(result) => logs::tail_ended(state, stage, result),
        JobEvent::LogsFetched(result) => effects = finish::logs(state, &job, result),
        JobEvent::Samples(result) => effects = finish::samples(state, &job, result),
    }
    if let Some(stop) = stop {
        login::keep(state, stop);
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

/// Starts a job on the active stage.
fn start(state: &mut State, task: Task) -> Effect {
    let stage = state.active.clone();
    start_on(state, &stage, task).1
}

/// Starts a job on `stage`; returns its ID too.
fn start_on(state: &mut State, stage: &str, task: Task) -> (JobId, Effect) {
    let job = state.jobs.start(stage, task.clone(), state.now);
    (job, Effect::Start { job, stage: stage.to_owned(), task })
}
