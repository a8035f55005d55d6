//! Roles: their lifecycle, their inline and attached policies, their tags.

use std::collections::BTreeMap;

use super::{
    Request, check_name,
    document::{self, INLINE_LIMIT, Kind},
    list, missing, path, path_prefix, tag_members, tags,
};
use crate::{
    account::ACCOUNT,
    http::{
        error::ApiError,
        query::{encode, escape},
    },
    store::iam::{Iam, Role, SESSION, shortest_session},
};

impl Role {
    /// Renders its name and ID, as in the list of the entities that use a policy.
    pub(super) fn entity(&self) -> String {
        format!("<RoleName>{}</RoleName><RoleId>{}</RoleId>", escape(&self.name), self.id)
    }

    fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:role{}{}", self.path, self.name)
    }

    /// Renders the role as in lists.
    fn members(&self) -> String {
        let description = self
            .description
            .as_deref()
            .map(|text| format!("<Description>{}</Description>", escape(text)));
        format!(
            "<Path>{path}</Path>{entity}<Arn>{arn}</Arn>\
             <CreateDate>{created}</CreateDate><AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument>\
             {description}<MaxSessionDuration>{session}</MaxSessionDuration>",
            path = escape(&self.path),
            entity = self.entity(),
            arn = escape(&self.arn()),
            created = self.created,
            policy = encode(&self.trust),
            description = description.unwrap_or_default(),
            session = self.session,
        )
    }

    /// Renders the role as in an answer about this role alone.
    fn describe(&self) -> String {
        let boundary = self.boundary.as_deref().map(|arn| {
            let kind = "<PermissionsBoundaryType>Policy</PermissionsBoundaryType>";
            let arn = format!("<PermissionsBoundaryArn>{}</PermissionsBoundaryArn>", escape(arn));
            format!("<PermissionsBoundary>{kind}{arn}</PermissionsBoundary>")
        });
        let (members, tags, boundary) =
            (self.members(), tags(&self.tags), boundary.unwrap_or_default());
        format!("<Role>{members}{tags}{boundary}<RoleLastUsed/></Role>")
    }
}

/// Reads the maximum session duration and checks its bounds.
fn session(request: &Request<'_>) -> Result<Option<u32>, ApiError> {
    let Some(asked) = request.get("MaxSessionDuration") else { return Ok(None) };
    let session = asked.parse().ok().filter(|seconds| SESSION.contains(seconds));
    let constraint = format!("have value between {} and {}", SESSION.start(), SESSION.end());
    let refused = || ApiError::validation(asked, "maxSessionDuration", &constraint);
    session.map(Some).ok_or_else(|| ApiError { code: "ValidationError", ..refused() })
}

fn description(request: &Request<'_>) -> Result<Option<String>, ApiError> {
    let text = request.get("Description");
    if let Some(long) = text.filter(|text| text.chars().count() > 1_000) {
        let error =
            ApiError::validation(long, "description", "have length less than or equal to 1000");
        return Err(ApiError { code: "ValidationError", ..error });
    }
    Ok(text.map(str::to_owned))
}

impl Iam {
    /// Returns the result of an action on a role; `None` for any other action.
    pub(super) async fn role(
        &self,
        action: &str,
        request: &Request<'_>,
    ) -> Result<Option<String>, ApiError> {
        let name = || request.need("RoleName");
        let result = match action {
            "CreateRole" => self.create_role(request).await?,
            "GetRole" => self.find_role(name()?).await?.describe(),
            "ListRoles" => {
                let prefix = path_prefix(request)?;
                let found = self.roles.all(|role| role.path.starts_with(prefix)).await;
                list("Roles", found.iter().map(Role::members))
            }
            "DeleteRole" => {
                if !self.roles.remove(name()?, may_go).await? {
                    return Err(no_role(name()?));
                }
                String::new()
            }
            "UpdateRole" => {
                let (description, session) = (description(request)?, session(request)?);
                self.change_role(name()?, |role| {
                    role.description = description.or(role.description.take());
                    role.session = session.unwrap_or(role.session);
                    Ok(())
                })
                .await?
            }
            "UpdateRoleDescription" => {
                let description = description(request)?;
                self.change_role(name()?, |role| {
                    role.description = description;
                    Ok(())
                })
                .await?;
                self.find_role(name()?).await?.describe()
            }
            "UpdateAssumeRolePolicy" => {
                let trust = request.need("PolicyDocument")?.to_owned();
                document::validate(&trust, Kind::Trust)?;
                self.change_role(name()?, |role| {
                    role.trust = trust;
                    Ok(())
                })
                .await?
            }
            "TagRole" => self.change_role(name()?, |role| request.add_tags(&mut role.tags)).await?,
            "UntagRole" => {
                self.change_role(name()?, |role| {
                    request.remove_tags(&mut role.tags);
                    Ok(())
                })
                .await?
            }
            "ListRoleTags" => list("Tags", tag_members(&self.find_role(name()?).await?.tags)),
            "PutRolePermissionsBoundary" => {
                let boundary = request.need("PermissionsBoundary")?.to_owned();
                self.change_role(name()?, |role| {
                    role.boundary = Some(boundary);
                    Ok(())
                })
                .await?
            }
            "DeleteRolePermissionsBoundary" => {
                let gone = |role: &mut Role| match role.boundary.take() {
                    Some(_) => Ok(()),
                    None => Err(missing("The role has no permissions boundary.")),
                };
                self.change_role(name()?, gone).await?
            }
            // There are no machines that could have an instance profile.
            "ListInstanceProfilesForRole" => {
                self.find_role(name()?).await?;
                list("InstanceProfiles", std::iter::empty())
            }
            _ => return self.policy_of_role(action, request).await,
        };
        Ok(Some(result))
    }

