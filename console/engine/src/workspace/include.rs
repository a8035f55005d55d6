//! The files that go into a zip beside the bootstrap: the targets of a manifest's `include`.
//!
//! Reads directories and the metadata of files; changes nothing.

use std::{
    collections::BTreeMap,
    fs::{DirEntry, Metadata},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use lambda_console_model::{Failure, Include};

/// Name of the executable in a zip.
pub(crate) const BOOTSTRAP: &str = "bootstrap";

/// All files that a function includes.
#[derive(Debug, Default)]
pub(crate) struct Included {
    /// By their names in the zip, so in one order.
    pub(crate) files: BTreeMap<String, File>,
    /// The links that were followed.
    pub(crate) links: Vec<PathBuf>,
}

/// A file that goes into a zip.
#[derive(Debug)]
pub(crate) struct File {
    /// Path of the file.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its mode in the zip. Lambda must be able to read it; the rest of the mode has no meaning
    /// there.
    pub(crate) mode: u32,
    /// Time of its last change.
    pub(crate) modified: SystemTime,
}

impl Included {
    /// Resolves the `include` of `function`. Directories are walked, and links followed.
    ///
    /// # Errors
    /// Work: something does not exist, cannot be read, has no valid name in the zip, or two have
    /// the same.
    pub(crate) fn of(function: &str, include: &[Include], target: &Path) -> Result<Self, Failure> {
        let mut included = Self::default();
        if include.is_empty() {
            return Ok(included);
        }
        let target = target.metadata().ok().map(|metadata| identity(&metadata));
        for one in include {
            let mut walk =
                Walk { function, include: one, target, above: Vec::new(), included: &mut included };
            let name = walk.name()?;
            if one.source.is_symlink() {
                walk.included.links.push(one.source.clone());
            }
            walk.add(&one.source, &name)?;
            walk.check()?;
        }
        Ok(included)
    }

    /// Returns the time of the newest file.
    pub(crate) fn newest(&self) -> Option<SystemTime> {
        self.files.values().map(|file| file.modified).max()
    }

    /// The size of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }
}

/// One directory, whatever its path: device and inode.
type Identity = (u64, u64);

fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// The walk through one included path.
struct Walk<'a> {
    function: &'a str,
    include: &'a Include,
    target: Option<Identity>,
    /// The directories that are being walked, the outermost first.
    above: Vec<Identity>,
    included: &'a mut Included,
}

impl Walk<'_> {
    /// The name in the zip, without `.` and `..`; empty for the zip's root.
    fn name(&self) -> Result<String, Failure> {
        let mut parts = Vec::new();
        for component in Path::new(&self.include.name).components() {
            match component {
                Component::Normal(part) => parts.push(part.to_string_lossy()),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    let name =
                        self.include.source.file_name().unwrap_or_default().to_string_lossy();
                    let why = format!("{} is outside of the archive root", self.include.name);
                    let hint = format!("give its name in the zip, as in `{name}:../{name}`");
                    return Err(self.failure(&why, &hint));
                }
            }
        }
        Ok(parts.join("/"))
    }

    fn add(&mut self, path: &Path, name: &str) -> Result<(), Failure> {
        let metadata = path.metadata().map_err(|error| self.unread(path, &error))?;
        if metadata.is_dir() {
            return self.directory(path, name, identity(&metadata));
        }
        if !metadata.is_file() {
            // Reading a pipe would wait for its other end.
            let why = format!("{} is neither a file nor a directory", path.display());
            return Err(self.failure(&why, "leave it out"));
        }
        let modified = metadata.modified().map_err(|error| self.unread(path, &error))?;
        let mode = if metadata.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 };
        self.file(name, File { path: path.to_path_buf(), bytes: metadata.len(), mode, modified })
    }

    fn directory(&mut self, path: &Path, name: &str, identity: Identity) -> Result<(), Failure> {
        if self.target == Some(identity) {
            // The zip itself is in there, so each build would make the next one necessary.
            let why = format!("{} is cargo's target directory", path.display());
            return Err(self.failure(&why, "name the files and directories beside it one by one"));
        }
        if self.above.contains(&identity) {
            let why = format!("the link {} points to a directory that contains it", path.display());
            return Err(self.failure(&why, "remove the link, or name the other entries one by one"));
        }
        self.above.push(identity);
        let entries = path.read_dir().map_err(|error| self.unread(path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| self.unread(path, &error))?;
            self.entry(&entry, name)?;
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, parent: &str) -> Result<(), Failure> {
        let (path, name) = (entry.path(), entry.file_name());
        let Some(name) = name.to_str() else {
            let why = format!("the name of {} is not UTF-8", path.display());
            return Err(self.failure(&why, "rename it"));
        };
        if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            self.included.links.push(path.clone());
        }
        if parent.is_empty() {
            self.add(&path, name)
        } else {
            self.add(&path, &format!("{parent}/{name}"))
        }
    }

    fn file(&mut self, name: &str, file: File) -> Result<(), Failure> {
        let path = file.path.display();
        if name.is_empty() {
            let why = format!("{path} is a file and has no name in the zip");
            return Err(self.failure(&why, "give it one: `NAME:PATH`"));
        }
        if name.split('/').next() == Some(BOOTSTRAP) {
            let why =
                format!("{path} would be `{name}` in the zip, and `{BOOTSTRAP}` is the executable");
            return Err(self.failure(&why, "give it another name: `NAME:PATH`"));
        }
        if let Some(first) = self.included.files.get(name) {
            let why = format!(
                "{path} would be `{name}` in the zip, as {} is already",
                first.path.display()
            );
            return Err(self
                .failure(&why, "name it once, or give one of the two another name: `NAME:PATH`"));
        }
        self.included.files.insert(name.to_owned(), file);
        Ok(())
    }

    /// Checks that no name is both a file and a directory.
    fn check(&self) -> Result<(), Failure> {
        let files = &self.included.files;
        for name in files.keys() {
            let mut above = name.match_indices('/').filter_map(|(at, _)| name.get(..at));
            if let Some(file) = above.find_map(|directory| files.get(directory)) {
                let why = format!(
                    "{} would be a directory in the zip, for `{name}` is in it",
                    file.path.display()
                );
                return Err(self.failure(&why, "give one of the two another name: `NAME:PATH`"));
            }
        }
        Ok(())
    }

    fn unread(&self, path: &Path, error: &io::Error) -> Failure {
        if error.kind() != io::ErrorKind::NotFound {
            return self.failure(
                &format!("{}: {error}", path.display()),
                "make it readable, or leave it out",
            );
        }
        if path.is_symlink() {
            let why = format!("{} is a broken link", path.display());
            return self.failure(&why, "remove the link, or create its target");
        }
        let why = format!("{} is not there", path.display());
        self.failure(
            &why,
            "correct the path, which is relative to the manifest, or create the file before the \
            build",
        )
    }

    fn failure(&self, why: &str, hint: &str) -> Failure {
        let what = format!("could not package {}", self.function);
        Failure::work(what, format!("{}: `include`: {why}", self.include.place), hint)
    }
}

#[cfg(test)]
mod tests;
