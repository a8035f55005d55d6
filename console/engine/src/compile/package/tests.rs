use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use lambda_console_model::{
    Architecture::{self, Arm64, Native, X86_64},
    Built, Failure, Include,
};

/// Without anything included.
fn package(
    target: &Path,
    name: &str,
    architecture: Architecture,
    executable: &Path,
) -> Result<Built, Failure> {
    super::package(target, name, architecture, executable, &[])
}

/// The smallest 64-bit little-endian ELF executable: a header, one program header, and some
/// content.
fn elf(machine: u16, segment: u32, content: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(machine.to_le_bytes());
    bytes.extend(1u32.to_le_bytes());
    for word in [0u64, 64, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 1, 64, 0, 0] {
        bytes.extend(half.to_le_bytes());
    }
    bytes.extend(segment.to_le_bytes());
    bytes.extend([0; 52]);
    bytes.extend(content.as_bytes());
    bytes
}

const AARCH64: u16 = 183;
const AMD64: u16 = 62;
const LOAD: u32 = 1;
const INTERPRETER: u32 = 3;

fn place(directory: &Path, bytes: &[u8], seconds: u64) -> PathBuf {
    let path = directory.join("made");
    fs::write(&path, bytes).unwrap();
    set_time(&path, seconds);
    path
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn the_same_executable_gives_the_same_zip_anywhere_and_at_any_time() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first =
        package(one.path(), "f", Arm64, &place(one.path(), &elf(AARCH64, LOAD, "x"), 1)).unwrap();
    let second = package(
        two.path(),
        "f",
        Arm64,
        &place(two.path(), &elf(AARCH64, LOAD, "x"), 2_000_000_000),
    )
    .unwrap();
    assert_eq!(first.zip.sha256, second.zip.sha256);
    assert_eq!(second.bootstrap.built_at, 2_000_000_000_000);
    let mut zip = zip::ZipArchive::new(fs::File::open(&first.zip.path).unwrap()).unwrap();
    assert_eq!(zip.len(), 1);
    let entry = zip.by_name("bootstrap").unwrap();
    assert_eq!(entry.unix_mode().map(|mode| mode & 0o7777), Some(0o755));
    assert_eq!(entry.last_modified().map(|time| time.year()), Some(1980));
}

#[test]
fn what_has_not_changed_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AARCH64, LOAD, "x"), 100);
    let zip = package(directory.path(), "f", Arm64, &made).unwrap().zip.path;
    let before = zip.metadata().unwrap();
    let unchanged = || {
        use std::os::unix::fs::MetadataExt;
        let now = zip.metadata().unwrap();
        (now.ino(), now.modified().unwrap()) == (before.ino(), before.modified().unwrap())
    };
    package(directory.path(), "f", Arm64, &made).unwrap();
    assert!(unchanged());
    // Linked again with the same result: the bootstrap is as new as its inputs, the zip is the
    // same.
    let made = place(directory.path(), &elf(AARCH64, LOAD, "x"), 200);
    assert_eq!(package(directory.path(), "f", Arm64, &made).unwrap().bootstrap.built_at, 200_000);
    assert!(unchanged());
    let made = place(directory.path(), &elf(AARCH64, LOAD, "y"), 300);
    package(directory.path(), "f", Arm64, &made).unwrap();
    assert!(!unchanged());
}

#[test]
fn a_zip_of_another_bootstrap_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AARCH64, LOAD, "x"), 100);
    let good = package(directory.path(), "f", Arm64, &made).unwrap().zip;
    fs::write(&good.path, "cut off").unwrap();
    assert_eq!(package(directory.path(), "f", Arm64, &made).unwrap().zip, good);
}

