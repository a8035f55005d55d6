//! One execution role: creates it, sets its policies, removes it.

use async_recursion::async_recursion as boxed;
use lambda_console_model::{Approval, ChangeKind, Failure, Role};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    own_name, path,
    policies::{Held, INLINE, RolePolicies, document, held},
    role_name,
};
use crate::{
    Job,
    aws::{
        error::{CallError, present},
        retry::{ROLE, retry},
        stage::Stage,
    },
};

/// The ARN of the role of the function `remote`, with the requested policies. A role that an
/// earlier deploy created is reused, and its missing policies are added: that deploy may have been
/// interrupted between the two.
pub(crate) async fn provide(
    stage: &Stage,
    remote: &str,
    policies: &RolePolicies,
    cancel: &CancellationToken,
) -> Result<String, Failure> {
    let region = stage.info().region;
    let (name, path) = (&role_name(stage, remote), &path(&region));
    let what = || format!("could not create the role {name}");
    let created = stage
        .call(|clients| async move {
            let role = clients.iam().create_role().role_name(name).path(path);
            let role = role.assume_role_policy_document(trust().to_string());
            role.description(format!("Made by lambda-console for the function {remote}"))
                .send()
                .await
        })
        .await;
    let (role, is_new) = match created {
        Ok(output) => (output.role().cloned(), true),
        Err(error)
            if matches!(error.code(), "EntityAlreadyExists" | "EntityAlreadyExistsException") =>
        {
            let found = stage
                .call(
                    |clients| async move { clients.iam().get_role().role_name(name).send().await },
                )
                .await;
            (found.map_err(|error| error.into_failure(what()))?.role().cloned(), false)
        }
        Err(error) => return Err(error.into_failure(what())),
    };
    let arn = role.map(|role| role.arn().to_owned()).unwrap_or_default();
    if own_name(&arn, &region).is_none() {
        let why = format!("a role of this name exists that lambda-console did not create: {arn}");
        return Err(Failure::work(
            what(),
            why,
            "name the function's role with `role` in its settings or in the stage's",
        ));
    }
    // Attaching is idempotent: a role without further policies is not read.
    let held = if is_new || !policies.is_asked() {
        Held::default()
    } else {
        held(stage, name).await.map_err(|error| error.into_failure(what()))?
    };
    attach(stage, name, policies, &held, cancel).await?;
    set_statements(stage, name, policies, &held, cancel).await?;
    detach(stage, name, policies, &held, cancel).await?;
    Ok(arn)
}

/// Allows only Lambda to assume the role.
pub(crate) fn trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" },
        ],
    })
}

/// Attaches the missing managed policies to the role `name`.
pub(crate) async fn attach(
    stage: &Stage,
    name: &str,
    policies: &RolePolicies,
    held: &Held,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    for arn in policies.lacking(held) {
        retry(&ROLE, cancel, || {
            stage.call(|clients| async move {
                clients.iam().attach_role_policy().role_name(name).policy_arn(arn).send().await
            })
        })
        .await
        .map_err(|error| {
            error.into_failure(format!("could not attach {arn} to the role {name}"))
        })?;
    }
    Ok(())
}

/// Detaches the surplus managed policies from the role `name`.
pub(crate) async fn detach(
    stage: &Stage,
    name: &str,
    policies: &RolePolicies,
    held: &Held,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    for arn in policies.surplus(held) {
        detach_one(stage, name, arn, cancel).await.map_err(|error| {
            error.into_failure(format!("could not detach {arn} from the role {name}"))
        })?;
    }
    Ok(())
}

/// Sets the inline policy of the role `name` to the statements if they differ; without any, deletes
/// it.
pub(crate) async fn set_statements(
    stage: &Stage,
    name: &str,
    policies: &RolePolicies,
    held: &Held,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let set = match policies.differing(held) {
        None => Ok(()),
        Some([]) => delete_inline(stage, name, INLINE, cancel).await,
        Some(statements) => {
            let document = &document(statements);
            let put = || {
                stage.call(|clients| async move {
                    let policy =
                        clients.iam().put_role_policy().role_name(name).policy_name(INLINE);
                    policy.policy_document(document).send().await
                })
            };
            retry(&ROLE, cancel, put).await.map(drop)
        }
    };
    set.map_err(|error| {
        error.into_failure(format!("could not set the statements of the role {name}"))
    })
}

