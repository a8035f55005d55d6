//! Work that blocks its thread. It is rare here, and so gets a thread of its own: tokio's pool of
//! such threads would be linked into every function, as would its timers.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;

/// Work for a thread. It is behind a pointer, so that the start of a thread is linked once.
pub(crate) type Work<'scope> = Box<dyn FnOnce() + Send + 'scope>;

/// Runs the work, which must not panic, on a thread of its own, and waits for its end.
pub(crate) async fn run(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let ended = Arc::new(Notify::new());
    let end = Arc::clone(&ended);
    let work: Work<'_> = Box::new(move || {
        work();
        end.notify_one();
    });
    thread::Builder::new().spawn(work)?;
    ended.notified().await;
    Ok(())
}

/// Sleeps.
pub(crate) async fn wait(time: Duration) {
    if run(move || thread::sleep(time)).await.is_err() {
        thread::sleep(time);
    }
}
