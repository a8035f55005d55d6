//! The external extensions of a sandbox: executables in the directory `extensions` of its layers,
//! each a process of its own, started before the bootstrap. Starts, watches and kills those
//! processes.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::watch;

use super::{Extensions, Failure, LIMIT};
use crate::{
    sandbox::{
        env::SandboxEnv,
        filesystem::SandboxFiles,
        log::writer::LogWriter,
        not_started::NotStarted,
        process::{
            self,
            output::Output,
            program::Program,
            status::{Group, words},
        },
        runtime_api::connection_owners::ConnectionOwners,
        telemetry::Category,
    },
    store::function::Function,
};

/// Variables that only the bootstrap's environment has: AWS Lambda developer guide, "Permissions
/// and configuration" of extensions.
const RUNTIMES_OWN: [&str; 9] = [
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// The variables of an environment.
type Variables = BTreeMap<String, OsString>;

/// Lists the executables in the layers' directory `extensions`, sorted by name, with their paths
/// inside the sandbox.
pub(crate) fn list(files: &SandboxFiles) -> io::Result<Vec<PathBuf>> {
    let Some(layers) = files.layers() else { return Ok(Vec::new()) };
    let entries = match fs::read_dir(layers.join("extensions")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = files.opt().join("extensions").join(entry?.file_name());
        if !files.outside(&path).is_some_and(|outside| outside.is_dir()) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Name of an extension: its file name.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().map(OsStr::to_string_lossy).unwrap_or_default().into_owned()
}

/// Starts all extensions of a sandbox and waits until they have registered.
pub(crate) async fn start(
    env: &SandboxEnv,
    function: &Function,
    log: &Arc<LogWriter>,
    extensions: &Arc<Extensions>,
    (paths, files, bootstrap, owners): (&[PathBuf], &SandboxFiles, &Variables, &ConnectionOwners),
    deadline: tokio::time::Instant,
) -> Result<Vec<External>, NotStarted> {
    if paths.len() > LIMIT {
        let message = format!("Extension limit ({LIMIT}) reached");
        return Err(NotStarted::Extension(Failure {
            kind: "Extension.TooManyExtensions",
            message,
        }));
    }
    let mut started = Vec::new();
    let registering = async {
        for path in paths {
            let start =
                External::start(env, function, log, extensions, (path, files, bootstrap, owners));
            started.push(start.await?);
        }
        extensions.registered().await
    };
    let failure = tokio::select! {
        biased;
        () = env.closing.cancelled() => Err(NotStarted::TimedOut),
        registered = registering => registered.map_err(NotStarted::Extension),
        () = tokio::time::sleep_until(deadline) => Err(NotStarted::TimedOut),
    };
    if let Err(failure) = failure {
        log.extensions(&extensions.standings());
        extensions.begin_end();
        for extension in started {
            extension.kill();
            extension.ended().await;
        }
        return Err(failure);
    }
    Ok(started)
}

/// The program of an extension, with the bootstrap's environment less the variables of the runtime.
/// Returns an error with the reason if it cannot run.
fn program(
    env: &SandboxEnv,
    function: &Function,
    (path, files, bootstrap): (&Path, &SandboxFiles, &Variables),
) -> Result<Program, String> {
    let program = process::program(env, function, files, (path, files.outside(path).as_deref()));
    let mut program = program
        .map_err(|why| why.strip_prefix(&process::cannot_run("")).unwrap_or(&why).to_owned())?;
    program.variables = bootstrap.clone();
    program
        .variables
        .retain(|name, _| !(name.starts_with('_') || RUNTIMES_OWN.contains(&name.as_str())));
    Ok(program)
}

/// A running extension.
pub(crate) struct External {
    name: String,
    process: Pid,
    output: Arc<Output>,
    ended: watch::Receiver<bool>,
}

impl External {
    /// Starts an extension.
    async fn start(
        env: &SandboxEnv,
        function: &Function,
        log: &Arc<LogWriter>,
        extensions: &Arc<Extensions>,
        (path, files, bootstrap, owners): (&Path, &SandboxFiles, &Variables, &ConnectionOwners),
    ) -> Result<Self, Failure> {
        let name = name(path);
        let cannot = |why: &str| {
            let message = format!("fork/exec /opt/extensions/{name}: {why}");
            let failure = Failure { kind: "Extension.LaunchError", message };
            extensions.not_launched(&name, failure.clone());
            failure
        };
        let failed = |error: io::Error| cannot(&words(&error));
        let make = || {
            let program =
                program(env, function, (path, files, bootstrap)).map_err(|why| cannot(&why))?;
            let (reader, writer) = io::pipe().map_err(failed)?;
            Ok((program, writer, reader))
        };
        let (mut child, reader) = env.spawner.start(make, failed).await?;
        let process = child.id();
        owners.add(process);
        let group = Group(process);
        let output = Output::new(reader, Arc::clone(log), Category::Extension).map_err(failed)?;
        let output = Arc::new(output);
        let (ends, ended) = watch::channel(false);
        let (following, last_words) = (Arc::clone(&output), Arc::clone(&output));
        let following = env.tasks.spawn(async move { following.follow().await });
        let (extensions, ended_name) = (Arc::clone(extensions), name.clone());
        env.tasks.spawn(async move {
            let exit = child.wait().await.into();
            drop(group);
            following.abort();
            last_words.drain();
            extensions.exited(&ended_name, &exit);
            ends.send_replace(true);
        });
        Ok(Self { name, process, output, ended })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its process, which leads its group, or `None` after its end.
    pub(crate) fn process(&self) -> Option<Pid> {
        (!*self.ended.borrow()).then_some(self.process)
    }

    /// Logs all that it has printed so far.
    pub(crate) fn drain(&self) {
        self.output.drain();
    }

    /// Kills it and the processes of its group.
    pub(crate) fn kill(&self) {
        if let Some(process) = self.process() {
            // It may have ended by now; then there is nothing to kill.
            let _ = kill_process_group(process, Signal::KILL);
        }
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        // The sender is dropped only with the whole server.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl Drop for External {
    fn drop(&mut self) {
        self.kill();
    }
}
