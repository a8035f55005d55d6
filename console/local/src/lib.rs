//! The local Lambda: AWS's own HTTP APIs of Lambda, `CloudWatch` Logs, STS and IAM on a loopback port, running the
//! bootstraps of uploaded zips as child processes. The AWS SDKs, the AWS CLI and boto3 drive it like the real one.
//!
//! # Layout
//!
//! A request comes in at the top and goes down:
//!
//! ```text
//! engine      the threads that serve
//! server      accepts connections            door       Host, Origin, signature
//! connections this user's, and not too many
//! service     which API is it for?           lock       one server a directory; how others find it
//! leaving     the end of a server that others use as well
//! urls        or is it for a function's URL?
//! lambda/     the functions' API             logs/      the log groups' API and the events on disk
//! iam, sts    what a first deploy needs      functions, layers, code, roles, queue   the rest that is on disk
//! qualified   what hangs on a function's name and a qualifier: the queue's settings, the URLs
//! streaming   a running invocation, apart from its caller
//! concurrency may it run now?
//! pool        which sandbox takes it?        invocation  a cold start, a failed init, a request's log lines
//! sandbox/    one bootstrap and its extensions: processes (spawner), pipes, their own Runtime and Extensions API
//! isolation   what they see of this machine       families, mark   their processes, to the last one
//! ```
//!
//! Everything is on disk under one directory, for its owner alone, and outlives the process. Sandboxes do not: they die
//! with it. So a process that others have joined goes on until what they asked for is answered, and the next one of them
//! serves then, on the same port if it can. When nothing is asked, nothing runs: an idle sandbox is frozen, and ended after
//! some minutes.
//!
//! What is not as on AWS: only custom runtimes run; memory is limited for the bootstrap and what it starts, not for
//! external extensions; what is frozen is the processes, not a machine; a function sees this machine's files, and
//! `/var/task`, `/opt` and a `/tmp` of its own only where the system has mount namespaces for this user (`isolation.rs` in
//! the sources says what else it can do); resource policies are kept, and count for unsigned function URLs only; there is no
//! provisioned concurrency and no code signing; an invocation waits up to 100 ms for a sandbox that has answered and is
//! about to be free; whatever may be traced is sampled, and nothing is sent to
//! X-Ray; a retry of an asynchronous invocation comes after seconds, and its destinations are functions; function URLs
//! speak HTTP without TLS, are paths under the server's address (and names under `localhost`), and refuse pages whose
//! `Origin` their Cors does not allow. Other users of the machine are refused at the connection, where the system tells whose
//! it is: on Linux.

mod call;
mod code;
mod concurrency;
mod connections;
mod damage;
mod disk;
mod door;
mod engine;
mod eventstream;
mod families;
mod fault;
mod function;
mod functions;
mod iam;
mod ids;
mod invocation;
mod isolation;
mod lambda;
mod layers;
mod leaving;
mod limits;
mod linger;
mod lock;
mod logs;
mod mark;
mod pool;
mod qualified;
mod query;
mod queue;
mod record;
mod sandbox;
mod server;
mod service;
mod spawner;
mod streaming;
mod sts;
mod table;
#[cfg(test)]
mod tests;
mod trash;
mod urls;
mod zipfile;

pub use leaving::{Left, Pending};
pub use server::MARK;
pub use urls::url_with_name;

