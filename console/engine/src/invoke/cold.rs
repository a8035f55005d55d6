//! Forces a new sandbox, so that the next invocation is a cold start.

use aws_sdk_lambda::types::Environment;
use lambda_console_model::{ChangeKind, Failure};

use super::Call;
use crate::aws::waiting;

/// The variable whose change makes Lambda start new sandboxes. It belongs to the console: diffs
/// omit it.
const COLD: &str = "LAMBDA_CONSOLE_COLD";

/// Changes a variable of the function, which ends its sandboxes, and waits for the change.
pub(super) async fn renew_sandboxes(call: &Call<'_>) -> Result<(), Failure> {
    let Call { stage, name, what, .. } = call;
    stage.allow(what, ChangeKind::Update, call.request.approval)?;
    if call.qualifier().is_some_and(|qualifier| qualifier != "$LATEST") {
        return Err(Failure::usage(
            *what,
            "a published version cannot be changed, so no new sandbox can be forced for it",
            "pass --qualifier '$LATEST', or leave --cold out",
        ));
    }
    let found = stage
        .call(|clients| async move {
            clients.lambda().get_function_configuration().function_name(name).send().await
        })
        .await
        .map_err(|error| error.into_failure(*what))?;
    if found.environment().is_some_and(|environment| environment.error().is_some()) {
        return Err(Failure::work(
            *what,
            "the stage does not show the environment variables to this caller, so they could not \
            be kept",
            "use a profile that may decrypt them (kms:Decrypt), or leave --cold out",
        ));
    }
    let mut variables = found
        .environment()
        .and_then(|environment| environment.variables())
        .cloned()
        .unwrap_or_default();
    variables.insert(COLD.to_owned(), uuid::Uuid::new_v4().to_string());
    let environment = &Environment::builder().set_variables(Some(variables)).build();
    let revision = found.revision_id();
    stage
        .call(|clients| async move {
            clients
                .lambda()
                .update_function_configuration()
                .function_name(name)
                .environment(environment.clone())
                .set_revision_id(revision.map(str::to_owned))
                .send()
                .await
        })
        .await
        .map_err(|error| error.into_failure(*what))?;
    waiting::settle(stage, name, &call.job.cancel).await.map(drop)
}
