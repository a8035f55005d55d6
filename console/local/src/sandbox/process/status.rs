//! A process group that ends with its owner, and Lambda's wording of starts and exits.

use std::{fmt, io, os::unix::process::ExitStatusExt as _, process::ExitStatus};

use rustix::process::{Pid, Signal, kill_process_group};

/// A process group. It is killed when this is dropped, even if the whole runtime is.
pub(crate) struct Group(pub(crate) Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Usually no process of the group is left.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// End of a process, displayed in Lambda's words: `exit status 1`, `signal: killed`.
#[derive(Clone, Debug)]
pub(crate) enum Exit {
    /// It ended with this status.
    Status(ExitStatus),
    /// Its status is not known, for this reason.
    Unknown(String),
}

impl Exit {
    /// Returns `true` if its status is 0.
    pub(crate) fn is_success(&self) -> bool {
        matches!(self, Self::Status(status) if status.success())
    }
}

impl From<io::Result<ExitStatus>> for Exit {
    fn from(end: io::Result<ExitStatus>) -> Self {
        end.map_or_else(|error| Self::Unknown(error.to_string()), Self::Status)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => f.write_str(&describe(*status)),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

/// Describes an exit in Lambda's words.
fn describe(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else {
        return format!("exit status {}", status.code().unwrap_or_default());
    };
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        15 => "terminated",
        other => return format!("signal: signal {other}"),
    };
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("signal: {name}{core}")
}

/// Describes a failed start in Lambda's words.
pub(crate) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            "exec format error".to_owned()
        }
        _ => error.to_string(),
    }
}
