//! Targets of includes and links, in a directory on disk.

use std::{fs, os::unix::fs::symlink};

use super::*;

/// A directory in the role of a package's, with these files.
fn directory(files: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        write(&directory.path().join(file));
    }
    directory
}

fn write(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, path.to_str().unwrap()).unwrap();
}

/// Returns the result of these lines of a manifest in `directory`: names in the zip, or the reason
/// of the failure.
fn found(directory: &Path, lines: &[&str]) -> Result<Vec<String>, String> {
    let include: Vec<Include> = lines
        .iter()
        .map(|line| {
            let (name, path) = line.split_once(':').unwrap_or((line, line));
            Include {
                name: name.into(),
                source: directory.join(path),
                place: "Cargo.toml:7".into(),
            }
        })
        .collect();
    match Included::of("f", &include, &directory.join("target")) {
        Ok(included) => Ok(included.files.into_keys().collect()),
        Err(failure) => {
            assert_eq!(failure.what, "could not package f");
            assert!(!failure.hint.is_empty(), "{failure:?}");
            Err(failure.why.replace(&format!("{}/", directory.display()), ""))
        }
    }
}

#[track_caller]
fn refused(directory: &Path, lines: &[&str], why: &str) {
    assert_eq!(
        found(directory, lines),
        Err(format!("Cargo.toml:7: `include`: {why}")),
        "{lines:?}"
    );
}

#[test]
fn a_file_is_one_entry_and_a_directory_is_all_that_is_in_it() {
    let place =
        directory(&["a.txt", "texts/en/hello.txt", "texts/.hidden", "texts/de.txt", "other/x"]);
    let all = found(place.path(), &["texts", "a.txt", "./other/"]);
    assert_eq!(
        all.unwrap(),
        ["a.txt", "other/x", "texts/.hidden", "texts/de.txt", "texts/en/hello.txt"]
    );
}

#[test]
fn another_name_in_the_zip_is_that_of_the_file_or_of_the_directory() {
    let place = directory(&["package/a.txt", "shared/texts/de.txt", "shared/b.txt"]);
    let package = place.path().join("package");
    let all = found(&package, &["data/one.txt:a.txt", "texts:../shared/texts"]);
    assert_eq!(all.unwrap(), ["data/one.txt", "texts/de.txt"]);
    assert_eq!(
        found(&package, &[".:../shared"]).unwrap(),
        ["b.txt", "texts/de.txt"],
        "into the zip's root"
    );
    let absolute = format!("b:{}", place.path().join("shared/b.txt").display());
    assert_eq!(found(&package, &[&absolute]).unwrap(), ["b"]);
}

#[test]
fn a_path_outside_of_the_zip_is_refused_with_the_syntax_for_it() {
    let place = directory(&["package/a.txt", "shared/b.txt"]);
    let package = place.path().join("package");
    for name in ["../shared", "../x:a.txt", "/etc/hostname", "x/../../y:a.txt"] {
        refused(
            &package,
            &[name],
            &format!("{} is outside of the archive root", name.split(':').next().unwrap()),
        );
    }
}

#[test]
fn what_is_not_there_or_cannot_be_included_is_refused_with_its_place() {
    let place = directory(&["a.txt"]);
    refused(place.path(), &["a.txt", "b.txt"], "b.txt is not there");
    refused(place.path(), &[".:a.txt"], "a.txt is a file and has no name in the zip");
    symlink("gone", place.path().join("link")).unwrap();
    refused(place.path(), &["link"], "link is a broken link");
    let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).unwrap();
    refused(place.path(), &["socket"], "socket is neither a file nor a directory");
}

#[test]
fn the_executable_is_not_overwritten() {
    let place = directory(&["bootstrap", "a.txt", "all/bootstrap", "bin/bootstrap"]);
    let why = |path: &str, name: &str| {
        format!("{path} would be `{name}` in the zip, and `bootstrap` is the executable")
    };
    refused(place.path(), &["bootstrap"], &why("bootstrap", "bootstrap"));
    refused(place.path(), &["bootstrap/x:a.txt"], &why("a.txt", "bootstrap/x"));
    refused(place.path(), &[".:all"], &why("all/bootstrap", "bootstrap"));
    assert_eq!(
        found(place.path(), &["bin"]).unwrap(),
        ["bin/bootstrap"],
        "another file of that name is none"
    );
}

#[test]
fn two_files_of_one_name_are_refused_and_a_file_that_is_a_directory() {
    let place = directory(&["a.txt", "b.txt", "texts/de.txt"]);
    refused(
        place.path(),
        &["a.txt", "a.txt"],
        "a.txt would be `a.txt` in the zip, as a.txt is already",
    );
    refused(
        place.path(),
        &["x:a.txt", "x:b.txt"],
        "b.txt would be `x` in the zip, as a.txt is already",
    );
    refused(
        place.path(),
        &["texts", "texts/de.txt"],
        "texts/de.txt would be `texts/de.txt` in the zip, as texts/de.txt is already",
    );
    refused(
        place.path(),
        &["x:a.txt", "x/y:texts"],
        "a.txt would be a directory in the zip, for `x/y/de.txt` is in it",
    );
}

#[test]
fn links_are_followed_and_never_in_a_circle() {
    let place = directory(&["texts/de.txt", "shared/deep/b.txt", "c.txt"]);
    symlink("../shared", place.path().join("texts/shared")).unwrap();
    symlink("../c.txt", place.path().join("texts/c.txt")).unwrap();
    symlink("texts", place.path().join("link")).unwrap();
    let all = found(place.path(), &["link"]).unwrap();
    assert_eq!(all, ["link/c.txt", "link/de.txt", "link/shared/deep/b.txt"]);
    symlink("../../texts", place.path().join("shared/deep/back")).unwrap();
    refused(
        place.path(),
        &["texts"],
        "the link texts/shared/deep/back points to a directory that contains it",
    );
}

#[test]
fn the_target_directory_is_refused_and_what_is_in_it_is_not() {
    let place =
        directory(&["src/main.rs", "target/lambda/f/bootstrap.zip", "target/made/data.bin"]);
    refused(place.path(), &["."], "./target is cargo's target directory");
    assert_eq!(found(place.path(), &["data:target/made"]).unwrap(), ["data/data.bin"]);
}

#[test]
fn a_file_is_readable_by_all_and_executable_where_its_owner_may_run_it() {
    let place = directory(&["a", "b", "c"]);
    for (file, mode) in [("a", 0o600), ("b", 0o700), ("c", 0o4654)] {
        fs::set_permissions(place.path().join(file), fs::Permissions::from_mode(mode)).unwrap();
    }
    let include = ["a", "b", "c"].map(|name| Include {
        name: name.into(),
        source: place.path().join(name),
        place: String::new(),
    });
    let included = Included::of("f", &include, place.path()).unwrap();
    let modes: Vec<u32> = included.files.values().map(|file| file.mode).collect();
    assert_eq!(modes, [0o644, 0o755, 0o644]);
}
