//! A running program, and one exchange with it: input written, output and log lines read, its end
//! and the time limit watched, in one wait.

use std::io::{ErrorKind, Read, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::exec::command::Command;
use crate::exec::log::Log;
use crate::exec::system::{self, Waited};
use crate::failure::Failure;

/// One byte more than Lambda takes as a response: it answers a larger one with its own error, so
/// the rest of it is not kept. Source: AWS's own emulator.
const OUTPUT: usize = 6 * 1024 * 1024 + 100 + 1;
/// Bytes that are read at once: as many as a pipe holds.
const PART: usize = 64 * 1024;
/// Most parts that are read after the end: a larger pipe holds 1 MB.
const LAST_PARTS: usize = 16;

/// Outcome of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A line of output, without its end.
    Line(Vec<u8>),
    /// The program has ended.
    Ended(ExitStatus),
    /// It was killed, because the invocation would have timed out.
    TimedOut,
}

/// The time limit of an invocation: a little before the timeout, so that it can be reported.
#[derive(Clone, Copy, Debug)]
struct Limit {
    /// Time of SIGTERM.
    terminate: Instant,
    /// Time of SIGKILL.
    kill: Instant,
}

impl Limit {
    fn of(context: &Context) -> Option<Self> {
        context.deadline()?;
        let (now, left) = (Instant::now(), context.remaining());
        let early = (left / 20).clamp(Duration::from_millis(20), Duration::from_millis(500));
        let before = |early| now.checked_add(left.saturating_sub(early));
        Some(Self { terminate: before(early)?, kill: before(early / 2)? })
    }
}

/// A running program. It is killed, with its children, when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Readable when the program has ended.
    end: OwnedFd,
    has_ended: bool,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    output: Vec<u8>,
    log: Log,
    /// The bytes of one read.
    buffer: Box<[u8]>,
}

impl Process {
    /// Starts the program.
    pub(super) fn start(command: &Command, context: Option<&Context>) -> Result<Self, Failure> {
        let mut child = command.start(context)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pipes = [
            stdin.as_ref().map(AsFd::as_fd),
            stdout.as_ref().map(AsFd::as_fd),
            stderr.as_ref().map(AsFd::as_fd),
        ];
        let prepared = pipes
            .into_iter()
            .flatten()
            .try_for_each(system::set_nonblocking)
            .and_then(|()| system::end_of(child.id()));
        let end = match prepared {
            Ok(end) => end,
            Err(error) => {
                system::signal_group(child.id(), libc::SIGKILL);
                let _ = child.wait();
                let why = format!("`{}` could not be watched: {error}", command.name);
                return Err(Failure::new("NotStarted", why));
            }
        };
        let (output, log) = (Vec::new(), Log::default());
        let buffer = vec![0; PART].into();
        Ok(Self { child, end, has_ended: false, stdin, stdout, stderr, output, log, buffer })
    }

    /// Writes `input`, closes standard input, and waits for the end of the program.
    pub(super) fn finish(&mut self, input: &[u8], context: &Context) -> Outcome {
        self.exchange(input, false, Limit::of(context))
    }

    /// Writes `input`, and waits for a line.
    pub(super) fn ask(&mut self, input: &[u8], context: &Context) -> Outcome {
        self.exchange(input, true, Limit::of(context))
    }

    /// Returns the output of a program that has ended.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Returns the last lines of the log.
    pub(super) fn take_tail(&mut self) -> String {
        self.log.take_tail()
    }

    /// Reads what the program has written since its last answer, which nobody asked for. Returns
    /// the number of bytes, or `None` if the program has ended.
    pub(super) fn discard(&mut self) -> Option<usize> {
        let mut waits = [Waited::read(&self.end)];
        // On an error, the exchange reports it.
        let _ = system::wait(&mut waits, Some(Duration::ZERO));
        self.drain();
        let [end] = &waits;
        if end.is_ready() {
            self.reap();
            return None;
        }
        self.log.take_tail();
        Some(self.take_output().len())
    }

    fn exchange(&mut self, mut input: &[u8], by_line: bool, limit: Option<Limit>) -> Outcome {
        let limits = limit.map(|limit| [limit.terminate, limit.kill]);
        let (mut signals, mut searched) = (0, 0);
        loop {
            self.write(&mut input, by_line);
            let timeout = limits
                .as_ref()
                .and_then(|limits| limits.get(signals))
                .map(|limit| limit.saturating_duration_since(Instant::now()));
            if timeout == Some(Duration::ZERO) {
                let signal = if signals == 0 { libc::SIGTERM } else { libc::SIGKILL };
                system::signal_group(self.child.id(), signal);
                signals += 1;
                continue;
            }
            let stdin = self.stdin.as_ref().filter(|_| !input.is_empty());
            let mut waits = [
                Waited::read(&self.end),
                Waited::maybe_read(self.stdout.as_ref()),
                Waited::maybe_read(self.stderr.as_ref()),
                Waited::maybe_write(stdin),
            ];
            if system::wait(&mut waits, timeout).is_err() {
                // It fails only for want of memory: the program cannot be watched any longer.
                system::signal_group(self.child.id(), libc::SIGKILL);
                return Outcome::Ended(self.reap());
            }
            let [end, stdout, stderr, _] = waits.map(Waited::is_ready);
            if stderr {
                self.read_log();
            }
            if stdout {
                self.read_output();
                if by_line && let Some(line) = self.line(&mut searched) {
                    return Outcome::Line(line);
                }
            }
            if end {
                let status = self.reap();
                if signals > 0 {
                    return Outcome::TimedOut;
                }
                return match by_line.then(|| self.line(&mut searched)).flatten() {
                    Some(line) => Outcome::Line(line),
                    None => Outcome::Ended(status),
                };
            }
        }
    }

