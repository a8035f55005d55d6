//! Artifacts of a build in the target directory: bootstrap, zip, and whether they are stale.
//!
//! Reads files; changes nothing.

use std::{
    collections::BTreeSet,
    fs::{File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use lambda_console_model::{Architecture, Bootstrap, Function, Include, Program, Zip};
use object::{
    Endianness, elf,
    read::elf::{FileHeader, ProgramHeader},
};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::{
    compile::fingerprint::{Fingerprint, Now, prerequisites},
    workspace::{
        include::{BOOTSTRAP, Included},
        paths::hex,
        program,
    },
};

/// Artifacts of one function.
#[derive(Debug, Default)]
pub(super) struct Artifacts {
    pub(super) architecture: Option<Architecture>,
    pub(super) bootstrap: Option<Bootstrap>,
    pub(super) zip: Option<Zip>,
    pub(super) stale: bool,
}

/// Directory of a function's bootstrap and zip, as in cargo-lambda.
pub(crate) fn directory(target: &Path, name: &str) -> PathBuf {
    target.join("lambda").join(name)
}

/// Reads the artifacts of `function`. An artifact that was built for another package, in a shared
/// target directory, is ignored.
pub(super) fn read((root, target): (&Path, &Path), function: &Function, now: &Now) -> Artifacts {
    let directory = directory(target, function.directory());
    let Some(name) = function.built_binary() else { return of_files(function, target, &directory) };
    let manifest = function.manifest.as_path();
    let include = &program::included(function, &directory);
    let (path, zip) = (directory.join(BOOTSTRAP), directory.join("bootstrap.zip"));
    let fingerprint = Fingerprint::read(&directory);
    let built = path.metadata().and_then(|metadata| metadata.modified()).ok();
    // Other programs' builds have none; cargo lists the sources of these.
    let sources = || sources(target, name, built?);
    let sources = if fingerprint.is_none() { sources() } else { None };
    let package = manifest.parent().unwrap_or(manifest);
    let is_own = match (&fingerprint, &sources) {
        (Some(fingerprint), _) => fingerprint.is_of(function),
        (None, Some(sources)) => sources.iter().any(|source| source.starts_with(package)),
        (None, None) => true,
    };
    if !is_own {
        return Artifacts::default();
    }
    let mut artifacts = Artifacts { zip: zip_of(&zip), ..Artifacts::default() };
    let Ok(metadata) = path.metadata() else { return artifacts };
    artifacts.architecture = architecture_of(&path);
    if let Some(built) = built {
        let zipped = zip.metadata().and_then(|metadata| metadata.modified()).ok();
        artifacts.stale = match fingerprint {
            Some(fingerprint) => fingerprint.is_stale(root, now),
            None => is_stale(sources, manifest, (built, zipped)),
        } || program::is_stale(function, &directory)
            || zipped.is_some_and(|zipped| is_behind(&zip, zipped, name, include, target));
    }
    artifacts.bootstrap = Some(stamp_of(path, &metadata));
    artifacts
}

/// Artifacts of a function that cargo does not build.
fn of_files(function: &Function, target: &Path, directory: &Path) -> Artifacts {
    let (path, zip) = (directory.join(BOOTSTRAP), directory.join("bootstrap.zip"));
    let zipped = zip.metadata().and_then(|metadata| metadata.modified()).ok();
    let mut artifacts = Artifacts { zip: zip_of(&zip), ..Artifacts::default() };
    let Ok(metadata) = path.metadata() else { return artifacts };
    // A finished bootstrap may well be dynamic without being for this machine alone.
    artifacts.architecture = match &function.config.program {
        Some(Program::Prebuilt { .. }) => machine_of(&path),
        _ => architecture_of(&path),
    };
    let include = program::included(function, directory);
    artifacts.stale = program::is_stale(function, directory)
        || zipped.is_none_or(|zipped| is_behind(&zip, zipped, &function.name, &include, target));
    artifacts.bootstrap = Some(stamp_of(path, &metadata));
    artifacts
}

/// The bootstrap at `path`, from its metadata.
pub(crate) fn stamp_of(path: PathBuf, metadata: &Metadata) -> Bootstrap {
    let since_epoch =
        metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let built_at = since_epoch.map_or(0, |duration| duration.as_millis() as i64);
    Bootstrap { path, bytes: metadata.len(), built_at }
}

fn zip_of(path: &Path) -> Option<Zip> {
    let bytes = path.metadata().ok()?.len();
    Some(Zip { path: path.to_path_buf(), bytes, sha256: sha256_of(path).ok()? })
}

/// The SHA-256 of a file, lower-case hexadecimal.
pub(crate) fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// Returns the architecture of a bootstrap, from its ELF header. A dynamic one was built for this
/// machine.
pub(crate) fn architecture_of(path: &Path) -> Option<Architecture> {
    let start = start_of(path)?;
    let header = elf::FileHeader64::<Endianness>::parse(start.as_slice()).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, start.as_slice()).ok()?;
    if segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP) {
        return Some(Architecture::Native);
    }
    of_machine(header.e_machine(endian))
}

