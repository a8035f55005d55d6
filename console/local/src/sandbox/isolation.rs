//! Isolation of functions: the files of this machine that a function sees, and those that it can
//! read and change.
//!
//! On Linux each sandbox has a mount namespace of its own, where the system lets this user make
//! one: its code is at `/var/task` and its layers at `/opt`, both read-only, and `/tmp` is its own.
//! `/var` has the entries that it had when the first sandbox was started, everything else is this
//! machine's. A user other than root needs a user namespace for that; containers, and systems that
//! restrict those (`kernel.apparmor_restrict_unprivileged_userns`,
//! `kernel.unprivileged_userns_clone`), often refuse both. Then, and on other systems, each sandbox
//! has copies of its code and layers, whose paths are in `LAMBDA_TASK_ROOT`, `PATH` and
//! `LD_LIBRARY_PATH`, and a directory of its own in `TMPDIR`; a link in them to `/opt` or
//! `/var/task` is dangling.
//!
//! The environment and memory of this process hold data that a function must not have, such as the
//! developer's own credentials. A sandbox has Lambda's environment and nothing else, and [`hide`]
//! closes `/proc` of this process to others.
//!
//! This protects against mistakes, not against malicious code: a function runs as the user who runs
//! this program.
//!
//! - It reads and writes that user's files, among them `~/.aws`, `~/.ssh` and the state of this
//!   local Lambda with its keys.
//! - It sends signals to that user's processes, and connects to the ports that listen on this
//!   machine.
//! - Without a user namespace it reads the environment and the memory of that user's other
//!   processes, such as the shell and the other sandboxes; within one, only those of the other
//!   sandboxes.
//! - As root it does all of that to every user's files and processes, this process included, and
//!   can undo its mounts.
//!
//! Closing `/proc` also means that debuggers and profilers attach to the serving process as root
//! only, that it leaves no core dump, and that its files below `/proc` belong to root; those that
//! everyone may read stay readable.

/// Directory of a function's code.
pub(crate) const TASK: &str = "/var/task";
/// Directory of its layers.
pub(crate) const OPT: &str = "/opt";

#[cfg(target_os = "linux")]
pub(crate) use linux::{Mounts, Namespace, hide, namespace};

#[cfg(target_os = "linux")]
mod linux {
    use rustix::{
        fs::{Mode, OFlags, mkdir, open, symlink},
        io::{Errno, Result, write},
        mount::{
            MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive,
            mount_change, mount_move, mount_remount,
        },
        net::{
            AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags,
            SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
            sendmsg, socketpair,
        },
        process::{DumpableBehavior, chdir, getegid, geteuid, set_dumpable_behavior},
        thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
    };
    use std::{
        ffi::{CStr, CString},
        fs, io,
        mem::MaybeUninit,
        os::{
            fd::{AsFd as _, OwnedFd},
            unix::{ffi::OsStrExt as _, process::CommandExt as _},
        },
        path::Path,
        process::{Command, Stdio},
        sync::OnceLock,
    };

    const TASK: &CStr = c"/var/task";
    const OPT: &CStr = c"/opt";
    const TMP: &CStr = c"/tmp";
    const VAR: &CStr = c"/var";
    /// Flags of every mount.
    const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