    /// Writes as much as the program takes. Closes its input after the last byte, unless other
    /// lines follow. A program that has closed it does not want more.
    fn write(&mut self, input: &mut &[u8], by_line: bool) {
        while let Some(stdin) = &mut self.stdin {
            if input.is_empty() {
                if !by_line {
                    self.stdin = None;
                }
                return;
            }
            match stdin.write(input) {
                Ok(count) => *input = input.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    *input = &[];
                    self.stdin = None;
                }
            }
        }
    }

    /// Reads a part of the output; returns `true` if there was one.
    fn read_output(&mut self) -> bool {
        let output = &mut self.output;
        part(&mut self.stdout, &mut self.buffer, |part| {
            let kept = part.len().min(OUTPUT.saturating_sub(output.len()));
            output.extend_from_slice(part.get(..kept).unwrap_or_default());
            // The end of a line that is too long is not lost.
            if kept < part.len() && output.len() == OUTPUT && part.contains(&b'\n') {
                output.push(b'\n');
            }
        })
    }

    /// Reads a part of the log; returns `true` if there was one.
    fn read_log(&mut self) -> bool {
        let log = &mut self.log;
        part(&mut self.stderr, &mut self.buffer, |part| log.push(part))
    }

    /// Takes the first line out of the output, whose beginning was `searched` already.
    fn line(&mut self, searched: &mut usize) -> Option<Vec<u8>> {
        let rest = self.output.get(*searched..)?;
        let Some(at) = rest.iter().position(|byte| *byte == b'\n') else {
            *searched = self.output.len();
            return None;
        };
        let rest = self.output.split_off(*searched + at + 1);
        let mut line = std::mem::replace(&mut self.output, rest);
        line.truncate(line.len() - 1);
        if line.ends_with(b"\r") {
            line.truncate(line.len() - 1);
        }
        Some(line)
    }

    /// Reads what is in the pipes.
    fn drain(&mut self) {
        for _ in 0..LAST_PARTS {
            // Both of them, in any case.
            if !(self.read_log() | self.read_output()) {
                break;
            }
        }
    }

    /// Kills the processes that the program has left behind, and reads its last words.
    fn reap(&mut self) -> ExitStatus {
        // The group's number stays its own until its leader is waited for.
        system::signal_group(self.child.id(), libc::SIGKILL);
        let status = self.child.wait().unwrap_or_else(|_| ExitStatus::from_raw(libc::SIGKILL));
        self.has_ended = true;
        self.drain();
        self.log.finish();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.has_ended {
            self.reap();
        }
    }
}

/// Reads a part of a pipe; returns `true` if there was one. The pipe is closed at its end.
fn part(pipe: &mut Option<impl Read>, buffer: &mut [u8], take: impl FnOnce(&[u8])) -> bool {
    let Some(open) = pipe else { return false };
    loop {
        match open.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Ok(0) | Err(_) => {
                *pipe = None;
                return false;
            }
            Ok(count) => {
                take(buffer.get(..count).unwrap_or_default());
                return true;
            }
        }
    }
}

/// The failure of a program that ended so; `None` if it succeeded.
pub(super) fn failure(name: &str, status: ExitStatus, tail: &str) -> Option<Failure> {
    if status.success() {
        return None;
    }
    let colon = if tail.is_empty() { "" } else { ": " };
    Some(match (status.signal(), status.code()) {
        (Some(signal), _) => {
            let signal = system::signal_name(signal);
            Failure::new("Signal", format!("`{name}` was ended by {signal}{colon}{tail}"))
        }
        (None, code) => {
            let code = code.unwrap_or_default();
            Failure::new("ExitCode", format!("`{name}` exited with code {code}{colon}{tail}"))
        }
    })
}

/// The failure of a program that took too long.
pub(super) fn timed_out(name: &str, tail: &str) -> Failure {
    let colon = if tail.is_empty() { "" } else { ": " };
    Failure::new("TimedOut", format!("`{name}` had not ended before the timeout{colon}{tail}"))
}
