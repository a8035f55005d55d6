//! The settings of the selected function: read from the stage while they are shown, edited, sent.

use lambda_console_model::{
    Approval, DeployOutcome, Failure, Function, LiveConfig,
    settings::{Setting, revert},
};

use super::{copy, finish, overlay, plan, start, verb};
use crate::tui::{
    message::{Action, Effect},
    state::{
        Card, Connection, Context, Deployment, Focus, JobId, JobKind, Notice, Overlay, Revealed,
        State, Tab,
        overlay::{Line, Purpose},
        settings::{ConfigEditor, Live, Row},
    },
};

/// Reads the settings of the shown function, if they are not known; masks revealed values once the
/// pane is left.
pub(super) fn follow(state: &mut State) -> Vec<Effect> {
    let shown = (state.tab == Tab::Settings)
        .then(|| state.functions.selected().map(str::to_owned))
        .flatten();
    let seen = shown.clone().filter(|_| state.focus == Focus::Tab);
    if seen.is_none_or(|function| !state.revealed.is_of(&state.options.stage, &function)) {
        state.revealed = Revealed::default();
    }
    let mut effects = Vec::new();
    for card in &mut state.functions.cards {
        // The settings of a function that is not shown any more need not be read.
        if Some(&card.function.name) != shown.as_ref()
            && let Some(job) = card.config.asking.take()
            && state.jobs.end(job).is_some()
        {
            effects.push(Effect::Cancel(job));
        }
    }
    let is_connected = matches!(state.connection, Connection::Connected(_));
    let Some(card) = state.functions.current().filter(|_| shown.is_some() && is_connected) else {
        return effects;
    };
    if card.config.is_fresh || card.config.asking.is_some() || card.deployment == Deployment::Absent
    {
        return effects;
    }
    let function = card.function.clone();
    let job = start(state, JobKind::ReadConfig(function.name.clone()));
    if let Some(card) = state.functions.current_mut() {
        card.config.asking = Some(job);
    }
    effects.push(Effect::ReadConfig { job, function });
    effects
}

/// Handles a function's settings from the stage; `None` if the function is not deployed.
pub(super) fn read(
    state: &mut State,
    job: JobId,
    result: Result<Option<Box<LiveConfig>>, Failure>,
) {
    let Some(JobKind::ReadConfig(name)) = state.jobs.end(job).map(|ended| ended.kind) else {
        return;
    };
    let Some(card) = state.functions.get_mut(&name).filter(|card| card.config.asking == Some(job))
    else {
        return;
    };
    card.config.asking = None;
    card.config.is_fresh = true;
    match result {
        Ok(Some(live)) => card.config.take_in(live),
        Ok(None) => card.config.live = Live::Absent,
        Err(failure) => card.config.live = Live::Failed(failure),
    }
}

/// Marks the settings of `card` as possibly changed on the stage.
pub(super) const fn outdate(card: &mut Card) {
    card.config.is_fresh = false;
}

/// Moves the selection by `lines`, then scrolls the pane, so that the selected row is visible.
pub(super) fn go(state: &mut State, lines: isize) -> bool {
    let rows = usize::from(state.viewport.rows);
    let most = state.viewport.lines.saturating_sub(rows);
    let Some(card) = state.functions.current_mut() else { return false };
    let Some(last) = card.config.rows(&card.function.config).len().checked_sub(1) else {
        return false;
    };
    let at = card.config.selected.min(last);
    let line = ConfigEditor::HEAD + at;
    let is_in_sight = (state.top..state.top + rows).contains(&line);
    if (lines > 0 && at == last) || (lines < 0 && !is_in_sight && lines != isize::MIN) {
        // Below the settings, the pane only scrolls.
        state.top = state.top.min(most).saturating_add_signed(lines).min(most);
        return true;
    }
    card.config.selected = at.saturating_add_signed(lines).min(last);
    keep_in_sight(state);
    true
}

/// Scrolls the pane so that the selected row is visible.
pub(super) fn keep_in_sight(state: &mut State) {
    let Some(card) = state.functions.current().filter(|_| state.tab == Tab::Settings) else {
        return;
    };
    let line = ConfigEditor::HEAD + card.config.selected;
    let least = (line + 1).saturating_sub(usize::from(state.viewport.rows)).min(line);
    state.top = if card.config.selected == 0 { 0 } else { state.top.clamp(least, line) };
}

/// Handles an action in the pane.
pub(super) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match (action, selected(state)) {
        (Action::ApplySettings, _) => return apply(state),
        (_, None) => {
            let Some(card) = state.functions.current() else { return verb::none_selected(state) };
            let why = match &card.config.live {
                Live::Known(_) | Live::Unknown => "the settings on the stage are not loaded yet",
                Live::Absent => "the function is not deployed on the stage: deploy it first",
                Live::Failed(_) => "could not read the settings from the stage",
            };
            state.tell(Notice::plain(why, ""));
        }
        (Action::AddVariable, Some(_)) => {
            state.overlay = Some(Overlay::Line(Line::new(Purpose::Variable, "")));
        }
        (Action::EditSetting, Some(row)) => edit(state, row),
        (Action::RemoveSetting, Some(row)) => change_or_tell(state, &row.setting, None),
        (Action::UndoSetting, Some(row)) => undo(state, &row.setting),
        (_, Some(row)) => reveal(state, &row),
    }
    Vec::new()
}

