//! IAM: the part of it that the lifecycle of an execution role and of its policies needs. Both are
//! stored but grant nothing: a local function has the permissions of the user who runs it, and so
//! has the caller.

mod document;
mod policies;
mod request;
mod roles;

use std::collections::BTreeMap;

use http::Response;
use request::Request;

use crate::{
    http::{
        error::ApiError,
        query::{escape, reply},
        response::Body,
    },
    store::iam::Iam,
};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Supported actions.
const ACTIONS: [&str; 35] = [
    "AttachRolePolicy",
    "CreatePolicy",
    "CreatePolicyVersion",
    "CreateRole",
    "DeletePolicy",
    "DeletePolicyVersion",
    "DeleteRole",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "GetPolicy",
    "GetPolicyVersion",
    "GetRole",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "ListEntitiesForPolicy",
    "ListInstanceProfilesForRole",
    "ListPolicies",
    "ListPolicyTags",
    "ListPolicyVersions",
    "ListRolePolicies",
    "ListRoles",
    "ListRoleTags",
    "PutRolePermissionsBoundary",
    "PutRolePolicy",
    "SetDefaultPolicyVersion",
    "SimulatePrincipalPolicy",
    "TagPolicy",
    "TagRole",
    "UntagPolicy",
    "UntagRole",
    "UpdateAssumeRolePolicy",
    "UpdateRole",
    "UpdateRoleDescription",
    // An account has no aliases here, but Terraform asks for them.
    "ListAccountAliases",
];

/// Answers an action with these parameters.
pub(crate) async fn dispatch(
    iam: &Iam,
    form: &[(String, String)],
    request_id: &str,
) -> Result<Response<Body>, ApiError> {
    let request = Request::new(form);
    let action = request.action();
    let result = match action {
        "SimulatePrincipalPolicy" => simulate(&request)?,
        "ListAccountAliases" => list("AccountAliases", std::iter::empty()),
        _ => match iam.role(action, &request).await? {
            Some(result) => result,
            None => match iam.policy(action, &request).await? {
                Some(result) => result,
                None => {
                    return Err(ApiError::unknown(&format!("the IAM action {action:?}"), ACTIONS));
                }
            },
        },
    };
    Ok(reply(action, NAMESPACE, &result, request_id))
}

/// `NoSuchEntity`, 404.
fn missing(what: &str) -> ApiError {
    ApiError::new(404, "NoSuchEntity", what)
}

/// Renders a complete list.
fn list(name: &str, members: impl Iterator<Item = String>) -> String {
    let mut xml = format!("<{name}>");
    for member in members {
        xml += "<member>";
        xml += &member;
        xml += "</member>";
    }
    xml + &format!("</{name}><IsTruncated>false</IsTruncated>")
}

/// Renders the list of tags in a description; empty if there are none.
fn tags(tags: &BTreeMap<String, String>) -> String {
    if tags.is_empty() {
        return String::new();
    }
    let members: Vec<String> = tag_members(tags).collect();
    format!("<Tags><member>{}</member></Tags>", members.join("</member><member>"))
}

fn tag_members(tags: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    tags.iter()
        .map(|(key, value)| format!("<Key>{}</Key><Value>{}</Value>", escape(key), escape(value)))
}

/// Checks that a name is valid for a role or a policy.
fn check_name(name: &str, field: &str, longest: usize) -> Result<(), ApiError> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > longest || !name.chars().all(valid) {
        let constraint = format!("satisfy regular expression pattern: [\\w+=,.@-]{{1,{longest}}}");
        return Err(ApiError {
            code: "ValidationError",
            ..ApiError::validation(name, field, &constraint)
        });
    }
    Ok(())
}

/// The path of a new role or policy.
fn path<'a>(request: &Request<'a>) -> Result<&'a str, ApiError> {
    let path = request.get("Path").unwrap_or("/");
    let is_whole = path == "/" || path.len() > 2 && path.ends_with('/');
    if is_whole && is_path(path) {
        return Ok(path);
    }
    let message = "The specified value for path is invalid. It must begin and end with / and \
        contain only alphanumeric characters and/or / characters.";
    Err(ApiError::new(400, "ValidationError", message))
}

/// The beginning of the paths that are asked for.
fn path_prefix<'a>(request: &Request<'a>) -> Result<&'a str, ApiError> {
    let prefix = request.get("PathPrefix").unwrap_or("/");
    if is_path(prefix) {
        return Ok(prefix);
    }
    let message = "The specified value for pathPrefix is invalid. It must begin with / and contain \
        only alphanumeric characters and/or / characters.";
    Err(ApiError::new(400, "ValidationError", message))
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 512 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `SimulatePrincipalPolicy`: the caller may do everything, as the user who runs the process may.
fn simulate(request: &Request<'_>) -> Result<String, ApiError> {
    request.need("PolicySourceArn")?;
    let resources = match request.members("ResourceArns") {
        none if none.is_empty() => vec!["*"],
        resources => resources,
    };
    let actions = request.members("ActionNames");
    let pairs =
        actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    Ok(list(
        "EvaluationResults",
        pairs.map(|(action, resource)| {
            format!(
                "<EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>\
                 <EvalDecision>allowed</EvalDecision><MatchedStatements/><MissingContextValues/>",
                escape(action),
                escape(resource)
            )
        }),
    ))
}
