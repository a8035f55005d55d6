//! One sandbox: a running bootstrap with its Runtime API server and its output pipe. Starts and
//! kills that process.

pub(crate) mod env;
mod extensions;
mod filesystem;
pub(crate) mod isolation;
mod log;
mod not_started;
mod process;
mod runtime_api;
mod shutdown;
mod storage;
mod telemetry;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use extensions::{
    Extensions,
    external::{self, External},
};
use filesystem::SandboxFiles;
use process::{
    child::Child,
    freezer::Freezer,
    memory::Memory,
    output::Output,
    status::{Group, words},
};
use runtime_api::{
    apis::Apis, connection_owners::ConnectionOwners, invocation_state::InvocationState,
};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::json;
use storage::Storage;
use telemetry::Category;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{oneshot, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::store::function::Function;

pub(crate) use env::SandboxEnv;
pub(crate) use extensions::Failure;
pub(crate) use log::{
    report::{Ending, Phase, Report, Run, Status},
    trace::{Trace, header as trace_header},
    writer::LogWriter,
};
pub(crate) use not_started::NotStarted;
pub(crate) use process::status::Exit;
pub(crate) use runtime_api::{
    connection_owners::is_of_this_user,
    invocation_state::{Answer, Event, Init, Part, Reply},
};
pub(crate) use shutdown::Reason;

/// A running bootstrap.
pub(crate) struct Sandbox {
    /// The function that it runs.
    pub(crate) function: Arc<Function>,
    /// The only tenant ID that it serves.
    pub(crate) tenant: Option<String>,
    /// Its log.
    pub(crate) log: Arc<LogWriter>,
    /// The emulator that it runs under.
    pub(crate) emulator: Option<&'static str>,
    /// Start time of its process.
    pub(crate) started: Instant,
    /// Its extensions.
    pub(crate) extensions: Arc<Extensions>,
    external: Vec<External>,
    invocation: Arc<InvocationState>,
    output: Arc<Output>,
    process: Pid,
    freezer: Freezer,
    memory: Memory,
    storage: Arc<Storage>,
    exit: watch::Receiver<Option<Exit>>,
    tasks: TaskTracker,
    /// The tokio runtime that serves its Runtime API.
    executor: Handle,
}

/// Returns the message for a part of a sandbox that could not be made.
fn failed(what: &str, error: &io::Error) -> String {
    format!("the sandbox could not be started: {what}: {error}")
}

/// Starts the function's bootstrap: its process, its output, and the emulator that it runs on.
async fn spawn_bootstrap(
    env: &SandboxEnv,
    function: &Arc<Function>,
    log: &Arc<LogWriter>,
    files: &SandboxFiles,
    address: std::net::SocketAddr,
) -> Result<(Child, io::PipeReader, Option<&'static str>), String> {
    let make = || {
        let bootstrap = process::bootstrap(env, function, log, files, address)?;
        let emulator = bootstrap.emulator;
        let (reader, writer) = io::pipe().map_err(|error| failed("its output", &error))?;
        Ok((bootstrap, writer, (reader, emulator)))
    };
    let cannot = |error| process::cannot_run(&words(&error));
    let (child, (reader, emulator)) = env.spawner.start(make, cannot).await?;
    Ok((child, reader, emulator))
}

impl Sandbox {
    /// Starts a sandbox's external extensions, which must register before the deadline, and then
    /// its bootstrap.
    pub(crate) async fn start(
        env: &SandboxEnv,
        function: &Arc<Function>,
        tenant: Option<&str>,
        log: &Arc<LogWriter>,
        deadline: tokio::time::Instant,
    ) -> Result<Arc<Self>, NotStarted> {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| failed("its Runtime API", &error))?;
        let address = listener.local_addr().map_err(|error| failed("its Runtime API", &error))?;
        if !env.codes.is_checked(function) {
            // An earlier process unpacked it: damage since then is detected before its first start.
            env.codes.unpack_in_turn(function).await.map_err(|failure| failure.reason)?;
        }
        let started = Instant::now();
        let files =
            SandboxFiles::make(env, function).await.map_err(|error| failed("its files", &error))?;
        let paths = external::list(&files).map_err(|error| failed("its extensions", &error))?;
        let extensions = Arc::new(Extensions::new(paths.iter().map(|path| external::name(path))));
        let apis = Arc::new(Apis {
            invocation: Arc::default(),
            extensions: Arc::clone(&extensions),
            log: Arc::clone(log),
            function: Arc::clone(function),
            owners: ConnectionOwners::new(files.mark()),
        });
        let owners = Arc::clone(&apis);
        let owners = &owners.owners;
        let invocation = Arc::clone(&apis.invocation);
        let tasks = &env.tasks;
        let (connections, stop) = (TaskTracker::new(), CancellationToken::new());
        let serving = stop.clone().drop_guard();
        tasks.spawn(runtime_api::serve(listener, apis, connections.clone(), stop.clone()));
        let mut external = Vec::new();
        if !paths.is_empty() {
            let bootstrap = process::bootstrap(env, function, log, &files, address)?;
            let start = (&*paths, &files, &bootstrap.variables, owners);
            let started = external::start(env, function, log, &extensions, start, deadline);
            external = started.await?;
        }
        let (child, reader, emulator) =
            spawn_bootstrap(env, function, log, &files, address).await?;
        let process = child.id();
        owners.add(process);
        let memory =
            Memory::new(process, function.memory, emulator.is_some(), env.cgroups.as_ref());
        let output = Output::new(reader, Arc::clone(log), Category::Function)
            .map_err(|error| failed("its output", &error))?;
        let (exited, exit) = watch::channel(None);
        let sandbox = Arc::new(Self {
            function: Arc::clone(function),
            tenant: tenant.map(str::to_owned),
            log: Arc::clone(log),
            emulator,
            started,
            extensions,
            external,
            invocation,
            output: Arc::new(output),
            process,
            freezer: Freezer::default(),
            memory,
            storage: Storage::new(files.tmp(), function),
            exit,
            tasks: tasks.clone(),
            executor: Handle::current(),
        });
        serving.disarm();
        let (output, last_words) = (Arc::clone(&sandbox.output), Arc::clone(&sandbox.output));
        let following = tasks.spawn(async move { output.follow().await });
        let supervisor = Supervisor { child, group: Group(process), connections };
        let ended = Arc::clone(&sandbox);
        tasks.spawn(async move {
            let exit = supervisor.run().await;
            // A process that left the group may still hold the pipe open: its output is no longer
            // read.
            following.abort();
            last_words.drain();
            exited.send_replace(Some(exit));
            // Its external extensions end shortly after it.
            ended.retire(Reason::Failure);
            ended.ended().await;
            // This also kills processes that they started and that left their groups.
            drop(files);
            stop.cancel();
        });
        Ok(sandbox)
    }

    /// Waits for the end of its init: its first `next` or an error, or `None` if it exited.
    pub(crate) async fn init(&self) -> Option<Init> {
        let mut init = self.invocation.init();
        let mut exit = self.exit.clone();
        tokio::select! {
            biased;
            Ok(init) = init.wait_for(|init| !matches!(init, Init::Running)) => Some(init.clone()),
            _ = exit.wait_for(Option::is_some) => None,
        }
    }

    /// Waits until it asks for an event. Returns the time since which it waits.
    pub(crate) async fn ready(&self) -> Instant {
        self.invocation.ready().await
    }

    /// Thaws the sandbox, notifies its extensions and submits the event.
    pub(crate) fn submit(&self, event: Event) -> oneshot::Receiver<Answer> {
        self.freezer.wake(self.groups(), || {
            self.extensions.release(|| {
                let tracing = json!({ "type": "X-Amzn-Trace-Id", "value": event.trace });
                let event = json!({
                    "eventType": "INVOKE", "deadlineMs": event.deadline, "requestId": event.id,
                    "invokedFunctionArn": event.arn, "tracing": tracing,
                });
                Bytes::from(event.to_string())
            });
            self.invocation.submit(event)
        })
    }

    /// Generation counter of its events, for [`freeze`](Self::freeze).
    pub(crate) fn generation(&self) -> u64 {
        self.freezer.generation()
    }

    /// Freezes it, unless an event was submitted after that generation.
    pub(crate) fn freeze(&self, generation: u64) {
        if self.is_alive() && self.freezer.freeze(generation, self.groups()) {
            self.storage.measure();
        }
    }

    /// Delivery time of its current event, if it was delivered.
    pub(crate) fn delivered(&self) -> Option<Instant> {
        self.invocation.delivered()
    }

    /// Waits until its process has exited.
    pub(crate) async fn exited(&self) -> Exit {
        let mut exit = self.exit.clone();
        let known = exit.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        known.unwrap_or_else(|| Exit::Unknown("killed with the local Lambda".to_owned()))
    }

    /// Returns `true` if it is usable: its process and its extensions are running.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_running() && !self.extensions.has_failed()
    }

    /// Returns `true` if this thread serves it, so that no other thread needs to be woken.
    pub(crate) fn is_near(&self) -> bool {
        Handle::try_current().is_ok_and(|here| here.id() == self.executor.id())
    }

    fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Like [`Self::is_alive`], but also asks the system: an exit is reported a moment later, once
    /// all output was read.
    pub(crate) fn is_alive_by_now(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.is_alive() && matches!(waitid(WaitId::Pid(self.process), options), Ok(None))
    }

    /// The leaders of its process groups that still run: the bootstrap's, and those of its external
    /// extensions.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Pid> {
        let own = self.is_running().then_some(self.process);
        own.into_iter().chain(self.external.iter().filter_map(External::process))
    }

    /// Kills its process and those that it started.
    fn kill(&self) {
        if self.is_running() {
            self.measure();
            // It may have ended by now; then there is nothing to kill.
            let _ = kill_process_group(self.process, Signal::KILL);
        }
    }

    /// Logs all that it and its extensions have printed so far.
    pub(crate) fn drain(&self) {
        self.output.drain();
        self.external.iter().for_each(External::drain);
    }

    /// Last measured peak memory in MB. `None` if the system does not report it.
    pub(crate) fn peak(&self) -> Option<u64> {
        self.memory.peak()
    }

    /// Measures its memory. Returns `true` if it used more than its function has. The system drops
    /// the figure when the process ends.
    pub(crate) fn measure(&self) -> bool {
        self.memory.measure()
    }

    /// Returns `true` if it ended because it used more memory than its function has.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        self.memory.measure()
    }

    /// Kills it when it uses more memory than its function has. Never returns.
    pub(crate) async fn guard_memory(&self) -> std::convert::Infallible {
        self.memory.exceeded().await;
        self.kill();
        std::future::pending().await
    }

    /// Kills the sandbox if its peak memory exceeded the function's. Returns whether it did.
    pub(crate) fn kill_if_out_of_memory(&self) -> bool {
        let exceeded = self.memory.glance();
        if exceeded {
            self.kill();
        }
        exceeded
    }
}

/// Waits for the end of a sandbox's process.
struct Supervisor {
    child: Child,
    group: Group,
    connections: TaskTracker,
}

impl Supervisor {
    async fn run(mut self) -> Exit {
        let end = self.child.wait().await;
        // Kills the rest of its process group.
        drop(self.group);
        // Requests that it sent just before its end are still read: an answer counts although its
        // sender has exited.
        self.connections.close();
        let _ = tokio::time::timeout(Duration::from_millis(200), self.connections.wait()).await;
        end.into()
    }
}
