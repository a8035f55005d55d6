//! The command line of the program: read from its file, and started.

use std::env;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde::Deserialize;

use crate::context::Context;
use crate::exec::system;
use crate::failure::Failure;

/// Name of the file with the command, in the function's code.
pub const FILE: &str = "lambda-exec.json";

/// Content of [`FILE`].
#[derive(Deserialize)]
struct Content {
    command: Vec<String>,
    #[serde(default)]
    resident: bool,
}

/// A command line.
#[derive(Debug)]
pub(super) struct Command {
    /// Path of the program.
    path: PathBuf,
    /// Name of the program, for messages: the first word.
    pub(super) name: String,
    arguments: Vec<String>,
}

impl Command {
    /// Reads [`FILE`]; with `true` if the program is resident.
    pub(super) fn read() -> Result<(Self, bool), Failure> {
        let root =
            env::var_os("LAMBDA_TASK_ROOT").map_or_else(|| "/var/task".into(), PathBuf::from);
        let file = root.join(FILE);
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new("NotStarted", format!("{}: {why}", file.display()))
        };
        let text = fs::read(&file).map_err(|error| failed(&error))?;
        let content: Content = serde_json::from_slice(&text).map_err(|error| failed(&error))?;
        let mut words = content.command.into_iter();
        let name = words.next().ok_or_else(|| failed(&"the command has no words"))?;
        let command = Self { path: root.join(&name), name, arguments: words.collect() };
        Ok((command, content.resident))
    }

    /// Checks that the program exists and may be executed.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.path.metadata() {
            Err(error) => Err(self.not_started(&error)),
            Ok(metadata) if metadata.is_dir() => {
                Err(self.not_started(&"it is a directory, not a program"))
            }
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                Err(self.not_started(&"the file is not executable"))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Starts the program in a process group of its own. `context` is that of its only event.
    pub(super) fn start(&self, context: Option<&Context>) -> Result<Child, Failure> {
        let mut error = match self.spawn(std::process::Command::new(&self.path), context) {
            Ok(child) => return Ok(child),
            Err(error) => error,
        };
        if error.raw_os_error() == Some(libc::ENOEXEC)
            && let Some(emulator) = system::emulator()
        {
            // It does not pass itself on to the programs that it starts.
            let mut command = std::process::Command::new(emulator);
            command.arg(&self.path);
            match self.spawn(command, context) {
                Ok(child) => return Ok(child),
                Err(other) => error = other,
            }
        }
        Err(match interpreter(&self.path, &error) {
            Some(interpreter) => self.not_started(&format!(
                "its interpreter `{interpreter}` is neither in the function's code nor in the \
                runtime"
            )),
            None => self.not_started(&error),
        })
    }

    fn spawn(
        &self,
        mut command: std::process::Command,
        context: Option<&Context>,
    ) -> io::Result<Child> {
        command
            .args(&self.arguments)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in context.iter().flat_map(|context| variables(context)) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.spawn()
    }

    fn not_started(&self, why: &dyn std::fmt::Display) -> Failure {
        Failure::new("NotStarted", format!("`{}` could not be started: {why}", self.name))
    }
}

/// The variables of an invocation; `None` for those that it does not have.
fn variables(context: &Context) -> [(&'static str, Option<String>); 7] {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    [
        ("LAMBDA_REQUEST_ID", text(&context.request_id)),
        ("LAMBDA_DEADLINE_MS", (context.deadline_ms > 0).then(|| context.deadline_ms.to_string())),
        ("LAMBDA_FUNCTION_ARN", text(&context.function_arn)),
        ("LAMBDA_TENANT_ID", context.tenant_id.clone()),
        ("LAMBDA_CLIENT_CONTEXT", context.client_context.clone()),
        ("LAMBDA_COGNITO_IDENTITY", context.identity.clone()),
        ("_X_AMZN_TRACE_ID", context.trace_id.clone()),
    ]
}

/// The interpreter of a script, if that is the file that was not found.
fn interpreter(script: &Path, error: &io::Error) -> Option<String> {
    if error.kind() != io::ErrorKind::NotFound {
        return None;
    }
    let mut start = [0; 256];
    let count = fs::File::open(script).ok()?.read(&mut start).ok()?;
    let line = start.get(..count)?.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let words = String::from_utf8_lossy(line).trim_start_matches([' ', '\t']).to_owned();
    let program = words.split([' ', '\t']).next()?;
    Some(program.escape_debug().to_string())
}
