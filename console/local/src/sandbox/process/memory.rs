//! Memory of a sandbox: measures it, and limits it to the function's.
//!
//! - Where this user may make control groups ([`super::cgroup`]), the kernel counts all processes
//!   of the sandbox together and kills them when they exceed the limit, as on AWS.
//! - On any other Linux the sandbox's own memory (without pages of files) is measured every
//!   [`LOOK`], and the sandbox is killed when it exceeds the limit; a peak between two measurements
//!   is not missed, since the kernel records it for the bootstrap's process. Child processes of the
//!   bootstrap count from [`FAMILY_LOOK`] on.
//! - Elsewhere it is neither measured nor limited.
//!
//! Resource limits (`setrlimit`) do not help: `RLIMIT_AS` and `RLIMIT_DATA` count memory that a
//! program reserves and never touches, such as the stacks of its threads, so that good programs
//! fail; and an allocation over the limit is refused, where AWS kills the process.
//!
//! The emulator's own memory is in the same process: [`EMULATOR`] is added to the limit for it.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rustix::process::Pid;

use super::{
    cgroup::{Cgroup, Cgroups},
    descendants::descendants,
};

/// Interval between two measurements of the bootstrap's process while it works.
const LOOK: Duration = Duration::from_millis(10);
/// Time for which a measurement is reused.
const FRESH: Duration = Duration::from_millis(5);
/// Number of such measurements between two of all processes: finding them takes milliseconds.
const FAMILY_LOOK: u32 = 25;
/// Memory that the emulator may need for itself, in KiB: it translates into memory.
const EMULATOR: u64 = 128 << 10;

/// The memory of one sandbox.
pub(crate) struct Memory {
    process: Pid,
    /// Its file in `/proc`, kept open: opening it for each measurement would cost more than the
    /// measurement.
    status: Option<fs::File>,
    /// In KiB.
    limit: u64,
    cgroup: Option<Cgroup>,
    /// In KiB.
    peak: AtomicU64,
    exceeded: AtomicBool,
    /// Time of the last measurement, in microseconds since the start of the process.
    looked: AtomicU64,
    started: Instant,
}

/// Memory of a process according to `/proc`, in KiB.
struct Usage {
    /// Its peak, including pages of files.
    peak: u64,
    /// Current pages of files.
    files: u64,
    /// Current memory without pages of files.
    own: u64,
}

impl Memory {
    /// Starts to measure a new process with a limit of `megabytes`.
    pub(crate) fn new(
        process: Pid,
        megabytes: u32,
        emulated: bool,
        cgroups: Option<&Cgroups>,
    ) -> Self {
        let limit = u64::from(megabytes) * 1024 + if emulated { EMULATOR } else { 0 };
        let cgroup = cgroups.and_then(|cgroups| match cgroups.make(process, limit * 1024) {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                tracing::warn!(%error, "a sandbox's memory is polled: it has no control group");
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

    /// Measures once, unless that was done just before: touching 128 MB takes longer than
    /// [`FRESH`], and the kernel reports a peak at the next measurement as well. Returns `true` if
    /// the limit was ever exceeded.
    pub(crate) fn glance(&self) -> bool {
        let now = self.started.elapsed().as_micros() as u64;
        let looked = self.looked.load(Ordering::Relaxed);
        if looked > 0 && now < looked + FRESH.as_micros() as u64 {
            return self.is_exceeded();
        }
        self.looked.store(now, Ordering::Relaxed);
        self.measure()
    }

    /// Measures once. Returns `true` if the limit was ever exceeded. The system drops the figure
    /// when the process ends.
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

    /// Returns `true` if a measurement was over the limit.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// The peak so far in MB, or `None` if the system does not report it.
    pub(crate) fn peak(&self) -> Option<u64> {
        let most = self.limit / 1024;
        if self.is_exceeded() {
            return Some(most);
        }
        let kilobytes = self.peak.load(Ordering::Relaxed);
        (kilobytes > 0).then(|| kilobytes.div_ceil(1024).min(most))
    }

    /// Waits until the limit is exceeded.
    pub(crate) async fn exceeded(&self) {
        if self.cgroup.is_some() || cfg!(not(target_os = "linux")) {
            // The kernel enforces the limit, or nothing can.
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
            descendants(&[leader])
                .into_iter()
                .filter_map(|process| usage(&status(process)?))
                .collect()
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
    // One read returns the whole file if the buffer is large enough.
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).ok()?;
    let status = std::str::from_utf8(text.get(..length)?).ok()?;
    let mut lines = status.lines();
    // The fields are in this order.
    let mut field = |name: &str| {
        let line = lines.find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let (peak, own, files) = (field("VmHWM:")?, field("RssAnon:")?, field("RssFile:")?);
    Some(Usage { peak, files, own })
}
