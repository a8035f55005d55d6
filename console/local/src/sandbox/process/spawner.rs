//! Starts processes from one thread that lives as long as the server. On Linux a child dies with
//! the thread that started it, even when this process is killed with `kill -9`; a thread of a pool
//! may end at any time, this one does not. A child is marked and enters its mount namespace before
//! it runs its program. Touches processes only.

#[cfg(target_os = "linux")]
use std::{
    fs::File,
    os::fd::{AsFd as _, AsRawFd as _},
};
use std::{
    io::{self, PipeWriter},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tokio::{process::Command as AsyncCommand, runtime::Handle, sync::oneshot};

use super::{child::Child, program::Program};
#[cfg(target_os = "linux")]
use super::{program::Confinement, vfork};
use crate::sandbox::isolation::Namespace;

/// Number of file descriptors that a function may have on AWS, soft and hard. Source: AWS Lambda
/// developer guide, "Lambda quotas".
#[cfg(target_os = "linux")]
const DESCRIPTORS: u64 = 1024;

/// Pause of the thread after a start, before it prepares the next one: the new process has
/// priority.
const REST: Duration = Duration::from_millis(5);

/// Wait before a program whose file is held open is started again.
const BUSY: Duration = Duration::from_millis(10);

/// The thread that starts processes. It ends when this is dropped.
pub(crate) struct Spawner {
    jobs: mpsc::Sender<Job>,
}

struct Job {
    program: Program,
    output: PipeWriter,
    started: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread. The children are awaited on `runtime`, and those with mounts enter
    /// `namespace`.
    pub(crate) fn new(runtime: Handle, namespace: Option<&'static Namespace>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new().name("sandbox-spawner".to_owned()).spawn(move || {
            let _entered = runtime.enter();
            // Sandboxes inherit it.
            crate::scheduling::as_batch();
            let mut start = Start::new();
            let can_go_ahead = namespace.filter(|namespace| namespace.go_ahead());
            let mut ahead = can_go_ahead.is_some();
            loop {
                let next = match can_go_ahead {
                    Some(namespace) if !ahead => match queue.recv_timeout(REST) {
                        Err(RecvTimeoutError::Timeout) => {
                            ahead = namespace.go_ahead();
                            queue.recv().ok()
                        }
                        next => next.ok(),
                    },
                    _ => queue.recv().ok(),
                };
                let Some(Job { program, output, started }) = next else { break };
                // If the caller is gone the child is dropped, which kills it.
                let _ = started.send(start.spawn(program, output, ahead));
                ahead = false;
            }
        })?;
        Ok(Self { jobs })
    }

    /// Starts what `make` prepares, a program with its output, and returns it with the rest of what
    /// was prepared. Another child of ours may have been started while the program's file was
    /// written and hold it open for a moment: then it is prepared and started again.
    ///
    /// # Errors
    /// Returns the error of `make`, or what `failed` makes of the error of the start.
    pub(crate) async fn start<T, E>(
        &self,
        make: impl Fn() -> Result<(Program, PipeWriter, T), E>,
        failed: impl Fn(io::Error) -> E,
    ) -> Result<(Child, T), E> {
        let mut attempts = 0;
        loop {
            let (program, output, rest) = make()?;
            match self.spawn(program, output).await {
                Ok(child) => return Ok((child, rest)),
                Err(error)
                    if error.kind() == io::ErrorKind::ExecutableFileBusy && attempts < 50 =>
                {
                    attempts += 1;
                    tokio::time::sleep(BUSY).await;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Starts a program in a process group of its own, with an empty input. Both its outputs are
    /// `output`.
    async fn spawn(&self, program: Program, output: PipeWriter) -> io::Result<Child> {
        let (started, child) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts processes has ended");
        self.jobs.send(Job { program, output, started }).map_err(|_closed| gone())?;
        child.await.map_err(|_closed| gone())?
    }
}

/// The way of the thread to start processes.
struct Start {
    /// An empty input and a stack, where processes can be started without a copy of this process's
    /// memory.
    #[cfg(target_os = "linux")]
    vfork: Option<(File, vfork::Stack)>,
}

impl Start {
    fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            vfork: File::open("/dev/null")
                .ok()
                .filter(|_| vfork::is_available())
                .map(|input| (input, vfork::Stack::new())),
        }
    }

    #[cfg_attr(
        not(target_os = "linux"),
        expect(clippy::unused_self, reason = "only Linux has another way")
    )]
    fn spawn(&mut self, program: Program, output: PipeWriter, ahead: bool) -> io::Result<Child> {
        #[cfg(target_os = "linux")]
        if let Some((input, stack)) = &mut self.vfork
            && output.as_fd().as_raw_fd() > 2
            && input.as_fd().as_raw_fd() > 2
        {
            let Program { path, arguments, variables, directory, confinement, .. } = program;
            let executable = vfork::Executable::new(
                path.as_os_str(),
                arguments.iter().map(|argument| argument.as_os_str()),
                variables.iter().map(|(name, value)| (name.as_str(), value.as_os_str())),
                directory.as_ref().map(|path| path.as_os_str()),
            )?;
            let confine = confine(confinement, ahead);
            let process = stack.spawn(&executable, (&*input, &output), &confine)?;
            return Ok(Child::of_descriptor(process));
        }
        forked(program, output, ahead)
    }
}