async fn detach_one(
    stage: &Stage,
    name: &str,
    arn: &str,
    cancel: &CancellationToken,
) -> Result<(), CallError> {
    let detach = || {
        stage.call(|clients| async move {
            clients.iam().detach_role_policy().role_name(name).policy_arn(arn).send().await
        })
    };
    gone(retry(&ROLE, cancel, detach)).await
}

async fn delete_inline(
    stage: &Stage,
    name: &str,
    policy: &str,
    cancel: &CancellationToken,
) -> Result<(), CallError> {
    let delete = || {
        stage.call(|clients| async move {
            clients.iam().delete_role_policy().role_name(name).policy_name(policy).send().await
        })
    };
    gone(retry(&ROLE, cancel, delete)).await
}

/// Removes the role `name` that this program created, with its policies.
///
/// # Errors
/// Returns an error if the stage is read-only, or protected without consent; if there is no such
/// role, someone else created it, or functions use it; or the job was cancelled while IAM was not
/// ready.
#[boxed]
pub async fn remove(
    stage: &Stage,
    name: &str,
    approval: Approval,
    job: &Job,
) -> Result<(), Failure> {
    let what = || format!("could not remove the role {name}");
    let names = [name.to_owned()];
    stage.allow(&what(), ChangeKind::DeleteRoles(&names), approval)?;
    let roles = super::roles(stage).await?;
    let Some(role) = roles.iter().find(|role| role.name == name) else {
        let why = format!(
            "lambda-console has created no role of this name for functions in {}",
            stage.info().region
        );
        return Err(Failure::usage(
            what(),
            why,
            "`lambda-console iam` lists the roles that it created",
        ));
    };
    if !role.is_unused() {
        let users = if role.functions.is_empty() {
            format!("possibly a function: this caller needs {} to check it", Role::LIST_FUNCTIONS)
        } else {
            role.functions.join(", ")
        };
        let why = format!("it is the role of {users}");
        return Err(Failure::work(
            what(),
            why,
            "delete the functions first, or give them another role",
        ));
    }
    remove_all_of(stage, name, &job.cancel).await
}

/// Removes the role with its policies. A missing role counts as removed.
pub(crate) async fn remove_all_of(
    stage: &Stage,
    name: &str,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let failed = |error: CallError| error.into_failure(format!("could not remove the role {name}"));
    for policy in &attached(stage, name).await.map_err(failed)? {
        detach_one(stage, name, policy, cancel).await.map_err(failed)?;
    }
    for policy in &inline(stage, name).await.map_err(failed)? {
        delete_inline(stage, name, policy, cancel).await.map_err(failed)?;
    }
    let delete = || {
        stage
            .call(|clients| async move { clients.iam().delete_role().role_name(name).send().await })
    };
    gone(retry(&ROLE, cancel, delete)).await.map_err(failed)
}

/// The ARNs of the managed policies that are attached to a role; empty if it does not exist.
pub(super) async fn attached(stage: &Stage, name: &str) -> Result<Vec<String>, CallError> {
    let listed = stage.call(|clients| async move {
        let pages = clients.iam().list_attached_role_policies().role_name(name).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    let policies = present(listed.await)?.unwrap_or_default();
    Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
}

/// The names of the inline policies of a role; empty if it does not exist.
pub(super) async fn inline(stage: &Stage, name: &str) -> Result<Vec<String>, CallError> {
    let listed = stage.call(|clients| async move {
        let pages = clients.iam().list_role_policies().role_name(name).into_paginator();
        pages.items().send().collect::<Result<Vec<_>, _>>().await
    });
    Ok(present(listed.await)?.unwrap_or_default())
}

/// A missing resource counts as removed.
async fn gone<T>(answer: impl Future<Output = Result<T, CallError>>) -> Result<(), CallError> {
    present(answer.await).map(drop)
}
