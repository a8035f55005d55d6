//! The execution roles that this program created, with their permissions and the functions that use
//! them.

use async_recursion::async_recursion as boxed;
use futures_util::{FutureExt, StreamExt, stream};
use lambda_console_model::{Failure, FailureKind, Role};

use super::{path, role};
use crate::aws::{
    error::{CallError, present},
    stage::Stage,
};

/// Number of roles that are read at once: IAM is the first to throttle.
const AT_ONCE: usize = 4;

/// The roles that this program created for functions in the stage's region, sorted by name.
///
/// # Errors
/// Returns an error if IAM or Lambda cannot be reached.
#[boxed]
pub async fn roles(stage: &Stage) -> Result<Vec<Role>, Failure> {
    let failed = |error: CallError| error.into_failure("could not list the roles");
    let path = &path(&stage.info().region);
    let listed = stage
        .call(|clients| async move {
            let pages = clients.iam().list_roles().path_prefix(path).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await
        .map_err(failed)?;
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    let users = match users(stage).await.map_err(failed) {
        Err(failure) if failure.kind == FailureKind::Denied => None,
        users => Some(users?),
    };
    let looks: Vec<_> =
        listed.iter().map(|role| look(stage, role, users.as_deref()).boxed()).collect();
    let looked: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut roles = looked.into_iter().collect::<Result<Vec<Role>, CallError>>().map_err(failed)?;
    roles.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(roles)
}

/// The functions of the region with the ARNs of their roles.
pub(crate) async fn users(stage: &Stage) -> Result<Vec<(String, String)>, CallError> {
    let functions = stage
        .call(|clients| async move {
            let pages = clients.lambda().list_functions().into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let text = |text: Option<String>| text.unwrap_or_default();
    Ok(functions
        .into_iter()
        .map(|function| (text(function.function_name), text(function.role)))
        .collect())
}

async fn look(
    stage: &Stage,
    listed: &aws_sdk_iam::types::Role,
    users: Option<&[(String, String)]>,
) -> Result<Role, CallError> {
    let name = listed.role_name();
    // A list of roles does not contain the time of their last use.
    let whole =
        stage.call(|clients| async move { clients.iam().get_role().role_name(name).send().await });
    let whole = async { present(whole.await) };
    let (whole, policies, inline) =
        tokio::join!(whole, role::attached(stage, name), role::inline(stage, name));
    let mut refused = Vec::new();
    if users.is_none() {
        refused.push(Role::LIST_FUNCTIONS.to_owned());
    }
    let whole = allowed(whole, "iam:GetRole", &mut refused)?;
    let policies = allowed(policies, "iam:ListAttachedRolePolicies", &mut refused)?;
    let inline = allowed(inline, "iam:ListRolePolicies", &mut refused)?;
    let users = users.into_iter().flatten();
    let last_used =
        whole.as_ref().and_then(|whole| whole.role()?.role_last_used()?.last_used_date());
    let milliseconds = |time: &aws_smithy_types::DateTime| time.to_millis().unwrap_or_default();
    Ok(Role {
        name: name.to_owned(),
        arn: listed.arn().to_owned(),
        description: listed.description().unwrap_or_default().to_owned(),
        created_at: milliseconds(listed.create_date()),
        last_used_at: last_used.map(milliseconds),
        policies,
        inline,
        functions: users
            .filter(|(_, role)| role == listed.arn())
            .map(|(name, _)| name.clone())
            .collect(),
        refused,
    })
}

/// Returns the answer, or an empty one if this caller may not do `action`, which is then added to
/// `refused`.
fn allowed<T: Default>(
    answer: Result<T, CallError>,
    action: &str,
    refused: &mut Vec<String>,
) -> Result<T, CallError> {
    match answer {
        Err(error) if error.is_denied() => {
            refused.push(action.to_owned());
            Ok(T::default())
        }
        answer => answer,
    }
}
