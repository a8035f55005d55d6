//! Plans that wait for approval, by the job that made them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lambda_console_model::Failure;

use crate::tui::state::JobId;

/// Number of plans that are kept. A plan that is closed is dropped when newer ones are made.
const KEPT: usize = 8;

/// Plans with the data to apply them, which the screen does not have.
pub(super) struct Plans<P> {
    plans: Mutex<BTreeMap<JobId, P>>,
}

impl<P> Default for Plans<P> {
    fn default() -> Self {
        Self { plans: Mutex::default() }
    }
}

impl<P> Plans<P> {
    /// Keeps the plan that `job` made.
    pub(super) fn keep(&self, job: JobId, plan: P) {
        let mut plans = self.plans();
        plans.insert(job, plan);
        while plans.len() > KEPT {
            plans.pop_first();
        }
    }

    /// Takes out the plan that `job` made.
    ///
    /// # Errors
    /// Returns an error if it was applied already, or many plans were made since.
    pub(super) fn take(&self, job: JobId) -> Result<P, Failure> {
        self.plans().remove(&job).ok_or_else(|| {
            Failure::usage(
                "could not apply the plan",
                "it is no longer kept",
                "run it again: the new plan is shown first",
            )
        })
    }

    fn plans(&self) -> MutexGuard<'_, BTreeMap<JobId, P>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_applied_once_and_only_the_newest_are_kept() {
        let plans = Plans::default();
        (1..=9).for_each(|job| plans.keep(JobId(job), job));
        assert_eq!(
            plans.take(JobId(1)).map_err(|failure| failure.why).err().unwrap(),
            "it is no longer kept"
        );
        assert_eq!(plans.take(JobId(2)).unwrap(), 2);
        assert!(plans.take(JobId(2)).is_err());
        assert_eq!(plans.take(JobId(9)).unwrap(), 9);
    }
}
