//! Approval of a change, checked before anything is sent, and of what was shown for it.

use lambda_console_model::{Approval, ChangeKind, Failure, Needed, Protection};

use super::Stage;

impl Stage {
    /// Returns the approval that `change` needs here.
    pub fn needs(&self, change: ChangeKind<'_>) -> Needed {
        change.needs(&self.name(), Protection::of(self.is_protected()))
    }

    /// Allows a change that has the approval that it needs. `what` names the failed action: `could
    /// not deploy`.
    ///
    /// # Errors
    /// Returns an error with `--read-only`, and without an approval that is needed (usage).
    pub fn allow(
        &self,
        what: &str,
        change: ChangeKind<'_>,
        approval: Approval,
    ) -> Result<(), Failure> {
        self.allow_call(what)?;
        let Needed::Word(word) = self.needs(change) else { return Ok(()) };
        if approval == Approval::Given {
            return Ok(());
        }
        if self.is_protected() {
            let why = format!("the stage {} is protected", self.name());
            return Err(Failure::usage(what, why, "confirm by typing its name, or pass --yes"));
        }
        if change == ChangeKind::Open {
            return Err(Failure::usage(
                what,
                "its URL would be open to everyone, without credentials",
                "confirm it by typing the stage's name or with --yes, or set the URL's auth to \
                `iam`",
            ));
        }
        let hint = format!("confirm by typing `{word}`, or pass --yes");
        Err(Failure::usage(what, "it deletes, and was not approved", hint))
    }

    /// Returns the failure for a function that differs from the one that was shown.
    pub(crate) fn changed_since(&self, what: String, function: &str) -> Failure {
        let why = format!("{function} has changed on {} since the plan was shown", self.name());
        Failure::work(what, why, "run it again: the new plan is shown first")
    }
}
