//! `[package.metadata.lambda]` and `[workspace.metadata.lambda]`, with the keys and the meaning that
//! cargo-lambda gave them.
//!
//! Layers, the later wins: the workspace's, the workspace's for the binary (`bin.<name>`), the package's, the
//! package's for the binary. A value of the wrong type is a warning with its place and leaves the rest as it is; a key
//! that is not known is left alone, for cargo-lambda has more of them than the console uses.
//!
//! Reads the manifests; changes nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::message::{Failure, FunctionConfig};

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

    /// Cargo has read the same file a moment ago; should it be gone by now, it says nothing.
    fn read(manifest: &Path, section: &'static str) -> Self {
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        Self { manifest: manifest.to_path_buf(), text, section }
    }
}

/// The settings of `binary`, merged of `layers`. What cannot be used of them is added to `warnings`.
pub(super) fn merged(binary: &str, layers: &[&Layer], warnings: &mut Vec<Failure>) -> FunctionConfig {
    let mut config = FunctionConfig::default();
    for layer in layers {
        let Ok(document) = DeTable::parse(&layer.text) else { continue };
        let mut reader = Reader { layer, warnings, path: Vec::new() };
        let Some(lambda) = reader.enter(document.get_ref(), &[layer.section, "metadata", "lambda"]) else { continue };
        reader.tables(lambda, &mut config);
        if let Some(own) = reader.enter(lambda, &["bin", binary]) {
            reader.tables(own, &mut config);
        }
    }
    config
}

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the tables of one layer, and knows where it is.
struct Reader<'a> {
    layer: &'a Layer,
    warnings: &'a mut Vec<Failure>,
    path: Vec<String>,
}

