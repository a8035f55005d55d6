//! Reads `[package.metadata.lambda]` and `[workspace.metadata.lambda]`, with the keys and the
//! meaning of cargo-lambda's.
//!
//! Layers, of which later ones win: the workspace's, the workspace's for the binary (`bin.<name>`),
//! the package's, the package's for the binary. A value of the wrong type, or an unknown key, is a
//! warning with its place and does not affect the rest; so are the keys of cargo-lambda that the
//! console does not use.
//!
//! Reads the manifests; changes nothing.

mod build;
mod deploy;
mod include;
mod keys;
mod program;
mod role;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use lambda_console_model::{Failure, FunctionConfig};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use self::include::Includes;
use crate::workspace::{dotenv, text};

pub(super) use self::program::Programs;

/// One manifest and the place of its `lambda` table.
#[derive(Debug)]
pub(super) struct Layer {
    manifest: PathBuf,
    text: String,
    section: &'static str,
}

impl Layer {
    pub(super) fn of_workspace(manifest: &Path) -> Self {
        Self::read(manifest, "workspace")
    }

    pub(super) fn of_package(manifest: &Path) -> Self {
        Self::read(manifest, "package")
    }

    /// Cargo has just read the same file; if it no longer exists, it counts as empty.
    fn read(manifest: &Path, section: &'static str) -> Self {
        let text = text::read(manifest).unwrap_or_default();
        Self { manifest: manifest.to_path_buf(), text, section }
    }
}

/// The settings of `binary`, merged from `layers`. Values that cannot be used are added to
/// `warnings`.
pub(super) fn merged(
    binary: &str,
    layers: &[&Layer],
    warnings: &mut Vec<Failure>,
) -> FunctionConfig {
    let (mut config, mut includes) = (FunctionConfig::default(), Includes::default());
    for layer in layers {
        let Ok(document) = DeTable::parse(&layer.text) else { continue };
        let mut reader = Reader { layer, warnings, path: Vec::new() };
        let Some(lambda) = reader.enter(document.get_ref(), &[layer.section, "metadata", "lambda"])
        else {
            continue;
        };
        reader.check_keys(
            lambda,
            if layer.section == "workspace" { &keys::WORKSPACE } else { &keys::LAMBDA },
        );
        if layer.section == "package" {
            reader.program(lambda, &mut config.program);
        }
        reader.tables(lambda, binary, &mut config, &mut includes);
        if let Some(own) = reader.enter(lambda, &["bin", binary]) {
            reader.check_keys(own, &keys::LAMBDA);
            reader.program(own, &mut config.program);
            reader.tables(own, binary, &mut config, &mut includes);
        }
    }
    config.include = includes.together();
    config
}

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the tables of one layer, and tracks the path of the current key.
struct Reader<'a> {
    layer: &'a Layer,
    warnings: &'a mut Vec<Failure>,
    path: Vec<String>,
}

