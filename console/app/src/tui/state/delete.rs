//! The confirmation of a deletion.

use lambda_console_model::{Belongings, Failure};

use super::JobId;

/// A deletion that waits for its confirmation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The function's name in the workspace.
    pub function: String,
    /// The job that lists what belongs to it.
    pub job: JobId,
    /// What belongs to it; none while the stage has not answered.
    pub listed: Option<Result<Belongings, Failure>>,
}
