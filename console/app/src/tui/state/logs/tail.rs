//! A tail on the screen.

use lambda_console_model::TailState;

use crate::tui::state::JobId;

/// A tail on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The job.
    pub job: JobId,
    /// `true` if it was notified that its lines are shown.
    pub shown: bool,
    /// Last reported state.
    pub state: TailState,
}
