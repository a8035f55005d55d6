//! The history: every build, deploy and invocation, in `SQLite` under the state directory.
//!
//! One thread owns the connection; all other code sends commands to it, so nothing waits for the
//! disk. Several processes may have the same file open: each write is one transaction, and waits
//! for `SQLite`'s lock.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use lambda_console_model::{
    BuildOutcome, DeployOutcome, Failure, FunctionStats, Invocation, InvokeRequest, RequestLog,
    Sample,
};
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use self::record::Record;
use crate::workspace::paths;

mod record;
pub mod recorded;
mod schema;
pub mod stats;

/// Longest wait for another process's write.
const BUSY: Duration = Duration::from_secs(10);

/// The history of one workspace. Clones share one writer.
#[derive(Clone, Debug)]
pub struct Store {
    commands: mpsc::Sender<Command>,
    notice: Option<Arc<Failure>>,
}

/// Commands to the owner of the connection.
enum Command {
    Write(Record),
    Samples {
        function: String,
        stage: String,
        since: i64,
        reply: oneshot::Sender<rusqlite::Result<Vec<Sample>>>,
    },
    Flush(oneshot::Sender<Result<(), String>>),
}

impl Store {
    /// Opens the history of the workspace at `root`, as [`Store::open`] does.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn of_workspace(root: &Path) -> Result<Self, Failure> {
        Self::open(&paths::state_dir(root).join("history.sqlite"))
    }

    /// Opens the history at `path`, creating the file and its directory (readable only by the user)
    /// if they are missing. A file that is not a valid database any more is set aside, see
    /// [`Store::notice`]. Waits for the disk.
    ///
    /// # Errors
    /// Returns an error if the file cannot be created or opened, or a newer console wrote it
    /// (environment).
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let (file, aside) = File::open(path)?;
        let notice = aside.map(|aside| {
            Arc::new(Failure::environment(
                format!("could not read the history {}", path.display()),
                "the file is damaged",
                format!("a new history was started; the old file is {}", aside.display()),
            ))
        });
        let (commands, inbox) = mpsc::channel();
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || file.serve(&inbox))
            .map_err(|error| cannot_open(path, &error.to_string()))?;
        Ok(Self { commands, notice })
    }

    /// Returns the notice of a damaged history that was set aside when this one was opened.
    pub fn notice(&self) -> Option<&Failure> {
        self.notice.as_deref()
    }

    /// Records the outcome of a build. `at` is its start, in milliseconds since the Unix epoch.
    pub fn record_build(&self, at: i64, outcome: &BuildOutcome) {
        self.write(Record::Build(at, outcome.clone()));
    }

    /// Records the outcome of a deploy. `at` is its start, in milliseconds since the Unix epoch.
    pub fn record_deploy(&self, at: i64, outcome: &DeployOutcome) {
        self.write(Record::Deploy(at, outcome.clone()));
    }

    /// Records an invocation with its payload, response, report and log lines.
    pub fn record_invocation(&self, request: &InvokeRequest, invocation: &Invocation) {
        self.write(Record::Invocation(Box::new((request.clone(), invocation.clone()))));
    }

    /// Records the log lines and the report of an invocation that did not come with its response.
    pub fn record_log(&self, request_id: &str, log: &RequestLog) {
        self.write(Record::Log(request_id.to_owned(), log.clone()));
    }

    /// The invocations of `function` on `stage` that have a report and began at or after `since`
    /// (milliseconds since the Unix epoch), oldest first.
    ///
    /// # Errors
    /// Returns an error if the history cannot be read (environment).
    pub async fn samples(
        &self,
        function: &str,
        stage: &str,
        since: i64,
    ) -> Result<Vec<Sample>, Failure> {
        let (reply, answer) = oneshot::channel();
        let (function, stage) = (function.to_owned(), stage.to_owned());
        let asked = self.commands.send(Command::Samples { function, stage, since, reply });
        match (asked, answer.await) {
            (Ok(()), Ok(Ok(samples))) => Ok(samples),
            (_, Ok(Err(error))) => Err(cannot("could not read the history", &error.to_string())),
            _ => Err(cannot("could not read the history", "its writer has ended")),
        }
    }

    /// The figures of each of `functions` on `stage` since `since`, in the order given.
    ///
    /// # Errors
    /// As [`Store::samples`].
    pub async fn stats(
        &self,
        functions: &[String],
        stage: &str,
        since: i64,
    ) -> Result<Vec<FunctionStats>, Failure> {
        let mut all = Vec::with_capacity(functions.len());
        for function in functions {
            all.push(stats::of(function, &self.samples(function, stage, since).await?));
        }
        Ok(all)
    }

    /// Waits until everything recorded so far is on disk.
    ///
    /// # Errors
    /// Returns an error if something recorded since the last flush could not be written
    /// (environment).
    pub async fn flush(&self) -> Result<(), Failure> {
        let (reply, answer) = oneshot::channel();
        let asked = self.commands.send(Command::Flush(reply));
        match (asked, answer.await) {
            (Ok(()), Ok(Ok(()))) => Ok(()),
            (_, Ok(Err(why))) => Err(cannot("could not write the history", &why)),
            _ => Err(cannot("could not write the history", "its writer has ended")),
        }
    }

    fn write(&self, record: Record) {
        if self.commands.send(Command::Write(record)).is_err() {
            tracing::error!("the history's writer has ended");
        }
    }
}

