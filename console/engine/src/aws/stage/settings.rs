//! The settings of one stage: those of the root manifest, overridden by options.

use std::path::Path;

use lambda_console_model::Failure;

use super::{LOCAL, StageOptions};
use crate::workspace::stages::Stages;

pub(crate) use crate::workspace::stages::{StageSettings, read};

/// The settings of the stage that `options` name, overridden by the profile and region of
/// `options`.
pub(crate) fn resolve(root: &Path, options: &StageOptions) -> Result<StageSettings, Failure> {
    let Stages { known: mut stages, left_out, .. } = read(root)?;
    // It may be protected.
    if let Some(failure) = left_out.get(&options.stage) {
        let what = format!("could not use the stage {}", options.stage);
        return Err(Failure { what, ..failure.clone() });
    }
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
        let names: Vec<&str> =
            std::iter::once(LOCAL).chain(stages.keys().map(String::as_str)).collect();
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
    use crate::workspace::stages::parse;

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
        let parse = |text: &str| parse(Path::new("/w/Cargo.toml"), text).unwrap();
        let stages = parse(MANIFEST).known;
        assert_eq!(stages.keys().collect::<Vec<_>>(), ["beta", "prod"]);
        assert!(stages["prod"].protected && !stages["beta"].protected);
        for other in
            ["[package]\nname = \"a\"", "[workspace]\n", "[workspace.metadata]\nlambda = 1\n"]
        {
            assert!(parse(other).known.is_empty(), "{other}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        let dir =
            workspace("[workspace.metadata.lambda.stages.prod]\nregion = \"x\"\nprotectd = true\n");
        let failure = resolve(dir.path(), &named("prod")).unwrap_err();
        assert!(failure.why.ends_with("Cargo.toml:3: unknown key `protectd`"), "{failure}");
        assert_eq!(failure.hint, "did you mean `protected`?");
    }

    #[test]
    fn a_stage_with_an_error_is_in_no_other_stages_way_and_no_profile_makes_another_of_it() {
        let stages = "[workspace.metadata.lambda.stages]\n\"a b\" = { profile = 3 }\nprod = \
            1\nbeta = { region = \"x\" }\n";
        let dir = workspace(stages);
        assert_eq!(resolve(dir.path(), &named("beta")).unwrap().region.as_deref(), Some("x"));
        assert_eq!(resolve(dir.path(), &named(LOCAL)).unwrap(), StageSettings::default());
        let of = |stage: &str| {
            let failure =
                resolve(dir.path(), &StageOptions { profile: Some("me".into()), ..named(stage) })
                    .unwrap_err();
            (failure.what, failure.why.rsplit('/').next().unwrap_or_default().to_owned())
        };
        let wrong =
            |stage: &str, why: &str| (format!("could not use the stage {stage}"), why.to_owned());
        assert_eq!(of("a b"), wrong("a b", "Cargo.toml:2: `profile` must be a string"));
        assert_eq!(of("prod"), wrong("prod", "Cargo.toml:3: it must be a table"));
    }

    #[test]
    fn flags_go_before_the_settings() {
        let dir = workspace(MANIFEST);
        let options = StageOptions { region: Some("us-west-2".into()), ..named("prod") };
        let settings = resolve(dir.path(), &options).unwrap();
        assert_eq!(
            (settings.profile.as_deref(), settings.region.as_deref()),
            (Some("acme"), Some("us-west-2"))
        );
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
        let with_profile =
            |stage: &str| StageOptions { profile: Some("me".into()), ..named(stage) };
        assert_eq!(
            resolve(dir.path(), &with_profile("mine")).unwrap().profile.as_deref(),
            Some("me")
        );
        assert_eq!(resolve(dir.path(), &with_profile(LOCAL)).unwrap_err().kind.exit_code(), 2);
    }
}
