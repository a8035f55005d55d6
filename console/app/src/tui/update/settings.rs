//! The settings of the selected function: read from the stage while they are shown, edited, sent.

use lambda_console_model::{
    Approval, DeployOutcome, Failure, Function, LiveConfig,
    settings::{Row, Setting, revert},
};

use super::{copy, finish, overlay, plan, start, start_on, verb};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Connection, Context, Deployment, Focus, Notice, OnStage, Overlay, Revealed, Running, State,
        Tab,
        overlay::{Line, Purpose},
        settings::{ConfigEditor, Live},
    },
    task::{JobId, Task},
};

/// Reads the settings of the shown function, if they are not known; masks revealed values once the
/// pane is left.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let shown = (state.tab == Tab::Settings)
        .then(|| state.functions.selected().map(str::to_owned))
        .flatten();
    let seen = shown.clone().filter(|_| state.focus == Focus::Tab);
    if seen.is_none_or(|function| !state.revealed.is_of(&state.active, &function)) {
        state.revealed = Revealed::default();
    }
    let mut effects = Vec::new();
    let stage = state.stages.entry(state.active.clone()).or_default();
    for (name, function) in &mut stage.functions {
        // The settings of a function that is not shown any more need not be read.
        if Some(name) != shown.as_ref()
            && let Some(job) = function.config.asking.take()
            && state.jobs.end(job).is_some()
        {
            effects.push(Effect::Cancel(job));
        }
    }
    let is_connected = matches!(state.stage().connection, Connection::Connected(_));
    let Some((card, OnStage { config, deployment, .. })) =
        state.selected().filter(|_| shown.is_some() && is_connected)
    else {
        return effects;
    };
    if config.is_fresh || config.asking.is_some() || *deployment == Deployment::Absent {
        return effects;
    }
    let function = Box::new(card.function.clone());
    let stage = state.active.clone();
    let (job, effect) = start_on(state, &stage, Task::ReadConfig { function });
    if let Some((_, function)) = state.selected_mut() {
        function.config.asking = Some(job);
    }
    effects.push(effect);
    effects
}

/// Handles a function's settings from the stage; `None` if the function is not deployed.
pub(super) fn read(
    state: &mut State,
    job: &Running,
    result: Result<Option<Box<LiveConfig>>, Failure>,
) {
    let Task::ReadConfig { function } = &*job.task else { return };
    let config = &mut state.on_mut(&job.stage).function_mut(&function.name).config;
    if config.asking != Some(job.id) {
        return;
    }
    config.asking = None;
    config.is_fresh = true;
    match result {
        Ok(Some(live)) => config.take_in(live),
        Ok(None) => config.live = Live::Absent,
        Err(failure) => config.live = Live::Failed(failure),
    }
}

/// Moves the selection by `lines`, then scrolls the pane, so that the selected row is visible.
pub(super) fn go(state: &mut State, lines: isize) -> bool {
    let rows = usize::from(state.viewport.rows);
    let max = state.viewport.lines.saturating_sub(rows);
    let top = state.top;
    let Some((card, OnStage { config, .. })) = state.selected_mut() else { return false };
    let Some(last) = config.rows(&card.function.config).len().checked_sub(1) else {
        return false;
    };
    let at = config.selected.min(last);
    let line = ConfigEditor::HEAD + at;
    let is_in_sight = (top..top + rows).contains(&line);
    if (lines > 0 && at == last) || (lines < 0 && !is_in_sight && lines != isize::MIN) {
        // Below the settings, the pane only scrolls.
        state.top = top.min(max).saturating_add_signed(lines).min(max);
        return true;
    }
    config.selected = at.saturating_add_signed(lines).min(last);
    keep_in_sight(state);
    true
}

/// Scrolls the pane so that the selected row is visible.
pub(super) fn keep_in_sight(state: &mut State) {
    let Some((_, function)) = state.selected().filter(|_| state.tab == Tab::Settings) else {
        return;
    };
    let selected = function.config.selected;
    let line = ConfigEditor::HEAD + selected;
    let lowest = (line + 1).saturating_sub(usize::from(state.viewport.rows)).min(line);
    state.top = if selected == 0 { 0 } else { state.top.clamp(lowest, line) };
}

/// Handles an action in the pane.
pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match (action, selected(state)) {
        (Action::ApplySettings, _) => return apply(state),
        (_, None) => {
            let Some((_, function)) = state.selected() else { return verb::none_selected(state) };
            let why = match &function.config.live {
                Live::Known(_) | Live::Unknown => "the settings on the stage are not loaded yet",
                Live::Absent => "the function is not deployed on the stage: deploy it first",
                Live::Failed(_) => "could not read the settings from the stage",
            };
            state.notify(Notice::plain(why, ""));
        }
        (Action::AddVariable, Some(_)) => {
            state.overlay = Some(Overlay::Line(Line::new(Purpose::Variable, "")));
        }
        (Action::EditSetting, Some(row)) => edit(state, row),
        (Action::RemoveSetting, Some(row)) => change_or_notify(state, &row.setting, None),
        (Action::UndoSetting, Some(row)) => undo(state, &row.setting),
        (_, Some(row)) => reveal(state, &row),
    }
    Vec::new()
}

