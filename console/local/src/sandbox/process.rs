//! Command line and environment of a bootstrap: run directly or under the emulator, with exactly
//! Lambda's environment. Builds the command; starts nothing.

pub(crate) mod cgroup;
pub(crate) mod child;
pub(crate) mod descendants;
pub(crate) mod families;
pub(crate) mod freezer;
pub(crate) mod mark;
pub(crate) mod memory;
pub(crate) mod output;
pub(crate) mod program;
pub(crate) mod spawner;
pub(crate) mod status;
#[cfg(target_os = "linux")]
mod vfork;

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    net::SocketAddr,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
};

use program::Program;

use super::{env::SandboxEnv, filesystem::SandboxFiles, log::writer::LogWriter};
use crate::store::{
    function::{Architecture, Function, LogFormat},
    zipfile::{self, Kind},
};

/// `e_machine` of ARM64 and of x86-64.
const ARM64: u16 = 183;
const X86: u16 = 62;
/// Value of `Emulated:` in a report.
pub(crate) const EMULATOR: &str = "qemu-aarch64";

/// Lambda's error message for a bootstrap that cannot be run: `Runtime.InvalidEntrypoint`.
pub(crate) fn cannot_run(why: &str) -> String {
    format!("fork/exec /var/task/bootstrap: {why}")
}

/// Returns `true` if the bootstrap needs the emulator. Returns an error with the reason if it
/// cannot run.
pub(crate) fn needs_emulator(bootstrap: &Path, declared: Architecture) -> Result<bool, String> {
    let machine = match zipfile::kind(bootstrap) {
        Ok(Kind::Elf(machine)) => machine,
        // Systems other than Linux have a file format of their own.
        Ok(Kind::Other) if cfg!(target_os = "linux") => {
            return Err(cannot_run("exec format error"));
        }
        Ok(Kind::Script | Kind::Other) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(cannot_run("permission denied"));
        }
        Err(error) => return Err(cannot_run(&error.to_string())),
    };
    let wanted = match declared {
        Architecture::Arm64 => ARM64,
        Architecture::X86 => X86,
    };
    let host = if cfg!(target_arch = "aarch64") { ARM64 } else { X86 };
    if machine != wanted {
        let is = match machine {
            ARM64 => "an arm64",
            X86 => "an x86_64",
            _ => "another processor's",
        };
        let why = format!(
            "exec format error ({is} program; the function's architecture is {})",
            declared.name()
        );
        return Err(cannot_run(&why));
    }
    if cfg!(target_os = "linux") && machine == host {
        return Ok(false);
    }
    if machine == ARM64 && cfg!(target_os = "linux") {
        return Ok(true);
    }
    Err(cannot_run(&format!(
        "exec format error (this machine runs no Linux programs for {})",
        declared.name()
    )))
}

/// The program at `path` in a sandbox, whose path for this process is `outside`, with an empty
/// environment. Returns an error with the reason if it cannot run.
pub(crate) fn program(
    env: &SandboxEnv,
    function: &Function,
    files: &SandboxFiles,
    (path, outside): (&Path, Option<&Path>),
) -> Result<Program, String> {
    let outside = outside.ok_or_else(|| cannot_run("no such file or directory"))?;
    let mut confinement = files.confinement().map_err(|error| cannot_run(&error.to_string()))?;
    let (run, arguments, emulator) = if needs_emulator(outside, function.architecture)? {
        let Some(emulator) = (env.emulator)() else {
            let why = "exec format error (an arm64 program on this x86_64 machine needs \
                qemu-aarch64, which was not found: `lambda-console setup` provides it, or build \
                for the native architecture)";
            return Err(cannot_run(why));
        };
        // The emulator would run a file that the kernel refuses.
        if rustix::fs::access(outside, rustix::fs::Access::EXEC_OK).is_err() {
            return Err(cannot_run("permission denied"));
        }
        let run = if emulator.canonicalize().is_ok_and(|emulator| files.hides(&emulator)) {
            // The sandbox does not see it at its path: it is run by its descriptor.
            let file = File::open(&emulator).map_err(|error| cannot_run(&error.to_string()))?;
            let run = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            confinement.kept = Some(file);
            run
        } else {
            emulator.clone()
        };
        (run, vec![emulator, path.to_owned()], Some(EMULATOR))
    } else {
        (path.to_owned(), vec![path.to_owned()], None)
    };
    // In a namespace the process starts in that directory anyway.
    let directory = confinement.mounts.is_none().then(|| files.task().to_owned());
    Ok(Program {
        path: run,
        arguments,
        variables: BTreeMap::new(),
        directory,
        confinement,
        emulator,
    })
}

