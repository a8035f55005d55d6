//! The current state: files, each read once, and the environment.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::SystemTime,
};

use toml::Table;

use super::{files::changed_at, settings::hashed, units::DESCRIBING};

/// The state that fingerprints are compared with.
#[derive(Debug)]
pub(crate) struct Now {
    times: RefCell<HashMap<PathBuf, Option<SystemTime>>>,
    tables: RefCell<HashMap<PathBuf, Rc<Table>>>,
    environment: BTreeMap<OsString, OsString>,
}

impl Default for Now {
    fn default() -> Self {
        Self::within(std::env::vars_os().collect())
    }
}

impl Now {
    /// The current files, with these variables.
    pub(super) fn within(environment: BTreeMap<OsString, OsString>) -> Self {
        Self { times: RefCell::default(), tables: RefCell::default(), environment }
    }

    /// Returns `true` if the file has changed after `until`, or is gone; for a directory, if
    /// anything in it has changed.
    pub(crate) fn is_newer(&self, path: &Path, until: SystemTime) -> bool {
        let known = self.times.borrow().get(path).copied();
        let time = known.unwrap_or_else(|| {
            let time = changed_at(path);
            self.times.borrow_mut().insert(path.to_path_buf(), time);
            time
        });
        time.is_none_or(|time| time > until)
    }

    /// The TOML file; empty if it is not one.
    pub(super) fn table(&self, path: &Path) -> Rc<Table> {
        if let Some(table) = self.tables.borrow().get(path) {
            return Rc::clone(table);
        }
        let table: Option<Table> = fs::read_to_string(path).ok().and_then(|text| text.parse().ok());
        let table = Rc::new(table.unwrap_or_default());
        self.tables.borrow_mut().insert(path.to_path_buf(), Rc::clone(&table));
        table
    }

    /// The environment.
    pub(super) fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    /// A digest of the variable's value, which may be a secret; empty if it is not set, or cargo
    /// sets it.
    pub(super) fn variable(&self, name: &str) -> String {
        if name.starts_with(DESCRIBING) {
            return String::new();
        }
        let value = self.environment.get(std::ffi::OsStr::new(name));
        value.map_or_else(String::new, |value| hashed(value.as_encoded_bytes()))
    }
}