    /// Closes this process to others of the same user: they cannot read its memory and environment,
    /// nor trace it.
    pub(crate) fn hide() {
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "functions may read this process's environment: /proc could not \
                be closed");
        }
    }

    /// The namespaces from which every sandbox's own is made, or `None` if the system does not
    /// allow them. Made once per process, and before [`hide`], after which a user namespace cannot
    /// get a map of its users.
    pub(crate) fn namespace() -> Option<&'static Namespace> {
        static SHARED: OnceLock<Option<Namespace>> = OnceLock::new();
        let make = || {
            let made = Namespace::make();
            if let Err(error) = &made {
                tracing::warn!(
                    %error,
                    "functions find their code and layers by LAMBDA_TASK_ROOT, PATH and \
                    LD_LIBRARY_PATH alone, not at /var/task and /opt: this system gives no mount \
                    namespace"
                );
            }
            made.ok()
        };
        SHARED.get_or_init(make).as_ref()
    }

    /// A mount namespace with the mount points that a sandbox needs, and the user namespace that it
    /// requires.
    pub(crate) struct Namespace {
        mount: OwnedFd,
        /// `None` for root.
        user: Option<OwnedFd>,
    }

    /// Directories to mount over a sandbox's file system.
    pub(crate) struct Mounts {
        base: CString,
        task: CString,
        opt: Option<CString>,
        tmp: CString,
    }

    impl Mounts {
        /// Uses these directories for `/var/task`, `/opt` and `/tmp`, all below `base`.
        pub(crate) fn new(
            base: &Path,
            task: &Path,
            opt: Option<&Path>,
            tmp: &Path,
        ) -> io::Result<Self> {
            let within = |path: &Path| c_string(path.strip_prefix(base).map_err(io::Error::other)?);
            Ok(Self {
                base: c_string(base)?,
                task: within(task)?,
                opt: opt.map(within).transpose()?,
                tmp: within(tmp)?,
            })
        }
    }

    fn c_string(path: &Path) -> io::Result<CString> {
        Ok(CString::new(path.as_os_str().as_bytes())?)
    }

    impl Namespace {
        /// Moves this thread, which starts sandboxes, into a new namespace that the next sandbox
        /// inherits and has for itself: that sandbox then needs two system calls less. Call it
        /// again for each sandbox. Returns `true` if it succeeded. A process with several threads
        /// cannot enter a user namespace.
        pub(crate) fn go_ahead(&self) -> bool {
            let go = || {
                unshare(UnshareFlags::FS)
                    .and_then(|()| self.join())
                    .and_then(|()| unshare(UnshareFlags::NEWNS))
            };
            self.user.is_none() && go().is_ok()
        }

        /// Moves this process, which has a single thread and is about to run a sandbox's program,
        /// into a namespace of its own with these mounts, and to the directory of the function's
        /// code. Makes system calls only. `ahead` is `true` if the thread that started it [has
        /// entered a namespace](Self::go_ahead) for it.
        pub(crate) fn enter(&self, mounts: &Mounts, ahead: bool) -> Result<()> {
            if !ahead {
                self.join()?;
                unshare(UnshareFlags::NEWNS)?;
            }
            // Relative to this directory the sources are found even when their parent is mounted
            // over.
            chdir(&*mounts.base)?;
            lay(&mounts.task, TASK)?;
            if let Some(opt) = &mounts.opt {
                lay(opt, OPT)?;
            }
            mount_bind(&*mounts.tmp, TMP)?;
            chdir(TASK)
        }

        fn join(&self) -> Result<()> {
            if let Some(user) = &self.user {
                move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))?;
            }
            move_into_link_name_space(self.mount.as_fd(), Some(LinkNameSpaceType::Mount))
        }

        /// Makes the namespaces in a child process that ends before it runs any program.
        fn make() -> io::Result<Self> {
            let flags = SocketFlags::CLOEXEC;
            let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
            let plan = Plan::read()?;
            let mut command = Command::new("/");
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let set_up = move || {
                plan.carry_out(&theirs)?;
                Err(Errno::CANCELED.into())
            };
            #[expect(
                unsafe_code,
                reason = "pre_exec is the only way to do something between fork and exec"
            )]
            // SAFETY: the closure allocates nothing, takes no lock and only makes async-signal-safe
            // system calls.
            unsafe {
                command.pre_exec(set_up);
            }
            match command.spawn() {
                Err(error) if error.raw_os_error() == Some(Errno::CANCELED.raw_os_error()) => {}
                Err(error) => return Err(error),
                Ok(mut child) => {
                    child.wait()?;
                    return Err(io::Error::other("a directory was run"));
                }
            }
            let (mut space, mut byte) =
                ([MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))], [0]);
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
            recvmsg(&ours, &mut [io::IoSliceMut::new(&mut byte)], &mut control, flags)?;
            let mut received = control.drain().flat_map(|message| match message {
                RecvAncillaryMessage::ScmRights(files) => files.collect(),
                _ => Vec::new(),
            });
            let mount =
                received.next().ok_or_else(|| io::Error::other("no namespace was handed over"))?;
            Ok(Self { mount, user: received.next() })
        }
    }

    /// Mounts a directory over another one, read-only.
    fn lay(from: &CStr, over: &CStr) -> Result<()> {
        mount_bind(from, over)?;
        mount_remount(over, MountFlags::BIND | MountFlags::RDONLY | SAFE, c"")
    }

    fn unshare(flags: UnshareFlags) -> Result<()> {
        #[expect(unsafe_code, reason = "rustix has no safe form of it")]
        // SAFETY: only the table of file descriptors, which is not among the flags here, would be
        // of concern.
        unsafe {
            unshare_unsafe(flags)
        }
    }

    /// All data needed to set up the namespaces, allocated before the fork: nothing can be
    /// allocated after it.
    struct Plan {
        /// The maps of a user namespace: each id is mapped to itself.
        users: String,
        groups: String,
        entries: Vec<Entry>,
    }

    /// An entry of `/var`.
    struct Entry {
        kind: Kind,
        from: CString,
        /// Its path until all entries are there.
        to: CString,
    }

    enum Kind {
        Directory,
        File,
        /// A symbolic link with its target.
        Link(CString),
    }

    impl Plan {
        fn read() -> io::Result<Self> {
            let mut entries = Vec::new();
            for entry in fs::read_dir("/var")? {
                let entry = entry?;
                let (from, name) = (entry.path(), entry.file_name());
                let kind = match entry.file_type()? {
                    kind if kind.is_dir() => Kind::Directory,
                    kind if kind.is_symlink() => Kind::Link(c_string(&fs::read_link(&from)?)?),
                    _ => Kind::File,
                };
                entries.push(Entry {
                    kind,
                    from: c_string(&from)?,
                    to: c_string(&Path::new("/tmp").join(name))?,
                });
            }
            let (user, group) = (geteuid().as_raw(), getegid().as_raw());
            Ok(Self {
                users: format!("{user} {user} 1"),
                groups: format!("{group} {group} 1"),
                entries,
            })
        }

        /// Makes the namespaces and sends them. `/var` becomes a directory of its former entries
        /// and `task`, since only root could create that there, and even root should leave no such
        /// directory behind; it is assembled at `/tmp`, which every sandbox mounts over anyway.
        /// `/opt` is empty without layers.
        fn carry_out(&self, to: &OwnedFd) -> Result<()> {
            let alone = match unshare(UnshareFlags::NEWNS) {
                Err(Errno::PERM) => {
                    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS)?;
                    // Older kernels do not require it.
                    let _ = fill(c"/proc/self/setgroups", "deny");
                    fill(c"/proc/self/uid_map", &self.users)?;
                    fill(c"/proc/self/gid_map", &self.groups)?;
                    false
                }
                result => result.map(|()| true)?,
            };
            // Later mounts of this machine are visible in the namespace; mounts in the namespace
            // are not visible on the machine.
            mount_change(c"/", MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM)?;
            mount(c"tmpfs", TMP, c"tmpfs", SAFE, c"mode=755")?;
            let (dir_mode, file_mode) = (Mode::from_raw_mode(0o755), Mode::from_raw_mode(0o644));
            for Entry { kind, from, to } in &self.entries {
                // Entries that cannot be mounted are left out.
                let _ = match kind {
                    Kind::Directory => {
                        mkdir(&**to, dir_mode).and_then(|()| mount_bind_recursive(&**from, &**to))
                    }
                    Kind::File => open(&**to, OFlags::CREATE | OFlags::CLOEXEC, file_mode)
                        .and_then(|_file| mount_bind(&**from, &**to)),
                    Kind::Link(target) => symlink(&**target, &**to),
                };
            }
            match mkdir(c"/tmp/task", dir_mode) {
                Err(error) if error != Errno::EXIST => return Err(error),
                _ => {}
            }
            mount_move(TMP, VAR)?;
            mount_remount(VAR, MountFlags::RDONLY | SAFE, c"")?;
            mount(c"tmpfs", OPT, c"tmpfs", MountFlags::RDONLY | SAFE, c"mode=755")?;
            let namespace =
                |path: &CStr| open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
            let (mounts, user) =
                (namespace(c"/proc/self/ns/mnt")?, namespace(c"/proc/self/ns/user")?);
            let files = [mounts.as_fd(), user.as_fd()];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            control.push(SendAncillaryMessage::ScmRights(if alone {
                files.get(..1).unwrap_or(&files)
            } else {
                &files
            }));
            sendmsg(to, &[io::IoSlice::new(&[0])], &mut control, SendFlags::empty()).map(drop)
        }
    }

    fn fill(file: &CStr, text: &str) -> Result<()> {
        let file = open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        write(file, text.as_bytes()).map(drop)
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{Mounts, Namespace, hide, namespace};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use std::{io, path::Path};

    pub(crate) fn hide() {}

    pub(crate) fn namespace() -> Option<&'static Namespace> {
        None
    }

    /// There are no namespaces on this system.
    pub(crate) enum Namespace {}

    impl Namespace {
        pub(crate) fn go_ahead(&self) -> bool {
            match *self {}
        }
    }

    /// There are no mounts on this system.
    pub(crate) enum Mounts {}

    impl Mounts {
        pub(crate) fn new(_: &Path, _: &Path, _: Option<&Path>, _: &Path) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