#[test]
fn the_wrong_architecture_is_refused_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AMD64, LOAD, ""), 100);
    let failure = package(directory.path(), "f", Arm64, &made).unwrap_err();
    assert_eq!(failure.what, "f would not run on Lambda");
    assert_eq!(failure.why, "the bootstrap is for x86_64, and arm64 was requested");
    assert!(!directory.path().join("lambda/f/bootstrap").exists());
    assert!(package(directory.path(), "f", X86_64, &made).is_ok());
}

#[test]
fn what_is_no_elf_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), b"#!/bin/sh\n", 100);
    let failure = package(directory.path(), "f", Arm64, &made).unwrap_err();
    assert!(
        failure.why.starts_with("the bootstrap is not a 64-bit ELF executable"),
        "{}",
        failure.why
    );
}

#[test]
fn a_dynamic_executable_without_glibc_versions_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AARCH64, INTERPRETER, ""), 100);
    let built = package(directory.path(), "f", Arm64, &made).unwrap();
    assert_eq!(
        built.warnings,
        ["f is dynamically linked: it needs shared libraries that Lambda may not provide"]
    );
}

#[test]
fn a_native_executable_may_be_dynamic() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AMD64, INTERPRETER, ""), 100);
    let built = package(directory.path(), "f", Native, &made).unwrap();
    assert_eq!(built.warnings, Vec::<String>::new());
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AARCH64, LOAD, ""), 100);
    fs::write(directory.path().join("lambda"), "in the way").unwrap();
    let failure = package(directory.path(), "f", Arm64, &made).unwrap_err();
    assert!(failure.why.contains("lambda/f: "), "{}", failure.why);
}

/// A built function and the files that it may include.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.link(100);
        place
    }

    /// Makes the executable, always the same, at this time.
    fn link(&self, seconds: u64) {
        place(self.0.path(), &elf(AARCH64, LOAD, "x"), seconds);
    }

    fn save(&self, file: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn try_package(&self, include: &[&str]) -> Result<Built, Failure> {
        let include: Vec<Include> = include
            .iter()
            .map(|&name| Include {
                name: name.into(),
                source: self.0.path().join(name),
                place: "Cargo.toml:1".into(),
            })
            .collect();
        super::package(self.0.path(), "f", Arm64, &self.0.path().join("made"), &include)
    }

    fn package(&self, include: &[&str]) -> Built {
        self.try_package(include).unwrap()
    }

    /// Returns `true` if packaging does not rewrite the zip's file, except for its time.
    fn is_kept(&self, include: &[&str]) -> bool {
        use std::os::unix::fs::MetadataExt;
        let zip = self.0.path().join("lambda/f/bootstrap.zip");
        let before = (zip.metadata().unwrap().ino(), fs::read(&zip).unwrap());
        self.package(include);
        before == (zip.metadata().unwrap().ino(), fs::read(&zip).unwrap())
    }
}

/// The entries of a zip: name, mode, year, content.
fn entries(zip: &Path) -> Vec<(String, u32, u16, String)> {
    let mut zip = zip::ZipArchive::new(fs::File::open(zip).unwrap()).unwrap();
    let mut entries = Vec::new();
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        let (mode, year) =
            (entry.unix_mode().unwrap() & 0o7777, entry.last_modified().unwrap().year());
        entries.push((
            entry.name().unwrap().into_owned(),
            mode,
            year,
            String::from_utf8_lossy(&content).into_owned(),
        ));
    }
    entries
}

#[test]
fn what_is_included_is_in_the_zip_beside_the_bootstrap_and_in_order() {
    let place = Place::new();
    place.save("texts/de.txt", "hallo");
    let script = place.save("a.sh", "#!/bin/sh");
    fs::set_permissions(script, std::os::unix::fs::PermissionsExt::from_mode(0o750)).unwrap();
    let entries = entries(&place.package(&["texts", "a.sh"]).zip.path);
    let shown: Vec<_> =
        entries.iter().map(|(name, mode, year, _)| (name.as_str(), *mode, *year)).collect();
    assert_eq!(
        shown,
        [("a.sh", 0o755, 1980), ("bootstrap", 0o755, 1980), ("texts/de.txt", 0o644, 1980)]
    );
    assert_eq!((entries[0].3.as_str(), entries[2].3.as_str()), ("#!/bin/sh", "hallo"));
}

