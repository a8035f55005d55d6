//! The functions of a workspace and what has been built of them.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{Concurrency, Failure, LogSettings, UrlSetting, Vpc};

/// What a function is built for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Lambda on Graviton: `aarch64-unknown-linux-musl`.
    #[default]
    Arm64,
    /// Lambda on x86: `x86_64-unknown-linux-musl`.
    #[serde(rename = "x86_64")]
    X86_64,
    /// This machine, for the local stage only.
    Native,
}

impl Architecture {
    /// The name used on the command line, in `--json` and by AWS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
            Self::Native => "native",
        }
    }

    /// The architecture of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Arm64, Self::X86_64, Self::Native].into_iter().find(|one| one.name() == name)
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Why a binary target counts as a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeCrate {
    /// Its package depends on this project's runtime crate.
    Bundled,
    /// Its package depends on `lambda_runtime` or `lambda_http`.
    Official,
    /// Its package has `[package.metadata.lambda]`.
    Declared,
}

/// A Cargo workspace and its functions, as read from `cargo metadata` and the target directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// The root directory's name.
    pub name: String,
    /// The directory of the root manifest.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// All functions, sorted by name.
    pub functions: Vec<Function>,
    /// Names that are no function's, each with the reason: of binaries that cannot be functions, and of names that their
    /// settings ask for in vain. The warnings have these too.
    #[serde(default)]
    pub left_out: Vec<(String, Failure)>,
    /// Binaries that may be functions and do not say so.
    #[serde(default)]
    pub hints: Vec<Failure>,
    /// What could not be read of it, for example a bad `[package.metadata.lambda]` key.
    pub warnings: Vec<Failure>,
}

/// A function: a binary target that runs on Lambda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// What it is called, here and on a stage: its settings' `name`, else the binary's.
    pub name: String,
    /// The binary's name.
    pub binary: String,
    /// The Cargo package that holds the binary.
    pub package: String,
    /// The package's `Cargo.toml`.
    pub manifest: PathBuf,
    /// How cargo knows the package and the binary.
    #[serde(default)]
    pub target: CargoTarget,
    /// Why the binary counts as a function.
    pub runtime: RuntimeCrate,
    /// What its bootstrap was built for; before the first build, what its manifest says, else the default.
    pub architecture: Architecture,
    /// `[package.metadata.lambda.deploy]` and `.env`.
    pub config: FunctionConfig,
    /// `events/*.json`, sorted by name.
    pub events: Vec<EventFile>,
    /// `target/lambda/<binary>/bootstrap`, if built.
    pub bootstrap: Option<Bootstrap>,
    /// `target/lambda/<binary>/bootstrap.zip`, if packaged.
    pub zip: Option<Zip>,
    /// A source file that the bootstrap was made from is newer than it, or the zip is behind the files that it includes.
    pub stale: bool,
}

impl Function {
    /// The directory of the bootstrap and the zip below `target/lambda`: the binary's name, as the ecosystem has it, or the
    /// function's where several packages have a binary of that name.
    pub fn directory(&self) -> &str {
        self.target.directory.as_deref().unwrap_or(&self.binary)
    }
}

/// How cargo knows a function's package and binary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CargoTarget {
    /// The package's id, which is no other's.
    pub id: String,
    /// The features that the package has.
    pub features: Vec<String>,
    /// The features without which cargo does not build the binary.
    pub required: Vec<String>,
    /// The binaries of the package, functions or not: cargo builds them all where another package's of that name is asked
    /// for in the same call.
    #[serde(default)]
    pub binaries: Vec<String>,
    /// The directory of the bootstrap below `target/lambda`. `None`: the binary's name, which no other package uses.
    #[serde(default)]
    pub directory: Option<String>,
}

/// The features of a package that a build switches on, in cargo's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// `--features`
    pub names: Vec<String>,
    /// `--all-features`
    pub all: bool,
    /// `--no-default-features`
    pub no_default: bool,
}

