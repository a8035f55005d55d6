//! One sandbox: a running bootstrap with its Runtime API server and its output pipe. Starts and kills that process.

mod exchange;
mod freezer;
mod journal;
mod output;
mod peer;
mod process;
mod report;
mod runtime_api;

pub(crate) use exchange::{Answer, Event, Init, Reply};
pub(crate) use freezer::Freeze;
pub(crate) use journal::Journal;
pub(crate) use report::{Report, Status};

use crate::{
    code::{Codes, Held},
    function::Function,
    limits::Limits,
    logs::Logs,
    spawner::Spawner,
};
use exchange::Exchange;
use freezer::Freezer;
use output::Output;
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    io,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    process::Child,
    sync::{oneshot, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What sandboxes are started with.
pub(crate) struct Surroundings {
    /// The AWS region.
    pub(crate) region: String,
    /// Where the emulator is.
    pub(crate) emulator: crate::Emulator,
    /// Time and number limits.
    pub(crate) limits: Limits,
    /// The code.
    pub(crate) codes: Arc<Codes>,
    /// The logs.
    pub(crate) logs: Arc<Logs>,
    spawner: Spawner,
    /// All that runs for sandboxes.
    tasks: TaskTracker,
}

impl Surroundings {
    /// Must be called on a thread of a tokio runtime.
    pub(crate) fn new(
        region: String,
        emulator: crate::Emulator,
        limits: Limits,
        codes: Arc<Codes>,
        logs: Arc<Logs>,
    ) -> io::Result<Self> {
        let spawner = Spawner::new(tokio::runtime::Handle::current())?;
        Ok(Self { region, emulator, limits, codes, logs, spawner, tasks: TaskTracker::new() })
    }

    /// When the last sandbox has ended.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A running bootstrap.
pub(crate) struct Sandbox {
    /// What it runs.
    pub(crate) function: Arc<Function>,
    /// Where it logs.
    pub(crate) journal: Arc<Journal>,
    /// The emulator that it runs under.
    pub(crate) emulator: Option<&'static str>,
    /// When its process was started.
    pub(crate) started: Instant,
    exchange: Arc<Exchange>,
    output: Arc<Output>,
    process: Pid,
    freezer: Freezer,
    peak: AtomicU64,
    exit: watch::Receiver<Option<String>>,
}

impl Sandbox {
    /// Starts a bootstrap; the error says why it cannot run, as Lambda does.
    pub(crate) async fn start(
        surroundings: &Surroundings,
        function: &Arc<Function>,
        journal: &Arc<Journal>,
    ) -> Result<Arc<Self>, String> {
        let failed = |what: &str, error: &io::Error| format!("the sandbox could not be started: {what}: {error}");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(|error| failed("its Runtime API", &error))?;
        let address = listener.local_addr().map_err(|error| failed("its Runtime API", &error))?;
        let held = surroundings.codes.hold(&function.code);
        let root = held.root();
        let started = Instant::now();
        let spawn = async || {
            let (mut command, emulator) = process::command(surroundings, function, journal, &root, address)?;
            let (reader, writer) = io::pipe().map_err(|error| failed("its output", &error))?;
            let copy = writer.try_clone().map_err(|error| failed("its output", &error))?;
            command.stdin(std::process::Stdio::null()).stdout(copy).stderr(writer);
            let child = match surroundings.spawner.spawn(command).await {
                // Another process of ours was started while the file was written, and still holds it for an instant.
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => return Ok(None),
                result => result.map_err(|error| process::cannot_run(&words(&error)))?,
            };
            Ok::<_, String>(Some((child, reader, emulator)))
        };
        let mut attempts = 0;
        let (child, reader, emulator) = loop {
            if let Some(spawned) = spawn().await? {
                break spawned;
            }
            attempts += 1;
            if attempts > 50 {
                return Err(process::cannot_run("text file busy"));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let process = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let Some(process) = process else { return Err(process::cannot_run("the process ended at once")) };
        let output = Output::new(reader, Arc::clone(journal)).map_err(|error| failed("its output", &error))?;
        let (exited, exit) = watch::channel(None);
        let sandbox = Arc::new(Self {
            function: Arc::clone(function),
            journal: Arc::clone(journal),
            emulator,
            started,
            exchange: Arc::default(),
            output: Arc::new(output),
            process,
            freezer: Freezer::new(process),
            peak: AtomicU64::new(0),
            exit,
        });
        let tasks = &surroundings.tasks;
        let (connections, stop) = (TaskTracker::new(), CancellationToken::new());
        let exchange = Arc::clone(&sandbox.exchange);
        tasks.spawn(runtime_api::serve(listener, exchange, connections.clone(), stop.clone()));
        let (output, last_words) = (Arc::clone(&sandbox.output), Arc::clone(&sandbox.output));
        let following = tasks.spawn(async move { output.follow().await });
        let supervisor = Supervisor { child, group: Group(process), connections, stop, _code: held };
        tasks.spawn(async move {
            let status = supervisor.run().await;
            // A process that left the group may still have the pipe: nobody reads it any more.
            following.abort();
            last_words.drain();
            exited.send_replace(Some(status));
        });
        Ok(sandbox)
    }

    /// How its init ends: at its first `next`, by an error, or `None` by its exit.
    pub(crate) async fn init(&self) -> Option<Init> {
        let mut init = self.exchange.init();
        let mut exit = self.exit.clone();
        tokio::select! {
            biased;
            Ok(init) = init.wait_for(|init| !matches!(init, Init::Running)) => Some(init.clone()),
            _ = exit.wait_for(Option::is_some) => None,
        }
    }

    /// When it waits for an event.
    pub(crate) async fn ready(&self) {
        self.exchange.ready().await;
    }

    /// Gives it an event, and thaws it for that.
    pub(crate) fn submit(&self, event: Event) -> oneshot::Receiver<Answer> {
        self.freezer.wake(|| self.exchange.submit(event))
    }

    /// Which event is its last, for [`freeze`](Self::freeze).
    pub(crate) fn turn(&self) -> u64 {
        self.freezer.turn()
    }

    /// Freezes it after that event, when it waits for another one.
    pub(crate) fn freeze(&self, turn: u64) -> Freeze {
        if !self.is_alive() {
            return Freeze::Over;
        }
        self.freezer.freeze(turn, || self.exchange.rests())
    }

    /// When its current event was delivered, if it was.
    pub(crate) fn delivered(&self) -> Option<Instant> {
        self.exchange.delivered()
    }

    /// How its process ended, once it has: `exit status 1`, `signal: killed`.
    pub(crate) async fn exited(&self) -> String {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or_default(),
            Err(_gone) => "killed with the local Lambda".to_owned(),
        }
    }

    /// Whether its process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Kills its process and those that it started.
    pub(crate) fn kill(&self) {
        if self.is_alive() {
            self.measure();
            // It may have ended in this moment; then there is nothing to kill.
            let _ = kill_process_group(self.process, Signal::KILL);
        }
    }

    /// Logs what it printed up to this moment.
    pub(crate) fn drain(&self) {
        self.output.drain();
    }

    /// Its peak memory so far in MB; none where the system does not tell.
    pub(crate) fn peak(&self) -> Option<u64> {
        self.measure();
        let kilobytes = self.peak.load(Ordering::Relaxed);
        (kilobytes > 0).then(|| kilobytes.div_ceil(1024))
    }

    /// Notes the peak memory: when the process has ended, the system has forgotten it.
    pub(crate) fn measure(&self) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.as_raw_nonzero()));
        let peak = status.ok().and_then(|status| {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        });
        self.peak.fetch_max(peak.unwrap_or(0), Ordering::Relaxed);
    }
}

/// Waits for the end of a process.
struct Supervisor {
    child: Child,
    group: Group,
    connections: TaskTracker,
    stop: CancellationToken,
    _code: Held,
}

impl Supervisor {
    async fn run(mut self) -> String {
        let status = self.child.wait().await;
        // What it started goes with it.
        drop(self.group);
        // What it sent just before its end is still read: an answer counts, though its sender is gone.
        self.connections.close();
        let _ = tokio::time::timeout(Duration::from_millis(200), self.connections.wait()).await;
        self.stop.cancel();
        match status {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        }
    }
}

/// A process group; killed when this is dropped, be it with the whole runtime.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        // Most often nobody of it is left.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// An exit as Lambda words it.
fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    let Some(signal) = status.signal() else { return format!("exit status {}", status.code().unwrap_or_default()) };
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

/// A failed start as Lambda words it.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => "exec format error".to_owned(),
        _ => error.to_string(),
    }
}