use crate::{
    damage::Damage,
    door::Door,
    engine::Engine,
    limits::Limits,
    lock::{Lock, Past},
    service::Service,
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// Where `qemu-aarch64` is, if it is anywhere.
pub type Emulator = Arc<dyn Fn() -> Option<PathBuf> + Send + Sync>;

/// How long a process that joins waits for the serving one to say where it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the local Lambda needs to know.
#[derive(Clone)]
pub struct Options {
    /// The directory of its state; made when missing, readable by its owner alone.
    pub dir: PathBuf,
    /// The port to listen on; 0 for any free one. Without meaning when another process serves the directory already.
    pub port: u16,
    /// The AWS region in ARNs and in the functions' environment.
    pub region: String,
    /// Asked at each start of an ARM64 sandbox on another processor.
    pub emulator: Emulator,
}

/// How the local Lambda is reached.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// The endpoint URL for all four services, `http://127.0.0.1:PORT`.
    pub url: String,
    /// The access key's id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The AWS region.
    pub region: String,
    /// The process that serves.
    pub pid: u32,
    /// Which server it is: the next one on the same port has another id.
    #[serde(default)]
    pub id: String,
    /// How the memory of functions is limited there, in words.
    #[serde(default)]
    pub memory_limit: String,
    /// What of the state on disk was found damaged when it began to serve: a sentence each, which says where it is now.
    #[serde(default)]
    pub damage: Vec<String>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("access_key", &self.access_key)
            .field("secret_key", &"***")
            .field("region", &self.region)
            .field("pid", &self.pid)
            .field("id", &self.id)
            .field("memory_limit", &self.memory_limit)
            .field("damage", &self.damage)
            .finish()
    }
}

/// Why the local Lambda could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state on disk could not be read or written.
    #[error("the local Lambda's state in {} cannot be used: {source}", dir.display())]
    State {
        /// The state directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The port asked for cannot be had.
    #[error("the local Lambda cannot listen on 127.0.0.1:{port}: {source}; give another port, or 0 for any")]
    Port {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the lock and cannot be reached.
    #[error(
        "another process serves the local Lambda of {} but does not answer; end it (the file endpoint.json there names its process id) and try again",
        dir.display()
    )]
    Silent {
        /// The state directory.
        dir: PathBuf,
    },
}

/// A local Lambda: served by this process, or joined.
pub struct Local {
    endpoint: Endpoint,
    dir: PathBuf,
    server: Option<Server>,
}

/// What this process runs when it serves.
struct Server {
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    service: Arc<Service>,
    _lock: Lock,
    /// Ends when this goes, and all that runs on it.
    _engine: Engine,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.service.queue.stop();
        self.service.pool.close();
        self.service.pool.surroundings().families.end_all();
    }
}

/// Opens the local Lambda of a directory: serves it, or joins the process that does. Must be called within a tokio
/// runtime with I/O and time; the server runs on threads of its own.
pub async fn open(options: Options) -> Result<Local, Error> {
    open_with(options, Limits::default()).await
}

