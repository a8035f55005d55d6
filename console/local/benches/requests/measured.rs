//! The figures of one emulator: latency and processor time of its calls.

use std::{fs, time::Instant};

use crate::{
    Result,
    caller::{Caller, Target},
};

/// One of the compared emulators and its figures.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) target: Target,
    /// The emulator's process, without the functions.
    pub(crate) process: u32,
    pub(crate) rates: Vec<f64>,
    /// Microseconds of processor time per request in user mode.
    pub(crate) user: Vec<f64>,
    /// The same in the kernel.
    pub(crate) system: Vec<f64>,
    pub(crate) times: Vec<f64>,
}

impl Measured {
    /// Creates an empty set of figures.
    pub(crate) fn new(name: &'static str, target: Target, process: u32) -> Self {
        let (rates, user, system, times) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { name, target, process, rates, user, system, times }
    }
}

/// Processor time of a process so far, in user mode and in the kernel, in microseconds.
pub(crate) fn processor_time(process: u32) -> Result<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("no fields")?;
    // The kernel counts hundredths of a second.
    let mut fields =
        fields.split(' ').skip(11).map(|field| field.parse::<f64>().map(|ticks| ticks * 1e4));
    Ok((fields.next().ok_or("no user time")??, fields.next().ok_or("no system time")??))
}

/// Latencies of sequential calls, in milliseconds.
pub(crate) fn latency(target: &Target, count: usize) -> Result<Vec<f64>> {
    let mut caller = Caller::new(target)?;
    (0..count)
        .map(|_| {
            let began = Instant::now();
            caller.invoke()?;
            Ok(began.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}
