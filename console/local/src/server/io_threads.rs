//! The threads that serve. A request is a chain of small steps between processes, and to hand each step to another
//! thread costs more than the step: so each thread has a runtime of its own, a caller's connection stays on one, and a
//! sandbox is best used by the thread that started it. What takes long is on threads that block.

use crate::scheduling::as_batch;
use std::{io, num::NonZero, thread};
use tokio::{
    runtime::{self, Handle},
    sync::oneshot,
};

/// More threads than that are of no use: functions and their callers take more of the time.
const MOST: usize = 4;

/// The threads. They end when this is dropped, and all that runs on them.
pub(crate) struct IoThreads {
    /// The first one; what is not a caller's runs on it.
    pub(crate) main: Handle,
    others: Vec<Handle>,
    _over: Vec<oneshot::Sender<()>>,
}

impl IoThreads {
    /// Starts a thread for each processor, but not more than [`MOST`].
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

    /// The threads, again and again in turn.
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
    // The sender says nothing: it goes.
    let run = move || {
        as_batch();
        drop(runtime.block_on(until));
    };
    thread::Builder::new().name("local-lambda".to_owned()).spawn(run)?;
    Ok((handle, over))
}
