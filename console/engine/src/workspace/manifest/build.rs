//! The keys of a `build` table: a function's architecture and features.

use lambda_console_model::{Architecture, FunctionConfig};
use toml::de::{DeTable, DeValue};

use super::{Reader, Value};

impl Reader<'_> {
    pub(super) fn build(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        self.architecture(table, &mut config.architecture);
        self.features(table, &mut config.features.names);
        for key in ["all_features", "all-features"] {
            self.flag(table, key, &mut config.features.all);
        }
        for key in ["no_default_features", "no-default-features"] {
            self.flag(table, key, &mut config.features.no_default);
        }
        // As in a dependency.
        for key in ["default_features", "default-features"] {
            let mut default = !config.features.no_default;
            self.flag(table, key, &mut default);
            config.features.no_default = !default;
        }
        self.flag(table, "extension", &mut config.extension);
    }

    /// `arm64 = true`, `x86_64 = true`, or a `target` of either.
    fn architecture(&mut self, table: &DeTable<'_>, to: &mut Option<Architecture>) {
        if let Some(value) = table.get("target") {
            let first = value
                .get_ref()
                .as_array()
                .and_then(|targets| targets.first())
                .map_or(value, |first| first);
            match first.get_ref().as_str().map(|target| target.split('-').next().unwrap_or(target))
            {
                Some("aarch64" | "arm64") => *to = Some(Architecture::Arm64),
                Some("x86_64") => *to = Some(Architecture::X86_64),
                _ => self.warn(
                    "target",
                    value,
                    "a target for ARM64 or x86_64, such as `aarch64-unknown-linux-musl`",
                ),
            }
        }
        let (mut arm64, mut x86) = (false, false);
        self.flag(table, "arm64", &mut arm64);
        for key in ["x86_64", "x86-64"] {
            self.flag(table, key, &mut x86);
        }
        match (arm64, x86) {
            (true, true) => {
                if let Some(value) = table.get("arm64") {
                    self.warn("arm64", value, "the only architecture; `x86_64` is true as well");
                }
            }
            (true, false) => *to = Some(Architecture::Arm64),
            (false, true) => *to = Some(Architecture::X86_64),
            (false, false) => {}
        }
    }

    /// A list of names, or one text of them as on cargo's command line.
    fn features(&mut self, table: &DeTable<'_>, to: &mut Vec<String>) {
        let Some(value) = table.get("features") else { return };
        let of_text = |text: &str| {
            text.split([',', ' '])
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let name = |item: &Value<'_>| item.get_ref().as_str().map(of_text);
        let names = match value.get_ref() {
            DeValue::String(text) => Some(of_text(text)),
            DeValue::Array(items) => {
                items.iter().map(name).collect::<Option<Vec<_>>>().map(|names| names.concat())
            }
            _ => None,
        };
        match names {
            Some(names) => *to = names,
            None => self.warn("features", value, "a list of features"),
        }
    }
}
