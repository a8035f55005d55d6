//! Edits of a function's settings, row by row.

use std::collections::BTreeSet;

use super::{Edits, LiveConfig, LogFormat, Setting, UrlSetting, patched};
use crate::function::FunctionConfig;

/// One setting: on the stage, edited, and in the workspace. No `Debug`: its values may be secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// The setting.
    pub setting: Setting,
    /// Value on the stage; `None` if it has none there.
    pub stage: Option<String>,
    /// Edited value; `Some(None)` to remove it.
    pub edit: Option<Option<String>>,
    /// Value in the workspace; `None` if it has none, so that a deploy leaves the setting.
    pub workspace: Option<String>,
}

impl Row {
    /// Returns the value after the edit.
    pub fn value(&self) -> Option<&str> {
        self.edit.as_ref().unwrap_or(&self.stage).as_deref()
    }
}

/// Returns the rows: settings of every function, then of its URL, then its variables. `live` is
/// `None` if the settings on the stage are not known: then only those in the workspace.
pub fn rows(live: Option<&LiveConfig>, edits: &Edits, workspace: &FunctionConfig) -> Vec<Row> {
    let (is_known, nothing) = (live.is_some(), FunctionConfig::default());
    let live = live.map_or(&nothing, |live| &live.config);
    let edited = patched(live, edits).map_or_else(|_| live.clone(), |(whole, _)| whole);
    let has_url = [&edited, workspace]
        .iter()
        .any(|config| matches!(config.url, Some(UrlSetting::Present(_))));
    let has_levels = edited.log.format == Some(LogFormat::Json);
    let mut settings: Vec<Setting> = Setting::FIXED.to_vec();
    settings.retain(|setting| {
        (has_url || !setting.is_of_url()) && (has_levels || !setting.is_of_json())
    });
    settings.retain(|setting| is_known || setting.get(workspace).is_some());
    let named = live.env.keys().chain(workspace.env.keys()).cloned().map(Setting::Env);
    let typed = edits.keys().filter(|setting| setting.is_variable()).cloned();
    settings.extend(named.chain(typed).collect::<BTreeSet<_>>());
    let row = |setting: Setting| Row {
        stage: setting.get(live),
        edit: edits.get(&setting).cloned(),
        workspace: setting.get(workspace),
        setting,
    };
    settings.into_iter().map(row).collect()
}

/// Adds an edit of `setting` to `value`; the value on the stage is not an edit.
///
/// # Errors
/// Returns an error if the value is not valid for the setting, or not in combination with the
/// others.
pub fn edit(
    live: &LiveConfig,
    edits: &mut Edits,
    setting: Setting,
    value: Option<&str>,
) -> Result<(), String> {
    if live.is_env_hidden && setting.is_variable() {
        return Err(
            "no permission to read the environment variables, and AWS only replaces them all at \
                once"
                .into(),
        );
    }
    let mut edited = edits.clone();
    edited.insert(setting.clone(), value.map(str::to_owned));
    let (whole, _) = match patched(&live.config, &edited) {
        Err(_) if setting.has_parts() => {
            // Without a URL, or without JSON, edits of their parts do not apply.
            edited.retain(|other, _| !other.is_part_of(&setting));
            patched(&live.config, &edited)?
        }
        other => other?,
    };
    let put = setting.get(&whole);
    if put == setting.get(&live.config) {
        edited.remove(&setting);
    } else {
        edited.insert(setting, put);
    }
    *edits = edited;
    Ok(())
}
