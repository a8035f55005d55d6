use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt};

use cargo_metadata::cargo_platform::Cfg;
use futures_util::{StreamExt, stream};

use super::*;

const TARGET: &str = "aarch64-unknown-linux-musl";

/// A package in `w`, below a directory that may have a configuration, and a home of cargo's beside
/// it.
struct Place {
    root: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Place {
    fn new(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let root = tempfile::Builder::new().prefix("a place ö").tempdir().unwrap();
        let mut variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        variables.insert("CARGO_HOME".into(), root.path().join("home").display().to_string());
        let place = Self { root, variables };
        place.write("home/.keep", "");
        place.write(
            "w/Cargo.toml",
            "[package]\nname = \"w\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        );
        place.write("w/src/lib.rs", "");
        for (name, text) in files {
            place.write(name, text);
        }
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("w")
    }

    async fn read(&self) -> Configuration {
        let variables = Variables::Of(self.variables.clone());
        Configuration::read_with(&self.directory(), variables, &CancellationToken::new())
            .await
            .unwrap()
    }

    async fn missing(&self, linked: Option<&str>) -> String {
        let checked = self.read().await.check_programs(linked, &CancellationToken::new()).await;
        checked.map_or_else(|failure| failure.why, |()| String::new())
    }
}

/// A compiler that answers as the real one does, keeps the flags that it gets, and compiles
/// nothing.
struct FakeCompiler {
    directory: tempfile::TempDir,
    cfgs: Vec<Cfg>,
}

impl FakeCompiler {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ask = async |arguments: &[&str]| {
            let mut rustc = child_process::command("rustc", directory.path());
            rustc.args(arguments);
            child_process::output(rustc, &CancellationToken::new()).await.unwrap()
        };
        let probe = ["-", "--crate-name", "___", "--print=file-names"];
        let kinds = ["bin", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"]
            .map(|kind| ["--crate-type", kind]);
        let prints =
            ["--print=sysroot", "--print=split-debuginfo", "--print=crate-name", "--print=cfg"];
        let host: Vec<&str> =
            probe.into_iter().chain(kinds.into_iter().flatten()).chain(prints).collect();
        let target: Vec<&str> = host.iter().copied().chain(["--target", TARGET]).collect();
        let cfgs = ask(&["--print", "cfg", "--target", TARGET]).await.stdout;
        // Cargo reads both: the warnings name the missing answers.
        for (name, text) in [
            ("version", ask(&["-vV"]).await),
            ("host", ask(&host).await),
            ("target", ask(&target).await),
        ] {
            fs::write(directory.path().join(name), text.stdout).unwrap();
            fs::write(directory.path().join(format!("{name}-errors")), text.stderr).unwrap();
        }
        let cfgs = cfgs.lines().map(|line| line.parse().unwrap()).collect();
        Self { directory, cfgs }
    }

    /// The flags that cargo gives it for [`TARGET`].
    async fn flags(&self, place: &Place) -> Vec<String> {
        let (asked, script) = (place.root.path().join("asked"), place.root.path().join("rustc"));
        fs::write(&script, include_str!("tests/rustc.sh")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        let mut cargo = child_process::command("cargo", &place.directory());
        cargo.args(["check", "--quiet", "--offline", "--target", TARGET]);
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.contains("RUSTFLAGS") || name.contains("WRAPPER"))
        {
            cargo.env_remove(name);
        }
        cargo.envs(&place.variables).env("RUSTC", &script).env("CARGO_CACHE_RUSTC_INFO", "0");
        cargo.env("CARGO_TARGET_DIR", place.root.path().join("target"));
        cargo.env("ANSWERS", self.directory.path()).env("ASKED", &asked);
        let finished = child_process::output(cargo, &CancellationToken::new()).await.unwrap();
        let words = fs::read_to_string(&asked).unwrap_or_else(|_| panic!("{}", finished.stderr));
        let words = words.lines().skip_while(|word| *word != "--print=file-names").skip(1);
        words.take_while(|word| *word != "--target").map(str::to_owned).collect()
    }
}

type Case = (&'static [(&'static str, &'static str)], &'static [(&'static str, &'static str)]);

const OWN: &str = "w/.cargo/config.toml";
const ABOVE: &str = ".cargo/config.toml";
const HOME: &str = "home/config.toml";
const BUILD: &str = "[build]\nrustflags = [\"-C\", \"target-cpu=native\"]\n";
const TRIPLE: &str = "[target.aarch64-unknown-linux-musl]\nrustflags = [\"--cfg\", \"triple\"]\n";
const UNIX: &str = "[target.'cfg(unix)']\nrustflags = [\"--cfg=is_unix\"]\n";
const OF_TRIPLE: &str = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS";

/// Files and variables.
const CASES: &[Case] = &[
    (&[], &[]),
    (&[(OWN, BUILD)], &[]),
    (&[(ABOVE, BUILD)], &[]),
    (&[(HOME, BUILD)], &[]),
    (&[("w/.cargo/config", BUILD)], &[]),
    (&[(OWN, TRIPLE)], &[]),
    (&[(OWN, UNIX)], &[]),
    (&[(OWN, BUILD), (ABOVE, TRIPLE)], &[]),
    (&[(OWN, BUILD), (HOME, UNIX)], &[]),
    (&[(OWN, TRIPLE), (ABOVE, UNIX)], &[]),
    (
        &[
            (OWN, BUILD),
            (ABOVE, "[build]\nrustflags = [\"--cfg\", \"above\"]"),
            (HOME, "build.rustflags = [\"--cfg=home\"]"),
        ],
        &[],
    ),
    (
        &[
            (OWN, TRIPLE),
            (ABOVE, "[target.aarch64-unknown-linux-musl]\nrustflags = [\"-Cdebuginfo=1\"]"),
        ],
        &[],
    ),
    (&[(OWN, "build.rustflags = \"-C target-cpu=native  --cfg x\"")], &[]),
    (&[(OWN, "target.aarch64-unknown-linux-musl.rustflags = \"-Copt-level=1 --cfg y\"")], &[]),
    (&[(OWN, "target.'cfg(target_arch = \"aarch64\")'.rustflags = \"--cfg arm\"")], &[]),
    (&[(OWN, "target.'cfg(target_arch = \"x86_64\")'.rustflags = \"--cfg x86\"")], &[]),
    (
        &[(
            OWN,
            "build.rustflags = [\"--cfg=b\"]\ntarget.'cfg(windows)'.rustflags = [\"--cfg=w\"]",
        )],
        &[],
    ),
    (
        &[(
            OWN,
            "target.'cfg(all(unix, target_env = \"musl\"))'.rustflags = \
            [\"--cfg=m\"]\ntarget.'cfg(any(windows, target_pointer_width = \"64\"))'.rustflags = \
            [\"--cfg=p\"]",
        )],
        &[],
    ),
    (
        &[(
            OWN,
            "target.'cfg(not(target_os = \"linux\"))'.rustflags = \
            [\"--cfg=n\"]\ntarget.'cfg(target_os = \"linux\")'.rustflags = [\"--cfg=l\"]",
        )],
        &[],
    ),
    (
        &[(
            OWN,
            "target.'cfg(unix)'.rustflags = [\"--cfg=z\"]\ntarget.'cfg(all(unix))'.rustflags = \
            [\"--cfg=a\"]\ntarget.aarch64-unknown-linux-musl.rustflags = [\"--cfg=t\"]",
        )],
        &[],
    ),
    (&[(OWN, "target.x86_64-unknown-linux-gnu.rustflags = [\"--cfg=other\"]")], &[]),
    (
        &[(
            OWN,
            "target.aarch64-unknown-linux-musl.rustflags = []\nbuild.rustflags = [\"--cfg=b\"]",
        )],
        &[],
    ),
    (
        &[(
            OWN,
            "target.aarch64-unknown-linux-musl.linker = \"x\"\nbuild.rustflags = [\"--cfg=b\"]",
        )],
        &[],
    ),
    (
        &[
            (OWN, "include = [\"extra.toml\"]\n[build]\nrustflags = [\"--cfg=own\"]"),
            ("w/.cargo/extra.toml", "[build]\nrustflags = [\"--cfg=extra\"]"),
        ],
        &[],
    ),
    (&[(OWN, "include = [\"extra.toml\"]"), ("w/.cargo/extra.toml", UNIX)], &[]),
    (
        &[
            (OWN, "include = [\"../conf/extra.toml\", { path = \"gone.toml\", optional = true }]"),
            ("w/conf/extra.toml", TRIPLE),
        ],
        &[],
    ),
    (
        &[
            (OWN, "include = [\"one.toml\"]"),
            ("w/.cargo/one.toml", "include = [\"two.toml\"]\nbuild.rustflags = [\"--cfg=one\"]"),
            ("w/.cargo/two.toml", "build.rustflags = [\"--cfg=two\"]"),
        ],
        &[],
    ),
    (&[(OWN, "[env]\nRUSTFLAGS = \"--cfg=never\"")], &[]),
    (&[(OWN, "[host]\nrustflags = [\"--cfg=host\"]\n[profile.release]\nlto = true")], &[]),
    (&[], &[("RUSTFLAGS", "-Ctarget-cpu=native --cfg  v")]),
    (&[(OWN, BUILD), (ABOVE, TRIPLE)], &[("RUSTFLAGS", "--cfg v")]),
    (&[(OWN, BUILD)], &[("RUSTFLAGS", "")]),
    (&[(OWN, BUILD)], &[("CARGO_ENCODED_RUSTFLAGS", "")]),
    (
        &[(OWN, BUILD)],
        &[("CARGO_ENCODED_RUSTFLAGS", "--cfg\u{1f}a=\"b c\""), ("RUSTFLAGS", "--cfg v")],
    ),
    (&[], &[("CARGO_BUILD_RUSTFLAGS", "--cfg v")]),
    (&[(OWN, BUILD)], &[("CARGO_BUILD_RUSTFLAGS", "--cfg v")]),
    (&[(OWN, TRIPLE)], &[("CARGO_BUILD_RUSTFLAGS", "--cfg v")]),
    (&[], &[(OF_TRIPLE, "--cfg v")]),
    (&[(OWN, BUILD)], &[(OF_TRIPLE, "--cfg v")]),
    (&[(OWN, TRIPLE), (ABOVE, UNIX)], &[(OF_TRIPLE, "--cfg v")]),
    (&[(OWN, "build.rustflags = \"--cfg s\"")], &[("CARGO_BUILD_RUSTFLAGS", "--cfg v")]),
    (
        &[(
            OWN,
            "build.target = \"x86_64-unknown-linux-gnu\"\nbuild.rustflags = \
            [\"-Clink-arg=-fuse-ld=mold\", \"-L\", \"/a b\"]",
        )],
        &[],
    ),
    (
        &[(OWN, "[build]\nrustflags = [\n  '-Clink-arg=-Wl,-rpath,\"$ORIGIN\"', # why\n]")],
        &[("CARGO_BUILD_TARGET", "wasm32-unknown-unknown")],
    ),
];

#[tokio::test]
async fn flags_are_those_that_cargo_gives_to_the_compiler() {
    let compiler = FakeCompiler::new().await;
    assert!(CASES.len() >= 40);
    let compare = async |(number, (files, variables)): (usize, &Case)| {
        let place = Place::new(files, variables);
        let (expected, read) = tokio::join!(compiler.flags(&place), place.read());
        let flags: Vec<String> =
            read.flags(TARGET, &compiler.cfgs).into_iter().flat_map(|flag| flag.words).collect();
        assert_eq!(flags, expected, "case {number}: {files:?} {variables:?}");
    };
    let cases: Vec<_> = CASES.iter().enumerate().map(compare).collect();
    stream::iter(cases).buffer_unordered(4).collect::<Vec<()>>().await;
}

#[tokio::test]
async fn a_flag_is_described_by_its_variable_or_its_key_and_file() {
    let place = Place::new(
        &[
            (OWN, "include = [\"extra.toml\"]\nbuild.rustflags = [\"-C\", \"debuginfo=1\"]"),
            (
                "w/.cargo/extra.toml",
                "build.rustflags = [\"-Ctarget-cpu=native\"]\ntarget.'cfg(windows)'.rustflags \
                = \"-Clinker=x --cfg y\"",
            ),
        ],
        &[],
    );
    let (read, cancel) = (place.read().await, CancellationToken::new());
    let of_build = Origin::Key(vec!["build".into(), "rustflags".into()]);
    let file = |name: &str| {
        place.directory().canonicalize().unwrap().join(".cargo").join(name).display().to_string()
    };
    let described = read.describe(&of_build, "-Ctarget-cpu=native", &cancel).await;
    assert_eq!(described, format!("build.rustflags in {}", file("extra.toml")));
    let described = read.describe(&of_build, "debuginfo=1", &cancel).await;
    assert_eq!(described, format!("build.rustflags in {}", file("config.toml")));
    let of_windows = Origin::Key(vec!["target".into(), "cfg(windows)".into(), "rustflags".into()]);
    let described = read.describe(&of_windows, "-Clinker=x", &cancel).await;
    assert_eq!(described, format!("target.'cfg(windows)'.rustflags in {}", file("extra.toml")));
    let described = read.describe(&Origin::Variable("RUSTFLAGS".into()), "-C", &cancel).await;
    assert_eq!(described, "the variable RUSTFLAGS");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_the_variable_or_the_file() {
    let gone = |origin: &str| format!("there is no program `/nowhere/wrap`: {origin} names it");
    for variable in
        ["RUSTC_WRAPPER", "RUSTC", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER"]
    {
        let place = Place::new(&[], &[(variable, "/nowhere/wrap")]);
        assert_eq!(place.missing(None).await, gone(&format!("the variable {variable}")));
    }
    let place = Place::new(&[(ABOVE, "build.rustc-wrapper = \"/nowhere/wrap\"")], &[]);
    let file = place.root.path().canonicalize().unwrap().join(ABOVE);
    assert_eq!(
        place.missing(None).await,
        gone(&format!("build.rustc-wrapper in {}", file.display()))
    );
    // An empty variable switches the wrapper of the files off.
    let place =
        Place::new(&[(OWN, "build.rustc-wrapper = \"/nowhere/wrap\"")], &[("RUSTC_WRAPPER", "")]);
    assert_eq!(place.missing(None).await, "");
    let place = Place::new(&[(OWN, "build.rustc-wrapper = \"no-such-program-here\"")], &[]);
    assert!(
        place
            .missing(None)
            .await
            .starts_with("there is no program `no-such-program-here`: build.rustc-wrapper in ")
    );
    // Existing programs, by their path or on the `PATH`.
    let place = Place::new(
        &[
            (OWN, "build.rustc-wrapper = \"tools/wrap\"\nbuild.rustc-workspace-wrapper = \"env\""),
            ("w/tools/wrap", ""),
        ],
        &[],
    );
    assert_eq!(place.missing(None).await, "");
    let linker = "target.x86_64-unknown-linux-gnu.linker = \"/nowhere/wrap\"";
    let place = Place::new(&[(OWN, linker)], &[]);
    assert_eq!(place.missing(None).await, "", "builds for Lambda have a linker of their own");
    let printed = place.missing(Some("x86_64-unknown-linux-gnu")).await;
    assert!(
        printed.starts_with(
            "there is no program `/nowhere/wrap`: target.x86_64-unknown-linux-gnu.linker in "
        ),
        "{printed}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_toml_is_reported_with_its_place() {
    let place = Place::new(&[(OWN, "[build\n")], &[]);
    let failure =
        Configuration::read(&place.directory(), &CancellationToken::new()).await.unwrap_err();
    assert!(failure.why.contains("config.toml"), "{failure}");
}
