//! SIGTERM as a future: a signal handler writes one byte, which is among the few things that it may
//! do, to a socket that the executor waits on. This and `environment.rs` are the crate's unsafe
//! code.
//!
//! tokio's `signal` feature would do the same, but it makes every executor open two more sockets at
//! its start, and links a crate into functions that never use a signal.

use std::io;
use std::os::fd::IntoRawFd as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

/// File descriptor that the handler writes to; negative before it is set.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// The termination of the process by SIGTERM.
#[derive(Debug)]
pub(crate) struct Termination {
    read_end: UnixStream,
}

impl Termination {
    /// From now on SIGTERM does not end the process: it has to be waited for. Must be called within
    /// an executor.
    pub(crate) fn listen() -> io::Result<Self> {
        let (read_end, write_end) = StdUnixStream::pair()?;
        read_end.set_nonblocking(true)?;
        write_end.set_nonblocking(true)?;
        let read_end = UnixStream::from_std(read_end)?;
        // It stays open for as long as the process lives: the signal may arrive at any time.
        WRITE_END.store(write_end.into_raw_fd(), Ordering::SeqCst);
        handle_sigterm()?;
        Ok(Self { read_end })
    }

    /// Waits for SIGTERM, without a time limit.
    pub(crate) async fn came(&mut self) {
        // The other end is never closed, so the only result is the byte.
        let _ = self.read_end.read_u8().await;
    }
}

#[expect(unsafe_code, reason = "std cannot handle signals")]
fn handle_sigterm() -> io::Result<()> {
    // SAFETY: zero is a valid `sigaction` (no flags, empty mask), and `handle` has the signature of
    // a handler without SA_SIGINFO, and does only what is async-signal-safe.
    let result = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[expect(
    unsafe_code,
    reason = "a signal handler may only use system calls, which std does not offer bare"
)]
extern "C" fn handle(_: libc::c_int) {
    // SAFETY: `write` is async-signal-safe, its buffer has the one byte; `errno` is restored. A
    // full socket has a byte already, and needs no other.
    unsafe {
        let errno = errno();
        let before = *errno;
        libc::write(WRITE_END.load(Ordering::SeqCst), [0_u8].as_ptr().cast(), 1);
        *errno = before;
    }
}

/// Location of this thread's `errno`; each system has its own function for it.
#[expect(unsafe_code, reason = "std reads `errno` and does not set it")]
fn errno() -> *mut libc::c_int {
    // SAFETY: it takes no arguments, and the location belongs to the thread for as long as it
    // lives.
    unsafe {
        #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
        return libc::__error();
        #[cfg(not(any(target_vendor = "apple", target_os = "freebsd")))]
        return libc::__errno_location();
    }
}
