//! A process group that ends with its owner, and Lambda's wording of starts and exits.

use std::{io, process::ExitStatus};

use rustix::process::{Pid, Signal, kill_process_group};

/// A process group. It is killed when this is dropped, even if the whole runtime is.
pub(crate) struct Group(pub(crate) Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Usually no process of the group is left.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// Describes an exit in Lambda's words.
pub(crate) fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
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