impl Reader<'_> {
    /// Descends into `keys`, which stay on the path; `None` if one does not exist.
    fn enter<'v, 't>(
        &mut self,
        mut table: &'v DeTable<'t>,
        keys: &[&str],
    ) -> Option<&'v DeTable<'t>> {
        for key in keys {
            let value = table.get(*key)?;
            let Some(inner) = value.get_ref().as_table() else {
                self.warn(key, value, "a table");
                return None;
            };
            self.path.push((*key).to_owned());
            table = inner;
        }
        Some(table)
    }

    /// Reads `env`, `build` and `deploy`.
    fn tables(
        &mut self,
        table: &DeTable<'_>,
        binary: &str,
        config: &mut FunctionConfig,
        includes: &mut Includes,
    ) {
        self.env(table, "env", config);
        self.includes(table, includes);
        self.handler(table, config);
        if let Some(build) = self.enter(table, &["build"]) {
            self.check_keys(build, &keys::BUILD);
            self.build(build, config);
            self.path.pop();
        }
        if let Some(deploy) = self.enter(table, &["deploy"]) {
            self.check_keys(deploy, &keys::DEPLOY);
            self.deploy(deploy, binary, config);
            self.path.pop();
        }
    }

    /// `handler`, as Lambda accepts it. Source: AWS Lambda API reference, `CreateFunction`.
    fn handler(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let Some(value) = table.get("handler") else { return };
        let is_valid = |handler: &&str| {
            (1..=128).contains(&handler.len()) && !handler.contains(char::is_whitespace)
        };
        match value.get_ref().as_str().filter(is_valid) {
            Some(handler) => config.handler = Some(handler.to_owned()),
            None => self.warn("handler", value, "1 to 128 characters without white space"),
        }
    }

    fn number(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        range: std::ops::RangeInclusive<u32>,
        to: &mut Option<u32>,
    ) {
        let Some(value) = table.get(key) else { return };
        let number = value.get_ref().as_integer().and_then(|number| {
            u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok()
        });
        match number.filter(|number| range.contains(number)) {
            Some(number) => *to = Some(number),
            None => self.warn(
                key,
                value,
                &format!("a whole number from {} to {}", range.start(), range.end()),
            ),
        }
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str, to: &mut Option<String>) {
        let Some(value) = table.get(key) else { return };
        match value.get_ref().as_str() {
            Some(text) => *to = Some(text.to_owned()),
            None => self.warn(key, value, "a string"),
        }
    }

    fn list(&mut self, table: &DeTable<'_>, key: &str, to: &mut Option<Vec<String>>) {
        let Some(value) = table.get(key) else { return };
        let texts = value.get_ref().as_array().and_then(|array| {
            array
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
        });
        match texts {
            Some(texts) => *to = Some(texts),
            None => self.warn(key, value, "a list of strings"),
        }
    }

    /// Reads a table of strings, or a list of `KEY=VALUE`, and adds it to the existing values.
    fn pairs(&mut self, table: &DeTable<'_>, key: &str, to: &mut BTreeMap<String, String>) {
        let Some(value) = table.get(key) else { return };
        let pair = |text: &str| {
            text.split_once('=')
                .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        };
        match value.get_ref() {
            DeValue::Table(pairs) => {
                for (name, value) in pairs {
                    match value.get_ref().as_str() {
                        Some(text) => drop(to.insert(name.get_ref().to_string(), text.to_owned())),
                        None => self.warn(&format!("{key}.{}", name.get_ref()), value, "a string"),
                    }
                }
            }
            DeValue::Array(pairs) => {
                for item in pairs {
                    match item.get_ref().as_str().and_then(pair) {
                        Some((name, text)) => drop(to.insert(name, text)),
                        None => self.warn(key, item, "a list of `KEY=VALUE`"),
                    }
                }
            }
            _ => self.warn(key, value, "a table of strings, or a list of `KEY=VALUE`"),
        }
    }

    /// Variables of the manifest itself, which replace those of a file.
    fn env(&mut self, table: &DeTable<'_>, key: &str, config: &mut FunctionConfig) {
        let mut pairs = BTreeMap::new();
        self.pairs(table, key, &mut pairs);
        config.env_of_files.retain(|name| !pairs.contains_key(name));
        config.env.extend(pairs);
    }

    /// A file of `KEY=VALUE` lines beside the manifest.
    fn env_file(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let Some(value) = table.get("env_file") else { return };
        let Some(name) = value.get_ref().as_str() else {
            return self.warn("env_file", value, "a string");
        };
        let path = self.layer.manifest.parent().unwrap_or(Path::new("")).join(name);
        let text = match text::read(&path) {
            Ok(text) => text,
            Err(why) => {
                return self.warn(
                    "env_file",
                    value,
                    &format!("a file that can be read; {} cannot: {why}", path.display()),
                );
            }
        };
        let variables = dotenv::parse(&text);
        config.env_of_files.extend(variables.pairs.iter().map(|(name, _)| name.clone()));
        config.env.extend(variables.pairs);
        for (line, why) in variables.problems {
            let what = format!("ignored a line of the `{}.env_file`", self.path.join("."));
            self.add(Failure::usage(
                what,
                format!("{}:{line}: {why}", path.display()),
                "correct that line",
            ));
        }
    }

    fn add(&mut self, warning: Failure) {
        // The binaries of one package share its tables.
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Adds a warning without the value itself, which may be a secret.
    fn warn(&mut self, key: &str, value: &Value<'_>, expected: &str) {
        let warning = Failure::usage(
            format!("ignored the setting `{}.{key}`", self.path.join(".")),
            format!("{}: it must be {expected}", self.place(value)),
            "correct it in the manifest",
        );
        self.add(warning);
    }

    /// `/w/Cargo.toml:4`
    fn place(&self, value: &Value<'_>) -> String {
        let before = self.layer.text.bytes().take(value.span().start);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.layer.manifest.display())
    }
}
