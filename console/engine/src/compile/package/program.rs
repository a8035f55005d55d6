//! Packages a function of any kind: a binary that cargo built, a finished bootstrap, or the program
//! of an `exec` function with the console's own bootstrap.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use lambda_console_model::{Architecture, Built, Exec, Failure, Function, Program, Source};

use super::{assemble, check::Executable, copy, is_copy, package, remove, replace, unwritten};
use crate::{
    compile::fingerprint::Fingerprint,
    workspace::{self, program},
};

/// Packages `function`. `executable` is what cargo has built for it, if anything; `bootstrap` is
/// that of `exec` functions, or the reason why there is none.
///
/// # Errors
/// As [`package`]. Usage: the manifest names a file that cannot be its program.
pub(in crate::compile) fn function(
    target: &Path,
    function: &Function,
    architecture: Architecture,
    executable: Option<&Path>,
    bootstrap: &Result<Option<PathBuf>, Failure>,
) -> Result<Built, Failure> {
    let name = function.directory();
    let of = Of { function, architecture, target };
    match (&function.config.program, executable, bootstrap) {
        (Some(Program::Exec(exec)), _, Ok(Some(bootstrap))) => of.exec(exec, executable, bootstrap),
        (Some(Program::Prebuilt { file, .. }), ..) => {
            of.check_file(file)?;
            of.forget()?;
            let include = &function.config.include;
            assemble(target, name, (architecture, false), file, include)
        }
        (None, Some(executable), _) => {
            package(target, name, architecture, executable, &function.config.include)
        }
        (.., Err(failure)) => Err(Failure { what: of.what(), ..failure.clone() }),
        (_, None, _) | (.., Ok(None)) => Err(Failure::work(of.what(), "nothing was built", "")),
    }
}

/// One function to package.
#[derive(Clone, Copy)]
struct Of<'a> {
    function: &'a Function,
    architecture: Architecture,
    target: &'a Path,
}

impl Of<'_> {
    fn exec(
        self,
        exec: &Exec,
        executable: Option<&Path>,
        bootstrap: &Path,
    ) -> Result<Built, Failure> {
        let (name, first) = (self.function.directory(), exec.command[0].as_str());
        let directory = workspace::directory(self.target, name);
        let file = format!("`{first}`");
        let warnings = match (&exec.source, executable) {
            (Source::Binary(binary), Some(executable)) => {
                let copied = directory.join("exec").join(binary);
                self.write(&copied, |to| {
                    if is_copy(executable, to)? { Ok(()) } else { copy(executable, to, false) }
                })?;
                self.check(executable, &file, true)?
            }
            (Source::Binary(_), None) => Vec::new(),
            (Source::File(source), _) => {
                self.forget()?;
                if Path::new(first).components().any(|part| part == Component::ParentDir) {
                    let why = format!("{first} is outside of the archive root");
                    let name = source.file_name().unwrap_or_default().to_string_lossy();
                    let hint = format!("include it, `{name}:{first}`, and run `{name}`");
                    return Err(self.refused(&why, hint));
                }
                self.check_file(source)?;
                self.check(source, &file, false)?
            }
            (Source::Elsewhere, _) => {
                self.forget()?;
                Vec::new()
            }
        };
        let command = program::command(exec);
        self.write(&program::command_file(&directory), |to| {
            if fs::read_to_string(to).is_ok_and(|there| there == command) {
                return Ok(());
            }
            replace(to, |new| fs::write(new, &command))
        })?;
        let include = program::included(self.function, &directory);
        let mut built = package(self.target, name, self.architecture, bootstrap, &include)?;
        built.warnings.extend(warnings);
        Ok(built)
    }

    /// Checks that the manifest names an executable file.
    fn check_file(self, file: &Path) -> Result<(), Failure> {
        let shown = file.display();
        let correct = "correct the path, which is relative to the manifest, or create the file \
            before the build";
        match file.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.refused(&format!("{shown} is not there"), correct))
            }
            Err(error) => Err(self.refused(&format!("{shown}: {error}"), "make it readable")),
            Ok(metadata) if metadata.is_dir() => {
                Err(self.refused(&format!("{shown} is a directory"), "name the file in it"))
            }
            Ok(metadata) if metadata.permissions().mode() & 0o100 == 0 => {
                let hint = format!("`chmod +x {shown}`");
                Err(self.refused(&format!("{shown} is not executable"), hint))
            }
            Ok(_) => Ok(()),
        }
    }

    fn check(self, path: &Path, file: &str, is_built: bool) -> Result<Vec<String>, Failure> {
        let bytes = fs::read(path).map_err(|error| {
            Failure::work(self.what(), format!("{}: {error}", path.display()), "make it readable")
        })?;
        let (function, architecture) = (self.function.name.as_str(), self.architecture);
        Executable { function, file, bytes: &bytes, architecture, is_built }.check()
    }

    /// Removes the inputs of a bootstrap that cargo built here before.
    fn forget(self) -> Result<(), Failure> {
        let directory = workspace::directory(self.target, self.function.directory());
        self.write(&Fingerprint::path(&directory), remove)
    }

    fn write(
        self,
        path: &Path,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let directory = path.parent().unwrap_or(path);
        fs::create_dir_all(directory)
            .and_then(|()| write(path))
            .map_err(|error| unwritten(&self.function.name, directory, &error))
    }

    fn what(self) -> String {
        format!("could not package {}", self.function.name)
    }

    fn refused(self, why: &str, hint: impl Into<String>) -> Failure {
        let program = self.function.config.program.as_ref();
        let (place, key) = program.map_or(("", ""), |program| (program.place(), program.key()));
        Failure::work(self.what(), format!("{place}: `{key}`: {why}"), hint)
    }
}
