//! Compares the stale fingerprints with the crates that cargo compiles again: after each of many
//! changes, in various orders.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, SystemTime},
};

use lambda_console_model::{Architecture, CargoTarget, FunctionConfig, RuntimeCrate};

use super::*;

/// Number of changes; `LAMBDA_CONSOLE_CHANGES` overrides it.
const CHANGES: usize = 12;

const MANIFEST: &str = "[package]\nname = \"f\"\nversion = \"0.1.0\"\nedition \
    = \"2021\"\ndefault-run = \"f\"\n\
    [package.metadata.lambda]\n[dependencies]\nshared = { path = \"../shared\" }\noutside = { \
    path = \"../../outside\" }\n";
const SHARED: &str =
    "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition.workspace = true\n";
const ROOT: &str = "[workspace]\nresolver = \"2\"\nmembers = \
    [\"f\", \"g\", \"shared\", \"tools\"]\n\
    [workspace.package]\nedition = \"2021\"\n";

/// The function `f` of a workspace, with sources of every kind: modules, links to files and
/// directories, files outside the package, files that a build script writes and reads, and a crate
/// whose build script does not declare its inputs.
struct Place {
    directory: tempfile::TempDir,
    environment: BTreeMap<OsString, OsString>,
    executable: Option<Stamp>,
    random: u64,
    turn: usize,
}

