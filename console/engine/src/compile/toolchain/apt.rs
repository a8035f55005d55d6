//! Packages of the system's own Debian mirror, fetched and unpacked without root and without
//! changing anything on the system: apt gets its own package lists, cache and configuration. The
//! mirror and its keys are those of `/etc/apt`.
//!
//! Runs `apt-get`, `apt-cache`, `dpkg-deb` and `tar`; writes below the directory that it is given.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lambda_console_model::{Failure, Step};

use super::{begin, on_path};
use crate::{
    Job,
    compile::child_process::{self, Finished, RunError},
};

/// The suites that are tried in order for packages that the system's own suite does not have.
const SUITES: [&str; 4] = ["stable-backports", "stable", "testing", "unstable"];

/// Failed attempt with its reason, for the list of attempts; or the job's end.
enum Trouble {
    Tried(String),
    Ended(Failure),
}

impl From<RunError> for Trouble {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Cancelled => Self::Ended(Failure::interrupted("could not set up")),
            RunError::Io(error) => Self::Tried(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Tried(error.to_string())
    }
}

fn settle<T>(what: &str, result: Result<T, Trouble>) -> Result<Result<T, String>, Failure> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Trouble::Tried(why)) => {
            Ok(Err(format!("the package {what} of the system's mirror: {why}")))
        }
        Err(Trouble::Ended(failure)) => Err(failure),
    }
}

/// Unpacks the source of exactly Rust `version`. The answer is the directory below `directory` that
/// holds `library`.
pub(super) async fn rust_source(
    version: &str,
    directory: &Path,
    job: &Job,
) -> Result<Result<String, String>, Failure> {
    let fetched = async {
        let apt = Apt::open(directory)?;
        let mut seen = Vec::new();
        for suite in apt.mirror.suites() {
            apt.update(&suite, job).await?;
            let versions = apt.versions("rust-src", job).await?;
            if let Some(exact) = versions.iter().find(|candidate| is_release(candidate, version)) {
                let package = apt.download("rust-src", exact, job).await?;
                begin(job, "unpacking the source");
                unpack(&package, &apt.directory.join("root"), "./usr/src/rustc-*/library/*", job)
                    .await?;
                let sources = fs::read_dir(apt.directory.join("root/usr/src"))?;
                let source = sources
                    .flatten()
                    .find(|entry| entry.path().join("library/std/Cargo.toml").is_file());
                let source = source.ok_or_else(|| {
                    Trouble::Tried("it does not contain the standard library".into())
                })?;
                return Ok(format!("apt/root/usr/src/{}", source.file_name().to_string_lossy()));
            }
            seen.extend(versions);
        }
        seen.dedup();
        Err(Trouble::Tried(format!(
            "it has the versions {}, and {version} is needed",
            seen.join(", ")
        )))
    };
    settle("rust-src", fetched.await)
}

/// Unpacks `qemu-aarch64` as one file that needs no libraries.
pub(super) async fn emulator(
    directory: &Path,
    job: &Job,
) -> Result<Result<PathBuf, String>, Failure> {
    let fetched = async {
        let apt = Apt::open(directory)?;
        // Newer releases link qemu-user itself statically, and qemu-user-static is empty; older
        // ones have both.
        for suite in apt.mirror.suites().into_iter().filter(|suite| !suite.ends_with("-backports"))
        {
            apt.update(&suite, job).await?;
            for package in ["qemu-user", "qemu-user-static"] {
                let Some(version) = apt.versions(package, job).await?.into_iter().next() else {
                    continue;
                };
                let file = apt.download(package, &version, job).await?;
                let root = apt.directory.join("root");
                unpack(&file, &root, "./usr/bin/qemu-aarch64*", job).await?;
                let mut programs = ["qemu-aarch64-static", "qemu-aarch64"]
                    .map(|name| root.join("usr/bin").join(name))
                    .into_iter();
                if let Some(program) = programs.find(|program| super::qemu::is_whole(program)) {
                    return Ok(program);
                }
            }
        }
        Err(Trouble::Tried("no statically linked version found".into()))
    };
    settle("qemu-user-static", fetched.await)
}

