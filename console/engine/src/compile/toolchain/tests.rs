use super::*;

#[test]
fn a_native_build_needs_no_target() {
    assert_eq!(target(Architecture::Native), None);
    assert_eq!(target(Architecture::Arm64), Some("aarch64-unknown-linux-musl"));
}

#[tokio::test]
async fn the_compiler_of_this_workspace_is_found() {
    let (rust, _) =
        rust::find(Path::new(env!("CARGO_MANIFEST_DIR")), &CancellationToken::new()).await.unwrap();
    assert!(rust.version.starts_with("1."), "{}", rust.version);
    assert!(rust.program("cargo").ends_with("cargo"));
    let host = standard::find(&rust, &rust.host, false);
    assert!(
        matches!(host, Some(Standard::Installed(_))),
        "the host's own library is there: {host:?}"
    );
    assert_eq!(standard::find(&rust, "no-such-target", false), None);
}

#[test]
fn rustups_toolchains_are_known_by_their_directory() {
    let rust = |sysroot: &str| Rust {
        version: "1.95.0".into(),
        commit: "59807616e1fa".into(),
        host: "x86_64-unknown-linux-gnu".into(),
        sysroot: sysroot.into(),
    };
    let stable = rust("/home/me/.rustup/toolchains/stable-x86_64-unknown-linux-gnu");
    assert_eq!(stable.rustup_name().as_deref(), Some("stable-x86_64-unknown-linux-gnu"));
    assert_eq!(rust("/usr").rustup_name(), None);
    assert_eq!(stable.key(), "1.95.0-59807616e");
}

#[tokio::test]
async fn a_toolchain_that_is_not_rustups_is_not_given_to_rustup() {
    let rust = Rust {
        version: "1.95.0".into(),
        commit: String::new(),
        host: String::new(),
        sysroot: "/usr".into(),
    };
    let answer =
        standard::rustup(&rust, &["target", "add", "t"], "", &Job::silent()).await.unwrap();
    assert_eq!(answer.unwrap_err(), "`rustup target add t`: the toolchain in /usr is not rustup's");
}