async fn open_with(options: Options, limits: Limits) -> Result<Local, Error> {
    let Options { dir, port, region, emulator } = options;
    let state = |source| Error::State { dir: dir.clone(), source };
    let damage = Arc::<Damage>::default();
    damage.dir(&dir).map_err(state)?;
    let began = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(lock) = Lock::take(&dir, &damage).map_err(state)? {
            let past = Past::note_killed(&dir, &damage).map_err(state)?;
            let engine = Engine::start().map_err(state)?;
            let main = engine.main.clone();
            let (place, damage) = (dir.clone(), Arc::clone(&damage));
            let serving = main.spawn(async move {
                let listener = listen(port, past.port).await.map_err(|source| Error::Port { port, source })?;
                let served = serve(&place, listener, region, emulator, limits, damage, (lock, past, engine)).await;
                served.map_err(|source| Error::State { dir: place, source })
            });
            let (endpoint, server) = serving.await.map_err(|error| state(io::Error::other(error)))??;
            return Ok(Local { endpoint, dir, server: Some(server) });
        }
        if let Some(endpoint) = lock::read_endpoint(&dir)
            && answers(&endpoint).await
        {
            return Ok(Local { endpoint, dir, server: None });
        }
        if began.elapsed() > PATIENCE {
            return Err(Error::Silent { dir });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Listens on `port`; on any when that is 0, and then best on that of the server before, which callers may still have.
async fn listen(port: u16, last: u16) -> io::Result<TcpListener> {
    if port == 0
        && last != 0
        && let Ok(listener) = TcpListener::bind(("127.0.0.1", last)).await
    {
        return Ok(listener);
    }
    TcpListener::bind(("127.0.0.1", port)).await
}

/// Whether something listens there: the file may be a killed server's.
async fn answers(endpoint: &Endpoint) -> bool {
    match endpoint.url.strip_prefix("http://") {
        Some(address) => TcpStream::connect(address).await.is_ok(),
        None => false,
    }
}

async fn serve(
    dir: &Path,
    listener: TcpListener,
    region: String,
    emulator: Emulator,
    limits: Limits,
    damage: Arc<Damage>,
    (lock, past, engine): (Lock, Past, Engine),
) -> io::Result<(Endpoint, Server)> {
    let port = listener.local_addr()?.port();
    if port != past.port {
        Past { port, ..past }.write(dir)?;
    }
    let limits = limits.within_the_system();
    let (place, region_of_service) = (dir.to_owned(), region.clone());
    let (keys, service) = tokio::task::spawn_blocking(move || {
        let keys = lock::Keys::of(&place, &damage)?;
        Ok::<_, io::Error>((keys, Service::open(&place, region_of_service, emulator, limits, port, damage)?))
    })
    .await
    .map_err(io::Error::other)??;
    let door = Arc::new(Door::new(port, &region, &keys.access_key, &keys.secret_key));
    let _ = service.door.set(Arc::clone(&door));
    let stop = CancellationToken::new();
    let accepting = tokio::spawn(server::serve(listener, door, Arc::clone(&service), engine.in_turn(), stop.clone()));
    service.queue.resume(&service)?;
    let endpoint = Endpoint {
        url: format!("http://127.0.0.1:{port}"),
        access_key: keys.access_key,
        secret_key: keys.secret_key,
        region,
        pid: std::process::id(),
        id: uuid::Uuid::new_v4().to_string(),
        memory_limit: service.pool.surroundings().memory_limit().to_owned(),
        damage: service.damage.found(),
    };
    let server = Server { stop, accepting, service, _lock: lock, _engine: engine };
    lock::write_endpoint(dir, &endpoint)?;
    Ok((endpoint, server))
}

impl Local {
    /// How it is reached.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether this process serves it.
    pub fn is_serving(&self) -> bool {
        self.server.is_some()
    }

    /// Whether this server still serves. When not, open it again: another process may serve by then, on the same port.
    pub fn is_alive(&self) -> bool {
        match &self.server {
            Some(server) => !server.accepting.is_finished(),
            None => self.link().fate() == Fate::Alive,
        }
    }

    /// Which server this is, for what becomes of it.
    pub fn link(&self) -> Link {
        Link { dir: self.dir.clone(), id: self.endpoint.id.clone() }
    }

    /// Ends the server and its sandboxes at once; when joined, only leaves. Functions, logs and events that are queued stay
    /// on disk.
    pub async fn shutdown(self) {
        self.leave(std::future::ready(()), |_| {}).await;
    }
}

/// A server that this process serves or has joined.
#[derive(Clone, Debug)]
pub struct Link {
    dir: PathBuf,
    id: String,
}

/// What has become of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It serves.
    Alive,
    /// It ended in order: what it did not answer, it did not begin.
    Finished,
    /// It was killed: of what it did not answer, nothing is known.
    Killed,
}

impl Link {
    /// Waits until it has ended, or another one serves in its place. Costs a thread that sleeps.
    pub async fn ended(&self) {
        let (sender, ended) = tokio::sync::oneshot::channel();
        let dir = self.dir.clone();
        // Not one of the runtime's: nobody waits for it when this process ends first.
        let waiting = std::thread::Builder::new().name("local-lambda-end".to_owned()).spawn(move || {
            let waited = lock::wait(&dir);
            drop(sender.send(waited));
        });
        if waiting.is_err() || !matches!(ended.await, Ok(Ok(()))) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// What has become of it.
    pub fn fate(&self) -> Fate {
        match lock::read_endpoint(&self.dir) {
            Some(endpoint) if endpoint.id == self.id => {
                if Lock::is_held(&self.dir) {
                    Fate::Alive
                } else {
                    Fate::Killed
                }
            }
            _ if Past::read(&self.dir).killed.contains(&self.id) => Fate::Killed,
            _ => Fate::Finished,
        }
    }
}
