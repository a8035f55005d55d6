//! Opens the local Lambda of a directory: serves it, or joins the process that does.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    auth::Auth,
    endpoint::Endpoint,
    io_threads::IoThreads,
    link::{Fate, Link},
    lock::{self, Lock, Past},
    serve,
};
use crate::{
    api::lambda::invoke::queue, limits::Limits, sandbox::env::Emulator, service::Service,
    store::damage::Damage,
};

/// Time that a joining process waits for the serving one to publish its address.
const PATIENCE: Duration = Duration::from_secs(10);

/// Options for opening the local Lambda.
#[derive(Clone)]
pub struct Options {
    /// State directory; created if missing, readable by its owner alone.
    pub dir: PathBuf,
    /// Port to listen on; 0 for any free one. Ignored if another process already serves the
    /// directory.
    pub port: u16,
    /// AWS region in ARNs and in the functions' environment.
    pub region: String,
    /// Emulator, looked up at each start of an ARM64 sandbox on another processor.
    pub emulator: Emulator,
}

/// Error returned when the local Lambda could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state on disk could not be read or written.
    #[error("the local Lambda's state in {} cannot be used: {source}", dir.display())]
    State {
        /// The state directory.
        dir: PathBuf,
        /// The underlying I/O error.
        source: io::Error,
    },
    /// The requested port is not available.
    #[error(
        "the local Lambda cannot listen on 127.0.0.1:{port}: {source}; give another port, or 0 for \
        any"
    )]
    Port {
        /// The requested port.
        port: u16,
        /// The underlying I/O error.
        source: io::Error,
    },
    /// Another process holds the lock and cannot be reached.
    #[error(
        "another process serves the local Lambda of {} but does not answer; end it (the file \
        endpoint.json there names its process id) and try again",
        dir.display()
    )]
    Silent {
        /// The state directory.
        dir: PathBuf,
    },
}

/// A local Lambda, served by this process or joined.
pub struct Local {
    endpoint: Endpoint,
    pub(super) dir: PathBuf,
    pub(crate) server: Option<Server>,
}

/// State of a server that runs in this process.
pub(crate) struct Server {
    pub(super) stop: CancellationToken,
    pub(super) accepting: JoinHandle<()>,
    pub(crate) service: Arc<Service>,
    _lock: Lock,
    /// The I/O threads. Dropping them ends every task that runs on them.
    _threads: IoThreads,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.service.queue.stop();
        self.service.pool.close();
        self.service.pool.env().families.end_all();
    }
}

/// Opens the local Lambda of a directory: serves it, or joins the process that does. Must be called
/// within a tokio runtime with I/O and time; the server runs on threads of its own.
///
/// The future is in a box, so that the server is compiled in this crate, with this crate's
/// settings, and not in each crate that polls it.
pub fn open(options: Options) -> BoxFuture<'static, Result<Local, Error>> {
    open_with(options, Limits::default()).boxed()
}

pub(crate) async fn open_with(options: Options, limits: Limits) -> Result<Local, Error> {
    let Options { dir, port, region, emulator } = options;
    let state = |source| Error::State { dir: dir.clone(), source };
    let damage = Arc::<Damage>::default();
    damage.dir(&dir).map_err(state)?;
    let began = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        if let Some(lock) = Lock::take(&dir, &damage).map_err(state)? {
            let past = Past::note_killed(&dir, &damage).map_err(state)?;
            let threads = IoThreads::start().map_err(state)?;
            let main = threads.main.clone();
            let (place, damage) = (dir.clone(), Arc::clone(&damage));
            let serving = main.spawn(async move {
                let listener =
                    listen(port, past.port).await.map_err(|source| Error::Port { port, source })?;
                let served = start(
                    &place,
                    listener,
                    region,
                    emulator,
                    limits,
                    damage,
                    (lock, past, threads),
                )
                .await;
                served.map_err(|source| Error::State { dir: place, source })
            });
            let (endpoint, server) =
                serving.await.map_err(|error| state(io::Error::other(error)))??;
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

/// Listens on `port`. If that is 0, prefers the port of the previous server, which callers may
/// still have, and otherwise takes any.
async fn listen(port: u16, last: u16) -> io::Result<TcpListener> {
    if port == 0
        && last != 0
        && let Ok(listener) = TcpListener::bind(("127.0.0.1", last)).await
    {
        return Ok(listener);
    }
    TcpListener::bind(("127.0.0.1", port)).await
}

/// Returns `true` if a server accepts connections there: the file may be left over from a killed
/// server.
async fn answers(endpoint: &Endpoint) -> bool {
    match endpoint.url.strip_prefix("http://") {
        Some(address) => TcpStream::connect(address).await.is_ok(),
        None => false,
    }
}

async fn start(
    dir: &Path,
    listener: TcpListener,
    region: String,
    emulator: Emulator,
    limits: Limits,
    damage: Arc<Damage>,
    (lock, past, threads): (Lock, Past, IoThreads),
) -> io::Result<(Endpoint, Server)> {
    let port = listener.local_addr()?.port();
    if port != past.port {
        Past { port, ..past }.write(dir)?;
    }
    let limits = limits.within_the_system();
    let (place, region_of_service) = (dir.to_owned(), region.clone());
    let (keys, service) = tokio::task::spawn_blocking(move || {
        let keys = lock::Keys::of(&place, &damage)?;
        Ok::<_, io::Error>((
            keys,
            Service::open(&place, region_of_service, emulator, limits, port, damage)?,
        ))
    })
    .await
    .map_err(io::Error::other)??;
    let auth = Arc::new(Auth::new(port, &region, &keys.access_key, &keys.secret_key));
    let _ = service.auth.set(Arc::clone(&auth));
    let stop = CancellationToken::new();
    let accepting =
        tokio::spawn(serve(listener, auth, Arc::clone(&service), threads.in_turn(), stop.clone()));
    queue::resume(&service)?;
    let endpoint = Endpoint {
        url: format!("http://127.0.0.1:{port}"),
        access_key: keys.access_key,
        secret_key: keys.secret_key,
        region,
        pid: std::process::id(),
        id: uuid::Uuid::new_v4().to_string(),
        memory_limit: service.pool.env().memory_limit().to_owned(),
        damage: service.damage.found(),
    };
    let server = Server { stop, accepting, service, _lock: lock, _threads: threads };
    lock::write_endpoint(dir, &endpoint)?;
    Ok((endpoint, server))
}

impl Local {
    /// Address and credentials of the local Lambda.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns `true` if this process serves it.
    pub fn is_serving(&self) -> bool {
        self.server.is_some()
    }

    /// Returns `true` if the server still serves. If not, open the local Lambda again: another
    /// process may serve by then, on the same port.
    pub fn is_alive(&self) -> bool {
        match &self.server {
            Some(server) => !server.accepting.is_finished(),
            None => self.link().fate() == Fate::Alive,
        }
    }

    /// Returns a handle to the server, which reports how it ends.
    pub fn link(&self) -> Link {
        Link { dir: self.dir.clone(), id: self.endpoint.id.clone() }
    }

    /// Ends the server and its sandboxes at once; if the server is only joined, disconnects from
    /// it. Functions, logs and queued events stay on disk.
    pub async fn shutdown(self) {
        self.leave(std::future::ready(()), |_| {}).await;
    }
}
