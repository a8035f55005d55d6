//! Scheduling policy of the threads. Only makes a system call.

/// Sets the batch policy for this thread and for those that it starts: when they are woken, they do
/// not preempt the thread that woke them. A request is a chain of such wake-ups, and without it
/// every other step would interrupt the one before it. Has no effect where the system does not
/// support it.
pub(crate) fn as_batch() {
    #[cfg(target_os = "linux")]
    {
        let priority = libc::sched_param { sched_priority: 0 };
        #[expect(unsafe_code, reason = "neither std nor rustix has this call")]
        // SAFETY: 0 is this thread, and the parameter lives as long as the call.
        let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const priority) };
        if done != 0 {
            tracing::debug!(error = %std::io::Error::last_os_error(), "the scheduling policy stays \
                as it is");
        }
    }
}
