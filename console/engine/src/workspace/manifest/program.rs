//! The keys `exec` and `prebuilt`: a function that runs a program of any language.

use std::path::{Path, PathBuf};

use lambda_console_model::{Exec, Program, Source};
use toml::de::{DeTable, DeValue};

use super::{Layer, Reader, Value, keys};

/// Programs that one manifest declares.
#[derive(Debug, Default)]
pub(in crate::workspace) struct Programs {
    /// `true` if its `lambda` table has one, which is then the package's only function of its own.
    pub(in crate::workspace) is_own: bool,
    /// The names of `bin` tables that have one.
    pub(in crate::workspace) names: Vec<String>,
}

impl Layer {
    /// Returns the names of the functions that are declared by their program.
    pub(in crate::workspace) fn programs(&self) -> Programs {
        let names = || {
            let document = DeTable::parse(&self.text).ok()?;
            let mut lambda = document.get_ref();
            for key in [self.section, "metadata", "lambda"] {
                lambda = lambda.get(key)?.get_ref().as_table()?;
            }
            let bins = lambda.get("bin").and_then(|bin| bin.get_ref().as_table());
            let has = |bin: &Value<'_>| bin.get_ref().as_table().is_some_and(has_program);
            let names = bins.into_iter().flatten().filter(|(_, bin)| has(bin));
            let names = names.map(|(name, _)| name.get_ref().to_string());
            let is_own = self.section == "package" && has_program(lambda);
            Some(Programs { is_own, names: names.collect() })
        };
        names().unwrap_or_default()
    }
}

fn has_program(table: &DeTable<'_>) -> bool {
    ["exec", "prebuilt"].iter().any(|key| table.contains_key(*key))
}

impl Reader<'_> {
    /// `prebuilt` or `exec`.
    pub(super) fn program(&mut self, table: &DeTable<'_>, to: &mut Option<Program>) {
        match (table.get("prebuilt"), table.get("exec")) {
            (Some(_), Some(exec)) => {
                self.warn("exec", exec, "the only program; `prebuilt` is set as well");
            }
            (Some(value), None) => self.prebuilt(value, to),
            (None, Some(value)) => self.exec(value, to),
            (None, None) => {}
        }
    }

    fn prebuilt(&mut self, value: &Value<'_>, to: &mut Option<Program>) {
        match value.get_ref().as_str().filter(|path| !path.is_empty()) {
            Some(path) => {
                let file = self.beside(path);
                *to = Some(Program::Prebuilt { file, place: self.place(value) });
            }
            None => self.warn("prebuilt", value, "the path of a bootstrap"),
        }
    }

    /// A command line, or a table with it.
    fn exec(&mut self, value: &Value<'_>, to: &mut Option<Program>) {
        let mut resident = false;
        let command = match value.get_ref() {
            DeValue::Table(table) => {
                self.path.push("exec".to_owned());
                self.check_keys(table, &keys::EXEC);
                self.flag(table, "resident", &mut resident);
                self.path.pop();
                table.get("command").unwrap_or(value)
            }
            _ => value,
        };
        let words = command.get_ref().as_str().and_then(|line| shell_words::split(line).ok());
        let Some(words) = words.filter(|words| words.first().is_some_and(|word| !word.is_empty()))
        else {
            return self.warn("exec", command, "a command line such as `bin/tool --json`");
        };
        let first = &words[0];
        let source = if Path::new(first).is_absolute() {
            Source::Elsewhere
        } else {
            Source::File(self.beside(first))
        };
        *to = Some(Program::Exec(Exec {
            command: words,
            resident,
            source,
            place: self.place(command),
        }));
    }

    fn beside(&self, path: &str) -> PathBuf {
        self.layer.manifest.parent().unwrap_or(Path::new("")).join(path)
    }
}
