//! IAM: as much of it as the life of an execution role needs. Roles are remembered and give no rights: a local function
//! has those of the person who runs it, and so has the caller.

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
    let result = match action {
        "CreateRole" => create(roles, need("RoleName")?, need("AssumeRolePolicyDocument")?, field).await?,
        "GetRole" => describe(&find(roles, need("RoleName")?).await?),
        "ListRoles" => {
            let found = roles.below(field("PathPrefix").unwrap_or("/")).await;
            list("Roles", found.iter().map(members))
        }
        "DeleteRole" => {
            let name = need("RoleName")?;
            if !roles.remove(name).await? {
                return Err(missing(name));
            }
            String::new()
        }
        "AttachRolePolicy" => {
            let policy = need("PolicyArn")?.to_owned();
            let attach = |role: &mut Role| {
                if !role.policies.contains(&policy) {
                    role.policies.push(policy);
                }
                Ok(())
            };
            change(roles, need("RoleName")?, attach).await?
        }
        "DetachRolePolicy" => {
            let policy = need("PolicyArn")?;
            let detach = |role: &mut Role| {
                let before = role.policies.len();
                role.policies.retain(|known| known != policy);
                let gone = || Fault::new(404, "NoSuchEntity", format!("Policy {policy} was not found."));
                if role.policies.len() < before { Ok(()) } else { Err(gone()) }
            };
            change(roles, need("RoleName")?, detach).await?
        }
        "ListAttachedRolePolicies" => {
            let role = find(roles, need("RoleName")?).await?;
            let of = |arn: &String| {
                let name = arn.rsplit('/').next().unwrap_or(arn);
                format!("<PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn>", escape(name), escape(arn))
            };
            list("AttachedPolicies", role.policies.iter().map(of))
        }
        "PutRolePolicy" => {
            let (name, document) = (need("PolicyName")?.to_owned(), need("PolicyDocument")?.to_owned());
            if serde_json::from_str::<serde::de::IgnoredAny>(&document).is_err() {
                return Err(Fault::new(400, "MalformedPolicyDocument", "Syntax errors in policy."));
            }
            let put = |role: &mut Role| {
                role.inline.insert(name, document);
                Ok(())
            };
            change(roles, need("RoleName")?, put).await?
        }
        "GetRolePolicy" => {
            let (role, name) = (need("RoleName")?, need("PolicyName")?);
            let found = find(roles, role).await?;
            let document = found.inline.get(name).ok_or_else(|| no_policy(name))?;
            let (role, name, document) = (escape(role), escape(name), encode(document));
            format!(
                "<RoleName>{role}</RoleName><PolicyName>{name}</PolicyName><PolicyDocument>{document}</PolicyDocument>"
            )
        }
        "ListRolePolicies" => {
            let role = find(roles, need("RoleName")?).await?;
            list("PolicyNames", role.inline.keys().map(|name| escape(name)))
        }
        "DeleteRolePolicy" => {
            let name = need("PolicyName")?;
            let delete = |role: &mut Role| role.inline.remove(name).map(drop).ok_or_else(|| no_policy(name));
            change(roles, need("RoleName")?, delete).await?
        }
        "SimulatePrincipalPolicy" => {
            need("PolicySourceArn")?;
            simulate(field)
        }
        _ => return Err(unknown(&format!("the IAM action {action:?}"))),
    };
    Ok(reply(action, NAMESPACE, &result, request_id))
}

async fn create<'a>(
    roles: &Roles,
    name: &str,
    trust: &str,
    field: &impl Fn(&str) -> Option<&'a str>,
) -> Result<String, Fault> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(valid) {
        let constraint = "satisfy regular expression pattern: [\\w+=,.@-]{1,64}";
        return Err(Fault { code: "ValidationError", ..Fault::validation(name, "roleName", constraint) });
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(trust).is_err() {
        return Err(Fault::new(400, "MalformedPolicyDocument", "The trust policy is not JSON."));
    }
    let role = Role::new(field("Path").unwrap_or("/"), name, trust, field("Description"));
    let xml = describe(&role);
    if !roles.create(role).await? {
        let message = format!("Role with name {name} already exists.");
        return Err(Fault::new(409, "EntityAlreadyExists", message));
    }
    Ok(xml)
}

async fn find(roles: &Roles, name: &str) -> Result<Role, Fault> {
    roles.get(name).await.ok_or_else(|| missing(name))
}

async fn change(
    roles: &Roles,
    name: &str,
    change: impl FnOnce(&mut Role) -> Result<(), Fault>,
) -> Result<String, Fault> {
    roles.change(name, change).await?.ok_or_else(|| missing(name))?;
    Ok(String::new())
}

fn missing(name: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("The role with name {name} cannot be found."))
}

fn no_policy(name: &str) -> Fault {
    Fault::new(404, "NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}

/// A list that is whole.
fn list(name: &str, members: impl Iterator<Item = String>) -> String {
    let mut xml = format!("<{name}>");
    for member in members {
        xml += "<member>";
        xml += &member;
        xml += "</member>";
    }
    xml + &format!("</{name}><IsTruncated>false</IsTruncated>")
}

/// The caller may do everything, as the one who runs the process may.
fn simulate<'a>(field: &impl Fn(&str) -> Option<&'a str>) -> String {
    let all = |name: &str| -> Vec<&str> { (1..).map_while(|n| field(&format!("{name}.member.{n}"))).collect() };
    let resources = match all("ResourceArns") {
        none if none.is_empty() => vec!["*"],
        resources => resources,
    };
    let actions = all("ActionNames");
    let pairs = actions.iter().flat_map(|action| resources.iter().map(move |resource| (action, resource)));
    list(
        "EvaluationResults",
        pairs.map(|(action, resource)| {
            format!(
                "<EvalActionName>{}</EvalActionName><EvalResourceName>{}</EvalResourceName>\
                 <EvalDecision>allowed</EvalDecision><MatchedStatements/><MissingContextValues/>",
                escape(action),
                escape(resource)
            )
        }),
    )
}

fn describe(role: &Role) -> String {
    format!("<Role>{}</Role>", members(role))
}

fn members(role: &Role) -> String {
    let description = role.description.as_deref().unwrap_or_default();
    format!(
        "<Path>{path}</Path><RoleName>{name}</RoleName><RoleId>{id}</RoleId>\
         <Arn>arn:aws:iam::{ACCOUNT}:role{path}{name}</Arn><CreateDate>{created}</CreateDate>\
         <AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument><Description>{description}</Description>\
         <MaxSessionDuration>3600</MaxSessionDuration>",
        path = escape(&role.path),
        name = escape(&role.name),
        id = role.id,
        created = role.created,
        policy = encode(&role.trust),
        description = escape(description),
    )
}