/// Returns the selected row of the shown function, if its settings are known.
fn selected(state: &State) -> Option<Row> {
    let card = state.functions.current().filter(|_| state.tab == Tab::Settings)?;
    card.config.known()?;
    card.config.row(&card.function.config)
}

/// Selects the next of a few values, or opens a line for others.
fn edit(state: &mut State, row: Row) {
    let choices = row.setting.choices();
    if !choices.is_empty() {
        let at = choices.iter().position(|choice| Some(*choice) == row.value());
        let next = choices[at.map_or(0, |at| (at + 1) % choices.len())];
        change_or_tell(state, &row.setting, Some(next));
        return;
    }
    // Editing a masked value does not reveal it.
    let is_masked =
        matches!(&row.setting, Setting::Env(name) if !state.revealed.names.contains(name));
    let text = row.value().filter(|_| !is_masked).unwrap_or_default().to_owned();
    let mut line = Line::new(Purpose::Setting(row.setting), &text);
    // Typing replaces it; a cursor key keeps it.
    line.input.select_all();
    state.overlay = Some(Overlay::Line(line));
}

/// Records an edit, and shows the effect of the next deploy on it. Returns an error with the reason
/// if it is not valid.
fn change(state: &mut State, setting: &Setting, value: Option<&str>) -> Result<(), String> {
    let Some(card) = state.functions.current_mut() else {
        return Err("the function is no longer in the workspace".into());
    };
    let edited = card.config.edit(setting.clone(), value);
    let warning = card.config.edits.get(setting).and_then(|value| {
        let (name, wanted) =
            (&card.function.name, revert(&card.function.config, setting, value.as_deref())?);
        Some(format!("the next deploy of {name} {}", wanted.of(setting)))
    });
    state.notice = warning.map(|text| Notice::plain(text, ""));
    edited
}

fn change_or_tell(state: &mut State, setting: &Setting, value: Option<&str>) {
    if let Err(why) = change(state, setting, value) {
        state.tell(Notice::plain(why, ""));
    }
}

/// Handles a typed value; the line stays open if it is not valid.
pub(super) fn typed(state: &mut State, line: Line, setting: &Setting) {
    if let Err(why) = change(state, setting, Some(&line.text())) {
        return overlay::refuse(state, line, why);
    }
    if let Some(card) = state.functions.current_mut() {
        card.config.select(setting, &card.function.config);
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
    let Some(card) = state.functions.current_mut() else { return };
    card.config.undo(setting);
}

/// Reveals the value of a variable, or masks it.
fn reveal(state: &mut State, row: &Row) {
    let Setting::Env(name) = &row.setting else {
        state.tell(Notice::plain("only environment variables are masked", ""));
        return;
    };
    let stage = state.options.stage.clone();
    let Some(function) = state.functions.selected().map(str::to_owned) else { return };
    state.revealed.toggle(stage, function, name);
}

/// Sends the edits: to the local stage immediately, elsewhere after they were compared with the
/// stage.
fn apply(state: &mut State) -> Vec<Effect> {
    let Some(card) = state.functions.current() else { return verb::none_selected(state) };
    if card.config.edits.is_empty() {
        let key = state.key_of(Context::Settings, Action::EditSetting.name()).unwrap_or_default();
        let hint = format!("{key} edits the selected setting");
        state.tell(Notice::plain("no edits to apply", hint));
        return Vec::new();
    }
    match card.config.patch() {
        Ok(config) => {
            let function = Function { config, ..card.function.clone() };
            let revision = card.config.known().and_then(|live| live.revision.clone());
            plan::configure(state, function, revision)
        }
        Err(why) => {
            state.tell(Notice::plain(why, ""));
            Vec::new()
        }
    }
}

/// Sends settings that were confirmed or need no confirmation.
pub(super) fn send(
    state: &mut State,
    function: Function,
    revision: Option<String>,
    approval: Approval,
) -> Vec<Effect> {
    if !verb::may_change(state, "nothing is changed") {
        return Vec::new();
    }
    state.command = Some(copy::configure(state, &function.name, approval));
    state.notice = None;
    let job = start(state, JobKind::Configure(function.name.clone()));
    vec![Effect::Configure { job, function, revision, approval }]
}

/// Handles the result; edits that were sent are removed once the stage reports the new values.
pub(super) fn sent(
    state: &mut State,
    job: JobId,
    result: &Result<DeployOutcome, Failure>,
) -> Vec<Effect> {
    let Some(JobKind::Configure(name)) = state.jobs.end(job).map(|ended| ended.kind) else {
        return Vec::new();
    };
    state.tell(match result {
        Ok(outcome) => finish::deploy_failure(outcome).unwrap_or_else(|| {
            Notice::good(format!("changed the settings of {name} on {}", state.options.stage))
        }),
        Err(failure) => Notice::of(failure),
    });
    super::workspace::refresh(state)
}
