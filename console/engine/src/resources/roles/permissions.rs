//! The smallest sufficient policy, and a query to IAM for the parts of it that the caller has.

use async_recursion::async_recursion as boxed;
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType,
};
use lambda_console_model::{Failure, Function, Permissions, Verdict};

use super::{
    RolePolicies,
    needs::{Need, Region, Subject, Task, document, needs},
};
use crate::aws::stage::Stage;

/// The smallest policy that lets a caller do `tasks` with `functions`: a formatted JSON document.
/// Makes no calls.
pub fn policy(stage: &Stage, functions: &[Function], tasks: &[Task]) -> String {
    format!("{:#}", document(&needed(stage, functions, tasks)))
}

fn needed(stage: &Stage, functions: &[Function], tasks: &[Task]) -> Vec<Need> {
    let info = stage.info();
    let subjects: Vec<Subject<'_>> =
        functions.iter().map(|function| subject_of(stage, function)).collect();
    needs(&Region::of(stage, &info), &subjects, tasks)
}

fn subject_of<'c>(stage: &Stage, function: &'c Function) -> Subject<'c> {
    Subject {
        remote: stage.remote_name(&function.name),
        config: &function.config,
        role: function.config.role.clone().or_else(|| stage.role().map(str::to_owned)),
        policies: RolePolicies::of(stage, &function.config),
    }
}

/// Queries IAM for the permissions that `tasks` with `functions` need. IAM's answer does not always
/// include the restrictions of an organisation's or a session's policies.
///
/// # Errors
/// Returns an error if IAM cannot be reached, or the caller may not query it.
#[boxed]
pub async fn check(
    stage: &Stage,
    functions: &[Function],
    tasks: &[Task],
) -> Result<Permissions, Failure> {
    let what = "could not check the caller's permissions";
    let needs = needed(stage, functions, tasks);
    let policy = format!("{:#}", document(&needs));
    let caller = stage
        .call(|clients| async move { clients.sts().get_caller_identity().send().await })
        .await
        .map_err(|error| error.into_failure(what))?;
    let caller = caller.arn().unwrap_or_default().to_owned();
    if caller.ends_with(":root") {
        let verdicts = needs
            .iter()
            .flat_map(|need| all(need, "the account's root user may do everything"))
            .collect();
        return Ok(Permissions { caller, policy, verdicts });
    }
    let source = &principal(stage, &caller).await?;
    let mut verdicts = Vec::new();
    for need in &needs {
        let results = stage
            .call(|clients| async move {
                let ask = clients.iam().simulate_principal_policy().policy_source_arn(source);
                let ask = ask
                    .set_action_names(Some(need.actions.iter().map(ToString::to_string).collect()));
                let ask = ask
                    .set_resource_arns(Some(need.resources.clone()))
                    .set_context_entries(context(need));
                ask.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await
            })
            .await
            .map_err(|error| error.into_failure(what))?;
        verdicts.extend(results.iter().flat_map(verdicts_of));
    }
    verdicts.sort_by_key(|verdict| verdict.allowed);
    Ok(Permissions { caller, policy, verdicts })
}

fn all<'n>(need: &'n Need, reason: &'n str) -> impl Iterator<Item = Verdict> + 'n {
    let of = move |(action, resource): (&'static str, &String)| Verdict {
        action: action.to_owned(),
        resource: resource.clone(),
        allowed: true,
        reason: reason.to_owned(),
    };
    need.actions
        .iter()
        .flat_map(|action| need.resources.iter().map(|resource| (*action, resource)))
        .map(of)
}

/// Returns the principal whose policies decide: for a session, its role. The session's ARN lacks
/// the role's path, so IAM is queried for it.
async fn principal(stage: &Stage, caller: &str) -> Result<String, Failure> {
    let Some(role) = session_role(caller) else { return Ok(caller.to_owned()) };
    let found = stage
        .call(|clients| async move { clients.iam().get_role().role_name(role).send().await })
        .await;
    let found = found
        .map_err(|error| error.into_failure(format!("could not read the caller's role {role}")))?;
    Ok(found.role().map(|role| role.arn().to_owned()).unwrap_or_default())
}

/// The role of `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`.
fn session_role(caller: &str) -> Option<&str> {
    caller.split_once(":assumed-role/")?.1.split('/').next()
}

/// Returns the values for the statement's conditions, as in a deploy.
fn context(need: &Need) -> Option<Vec<ContextEntry>> {
    let (_, key, values) = need.condition.as_ref()?;
    let entry =
        ContextEntry::builder().context_key_name(*key).context_key_type(ContextKeyTypeEnum::String);
    Some(vec![entry.context_key_values(values.first().cloned().unwrap_or_default()).build()])
}

/// One verdict per resource; with several resources, IAM lists them below the action.
fn verdicts_of(result: &EvaluationResult) -> Vec<Verdict> {
    let verdict = |resource: &str, decision: &PolicyEvaluationDecisionType| {
        let allowed = *decision == PolicyEvaluationDecisionType::Allowed;
        let by_organisation =
            result.organizations_decision_detail().is_some_and(|it| !it.allowed_by_organizations());
        let by_boundary = result
            .permissions_boundary_decision_detail()
            .is_some_and(|it| !it.allowed_by_permissions_boundary());
        let reason = match decision {
            PolicyEvaluationDecisionType::Allowed => "allowed",
            PolicyEvaluationDecisionType::ExplicitDeny => "a policy denies it",
            _ if by_organisation => "the organisation's policies do not allow it",
            _ if by_boundary => "the permissions boundary does not allow it",
            _ => "no policy allows it",
        };
        Verdict {
            action: result.eval_action_name().to_owned(),
            resource: resource.to_owned(),
            allowed,
            reason: reason.to_owned(),
        }
    };
    match result.resource_specific_results() {
        [] => vec![verdict(result.eval_resource_name().unwrap_or("*"), result.eval_decision())],
        each => each
            .iter()
            .map(|one| verdict(one.eval_resource_name(), one.eval_resource_decision()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_policies_of_its_role() {
        assert_eq!(
            session_role("arn:aws:sts::123456789012:assumed-role/deployer/me@example.com"),
            Some("deployer")
        );
        assert_eq!(session_role("arn:aws:iam::123456789012:user/me"), None);
    }

    #[test]
    fn the_policy_that_denies_is_reported() {
        use aws_sdk_iam::types::{OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail};
        let result = || {
            EvaluationResult::builder()
                .eval_action_name("iam:CreateRole")
                .eval_resource_name("arn:one")
                .eval_decision(PolicyEvaluationDecisionType::ImplicitDeny)
        };
        let reason = |result: EvaluationResult| verdicts_of(&result)[0].reason.clone();
        assert_eq!(reason(result().build().unwrap()), "no policy allows it");
        let organisation =
            OrganizationsDecisionDetail::builder().allowed_by_organizations(false).build();
        let by_organisation = result().organizations_decision_detail(organisation).build().unwrap();
        assert_eq!(reason(by_organisation), "the organisation's policies do not allow it");
        let boundary = PermissionsBoundaryDecisionDetail::builder()
            .allowed_by_permissions_boundary(false)
            .build();
        let by_boundary = result().permissions_boundary_decision_detail(boundary).build().unwrap();
        assert_eq!(reason(by_boundary), "the permissions boundary does not allow it");
        let denied =
            result().eval_decision(PolicyEvaluationDecisionType::ExplicitDeny).build().unwrap();
        assert_eq!(reason(denied), "a policy denies it");
    }
}
