//! The settings of one function on the screen: read, edited, and row by row.

use std::{collections::BTreeSet, fmt};

use lambda_console_model::{
    Failure, FunctionConfig, LiveConfig,
    settings::{self, Edits, Row, Setting, patched},
};

use super::JobId;

/// Reason why settings that were not read are not edited.
const NOT_LOADED: &str = "the settings on the stage are not loaded yet";

/// State of a function's settings on the stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Live {
    /// The stage has not answered.
    #[default]
    Unknown,
    /// Read.
    Known(Box<LiveConfig>),
    /// The function is not deployed.
    Absent,
    /// The settings could not be read.
    Failed(Failure),
}

/// The settings of one function, and their edits.
#[derive(Clone, Default)]
pub struct ConfigEditor {
    /// The settings on the stage.
    pub live: Live,
    /// `true` if they were read, and nothing has changed them since.
    pub is_fresh: bool,
    /// Job that reads them.
    pub asking: Option<JobId>,
    /// Edits that are not sent yet.
    pub edits: Edits,
    /// The selected row.
    pub selected: usize,
}

/// Prints the names of edited settings, never their values: they may be secrets.
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
    /// Names of the variables.
    pub names: BTreeSet<String>,
}

impl Revealed {
    /// Returns `true` if they are variables of this function on this stage.
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

impl ConfigEditor {
    /// Number of lines above the first row.
    pub const HEAD: usize = 2;

    /// Returns the settings on the stage, if they are known.
    pub const fn known(&self) -> Option<&LiveConfig> {
        if let Live::Known(live) = &self.live { Some(live) } else { None }
    }

    /// Returns the rows: settings of every function, then of its URL, then its variables.
    pub fn rows(&self, workspace: &FunctionConfig) -> Vec<Row> {
        settings::rows(self.known(), &self.edits, workspace)
    }

    /// Returns the selected row.
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

    /// Records an edit of `setting` to `value`; the value on the stage is not an edit.
    ///
    /// # Errors
    /// Returns an error if the value is not valid for the setting, or not in combination with the
    /// others.
    pub fn edit(&mut self, setting: Setting, value: Option<&str>) -> Result<(), String> {
        let Live::Known(live) = &self.live else { return Err(NOT_LOADED.into()) };
        settings::edit(live, &mut self.edits, setting, value)
    }

    /// Undoes an edit, and the edits that depend on it.
    pub fn undo(&mut self, setting: &Setting) {
        self.edits.remove(setting);
        let Some(live) = self.known() else { return };
        if patched(&live.config, &self.edits).is_err() {
            self.edits.retain(|other, _| !other.is_part_of(setting));
        }
    }

    /// Stores the settings that were read; edits that match them are removed.
    pub fn take_in(&mut self, live: Box<LiveConfig>) {
        self.edits.retain(|setting, value| setting.get(&live.config) != *value);
        self.live = Live::Known(live);
    }

    /// Returns the settings to send.
    ///
    /// # Errors
    /// Returns an error if the edits are not valid for the current settings on the stage.
    pub fn patch(&self) -> Result<FunctionConfig, String> {
        let live = self.known().ok_or(NOT_LOADED)?;
        patched(&live.config, &self.edits).map(|(_, patch)| patch)
    }
}

#[cfg(test)]
mod tests;
