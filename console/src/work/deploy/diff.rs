//! What a deploy would change. Pure.

use std::collections::BTreeMap;

use super::{Remote, remote};
use crate::message::{Architecture, Change, Failure, FunctionConfig};

/// In the place of every environment value.
pub(super) const MASK: &str = "••••••";

/// What the workspace wants a function to be.
pub(super) struct Wanted<'a> {
    /// Base64, as Lambda gives it.
    pub(super) sha256: &'a str,
    pub(super) architecture: Architecture,
    pub(super) config: &'a FunctionConfig,
    /// None: keep the present one.
    pub(super) role: Option<&'a str>,
}

/// The settings that differ. What the workspace says nothing of is left as it is and does not appear.
///
/// # Errors
/// The function on the stage is not one that this console may replace.
pub(super) fn changes(wanted: &Wanted<'_>, found: Option<&Remote>) -> Result<Vec<Change>, Failure> {
    if let Some(found) = found {
        refuse_foreign(found)?;
        if found.env.is_none() && !wanted.config.env.is_empty() {
            return Err(Failure::work(
                "could not compare the environment variables",
                "the stage does not show their values to this caller",
                "use a profile that may decrypt them (kms:Decrypt)",
            ));
        }
    }
    let mut changes = Vec::new();
    let mut set = |field: &str, from: Option<String>, to: String| {
        if from.as_ref() != Some(&to) {
            changes.push(Change { field: field.to_owned(), from, to });
        }
    };
    let config = wanted.config;
    let short = |sha256: &str| remote::hex_of(sha256).chars().take(12).collect::<String>();
    set("code", found.map(|found| short(&found.sha256)), short(wanted.sha256));
    set("architecture", found.map(|found| found.architecture.clone()), wanted.architecture.name().to_owned());
    if let Some(memory) = config.memory {
        set("memory", found.map(|found| megabytes(found.memory)), megabytes(memory));
    }
    if let Some(timeout) = config.timeout {
        set("timeout", found.map(|found| seconds(found.timeout)), seconds(timeout));
    }
    if let Some(role) = wanted.role {
        set("role", found.map(|found| found.role.clone()), role.to_owned());
    }
    if let Some(description) = &config.description {
        set("description", found.map(|found| found.description.clone()), description.clone());
    }
    if let Some(mode) = tracing(config) {
        set("tracing", found.map(|found| found.tracing.clone()), mode.to_owned());
    }
    if let Some(layers) = &config.layers {
        set("layers", found.map(|found| found.layers.join(", ")), layers.join(", "));
    }
    for (name, value) in &config.tags {
        set(&format!("tag.{name}"), found.and_then(|found| found.tags.get(name).cloned()), value.clone());
    }
    for (name, value) in &config.env {
        let present = found.and_then(|found| found.env.as_ref()?.get(name));
        if present != Some(value) {
            let from = present.map(|_| MASK.to_owned());
            changes.push(Change { field: format!("env.{name}"), from, to: MASK.to_owned() });
        }
    }
    Ok(changes)
}

/// The environment after the deploy: what is on the stage with what the workspace has put over it.
pub(super) fn merged_env(config: &FunctionConfig, found: Option<&Remote>) -> BTreeMap<String, String> {
    let mut env = found.and_then(|found| found.env.clone()).unwrap_or_default();
    env.extend(config.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    env
}

/// The tracing mode as AWS spells it.
pub(super) fn tracing(config: &FunctionConfig) -> Option<&'static str> {
    let mode = config.tracing.as_deref()?;
    Some(if mode.eq_ignore_ascii_case("active") { "Active" } else { "PassThrough" })
}

/// A function of the same name that someone wrote in another language is not to be replaced.
fn refuse_foreign(found: &Remote) -> Result<(), Failure> {
    let kind = if found.is_image {
        "a container image"
    } else if found.runtime.starts_with("provided") {
        return Ok(());
    } else {
        found.runtime.as_str()
    };
    Err(Failure::work(
        "could not replace the function on the stage",
        format!("the function of this name there is {kind}, not a bootstrap"),
        "rename the binary, give the stage a prefix, or delete that function",
    ))
}

fn megabytes(memory: u32) -> String {
    format!("{memory} MB")
}

fn seconds(timeout: u32) -> String {
    format!("{timeout} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> FunctionConfig {
        FunctionConfig {
            memory: Some(256),
            env: BTreeMap::from([("KEY".into(), "hunter2".into()), ("NEW".into(), "swordfish".into())]),
            ..FunctionConfig::default()
        }
    }

    fn wanted(config: &FunctionConfig) -> Wanted<'_> {
        Wanted { sha256: "3q2+7w==", architecture: Architecture::Arm64, config, role: None }
    }

    fn found() -> Remote {
        Remote {
            sha256: "3q2+7w==".into(),
            architecture: "arm64".into(),
            runtime: "provided.al2023".into(),
            memory: 256,
            env: Some(BTreeMap::from([("KEY".into(), "old".into()), ("ELSEWHERE".into(), "kept".into())])),
            ..Remote::default()
        }
    }

    #[test]
    fn environment_values_are_masked_and_merged() {
        let config = config();
        let changes = changes(&wanted(&config), Some(&found())).unwrap();
        let names: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        assert_eq!(names, ["env.KEY", "env.NEW"]);
        assert_eq!((changes[0].from.as_deref(), changes[1].from.as_deref()), (Some(MASK), None));
        let text = format!("{changes:?}");
        assert!(!text.contains("hunter2") && !text.contains("swordfish") && !text.contains("old"), "{text}");
        let merged = merged_env(&config, Some(&found()));
        assert_eq!(merged["ELSEWHERE"], "kept");
        assert_eq!(merged["KEY"], "hunter2");
    }

    #[test]
    fn a_new_function_comes_from_nothing() {
        let config = config();
        let changes = changes(&wanted(&config), None).unwrap();
        assert!(changes.iter().all(|change| change.from.is_none()));
        assert_eq!(changes[0].to, "deadbeef");
        assert_eq!(changes[2], Change { field: "memory".into(), from: None, to: "256 MB".into() });
    }

    #[test]
    fn what_the_workspace_does_not_say_stays() {
        let config = FunctionConfig::default();
        assert_eq!(changes(&wanted(&config), Some(&found())).unwrap(), []);
    }

    #[test]
    fn an_x86_function_moves_to_arm64() {
        let config = FunctionConfig::default();
        let changes = changes(&wanted(&config), Some(&Remote { architecture: "x86_64".into(), ..found() })).unwrap();
        assert_eq!(changes[0].field, "architecture");
    }

    #[test]
    fn a_function_in_another_language_is_not_replaced() {
        let config = FunctionConfig::default();
        let python = Remote { runtime: "python3.13".into(), ..found() };
        assert!(changes(&wanted(&config), Some(&python)).unwrap_err().why.contains("python3.13"));
    }

    #[test]
    fn hidden_variables_are_never_wiped() {
        let config = config();
        assert!(changes(&wanted(&config), Some(&Remote { env: None, ..found() })).is_err());
    }
}
