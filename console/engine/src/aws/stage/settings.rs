//! A stage's settings: `[workspace.metadata.lambda.stages.<name>]` in the root manifest.

use std::{collections::BTreeMap, path::Path};

use lambda_console_model::Failure;
use serde::Deserialize;

use super::{LOCAL, StageOptions};
use crate::workspace::text;

/// The settings of one stage. Unknown keys are errors, so that a typing error cannot unprotect a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StageSettings {
    /// The AWS profile.
    pub profile: Option<String>,
    /// The AWS region; none: the profile's.
    pub region: Option<String>,
    /// ARN of the execution role of functions that name none.
    pub role: Option<String>,
    /// Put before each function's name.
    pub prefix: Option<String>,
    /// Put after each function's name.
    pub suffix: Option<String>,
    /// A deploy publishes a version and points this alias at it.
    pub alias: Option<String>,
    /// The bucket that zips over Lambda's limit are sent through.
    pub bucket: Option<String>,
    /// Changes need a confirmation.
    #[serde(default)]
    pub protected: bool,
}

/// The way down to the stages; everything beside it is cargo's or other tools'.
#[derive(Default, Deserialize)]
struct Manifest {
    #[serde(default)]
    workspace: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    metadata: Lambda,
}

#[derive(Default, Deserialize)]
struct Lambda {
    #[serde(default)]
    lambda: Stages,
}

#[derive(Default, Deserialize)]
struct Stages {
    #[serde(default)]
    stages: BTreeMap<String, StageSettings>,
}

/// The stages in the manifest of the workspace at `root`.
pub(super) fn read(root: &Path) -> Result<BTreeMap<String, StageSettings>, Failure> {
    let path = root.join("Cargo.toml");
    let text = text::read(&path).map_err(|why| {
        Failure::usage(format!("could not read {}", path.display()), why, "name the workspace with --workspace")
    })?;
    parse(&text).map_err(|error| {
        Failure::usage(
            format!("could not read the stages in {}", path.display()),
            error.to_string().trim_end(),
            "the keys of a stage are profile, region, role, prefix, suffix, alias, bucket and protected",
        )
    })
}

fn parse(text: &str) -> Result<BTreeMap<String, StageSettings>, toml::de::Error> {
    Ok(toml::from_str::<Manifest>(text)?.workspace.metadata.lambda.stages)
}

/// The settings of the stage that `options` name, with the profile and region asked for put over them.
pub(super) fn resolve(root: &Path, options: &StageOptions) -> Result<StageSettings, Failure> {
    let mut stages = read(root)?;
    let is_local = options.stage == LOCAL;
    if is_local && options.profile.is_some() {
        return Err(Failure::usage(
            "could not use the stage local",
            "an AWS profile was given, and the local Lambda has none",
            "leave --stage out to use the profile, or leave --profile out",
        ));
    }
    let known = stages.remove(&options.stage);
    if known.is_none() && !is_local && options.profile.is_none() && options.region.is_none() {
        let names: Vec<&str> = std::iter::once(LOCAL).chain(stages.keys().map(String::as_str)).collect();
        return Err(Failure::usage(
            format!("there is no stage {}", options.stage),
            format!("the stages are {}", names.join(", ")),
            format!(
                "add [workspace.metadata.lambda.stages.{}] to {}",
                options.stage,
                root.join("Cargo.toml").display()
            ),
        ));
    }
    let mut settings = known.unwrap_or_default();
    settings.profile = options.profile.clone().or(settings.profile);
    settings.region = options.region.clone().or(settings.region);
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
[workspace]
members = ["a"]
[workspace.metadata.other]
key = 1
[workspace.metadata.lambda.stages.prod]
profile = "acme"
region = "eu-west-1"
prefix = "acme-"
alias = "live"
protected = true
[workspace.metadata.lambda.stages.beta]
"#;

    fn workspace(manifest: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
        dir
    }

    fn named(stage: &str) -> StageOptions {
        StageOptions { stage: stage.to_owned(), ..StageOptions::default() }
    }

    #[test]
    fn stages_are_read_beside_other_metadata() {
        let stages = parse(MANIFEST).unwrap();
        assert_eq!(stages.keys().collect::<Vec<_>>(), ["beta", "prod"]);
        assert!(stages["prod"].protected && !stages["beta"].protected);
        assert!(parse("[package]\nname = \"a\"").unwrap().is_empty());
        assert!(parse("[workspace]\n").unwrap().is_empty());
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let dir = workspace("[workspace.metadata.lambda.stages.prod]\nregion = \"x\"\nprotectd = true\n");
        let failure = resolve(dir.path(), &named("prod")).unwrap_err();
        assert!(failure.why.contains("line 3") && failure.why.contains("protectd"), "{failure}");
    }

    #[test]
    fn flags_go_before_the_settings() {
        let dir = workspace(MANIFEST);
        let options = StageOptions { region: Some("us-west-2".into()), ..named("prod") };
        let settings = resolve(dir.path(), &options).unwrap();
        assert_eq!((settings.profile.as_deref(), settings.region.as_deref()), (Some("acme"), Some("us-west-2")));
        assert!(settings.protected);
    }

    #[test]
    fn an_unknown_stage_names_the_known_ones() {
        let failure = resolve(workspace(MANIFEST).path(), &named("gamma")).unwrap_err();
        assert_eq!(failure.why, "the stages are local, beta, prod");
        assert_eq!(failure.kind.exit_code(), 2);
    }

    #[test]
    fn a_profile_makes_a_stage_of_any_name_but_local() {
        let dir = workspace(MANIFEST);
        let with_profile = |stage: &str| StageOptions { profile: Some("me".into()), ..named(stage) };
        assert_eq!(resolve(dir.path(), &with_profile("mine")).unwrap().profile.as_deref(), Some("me"));
        assert_eq!(resolve(dir.path(), &with_profile(LOCAL)).unwrap_err().kind.exit_code(), 2);
    }
}
