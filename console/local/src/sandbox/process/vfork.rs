//! Starts a process that shares this process's memory until it runs its program, as `vfork` and
//! `posix_spawn` do. `fork` copies the page tables, and every page that this process writes to
//! afterwards: with some ten megabytes that takes longer than the rest of the start. Linux only.

use std::{
    ffi::{CString, OsStr, c_char, c_int, c_void},
    io,
    os::{
        fd::{AsFd, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
        unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    },
    process::ExitStatus,
    ptr,
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open},
};
use tokio::{io::unix::AsyncFd, runtime::Handle};

/// Size of the stack that a process has before it runs its program, in bytes.
const STACK: usize = 128 * 1024;

/// Returns `true` if the system has descriptors of processes (Linux 5.3), which tell their end.
pub(super) fn is_available() -> bool {
    pidfd_open(getpid(), PidfdFlags::empty()).is_ok()
}

/// A program with its arguments, as `execve` needs them.
pub(super) struct Executable {
    path: CString,
    arguments: Vec<CString>,
    variables: Vec<CString>,
    directory: Option<CString>,
}

impl Executable {
    /// Returns an error if a part contains a null character.
    pub(super) fn new<'a>(
        path: &OsStr,
        arguments: impl Iterator<Item = &'a OsStr>,
        variables: impl Iterator<Item = (&'a str, &'a OsStr)>,
        directory: Option<&OsStr>,
    ) -> io::Result<Self> {
        let string = |text: &OsStr| Ok::<_, io::Error>(CString::new(text.as_bytes())?);
        let variable = |(name, value): (&str, &OsStr)| {
            Ok(CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())?)
        };
        Ok(Self {
            path: string(path)?,
            arguments: arguments.map(string).collect::<io::Result<_>>()?,
            variables: variables.map(variable).collect::<io::Result<_>>()?,
            directory: directory.map(string).transpose()?,
        })
    }
}

/// All data of a start. The new process reads it and writes `error` alone.
struct Start<'a> {
    path: *const c_char,
    arguments: *const *const c_char,
    variables: *const *const c_char,
    directory: *const c_char,
    /// Standard input, output and error.
    files: [RawFd; 3],
    confine: &'a dyn Fn() -> rustix::io::Result<()>,
    /// Number of the error, 0 if the program runs.
    error: c_int,
}

/// The thread's memory for starts: the stack of the new processes.
pub(super) struct Stack(Vec<u128>);

impl Stack {
    pub(super) fn new() -> Self {
        Self(vec![0; STACK / size_of::<u128>()])
    }

    /// Starts a process in a group of its own, with these files as its standard input and output;
    /// both must have numbers above 2. `confine` runs in it before the program: it must only make
    /// system calls. Blocks until the program runs. Call it within a tokio runtime.
    ///
    /// Returns an error if the process cannot be started, or of `confine`, or of the program's
    /// start.
    pub(super) fn spawn(
        &mut self,
        executable: &Executable,
        (input, output): (&impl AsFd, &impl AsFd),
        confine: &dyn Fn() -> rustix::io::Result<()>,
    ) -> io::Result<Process> {
        let pointers = |strings: &[CString]| -> Vec<*const c_char> {
            strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
        };
        let (arguments, variables) =
            (pointers(&executable.arguments), pointers(&executable.variables));
        let output = output.as_fd().as_raw_fd();
        let mut start = Start {
            path: executable.path.as_ptr(),
            arguments: arguments.as_ptr(),
            variables: variables.as_ptr(),
            directory: executable.directory.as_ref().map_or(ptr::null(), |path| path.as_ptr()),
            files: [input.as_fd().as_raw_fd(), output, output],
            confine,
            error: 0,
        };
        let mut descriptor: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        #[expect(unsafe_code, reason = "no library has a vfork with code between it and exec")]
        // SAFETY: the kernel suspends this thread until the new process runs a program or ends, so
        // that `start` and the stack outlive their use. The process allocates nothing, takes no
        // lock and makes system calls only. No handler of a signal runs in it: all signals are
        // blocked here, and it resets the handlers before it unblocks them.
        let (id, error) = unsafe {
            let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
            let top = self.0.as_mut_ptr().add(self.0.len()).cast::<c_void>();
            let argument = (&raw mut start).cast::<c_void>();
            let id = libc::clone(run, top, flags, argument, &raw mut descriptor);
            let error = io::Error::last_os_error();
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
            (id, error)
        };
        let Some(id) = Pid::from_raw(id).filter(|_| id > 0) else { return Err(error) };
        #[expect(unsafe_code, reason = "the kernel gives a number")]
        // SAFETY: the kernel has just opened it for this caller alone: `is_available` has seen that
        // it has such descriptors, and it sets them before it resumes this thread.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        if start.error != 0 {
            let _ = reap(id, 0);
            return Err(io::Error::from_raw_os_error(start.error));
        }
        #[expect(unsafe_code, reason = "tokio has no other form of it")]
        // SAFETY: an `OwnedFd` stays the same open descriptor until it is dropped.
        let descriptor = unsafe { AsyncFd::register(descriptor) }.inspect_err(|_| {
            let _ = kill_process(id, Signal::KILL);
            let _ = reap(id, 0);
        })?;
        Ok(Process { id, descriptor: Some(descriptor) })
    }
}