#[test]
fn the_same_included_files_give_the_same_zip_whenever_and_in_whatever_order_they_came() {
    let (one, two) = (Place::new(), Place::new());
    for (place, names) in [(&one, ["a", "b", "c"]), (&two, ["c", "a", "b"])] {
        for name in names {
            place.save(&format!("all/{name}"), name);
        }
    }
    set_time(&two.0.path().join("all/a"), 1_000_000_000);
    assert_eq!(one.package(&["all"]).zip.sha256, two.package(&["all"]).zip.sha256);
}

#[test]
fn a_zip_is_made_again_when_and_only_when_something_in_it_would_be_other() {
    let place = Place::new();
    place.save("a.txt", "one");
    place.save("b.txt", "b");
    place.package(&["a.txt"]);
    assert!(place.is_kept(&["a.txt"]), "nothing has changed");
    place.link(200);
    assert!(place.is_kept(&["a.txt"]), "the executable is linked anew, and the same");
    place.save("a.txt", "one");
    assert!(place.is_kept(&["a.txt"]), "saved as it was");
    place.save("a.txt", "two");
    assert!(!place.is_kept(&["a.txt"]), "other content of the same size");
    fs::set_permissions(
        place.0.path().join("a.txt"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    assert!(!place.is_kept(&["a.txt"]), "another mode");
    assert!(!place.is_kept(&["a.txt", "b.txt"]), "one more");
    assert!(!place.is_kept(&["b.txt"]), "one less");
    assert!(place.is_kept(&["b.txt"]));
    place.save("größe \\ 1.txt", "");
    assert!(
        !place.is_kept(&["größe \\ 1.txt"]) && place.is_kept(&["größe \\ 1.txt"]),
        "names are kept as they are"
    );
    assert!(!place.is_kept(&[]), "none any more");
    assert!(place.is_kept(&[]));
    assert_eq!(entries(&place.package(&[]).zip.path).len(), 1);
}

#[test]
fn a_zip_is_never_older_than_what_is_in_it_and_has_no_other_time_without_a_reason() {
    let place = Place::new();
    let file = place.save("a.txt", "one");
    set_time(&file, 1_000_000_000);
    let zip = place.package(&["a.txt"]).zip.path;
    let time = |path: &Path| path.metadata().unwrap().modified().unwrap();
    let before = time(&zip);
    place.package(&["a.txt"]);
    assert_eq!(time(&zip), before);
    // Tomorrow: later than the zip, by any clock.
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    fs::File::options().append(true).open(&file).unwrap().set_modified(tomorrow).unwrap();
    assert!(place.is_kept(&["a.txt"]));
    assert!(time(&zip) >= time(&file));
}

#[test]
fn what_cannot_be_included_is_a_failure_and_leaves_the_zip_that_is_there() {
    let place = Place::new();
    let good = place.package(&[]).zip;
    let failure = place.try_package(&["gone"]).unwrap_err();
    assert_eq!(failure.what, "could not package f");
    assert!(
        failure.why.starts_with("Cargo.toml:1: `include`: ")
            && failure.why.ends_with("gone is not there")
    );
    assert_eq!(place.package(&[]).zip, good);
}

#[test]
fn what_is_included_counts_for_what_lambda_unpacks() {
    let place = Place::new();
    // Sparse: it uses no disk space, and is not read.
    let large = place.save("large.bin", "");
    fs::File::options().write(true).open(&large).unwrap().set_len(250 * 1024 * 1024).unwrap();
    let failure = place.try_package(&["large.bin"]).unwrap_err();
    assert_eq!(failure.what, "f is too large");
    assert!(failure.why.contains("the included files are 250.0 MB"), "{}", failure.why);
}
