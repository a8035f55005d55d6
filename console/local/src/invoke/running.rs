//! A running invocation, independent of the caller that waits for it: the parts of its response,
//! then its outcome. A caller that disconnects does not cancel it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{
    invocation::{self, Invocation, Outcome},
    pool::Pool,
};
use crate::{count::Counted, http::error::ApiError, sandbox::Part};

/// Maximum number of parts of a response that wait for a slow caller; beyond that the function
/// waits.
const WAITING: usize = 16;

/// A running invocation.
pub(crate) struct Running {
    task: Option<oneshot::Receiver<Result<Outcome, ApiError>>>,
    /// `None` if the response is collected.
    parts: Option<mpsc::Receiver<Part>>,
    outcome: Option<Result<Outcome, ApiError>>,
    /// Keeps the server running while a caller waits.
    _waits: Counted,
}

/// Next step of an invocation.
pub(crate) enum Step {
    /// A part of a streamed response.
    Part(Part),
    /// Its end. A response that was not streamed is in the outcome.
    End(Result<Outcome, ApiError>),
}

impl Running {
    /// Starts an invocation if the concurrency limit allows it. Its response is collected.
    pub(crate) fn whole(pool: &Arc<Pool>, invocation: Invocation) -> Result<Self, ApiError> {
        Self::start(pool, invocation, None)
    }

    /// Starts an invocation if the concurrency limit allows it. A streamed response arrives part by
    /// part.
    pub(crate) fn streamed(pool: &Arc<Pool>, mut invocation: Invocation) -> Result<Self, ApiError> {
        let (sender, parts) = mpsc::channel(WAITING);
        invocation.stream = Some(sender);
        Self::start(pool, invocation, Some(parts))
    }

    fn start(
        pool: &Arc<Pool>,
        invocation: Invocation,
        parts: Option<mpsc::Receiver<Part>>,
    ) -> Result<Self, ApiError> {
        let permit = pool.permit(&invocation.function)?;
        let task = invocation::begin(pool, invocation, permit);
        let waits = pool.env().calls.begin();
        Ok(Self { task: Some(task), parts, outcome: None, _waits: waits })
    }

    /// Returns the next step, or `None` after the end.
    pub(crate) async fn next(&mut self) -> Option<Step> {
        if let Some(task) = &mut self.task {
            let part = async {
                match &mut self.parts {
                    Some(parts) => parts.recv().await,
                    None => None,
                }
            };
            tokio::select! {
                biased;
                Some(part) = part => return Some(Step::Part(part)),
                joined = task => {
                    let broken = |error| Err(ApiError::service("aborted the invocation", &error));
                    self.outcome = Some(joined.unwrap_or_else(broken));
                }
            }
            self.task = None;
        }
        // All parts were sent before the invocation ended.
        if let Some(parts) = &mut self.parts
            && let Ok(part) = parts.try_recv()
        {
            return Some(Step::Part(part));
        }
        self.outcome.take().map(Step::End)
    }

    /// Waits for the outcome of the invocation.
    pub(crate) async fn outcome(mut self) -> Result<Outcome, ApiError> {
        loop {
            match self.next().await {
                Some(Step::Part(_)) => {}
                Some(Step::End(outcome)) => return outcome,
                None => {
                    return Err(ApiError::service(
                        "lost the invocation",
                        &"it ended without an outcome",
                    ));
                }
            }
        }
    }
}
