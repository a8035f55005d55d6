//! Permissions that a caller needs for functions of the workspace: the statements of the smallest
//! policy. Pure.

use std::collections::BTreeMap;

use clap::ValueEnum;
use lambda_console_model::{FunctionConfig, StageInfo};
use serde_json::{Value, json};

use super::{RolePolicies, name, own_name, path};
use crate::aws::{log_group, stage::Stage};

/// Kind of work with functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Task {
    /// Create and update functions, with the resources in their settings.
    Deploy,
    /// Invoke functions.
    Invoke,
    /// Read and follow logs.
    Logs,
    /// Publish versions, move aliases, roll back, prune.
    Versions,
    /// Change settings, including URLs and concurrency.
    #[value(alias = "config")]
    Settings,
    /// Delete functions and their resources.
    Delete,
    /// List and delete execution roles, check permissions.
    Roles,
}

impl Task {
    /// Tasks that are checked by default.
    pub const DEFAULT: [Self; 3] = [Self::Deploy, Self::Invoke, Self::Logs];
}

/// Some actions on some resources.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Need {
    pub(super) actions: Vec<&'static str>,
    pub(super) resources: Vec<String>,
    /// The condition's operator, key and values.
    pub(super) condition: Option<(&'static str, &'static str, Vec<String>)>,
}

/// The parts of a function that matter for permissions.
pub(super) struct Subject<'c> {
    /// Its name on the stage.
    pub(super) remote: String,
    pub(super) config: &'c FunctionConfig,
    /// The role that it has by name.
    pub(super) role: Option<String>,
    pub(super) policies: RolePolicies,
}

/// Partition, region and account of all ARNs.
pub(super) struct Region<'s> {
    partition: &'static str,
    info: &'s StageInfo,
    alias: bool,
}

impl<'s> Region<'s> {
    pub(super) fn of(stage: &Stage, info: &'s StageInfo) -> Self {
        Self { partition: stage.partition(), info, alias: stage.alias().is_some() }
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        let StageInfo { region, account, .. } = self.info;
        format!("arn:{}:{service}:{region}:{account}:{rest}", self.partition)
    }

    fn role(&self, subject: &Subject<'_>) -> String {
        let StageInfo { region, account, .. } = self.info;
        let own = || {
            let (path, name) = (path(region), name(&subject.remote, region));
            format!("arn:{}:iam::{account}:role{path}{name}", self.partition)
        };
        subject.role.clone().unwrap_or_else(own)
    }
}

/// The needs of `tasks` on `subjects`; those on the same resources are merged.
pub(super) fn needs(region: &Region<'_>, subjects: &[Subject<'_>], tasks: &[Task]) -> Vec<Need> {
    let mut needs = Needs::default();
    for subject in subjects {
        for task in tasks {
            add(&mut needs, region, subject, *task);
        }
    }
    needs.0
}

#[derive(Default)]
struct Needs(Vec<Need>);