/// Fetches pip as the wheel of Debian's `python3-pip-whl`, which Python runs without installing it.
pub(super) async fn pip_wheel(
    directory: &Path,
    job: &Job,
) -> Result<Result<PathBuf, String>, Failure> {
    let fetched = async {
        let apt = Apt::open(directory)?;
        apt.update(
            &apt.mirror
                .suites()
                .into_iter()
                .find(|suite| !suite.contains("backports"))
                .unwrap_or_default(),
            job,
        )
        .await?;
        let versions = apt.versions("python3-pip-whl", job).await?;
        let version = versions.first().ok_or_else(|| Trouble::Tried("there is none".into()))?;
        let package = apt.download("python3-pip-whl", version, job).await?;
        unpack(&package, &apt.directory.join("root"), "./usr/share/python-wheels/pip-*", job)
            .await?;
        let wheels = fs::read_dir(apt.directory.join("root/usr/share/python-wheels"))?;
        let wheel = wheels.flatten().map(|entry| entry.path()).next();
        wheel.ok_or_else(|| Trouble::Tried("it contains no wheel".into()))
    };
    settle("python3-pip-whl", fetched.await)
}

/// Returns `true` for Debian's versions of a release, such as `1.95.0+dfsg1-2~bpo13+1` for 1.95.0.
fn is_release(candidate: &str, version: &str) -> bool {
    candidate
        .strip_prefix(version)
        .is_some_and(|rest| rest.starts_with(['+', '-', '~']) || rest.is_empty())
}

/// An apt with its own configuration, in a directory.
struct Apt {
    directory: PathBuf,
    mirror: Mirror,
}

impl Apt {
    fn open(directory: &Path) -> Result<Self, Trouble> {
        for program in ["apt-get", "apt-cache", "dpkg-deb", "tar"] {
            if on_path(program).is_none() {
                return Err(Trouble::Tried(format!("there is no `{program}` on the PATH")));
            }
        }
        let mirror = Mirror::of_system(Path::new("/etc")).map_err(Trouble::Tried)?;
        let directory = directory.join("apt");
        for part in ["lists/partial", "cache/archives/partial", "state", "packages", "root"] {
            fs::create_dir_all(directory.join(part))?;
        }
        // Hooks of the system's configuration would clean the system's caches.
        let hooks = [
            "APT::Update::Pre-Invoke",
            "APT::Update::Post-Invoke",
            "APT::Update::Post-Invoke-Success",
        ];
        let clear = hooks.map(|hook| format!("#clear {hook};\n")).concat();
        let place =
            |key: &str, path: &str| format!("Dir::{key} \"{}\";\n", directory.join(path).display());
        let configuration = [
            clear,
            place("State", "state"),
            place("State::Lists", "lists"),
            place("Cache", "cache"),
            place("Etc::SourceList", "mirror.sources"),
            "Dir::Etc::SourceParts \"/dev/null\";\nAcquire::Languages \"none\";\nAPT::Sandbox::User \"root\";\n".into(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n".into(),
            "Acquire::IndexTargets::deb::CNF::DefaultEnabled \"false\";\n".into(),
        ];
        fs::write(directory.join("apt.conf"), configuration.concat())?;
        Ok(Self { directory, mirror })
    }

    async fn run(
        &self,
        program: &str,
        arguments: &[&str],
        job: &Job,
        text: &str,
    ) -> Result<Finished, Trouble> {
        let mut command = child_process::command(program, &self.directory.join("packages"));
        command
            .args(["-c", "../apt.conf"])
            .args(arguments)
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        let status = child_process::stream(command, &job.cancel, |pipe, line| {
            if let Some(done) = percent(line) {
                job.report(Step::Phase { text: text.to_owned(), done, total: 100 });
                return;
            }
            let output =
                if pipe == child_process::Pipe::Stdout { &mut stdout } else { &mut stderr };
            output.push_str(line);
            output.push('\n');
        })
        .await?;
        let finished = Finished { status, stdout, stderr };
        if finished.status.success() {
            Ok(finished)
        } else {
            Err(Trouble::Tried(finished.tail().replace('\n', " ")))
        }
    }

    /// Fetches the list of one suite, in place of the one before.
    async fn update(&self, suite: &str, job: &Job) -> Result<(), Trouble> {
        let text = format!("reading the package list of {suite}");
        begin(job, &*text);
        fs::write(self.directory.join("mirror.sources"), self.mirror.source(suite))?;
        self.run("apt-get", &["-o", "APT::Status-Fd=1", "update"], job, &text).await?;
        Ok(())
    }

    /// The versions of `package` in the suite, newest first.
    async fn versions(&self, package: &str, job: &Job) -> Result<Vec<String>, Trouble> {
        let table = self.run("apt-cache", &["madison", package], job, "").await?.stdout;
        Ok(table
            .lines()
            .filter_map(|line| Some(line.split('|').nth(1)?.trim().to_owned()))
            .collect())
    }

    async fn download(&self, package: &str, version: &str, job: &Job) -> Result<PathBuf, Trouble> {
        let text = format!("downloading the package {package} {version}");
        begin(job, &*text);
        let packages = self.directory.join("packages");
        let wanted = format!("{package}={version}");
        self.run("apt-get", &["-o", "APT::Status-Fd=1", "download", &wanted], job, &text).await?;
        let mut files = fs::read_dir(packages)?.flatten().map(|entry| entry.path());
        let is_it = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&format!("{package}_")))
        };
        files
            .find(is_it)
            .ok_or_else(|| Trouble::Tried("apt reported success, but the file is missing".into()))
    }
}

