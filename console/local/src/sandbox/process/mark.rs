//! The mark that every process of a sandbox keeps: a daemon leaves its group and its session, is
//! orphaned, and may clear its environment. So the mark is a resource limit without an effect,
//! `RLIMIT_RTTIME` of more than a hundred thousand years: it is inherited, needs no permission to
//! be set, and can be read of any process. It identifies the directory of the local Lambda that a
//! process belongs to, the start and the sandbox; no other process has such a limit, so no other
//! process is ever killed. Reads the marks of the processes in `/proc`, and kills those that match;
//! without `/proc`, none.

use std::{collections::HashSet, fmt, fs, io, os::unix::fs::MetadataExt as _, path::Path};

use rustix::process::Pid;
use sha2::{Digest as _, Sha256};

/// The bit that is set in all marks: 2^62 microseconds.
const BIT: u64 = 1 << 62;
/// Number of bits that identify the sandbox, and of those that identify the start of the local
/// Lambda; the rest identify the directory.
const SANDBOX_BITS: u32 = 20;
const START_BITS: u32 = 18;

/// A sandbox's mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Mark(u64);

impl Mark {
    /// The mark that all sandboxes of this start of a directory's local Lambda share; no sandbox
    /// has it itself.
    pub(crate) fn of(dir: &Path) -> io::Result<Self> {
        let (path, metadata) = (dir.canonicalize()?, fs::metadata(dir)?);
        let mut hash = Sha256::new();
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(metadata.dev().to_ne_bytes());
        hash.update(metadata.ino().to_ne_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hash.finalize().into();
        let directory =
            u64::from(u32::from_be_bytes([a, b, c, d])) >> (SANDBOX_BITS + START_BITS + 32 - 62);
        let start = uuid::Uuid::new_v4().as_u128() as u64 & ((1 << START_BITS) - 1);
        Ok(Self(BIT | directory << (SANDBOX_BITS + START_BITS) | start << SANDBOX_BITS))
    }

    /// The mark of a sandbox of this start, by its number.
    pub(crate) fn sandbox(self, number: u64) -> Self {
        // Zero is reserved for the start itself.
        Self(self.0 | (number % ((1 << SANDBOX_BITS) - 1) + 1))
    }

    /// Marks this process and those that it starts from now on. Makes one system call only.
    #[cfg(target_os = "linux")]
    pub(crate) fn set(self) -> rustix::io::Result<()> {
        use rustix::process::{Resource, Rlimit, setrlimit};
        setrlimit(Resource::Rttime, Rlimit { current: Some(self.0), maximum: Some(self.0) })
    }

    /// Returns `true` if both marks are of the same directory.
    fn is_of_directory(self, other: Self) -> bool {
        self.0 >> (SANDBOX_BITS + START_BITS) == other.0 >> (SANDBOX_BITS + START_BITS)
    }

    /// Returns `true` if both marks are of the same start.
    fn is_of_start(self, other: Self) -> bool {
        self.0 >> SANDBOX_BITS == other.0 >> SANDBOX_BITS
    }

    /// The mark of a running process, if it has one. Makes one system call, since it is called for
    /// every process of the machine.
    #[cfg(target_os = "linux")]
    fn read(process: Pid) -> Option<Self> {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        #[expect(unsafe_code, reason = "rustix has no form of it that changes nothing")]
        // SAFETY: the limit is written to during the call only, and nothing is set.
        let done = unsafe {
            libc::prlimit(
                process.as_raw_pid(),
                libc::RLIMIT_RTTIME,
                std::ptr::null(),
                &raw mut limit,
            )
        };
        (done == 0 && limit.rlim_cur & !(BIT - 1) == BIT).then_some(Self(limit.rlim_cur))
    }

    #[cfg(not(target_os = "linux"))]
    fn read(_: Pid) -> Option<Self> {
        None
    }
}

/// A name that is unique to the mark.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// Set of processes to kill.
pub(crate) enum Whose<'a> {
    /// Processes of these sandboxes.
    Sandboxes(&'a HashSet<Mark>),
    /// Processes of this start.
    This(Mark),
    /// Processes of earlier starts in the same directory.
    Earlier(Mark),
}

impl Whose<'_> {
    fn has(&self, mark: Mark) -> bool {
        match self {
            Self::Sandboxes(marks) => marks.contains(&mark),
            Self::This(start) => start.is_of_start(mark),
            Self::Earlier(start) => start.is_of_directory(mark) && !start.is_of_start(mark),
        }
    }
}

/// The processes of a sandbox that run.
pub(crate) fn marked(mark: Mark) -> Vec<Pid> {
    living(&Whose::Sandboxes(&HashSet::from([mark])))
}

/// Kills all of them, including those that are started in the meantime. Takes some milliseconds.
pub(crate) fn kill(whose: &Whose<'_>) {
    // The rounds outrun a process that only forks; a process that cannot be killed is not waited
    // for.
    for _ in 0..100 {
        let killed = living(whose).into_iter().filter(|process| kill_one(*process, whose)).count();
        if killed == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    tracing::warn!("a sandbox's processes keep starting others faster than they are killed");
}

/// The running processes of the set.
fn living(whose: &Whose<'_>) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .filter(|process| {
            Mark::read(*process).is_some_and(|mark| whose.has(mark)) && !has_ended(*process)
        })
        .collect()
}