/// A simulated machine: programs that are scripts, and an empty cache. A process with only these
/// programs on its `PATH` does the work: [`in_a_machine`].
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn new(programs: &[(&str, &str)]) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("bin")).unwrap();
        let machine = Self { directory };
        for (name, script) in programs {
            let path = machine.path("bin").join(name);
            std::fs::write(
                &path,
                format!("#!/bin/sh\nroot={}\n{script}\n", machine.path("").display()),
            )
            .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the output of [`in_a_machine`] for `setup`.
    fn setup(&self) -> String {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "compile::toolchain::tests::in_a_machine",
                "--ignored",
                "--nocapture",
            ])
            .env("PATH", self.path("bin"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("CARGO_ZIGBUILD_ZIG_PATH")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
#[ignore = "run by other tests, with another PATH"]
async fn in_a_machine() {
    match setup_in(Path::new("/"), Architecture::X86_64, &Job::silent()).await {
        Ok(parts) => println!("ready: {parts:?}"),
        Err(failure) => println!("{:?} {failure}\nhint: {}", failure.kind, failure.hint),
    }
}

const RUSTC: (&str, &str) = ("rustc", include_str!("tests/rustc.sh"));
const ZIG: (&str, &str) = ("zig", "echo 0.15.2");

#[test]
fn a_machine_without_rust_is_reported() {
    let printed = Machine::new(&[]).setup();
    assert!(
        printed.contains(
            "Environment could not find the Rust compiler: there is no `rustc` on the PATH"
        ),
        "{printed}"
    );
    assert!(printed.contains("hint: install Rust with rustup"), "{printed}");
}

#[test]
fn a_pip_that_fails_is_quoted_with_what_else_was_tried() {
    let python = ("python3", r#"echo "$3: No module named $2" >&2; exit 1"#);
    let pip = (
        "pip3",
        "echo 'ERROR: Could not find a version that satisfies the requirement ziglang'; exit 1",
    );
    let printed = Machine::new(&[RUSTC, python, pip]).setup();
    assert!(
        printed.contains("Environment could not provide zig: tried `python3 -m pip`: "),
        "{printed}"
    );
    assert!(
        printed.contains("ERROR: Could not find a version that satisfies the requirement ziglang"),
        "{printed}"
    );
    assert!(printed.contains("pip install ziglang==0.15.2"), "{printed}");
}

const PACKAGE: (&str, &str) = ("python3", include_str!("tests/python3.sh"));
const STANDARD: (&str, &str) = ("rustup", include_str!("tests/rustup.sh"));

#[test]
fn a_zig_that_was_removed_or_answers_no_more_is_looked_for_again() {
    let machine = Machine::new(&[RUSTC, PACKAGE, STANDARD]);
    let package = machine.path("ziglang");
    std::fs::create_dir(&package).unwrap();
    std::fs::copy("/bin/echo", package.join("zig")).unwrap();
    // The output of `echo version` is no version: as if it were broken.
    assert!(machine.setup().contains("could not provide zig"), "it does not answer");
    script(&package.join("zig"), "echo 0.15.2");
    assert!(machine.setup().contains("ziglang/zig"));
    std::fs::remove_file(package.join("zig")).unwrap();
    let printed = machine.setup();
    assert!(printed.contains("could not provide zig"), "{printed}");
    // A version manager's shim stays when the program that it starts is gone.
    let zig = machine.path("bin/zig");
    script(&zig, "echo 0.14.1");
    assert!(machine.setup().contains("0.14.1"));
    script(&zig, "echo 'zig: command not found' >&2; exit 127");
    let printed = machine.setup();
    assert!(printed.contains("could not provide zig"), "{printed}");
    // Another one that comes first on the `PATH` is found.
    script(&zig, "echo 0.15.1");
    assert!(machine.setup().contains("0.15.1"));
}

fn script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let _ = std::fs::remove_file(path);
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_machine_without_python_gets_a_hint_on_what_to_install() {
    let printed = Machine::new(&[RUSTC]).setup();
    assert!(
        printed.contains("there is no `zig` on the PATH, and no `python3` to fetch it with"),
        "{printed}"
    );
    assert!(printed.contains("install python3 and pip, or "), "{printed}");
}

#[test]
fn every_way_to_the_standard_library_is_named_when_none_leads_there() {
    let machine = Machine::new(&[
        RUSTC,
        ZIG,
        ("rustup", r#"echo info: downloading; echo "error: no network for $1" >&2; exit 1"#),
    ]);
    let printed = machine.setup();
    assert!(
        printed.contains(
            "could not provide the standard library for x86_64-unknown-linux-musl: tried"
        ),
        "{printed}"
    );
    assert!(
        printed.contains(
            "`rustup target add x86_64-unknown-linux-musl`: error: no network for target"
        ),
        "{printed}"
    );
    assert!(
        printed.contains("`rustup component add rust-src`: error: no network for component"),
        "{printed}"
    );
    assert!(printed.contains("there is no `apt-get` on the PATH"), "{printed}");
    let left: Vec<_> = std::fs::read_dir(machine.path("cache/lambda-console/toolchain"))
        .unwrap()
        .flatten()
        .collect();
    assert!(
        left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".new-")),
        "{left:?}"
    );
}

#[test]
fn a_workspace_that_builds_its_library_does_not_take_the_toolchains() {
    let root = tempfile::tempdir().unwrap();
    let write = |text: &str| std::fs::write(root.path().join("Cargo.toml"), text).unwrap();
    let inside = root.path().join("functions/one");
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::write(inside.join("Cargo.toml"), "[package]\nname = \"one\"").unwrap();
    write("[workspace]");
    assert_eq!(standard::is_built(&inside), Ok(false));
    write("[workspace.metadata.lambda]\nbuild-std = true");
    assert_eq!(standard::is_built(&inside), Ok(true));
    let target = "x86_64-unknown-linux-musl";
    let rust = Rust {
        sysroot: root.path().into(),
        version: "0.0.0".into(),
        commit: "no".into(),
        host: String::new(),
    };
    let installed = standard::libraries(&rust.sysroot, target);
    std::fs::create_dir_all(&installed).unwrap();
    std::fs::write(installed.join("libstd-1.rlib"), "").unwrap();
    assert_eq!(standard::find(&rust, target, false), Some(Standard::Installed(installed)));
    assert_eq!(standard::find(&rust, target, true), None);
    write("[workspace.metadata.lambda]\nbuild-std = \"yes\"");
    let failure = standard::is_built(root.path()).unwrap_err();
    assert_eq!(
        failure.why,
        "workspace.metadata.lambda.build-std is \"yes\"; it must be true or false"
    );
}

#[test]
fn what_was_provided_is_found_the_second_time() {
    let machine = Machine::new(&[RUSTC, ZIG, ("rustup", include_str!("tests/rustup_once.sh"))]);
    for _ in 0..2 {
        let printed = machine.setup();
        assert!(
            printed.contains("ready: ") && printed.contains("x86_64-unknown-linux-musl/lib"),
            "{printed}"
        );
    }
    assert!(machine.path("asked").is_dir());
}
