//! The open connections: those of this user alone, up to a maximum number. A connection that sends
//! no request, or an incomplete one, is closed in favour of a new one. Touches nothing but the
//! clock.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Response;
use hyper::body::Body;
use tokio_util::sync::CancellationToken;

/// Time limit for the first complete head of a connection: a caller on this machine sends it at
/// once.
pub(crate) const HEAD: Duration = Duration::from_secs(10);

/// All open connections.
pub(crate) struct Connections {
    began: Instant,
    /// Maximum number of connections, unless all are busy.
    most: usize,
    open: Mutex<Vec<Arc<Connection>>>,
    stop: CancellationToken,
}

/// An open connection.
pub(crate) struct Connection {
    connections: Arc<Connections>,
    /// Time since which the connection waits for a request, in microseconds since the start; 0
    /// while a request is being served.
    waits: AtomicU64,
    /// `true` if a head was received.
    began: AtomicBool,
    /// `true` if a complete request was received.
    asked: AtomicBool,
    end: CancellationToken,
}

impl Connections {
    /// Creates an empty set for up to `most` connections. All of them end with `stop`.
    pub(crate) fn new(most: usize, stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), most, open: Mutex::default(), stop })
    }

    /// Adds a connection. If there are too many, closes the one that has waited longest.
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

    /// Closes the connection that has waited longest. A connection that has sent a request is only
    /// closed if there are no others.
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

/// A connection that is open until this value is dropped.
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
    /// Waits until the connection is to be closed: with the server, or to make room.
    pub(crate) async fn ends(&self) {
        self.end.cancelled().await;
    }

    /// Returns `true` if the connection is closed because the server ends.
    pub(crate) fn is_last(&self) -> bool {
        self.connections.stop.is_cancelled()
    }

    /// Records that a complete head was received. Keep the returned value until the request is
    /// answered.
    pub(crate) fn asks(&self) -> Asking<'_> {
        self.began.store(true, Ordering::Relaxed);
        Asking(self)
    }

    /// Returns `true` if a head was received.
    pub(crate) fn has_started(&self) -> bool {
        self.began.load(Ordering::Relaxed)
    }

    /// Records that the complete request was received.
    pub(crate) fn is_busy(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.waits.store(0, Ordering::Relaxed);
    }
}

/// A request whose head was received, until it is answered or abandoned.
pub(crate) struct Asking<'a>(&'a Connection);

impl Asking<'_> {
    /// Records the answer. While an answer of unknown length is being sent, for example a live
    /// tail, the connection does not count as waiting.
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
        // A head alone is not a complete request.
        assert!(!half.has_started());
        drop(half.asks());
        assert!(half.has_started());
        let all = [&busy, &idle, &half];
        assert_eq!(ended(&all), [false, false, false]);
        let fourth = connections.open();
        assert_eq!(ended(&all), [false, false, true], "though it has waited for the shortest time");
        fourth.is_busy();
        let fifth = connections.open();
        assert_eq!(
            ended(&[&busy, &idle, &fourth, &fifth]),
            [false, true, false, false],
            "not the new one"
        );
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