/// Returns `true` if it has ended, even if its parent has not waited for it.
fn has_ended(process: Pid) -> bool {
    let stat =
        fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    // The name may contain any character; the field after it is the state.
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Kills a process if it still has a mark of the set. Returns `true` if it was killed or has ended.
#[cfg(target_os = "linux")]
fn kill_one(process: Pid, whose: &Whose<'_>) -> bool {
    use rustix::{
        io::Errno,
        process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
    };
    match pidfd_open(process, PidfdFlags::empty()) {
        // From here the descriptor refers to the same process, even if its id is reused.
        Ok(file) => {
            let is_meant = Mark::read(process).is_some_and(|mark| whose.has(mark));
            is_meant && pidfd_send_signal(file, Signal::KILL).is_ok()
        }
        Err(Errno::NOSYS | Errno::PERM) => {
            rustix::process::kill_process(process, Signal::KILL).is_ok()
        }
        Err(_ended) => true,
    }
}

#[cfg(not(target_os = "linux"))]
fn kill_one(_: Pid, _: &Whose<'_>) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::{
        io::{BufRead as _, BufReader},
        os::unix::process::CommandExt as _,
        process::{Child, Command, Stdio},
    };

    /// Starts a shell with this mark. Returns it and the process ids that it prints.
    fn marked(mark: Mark, script: &str, count: usize) -> (Child, Vec<Pid>) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        #[expect(unsafe_code, reason = "as the spawner does")]
        // SAFETY: one system call.
        unsafe {
            command.pre_exec(move || Ok(mark.set()?));
        }
        let mut shell = command.spawn().expect("there is a shell");
        let lines = BufReader::new(shell.stdout.take().expect("it is piped")).lines();
        let process = |line: io::Result<String>| Pid::from_raw(line.ok()?.parse().ok()?);
        let processes: Vec<Pid> = lines.take(count).filter_map(process).collect();
        assert_eq!(processes.len(), count);
        (shell, processes)
    }

    /// Daemons without a common parent, session or environment.
    const DAEMONS: &str = "(env -i setsid sh -c 'echo $$; exec sleep 600' &) & \
                           (setsid sh -c '(trap \"\" HUP TERM; sh -c \"echo \\$PPID\"; exec sleep \
                           600) & exit' &) & \
                           exec sleep 600";

    #[test]
    fn those_of_a_sandbox_are_killed_wherever_they_went_and_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let start = Mark::of(dir.path()).unwrap();
        let (mine, others) = (start.sandbox(1), start.sandbox(2));
        let (mut leader, daemons) = marked(mine, DAEMONS, 2);
        let (mut other, kept) = marked(others, "echo $$; exec sleep 600", 1);
        let family = living(&Whose::Sandboxes(&[mine].into()));
        assert!(daemons.iter().all(|daemon| family.contains(daemon)), "{family:?} {daemons:?}");
        assert!(!family.contains(&kept[0]));
        kill(&Whose::Sandboxes(&[mine].into()));
        leader.wait().unwrap();
        assert!(daemons.iter().all(|daemon| has_ended(*daemon)));
        assert!(!has_ended(kept[0]));
        kill(&Whose::This(start));
        other.wait().unwrap();
        assert!(living(&Whose::This(start)).is_empty());
    }

    #[test]
    fn leftovers_of_the_same_directory_are_killed_and_another_directorys_are_not() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let earlier = Mark::of(dir.path()).unwrap();
        // One start in many thousands has the same mark by chance.
        let starts = std::iter::repeat_with(|| Mark::of(dir.path()).unwrap());
        let now = { starts }.find(|start| !start.is_of_start(earlier)).unwrap();
        let other = Mark::of(elsewhere.path()).unwrap();
        let mut shells = [earlier, now, other]
            .map(|start| marked(start.sandbox(7), "echo $$; exec sleep 600", 1).0);
        kill(&Whose::Earlier(now));
        shells[0].wait().unwrap();
        for (shell, start) in shells[1..].iter_mut().zip([now, other]) {
            assert!(shell.try_wait().unwrap().is_none());
            kill(&Whose::This(start));
            shell.wait().unwrap();
        }
    }

    #[test]
    fn a_mark_is_read_as_it_was_set_and_this_process_has_none() {
        assert_eq!(Mark::read(rustix::process::getpid()), None);
        let dir = tempfile::tempdir().unwrap();
        let start = Mark::of(dir.path()).unwrap();
        let numbers = [0, 1, (1 << SANDBOX_BITS) - 2];
        let marks: HashSet<Mark> = numbers.iter().map(|number| start.sandbox(*number)).collect();
        assert_eq!(marks.len(), numbers.len());
        assert!(marks.iter().all(|mark| *mark != start && start.is_of_start(*mark)));
        let (mut shell, processes) = marked(start.sandbox(3), "echo $$; exec sleep 600", 1);
        assert_eq!(Mark::read(processes[0]), Some(start.sandbox(3)));
        shell.kill().unwrap();
        shell.wait().unwrap();
    }
}
