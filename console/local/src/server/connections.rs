//! The open connections: those of this user alone, and not more than there is room for. One that asks for nothing, or
//! never finishes asking, gives way to a new one. Touches nothing but the clock.

use http::Response;
use hyper::body::Body;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How long a connection may take to its first whole head: a caller on this machine sends it at once.
pub(crate) const HEAD: Duration = Duration::from_secs(10);

/// All of them.
pub(crate) struct Connections {
    began: Instant,
    /// How many there may be, unless all are busy.
    most: usize,
    open: Mutex<Vec<Arc<Connection>>>,
    stop: CancellationToken,
}

/// One of them.
pub(crate) struct Connection {
    connections: Arc<Connections>,
    /// Since when it waits for a request, in microseconds since the start; 0: a request is being served.
    waits: AtomicU64,
    /// Whether there was a head.
    began: AtomicBool,
    /// Whether there was a whole request.
    asked: AtomicBool,
    end: CancellationToken,
}

impl Connections {
    /// None yet, and `most` at a time. All end with `stop`.
    pub(crate) fn new(most: usize, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), most, open: Mutex::default(), stop })
    }

    /// Takes one in. Where there are too many, the one goes that has waited for the longest time.
    pub(crate) fn open(self: &Arc<Self>) -> Open {
        let connection = Arc::new(Connection {
            connections: Arc::clone(self),
            waits: AtomicU64::new(self.now()),
            began: AtomicBool::new(false),
            asked: AtomicBool::new(false),
            end: self.stop.child_token(),
        });
        if self.all().len() >= self.most {
            self.make_room();
        }
        self.all().push(Arc::clone(&connection));
        Open(connection)
    }

    /// Ends the connection that has waited for the longest time; of those that have asked for something, only when there
    /// are no others.
    pub(crate) fn make_room(&self) {
        let mut open = self.all();
        let waiting = open.iter().enumerate().filter_map(|(place, connection)| {
            let waits = connection.waits.load(Ordering::Relaxed);
            (waits > 0).then(|| (connection.asked.load(Ordering::Relaxed), waits, place))
        });
        if let Some((_, _, place)) = waiting.min() {
            open.swap_remove(place).end.cancel();
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, open until this is dropped.
pub(crate) struct Open(Arc<Connection>);

impl std::ops::Deref for Open {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.0.connections.all();
        if let Some(place) = open.iter().position(|other| Arc::ptr_eq(other, &self.0)) {
            open.swap_remove(place);
        }
    }
}

impl Connection {
    /// When it is to end: with the server, or to make room.
    pub(crate) async fn ends(&self) {
        self.end.cancelled().await;
    }

    /// Whether it ends with the server.
    pub(crate) fn is_last(&self) -> bool {
        self.connections.stop.is_cancelled()
    }

    /// There is a whole head. What this gives is kept until the request is answered.
    pub(crate) fn asks(&self) -> Asking<'_> {
        self.began.store(true, Ordering::Relaxed);
        Asking(self)
    }

    /// Whether there was a head.
    pub(crate) fn has_begun(&self) -> bool {
        self.began.load(Ordering::Relaxed)
    }

    /// The whole request is here.
    pub(crate) fn is_busy(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.waits.store(0, Ordering::Relaxed);
    }
}

/// A request whose head is here, until it is answered or given up.
pub(crate) struct Asking<'a>(&'a Connection);

impl Asking<'_> {
    /// There is an answer. While one without a length is sent, a live tail for example, the connection does not wait.
    pub(crate) fn answered(self, response: &Response<impl Body>) {
        if response.body().size_hint().exact().is_none() {
            std::mem::forget(self);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.waits.store(self.0.connections.now(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(connections: &[&Open]) -> Vec<bool> {
        connections.iter().map(|connection| connection.end.is_cancelled()).collect()
    }

    #[test]
    fn who_never_asked_gives_way_first_then_who_waits_the_longest_and_never_who_is_busy() {
        let connections = Connections::new(3, CancellationToken::new());
        let [busy, idle, half] = [(); 3].map(|()| {
            std::thread::sleep(Duration::from_micros(2));
            connections.open()
        });
        busy.is_busy();
        let asking = idle.asks();
        idle.is_busy();
        drop(asking);
        // A head alone is not a request.
        assert!(!half.has_begun());
        drop(half.asks());
        assert!(half.has_begun());
        let all = [&busy, &idle, &half];
        assert_eq!(ended(&all), [false, false, false]);
        let fourth = connections.open();
        assert_eq!(ended(&all), [false, false, true], "though it has waited for the shortest time");
        fourth.is_busy();
        let fifth = connections.open();
        assert_eq!(ended(&[&busy, &idle, &fourth, &fifth]), [false, true, false, false], "not the new one");
        fifth.is_busy();
        let sixth = connections.open();
        assert_eq!(ended(&[&busy, &fourth, &fifth, &sixth]), [false; 4], "all are busy");
    }

    #[test]
    fn a_connection_that_ends_makes_room() {
        let connections = Connections::new(1, CancellationToken::new());
        drop(connections.open());
        let second = connections.open();
        assert!(!second.end.is_cancelled());
        connections.make_room();
        assert!(second.end.is_cancelled() && !second.is_last());
        drop(second);
        assert!(connections.all().is_empty());
        connections.make_room();
    }
}
