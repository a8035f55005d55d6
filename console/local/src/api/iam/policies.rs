//! Managed policies: the account's own with their versions, and the AWS managed policies that
//! functions use.

use std::collections::BTreeMap;

use super::{
    Request, check_name,
    document::{self, Kind},
    list, missing, path, path_prefix, tag_members, tags,
};
use crate::{
    account::ACCOUNT,
    http::{
        error::ApiError,
        query::{encode, escape},
    },
    store::iam::{Iam, Policy, PolicyVersion, Role},
};

/// Maximum number of versions of a policy.
const VERSIONS: usize = 5;
/// Prefix of the ARNs of AWS managed policies.
const OF_AWS: &str = "arn:aws:iam::aws:policy";
/// The AWS managed policies for execution roles that can be read here: path, name, actions. Source:
/// AWS managed policy reference.
const KNOWN: [(&str, &str, &[&str]); 5] = [
    (
        "/service-role/",
        "AWSLambdaBasicExecutionRole",
        &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    ),
    (
        "/service-role/",
        "AWSLambdaVPCAccessExecutionRole",
        &[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ],
    ),
    (
        "/service-role/",
        "AWSLambdaSQSQueueExecutionRole",
        &[
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    (
        "/service-role/",
        "AWSLambdaDynamoDBExecutionRole",
        &[
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
            "dynamodb:ListStreams",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    ),
    (
        "/",
        "AWSXRayDaemonWriteAccess",
        &[
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:GetSamplingStatisticSummaries",
        ],
    ),
];

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn no_policy(arn: &str) -> ApiError {
    missing(&format!("Policy {arn} was not found."))
}

impl Policy {
    fn new(path: &str, name: &str, document: &str) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
        let (document, created) = (document.to_owned(), now());
        Self {
            path: path.to_owned(),
            name: name.to_owned(),
            id: format!("ANPA{}", id.get(..17).unwrap_or_default()),
            description: None,
            updated: created.clone(),
            default: 1,
            last: 1,
            tags: BTreeMap::new(),
            versions: BTreeMap::from([(1, PolicyVersion { document, created: created.clone() })]),
            created,
        }
    }

    /// Returns an AWS managed policy.
    fn of_aws(arn: &str) -> Option<Self> {
        let rest = arn.strip_prefix(OF_AWS)?;
        let (path, name, actions) =
            KNOWN.iter().find(|(path, name, _)| rest.strip_prefix(path) == Some(name))?;
        let statement =
            serde_json::json!([{ "Effect": "Allow", "Action": actions, "Resource": "*" }]);
        let document = serde_json::json!({ "Version": "2012-10-17", "Statement": statement });
        Some(Self { id: format!("ANPA{name}"), ..Self::new(path, name, &document.to_string()) })
    }

    fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:policy{}{}", self.path, self.name)
    }

    fn version(&self, name: &str) -> Result<(u32, &PolicyVersion), ApiError> {
        let number = name.strip_prefix('v').and_then(|number| number.parse().ok());
        let found = number.and_then(|number: u32| Some((number, self.versions.get(&number)?)));
        found.ok_or_else(|| {
            missing(&format!("Policy {} version {name} does not exist.", self.arn()))
        })
    }

    fn describe_version(&self, number: u32, version: &PolicyVersion, whole: bool) -> String {
        let document = whole.then(|| format!("<Document>{}</Document>", encode(&version.document)));
        format!(
            "{}<VersionId>v{number}</VersionId><IsDefaultVersion>{}</IsDefaultVersion><CreateDate>{}</CreateDate>",
            document.unwrap_or_default(),
            number == self.default,
            version.created
        )
    }
}

impl Iam {
    /// Returns the result of an action on a managed policy; `None` for any other action.
    pub(super) async fn policy(
        &self,
        action: &str,
        request: &Request<'_>,
    ) -> Result<Option<String>, ApiError> {
        let arn = || request.need("PolicyArn");
        let result = match action {
            "CreatePolicy" => self.create_policy(request).await?,
            "GetPolicy" => {
                let policy = self.find_policy(arn()?).await?;
                format!(
                    "<Policy>{}{}</Policy>",
                    self.describe(arn()?, &policy).await,
                    tags(&policy.tags)
                )
            }
            "ListPolicies" => self.list_policies(request).await?,
            "DeletePolicy" => {
                let arn = arn()?;
                if !self.attached_to(arn).await.is_empty() {
                    let message = "Cannot delete a policy attached to entities.";
                    return Err(ApiError::new(409, "DeleteConflict", message));
                }
                let is_last = |policy: &Policy| {
                    let message = "This policy has more than one version. Before you delete a \
                        policy, you must delete the policy's versions. The default version is \
                        deleted with the policy.";
                    let conflict = || ApiError::new(409, "DeleteConflict", message);
                    (policy.versions.len() == 1).then_some(()).ok_or_else(conflict)
                };
                if !self.policies.remove(own_name(arn), is_last).await? {
                    return Err(no_policy(arn));
                }
                String::new()
            }
            "CreatePolicyVersion" => {
                let document = request.need("PolicyDocument")?.to_owned();
                document::validate(&document, Kind::Managed)?;
                let counts = request.get("SetAsDefault") == Some("true");
                self.change_policy(arn()?, |policy| add_version(policy, document, counts)).await?
            }
            "GetPolicyVersion" => {
                let policy = self.find_policy(arn()?).await?;
                let (number, version) = policy.version(request.need("VersionId")?)?;
                format!(
                    "<PolicyVersion>{}</PolicyVersion>",
                    policy.describe_version(number, version, true)
                )
            }
            "ListPolicyVersions" => {
                let policy = self.find_policy(arn()?).await?;
                let versions = policy.versions.iter().rev();
                list(
                    "Versions",
                    versions
                        .map(|(number, version)| policy.describe_version(*number, version, false)),
                )
            }
            "DeletePolicyVersion" => {
                let name = request.need("VersionId")?;
                let delete = |policy: &mut Policy| {
                    let (number, _) = policy.version(name)?;
                    if number == policy.default {
                        let message = "Cannot delete the default version of a policy.";
                        return Err(ApiError::new(409, "DeleteConflict", message));
                    }
                    policy.versions.remove(&number);
                    Ok(String::new())
                };
                self.change_policy(arn()?, delete).await?
            }
            "SetDefaultPolicyVersion" => {
                let name = request.need("VersionId")?;
                let choose = |policy: &mut Policy| {
                    policy.default = policy.version(name)?.0;
                    policy.updated = now();
                    Ok(String::new())
                };
                self.change_policy(arn()?, choose).await?
            }
            "TagPolicy" => {
                let tag = |policy: &mut Policy| {
                    request.add_tags(&mut policy.tags).map(|()| String::new())
                };
                self.change_policy(arn()?, tag).await?
            }
            "UntagPolicy" => {
                let untag = |policy: &mut Policy| {
                    request.remove_tags(&mut policy.tags);
                    Ok(String::new())
                };
                self.change_policy(arn()?, untag).await?
            }
            "ListPolicyTags" => list("Tags", tag_members(&self.find_policy(arn()?).await?.tags)),
            "ListEntitiesForPolicy" => {
                self.find_policy(arn()?).await?;
                let roles = self.attached_to(arn()?).await;
                format!("{}<PolicyGroups/><PolicyUsers/>", list("PolicyRoles", roles.into_iter()))
            }
            _ => return Ok(None),
        };
        Ok(Some(result))
    }

    async fn create_policy(&self, request: &Request<'_>) -> Result<String, ApiError> {
        let (name, document) = (request.need("PolicyName")?, request.need("PolicyDocument")?);
        check_name(name, "policyName", 128)?;
        document::validate(document, Kind::Managed)?;
        let mut policy = Policy::new(path(request)?, name, document);
        policy.description = request.get("Description").map(str::to_owned);
        request.add_tags(&mut policy.tags)?;
        let arn = policy.arn();
        let xml = format!(
            "<Policy>{}{}</Policy>",
            self.describe(&arn, &policy).await,
            tags(&policy.tags)
        );
        if !self.policies.create(name, policy).await? {
            let message =
                format!("A policy called {name} already exists. Duplicate names are not allowed.");
            return Err(ApiError::new(409, "EntityAlreadyExists", message));
        }
        Ok(xml)
    }

    async fn list_policies(&self, request: &Request<'_>) -> Result<String, ApiError> {
        let (scope, prefix) = (request.get("Scope").unwrap_or("All"), path_prefix(request)?);
        let mut found = Vec::new();
        if scope != "AWS" {
            let own = self.policies.all(|policy| policy.path.starts_with(prefix)).await;
            found.extend(own.into_iter().map(|policy| (policy.arn(), policy)));
        }
        if scope != "Local" {
            let arns = KNOWN.iter().filter(|(path, _, _)| path.starts_with(prefix));
            let arns = arns.map(|(path, name, _)| format!("{OF_AWS}{path}{name}"));
            found.extend(arns.filter_map(|arn| Some((arn.clone(), Policy::of_aws(&arn)?))));
        }
        let mut members = Vec::new();
        for (arn, policy) in &found {
            if request.get("OnlyAttached") != Some("true")
                || !self.attached_to(arn).await.is_empty()
            {
                members.push(self.describe(arn, policy).await);
            }
        }
        Ok(list("Policies", members.into_iter()))
    }

    /// Describes a policy, without its tags.
    async fn describe(&self, arn: &str, policy: &Policy) -> String {
        let description = policy
            .description
            .as_deref()
            .map(|text| format!("<Description>{}</Description>", escape(text)));
        let bounded = self.roles.all(|role| role.boundary.as_deref() == Some(arn)).await;
        format!(
            "<PolicyName>{name}</PolicyName><PolicyId>{id}</PolicyId><Arn>{arn}</Arn><Path>{path}</Path>\
             <DefaultVersionId>v{default}</DefaultVersionId><AttachmentCount>{attached}</AttachmentCount>\
             <PermissionsBoundaryUsageCount>{bounded}</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable>\
             {description}<CreateDate>{created}</CreateDate><UpdateDate>{updated}</UpdateDate>",
            name = escape(&policy.name),
            id = policy.id,
            arn = escape(arn),
            path = escape(&policy.path),
            default = policy.default,
            attached = self.attached_to(arn).await.len(),
            bounded = bounded.len(),
            description = description.unwrap_or_default(),
            created = policy.created,
            updated = policy.updated,
        )
    }

    /// Returns the roles that a policy is attached to.
    async fn attached_to(&self, arn: &str) -> Vec<String> {
        let roles = self.roles.all(|role| role.policies.iter().any(|policy| policy == arn)).await;
        roles.iter().map(Role::entity).collect()
    }

    async fn find_policy(&self, arn: &str) -> Result<Policy, ApiError> {
        if arn.starts_with(OF_AWS) {
            let known = KNOWN.map(|(_, name, _)| name).join(", ");
            let message = format!(
                "Policy {arn} was not found. Of AWS's policies, the local IAM can show {known}."
            );
            return Policy::of_aws(arn).ok_or_else(|| missing(&message));
        }
        let policy = self.policies.get(own_name(arn)).await;
        policy.filter(|policy| policy.arn() == arn).ok_or_else(|| no_policy(arn))
    }

    /// Checks that a policy can be attached: any AWS managed policy, or an existing one of the
    /// account.
    pub(super) async fn check_attachable(&self, arn: &str) -> Result<(), ApiError> {
        if arn.starts_with(OF_AWS) {
            return Ok(());
        }
        let gone = |_| missing(&format!("Policy {arn} does not exist or is not attachable."));
        self.find_policy(arn).await.map(drop).map_err(gone)
    }

    async fn change_policy(
        &self,
        arn: &str,
        change: impl FnOnce(&mut Policy) -> Result<String, ApiError>,
    ) -> Result<String, ApiError> {
        self.find_policy(arn).await?;
        if arn.starts_with(OF_AWS) {
            let message = format!("Policy {arn} is outside your own account.");
            return Err(ApiError::new(403, "AccessDenied", message));
        }
        self.policies.change(own_name(arn), change).await?.ok_or_else(|| no_policy(arn))
    }
}

/// Returns the name in the ARN of one of the account's own policies; for any other ARN, a name that
/// no policy has.
fn own_name(arn: &str) -> &str {
    arn.strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.strip_prefix(ACCOUNT)?.strip_prefix(":policy/"))
        .map_or("", |path| path.rsplit('/').next().unwrap_or_default())
}

fn add_version(policy: &mut Policy, document: String, counts: bool) -> Result<String, ApiError> {
    if policy.versions.len() >= VERSIONS {
        let message = "A managed policy can have up to 5 versions. Before you create a new \
            version, you must delete an existing version.";
        return Err(ApiError::new(409, "LimitExceeded", message));
    }
    policy.last += 1;
    policy.updated = now();
    let version = PolicyVersion { document, created: policy.updated.clone() };
    if counts {
        policy.default = policy.last;
    }
    let described = policy.describe_version(policy.last, &version, false);
    policy.versions.insert(policy.last, version);
    Ok(format!("<PolicyVersion>{described}</PolicyVersion>"))
}