    /// Returns the result of an action on a role's inline or attached policies; `None` for any
    /// other action.
    async fn policy_of_role(
        &self,
        action: &str,
        request: &Request<'_>,
    ) -> Result<Option<String>, ApiError> {
        let role = || request.need("RoleName");
        let result = match action {
            "AttachRolePolicy" => {
                let policy = request.need("PolicyArn")?.to_owned();
                self.check_attachable(&policy).await?;
                let attach = |role: &mut Role| {
                    if !role.policies.contains(&policy) {
                        role.policies.push(policy);
                    }
                    Ok(())
                };
                self.change_role(role()?, attach).await?
            }
            "DetachRolePolicy" => {
                let policy = request.need("PolicyArn")?;
                let detach = |role: &mut Role| {
                    let before = role.policies.len();
                    role.policies.retain(|known| known != policy);
                    let gone = || missing(&format!("Policy {policy} was not found."));
                    if role.policies.len() < before { Ok(()) } else { Err(gone()) }
                };
                self.change_role(role()?, detach).await?
            }
            "ListAttachedRolePolicies" => {
                let role = self.find_role(role()?).await?;
                let of = |arn: &String| {
                    let name = arn.rsplit('/').next().unwrap_or(arn);
                    format!(
                        "<PolicyName>{}</PolicyName><PolicyArn>{}</PolicyArn>",
                        escape(name),
                        escape(arn)
                    )
                };
                list("AttachedPolicies", role.policies.iter().map(of))
            }
            "PutRolePolicy" => {
                let (name, document) =
                    (request.need("PolicyName")?, request.need("PolicyDocument")?);
                check_name(name, "policyName", 128)?;
                document::validate(document, Kind::Inline)?;
                let put = |role: &mut Role| {
                    role.inline.insert(name.to_owned(), document.to_owned());
                    if role.inline.values().map(|document| document::size(document)).sum::<usize>()
                        > INLINE_LIMIT
                    {
                        let name = &role.name;
                        let message = format!(
                            "Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {name}"
                        );
                        return Err(document::limit_exceeded(message));
                    }
                    Ok(())
                };
                self.change_role(role()?, put).await?
            }
            "GetRolePolicy" => {
                let (role, name) = (role()?, request.need("PolicyName")?);
                let found = self.find_role(role).await?;
                let document = found.inline.get(name).ok_or_else(|| no_policy(name))?;
                let (role, name, document) = (escape(role), escape(name), encode(document));
                format!(
                    "<RoleName>{role}</RoleName><PolicyName>{name}</PolicyName>\
                     <PolicyDocument>{document}</PolicyDocument>"
                )
            }
            "ListRolePolicies" => {
                let role = self.find_role(role()?).await?;
                list("PolicyNames", role.inline.keys().map(|name| escape(name)))
            }
            "DeleteRolePolicy" => {
                let name = request.need("PolicyName")?;
                let delete = |role: &mut Role| {
                    role.inline.remove(name).map(drop).ok_or_else(|| no_policy(name))
                };
                self.change_role(role()?, delete).await?
            }
            _ => return Ok(None),
        };
        Ok(Some(result))
    }

    /// Checks whether Lambda may assume the role with this ARN. Roles that are not here are taken
    /// to be elsewhere, and good.
    pub(crate) async fn lambda_may_assume(&self, arn: &str) -> bool {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let role = self.roles.get(name).await.filter(|role| role.arn() == arn);
        role.is_none_or(|role| document::trusts_lambda(&role.trust))
    }

    async fn create_role(&self, request: &Request<'_>) -> Result<String, ApiError> {
        let (name, trust) = (request.need("RoleName")?, request.need("AssumeRolePolicyDocument")?);
        check_name(name, "roleName", 64)?;
        document::validate(trust, Kind::Trust)?;
        let id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
        let mut role = Role {
            path: path(request)?.to_owned(),
            name: name.to_owned(),
            id: format!("AROA{}", id.get(..17).unwrap_or_default()),
            trust: trust.to_owned(),
            description: description(request)?,
            created: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            policies: Vec::new(),
            inline: BTreeMap::new(),
            tags: BTreeMap::new(),
            session: session(request)?.unwrap_or_else(shortest_session),
            boundary: request.get("PermissionsBoundary").map(str::to_owned),
        };
        request.add_tags(&mut role.tags)?;
        let xml = role.describe();
        if !self.roles.create(name, role).await? {
            let message = format!("Role with name {name} already exists.");
            return Err(ApiError::new(409, "EntityAlreadyExists", message));
        }
        Ok(xml)
    }

    async fn find_role(&self, name: &str) -> Result<Role, ApiError> {
        self.roles.get(name).await.ok_or_else(|| no_role(name))
    }

    async fn change_role(
        &self,
        name: &str,
        change: impl FnOnce(&mut Role) -> Result<(), ApiError>,
    ) -> Result<String, ApiError> {
        self.roles.change(name, change).await?.ok_or_else(|| no_role(name))?;
        Ok(String::new())
    }
}

/// Checks that a role has no policies any more.
fn may_go(role: &Role) -> Result<(), ApiError> {
    let first = match (role.inline.is_empty(), role.policies.is_empty()) {
        (false, _) => "delete policies",
        (true, false) => "detach all policies",
        (true, true) => return Ok(()),
    };
    Err(ApiError::new(409, "DeleteConflict", format!("Cannot delete entity, must {first} first.")))
}

fn no_role(name: &str) -> ApiError {
    missing(&format!("The role with name {name} cannot be found."))
}

fn no_policy(name: &str) -> ApiError {
    missing(&format!("The role policy with name {name} cannot be found."))
}
