//! Paths that git ignores.
//!
//! May touch `git`, to read.

use std::{
    collections::HashSet,
    ffi::OsStr,
    io::Write as _,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::compile::child_process;

/// Git's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ignored {
    /// The ignored paths.
    pub(crate) paths: HashSet<PathBuf>,
    /// Reason why it refused to answer; `None` also if there is no git or no repository.
    pub(crate) refusal: Option<String>,
}

impl Ignored {
    /// Returns `true` if git ignores this path.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.paths.contains(path)
    }
}

/// Returns those of `paths`, which are all in `directory`, that git ignores.
pub(crate) fn ignored(directory: &Path, paths: &[impl AsRef<Path> + Sync]) -> Ignored {
    if paths.is_empty() {
        return Ignored::default();
    }
    let mut git = Command::new("git");
    for key in child_process::leftovers(directory) {
        git.env_remove(key);
    }
    // Its messages are parsed.
    git.args(["check-ignore", "-z", "--stdin"]).current_dir(directory).env("LC_ALL", "C");
    let child = git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut child) = child else { return Ignored::default() };
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut stdin = stdin?;
            for path in paths {
                // It stops reading after a refusal.
                stdin
                    .write_all(path.as_ref().as_os_str().as_bytes())
                    .and_then(|()| stdin.write_all(b"\0"))
                    .ok()?;
            }
            Some(())
        });
        child.wait_with_output()
    });
    let Ok(output) = output else { return Ignored::default() };
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let refusal = String::from_utf8_lossy(&output.stderr);
    let refusal = refusal.lines().find_map(|line| line.strip_prefix("fatal: ")).map(str::to_owned);
    Ignored {
        paths: names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect(),
        refusal: refusal
            .filter(|why| !output.status.success() && !why.starts_with("not a git repository")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(directory: &Path) {
        let git = Command::new("git").args(["init", "-q"]).current_dir(directory).status().unwrap();
        assert!(git.success());
    }

    #[test]
    fn names_of_every_kind_are_asked_and_answered() {
        let place = tempfile::tempdir().unwrap();
        let names = ["a.log", "with \"quotes\".log", "größe.log", "line\nbreak.log", "kept.rs"];
        assert_eq!(
            ignored(place.path(), &names.map(|name| place.path().join(name))),
            Ignored::default(),
            "no repository"
        );
        init(place.path());
        std::fs::write(place.path().join(".gitignore"), "*.log\n").unwrap();
        let many: Vec<PathBuf> =
            (0..20_000).map(|number| place.path().join(format!("{number}.log"))).collect();
        let paths: Vec<PathBuf> =
            names.iter().map(|name| place.path().join(name)).chain(many).collect();
        let answer = ignored(place.path(), &paths);
        assert_eq!((answer.paths.len(), answer.refusal.as_ref()), (20_004, None));
        assert!(!answer.has(&place.path().join("kept.rs")));
    }

    #[test]
    fn a_refusal_is_given_with_its_reason() {
        let place = tempfile::tempdir().unwrap();
        init(place.path());
        std::fs::write(place.path().join(".git/config"), "[core\n").unwrap();
        let answer = ignored(place.path(), &[place.path().join("a")]);
        assert!(answer.paths.is_empty());
        assert!(
            answer.refusal.is_some_and(|why| why.contains("bad config line 1")),
            "it names the reason"
        );
    }
}
