//! The key `include`: files that go into the zip beside the bootstrap. cargo-lambda has it in
//! `build`, for packaging, and in `deploy`, for uploading; here all are the same zip.

use std::path::Path;

use lambda_console_model::Include;
use toml::de::DeTable;

use super::{Reader, Value};

/// Values of the three tables, each of the last layer that sets it.
#[derive(Default)]
pub(super) struct Includes {
    own: Vec<Include>,
    build: Vec<Include>,
    deploy: Vec<Include>,
}

impl Includes {
    /// Returns the files of the zip. Files that several tables name are included once.
    pub(super) fn together(self) -> Vec<Include> {
        let Self { own, build, deploy } = self;
        let is_same =
            |one: &Include, two: &Include| (&one.name, &one.source) == (&two.name, &two.source);
        let mut include = own;
        for two in build.into_iter().chain(deploy) {
            if !include.iter().any(|one| is_same(one, &two)) {
                include.push(two);
            }
        }
        include
    }
}

impl Reader<'_> {
    /// `include` of the table itself, of `build` and of `deploy`.
    pub(super) fn includes(&mut self, table: &DeTable<'_>, to: &mut Includes) {
        self.include(table, &mut to.own);
        for (key, to) in [("build", &mut to.build), ("deploy", &mut to.deploy)] {
            if let Some(table) = self.enter(table, &[key]) {
                self.include(table, to);
                self.path.pop();
            }
        }
    }

    fn include(&mut self, table: &DeTable<'_>, to: &mut Vec<Include>) {
        let Some(value) = table.get("include") else { return };
        let items = value.get_ref().as_array();
        match items
            .and_then(|items| items.iter().map(|item| self.item(item)).collect::<Option<_>>())
        {
            Some(include) => *to = include,
            None => self.warn("include", value, "a list of paths, or of `NAME_IN_THE_ZIP:PATH`"),
        }
    }

    /// A path, or `NAME:PATH` for one that has another name in the zip. The build resolves the
    /// path: it may not exist before.
    fn item(&self, item: &Value<'_>) -> Option<Include> {
        let text = item.get_ref().as_str()?;
        let (name, path) = text.split_once(':').unwrap_or((text, text));
        let directory = self.layer.manifest.parent().unwrap_or(Path::new(""));
        (!name.is_empty() && !path.is_empty()).then(|| Include {
            name: name.to_owned(),
            source: directory.join(path),
            place: self.place(item),
        })
    }
}
