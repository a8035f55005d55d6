//! The executor of tokio that runs handlers.

use tokio::runtime::{Builder, Runtime};

use crate::runtime_api::end::End;

/// Creates a single-threaded executor. It has timers if anything in the program enables tokio's
/// `time`.
pub(crate) fn create() -> Result<Runtime, End> {
    // A function has few sockets: room for a thousand events would only cost memory at the start.
    let built = Builder::new_current_thread().enable_all().max_io_events_per_tick(64).build();
    built.map_err(|error| End::Environment(format!("the async executor cannot start: {error}")))
}