/// The new process: it shares the memory of this one until it runs its program.
extern "C" fn run(start: *mut c_void) -> c_int {
    #[expect(unsafe_code, reason = "only system calls, as raw as `execve` itself")]
    // SAFETY: `start` is the `Start` of the suspended thread, and its pointers are to strings that
    // end with a null character.
    unsafe {
        let start = &mut *start.cast::<Start<'_>>();
        start.error = begin(start).err().unwrap_or_else(|| {
            libc::execve(start.path, start.arguments, start.variables);
            last_error()
        });
        libc::_exit(127)
    }
}

/// Everything before the program.
///
/// # Errors
/// Returns the number of the system's error.
#[expect(unsafe_code, reason = "system calls that change this process, which no library has all")]
unsafe fn begin(start: &Start<'_>) -> Result<(), c_int> {
    let done = |result: c_int| if result < 0 { Err(last_error()) } else { Ok(()) };
    // SAFETY: no call keeps a pointer.
    unsafe {
        for signal in 1..=64 {
            // Two of them are the C library's own and are refused.
            libc::signal(signal, libc::SIG_DFL);
        }
        done(libc::setpgid(0, 0))?;
        for (number, file) in (0..).zip(start.files) {
            done(libc::dup2(file, number))?;
        }
        if !start.directory.is_null() {
            done(libc::chdir(start.directory))?;
        }
        (start.confine)().map_err(Errno::raw_os_error)?;
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
    Ok(())
}

/// Number of the last error of this thread's system calls.
fn last_error() -> c_int {
    #[expect(unsafe_code, reason = "without an allocation")]
    // SAFETY: the pointer is always valid.
    unsafe {
        *libc::__errno_location()
    }
}

/// A process that was started. It is killed if this is dropped before its end.
pub(super) struct Process {
    id: Pid,
    /// `None` after its end.
    descriptor: Option<AsyncFd<OwnedFd>>,
}

impl Process {
    pub(super) fn id(&self) -> Pid {
        self.id
    }

    /// Waits for its end.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let ended = || io::Error::other("the process has already been awaited");
        let descriptor = self.descriptor.as_ref().ok_or_else(ended)?;
        let status = wait(self.id, descriptor).await;
        self.descriptor = None;
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(descriptor) = self.descriptor.take() else { return };
        let _ = kill_process(self.id, Signal::KILL);
        let id = self.id;
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { wait(id, &descriptor).await });
        } else {
            let _ = reap(id, libc::WNOHANG);
        }
    }
}

async fn wait(id: Pid, descriptor: &AsyncFd<OwnedFd>) -> io::Result<ExitStatus> {
    loop {
        let mut ready = descriptor.readable().await?;
        match reap(id, libc::WNOHANG)? {
            Some(status) => return Ok(status),
            None => ready.clear_ready(),
        }
    }
}

/// Takes the exit status of a process that has ended.
fn reap(id: Pid, flags: c_int) -> io::Result<Option<ExitStatus>> {
    let mut status = 0;
    #[expect(unsafe_code, reason = "rustix gives no status that std can read")]
    // SAFETY: the status is written to during the call only.
    let done = unsafe { libc::waitpid(id.as_raw_pid(), &raw mut status, flags) };
    match done {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        _ => Ok(Some(ExitStatus::from_raw(status))),
    }
}
