//! The scheduling policy of the threads. Asks the system only.

/// Tells the system that what this thread and those that it starts do comes in batches: being woken, they do not take a
/// processor from whoever woke them. A request is a chain of such wakes, and without it every other step would interrupt
/// the one before it. Where the system has no such thing, nothing changes.
pub(crate) fn as_batch() {
    #[cfg(target_os = "linux")]
    {
        let priority = libc::sched_param { sched_priority: 0 };
        #[expect(unsafe_code, reason = "neither std nor rustix has this call")]
        // SAFETY: 0 is this thread, and the parameter lives as long as the call.
        let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const priority) };
        if done != 0 {
            tracing::debug!(error = %std::io::Error::last_os_error(), "the scheduling policy stays as it is");
        }
    }
}
