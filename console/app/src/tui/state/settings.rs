//! The settings of one function as the screen has them: read, edited, and row by row.

use std::{collections::BTreeSet, fmt};

use lambda_console_model::{
    Failure, FunctionConfig, LiveConfig, LogFormat, UrlSetting,
    settings::{Edits, Setting, patched},
};

use super::JobId;

/// What is known of a function's settings on the stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Live {
    /// The stage has not answered.
    #[default]
    Unknown,
    /// They are these.
    Known(Box<LiveConfig>),
    /// The function is not there.
    Absent,
    /// The stage cannot tell.
    Failed(Failure),
}

/// The settings of one function, and what is edited of them.
#[derive(Clone, Default)]
pub struct ConfigEditor {
    /// The settings as they are there.
    pub live: Live,
    /// They were read, and nothing has happened since.
    pub is_fresh: bool,
    /// The job that reads them.
    pub asking: Option<JobId>,
    /// What is edited of them and not sent.
    pub edits: Edits,
    /// The selected row.
    pub selected: usize,
}

/// The names of what is edited, and no values: they may be secrets.
impl fmt::Debug for ConfigEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigEditor")
            .field("live", &self.live)
            .field("asking", &self.asking)
            .field("edits", &self.edits.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The variables of one function on one stage whose values are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revealed {
    stage: String,
    function: String,
    /// Their names.
    pub names: BTreeSet<String>,
}

impl Revealed {
    /// They are variables of this function on this stage.
    pub fn is_of(&self, stage: &str, function: &str) -> bool {
        self.stage == stage && self.function == function
    }

    /// Shows the value of one more variable, or masks it again.
    pub fn toggle(&mut self, stage: String, function: String, name: &str) {
        if !self.is_of(&stage, &function) {
            *self = Self { stage, function, names: BTreeSet::new() };
        }
        if !self.names.remove(name) {
            self.names.insert(name.to_owned());
        }
    }
}

/// One row of the editor. No `Debug`: its values may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// The setting.
    pub setting: Setting,
    /// Its value on the stage; none: it has none there.
    pub stage: Option<String>,
    /// What it is edited to; none within: it is removed.
    pub edit: Option<Option<String>>,
    /// What the workspace says; none: nothing, and a deploy leaves it.
    pub workspace: Option<String>,
}

impl Row {
    /// What it is after the edit.
    pub fn value(&self) -> Option<&str> {
        self.edit.as_ref().unwrap_or(&self.stage).as_deref()
    }
}

impl ConfigEditor {
    /// The lines above the first row.
    pub const HEAD: usize = 2;

    /// The settings on the stage, where they are known.
    pub const fn known(&self) -> Option<&LiveConfig> {
        if let Live::Known(live) = &self.live { Some(live) } else { None }
    }

    /// The rows: those that every function has, then those of its URL, then its variables.
    pub fn rows(&self, workspace: &FunctionConfig) -> Vec<Row> {
        let nothing = FunctionConfig::default();
        let live = self.known().map_or(&nothing, |live| &live.config);
        let edited = patched(live, &self.edits).map_or_else(|_| live.clone(), |(whole, _)| whole);
        let has_url = [&edited, workspace].iter().any(|config| matches!(config.url, Some(UrlSetting::Present(_))));
        let has_levels = edited.log.format == Some(LogFormat::Json);
        let mut settings: Vec<Setting> = Setting::FIXED.to_vec();
        settings.retain(|setting| (has_url || !setting.is_of_url()) && (has_levels || !setting.is_of_json()));
        // Of a function that is not on the stage, what the workspace says.
        settings.retain(|setting| self.known().is_some() || setting.get(workspace).is_some());
        let named = live.env.keys().chain(workspace.env.keys()).cloned().map(Setting::Env);
        let typed = self.edits.keys().filter(|setting| setting.is_variable()).cloned();
        settings.extend(named.chain(typed).collect::<BTreeSet<_>>());
        let row = |setting: Setting| Row {
            stage: setting.get(live),
            edit: self.edits.get(&setting).cloned(),
            workspace: setting.get(workspace),
            setting,
        };
        settings.into_iter().map(row).collect()
    }

    /// The selected row.
    pub fn row(&self, workspace: &FunctionConfig) -> Option<Row> {
        let rows = self.rows(workspace);
        let last = rows.len().checked_sub(1)?;
        rows.into_iter().nth(self.selected.min(last))
    }

    /// Selects the row of `setting`.
    pub fn select(&mut self, setting: &Setting, workspace: &FunctionConfig) {
        if let Some(index) = self.rows(workspace).iter().position(|row| row.setting == *setting) {
            self.selected = index;
        }
    }

    /// Notes that `setting` shall be `value`; what it is already is no edit.
    ///
    /// # Errors
    /// It is none of the setting's values, or means nothing beside the others.
    pub fn edit(&mut self, setting: Setting, value: Option<&str>) -> Result<(), String> {
        let live = self.known().ok_or("the settings on the stage are not known yet")?;
        if live.is_env_hidden && setting.is_variable() {
            return Err(
                "the stage does not show the variables to this caller, and they are only sent all at once".into()
            );
        }
        let mut edits = self.edits.clone();
        edits.insert(setting.clone(), value.map(str::to_owned));
        let (whole, _) = match patched(&live.config, &edits) {
            Err(_) if setting.has_parts() => {
                // Without a URL, or without JSON, what was edited of them means nothing.
                edits.retain(|other, _| !other.is_part_of(&setting));
                patched(&live.config, &edits)?
            }
            other => other?,
        };
        let put = setting.get(&whole);
        if put == setting.get(&live.config) {
            edits.remove(&setting);
        } else {
            edits.insert(setting, put);
        }
        self.edits = edits;
        Ok(())
    }

    /// Takes an edit back, and with it those that mean nothing without it.
    pub fn undo(&mut self, setting: &Setting) {
        self.edits.remove(setting);
        let Some(live) = self.known() else { return };
        if patched(&live.config, &self.edits).is_err() {
            self.edits.retain(|other, _| !other.is_part_of(setting));
        }
    }

    /// Takes in what the stage says; edits that it has already are done.
    pub fn take_in(&mut self, live: Box<LiveConfig>) {
        self.edits.retain(|setting, value| setting.get(&live.config) != *value);
        self.live = Live::Known(live);
    }

    /// The settings that are to be sent.
    ///
    /// # Errors
    /// The edits do not fit what is on the stage now.
    pub fn patch(&self) -> Result<FunctionConfig, String> {
        let live = self.known().ok_or("the settings on the stage are not known yet")?;
        patched(&live.config, &self.edits).map(|(_, patch)| patch)
    }
}

#[cfg(test)]
mod tests;
