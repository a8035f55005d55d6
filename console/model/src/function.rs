//! The functions of a workspace and their build artifacts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{
    failure::Failure,
    settings::{
        program::{Exec, Program, Source},
        values::{Concurrency, LogSettings, UrlSetting, Vpc},
    },
};

/// Architecture that a function is built for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
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
    /// Returns the name used on the command line, in `--json` and by AWS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
            Self::Native => "native",
        }
    }

    /// Returns the architecture with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Arm64, Self::X86_64, Self::Native].into_iter().find(|one| one.name() == name)
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Reason why a binary target counts as a function.
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
    /// Names that are not functions, each with the reason: binaries that cannot be functions, and
    /// names that settings refer to but that do not exist. `warnings` contains these too.
    #[serde(default)]
    pub left_out: Vec<(String, Failure)>,
    /// Binaries that may be functions but do not declare it.
    #[serde(default)]
    pub hints: Vec<Failure>,
    /// Parts that could not be read, for example a bad `[package.metadata.lambda]` key.
    pub warnings: Vec<Failure>,
}

/// A function: a binary target that runs on Lambda.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Name of the function, here and on a stage: `name` in its settings, else the name of the
    /// binary.
    pub name: String,
    /// The binary's name, or that of the function in the manifest if it is not a binary.
    pub binary: String,
    /// The Cargo package that declares the function. Empty if the workspace's manifest does.
    pub package: String,
    /// The `Cargo.toml` of the package or of the workspace.
    pub manifest: PathBuf,
    /// Package ID, features and binaries for cargo.
    #[serde(default)]
    pub target: CargoTarget,
    /// Reason why the binary counts as a function.
    pub runtime: RuntimeCrate,
    /// Architecture that its bootstrap was built for; before the first build, that of its manifest,
    /// else the default.
    pub architecture: Architecture,
    /// `[package.metadata.lambda.deploy]` and `.env`.
    pub config: FunctionConfig,
    /// `events/*.json`, sorted by name.
    pub events: Vec<EventFile>,
    /// `target/lambda/<binary>/bootstrap`, if built.
    pub bootstrap: Option<Bootstrap>,
    /// `target/lambda/<binary>/bootstrap.zip`, if packaged.
    pub zip: Option<Zip>,
    /// `true` if a source file is newer than the bootstrap built from it, or the zip is older than
    /// the files that it includes.
    pub stale: bool,
}

impl Function {
    /// Returns the directory of the bootstrap and the zip below `target/lambda`: the binary's name,
    /// as cargo-lambda has it, or the function's name if several packages have a binary of that
    /// name.
    pub fn directory(&self) -> &str {
        self.target.directory.as_deref().unwrap_or(&self.binary)
    }

    /// Returns the binary that cargo builds for it: its own, or the one that its command runs.
    /// `None` if it is made of files only.
    pub fn built_binary(&self) -> Option<&str> {
        match &self.config.program {
            None => Some(&self.binary),
            Some(Program::Exec(Exec { source: Source::Binary(binary), .. })) => Some(binary),
            Some(_) => None,
        }
    }
}

/// A function's package and binary in cargo's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CargoTarget {
    /// Unique ID of the package.
    pub id: String,
    /// Features of the package.
    pub features: Vec<String>,
    /// `required-features` of the binary.
    pub required: Vec<String>,
    /// All binaries of the package, functions or not: cargo builds each of them whose name is
    /// requested for another package in the same call.
    #[serde(default)]
    pub binaries: Vec<String>,
    /// Directory of the bootstrap below `target/lambda`. `None` if it is the binary's name, which
    /// no other package uses.
    #[serde(default)]
    pub directory: Option<String>,
}

/// Features of a package that a build enables, named as cargo's options.
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

