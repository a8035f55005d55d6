//! The threads that serve requests. A request is a chain of small steps between processes, and
//! handing each step to another thread costs more than the step itself: so each thread has a
//! runtime of its own, a connection stays on one thread, and a sandbox is best used by the thread
//! that started it. Long operations run on blocking threads.

use std::{io, num::NonZero, thread};

use tokio::{
    runtime::{self, Handle},
    sync::oneshot,
};

use crate::scheduling::as_batch;

/// Maximum number of threads. More are of no use: functions and their callers take more of the
/// time.
const MOST: usize = 4;

/// The threads. They end when this value is dropped, with every task that runs on them.
pub(crate) struct IoThreads {
    /// Handle of the first thread, which runs every task that does not belong to a connection.
    pub(crate) main: Handle,
    others: Vec<Handle>,
    _over: Vec<oneshot::Sender<()>>,
}

impl IoThreads {
    /// Starts a thread for each processor, up to [`MOST`].
    pub(crate) fn start() -> io::Result<Self> {
        let (main, over) = thread()?;
        let (mut others, mut ends) = (Vec::new(), vec![over]);
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 1..processors.min(MOST) {
            let (other, over) = thread()?;
            others.push(other);
            ends.push(over);
        }
        Ok(Self { main, others, _over: ends })
    }

    /// Returns an endless iterator over the threads, in turn.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = Handle> + Send + use<> {
        let mut all = vec![self.main.clone()];
        all.extend(self.others.iter().cloned());
        all.into_iter().cycle()
    }
}

fn thread() -> io::Result<(Handle, oneshot::Sender<()>)> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (over, until) = oneshot::channel();
    // The sender sends nothing: dropping it ends the thread.
    let run = move || {
        as_batch();
        drop(runtime.block_on(until));
    };
    thread::Builder::new().name("local-lambda".to_owned()).spawn(run)?;
    Ok((handle, over))
}
