//! Programs of any language that a function runs: a finished bootstrap, or a command.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Program that a function runs in place of a binary that speaks the Runtime API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Program {
    /// `prebuilt`: a finished bootstrap.
    Prebuilt {
        /// Path of the file.
        file: PathBuf,
        /// Place of the key in the manifest: its path and the line.
        place: String,
    },
    /// `exec`: a command that the console's own bootstrap runs.
    Exec(Exec),
}

/// Command of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Words of the command line, at least one.
    pub command: Vec<String>,
    /// `true` for a program that is started once, and answers one line with one line.
    pub resident: bool,
    /// Source of the program.
    pub source: Source,
    /// Place of the key in the manifest: its path and the line.
    pub place: String,
}

/// Source of the program that a command begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A binary of the package, which is built.
    Binary(String),
    /// A file, which goes into the zip.
    File(PathBuf),
    /// A file on Lambda or in a layer: the command begins with an absolute path.
    Elsewhere,
}

impl Program {
    /// Key of the program in the manifest.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Prebuilt { .. } => "prebuilt",
            Self::Exec(_) => "exec",
        }
    }

    /// Place of the key in the manifest.
    pub fn place(&self) -> &str {
        match self {
            Self::Prebuilt { place, .. } | Self::Exec(Exec { place, .. }) => place,
        }
    }

    /// Path of the file that the function is made of; `None` if it is built, or elsewhere.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::Prebuilt { file, .. } | Self::Exec(Exec { source: Source::File(file), .. }) => {
                Some(file)
            }
            Self::Exec(_) => None,
        }
    }
}