impl Reader<'_> {
    /// Goes down `keys`, which stay on the path; none if one is not there.
    fn enter<'v, 't>(&mut self, mut table: &'v DeTable<'t>, keys: &[&str]) -> Option<&'v DeTable<'t>> {
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

    /// `env` and `deploy`.
    fn tables(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        self.pairs(table, "env", &mut config.env);
        if let Some(deploy) = self.enter(table, &["deploy"]) {
            self.deploy(deploy, config);
            self.path.pop();
        }
    }

    fn deploy(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        self.number(table, "memory", 128..=10_240, &mut config.memory);
        self.number(table, "timeout", 1..=900, &mut config.timeout);
        self.text(table, "role", &mut config.role);
        self.text(table, "iam_role", &mut config.role);
        self.text(table, "description", &mut config.description);
        self.tracing(table, config);
        for key in ["layer", "layers"] {
            self.list(table, key, &mut config.layers);
        }
        for key in ["tag", "tags"] {
            self.pairs(table, key, &mut config.tags);
        }
        self.env_file(table, &mut config.env);
        for key in ["env", "env_var", "env_vars"] {
            self.pairs(table, key, &mut config.env);
        }
    }

    fn number(&mut self, table: &DeTable<'_>, key: &str, range: std::ops::RangeInclusive<u32>, to: &mut Option<u32>) {
        let Some(value) = table.get(key) else { return };
        let number = value
            .get_ref()
            .as_integer()
            .and_then(|number| u32::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => *to = Some(number),
            None => self.warn(key, value, &format!("a whole number from {} to {}", range.start(), range.end())),
        }
    }

    fn text(&mut self, table: &DeTable<'_>, key: &str, to: &mut Option<String>) {
        let Some(value) = table.get(key) else { return };
        match value.get_ref().as_str() {
            Some(text) => *to = Some(text.to_owned()),
            None => self.warn(key, value, "a string"),
        }
    }

    fn tracing(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let Some(value) = table.get("tracing") else { return };
        match value.get_ref().as_str().map(|mode| mode.to_lowercase().replace(['-', '_'], "")).as_deref() {
            Some("active") => config.tracing = Some("active".to_owned()),
            Some("passthrough") => config.tracing = Some("pass-through".to_owned()),
            _ => self.warn("tracing", value, "`active` or `passthrough`"),
        }
    }

    fn list(&mut self, table: &DeTable<'_>, key: &str, to: &mut Vec<String>) {
        let Some(value) = table.get(key) else { return };
        let texts = value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        match texts {
            Some(texts) => *to = texts,
            None => self.warn(key, value, "a list of strings"),
        }
    }

    /// A table of strings, or a list of `KEY=VALUE`. Added to what is there.
    fn pairs(&mut self, table: &DeTable<'_>, key: &str, to: &mut BTreeMap<String, String>) {
        let Some(value) = table.get(key) else { return };
        let pair =
            |text: &str| text.split_once('=').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
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

    /// A file of `KEY=VALUE` lines beside the manifest.
    fn env_file(&mut self, table: &DeTable<'_>, to: &mut BTreeMap<String, String>) {
        let Some(value) = table.get("env_file") else { return };
        let Some(name) = value.get_ref().as_str() else { return self.warn("env_file", value, "a string") };
        let path = self.layer.manifest.parent().unwrap_or(Path::new("")).join(name);
        let Ok(text) = std::fs::read_to_string(&path) else {
            return self.warn("env_file", value, &format!("a file that can be read; {} cannot", path.display()));
        };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let line = line.strip_prefix("export ").unwrap_or(line);
            if let Some((key, value)) = line.split_once('=') {
                let value = value.trim();
                let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
                to.insert(key.trim().to_owned(), quoted.unwrap_or(value).to_owned());
            }
        }
    }

    /// Never shows the value itself: it may be a secret.
    fn warn(&mut self, key: &str, value: &Value<'_>, expected: &str) {
        let before = self.layer.text.bytes().take(value.span().start);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        let path = self.path.join(".");
        let warning = Failure::usage(
            format!("left out the setting `{path}.{key}`"),
            format!("{}:{line}: it must be {expected}", self.layer.manifest.display()),
            "correct it in the manifest",
        );
        // The binaries of one package share its tables.
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(section: &'static str, text: &str) -> Layer {
        Layer { manifest: PathBuf::from("/w/Cargo.toml"), text: text.to_owned(), section }
    }

    #[test]
    fn the_keys_of_cargo_lambda_have_their_meaning() {
        let package = layer(
            "package",
            r#"
            [package.metadata.lambda.env]
            TABLE = "orders"
            [package.metadata.lambda.deploy]
            memory = 512
            timeout = 60
            iam_role = "arn:aws:iam::123456789012:role/orders"
            description = "takes orders"
            tracing = "PassThrough"
            layers = ["arn:one", "arn:two"]
            tags = { team = "shop" }
            env_var = ["MODE=fast"]
            enable_function_url = true
            "#,
        );
        let mut warnings = Vec::new();
        let config = merged("orders", &[&package], &mut warnings);
        assert_eq!(warnings, []);
        assert_eq!((config.memory, config.timeout), (Some(512), Some(60)));
        assert_eq!(config.role.as_deref(), Some("arn:aws:iam::123456789012:role/orders"));
        assert_eq!(config.description.as_deref(), Some("takes orders"));
        assert_eq!(config.tracing.as_deref(), Some("pass-through"));
        assert_eq!(config.layers, ["arn:one", "arn:two"]);
        assert_eq!(config.tags, BTreeMap::from([("team".to_owned(), "shop".to_owned())]));
        assert_eq!(config.env.len(), 2);
        assert_eq!((config.env["TABLE"].as_str(), config.env["MODE"].as_str()), ("orders", "fast"));
    }

    #[test]
    fn the_binary_wins_over_the_package_and_the_package_over_the_workspace() {
        let workspace = layer(
            "workspace",
            "[workspace.metadata.lambda.deploy]\nmemory = 128\ntimeout = 5\n[workspace.metadata.lambda.env]\nA = \"w\"\nB = \"w\"",
        );
        let package = layer(
            "package",
            "[package.metadata.lambda.env]\nB = \"p\"\n[package.metadata.lambda.deploy]\nmemory = 256\n\
             [package.metadata.lambda.bin.two.deploy]\nmemory = 1024",
        );
        let mut warnings = Vec::new();
        let one = merged("one", &[&workspace, &package], &mut warnings);
        let two = merged("two", &[&workspace, &package], &mut warnings);
        assert_eq!((one.memory, two.memory, two.timeout), (Some(256), Some(1024), Some(5)));
        assert_eq!((one.env["A"].as_str(), one.env["B"].as_str()), ("w", "p"));
        assert_eq!(warnings, []);
    }

    #[test]
    fn a_wrong_type_is_a_warning_with_its_line_and_key_and_without_its_value() {
        let package = layer(
            "package",
            "[package]\nname = \"x\"\n[package.metadata.lambda.deploy]\nmemory = \"lots\"\ntimeout = 7\n\
             [package.metadata.lambda.bin.x.env]\nSECRET = 1234",
        );
        let mut warnings = Vec::new();
        let config = merged("x", &[&package], &mut warnings);
        assert_eq!((config.memory, config.timeout), (None, Some(7)));
        assert_eq!(warnings.len(), 2);
        assert_eq!(warnings[0].what, "left out the setting `package.metadata.lambda.deploy.memory`");
        assert_eq!(warnings[0].why, "/w/Cargo.toml:4: it must be a whole number from 128 to 10240");
        assert_eq!(warnings[1].what, "left out the setting `package.metadata.lambda.bin.x.env.SECRET`");
        assert!(!format!("{warnings:?}").contains("1234"));
        merged("x", &[&package], &mut warnings);
        assert_eq!(warnings.len(), 2, "said once");
    }

    #[test]
    fn an_env_file_is_read_from_beside_the_manifest() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(".env"), "# no\nexport A = 'one two'\n\nB=x=y\n").unwrap();
        let mut package = layer("package", "[package.metadata.lambda.deploy]\nenv_file = \".env\"");
        package.manifest = directory.path().join("Cargo.toml");
        let config = merged("x", &[&package], &mut Vec::new());
        assert_eq!((config.env["A"].as_str(), config.env["B"].as_str()), ("one two", "x=y"));
    }
}