/// Starts a process as the standard library does.
fn forked(program: Program, output: PipeWriter, ahead: bool) -> io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    let Program { path, arguments, variables, directory, confinement, .. } = program;
    let mut command = Command::new(path);
    if let Some((name, arguments)) = arguments.split_first() {
        command.arg0(name).args(arguments);
    }
    command.env_clear().envs(variables).process_group(0);
    if let Some(directory) = directory {
        command.current_dir(directory);
    }
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    #[cfg(target_os = "linux")]
    let confine = confine(confinement, ahead);
    #[cfg(target_os = "linux")]
    #[expect(
        unsafe_code,
        reason = "pre_exec is the only way; between fork and exec there are only system calls"
    )]
    // SAFETY: the closure allocates nothing, takes no lock and only makes async-signal-safe system
    // calls.
    unsafe {
        command.pre_exec(move || Ok(confine()?));
    }
    #[cfg(not(target_os = "linux"))]
    drop((confinement, ahead));
    Child::of_tokio(AsyncCommand::from(command).kill_on_drop(true).spawn()?)
}

/// Returns what a new process calls before its program: it marks the process, sets its limit of
/// file descriptors to AWS's, enters its namespace, and makes it die with this process. It makes
/// system calls only. Other systems support none of that.
#[cfg(target_os = "linux")]
fn confine(confinement: Confinement, ahead: bool) -> impl Fn() -> rustix::io::Result<()> {
    use rustix::process::{
        Resource, Rlimit, Signal, getpid, getppid, getrlimit, set_parent_process_death_signal,
        setrlimit,
    };
    let parent = getpid();
    let most = Some(getrlimit(Resource::Nofile).maximum.unwrap_or(DESCRIPTORS).min(DESCRIPTORS));
    move || {
        let Confinement { mark, mounts, kept: _ } = &confinement;
        setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
        // Refused to a process that is marked already: a local Lambda inside a sandbox.
        let _ = mark.set();
        if let Some((namespace, mounts)) = mounts {
            namespace.enter(mounts, ahead)?;
        }
        // Last, because entering a user namespace resets it.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above.
        if getppid() == Some(parent) { Ok(()) } else { Err(rustix::io::Errno::SRCH) }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        collections::BTreeMap,
        io::{PipeReader, Read as _},
        os::unix::process::ExitStatusExt as _,
    };

    use lambda_console_testing::eventually;
    use rustix::process::{Pid, test_kill_process};

    use super::{super::mark::Mark, *};

    fn forms() -> [Start; 2] {
        let start = Start::new();
        assert!(start.vfork.is_some());
        [start, Start { vfork: None }]
    }

    fn shell(script: &str) -> (Program, PipeReader, PipeWriter) {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark::of(dir.path()).unwrap().sandbox(1);
        let program = Program {
            path: "/bin/sh".into(),
            arguments: ["a shell", "-c", script].map(Into::into).into(),
            variables: BTreeMap::from([("NAME".to_owned(), "Ada L.".into())]),
            directory: Some("/".into()),
            confinement: Confinement { mark, mounts: None, kept: None },
            emulator: None,
        };
        let (reader, writer) = io::pipe().unwrap();
        (program, reader, writer)
    }

    #[tokio::test]
    async fn a_program_gets_its_name_environment_directory_and_group() {
        for mut start in forms() {
            let script = "echo \"$0|$NAME|$PWD|$(ulimit -n)|$(env | grep -c HOME)\"; \
                echo err >&2; cat; ps -o pgid= -p $$ 2>/dev/null >&2; exit 7";
            let (program, mut reader, writer) = shell(script);
            let mut child = start.spawn(program, writer, false).unwrap();
            let status = child.wait().await.unwrap();
            assert_eq!(status.code(), Some(7));
            let mut output = String::new();
            reader.read_to_string(&mut output).unwrap();
            assert!(output.starts_with("a shell|Ada L.|/|1024|0\nerr\n"), "{output}");
        }
    }

    #[tokio::test]
    async fn signals_are_neither_blocked_nor_ignored() {
        for mut start in forms() {
            let (program, _reader, writer) = shell("kill -TERM $$; exec sleep 600");
            let status = start.spawn(program, writer, false).unwrap().wait().await.unwrap();
            assert_eq!(status.signal(), Some(15));
        }
    }

    #[tokio::test]
    async fn a_program_that_cannot_run_is_an_error() {
        for mut start in forms() {
            for (path, kind) in [
                ("/nowhere/program", io::ErrorKind::NotFound),
                ("/etc", io::ErrorKind::PermissionDenied),
            ] {
                let (mut program, mut reader, writer) = shell("");
                program.path = path.into();
                assert_eq!(start.spawn(program, writer, false).err().unwrap().kind(), kind);
                assert_eq!(reader.read(&mut [0]).unwrap(), 0, "no process is left");
            }
        }
    }

    #[tokio::test]
    async fn a_child_that_is_dropped_is_killed_and_leaves_nothing() {
        for mut start in forms() {
            let (program, mut reader, writer) = shell("exec sleep 600");
            let child = start.spawn(program, writer, false).unwrap();
            let id: Pid = child.id();
            assert!(test_kill_process(id).is_ok());
            drop(child);
            assert_eq!(reader.read(&mut [0]).unwrap(), 0);
            // tokio takes the status of a process at the end of another one.
            let (program, _reader, writer) = shell("exit 0");
            start.spawn(program, writer, false).unwrap().wait().await.unwrap();
            eventually("the process is gone", async || test_kill_process(id).is_err()).await;
        }
    }
}