/// Settings of a function in `[package.metadata.lambda]`, with cargo-lambda's meaning of the same
/// keys. `None` leaves the value on the stage; an empty value removes it there.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FunctionConfig {
    /// Name of the function, if it differs from the name of its binary.
    pub name: Option<String>,
    /// Memory in MB, 128 to 10,240 (128 for a new function).
    pub memory: Option<u32>,
    /// Timeout in seconds, 1 to 900 (3 for a new function).
    pub timeout: Option<u32>,
    /// Size of `/tmp` in MB, 512 to 10,240 (512 for a new function).
    pub ephemeral_storage: Option<u32>,
    /// Environment variables; merged into those of the stage. Values are secrets: mask them.
    pub env: BTreeMap<String, String>,
    /// Names of the variables whose value is from a file.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub env_of_files: BTreeSet<String>,
    /// `true` to remove variables on the stage that `env` does not contain.
    pub env_replace: bool,
    /// ARN of the execution role. `None` keeps the role, or creates one by name.
    pub role: Option<String>,
    /// Managed policies of the role that is created for the function: ARNs, or names of AWS managed
    /// policies.
    pub policies: Option<Vec<String>>,
    /// Statements of that role's inline policy, in IAM's JSON.
    pub statements: Option<Vec<serde_json::Value>>,
    /// The function's description; empty to remove it.
    pub description: Option<String>,
    /// X-Ray tracing: `active` or `pass-through`.
    pub tracing: Option<String>,
    /// `provided.al2023` (for a new function) or another `provided` runtime.
    pub runtime: Option<String>,
    /// Handler: the name with which `lambda::route` selects one of several functions in a program
    /// (`bootstrap` for a new function).
    pub handler: Option<String>,
    /// ARNs of layers; empty to remove them all.
    pub layers: Option<Vec<String>>,
    /// Tags; merged into those of the stage.
    pub tags: BTreeMap<String, String>,
    /// Log format, levels, group and retention.
    pub log: LogSettings,
    /// Reserved concurrency.
    pub concurrency: Option<Concurrency>,
    /// The function's URL.
    pub url: Option<UrlSetting>,
    /// VPC configuration; without subnets, detaches the function from its VPC.
    pub vpc: Option<Vpc>,
    /// S3 bucket that the zip is uploaded to.
    pub s3_bucket: Option<String>,
    /// Object key of the zip in the bucket. `None` derives it from the function's name and the
    /// zip's digest.
    pub s3_key: Option<String>,
    /// Program that the function runs. `None` for a binary that speaks the Runtime API.
    pub program: Option<Program>,
    /// Files and directories to add to the zip beside the bootstrap.
    pub include: Vec<Include>,
    /// Architecture to build for. `None` keeps the one on the stage, else the default.
    pub architecture: Option<Architecture>,
    /// Features to build with.
    pub features: Features,
    /// `true` if the binary is an extension, not a function.
    pub extension: bool,
}

impl FunctionConfig {
    /// Rule for the name of a function, for error messages.
    pub const NAME: &str = "1 to 64 letters, digits, hyphens and underscores";

    /// Returns `true` if Lambda accepts `name` as the name of a function.
    pub fn is_name(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    }
}

/// Prints names of variables, never their values: settings end up in logs.
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
            .field("handler", &self.handler)
            .field("layers", &self.layers)
            .field("tags", &self.tags)
            .field("log", &self.log)
            .field("concurrency", &self.concurrency)
            .field("url", &self.url)
            .field("vpc", &self.vpc)
            .field("program", &self.program)
            .field("include", &self.include)
            .field("architecture", &self.architecture)
            .field("features", &self.features)
            .finish_non_exhaustive()
    }
}

/// A file or a directory to add to a function's zip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Include {
    /// Source path: absolute; its part below the manifest's directory is spelled as in the
    /// manifest.
    pub name: String,
    /// Source path: absolute, and relative to the manifest's directory as the manifest has it.
    pub source: PathBuf,
    /// Place of the entry in the manifest: its path and the line.
    pub place: String,
}

/// One file of a function's payload library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFile {
    /// The file's stem: `hello` for `events/hello.json`.
    pub name: String,
    /// Path of the file.
    pub path: PathBuf,
}

/// A built `bootstrap` executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Path of the file.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of the build, in milliseconds since the Unix epoch.
    pub built_at: i64,
}

/// Returns the first digits of a hexadecimal SHA-256: enough to distinguish two on a screen.
pub fn short_sha256(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// A `bootstrap.zip`, ready to be deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zip {
    /// Path of the file.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
}

/// Size of a function's bootstrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapSize {
    /// The function's name.
    pub name: String,
    /// Size of the executable in bytes.
    pub bytes: u64,
    /// Size of the zip in bytes; `None` if there is none.
    pub zip_bytes: Option<u64>,
    /// Sections with bytes in the file, largest first. The last one is everything else: headers and
    /// padding.
    pub sections: Vec<SectionSize>,
}

/// Size of one section of an executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SectionSize {
    /// Name of the section: `.text`.
    pub name: String,
    /// Size in the file in bytes.
    pub bytes: u64,
}

impl BootstrapSize {
    /// Returns the share of a section in the executable, in per cent.
    pub fn percent(&self, section: &SectionSize) -> f64 {
        if self.bytes == 0 { 0.0 } else { section.bytes as f64 / self.bytes as f64 * 100.0 }
    }
}

/// A function that was built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Built {
    /// The function's name.
    pub name: String,
    /// Architecture that it was built for.
    pub architecture: Architecture,
    /// The executable.
    pub bootstrap: Bootstrap,
    /// The zip.
    pub zip: Zip,
    /// Warnings of the checks, for example a size near the limit.
    pub warnings: Vec<String>,
}

/// Outcome of a build. Functions that compile are built even if others fail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildOutcome {
    /// The functions that were built, sorted by name.
    pub built: Vec<Built>,
    /// The functions that failed, each with its error, sorted by name.
    pub failed: Vec<(String, Failure)>,
    /// Wall time in seconds.
    pub seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_whole_file_and_an_empty_one_has_none() {
        let text = SectionSize { name: ".text".into(), bytes: 30 };
        let of = |bytes| BootstrapSize {
            name: "hello".into(),
            bytes,
            zip_bytes: None,
            sections: vec![text.clone()],
        };
        assert!((of(120).percent(&text) - 25.0).abs() < 1e-9);
        assert!(of(0).percent(&text).abs() < 1e-9);
    }
}
