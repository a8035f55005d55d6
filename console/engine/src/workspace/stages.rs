//! The stages of a workspace: `[workspace.metadata.lambda.stages.<name>]` in the root manifest.

use std::{collections::BTreeMap, path::Path};

use lambda_console_model::{Failure, text::nearest};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::text;

/// The settings of one stage. Unknown keys are errors, so that a typing error cannot unprotect a
/// stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageSettings {
    /// The AWS profile.
    pub profile: Option<String>,
    /// The AWS region; `None` means the profile's.
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
    /// `true` if changes need a confirmation.
    pub protected: bool,
}

const KEYS: [&str; 8] =
    ["profile", "region", "role", "prefix", "suffix", "alias", "bucket", "protected"];

impl StageSettings {
    /// Reads the table of one stage. The error has the wrong value, the reason, and the remedy.
    fn read<'v, 't>(
        stage: &'v Spanned<DeValue<'t>>,
    ) -> Result<Self, (&'v Spanned<DeValue<'t>>, String, String)> {
        let all = || format!("the keys of a stage are {} and protected", KEYS[..7].join(", "));
        let Some(table) = stage.get_ref().as_table() else {
            return Err((stage, "it must be a table".to_owned(), all()));
        };
        let mut settings = Self::default();
        for (key, value) in table {
            let key = key.get_ref().as_ref();
            let text = match key {
                "profile" => &mut settings.profile,
                "region" => &mut settings.region,
                "role" => &mut settings.role,
                "prefix" => &mut settings.prefix,
                "suffix" => &mut settings.suffix,
                "alias" => &mut settings.alias,
                "bucket" => &mut settings.bucket,
                "protected" => {
                    let wrong = || (value, "`protected` must be true or false".to_owned(), all());
                    settings.protected = value.get_ref().as_bool().ok_or_else(wrong)?;
                    continue;
                }
                unknown => {
                    let hint = nearest(unknown, KEYS)
                        .map_or_else(all, |near| format!("did you mean `{near}`?"));
                    return Err((value, format!("unknown key `{unknown}`"), hint));
                }
            };
            let wrong = || (value, format!("`{key}` must be a string"), all());
            *text = Some(value.get_ref().as_str().ok_or_else(wrong)?.to_owned());
        }
        Ok(settings)
    }
}

/// The stages of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// Stages that can be used.
    pub(crate) known: BTreeMap<String, StageSettings>,
    /// Their names, in the order of the manifest.
    pub(crate) order: Vec<String>,
    /// Stages that have an error, each with it: they do not affect other stages, and cannot be used
    /// themselves.
    pub(crate) left_out: BTreeMap<String, Failure>,
}

/// The stages in the manifest of the workspace at `root`.
pub(crate) fn read(root: &Path) -> Result<Stages, Failure> {
    let path = root.join("Cargo.toml");
    let text = text::read(&path).map_err(|why| {
        Failure::usage(
            format!("could not read {}", path.display()),
            why,
            "name the workspace with --workspace",
        )
    })?;
    parse(&path, &text).map_err(|error| {
        let what = format!("could not read the stages in {}", path.display());
        Failure::usage(what, error.to_string().trim_end(), "correct the manifest")
    })
}

pub(crate) fn parse(path: &Path, text: &str) -> Result<Stages, toml::de::Error> {
    let document = DeTable::parse(text)?;
    let mut stages = Stages::default();
    let mut table = document.get_ref();
    for key in ["workspace", "metadata", "lambda", "stages"] {
        // A value that is not a table is reported with the settings of functions.
        let Some(inner) = table.get(key).and_then(|value| value.get_ref().as_table()) else {
            return Ok(stages);
        };
        table = inner;
    }
    let mut tables: Vec<_> = table.iter().collect();
    tables.sort_by_key(|(name, _)| name.span().start);
    for (name, stage) in tables {
        let name = name.get_ref().to_string();
        match StageSettings::read(stage) {
            Ok(settings) => {
                stages.order.push(name.clone());
                stages.known.insert(name, settings);
            }
            Err((value, why, hint)) => {
                let line =
                    text.bytes().take(value.span().start).filter(|byte| *byte == b'\n').count() + 1;
                let why = format!("{}:{line}: {why}", path.display());
                let failure = Failure::usage(format!("ignored the stage {name}"), why, hint);
                stages.left_out.insert(name, failure);
            }
        }
    }
    Ok(stages)
}

/// The stages in the manifest of the workspace at `root` that have an unknown key or a value of a
/// wrong type, each with its place.
pub(super) fn left_out(root: &Path) -> Vec<Failure> {
    read(root).map(|stages| stages.left_out.into_values().collect()).unwrap_or_default()
}
