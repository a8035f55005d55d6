//! Asks the user to confirm by typing a name.

use std::io::{self, IsTerminal, Write};

use lambda_console_engine::aws::stage::Stage;
use lambda_console_model::{Approval, ChangeKind, Failure, Needed, text::clean};

use super::Context;

/// Returns the approval that `--yes` gives.
pub(crate) const fn given(yes: bool) -> Approval {
    if yes { Approval::Given } else { Approval::None }
}

/// Returns the word to type for `change`, unless `--yes` gave the approval or none is needed.
pub(crate) fn word(yes: bool, stage: &Stage, change: ChangeKind<'_>) -> Option<String> {
    match stage.needs(change) {
        Needed::Word(word) if !yes => Some(word),
        // A command is a yes.
        Needed::Word(_) | Needed::Yes | Needed::Nothing => None,
    }
}

/// Returns the approval of `change`: `--yes`, or the word that it needs, which the user is asked to
/// type to continue with `what`.
pub(crate) async fn approval(
    context: &Context,
    yes: bool,
    stage: &Stage,
    change: ChangeKind<'_>,
    what: &str,
) -> Result<Approval, Failure> {
    if let Some(word) = word(yes, stage, change) {
        typed(context, what, &word).await?;
        return Ok(Approval::Given);
    }
    Ok(given(yes))
}

/// Asks the user to type `word` on the terminal to continue with `what`: `delete hello`. Without a
/// terminal it is refused.
async fn typed(context: &Context, what: &str, word: &str) -> Result<(), Failure> {
    let refused =
        |why: &str| Failure::usage(format!("could not {what}"), why, "pass --yes to confirm");
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(refused("it needs a confirmation, and stdin is not a terminal"));
    }
    let _ = write!(io::stderr(), "{}", clean(&format!("{what}: type `{word}` to confirm: ")));
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        biased;
        () = context.job.cancel.cancelled() => return Err(Failure::interrupted(format!("could not \
            {what}"))),
        line = read => line,
    };
    match line {
        Ok(Ok(line)) if line.trim() == word => Ok(()),
        _ => Err(refused("not confirmed")),
    }
}