/// Returns the architecture of the processor that an ELF file is for.
fn machine_of(path: &Path) -> Option<Architecture> {
    let start = start_of(path)?;
    let header = elf::FileHeader64::<Endianness>::parse(start.as_slice()).ok()?;
    of_machine(header.e_machine(header.endian().ok()?))
}

/// The headers of an ELF file: the program headers follow the file header; a linker puts them
/// nowhere else.
fn start_of(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(16 * 1024).read_to_end(&mut start).ok()?;
    Some(start)
}

fn of_machine(machine: elf::Machine) -> Option<Architecture> {
    match machine {
        elf::EM_AARCH64 => Some(Architecture::Arm64),
        elf::EM_X86_64 => Some(Architecture::X86_64),
        _ => None,
    }
}

/// Returns `true` if a file that the bootstrap was made from is newer than it, or gone. The
/// manifest's settings of the zip do not make cargo link again, so a zip that is newer than the
/// manifest suffices.
fn is_stale(
    sources: Option<Vec<PathBuf>>,
    manifest: &Path,
    (built, zipped): (SystemTime, Option<SystemTime>),
) -> bool {
    let newer = |path: &Path, made: SystemTime| {
        path.metadata().and_then(|metadata| metadata.modified()).map_or(true, |time| time > made)
    };
    if newer(manifest, zipped.map_or(built, |zipped| zipped.max(built))) {
        return true;
    }
    match sources {
        Some(sources) => sources.iter().any(|source| newer(source, built)),
        None => manifest.parent().is_some_and(|package| any_newer(&package.join("src"), built)),
    }
}

/// Returns `true` if the zip is older than a file that it includes, or has the wrong files beside
/// the bootstrap. An unreadable zip is not reported.
fn is_behind(
    zip: &Path,
    zipped: SystemTime,
    name: &str,
    include: &[Include],
    target: &Path,
) -> bool {
    let Some(archive) = File::open(zip).ok().and_then(|file| ZipArchive::new(file).ok()) else {
        return false;
    };
    // If something cannot be included, the build reports the reason.
    let Ok(included) = Included::of(name, include, target) else { return true };
    let Ok(mut there) = archive.file_names().collect::<Result<BTreeSet<_>, _>>() else {
        return true;
    };
    there.remove(BOOTSTRAP);
    !there.iter().eq(included.files.keys())
        || included.newest().is_some_and(|newest| newest > zipped)
}

/// The sources that cargo listed beside the binary that the bootstrap is a copy of: a copy has its
/// original's time.
fn sources(target: &Path, name: &str, built: SystemTime) -> Option<Vec<PathBuf>> {
    let targets = std::fs::read_dir(target).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let binary = targets
        .flat_map(|target| ["release", "debug"].map(|profile| target.join(profile).join(name)))
        .find(|binary| {
            binary
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|time| time == built)
        })?;
    let rules = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    Some(prerequisites(&rules).collect())
}

fn any_newer(directory: &Path, built: SystemTime) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else { return false };
    entries.filter_map(Result::ok).any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => any_newer(&entry.path(), built),
        _ => {
            entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|time| time > built)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_program_itself_is_a_native_binary() {
        assert_eq!(architecture_of(&std::env::current_exe().unwrap()), Some(Architecture::Native));
    }

    #[test]
    fn a_file_that_is_no_program_has_no_architecture() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "#!/bin/sh\n").unwrap();
        assert_eq!(architecture_of(file.path()), None);
    }
}