/// `dlstatus:1:42.5:…`, in per cent.
fn percent(line: &str) -> Option<u64> {
    let mut fields = line.strip_prefix("dlstatus:")?.splitn(3, ':');
    Some(fields.nth(1)?.parse::<f64>().ok()? as u64)
}

/// Unpacks the files that match `pattern`.
async fn unpack(package: &Path, to: &Path, pattern: &str, job: &Job) -> Result<(), Trouble> {
    let mut command = child_process::command("sh", to);
    let script = "dpkg-deb --fsys-tarfile \"$1\" | tar -x --wildcards \"$2\"";
    command.args(["-c", script, "sh"]).arg(package).arg(pattern);
    // A pattern that matches nothing fails too; the caller checks for the unpacked file.
    child_process::output(command, &job.cancel).await?;
    Ok(())
}

/// The system's own mirror.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    /// Its base address.
    uri: String,
    /// `Signed-By` of the system's entry: a file, or keys.
    signed_by: Option<String>,
    /// The system's own suite.
    codename: String,
    /// `true` if the system is Debian itself, whose suites have the names of [`SUITES`].
    is_debian: bool,
}

impl Mirror {
    fn of_system(etc: &Path) -> Result<Self, String> {
        let release = fs::read_to_string(etc.join("os-release"))
            .map_err(|error| format!("/etc/os-release: {error}"))?;
        let field = |name: &str| {
            let mut lines = release.lines();
            lines.find_map(|line| {
                Some(line.strip_prefix(name)?.strip_prefix('=')?.trim_matches('"').to_owned())
            })
        };
        let codename = field("VERSION_CODENAME").ok_or("VERSION_CODENAME is missing")?;
        let is_debian = field("ID").as_deref() == Some("debian");
        let apt = etc.join("apt");
        let mut files = vec![apt.join("sources.list")];
        files.extend(
            fs::read_dir(apt.join("sources.list.d"))
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path()),
        );
        files.sort();
        for file in files {
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let is_deb822 = file.extension().is_some_and(|extension| extension == "sources");
            let entry =
                if is_deb822 { deb822(&text, &codename) } else { one_line(&text, &codename) };
            if let Some((uri, signed_by)) = entry {
                return Ok(Self { uri, signed_by, codename, is_debian });
            }
        }
        Err(format!("/etc/apt names no mirror of {codename}"))
    }

    fn suites(&self) -> Vec<String> {
        if self.is_debian {
            SUITES.map(str::to_owned).to_vec()
        } else {
            vec![format!("{}-updates", self.codename), self.codename.clone()]
        }
    }

    /// An entry for `suite`, as a file of `sources.list.d` has it.
    fn source(&self, suite: &str) -> String {
        let components = if self.is_debian { "main" } else { "main universe" };
        let signed_by =
            self.signed_by.as_ref().map(|keys| format!("Signed-By: {keys}\n")).unwrap_or_default();
        format!(
            "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: {components}\n{signed_by}",
            self.uri
        )
    }
}

