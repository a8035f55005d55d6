//! The confirmation of a deletion.

use lambda_console_model::{Failure, Keep, Resources};

use super::JobId;

/// A deletion that waits for its confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The function's name in the workspace.
    pub function: String,
    /// Job that lists its resources.
    pub job: JobId,
    /// Its resources; `None` until the stage has answered.
    pub listed: Option<Result<Resources, Failure>>,
    /// Check boxes: the resources to keep.
    pub keep: Keep,
}