impl Needs {
    fn add(&mut self, actions: &[&'static str], resources: &[String]) {
        self.add_if(actions, resources, None);
    }

    fn add_if(
        &mut self,
        actions: &[&'static str],
        resources: &[String],
        condition: Option<(&'static str, &'static str, Vec<String>)>,
    ) {
        let same = self
            .0
            .iter()
            .position(|need| need.resources == resources && need.condition == condition);
        let index = same.unwrap_or(self.0.len());
        if same.is_none() {
            self.0.push(Need { actions: Vec::new(), resources: resources.to_vec(), condition });
        }
        let Need { actions: into, .. } = &mut self.0[index];
        for action in actions {
            if !into.contains(action) {
                into.push(action);
            }
        }
    }
}

fn add(needs: &mut Needs, region: &Region<'_>, subject: &Subject<'_>, task: Task) {
    let function = region.arn("lambda", &format!("function:{}", subject.remote));
    let function = &[function.clone(), format!("{function}:*")];
    let named = subject.config.log.group.clone().filter(|group| !group.is_empty());
    let group = named.unwrap_or_else(|| log_group::default(&subject.remote));
    let group = region.arn("logs", &format!("log-group:{group}"));
    let group = &[group.clone(), format!("{group}:*")];
    let everything = &["*".to_owned()];
    let role = &[region.role(subject)];
    let own = own_name(&role[0], &region.info.region).is_some();
    match task {
        Task::Deploy => {
            needs.add(
                &[
                    "lambda:GetFunction",
                    "lambda:GetFunctionConfiguration",
                    "lambda:CreateFunction",
                    "lambda:UpdateFunctionCode",
                    "lambda:UpdateFunctionConfiguration",
                    "lambda:ListTags",
                    "lambda:TagResource",
                ],
                function,
            );
            settings(needs, region, subject, function, group);
            let to_lambda =
                ("StringEquals", "iam:PassedToService", vec!["lambda.amazonaws.com".to_owned()]);
            needs.add_if(&["iam:PassRole"], role, Some(to_lambda));
            if own {
                needs.add(&["iam:CreateRole", "iam:GetRole"], role);
                let attached = ("ArnEquals", "iam:PolicyARN", subject.policies.attached.clone());
                needs.add_if(&["iam:AttachRolePolicy"], role, Some(attached));
                if subject.policies.is_asked() {
                    needs.add(&["iam:GetRolePolicy", "iam:ListAttachedRolePolicies"], role);
                }
                if subject.policies.is_whole {
                    needs.add(&["iam:DetachRolePolicy"], role);
                }
                if subject.policies.statements.is_some() {
                    needs.add(&["iam:DeleteRolePolicy", "iam:PutRolePolicy"], role);
                }
            }
        }
        Task::Invoke => {
            needs.add(&["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"], function);
        }
        Task::Logs => {
            needs.add(&["lambda:GetFunctionConfiguration"], function);
            needs.add(&["logs:FilterLogEvents", "logs:StartLiveTail"], group);
        }
        Task::Versions => {
            needs.add(&ALIASES, function);
            needs.add(&["logs:FilterLogEvents"], group);
            // Errors that the function itself returned; the service supports no narrower resource.
            needs.add(&["cloudwatch:GetMetricData"], everything);
            needs.add(
                &[
                    "lambda:GetFunction",
                    "lambda:GetFunctionConfiguration",
                    "lambda:ListAliases",
                    "lambda:ListVersionsByFunction",
                    "lambda:UpdateFunctionCode",
                    "lambda:UpdateFunctionConfiguration",
                    "lambda:DeleteFunction",
                ],
                function,
            );
        }
        Task::Settings => {
            needs.add(&["lambda:GetFunction", "lambda:GetFunctionConfiguration"], function);
            needs.add(&["lambda:UpdateFunctionConfiguration"], function);
            needs.add(&URLS, function);
            needs.add(&CONCURRENCY, function);
            needs.add(&RETENTION, group);
            needs.add(&["logs:DescribeLogGroups"], everything);
        }
        Task::Delete => {
            needs.add(&RESOURCES, function);
            needs.add(&["logs:DeleteLogGroup"], group);
            needs.add(
                &[
                    "lambda:ListEventSourceMappings",
                    "lambda:ListFunctions",
                    "logs:DescribeLogGroups",
                ],
                everything,
            );
            let mine = ("ArnLike", "lambda:FunctionArn", vec![function[0].clone()]);
            let mapping = region.arn("lambda", "event-source-mapping:*");
            needs.add_if(&["lambda:DeleteEventSourceMapping"], &[mapping], Some(mine));
            if own {
                needs.add(&REMOVAL, role);
            }
        }
        Task::Roles => {
            needs.add(&["iam:ListRoles", "lambda:ListFunctions"], everything);
            needs.add(&["iam:SimulatePrincipalPolicy"], everything);
            if own {
                needs.add(&REMOVAL, role);
            }
        }
    }
}

/// Adds the permissions that a deploy needs for the settings in the workspace.
fn settings(
    needs: &mut Needs,
    region: &Region<'_>,
    subject: &Subject<'_>,
    function: &[String],
    group: &[String],
) {
    let config = subject.config;
    if region.alias {
        needs.add(&ALIASES, function);
    }
    if config.url.is_some() {
        needs.add(&URLS, function);
    }
    if config.concurrency.is_some() {
        needs.add(&CONCURRENCY, function);
    }
    if config.log.retention.is_some() {
        needs.add(&RETENTION, group);
        needs.add(&["logs:DescribeLogGroups"], &["*".to_owned()]);
    }
    if let Some(layers) = config.layers.as_ref().filter(|layers| !layers.is_empty()) {
        needs.add(&["lambda:GetLayerVersion"], layers);
    }
    if config.vpc.is_some() {
        let looks = ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"];
        needs.add(&looks, &["*".to_owned()]);
    }
    if let Some(bucket) = &config.s3_bucket {
        // Lambda reads the zip with the caller's permissions.
        let objects = format!("arn:{}:s3:::{bucket}/*", region.partition);
        needs.add(&["s3:GetObject", "s3:PutObject"], &[objects]);
    }
}

const ALIASES: [&str; 4] =
    ["lambda:CreateAlias", "lambda:GetAlias", "lambda:PublishVersion", "lambda:UpdateAlias"];
const URLS: [&str; 7] = [
    "lambda:AddPermission",
    "lambda:CreateFunctionUrlConfig",
    "lambda:DeleteFunctionUrlConfig",
    "lambda:GetFunctionUrlConfig",
    "lambda:GetPolicy",
    "lambda:RemovePermission",
    "lambda:UpdateFunctionUrlConfig",
];
const CONCURRENCY: [&str; 3] = [
    "lambda:DeleteFunctionConcurrency",
    "lambda:GetFunctionConcurrency",
    "lambda:PutFunctionConcurrency",
];
const RETENTION: [&str; 3] =
    ["logs:CreateLogGroup", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy"];
const RESOURCES: [&str; 8] = [
    "lambda:DeleteFunction",
    "lambda:GetFunctionConfiguration",
    "lambda:GetPolicy",
    "lambda:ListAliases",
    "lambda:ListFunctionEventInvokeConfigs",
    "lambda:ListFunctionUrlConfigs",
    "lambda:ListProvisionedConcurrencyConfigs",
    "lambda:ListVersionsByFunction",
];
const REMOVAL: [&str; 6] = [
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
];

/// The policy document that allows exactly `needs`.
pub(super) fn document(needs: &[Need]) -> Value {
    let statement = |need: &Need| {
        let mut actions = need.actions.clone();
        actions.sort_unstable();
        let mut statement =
            json!({ "Effect": "Allow", "Action": actions, "Resource": need.resources });
        if let Some((operator, key, values)) = &need.condition {
            statement["Condition"] = json!({ *operator: BTreeMap::from([(*key, values)]) });
        }
        statement
    };
    json!({ "Version": "2012-10-17", "Statement": needs.iter().map(statement).collect::<Vec<_>>() })
}