/// The open database, owned by the writer's thread.
struct File {
    path: PathBuf,
    connection: Connection,
    written: u64,
    trouble: Option<String>,
}

impl File {
    /// Opens the database; also returns the new path of a damaged one.
    fn open(path: &Path) -> Result<(Self, Option<PathBuf>), Failure> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| cannot_open(path, &error.to_string()))?;
        // One process at a time checks the file and repairs it: another must not move the new one
        // away too.
        let guard = path.with_extension("lock");
        if guard.is_dir() {
            set_aside(&guard).map_err(|error| cannot_open(path, &error.to_string()))?;
        }
        let lock = private(&guard).map_err(|error| cannot_open(path, &error.to_string()))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
            .map_err(|error| cannot_open(path, &error.to_string()))?;
        let mut aside = None;
        for side in ["", "-wal", "-shm"] {
            let file = PathBuf::from(format!("{}{side}", path.display()));
            if file.is_dir() {
                aside =
                    Some(set_aside(&file).map_err(|error| cannot_open(path, &error.to_string()))?);
            }
        }
        let connection = match connect(path) {
            Err(error) if is_damage(&error) => {
                aside =
                    Some(set_aside(path).map_err(|error| cannot_open(path, &error.to_string()))?);
                connect(path)
            }
            other => other,
        }
        .map_err(|error| cannot_open(path, &error.to_string()))?;
        let version =
            schema::migrate(&connection).map_err(|error| cannot_open(path, &error.to_string()))?;
        if version > schema::VERSION {
            return Err(cannot_open(path, "a newer lambda-console wrote it"));
        }
        Ok((Self { path: path.to_owned(), connection, written: 0, trouble: None }, aside))
    }

    /// Executes commands until every [`Store`] is dropped.
    fn serve(mut self, inbox: &mpsc::Receiver<Command>) {
        while let Ok(command) = inbox.recv() {
            match command {
                Command::Write(record) => {
                    if let Err(error) = self.repairing(|connection| record.write(connection)) {
                        tracing::error!(%error, "a record could not be written to the history");
                        self.trouble = Some(error.to_string());
                    }
                    self.prune();
                }
                Command::Samples { function, stage, since, reply } => {
                    let _ = reply.send(self.repairing(|connection| {
                        record::samples(connection, &function, &stage, since)
                    }));
                }
                Command::Flush(reply) => {
                    let _ = reply.send(self.trouble.take().map_or(Ok(()), Err));
                }
            }
        }
    }

    /// Runs `work`; if the database is damaged, sets it aside and runs `work` on a new one.
    fn repairing<T>(
        &mut self,
        work: impl Fn(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        match work(&mut self.connection) {
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, path = %self.path.display(), "the history is damaged: it \
                    was moved aside");
                let Ok((again, _)) = set_aside(&self.path)
                    .and_then(|_| Self::open(&self.path).map_err(std::io::Error::other))
                else {
                    return Err(error);
                };
                self.connection = again.connection;
                work(&mut self.connection)
            }
            answer => answer,
        }
    }

    /// Removes old records from time to time, so that the file stays bounded.
    fn prune(&mut self) {
        if self.written.is_multiple_of(64)
            && let Err(error) = record::prune(&self.connection)
        {
            tracing::warn!(%error, "the history could not be pruned");
        }
        self.written += 1;
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // SQLite gives its side files the mode of the database.
    private(path).map_err(|error| {
        rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(error.to_string()),
        )
    })?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Opens or creates a file that only the user can read.
fn private(path: &Path) -> std::io::Result<fs::File> {
    fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Moves a damaged database with its side files to a free name beside it.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let kind = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let name = |number: u32| path.with_extension(format!("damaged-{number}.{kind}"));
    let aside = (1..1000)
        .map(name)
        .find(|aside| !aside.exists())
        .ok_or(std::io::ErrorKind::AlreadyExists)?;
    match fs::rename(path, &aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    for side in ["-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{side}", path.display()));
        match fs::rename(with(path), with(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn cannot_open(path: &Path, why: &str) -> Failure {
    cannot(&format!("could not open the history {}", path.display()), why)
}

fn cannot(what: &str, why: &str) -> Failure {
    Failure::environment(what, why, "everything else works without it")
}

#[cfg(test)]
mod tests;
