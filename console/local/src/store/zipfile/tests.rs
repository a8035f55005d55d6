use std::io::Write as _;

use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::tests::zip;

#[test]
fn a_zip_is_unpacked_with_its_modes() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("code");
    unpack(&zip(&[("bootstrap", b"#!/bin/sh\n"), ("lib/data", b"x")]), &into).unwrap();
    assert_eq!(fs::metadata(into.join("bootstrap")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read(into.join("lib/data")).unwrap(), b"x");
}

#[test]
fn a_path_that_leads_out_is_refused_and_writes_nothing_there() {
    for name in ["../evil", "lib/../../evil", "/tmp/evil-of-a-zip", "..\\evil"] {
        let dir = tempfile::tempdir().unwrap();
        let error = unpack(&zip(&[("bootstrap", b"#!"), (name, b"x")]), &dir.path().join("code"))
            .unwrap_err();
        assert!(matches!(error, Refusal::Escapes(_)), "{name}: {error}");
        assert!(!dir.path().join("evil").exists());
        assert!(!Path::new("/tmp/evil-of-a-zip").exists());
    }
}

#[test]
fn a_device_or_a_program_of_another_user_becomes_a_plain_file() {
    const DEVICE: u32 = 0o020_666;
    const OTHER_USERS: u32 = 0o106_755;
    for (mode, kept) in [(DEVICE, 0o666), (OTHER_USERS, 0o755)] {
        let mut bytes = zip(&[("thing", b"x")]);
        // The mode is in the upper half of the table's external attributes, which the writer
        // cannot set to this value.
        let entry = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        bytes[entry + 38..entry + 42].copy_from_slice(&(mode << 16).to_le_bytes());
        let dir = tempfile::tempdir().unwrap();
        unpack(&bytes, &dir.path().join("code")).unwrap();
        let made = fs::symlink_metadata(dir.path().join("code/thing")).unwrap();
        assert!(made.is_file());
        assert_eq!(made.permissions().mode() & 0o7777 & !0o022, kept & !0o022);
    }
}

