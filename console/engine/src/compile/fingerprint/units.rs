//! Cargo's messages about the units of a build, and the inputs that dep-info and build scripts
//! declare.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use cargo_metadata::{Message, TargetKind, camino::Utf8PathBuf};

use super::{Stamp, files::Listing};

/// Prefix of the variables that cargo sets from the manifest's description of its package.
pub(super) const DESCRIBING: &str = "CARGO_PKG_";

/// The local units of one build. Other packages are covered by the lock file.
#[derive(Debug)]
pub(crate) struct Units {
    began: SystemTime,
    compiled: Vec<Compiled>,
    scripts: Vec<Script>,
}

#[derive(Debug)]
struct Compiled {
    package: String,
    manifest: PathBuf,
    is_script: bool,
    /// `true` if it was compiled before, and none of its inputs is newer.
    is_fresh: bool,
    files: Vec<PathBuf>,
    /// The executable as it was when cargo named it.
    executable: Option<(PathBuf, Stamp)>,
}

/// A run of a build script.
#[derive(Debug)]
struct Script {
    package: String,
    /// Path of the script's output. The directory also has a file with the time when the script
    /// began.
    output: PathBuf,
    ended: SystemTime,
}

/// The inputs of a binary.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) inputs: BTreeMap<PathBuf, SystemTime>,
    pub(super) listings: Vec<Listing>,
    pub(super) variables: BTreeSet<String>,
    pub(super) manifests: BTreeSet<PathBuf>,
}

impl Default for Units {
    /// Those of a build that begins now.
    fn default() -> Self {
        Self { began: SystemTime::now(), compiled: Vec::new(), scripts: Vec::new() }
    }
}

impl Units {
    /// Reads a line of cargo's standard output.
    pub(crate) fn line(&mut self, line: &str) {
        let is_unit = ["compiler-artifact", "build-script-executed"]
            .iter()
            .any(|reason| line.get(..40).unwrap_or(line).contains(reason));
        if !is_unit {
            return;
        }
        match serde_json::from_str(line) {
            Ok(Message::CompilerArtifact(artifact))
                if artifact.package_id.repr.starts_with("path+") =>
            {
                let executable = artifact.executable.map(Utf8PathBuf::into_std_path_buf);
                self.compiled.push(Compiled {
                    package: artifact.package_id.repr,
                    manifest: artifact.manifest_path.into_std_path_buf(),
                    is_script: artifact.target.kind.contains(&TargetKind::CustomBuild),
                    is_fresh: artifact.fresh,
                    files: artifact
                        .filenames
                        .into_iter()
                        .map(Utf8PathBuf::into_std_path_buf)
                        .collect(),
                    executable: executable
                        .and_then(|path| Stamp::of(&path).ok().map(|stamp| (path, stamp))),
                });
            }
            Ok(Message::BuildScriptExecuted(script))
                if script.package_id.repr.starts_with("path+") =>
            {
                let output = script.out_dir.with_file_name("output").into_std_path_buf();
                self.scripts.push(Script {
                    package: script.package_id.repr,
                    output,
                    ended: SystemTime::now(),
                });
            }
            _ => {}
        }
    }

    /// Returns the time at which the build began.
    pub(crate) fn began(&self) -> SystemTime {
        self.began
    }

    /// The packages whose build scripts have ended, each with the time: the compiler has read
    /// everything written before.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = (&Path, SystemTime)> {
        self.scripts.iter().filter_map(|script| {
            let unit = self.compiled.iter().find(|unit| unit.package == script.package)?;
            Some((unit.manifest.parent()?, script.ended))
        })
    }

    /// Returns `true` if another build has replaced the executable since cargo reported it.
    pub(crate) fn is_replaced(&self, executable: &Path) -> bool {
        let named = self.compiled.iter().filter_map(|unit| unit.executable.as_ref());
        let mut stamps = named.filter(|(path, _)| path == executable).map(|(_, stamp)| *stamp);
        stamps.next_back().is_some_and(|stamp| Stamp::of(executable).ok() != Some(stamp))
    }

    /// Returns the inputs of the binary at `executable`, of the package of `manifest`.
    pub(super) fn read_by(&self, root: &Path, manifest: &Path, executable: &Path) -> Read {
        let package = manifest.parent().unwrap_or(manifest);
        let rules = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let all: BTreeSet<PathBuf> = prerequisites(&rules(&executable.with_extension("d")))
            .map(|path| root.join(path))
            .collect();
        let mut read = Read::default();
        read.manifests.insert(manifest.to_path_buf());
        // The binary's own sources are those that its other units have not read.
        let own = self
            .compiled
            .iter()
            .find(|unit| unit.executable.as_ref().is_some_and(|(path, _)| path == executable));
        let until = own.map_or(self.began, |unit| self.until(unit));
        read.inputs = all.iter().map(|path| (path.clone(), until)).collect();
        if read.inputs.is_empty() {
            // Cargo could not record its inputs.
            read.inputs.insert(package.join("src"), until);
        }
        read.variables.extend(variables(&rules(&own_rules(executable).unwrap_or_default())));
        let mut times = BTreeMap::new();
        for unit in &self.compiled {
            let Some(directory) = unit.manifest.parent() else { continue };
            let Some(text) = unit.rules().map(|path| rules(&path)) else { continue };
            // Rustc works in the workspace, or in a package outside it.
            let placed = |path: PathBuf| [root, directory].map(|base| base.join(&path));
            let paths: Vec<PathBuf> = prerequisites(&text)
                .filter_map(|path| placed(path).into_iter().find(|path| all.contains(path)))
                .collect();
            if paths.is_empty() {
                continue;
            }
            read.manifests.insert(unit.manifest.clone());
            read.variables.extend(variables(&text));
            for path in paths {
                earliest(&mut times, path, self.until(unit));
            }
        }
        let is_linked = |package: &str| {
            self.compiled
                .iter()
                .find(|unit| unit.package == package && read.manifests.contains(&unit.manifest))
        };
        let scripts: Vec<(&Script, PathBuf)> = self
            .scripts
            .iter()
            .filter_map(|script| {
                Some((script, is_linked(&script.package)?.manifest.parent()?.to_path_buf()))
            })
            .collect();
        for (script, directory) in scripts {
            let Ok(began) = script.output.metadata().and_then(|metadata| metadata.modified())
            else {
                continue;
            };
            let output = rules(&script.output);
            let (mut files, mut names) = (Vec::new(), Vec::new());
            for line in output.lines() {
                let Some(line) =
                    line.strip_prefix("cargo:").map(|line| line.trim_start_matches(':'))
                else {
                    continue;
                };
                files.extend(
                    line.strip_prefix("rerun-if-changed=").map(|path| directory.join(path)),
                );
                names.extend(line.strip_prefix("rerun-if-env-changed=").map(str::to_owned));
            }
            if files.is_empty() && names.is_empty() {
                read.listings.push(Listing::new(&directory, began, script.ended));
            }
            read.variables.extend(names);
            for path in files {
                earliest(&mut times, path, began);
            }
        }
        read.inputs.extend(times);
        read
    }

    /// Returns the time until which the inputs of `unit` were read: cargo has just compared the
    /// sources of a fresh one.
    fn until(&self, unit: &Compiled) -> SystemTime {
        if unit.is_fresh {
            let made = unit.files.iter().find_map(|file| file.metadata().ok()?.modified().ok());
            return made.unwrap_or(self.began);
        }
        let scripts =
            self.scripts.iter().filter(|script| !unit.is_script && script.package == unit.package);
        scripts.map(|script| script.ended).fold(self.began, SystemTime::max)
    }
}