impl Place {
    fn new(seed: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment = std::env::vars_os().collect();
        let place = Self { directory, environment, executable: None, random: seed, turn: 0 };
        for (file, text) in [
            ("Cargo.toml", ROOT),
            ("f/Cargo.toml", MANIFEST),
            (
                "f/src/main.rs",
                r#"
mod a;
mod linked;
#[path = "../../elsewhere/moved.rs"]
mod moved;
#[path = "links/in.rs"]
mod inside;
include!(concat!(env!("OUT_DIR"), "/made.rs"));

fn main() {
    let settings = (option_env!("PLACE_RUSTC"), env!("CARGO_PKG_DESCRIPTION"));
    println!("{} {settings:?}", include_str!("../../text.txt"));
}
"#,
            ),
            ("f/src/a.rs", ""),
            (
                "f/build.rs",
                r#"
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::write(out + "/made.rs", "").unwrap();
    println!("cargo:rerun-if-changed=data");
    println!("cargo::rerun-if-changed=one file.txt");
    println!("cargo:rerun-if-env-changed=PLACE_SCRIPT");
}
"#,
            ),
            ("f/data/a", ""),
            ("f/data/deep/b", ""),
            ("f/one file.txt", ""),
            ("f/README.md", ""),
            ("real/one.rs", ""),
            ("real/two.rs", ""),
            ("real/directory/in.rs", ""),
            ("elsewhere/moved.rs", ""),
            ("text.txt", ""),
            (
                "g/Cargo.toml",
                "[package]\nname = \"g\"\nversion = \"0.1.0\"\n[dependencies]\nshared = { \
                path = \"../shared\" }\n",
            ),
            ("g/src/main.rs", "fn main() {}\n"),
            ("tools/Cargo.toml", "[package]\nname = \"tools\"\nversion = \"0.1.0\"\n"),
            ("tools/src/lib.rs", ""),
            ("shared/Cargo.toml", SHARED),
            ("shared/build.rs", "fn main() {}\n"),
            ("shared/src/lib.rs", ""),
            ("shared/notes/a", ""),
            ("../outside/Cargo.toml", "[package]\nname = \"outside\"\nversion = \"0.1.0\"\n"),
            ("../outside/src/lib.rs", ""),
        ] {
            place.write(file, text);
        }
        std::os::unix::fs::symlink("../../real/one.rs", place.path("f/src/linked.rs")).unwrap();
        std::os::unix::fs::symlink("../../real/directory", place.path("f/src/links")).unwrap();
        place
    }

    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("workspace")
    }

    fn path(&self, file: &str) -> PathBuf {
        self.root().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % limit as u64) as usize
    }

    fn function(&self) -> Function {
        Function {
            name: "f".into(),
            binary: "f".into(),
            package: "f".into(),
            manifest: self.path("f/Cargo.toml"),
            target: CargoTarget::default(),
            runtime: RuntimeCrate::Declared,
            architecture: Architecture::Native,
            config: FunctionConfig::default(),
            events: Vec::new(),
            bootstrap: None,
            zip: None,
            stale: false,
        }
    }

    fn now(&self) -> Now {
        Now::within(self.environment.clone())
    }

    fn is_stale(&self) -> bool {
        let fingerprint = Fingerprint::read(&self.path("target/lambda/f")).expect("it was built");
        fingerprint.is_stale(&self.root(), &self.now())
    }

    /// Builds as the console does, and returns `true` if cargo compiled anything of it, or used
    /// what it had compiled before with other settings. `None` means that it does not compile.
    fn build(&mut self) -> Option<bool> {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(self.root()).env_clear().envs(&self.environment);
        for key in crate::compile::leftovers(&self.root()) {
            cargo.env_remove(key);
        }
        cargo.args([
            "build",
            "--offline",
            "--message-format",
            "json",
            "--target-dir",
            "target",
            "-p",
            "f",
            "--bin",
            "f",
        ]);
        let mut units = Units::default();
        let output = cargo.output().unwrap();
        let (mut executable, mut is_fresh) = (None, false);
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            units.line(line);
            if let Ok(cargo_metadata::Message::CompilerArtifact(artifact)) =
                serde_json::from_str(line)
                && let Some(path) = artifact.executable
            {
                (executable, is_fresh) = (Some(path.into_std_path_buf()), artifact.fresh);
            }
        }
        let executable = executable?;
        let directory = self.path("target/lambda/f");
        fs::create_dir_all(&directory).unwrap();
        fs::copy(&executable, directory.join("bootstrap")).unwrap();
        let function = self.function();
        Fingerprint::write(
            &directory,
            (&self.root(), &function, &executable),
            &units,
            false,
            &self.now(),
        )
        .unwrap();
        let stamp = Stamp::of(&executable).ok();
        Some(std::mem::replace(&mut self.executable, stamp) != stamp || !is_fresh)
    }

    /// Saves the file with content that it never had.
    fn save(&self, file: &str) {
        self.write(file, &format!("// {}\n", self.turn));
    }

    /// Adds a line to the file, or takes it away again.
    fn toggle(&self, file: &str, line: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap_or_default();
        let (with, without) = (format!("{text}{line}\n"), text.replace(&format!("{line}\n"), ""));
        self.write(file, if text.contains(line) { &without } else { &with });
    }

    fn set_time(&self, file: &str, time: SystemTime) {
        fs::File::options().append(true).open(self.path(file)).unwrap().set_modified(time).unwrap();
    }

    fn set_variable(&mut self, name: &str) {
        self.environment.insert(name.into(), self.turn.to_string().into());
    }

    /// Makes one of many changes and returns its name.
    #[expect(clippy::too_many_lines, reason = "a table: one kind of change an arm")]
    fn change(&mut self) -> &'static str {
        self.turn += 1;
        let main = fs::read_to_string(self.path("f/src/main.rs")).unwrap();
        match self.below(46) {
            0 => (self.write("f/src/main.rs", &format!("{main}\n")), "main").1,
            1 => (self.save("f/src/a.rs"), "module").1,
            2 => (self.set_time("f/src/a.rs", SystemTime::now()), "touch").1,
            3 => (self.save("shared/src/lib.rs"), "member").1,
            4 => (self.save("text.txt"), "include_str outside").1,
            5 => (self.save("f/src/unused.rs"), "file of no module").1,
            6 => (self.save("f/README.md"), "readme").1,
            7 => (self.save("f/data/deep/b"), "directory of a script").1,
            8 => (self.save(&format!("f/data/deep/{}", self.turn)), "new in that directory").1,
            9 => (drop(fs::remove_file(self.path("f/data/a"))), "removed from that directory").1,
            10 => (self.save("f/one file.txt"), "file of a script").1,
            11 => (self.save("shared/README.md"), "package of a script that says nothing").1,
            12 => {
                (drop(fs::remove_file(self.path("shared/notes/a"))), "removed from that package").1
            }
            13 => (self.save("shared/notes/a"), "again in that package").1,
            14 => (self.save("shared/.hidden"), "hidden in that package").1,
            15 => (self.save("shared/tests/it.rs"), "test in that package").1,
            16 => (self.toggle("f/Cargo.toml", "# a comment"), "comment").1,
            17 => {
                (
                    self.toggle("f/Cargo.toml", "[package.metadata.lambda.deploy]\nmemory = 256"),
                    "metadata",
                )
                    .1
            }
            18 => {
                (
                    self.write(
                        "f/Cargo.toml",
                        &MANIFEST.replace("0.1.0\"\ne", "0.1.0\"\ndescription = \"x\"\ne"),
                    ),
                    "description",
                )
                    .1
            }
            19 => (self.write("f/Cargo.toml", MANIFEST), "manifest as it was").1,
            20 => (self.toggle("f/Cargo.toml", "[features]\nextra = []"), "feature").1,
            21 => (self.toggle("f/Cargo.toml", "[lints.rust]\nunused = \"allow\""), "lints").1,
            22 => {
                (
                    self.toggle(
                        "f/Cargo.toml",
                        "[dev-dependencies]\ntools = { path = \"../tools\" }",
                    ),
                    "dev-dependency",
                )
                    .1
            }
            23 => (self.toggle("Cargo.toml", "[profile.dev]\ndebug = 1"), "profile").1,
            24 => (self.toggle("Cargo.toml", "[profile.release]\ndebug = 1"), "other profile").1,
            25 => {
                (
                    self.toggle(
                        "Cargo.toml",
                        "[workspace.dependencies]\ntools = { path = \"tools\" }",
                    ),
                    "unused shared dependency",
                )
                    .1
            }
            26 => {
                (
                    self.toggle(".cargo/config.toml", "[term]\nquiet = false"),
                    "configuration of the terminal",
                )
                    .1
            }
            27 => {
                (
                    self.toggle(
                        ".cargo/config.toml",
                        "[build]\nrustflags = [\"--cfg\", \"place\"]",
                    ),
                    "rustflags",
                )
                    .1
            }
            28 => (self.set_variable("PLACE_RUSTC"), "variable of a source").1,
            29 => (self.set_variable("PLACE_SCRIPT"), "variable of a script").1,
            30 => (self.set_variable("PLACE_OTHER"), "other variable").1,
            31 => (self.write("f/src/bin/other.rs", "fn main() {}\n"), "new binary").1,
            32 => (drop(fs::remove_file(self.path("f/src/bin/other.rs"))), "binary gone").1,
            33 => {
                (self.set_time("f/src/a.rs", SystemTime::now() - Duration::from_hours(1)), "older")
                    .1
            }
            34 => {
                self.save("f/src/a.rs.new");
                fs::rename(self.path("f/src/a.rs.new"), self.path("f/src/a.rs")).unwrap();
                "renamed over"
            }
            35 => {
                self.save("f/src/a.rs.old");
                self.set_time("f/src/a.rs.old", SystemTime::now() - Duration::from_mins(1));
                fs::rename(self.path("f/src/a.rs.old"), self.path("f/src/a.rs")).unwrap();
                "an older one renamed over"
            }
            36 => (self.save("real/one.rs"), "target of a link").1,
            37 => {
                let to = ["one", "two"][self.below(2)];
                let link = self.path("f/src/linked.rs");
                fs::remove_file(&link).unwrap();
                std::os::unix::fs::symlink(format!("../../real/{to}.rs"), link).unwrap();
                "link to another"
            }
            38 => (self.save("real/directory/in.rs"), "in a linked directory").1,
            39 => (self.save("elsewhere/moved.rs"), "path outside").1,
            40 => (self.save("../outside/src/lib.rs"), "package outside").1,
            41 => (self.save("g/src/main.rs.txt"), "other function").1,
            42 => (self.save("tools/src/lib.rs"), "package of nobody").1,
            43 => {
                (
                    self.toggle("shared/Cargo.toml", "description = \"x\""),
                    "description that no source reads",
                )
                    .1
            }
            44 => {
                let script = self.path("../outside/build.rs");
                if fs::remove_file(&script).is_err() {
                    fs::write(script, "fn main() {}\n").unwrap();
                }
                "build script that comes or goes"
            }
            _ => "nothing",
        }
    }
}

fn changes() -> usize {
    std::env::var("LAMBDA_CONSOLE_CHANGES")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(CHANGES)
}

#[test]
fn what_is_stale_is_what_cargo_compiles_again() {
    let seed = std::env::var("LAMBDA_CONSOLE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0x5eed_1234);
    let mut place = Place::new(seed);
    assert_eq!(place.build(), Some(true));
    assert!(!place.is_stale(), "it was built");
    let (mut stale, mut wrong) = (0, Vec::new());
    for turn in 0..changes() {
        let change = place.change();
        let stated = place.is_stale();
        let compiled = place.build();
        stale += usize::from(stated);
        if compiled != Some(stated) {
            wrong.push((turn, change, stated, compiled));
        }
    }
    println!("{} changes, {stale} of them stale", changes());
    assert_eq!(wrong, [], "turn, change, what was said, what cargo did; seed {seed}");
}