/// Builds a zip of links and files, in this order: a name, and a target or content.
fn linked(entries: &[(&str, Result<&str, &str>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        match content {
            Ok(link) => writer.add_symlink(*name, *link, SimpleFileOptions::default()).unwrap(),
            Err(text) => {
                writer.start_file(*name, SimpleFileOptions::default()).unwrap();
                writer.write_all(text.as_bytes()).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn links_are_kept_wherever_they_point() {
    let links = [
        ("lib/z.so", "../lib64/z.so.1"),
        ("node_modules", "/opt/nodejs/node_modules"),
        ("out", "../../.."),
        ("here", "bootstrap"),
        ("dangling", "nothing"),
    ];
    let mut entries: Vec<_> = links.iter().map(|(name, link)| (*name, Ok(*link))).collect();
    entries.push(("bootstrap", Err("#!")));
    let dir = tempfile::tempdir().unwrap();
    let code = dir.path().join("code");
    let zip = linked(&entries);
    validate(&zip).unwrap();
    unpack(&zip, &code).unwrap();
    for (name, link) in links {
        assert_eq!(fs::read_link(code.join(name)).unwrap(), Path::new(link));
    }
    assert_eq!(fs::read(code.join("here")).unwrap(), b"#!");
}

#[test]
fn nothing_is_written_through_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "old").unwrap();
    let (out, missing) = (outside.to_str().unwrap(), format!("{}/missing", outside.display()));
    let file = format!("{out}/kept");
    let cases: [&[(&str, Result<&str, &str>)]; 7] = [
        &[("d", Ok(out)), ("d/evil", Err("x"))],
        &[("d/evil", Err("x")), ("d", Ok(out))],
        &[("d", Ok(&missing)), ("d/sub/evil", Err("x"))],
        &[("d", Ok(out)), ("d/evil", Ok("x"))],
        &[("d", Ok(".")), ("d/e", Ok(out)), ("d/e/evil", Err("x"))],
        &[("f", Ok(&file)), ("./f", Err("new"))],
        &[("./f", Err("new")), ("f", Ok(&file))],
    ];
    for (number, entries) in cases.iter().enumerate() {
        let code = dir.path().join(number.to_string());
        let refused = unpack(&linked(entries), &code);
        assert!(matches!(refused, Err(Refusal::Broken(_))), "{entries:?}: {refused:?}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(fs::read(outside.join("kept")).unwrap(), b"old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), cases.len() + 1);
}

#[test]
fn a_name_that_comes_twice_is_what_came_last() {
    let dir = tempfile::tempdir().unwrap();
    let mut twice =
        linked(&[("a1", Err("first")), ("a2", Err("second")), ("./b", Err("1")), ("b", Err("2"))]);
    // The writer would refuse two entries of one name.
    for at in 0..twice.len() - 1 {
        if twice[at..].starts_with(b"a1") {
            twice[at + 1] = b'2';
        }
    }
    let code = dir.path().join("code");
    unpack(&twice, &code).unwrap();
    assert_eq!(fs::read(code.join("a2")).unwrap(), b"second");
    assert_eq!(fs::read(code.join("b")).unwrap(), b"2");
    let both = linked(&[("c", Err("file")), ("c/d", Err("x"))]);
    assert!(matches!(unpack(&both, &dir.path().join("both")), Err(Refusal::Broken(_))));
    let both = linked(&[("c/d", Err("x")), ("c", Err("file"))]);
    assert!(matches!(unpack(&both, &dir.path().join("reversed")), Err(Refusal::Broken(_))));
}

#[test]
fn names_are_bytes_and_a_backslash_is_one_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut zip = linked(&[("lib\\data", Err("x")), ("gr#n", Err("y"))]);
    for byte in zip.iter_mut().filter(|byte| **byte == b'#') {
        *byte = 0x81;
    }
    let code = dir.path().join("code");
    unpack(&zip, &code).unwrap();
    assert_eq!(fs::read(code.join("lib\\data")).unwrap(), b"x");
    if cfg!(target_os = "linux") {
        assert_eq!(fs::read(code.join(OsStr::from_bytes(b"gr\x81n"))).unwrap(), b"y");
    }
}

#[test]
fn modes_are_kept_of_files_and_directories() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mode = |mode| SimpleFileOptions::default().unix_permissions(mode);
    writer.add_directory("closed", mode(0o500)).unwrap();
    // The modes that Python's `writestr` sets, and that of a layer's program.
    for (name, bits) in [("closed/data", 0o600), ("bin/tool", 0o751), ("locked", 0o400)] {
        writer.start_file(name, mode(bits)).unwrap();
    }
    let zip = writer.finish().unwrap().into_inner();
    let dir = tempfile::tempdir().unwrap();
    let code = dir.path().join("code");
    unpack(&zip, &code).unwrap();
    let mode = |name: &str| fs::metadata(code.join(name)).unwrap().permissions().mode() & 0o777;
    let modes = ["closed/data", "bin/tool", "locked", "closed"].map(mode);
    assert_eq!(modes, [0o600, 0o751, 0o400, 0o700], "its owner may remove it");
}

#[test]
fn zips_of_windows_and_of_pipes_and_large_ones_are_read() {
    let options = SimpleFileOptions::default();
    let dir = tempfile::tempdir().unwrap();
    // As `zip -` and Go write it: sizes after the data.
    let mut stream = Vec::new();
    let mut writer = ZipWriter::new_stream(&mut stream);
    writer.start_file("lib/a", options).unwrap();
    writer.write_all(b"streamed").unwrap();
    writer.finish().unwrap();
    unpack(&stream, &dir.path().join("stream")).unwrap();
    assert_eq!(fs::read(dir.path().join("stream/lib/a")).unwrap(), b"streamed");
    // With the fields for files of more than 4 GB.
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("a", options.large_file(true)).unwrap();
    writer.write_all(b"large").unwrap();
    unpack(&writer.finish().unwrap().into_inner(), &dir.path().join("large")).unwrap();
    assert_eq!(fs::read(dir.path().join("large/a")).unwrap(), b"large");
    // As Windows creates it: without a mode, so that a bootstrap in it cannot be run, as on
    // AWS.
    let mut windows = zip(&[("bootstrap", b"#!/bin/sh")]);
    let entry = windows.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    windows[entry + 5] = 0;
    windows[entry + 38..entry + 42].copy_from_slice(&0x20_u32.to_le_bytes());
    unpack(&windows, &dir.path().join("windows")).unwrap();
    let mode = fs::metadata(dir.path().join("windows/bootstrap")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0, "{mode:o}");
}

#[test]
fn what_is_no_zip_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(unpack(b"not a zip", &dir.path().join("a")), Err(Refusal::Broken(_))));
    assert!(matches!(validate(b"not a zip"), Err(Refusal::Broken(_))));
}

#[test]
fn a_zip_that_holds_nothing_is_refused() {
    for empty in [zip(&[]), Vec::new()] {
        assert!(matches!(validate(&empty), Err(Refusal::Empty)), "{empty:?}");
    }
    let error = ApiError::from(Refusal::Empty);
    assert_eq!(
        (error.code, &*error.message),
        ("InvalidParameterValueException", "Uploaded file must be a non-empty zip")
    );
}

#[test]
fn the_table_of_contents_has_the_size_and_the_entries_outside_of_the_zip() {
    assert_eq!(validate(&zip(&[("bootstrap", &[0; 600]), ("data", &[0; 400])])).unwrap(), 1000);
    assert!(matches!(validate(&zip(&[("../evil", b"x")])), Err(Refusal::Escapes(_))));
    assert!(matches!(validate(&vec![0; ZIPPED_LIMIT + 1]), Err(Refusal::TooLargeZipped)));
}

#[test]
fn a_zip_that_grows_over_the_limit_is_refused_whatever_size_it_claims() {
    let dir = tempfile::tempdir().unwrap();
    let small = zip(&[("bootstrap", &[0; 600]), ("data", &[0; 400])]);
    unpack_within(&small, &dir.path().join("a"), 1000).unwrap();
    assert!(matches!(unpack_within(&small, &dir.path().join("b"), 999), Err(Refusal::TooLarge)));
    let written = fs::metadata(dir.path().join("b/data")).unwrap().len();
    assert_eq!(written, 400, "at most a byte more than the limit is written");
}
