//! System calls that std does not have: waiting for several files, signals for a group, the end of
//! a process as a file, orphans.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::FromRawFd as _;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

/// A file that is waited for.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Waited(libc::pollfd);

impl Waited {
    /// Waits until it can be read.
    pub(super) fn read(file: &impl AsFd) -> Self {
        Self::maybe_read(Some(file))
    }

    /// Waits until it can be read, if it is open.
    pub(super) fn maybe_read(file: Option<&impl AsFd>) -> Self {
        Self::of(file, libc::POLLIN)
    }

    /// Waits until it can be written, if it is open.
    pub(super) fn maybe_write(file: Option<&impl AsFd>) -> Self {
        Self::of(file, libc::POLLOUT)
    }

    fn of(file: Option<&impl AsFd>, events: libc::c_short) -> Self {
        // A negative number is left out.
        let fd = file.map_or(-1, |file| file.as_fd().as_raw_fd());
        Self(libc::pollfd { fd, events, revents: 0 })
    }

    /// Returns `true` if it can be read or written, or its other end is closed.
    pub(super) fn is_ready(self) -> bool {
        self.0.revents != 0
    }
}

/// Waits for the first of these files, or for the time to pass; a signal ends the wait too.
#[expect(unsafe_code, reason = "std waits for one file only")]
pub(super) fn wait(files: &mut [Waited], timeout: Option<Duration>) -> io::Result<()> {
    // Rounded up, so that the time has passed afterwards.
    let milliseconds = timeout.map_or(-1, |timeout| {
        timeout.as_micros().div_ceil(1000).try_into().unwrap_or(libc::c_int::MAX)
    });
    let count = files.len() as libc::nfds_t;
    // SAFETY: `Waited` has the layout of its only field, and there are so many of them.
    let result =
        unsafe { libc::poll(files.as_mut_ptr().cast::<libc::pollfd>(), count, milliseconds) };
    if result >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(error),
    }
}

/// Makes reads and writes of this end of a pipe return at once.
#[expect(unsafe_code, reason = "std has no such setting for pipes")]
pub(super) fn set_nonblocking(file: BorrowedFd<'_>) -> io::Result<()> {
    let fd = file.as_raw_fd();
    // SAFETY: the file is open, and the flags are integers.
    let result = unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        if flags < 0 { flags } else { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) }
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Sends a signal to the group of the process, which has not been waited for. A group that is gone
/// needs none.
#[expect(unsafe_code, reason = "std sends SIGKILL to one process only")]
pub(super) fn signal_group(leader: u32, signal: libc::c_int) {
    // SAFETY: it takes two integers.
    unsafe {
        libc::kill(-(leader as libc::pid_t), signal);
    }
}

/// Returns a file that can be read when this child process has ended. It does not reap the process.
pub(super) fn end_of(process: u32) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    if let Ok(file) = process_file(process) {
        return Ok(file);
    }
    end_of_by_thread(process)
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "std's is not stable yet")]
fn process_file(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: it takes two integers, and returns a new file, which is nobody else's.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, process as libc::pid_t, 0);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd as i32)) }
    }
}

/// As [`end_of`], where the system has no such file, as on macOS and under emulators.
fn end_of_by_thread(process: u32) -> io::Result<OwnedFd> {
    let (ours, theirs) = io::pipe()?;
    let thread = std::thread::Builder::new().stack_size(64 * 1024);
    thread.spawn(move || {
        wait_without_reaping(process);
        drop(theirs);
    })?;
    Ok(ours.into())
}

#[expect(unsafe_code, reason = "std reaps each process that it waits for")]
fn wait_without_reaping(process: u32) {
    let options = libc::WEXITED | libc::WNOWAIT;
    // SAFETY: zero is a valid `siginfo_t`, which only the call writes.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        while libc::waitid(libc::P_PID, process as libc::id_t, &raw mut info, options) != 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
    }
}

/// Returns `true` if there is one invocation at a time, and so all children are of that one.
pub(super) fn is_alone() -> bool {
    static IS_ALONE: OnceLock<bool> = OnceLock::new();
    *IS_ALONE.get_or_init(|| {
        std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY").is_none_or(|count| count.is_empty())
    })
}

/// Makes orphans of the program children of this process, so that they are found. If the system
/// cannot do that, they are not.
#[cfg_attr(target_os = "linux", expect(unsafe_code, reason = "std has no such setting"))]
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes integers.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1);
    }
}

/// Kills and reaps all children: processes that have left the program's group, as daemons do.
pub(super) fn end_orphans() {
    // The children of one that was killed become children of this process.
    while reap_some(libc::WNOHANG) {
        let orphans = children();
        if orphans.is_empty() {
            break;
        }
        for orphan in orphans {
            signal(orphan, libc::SIGKILL);
        }
        reap_some(0);
    }
}

/// Reaps the children that have ended; with 0, waits for one. Returns `true` if there are others.
#[expect(unsafe_code, reason = "std waits for its own children only")]
fn reap_some(options: libc::c_int) -> bool {
    loop {
        // SAFETY: the status is not asked for.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), options) } {
            0 => return true,
            reaped if reaped > 0 && options == 0 => return true,
            reaped if reaped > 0 => {}
            _ => return false,
        }
    }
}

#[expect(unsafe_code, reason = "std sends signals to its own children only")]
fn signal(process: libc::pid_t, signal: libc::c_int) {
    // SAFETY: it takes two integers.
    unsafe {
        libc::kill(process, signal);
    }
}

/// The children of this process, where the system lists processes in `/proc`.
fn children() -> Vec<libc::pid_t> {
    let own = std::process::id().to_string();
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let child = |name: std::ffi::OsString| {
        let name = name.to_str()?;
        let process: libc::pid_t = name.parse().ok()?;
        let line = std::fs::read_to_string(format!("/proc/{name}/stat")).ok()?;
        // `PID (name) state parent …`, where the name may have any character.
        let (_, after) = line.rsplit_once(") ")?;
        (after.split(' ').nth(1)? == own).then_some(process)
    };
    processes.filter_map(|process| child(process.ok()?.file_name())).collect()
}

/// Path of the emulator that runs this process, if one does, as on the local Lambda of a machine
/// with another processor. An emulator hides itself in `/proc/self/exe`.
pub(super) fn emulator() -> Option<String> {
    let process = std::process::id();
    let program = std::fs::read_link(format!("/proc/self/task/{process}/exe")).ok()?;
    let is_emulator = program.file_name()?.to_str()?.starts_with("qemu-");
    is_emulator.then(|| format!("/proc/{process}/exe"))
}

/// The name of a signal.
pub(super) fn signal_name(signal: libc::c_int) -> String {
    const NAMES: [(libc::c_int, &str); 16] = [
        (libc::SIGHUP, "SIGHUP"),
        (libc::SIGINT, "SIGINT"),
        (libc::SIGQUIT, "SIGQUIT"),
        (libc::SIGILL, "SIGILL"),
        (libc::SIGTRAP, "SIGTRAP"),
        (libc::SIGABRT, "SIGABRT"),
        (libc::SIGBUS, "SIGBUS"),
        (libc::SIGFPE, "SIGFPE"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGUSR1, "SIGUSR1"),
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGUSR2, "SIGUSR2"),
        (libc::SIGPIPE, "SIGPIPE"),
        (libc::SIGALRM, "SIGALRM"),
        (libc::SIGTERM, "SIGTERM"),
        (libc::SIGSYS, "SIGSYS"),
    ];
    let name = NAMES.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name);
    name.map_or_else(|| format!("signal {signal}"), str::to_owned)
}
