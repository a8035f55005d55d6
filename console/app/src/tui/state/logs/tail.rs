//! A tail as the screen has it.

use lambda_console_model::TailState;

use crate::tui::state::JobId;

/// A tail as the screen knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The job.
    pub job: JobId,
    /// It was told that its lines are shown.
    pub shown: bool,
    /// How it stands.
    pub state: TailState,
}
