//! A function's settings on the stage and in the workspace, and their edits.

mod edits;
mod field;
mod mask;
pub(crate) mod program;
mod setting;
pub(crate) mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::function::FunctionConfig;

pub use edits::{Row, edit, rows};
pub use field::Field;
pub use mask::MASK;
pub use program::{Exec, Program, Source};
pub use setting::Setting;
pub use values::{
    Concurrency, Cors, FunctionUrl, LogFormat, LogSettings, UrlAuth, UrlSetting, Vpc,
};

/// Settings of a function on the stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LiveConfig {
    /// All settings that can be edited, with their values.
    pub config: FunctionConfig,
    /// `true` if the stage does not return the values of the environment variables to this caller.
    pub is_env_hidden: bool,
    /// URL of the function.
    pub url: Option<String>,
    /// Revision ID, which changes with every change of the function's configuration.
    pub revision: Option<String>,
}

/// Edits of one function: the new value of each setting as text; `None` to remove it.
pub type Edits = BTreeMap<Setting, Option<String>>;

/// Returns the settings `live` with `edits` applied, and a patch with only the settings that
/// `edits` touch: all others are `None`, which leaves them unchanged.
///
/// # Errors
/// Returns an error if an edit is not a valid value of its setting, or is not valid in combination
/// with the others.
pub fn patched(
    live: &FunctionConfig,
    edits: &Edits,
) -> Result<(FunctionConfig, FunctionConfig), String> {
    let mut whole = live.clone();
    for (setting, value) in edits {
        setting.set(&mut whole, value.as_deref())?;
    }
    let mut patch = FunctionConfig::default();
    for setting in edits.keys() {
        setting.copy(&whole, &mut patch);
    }
    if edits.iter().any(|(setting, value)| setting.is_variable() && value.is_none()) {
        patch.env.clone_from(&whole.env);
        patch.env_replace = true;
    }
    Ok((whole, patch))
}

/// Effect of the next deploy on a setting that it would not leave as it is on the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
    /// Sets the setting back to this value. Masked for a variable.
    To(String),
    /// Removes the setting.
    Removed,
}

impl Revert {
    /// Returns a clause like `puts memory back to 256 MB, as Cargo.toml says`.
    pub fn of(&self, setting: &Setting) -> String {
        match self {
            Self::To(wanted) if wanted.is_empty() => {
                format!("removes {setting}, as in Cargo.toml")
            }
            Self::To(wanted) => format!("resets {setting} to {wanted}, as in Cargo.toml"),
            Self::Removed => format!("removes {setting}, which is not in Cargo.toml"),
        }
    }
}

/// Returns the effect that the next deploy of a function with the settings `workspace` has on
/// `setting`, if its value on the stage is `value`.
pub fn revert(
    workspace: &FunctionConfig,
    setting: &Setting,
    value: Option<&str>,
) -> Option<Revert> {
    match setting.get(workspace) {
        Some(wanted) if Some(wanted.as_str()) == value => None,
        Some(wanted) => Some(Revert::To(setting.shown(wanted))),
        None => (setting.is_variable() && workspace.env_replace && value.is_some())
            .then_some(Revert::Removed),
    }
}

#[cfg(test)]
mod tests;
