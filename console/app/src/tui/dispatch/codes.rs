//! Codes of MFA devices: a job that needs one waits until the user enters it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use lambda_console_engine::aws::stage::{Asker, CodeQuestion};
use lambda_console_model::{CodeAsked, Failure};
use tokio::sync::{mpsc, oneshot};

use crate::tui::message::Event;

/// Requests for codes that have no answer yet.
#[derive(Default)]
pub(super) struct Codes {
    events: OnceLock<mpsc::Sender<Event>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Option<String>>>>,
    next: AtomicU64,
}

impl Codes {
    pub(super) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Sends requests to `events` from the first call on.
    pub(super) fn ask_through(&self, events: &mpsc::Sender<Event>) {
        self.events.get_or_init(|| events.clone());
    }

    /// Returns an asker that asks on the screen.
    pub(super) fn asker(self: &Arc<Self>) -> Asker {
        let codes = Arc::clone(self);
        Asker::new(move |question| {
            let codes = Arc::clone(&codes);
            Box::pin(async move { codes.ask(question).await })
        })
    }

    async fn ask(&self, question: CodeQuestion) -> Result<String, Failure> {
        let (give, given) = oneshot::channel();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.waiting().insert(id, give);
        let CodeQuestion { role, device, profile, refused } = question.clone();
        let asked = Event::CodeAsked(CodeAsked { id, role, device, profile, refused });
        if let Some(events) = self.events.get() {
            // If the screen is gone, no answer arrives.
            drop(events.send(asked).await);
        }
        let code = given.await.ok().flatten();
        code.ok_or_else(|| question.unanswered("and no code was entered"))
    }

    /// Answers the request `id` with a code.
    pub(super) fn give(&self, id: u64, code: Option<String>) {
        if let Some(give) = self.waiting().remove(&id) {
            // The job that asked may have ended.
            drop(give.send(code));
        }
    }

    /// Ends all requests without a code.
    pub(super) fn close(&self) {
        self.waiting().clear();
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Option<String>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
