//! The files of a sandbox: their paths for its processes and for this process. Copies code where
//! the system has no mount namespaces ([`isolation`]), so that no function changes another's.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    os::unix::fs::symlink,
    path::{Component, Path, PathBuf},
};

use super::{
    env::SandboxEnv,
    isolation::{self, Mounts, Namespace},
    process::{families::Home, mark::Mark, program::Confinement},
};
use crate::store::function::Function;

/// Maximum number of symbolic links followed, as on Linux.
const LINKS: u32 = 40;

/// The files of a sandbox.
pub(crate) struct SandboxFiles {
    home: Home,
    namespace: Option<&'static Namespace>,
    /// The local Lambda's directory.
    base: PathBuf,
    /// Its code, its layers and its `/tmp`, as paths of this process.
    code: PathBuf,
    layers: Option<PathBuf>,
    tmp: PathBuf,
}

impl SandboxFiles {
    /// Creates the files and directories that only this sandbox has.
    pub(crate) async fn make(env: &SandboxEnv, function: &Function) -> io::Result<Self> {
        let namespace = env.namespace;
        let home = env.families.begin()?;
        let codes = &env.codes;
        let (code, layers) =
            (codes.place(&function.code), function.opt().map(|opt| codes.place(&opt)));
        let (base, tmp) = (env.dir.clone(), home.dir.clone());
        let shared = Self { home, namespace, base, code, layers, tmp };
        if namespace.is_some() { Ok(shared) } else { shared.copied().await }
    }

    /// Replaces code and layers by copies for this sandbox.
    async fn copied(self) -> io::Result<Self> {
        let within = |name: &str| self.home.dir.join(name);
        let (code, layers, tmp) =
            (within("task"), self.layers.as_ref().map(|_| within("opt")), within("tmp"));
        let mut copies = vec![(self.code.clone(), code.clone())];
        copies.extend(self.layers.clone().zip(layers.clone()));
        let make = tmp.clone();
        let copying = tokio::task::spawn_blocking(move || {
            fs::create_dir(make)?;
            copies.iter().try_for_each(|(from, to)| copy(from, to))
        });
        copying.await.map_err(io::Error::other)??;
        Ok(Self { code, layers, tmp, ..self })
    }

    /// The mark of the sandbox's processes.
    pub(crate) fn mark(&self) -> Mark {
        self.home.mark
    }

    /// `LAMBDA_TASK_ROOT`.
    pub(crate) fn task(&self) -> &Path {
        if self.namespace.is_some() { Path::new(isolation::TASK) } else { &self.code }
    }

    /// Path of the layers in the sandbox.
    pub(crate) fn opt(&self) -> &Path {
        match &self.layers {
            Some(layers) if self.namespace.is_none() => layers,
            _ => Path::new(isolation::OPT),
        }
    }

    /// Path of the layers for this process.
    pub(crate) fn layers(&self) -> Option<&Path> {
        self.layers.as_deref()
    }

    /// Its `/tmp`, as this process sees it.
    pub(crate) fn tmp(&self) -> &Path {
        &self.tmp
    }

    /// Value of `TMPDIR`, or `None` if `/tmp` is the sandbox's own.
    pub(crate) fn tmpdir(&self) -> Option<&Path> {
        self.namespace.is_none().then_some(&self.tmp)
    }

    /// Changes to make to a process before it runs its program in the sandbox.
    pub(crate) fn confinement(&self) -> io::Result<Confinement> {
        let mounts = match self.namespace {
            Some(namespace) => {
                Some((namespace, Mounts::new(&self.base, &self.code, self.layers(), &self.tmp)?))
            }
            None => None,
        };
        Ok(Confinement { mark: self.home.mark, mounts, kept: None })
    }

    /// Path of a file of the sandbox for this process, with all symbolic links followed as in the
    /// sandbox. `None` if there is no such file.
    pub(crate) fn outside(&self, path: &Path) -> Option<PathBuf> {
        let mut left: VecDeque<OsString> = parts(path).collect();
        let (mut at, mut links) = (PathBuf::from("/"), 0);
        while let Some(part) = left.pop_front() {
            if part == ".." {
                at.pop();
                continue;
            }
            at.push(part);
            let real = self.real(&at)?;
            if !fs::symlink_metadata(&real).ok()?.is_symlink() {
                continue;
            }
            links += 1;
            let target = fs::read_link(&real).ok().filter(|_| links <= LINKS)?;
            at.pop();
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                left.push_front(part);
            }
        }
        self.real(&at)
    }

    /// Path for this process of a path of the sandbox without links, or `None` if the sandbox has
    /// nothing there.
    fn real(&self, path: &Path) -> Option<PathBuf> {
        if self.namespace.is_none() {
            return Some(path.to_owned());
        }
        let lies = |over: &str| path.strip_prefix(over).ok();
        if let Some(rest) = lies(isolation::TASK) {
            return Some(self.code.join(rest));
        }
        if let Some(rest) = lies(isolation::OPT) {
            return match &self.layers {
                Some(layers) => Some(layers.join(rest)),
                // `/opt` exists and is empty.
                None => rest.as_os_str().is_empty().then(|| self.tmp.clone()),
            };
        }
        Some(lies("/tmp").map_or_else(|| path.to_owned(), |rest| self.tmp.join(rest)))
    }

    /// Returns `true` if the sandbox sees another file at this path than this process does.
    pub(crate) fn hides(&self, path: &Path) -> bool {
        self.namespace.is_some()
            && [isolation::TASK, isolation::OPT, "/tmp"].iter().any(|over| path.starts_with(over))
    }
}

/// The parts of a path other than `/` and `.`.
fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// Copies a directory recursively, with modes and symbolic links.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            copy(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}
