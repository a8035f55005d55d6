//! The inputs of a bootstrap and its package: stored beside it, and compared with the current state
//! by cargo's own rules.
//!
//! Cargo decides by time: a source that is newer than the compilation that read it is compiled
//! again. Its dep-info lists these files, build scripts declare their inputs, and the settings are
//! those parts of manifests, lock file and configuration that reach the compiler.
//!
//! May touch files, to read, and writes one below `target/lambda`; asks git which files it ignores.

mod attempt;
mod files;
mod now;
mod settings;
#[cfg(test)]
mod tests;
mod units;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use files::Listing;
use lambda_console_model::Function;
use serde::{Deserialize, Serialize};

pub(crate) use attempt::Attempt;
pub(crate) use now::Now;
pub(crate) use settings::{linked as linked_manifests, package_name, sources as settings_files};
pub(crate) use units::{Units, prerequisites};

/// Name of the file beside the bootstrap.
const FILE: &str = "fingerprint.json";

/// Inputs of one bootstrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// The manifest of the package that it was built for.
    manifest: PathBuf,
    binary: String,
    /// The bootstrap that this belongs to: another program may have put its own in the same place.
    bootstrap: Stamp,
    release: bool,
    /// The files and directories that were read, each with the time until which it was.
    inputs: BTreeMap<PathBuf, SystemTime>,
    /// Packages whose build script reads all files.
    listings: Vec<Listing>,
    /// Variables of the environment that were read, with a digest of their values.
    variables: BTreeMap<String, String>,
    /// The manifests of the local packages that it was built from.
    manifests: BTreeSet<PathBuf>,
    /// A digest of all settings that reach the compiler. Empty if they changed while it was built.
    settings: String,
}

/// One state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: SystemTime,
}

impl Stamp {
    /// The state of the file at `path`.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        Ok(Self { bytes: metadata.len(), modified: metadata.modified()? })
    }
}

impl Fingerprint {
    /// Path of the fingerprint of the bootstrap in `directory`.
    pub(crate) fn path(directory: &Path) -> PathBuf {
        directory.join(FILE)
    }

    /// Reads the one beside the bootstrap in `directory`. `None` if there is none, or it does not
    /// belong to this bootstrap.
    pub(crate) fn read(directory: &Path) -> Option<Self> {
        let text = fs::read(directory.join(FILE)).ok()?;
        let fingerprint: Self = serde_json::from_slice(&text).ok()?;
        (Stamp::of(&directory.join("bootstrap")).ok()? == fingerprint.bootstrap)
            .then_some(fingerprint)
    }

    /// Writes the inputs in `units` of `function`, whose executable is at `executable` and whose
    /// bootstrap is in `directory`.
    pub(crate) fn write(
        directory: &Path,
        (root, function, executable): (&Path, &Function, &Path),
        units: &Units,
        release: bool,
        now: &Now,
    ) -> io::Result<()> {
        let read = units.read_by(root, &function.manifest, executable);
        let variables: BTreeMap<_, _> =
            read.variables.iter().map(|name| (name.clone(), now.variable(name))).collect();
        let own = (root, function.manifest.as_path(), function.binary.as_str());
        let settings =
            settings::digest(own, &read.manifests, (release, is_described(&variables)), now);
        // Cargo writes the lock file itself, and a file that does not exist did not exist then.
        let is_moving = |path: &PathBuf| {
            !path.ends_with("Cargo.lock") && path.exists() && now.is_newer(path, units.began())
        };
        let fingerprint = Self {
            manifest: function.manifest.clone(),
            binary: function.binary.clone(),
            bootstrap: Stamp::of(&directory.join("bootstrap"))?,
            release,
            inputs: read.inputs,
            listings: read.listings,
            variables,
            settings: if settings::sources(root, &read.manifests).iter().any(is_moving) {
                String::new()
            } else {
                settings
            },
            manifests: read.manifests,
        };
        Attempt::remove(directory)?;
        replace(&Self::path(directory), &serde_json::to_vec(&fingerprint)?)
    }

    /// Returns `true` if it was built for this function.
    pub(crate) fn is_of(&self, function: &Function) -> bool {
        self.manifest == function.manifest && function.built_binary() == Some(&self.binary)
    }

    /// Returns `true` if cargo would build it again.
    pub(crate) fn is_stale(&self, root: &Path, now: &Now) -> bool {
        self.inputs.iter().any(|(path, until)| now.is_newer(path, *until))
            || self.listings.iter().any(Listing::is_stale)
            || self.has_other_settings(root, now)
    }

    /// Returns `true` if the settings, or variables that were read, have changed since.
    pub(crate) fn has_other_settings(&self, root: &Path, now: &Now) -> bool {
        let own = (root, self.manifest.as_path(), self.binary.as_str());
        self.variables.iter().any(|(name, value)| now.variable(name) != *value)
            || settings::digest(
                own,
                &self.manifests,
                (self.release, is_described(&self.variables)),
                now,
            ) != self.settings
    }

    /// The files and directories that were read, each with the time until which it was.
    pub(crate) fn inputs(&self) -> &BTreeMap<PathBuf, SystemTime> {
        &self.inputs
    }

    /// The packages whose build script reads all files.
    pub(crate) fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// The manifests of the local packages that it was built from.
    pub(crate) fn manifests(&self) -> &BTreeSet<PathBuf> {
        &self.manifests
    }
}

/// Returns `true` if sources read the manifests' descriptions of their packages.
fn is_described(variables: &BTreeMap<String, String>) -> bool {
    variables.keys().any(|name| name.starts_with(units::DESCRIBING))
}

/// Writes the whole file or nothing.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    fs::write(&new, content).and_then(|()| fs::rename(&new, path))
}