/// The settings of a function in `[package.metadata.lambda]`, with the meaning that cargo-lambda gave
/// the same keys. What is `None` is left as it is on the stage; what is empty is removed there.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionConfig {
    /// What the function is called, where not as its binary.
    pub name: Option<String>,
    /// Memory in MB, 128 to 10,240 (128 for a new function).
    pub memory: Option<u32>,
    /// Timeout in seconds, 1 to 900 (3 for a new function).
    pub timeout: Option<u32>,
    /// Size of `/tmp` in MB, 512 to 10,240 (512 for a new function).
    pub ephemeral_storage: Option<u32>,
    /// Environment variables; merged into those of the stage. Values are secrets: mask them.
    pub env: BTreeMap<String, String>,
    /// Variables of the stage that `env` does not name are removed.
    pub env_replace: bool,
    /// ARN of the execution role. None: keep it, or create one by name.
    pub role: Option<String>,
    /// Managed policies of the role that is made for the function: ARNs, or names of AWS's own.
    pub policies: Option<Vec<String>>,
    /// Statements of that role's own policy, in IAM's words.
    pub statements: Option<Vec<serde_json::Value>>,
    /// The function's description; empty: remove it.
    pub description: Option<String>,
    /// X-Ray tracing: `active` or `pass-through`.
    pub tracing: Option<String>,
    /// `provided.al2023` (for a new function) or another `provided` runtime.
    pub runtime: Option<String>,
    /// ARNs of layers; empty: remove them all.
    pub layers: Option<Vec<String>>,
    /// Tags; merged into those of the stage.
    pub tags: BTreeMap<String, String>,
    /// What is logged, where to, for how long.
    pub log: LogSettings,
    /// Reserved concurrency.
    pub concurrency: Option<Concurrency>,
    /// The function's URL.
    pub url: Option<UrlSetting>,
    /// The private network; without subnets: detach it.
    pub vpc: Option<Vpc>,
    /// The bucket that the zip is sent through.
    pub s3_bucket: Option<String>,
    /// The zip's key in it. None: one that follows from the function's name and the zip's digest.
    pub s3_key: Option<String>,
    /// Files and directories that go into the zip beside the bootstrap.
    pub include: Vec<Include>,
    /// What it is built for. None: what it is on the stage, else the default.
    pub architecture: Option<Architecture>,
    /// The features that it is built with.
    pub features: Features,
    /// It is an extension, and no function.
    pub extension: bool,
}

impl FunctionConfig {
    /// What a function's name is made of.
    pub const NAME: &str = "1 to 64 letters, digits, hyphens and underscores";

    /// Lambda takes a function of this name.
    pub fn is_name(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    }
}

/// Names of variables, never their values: settings end up in logs.
impl std::fmt::Debug for FunctionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionConfig")
            .field("memory", &self.memory)
            .field("timeout", &self.timeout)
            .field("ephemeral_storage", &self.ephemeral_storage)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("env_replace", &self.env_replace)
            .field("role", &self.role)
            .field("description", &self.description)
            .field("tracing", &self.tracing)
            .field("runtime", &self.runtime)
            .field("layers", &self.layers)
            .field("tags", &self.tags)
            .field("log", &self.log)
            .field("concurrency", &self.concurrency)
            .field("url", &self.url)
            .field("vpc", &self.vpc)
            .field("include", &self.include)
            .field("architecture", &self.architecture)
            .field("features", &self.features)
            .finish_non_exhaustive()
    }
}

/// A file or a directory that goes into a function's zip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// What it is called in the zip, as the manifest has it: `config/app.toml`, or `config` for all that is in there.
    pub name: String,
    /// Where it is: absolute, and as the manifest has it beyond the manifest's own directory.
    pub source: PathBuf,
    /// Where the manifest says so: its path and the line.
    pub place: String,
}

/// One file of a function's payload library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFile {
    /// The file's stem: `hello` for `events/hello.json`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// A built `bootstrap` executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was built, in milliseconds since the Unix epoch.
    pub built_at: i64,
}

/// The first digits of a SHA-256 in hexadecimal: enough to tell two apart on a screen.
pub fn short_sha256(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// A `bootstrap.zip`, ready to be deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zip {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

/// A function that a build has made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Built {
    /// The function's name.
    pub name: String,
    /// What it was built for.
    pub architecture: Architecture,
    /// The executable.
    pub bootstrap: Bootstrap,
    /// The zip.
    pub zip: Zip,
    /// What the checks found that is no error, for example a size near the limit.
    pub warnings: Vec<String>,
}

/// What a build came to. Functions that compile are built even where others fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildOutcome {
    /// The functions that were built, sorted by name.
    pub built: Vec<Built>,
    /// The functions that failed, each with why, sorted by name.
    pub failed: Vec<(String, Failure)>,
    /// Wall time in seconds.
    pub seconds: f64,
}