impl Compiled {
    /// The dep-info file that rustc wrote for it; cargo does not report the path for an executable.
    fn rules(&self) -> Option<PathBuf> {
        if self.is_script {
            let entries = self.files.first()?.parent()?.read_dir().ok()?;
            let mut paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            return paths.find(|path| path.extension().is_some_and(|extension| extension == "d"));
        }
        self.files.iter().find_map(|file| {
            let stem = file.file_stem()?.to_str()?;
            let rules =
                file.with_file_name(format!("{}.d", stem.strip_prefix("lib").unwrap_or(stem)));
            let is_hashed = stem.rsplit_once('-').is_some_and(|(_, hash)| hash.len() == 16);
            (is_hashed && rules.exists()).then_some(rules)
        })
    }
}

/// Records that `path` was read until `time`; another unit may have read it only until an earlier
/// time.
fn earliest(times: &mut BTreeMap<PathBuf, SystemTime>, path: PathBuf, time: SystemTime) {
    let noted = times.entry(path).or_insert(time);
    *noted = time.min(*noted);
}

/// The dep-info file that rustc wrote for the executable: the one beside its other name, or the
/// newest if it has none.
fn own_rules(executable: &Path) -> Option<PathBuf> {
    let name = executable.file_name()?.to_str()?.replace('-', "_");
    let stamp = Stamp::of(executable).ok();
    let entries = executable.parent()?.join("deps").read_dir().ok()?;
    let is_own = |path: &PathBuf| {
        let stem =
            path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.rsplit_once('-'));
        path.extension().is_some_and(|extension| extension == "d")
            && stem.is_some_and(|(stem, _)| stem == name)
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_own);
    paths.max_by_key(|path| {
        let is_same = stamp.is_some() && Stamp::of(&path.with_extension("")).ok() == stamp;
        (is_same, path.metadata().and_then(|metadata| metadata.modified()).ok())
    })
}

/// The right sides of a makefile's rules; a space in a name is escaped.
pub(crate) fn prerequisites(rules: &str) -> impl Iterator<Item = PathBuf> {
    let sides = rules
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.split_once(": ")?.1));
    sides
        .flat_map(|side| {
            side.replace("\\ ", "\0").split(' ').map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty())
        .map(|name| PathBuf::from(name.replace('\0', " ")))
}

/// The variables of the environment that rustc read, except for those that cargo sets from values
/// that never change.
fn variables(rules: &str) -> impl Iterator<Item = String> {
    let read = rules.lines().filter_map(|line| line.strip_prefix("# env-dep:"));
    let names = read.map(|line| line.split_once('=').map_or(line, |(name, _)| name));
    let is_cargos = |name: &str| {
        (name.starts_with("CARGO") && !name.starts_with(DESCRIBING)) || name == "OUT_DIR"
    };
    names.filter(move |name| !is_cargos(name)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dep_info_file_is_read_with_its_escaped_spaces() {
        let rules = "/t/release/hello: /w/src/main.rs /w/my\\ events/a.json\n\n/w/src/main.rs:\n# \
            env-dep:A=b: c\n# env-dep:CARGO\n# env-dep:B\n# env-dep:CARGO_PKG_AUTHORS=\n";
        let paths: Vec<PathBuf> = prerequisites(rules).collect();
        assert_eq!(paths, [PathBuf::from("/w/src/main.rs"), PathBuf::from("/w/my events/a.json")]);
        assert_eq!(variables(rules).collect::<Vec<_>>(), ["A", "B", "CARGO_PKG_AUTHORS"]);
    }
}
