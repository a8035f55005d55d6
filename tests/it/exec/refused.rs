//! Programs that cannot run on Lambda, as the build reports them.

use std::fs;

use tests::{Fixture, Home};

use super::{executable, prebuilt};

/// The error of a build of `f` for `x86_64`, and its place.
fn refused(fixture: &Fixture) -> String {
    let built = Home::new(fixture.path()).run(["build", "f", "--arch", "x86_64", "--json"]);
    assert_eq!(built.code, Some(1), "{built:?}");
    built.stdout + &built.stderr
}

/// A workspace with the function `f` by a command.
fn exec(command: &str) -> Fixture {
    let fixture = Fixture::kept("exec-refused", &[]);
    fixture.write(
        "Cargo.toml",
        &format!(
            "[workspace]\nresolver = \"3\"\nmembers = []\n\n\
             [workspace.metadata.lambda.bin.f]\nexec = \"{command}\"\n"
        ),
    );
    fixture
}

/// The smallest ELF file for a processor.
fn elf(machine: u8) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    bytes.extend([machine, 0, 1, 0, 0, 0]);
    bytes.resize(64, 0);
    bytes[52] = 64;
    bytes[54] = 56;
    bytes[58] = 64;
    bytes
}

const AARCH64: u8 = 183;

#[test]
fn a_prebuilt_bootstrap_that_lambda_could_not_start_is_refused() {
    let fixture = prebuilt::workspace("");
    let place = "Cargo.toml:6: `prebuilt`: ";
    let file = fixture.path().join("dist/bootstrap");
    let missing = refused(&fixture);
    assert!(
        missing.contains(place) && missing.contains("dist/bootstrap is not there"),
        "{missing}"
    );
    fs::create_dir_all(&file).unwrap();
    assert!(refused(&fixture).contains("dist/bootstrap is a directory"));
    fs::remove_dir(&file).unwrap();

    fs::write(&file, elf(AARCH64)).unwrap();
    assert!(refused(&fixture).contains("dist/bootstrap is not executable"));
    executable(&file);
    let wrong = refused(&fixture);
    assert!(wrong.contains("the bootstrap is for arm64, and x86_64 was requested"), "{wrong}");
    assert!(wrong.contains("`arm64 = true` in its `build`"), "{wrong}");
    fs::write(&file, "#!/bin/sh\r\necho\r\n").unwrap();
    let script = refused(&fixture);
    assert!(script.contains("the first line of the bootstrap ends with CR LF"), "{script}");
    fs::write(&file, "#!sh\n").unwrap();
    assert!(refused(&fixture).contains("has no absolute path of an interpreter"));
    fs::write(&file, "echo\n").unwrap();
    assert!(refused(&fixture).contains("neither an ELF executable nor a script"));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_prebuilt_bootstrap_for_a_newer_glibc_or_another_loader_is_refused() {
    let fixture = prebuilt::workspace("");
    let source = "#include <stdlib.h>\n#include <string.h>\nint main(int c, char **v) {\n\
        return strlcpy(v[0], v[1], 1); }\n";
    fixture.write("new.c", source);
    fs::create_dir_all(fixture.path().join("dist")).unwrap();
    let compile = |target: &str, more: &[&str]| {
        let all = [&["cc", "-target", target, "new.c", "-o", "dist/bootstrap"], more].concat();
        prebuilt::compile(&all, fixture.path());
    };
    compile("x86_64-linux-gnu.2.38", &[]);
    let newer = refused(&fixture);
    assert!(newer.contains("needs GLIBC 2.38, and Lambda has 2.34"), "{newer}");
    compile("x86_64-linux-musl", &["-dynamic"]);
    let loader = refused(&fixture);
    assert!(loader.contains("`/lib/ld-musl-x86_64.so.1`, which Lambda does not have"), "{loader}");
}

#[test]
fn a_command_that_could_not_run_is_refused() {
    let fixture = exec("bin/tool --json");
    let file = fixture.path().join("bin/tool");
    if file.exists() {
        fs::remove_file(&file).unwrap();
    }
    let missing = refused(&fixture);
    assert!(missing.contains("Cargo.toml:6: `exec`: "), "{missing}");
    assert!(missing.contains("bin/tool is not there"), "{missing}");
    fixture.write("bin/tool", "#!/bin/sh\n");
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let mode = refused(&fixture);
    assert!(mode.contains("bin/tool is not executable"), "{mode}");
    executable(&file);
    fs::write(&file, elf(AARCH64)).unwrap();
    let wrong = refused(&fixture);
    assert!(wrong.contains("`bin/tool` is for arm64, and x86_64 was requested"), "{wrong}");
    let above = refused(&exec("../tool"));
    assert!(above.contains("../tool is outside of the archive root"), "{above}");

    // What cannot be a command is no function.
    for wrong in ["", "'bin/tool"] {
        let fixture = exec(wrong);
        let listed = Home::new(fixture.path()).run(["list"]);
        let warning = "ignored the setting `workspace.metadata.lambda.bin.f.exec`";
        assert!(listed.stderr.contains(warning), "{listed:?}");
    }
}
