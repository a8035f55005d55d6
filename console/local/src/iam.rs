//! IAM: as much of it as a first deploy needs. Roles are remembered and give no rights: a local function has those of
//! the person who runs it.

use crate::{
    call::Body,
    fault::Fault,
    query::{encode, escape, reply},
    roles::{Role, Roles},
    service::{ACCOUNT, unknown},
};
use http::Response;

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Answers an IAM action; `field` looks up its parameters.
pub(crate) async fn dispatch<'a>(
    roles: &Roles,
    action: &str,
    field: &impl Fn(&str) -> Option<&'a str>,
    request_id: &str,
) -> Result<Response<Body>, Fault> {
    let need = |name: &str| {
        field(name).ok_or_else(|| Fault::new(400, "ValidationError", format!("the parameter {name} is missing")))
    };
    let missing = |name: &str| Fault::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."));
    match action {
        "CreateRole" => {
            let name = need("RoleName")?;
            let valid = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
            if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
                let constraint = "satisfy regular expression pattern: [\\w+=,.@-]{1,64}";
                return Err(Fault { code: "ValidationError", ..Fault::validation(name, "roleName", constraint) });
            }
            let policy = need("AssumeRolePolicyDocument")?;
            if serde_json::from_str::<serde::de::IgnoredAny>(policy).is_err() {
                return Err(Fault::new(400, "MalformedPolicyDocument", "The trust policy is not JSON."));
            }
            let path = field("Path").unwrap_or("/");
            let role = Role::new(path, name, policy, field("Description"));
            let xml = describe(&role);
            if !roles.create(role).await? {
                let message = format!("Role with name {name} already exists.");
                return Err(Fault::new(409, "EntityAlreadyExists", message));
            }
            Ok(reply(action, NAMESPACE, &xml, request_id))
        }
        "GetRole" => {
            let name = need("RoleName")?;
            let role = roles.get(name).await.ok_or_else(|| missing(name))?;
            Ok(reply(action, NAMESPACE, &describe(&role), request_id))
        }
        "AttachRolePolicy" => {
            let name = need("RoleName")?;
            if !roles.attach(name, need("PolicyArn")?).await? {
                return Err(missing(name));
            }
            Ok(reply(action, NAMESPACE, "", request_id))
        }
        _ => Err(unknown(&format!("the IAM action {action:?}"))),
    }
}

fn describe(role: &Role) -> String {
    let description = role.description.as_deref().unwrap_or_default();
    format!(
        "<Role><Path>{path}</Path><RoleName>{name}</RoleName><RoleId>{id}</RoleId>\
         <Arn>arn:aws:iam::{ACCOUNT}:role{path}{name}</Arn><CreateDate>{created}</CreateDate>\
         <AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument><Description>{description}</Description>\
         <MaxSessionDuration>3600</MaxSessionDuration></Role>",
        path = escape(&role.path),
        name = escape(&role.name),
        id = role.id,
        created = role.created,
        policy = encode(&role.trust),
        description = escape(description),
    )
}
