//! The executor of tokio that runs handlers.

use std::pin::{Pin, pin};

use tokio::runtime::{Builder, Runtime};

use crate::runtime_api::end::End;

/// Creates a single-threaded executor. It has timers if anything in the program enables tokio's
/// `time`.
pub(crate) fn create() -> Result<Runtime, End> {
    // A function has few sockets: room for a thousand events would only cost memory at the start.
    let built = Builder::new_current_thread().enable_all().max_io_events_per_tick(64).build();
    built.map_err(|error| End::Environment(format!("the async executor cannot start: {error}")))
}

/// Runs a future to its end, through a pointer: the executor's loop is then in a program only once.
pub(crate) fn run<T>(executor: &Runtime, future: impl Future<Output = T>) -> T {
    let mut output = None;
    {
        let work: Pin<&mut dyn Future<Output = ()>> = pin!(async { output = Some(future.await) });
        executor.block_on(work);
    }
    output.expect("the executor runs a future to its end")
}
