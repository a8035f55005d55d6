use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::package;
use crate::message::Architecture::{Arm64, Native, X86_64};

/// The least that is a 64-bit little-endian ELF executable: a header, one program header, and some content.
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
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    path
}

#[test]
fn the_same_executable_gives_the_same_zip_anywhere_and_at_any_time() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = package(one.path(), "f", Arm64, &place(one.path(), &elf(AARCH64, LOAD, "x"), 1)).unwrap();
    let second = package(two.path(), "f", Arm64, &place(two.path(), &elf(AARCH64, LOAD, "x"), 2_000_000_000)).unwrap();
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
    // Linked anew with the same outcome: the bootstrap is as new as what it was made from, the zip is the same.
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
    assert_eq!(failure.why, "the bootstrap is for x86_64, and arm64 was asked for");
    assert!(!directory.path().join("lambda/f/bootstrap").exists());
    assert!(package(directory.path(), "f", X86_64, &made).is_ok());
}

#[test]
fn what_is_no_elf_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), b"#!/bin/sh\n", 100);
    let failure = package(directory.path(), "f", Arm64, &made).unwrap_err();
    assert!(failure.why.starts_with("the bootstrap is not a 64-bit ELF executable"), "{}", failure.why);
}

#[test]
fn a_dynamic_executable_without_glibc_versions_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let made = place(directory.path(), &elf(AARCH64, INTERPRETER, ""), 100);
    let built = package(directory.path(), "f", Arm64, &made).unwrap();
    assert_eq!(built.warnings, ["f is dynamically linked: it needs libraries that Lambda has to have"]);
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