/// `URIs` and `Signed-By` of the paragraph that has the suite.
fn deb822(text: &str, suite: &str) -> Option<(String, Option<String>)> {
    let text = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    text.split("\n\n").find_map(|paragraph| {
        let field = |name: &str| {
            let mut lines = paragraph.lines().skip_while(|line| {
                !line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
            });
            let first = lines.next()?.split_once(':')?.1.trim().to_owned();
            // Keys may be written out below, each line begun by a space.
            let more = lines.take_while(|line| line.starts_with(' '));
            Some(std::iter::once(first.as_str()).chain(more).collect::<Vec<_>>().join("\n"))
        };
        let has = |name: &str, word: &str| {
            field(name).is_some_and(|value| value.split_whitespace().any(|item| item == word))
        };
        let is_enabled = field("Enabled").is_none_or(|value| value != "no");
        let found =
            is_enabled && has("Types", "deb") && has("Suites", suite) && has("Components", "main");
        found.then(|| {
            Some((field("URIs")?.split_whitespace().next()?.to_owned(), field("Signed-By")))
        })?
    })
}

/// The same of a line `deb [signed-by=…] URI suite main …`.
fn one_line(text: &str, suite: &str) -> Option<(String, Option<String>)> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (uri, of) = (words.next()?, words.next()?);
        let signed_by =
            options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        (of == suite && words.any(|word| word == "main"))
            .then(|| (uri.to_owned(), signed_by.map(str::to_owned)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let etc = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = etc.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        etc
    }

    const DEBIAN: (&str, &str) = ("os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");

    #[test]
    fn the_mirror_and_its_keys_are_read_from_the_systems_own_entry() {
        let sources = "Types: deb\n# a comment\nURIs: http://mirror.invalid/security\nSuites: \
            bookworm-security\nComponents: main\n\n\
                       Types: deb deb-src\nURIs: http://mirror.invalid/debian\nSuites: bookworm \
                       bookworm-updates\nComponents: main\nSigned-By: /keys.gpg\n";
        let etc = system(&[DEBIAN, ("apt/sources.list.d/debian.sources", sources)]);
        let mirror = Mirror::of_system(etc.path()).unwrap();
        assert_eq!(
            (mirror.uri.as_str(), mirror.signed_by.as_deref()),
            ("http://mirror.invalid/debian", Some("/keys.gpg"))
        );
        assert_eq!(mirror.suites(), SUITES);
        assert_eq!(
            mirror.source("stable"),
            "Types: deb\nURIs: http://mirror.invalid/debian\nSuites: stable\nComponents: \
            main\nSigned-By: /keys.gpg\n"
        );
    }

    #[test]
    fn the_older_form_of_an_entry_is_read_too() {
        let list = "# deb http://no.invalid bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] \
            http://mirror.invalid/debian bookworm main contrib\n";
        let etc = system(&[DEBIAN, ("apt/sources.list", list)]);
        let mirror = Mirror::of_system(etc.path()).unwrap();
        assert_eq!(
            (mirror.uri.as_str(), mirror.signed_by.as_deref()),
            ("http://mirror.invalid/debian", Some("/k.gpg"))
        );
    }

    #[test]
    fn keys_that_are_written_out_are_kept_whole() {
        let sources = "Types: deb\nURIs: http://m.invalid\nSuites: bookworm\nComponents: \
            main\nSigned-By:\n -----BEGIN\n .\n abc\n";
        let (_, keys) = deb822(sources, "bookworm").unwrap();
        assert_eq!(keys.unwrap(), "\n -----BEGIN\n .\n abc");
    }

    #[test]
    fn a_system_without_a_mirror_is_reported() {
        let etc = system(&[DEBIAN]);
        assert_eq!(
            Mirror::of_system(etc.path()).unwrap_err(),
            "/etc/apt names no mirror of bookworm"
        );
    }

    #[test]
    fn only_the_compilers_own_version_will_do() {
        assert!(is_release("1.95.0+dfsg1-2~bpo13+1", "1.95.0"));
        assert!(!is_release("1.95.01-1", "1.95.0") && !is_release("1.96.0+dfsg1-1", "1.95.0"));
    }

    #[test]
    fn apts_status_lines_are_progress() {
        assert_eq!(percent("dlstatus:1:42.9310:Retrieving file 1 of 1"), Some(42));
        assert_eq!(percent("Get:1 http://mirror.invalid stable InRelease"), None);
    }
}
