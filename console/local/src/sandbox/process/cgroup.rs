//! Control groups of version 2, if this user may make some that limit memory: next to this
//! process's own, or further up. A desktop session of systemd delegates a part of the tree to its
//! user, for example. Writes below `/sys/fs/cgroup` only, in a directory that is named after this
//! process and removed with it; the next process removes the directories of killed ones. Source:
//! the kernel's documentation, "Control Group v2".

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::process::Pid;

/// Prefix of the directories' names, before the process id.
const NAME: &str = "lambda-console-";

/// A directory in which groups can be made.
pub(crate) struct Cgroups {
    dir: PathBuf,
    next: AtomicU64,
}

impl Cgroups {
    /// Finds such a directory. Returns `None` if there is none.
    pub(crate) fn find() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::find_in(Path::new("/sys/fs/cgroup"), &own)
    }

    /// `own` is the content of `/proc/self/cgroup`.
    fn find_in(root: &Path, own: &str) -> Option<Self> {
        let own = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let own = root.join(own);
        own.ancestors()
            .take_while(|dir| dir.starts_with(root))
            .find_map(|dir| Self::make_in(dir).ok())
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        let passes_on = fs::read_to_string(parent.join("cgroup.subtree_control"))?;
        if !passes_on.split_whitespace().any(|controller| controller == "memory") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        sweep(parent);
        let dir = parent.join(format!("{NAME}{}", std::process::id()));
        fs::create_dir(&dir)?;
        let made = Self { dir, next: AtomicU64::new(0) };
        fs::write(made.dir.join("cgroup.subtree_control"), "+memory")?;
        // Moving a process there is the only way to know that it is allowed.
        let mut probe = std::process::Command::new("sleep").arg("60").spawn()?;
        let moved = made.make(Pid::from_child(&probe), 64 << 20).map(drop);
        probe.kill()?;
        probe.wait()?;
        moved.map(|()| made)
    }

    /// Moves a process into a new group with a limit of `bytes`.
    pub(crate) fn make(&self, process: Pid, bytes: u64) -> io::Result<Cgroup> {
        let dir = self.dir.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&dir)?;
        let group = Cgroup { dir };
        group.write("memory.max", &bytes.to_string())?;
        group.write("memory.oom.group", "1")?;
        // Fails on a system without swap.
        let _ = group.write("memory.swap.max", "0");
        group.write("cgroup.procs", &process.as_raw_nonzero().to_string())?;
        Ok(group)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        // If its last process has not ended yet, the directory is left to the next process.
        remove(&self.dir);
    }
}

/// Removes the directories of processes that have ended.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            remove(&entry.path());
        }
    }
}

/// Kills the processes in a directory of groups, and removes the groups that are then empty
/// together with their files.
fn remove(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    {
        kill(&entry.path());
        let _ = fs::remove_dir(entry.path());
    }
    let _ = fs::remove_dir(dir);
}

/// Kills all processes of a group if the kernel has the file `cgroup.kill`, which must not be
/// created.
fn kill(dir: &Path) {
    let file = fs::OpenOptions::new().write(true).open(dir.join("cgroup.kill"));
    let _ = file.and_then(|mut file| file.write_all(b"1"));
}

/// One group, which is removed on drop.
pub(crate) struct Cgroup {
    dir: PathBuf,
}

impl Cgroup {
    /// Peak memory of its processes together, in bytes.
    pub(crate) fn peak(&self) -> Option<u64> {
        fs::read_to_string(self.dir.join("memory.peak")).ok()?.trim().parse().ok()
    }

    /// Returns `true` if its processes were killed because they exceeded the limit.
    pub(crate) fn was_full(&self) -> bool {
        let events = fs::read_to_string(self.dir.join("memory.events")).unwrap_or_default();
        events.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count != "0")
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        fs::write(self.dir.join(file), text)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        kill(&self.dir);
        let _ = fs::remove_dir(&self.dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of plain files shows which files are written and where, but not that the kernel obeys
    /// them.
    #[test]
    fn a_place_that_passes_memory_on_is_found_and_a_group_is_made_there() {
        let root = tempfile::tempdir().unwrap();
        let own = root.path().join("user.slice/app.slice/terminal.scope");
        fs::create_dir_all(&own).unwrap();
        for (dir, controllers) in [("", "cpu memory"), ("user.slice/app.slice", "memory pids\n")] {
            fs::write(root.path().join(dir).join("cgroup.subtree_control"), controllers).unwrap();
        }
        fs::write(own.join("cgroup.subtree_control"), "pids\n").unwrap();
        let stale = root.path().join("user.slice/app.slice/lambda-console-4294967295");
        fs::create_dir_all(stale.join("7")).unwrap();
        let cgroups = Cgroups::find_in(
            root.path(),
            "1:name=systemd:/x\n0::/user.slice/app.slice/terminal.scope\n",
        )
        .unwrap();
        assert_eq!(cgroups.dir.parent(), Some(root.path().join("user.slice/app.slice").as_path()));
        assert!(!stale.exists(), "what a killed process left is gone");
        let group = cgroups.make(rustix::process::getpid(), 134_217_728).unwrap();
        let read = |file: &str| fs::read_to_string(group.dir.join(file)).unwrap();
        assert_eq!(read("memory.max"), "134217728");
        assert_eq!(read("memory.swap.max"), "0");
        assert_eq!(read("cgroup.procs"), std::process::id().to_string());
        fs::write(group.dir.join("memory.events"), "low 0\noom 1\noom_kill 1\noom_group_kill 1\n")
            .unwrap();
        fs::write(group.dir.join("memory.peak"), "134213632\n").unwrap();
        assert!(group.was_full());
        assert_eq!(group.peak(), Some(134_213_632));
        assert!(
            Cgroups::find_in(root.path(), "1:memory:/x\n").is_none(),
            "a system without version 2"
        );
    }
}
