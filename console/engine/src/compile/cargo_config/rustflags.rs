//! The flags that cargo passes to the compiler for a target, each with its source.
//!
//! Cargo takes them from the first of these that has any: the variable `CARGO_ENCODED_RUSTFLAGS`,
//! `RUSTFLAGS`, the `rustflags` of the target together with those of each `cfg(…)` that matches it,
//! and `build.rustflags`. Source: The Cargo Book, "Configuration", `build.rustflags`.

use std::str::FromStr;

use cargo_metadata::cargo_platform::{Cfg, CfgExpr};
use lambda_console_model::Failure;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Configuration, variable_of};
use crate::compile::toolchain::Rust;

/// One flag: `-Ctarget-cpu=native`, or two words that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) words: Vec<String>,
    pub(crate) origin: Origin,
}

/// Source of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A variable of the environment.
    Variable(String),
    /// A key of cargo's configuration files.
    Key(Vec<String>),
}

impl Flag {
    /// Name and value of a codegen option: `target-cpu` and `native`.
    pub(crate) fn codegen(&self) -> Option<(String, &str)> {
        let option = match self.words.as_slice() {
            [name, option] if name == "-C" || name == "--codegen" => option,
            [option] => option.strip_prefix("--codegen=").or_else(|| option.strip_prefix("-C"))?,
            _ => return None,
        };
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        Some((name.replace('_', "-"), value))
    }

    /// Returns `true` for `--sysroot`, which may be given once only.
    pub(crate) fn is_sysroot(&self) -> bool {
        self.words[0] == "--sysroot" || self.words[0].starts_with("--sysroot=")
    }
}

impl std::fmt::Display for Flag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

/// The flags in one text, as `CARGO_ENCODED_RUSTFLAGS` has them.
pub(crate) fn join<'a>(flags: impl Iterator<Item = &'a str>) -> String {
    flags.collect::<Vec<_>>().join("\u{1f}")
}

impl Configuration {
    /// Returns the user's flags for `target`.
    ///
    /// # Errors
    /// Interrupted: cancelled. Environment: the compiler does not report the `cfg`s of the target.
    pub(crate) async fn rustflags(
        &self,
        rust: &Rust,
        target: &str,
        cancel: &CancellationToken,
    ) -> Result<Vec<Flag>, Failure> {
        let has_cfg = self.cfg_tables().next().is_some();
        let cfgs = if has_cfg { rust.print("cfg", target, cancel).await? } else { String::new() };
        Ok(self.flags(
            target,
            &cfgs.lines().filter_map(|line| Cfg::from_str(line).ok()).collect::<Vec<_>>(),
        ))
    }

    /// The `rustflags` of each `[target.'cfg(…)']`, in cargo's order.
    fn cfg_tables(&self) -> impl Iterator<Item = (&String, &Value)> {
        let tables = self.get(&["target"]).and_then(Value::as_object);
        let mut tables: Vec<_> = tables
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.starts_with("cfg("))
            .filter_map(|(key, table)| Some((key, table.get("rustflags")?)))
            .collect();
        tables.sort_by_key(|(key, _)| *key);
        tables.into_iter()
    }

    pub(super) fn flags(&self, target: &str, cfgs: &[Cfg]) -> Vec<Flag> {
        if let Some(encoded) = self.variable("CARGO_ENCODED_RUSTFLAGS") {
            let words = encoded.split('\u{1f}').filter(|_| !encoded.is_empty()).map(str::to_owned);
            return grouped(words.collect(), &Origin::Variable("CARGO_ENCODED_RUSTFLAGS".into()));
        }
        if let Some(text) = self.variable("RUSTFLAGS") {
            return grouped(split(&text), &Origin::Variable("RUSTFLAGS".into()));
        }
        let mut flags =
            self.listed(&["target", target, "rustflags"], &variable_of(target, "RUSTFLAGS"));
        for (name, value) in self.cfg_tables() {
            if CfgExpr::matches_key(name, cfgs) {
                let origin = Origin::Key(vec!["target".into(), name.clone(), "rustflags".into()]);
                flags.extend(grouped(words(value), &origin));
            }
        }
        if flags.is_empty() {
            self.listed(&["build", "rustflags"], "CARGO_BUILD_RUSTFLAGS")
        } else {
            flags
        }
    }

    /// A list of the files, and that of the variable after it.
    fn listed(&self, keys: &[&str], variable: &str) -> Vec<Flag> {
        let origin = Origin::Key(keys.iter().map(|key| (*key).to_owned()).collect());
        let mut flags =
            self.get(keys).map(|value| grouped(words(value), &origin)).unwrap_or_default();
        if let Some(text) = self.variable(variable) {
            flags.extend(grouped(split(&text), &Origin::Variable(variable.to_owned())));
        }
        flags
    }
}

/// A list of strings, or one string of words.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => split(text),
        Value::Array(items) => {
            items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Options whose value may be a word of its own.
const WITH_VALUE: [&str; 17] = [
    "-C",
    "--codegen",
    "-Z",
    "-L",
    "-l",
    "-A",
    "-W",
    "-D",
    "-F",
    "--cfg",
    "--check-cfg",
    "--sysroot",
    "--extern",
    "--cap-lints",
    "--remap-path-prefix",
    "--emit",
    "--edition",
];

fn grouped(words: Vec<String>, origin: &Origin) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let value = if WITH_VALUE.contains(&word.as_str()) { words.next() } else { None };
        flags.push(Flag {
            words: std::iter::once(word).chain(value).collect(),
            origin: origin.clone(),
        });
    }
    flags
}
