//! How much memory a sandbox uses, and that it has no more than its function.
//!
//! - Where this user may make control groups ([`super::cgroup`]), the kernel counts all processes of the sandbox together
//!   and kills them when they ask for more, as on AWS.
//! - On any other Linux the memory of its own (what is in no file) is looked at every [`LOOK`], and the sandbox is killed
//!   when that is more; a peak between two looks is not missed, since the kernel remembers it for the bootstrap's
//!   process. What the bootstrap started counts from [`FAMILY_LOOK`] on.
//! - Elsewhere it is neither measured nor limited.
//!
//! Resource limits (`setrlimit`) do not serve: `RLIMIT_AS` and `RLIMIT_DATA` count what a program reserves and never
//! touches, such as the stacks of its threads, so that good programs fail; and those that do ask for too much are refused,
//! where AWS kills.
//!
//! Under the emulator its own memory is in the same process: what [`EMULATOR`] says is not counted.

use super::{
    cgroup::{Cgroup, Cgroups},
    descendants::descendants,
};
use rustix::process::Pid;
use std::{
    fs,
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// How often the bootstrap's process is looked at while it works.
const LOOK: Duration = Duration::from_millis(10);
/// How long a look is good for.
const FRESH: Duration = Duration::from_millis(5);
/// How often, in such looks, all processes are: to find them takes milliseconds.
const FAMILY_LOOK: u32 = 25;
/// What the emulator may need for itself, in KiB: it translates into memory.
const EMULATOR: u64 = 128 << 10;

/// The memory of one sandbox.
pub(crate) struct Memory {
    process: Pid,
    /// What `/proc` says of it: to open that again for each look would cost more than the look.
    status: Option<fs::File>,
    /// In KiB.
    limit: u64,
    cgroup: Option<Cgroup>,
    /// In KiB.
    peak: AtomicU64,
    exceeded: AtomicBool,
    /// When it was last looked at, in microseconds since it was started.
    looked: AtomicU64,
    started: Instant,
}

/// What `/proc` says of a process, in KiB.
struct Usage {
    /// The most that it ever had in memory at once, files' pages and all.
    peak: u64,
    /// What it has of files now.
    files: u64,
    /// What it has of its own now.
    own: u64,
}

impl Memory {
    /// Of a process that was just started, and may have `megabytes`.
    pub(crate) fn new(process: Pid, megabytes: u32, emulated: bool, cgroups: Option<&Cgroups>) -> Self {
        let limit = u64::from(megabytes) * 1024 + if emulated { EMULATOR } else { 0 };
        let cgroup = cgroups.and_then(|cgroups| match cgroups.make(process, limit * 1024) {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                tracing::warn!(%error, "a sandbox's memory is watched, for it could not have a control group");
                None
            }
        });
        Self {
            process,
            status: status(process),
            limit,
            cgroup,
            peak: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
            looked: AtomicU64::new(0),
            started: Instant::now(),
        }
    }

    /// Looks once, unless that was done just before: to touch 128 MB takes longer than [`FRESH`], and the kernel tells a
    /// peak at the next look as well. Whether it had too much at any time.
    pub(crate) fn glance(&self) -> bool {
        let now = self.started.elapsed().as_micros() as u64;
        let looked = self.looked.load(Ordering::Relaxed);
        if looked > 0 && now < looked + FRESH.as_micros() as u64 {
            return self.is_exceeded();
        }
        self.looked.store(now, Ordering::Relaxed);
        self.measure()
    }

    /// Looks once; whether it had too much at any time. When the process has ended, the system has forgotten it.
    pub(crate) fn measure(&self) -> bool {
        if let Some(cgroup) = &self.cgroup {
            self.note(cgroup.peak().unwrap_or(0) / 1024);
            if cgroup.was_full() {
                self.exceeded.store(true, Ordering::Relaxed);
            }
        }
        if let Some(usage) = self.status.as_ref().and_then(usage) {
            self.note(usage.peak);
            if self.cgroup.is_none() && usage.peak.saturating_sub(usage.files) > self.limit {
                self.exceeded.store(true, Ordering::Relaxed);
            }
        }
        self.is_exceeded()
    }

    /// Whether it had too much, as far as was seen.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// The peak so far in MB; none where the system does not tell.
    pub(crate) fn peak(&self) -> Option<u64> {
        let most = self.limit / 1024;
        if self.is_exceeded() {
            return Some(most);
        }
        let kilobytes = self.peak.load(Ordering::Relaxed);
        (kilobytes > 0).then(|| kilobytes.div_ceil(1024).min(most))
    }

    /// Comes back when it has too much, and only then.
    pub(crate) async fn exceeded(&self) {
        if self.cgroup.is_some() || cfg!(not(target_os = "linux")) {
            // The kernel takes care, or nobody can.
            return std::future::pending().await;
        }
        for look in 1_u32.. {
            tokio::time::sleep(LOOK).await;
            if self.measure() || (look % FAMILY_LOOK == 0 && self.measure_family().await) {
                return;
            }
        }
    }

    async fn measure_family(&self) -> bool {
        let leader = self.process;
        let usages = tokio::task::spawn_blocking(move || {
            descendants(&[leader]).into_iter().filter_map(|process| usage(&status(process)?)).collect()
        });
        let usages: Vec<Usage> = usages.await.unwrap_or_default();
        self.note(usages.iter().map(|usage| usage.own + usage.files).sum());
        if usages.iter().map(|usage| usage.own).sum::<u64>() > self.limit {
            self.exceeded.store(true, Ordering::Relaxed);
        }
        self.is_exceeded()
    }

    fn note(&self, kilobytes: u64) {
        self.peak.fetch_max(kilobytes, Ordering::Relaxed);
    }
}

fn status(process: Pid) -> Option<fs::File> {
    fs::File::open(format!("/proc/{}/status", process.as_raw_nonzero())).ok()
}

fn usage(status: &fs::File) -> Option<Usage> {
    // All of it comes with one read, where this is large enough.
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).ok()?;
    let status = std::str::from_utf8(text.get(..length)?).ok()?;
    let mut lines = status.lines();
    // They come in this order.
    let mut field = |name: &str| {
        let line = lines.find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let (peak, own, files) = (field("VmHWM:")?, field("RssAnon:")?, field("RssFile:")?);
    Some(Usage { peak, files, own })
}
