//! A function's settings on the stage, beside what the workspace says of them, and what is edited of them.

mod setting;
mod values;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::FunctionConfig;
pub use setting::Setting;
pub use values::{Concurrency, Cors, FunctionUrl, LogFormat, LogSettings, UrlAuth, UrlSetting, Vpc};

/// In the place of every environment value.
pub const MASK: &str = "••••••";

/// The settings of a function as they are on the stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LiveConfig {
    /// All that can be edited, each as it is.
    pub config: FunctionConfig,
    /// The stage does not show the values of the environment variables to this caller.
    pub is_env_hidden: bool,
    /// The address of the function's URL.
    pub url: Option<String>,
    /// What of the function changes with each change of its configuration.
    pub revision: Option<String>,
}

/// The edits of one function: the new value of each setting as text; none: it is removed.
pub type Edits = BTreeMap<Setting, Option<String>>;

/// The settings `live` with `edits` in them, and of those only what `edits` touch: the rest is none, which leaves it.
///
/// # Errors
/// An edit is not a value of its setting, or means nothing beside the others.
pub fn patched(live: &FunctionConfig, edits: &Edits) -> Result<(FunctionConfig, FunctionConfig), String> {
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

/// What the next deploy makes of a setting that it does not leave as it is on the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
    /// It puts this back. Masked for a variable.
    To(String),
    /// It removes it.
    Removed,
}

impl Revert {
    /// `puts memory back to 256 MB, as Cargo.toml says`
    pub fn of(&self, setting: &Setting) -> String {
        match self {
            Self::To(wanted) if wanted.is_empty() => format!("takes {setting} away, as Cargo.toml says"),
            Self::To(wanted) => format!("puts {setting} back to {wanted}, as Cargo.toml says"),
            Self::Removed => format!("removes {setting}, which Cargo.toml does not name"),
        }
    }
}

/// What the next deploy of a function with the settings `workspace` makes of `setting`, if `value` is on the stage.
pub fn revert(workspace: &FunctionConfig, setting: &Setting, value: Option<&str>) -> Option<Revert> {
    match setting.get(workspace) {
        Some(wanted) if Some(wanted.as_str()) == value => None,
        Some(wanted) => Some(Revert::To(setting.shown(wanted))),
        None => (setting.is_variable() && workspace.env_replace && value.is_some()).then_some(Revert::Removed),
    }
}

#[cfg(test)]
mod tests;