/// Returns the selected row of the shown function, if its settings are known.
fn selected(state: &State) -> Option<Row> {
    let (card, OnStage { config, .. }) = state.selected().filter(|_| state.tab == Tab::Settings)?;
    config.known()?;
    config.row(&card.function.config)
}

/// Selects the next of a few values, or opens a line for others.
fn edit(state: &mut State, row: Row) {
    let choices = row.setting.choices();
    if !choices.is_empty() {
        let at = choices.iter().position(|choice| Some(*choice) == row.value());
        let next = choices[at.map_or(0, |at| (at + 1) % choices.len())];
        change_or_notify(state, &row.setting, Some(next));
        return;
    }
    // Editing a masked value does not reveal it.
    let is_masked =
        matches!(&row.setting, Setting::Env(name)if! state.revealed.names.contains(name));
    let text = row.value().filter(|_| !is_masked).unwrap_or_default().to_owned();
    let mut line = Line::new(Purpose::Setting(row.setting), &text);
    // Typing replaces it; a cursor key keeps it.
    line.input.select_all();
    state.overlay = Some(Overlay::Line(line));
}

/// Records an edit, and shows the effect of the next deploy on it. Returns an error with the reason
/// if it is not valid.
fn change(state: &mut State, setting: &Setting, value: Option<&str>) -> Result<(), String> {
    let Some((card, OnStage { config, .. })) = state.selected_mut() else {
        return Err("the function is no longer in the workspace".into());
    };
    let edited = config.edit(setting.clone(), value);
    let warning = config.edits.get(setting).and_then(|value| {
        let (name, wanted) =
            (&card.function.name, revert(&card.function.config, setting, value.as_deref())?);
        Some(format!("the next deploy of {name} {}", wanted.of(setting)))
    });
    state.notice = warning.map(|text| Notice::plain(text, ""));
    edited
}

fn change_or_notify(state: &mut State, setting: &Setting, value: Option<&str>) {
    if let Err(why) = change(state, setting, value) {
        state.notify(Notice::plain(why, ""));
    }
}

/// Handles a typed value; the line stays open if it is not valid.
pub(super) fn typed(state: &mut State, line: Line, setting: &Setting) {
    if let Err(why) = change(state, setting, Some(&line.text())) {
        return overlay::refuse(state, line, why);
    }
    if let Some((card, OnStage { config, .. })) = state.selected_mut() {
        config.select(setting, &card.function.config);
    }
    keep_in_sight(state);
}

/// Handles the name of a new variable, and asks for its value.
pub(super) fn named(state: &mut State, line: Line) {
    let name = line.text();
    match format!("env.{}", name.trim()).parse() {
        Ok(setting) => {
            state.overlay = Some(Overlay::Line(Line::new(Purpose::Setting(setting), "")));
        }
        Err(why) => overlay::refuse(state, line, why),
    }
}

fn undo(state: &mut State, setting: &Setting) {
    if let Some((_, function)) = state.selected_mut() {
        function.config.undo(setting);
    }
}

/// Reveals the value of a variable, or masks it.
fn reveal(state: &mut State, row: &Row) {
    let Setting::Env(name) = &row.setting else {
        state.notify(Notice::plain("only environment variables are masked", ""));
        return;
    };
    let stage = state.active.clone();
    let Some(function) = state.functions.selected().map(str::to_owned) else { return };
    state.revealed.toggle(stage, function, name);
}

/// Sends the edits: to the local stage immediately, elsewhere after they were compared with the
/// stage.
fn apply(state: &mut State) -> Vec<Effect> {
    let Some((card, OnStage { config: editor, .. })) = state.selected() else {
        return verb::none_selected(state);
    };
    if editor.edits.is_empty() {
        let key = state.key_of(Context::Settings, Action::EditSetting).unwrap_or_default();
        let hint = format!("{key} edits the selected setting");
        state.notify(Notice::plain("no edits to apply", hint));
        return Vec::new();
    }
    match editor.patch() {
        Ok(config) => {
            let function = Box::new(Function { config, ..card.function.clone() });
            let revision = editor.known().and_then(|live| live.revision.clone());
            plan::configure(state, function, revision)
        }
        Err(why) => {
            state.notify(Notice::plain(why, ""));
            Vec::new()
        }
    }
}

/// Sends settings that were confirmed or need no confirmation.
pub(super) fn send(
    state: &mut State,
    function: Box<Function>,
    revision: Option<String>,
    plan: Option<JobId>,
    approval: Approval,
) -> Vec<Effect> {
    if !verb::may_change(state, "nothing is changed") {
        return Vec::new();
    }
    state.command = Some(copy::configure(state, &function.name, approval));
    state.notice = None;
    vec![start(state, Task::Configure { function, revision, plan, approval })]
}

/// Handles the result; edits that were sent are removed once the stage reports the new values.
pub(super) fn sent(
    state: &mut State,
    job: &Running,
    result: &Result<DeployOutcome, Failure>,
) -> Vec<Effect> {
    let Task::Configure { function, .. } = &*job.task else { return Vec::new() };
    let (name, stage) = (&function.name, &job.stage);
    let notice = match result {
        Ok(outcome) => finish::deploy_failure(outcome)
            .unwrap_or_else(|| Notice::good(format!("changed the settings of {name} on {stage}"))),
        Err(failure) => Notice::of(failure),
    };
    state.notify_on(stage, notice);
    super::workspace::refresh(state, stage)
}