/// The bootstrap of a sandbox: that of the code, or else that of the layers. Its Runtime API
/// listens at `api`.
pub(crate) fn bootstrap(
    env: &SandboxEnv,
    function: &Function,
    log: &LogWriter,
    files: &SandboxFiles,
    api: SocketAddr,
) -> Result<Program, String> {
    let mut candidates = [files.task(), files.opt()].into_iter().map(|dir| dir.join("bootstrap"));
    let found = candidates.find_map(|file| Some((files.outside(&file)?, file)));
    let (outside, bootstrap) = found.ok_or_else(|| {
        // AWS's error message for a zip without a bootstrap.
        "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]".to_owned()
    })?;
    let mut program = program(env, function, files, (&bootstrap, Some(&outside)))?;
    let (task, opt) = (files.task().display(), files.opt().display());
    let variables = [
        ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
        ("_HANDLER", function.handler.clone()),
        ("LAMBDA_TASK_ROOT", task.to_string()),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime".to_owned()),
        ("PATH", format!("/usr/local/bin:/usr/bin/:/bin:{opt}/bin")),
        (
            "LD_LIBRARY_PATH",
            format!("/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:{task}:{task}/lib:{opt}/lib"),
        ),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("AWS_REGION", env.region.clone()),
        ("AWS_DEFAULT_REGION", env.region.clone()),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", function.version.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", log.group.clone()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log.name.clone()),
        (
            "AWS_LAMBDA_LOG_FORMAT",
            if log.format == LogFormat::Json { "JSON" } else { "Text" }.to_owned(),
        ),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        // Not the local Lambda's own keys: a function has no permissions there, nor on AWS.
        ("AWS_ACCESS_KEY_ID", "LOCALFUNCTION0000000".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("AWS_SESSION_TOKEN", "local".to_owned()),
    ];
    let mut all: BTreeMap<_, _> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    if let Some(tmp) = files.tmpdir() {
        all.insert("TMPDIR".to_owned(), tmp.into());
    }
    if let Some(level) = &function.logging.application_log_level {
        all.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), level.into());
    }
    let own = function.environment.iter();
    all.extend(own.map(|(name, value)| (name.clone(), value.into())));
    program.variables = all;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend(machine.to_le_bytes());
        bytes.resize(64, 0);
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn a_bootstrap_for_another_processor_than_declared_is_refused_as_lambda_does() {
        let error = needs_emulator(elf(X86).path(), Architecture::Arm64).unwrap_err();
        assert!(error.starts_with("fork/exec /var/task/bootstrap: exec format error"), "{error}");
        assert!(needs_emulator(elf(ARM64).path(), Architecture::X86).is_err());
        assert!(needs_emulator(elf(8).path(), Architecture::Arm64).is_err());
    }

    #[test]
    fn only_a_strange_processor_needs_the_emulator() {
        let x86 = cfg!(all(target_os = "linux", target_arch = "x86_64"));
        assert_eq!(needs_emulator(elf(X86).path(), Architecture::X86) == Ok(false), x86);
        assert_eq!(needs_emulator(elf(ARM64).path(), Architecture::Arm64) == Ok(true), x86);
        let script = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(script.path(), "#!/bin/sh\n").unwrap();
        assert_eq!(needs_emulator(script.path(), Architecture::Arm64), Ok(false));
    }
}
