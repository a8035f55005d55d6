//! The calls that change a function, in the order in which they are made. A plan is a list of
//! calls, and applying it makes them one after the other, exactly as they were shown. Pure.

use lambda_console_model::{Change, Concurrency, Field, NewValue, UrlSetting};

use super::{diff::Wanted, remote::Remote};

/// One step of a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    CreateLogGroup,
    PutRetention,
    DeleteRetention,
    ProvideRole,
    AttachPolicies,
    PutStatements,
    PutObject,
    CreateFunction,
    UpdateCode,
    UpdateConfiguration,
    Tag,
    PutConcurrency,
    DeleteConcurrency,
    Publish,
    CreateAlias,
    UpdateAlias,
    CreateUrl,
    UpdateUrl,
    DeleteUrl,
    OpenUrl,
    CloseUrl,
    DetachPolicies,
    DeleteStatements,
}

impl Call {
    /// Returns the IAM actions that it needs.
    pub(super) const fn actions(self) -> &'static [&'static str] {
        match self {
            Self::CreateLogGroup => &["logs:CreateLogGroup"],
            Self::PutRetention => &["logs:PutRetentionPolicy"],
            Self::DeleteRetention => &["logs:DeleteRetentionPolicy"],
            Self::ProvideRole => &["iam:CreateRole", "iam:AttachRolePolicy"],
            Self::AttachPolicies => &["iam:AttachRolePolicy"],
            Self::DetachPolicies => &["iam:DetachRolePolicy"],
            Self::PutStatements => &["iam:PutRolePolicy"],
            Self::DeleteStatements => &["iam:DeleteRolePolicy"],
            Self::PutObject => &["s3:PutObject"],
            Self::CreateFunction => &["lambda:CreateFunction"],
            Self::UpdateCode => &["lambda:UpdateFunctionCode"],
            Self::UpdateConfiguration => &["lambda:UpdateFunctionConfiguration"],
            Self::Tag => &["lambda:TagResource"],
            Self::PutConcurrency => &["lambda:PutFunctionConcurrency"],
            Self::DeleteConcurrency => &["lambda:DeleteFunctionConcurrency"],
            Self::Publish => &["lambda:PublishVersion"],
            Self::CreateAlias => &["lambda:CreateAlias"],
            Self::UpdateAlias => &["lambda:UpdateAlias"],
            Self::CreateUrl => &["lambda:CreateFunctionUrlConfig"],
            Self::UpdateUrl => &["lambda:UpdateFunctionUrlConfig"],
            Self::DeleteUrl => &["lambda:DeleteFunctionUrlConfig"],
            Self::OpenUrl => &["lambda:AddPermission"],
            Self::CloseUrl => &["lambda:RemovePermission"],
        }
    }

    /// Returns the progress text of the call.
    pub(super) const fn step(self) -> &'static str {
        match self {
            Self::CreateLogGroup | Self::PutRetention | Self::DeleteRetention => {
                "preparing its log group"
            }
            Self::ProvideRole => "setting up its role",
            Self::AttachPolicies
            | Self::DetachPolicies
            | Self::PutStatements
            | Self::DeleteStatements => "setting the permissions of its role",
            Self::PutObject => "uploading the zip to S3",
            Self::CreateFunction => "creating",
            Self::UpdateCode => "uploading the code",
            Self::UpdateConfiguration => "updating the configuration",
            Self::Tag => "tagging",
            Self::PutConcurrency | Self::DeleteConcurrency => "setting its concurrency",
            Self::Publish => "publishing",
            Self::CreateAlias | Self::UpdateAlias => "pointing the alias at it",
            Self::CreateUrl | Self::UpdateUrl | Self::DeleteUrl => "setting its URL",
            Self::OpenUrl | Self::CloseUrl => "setting the permissions of its URL",
        }
    }

    /// Returns the summary of its failure for `name`.
    pub(super) fn failed(self, name: &str) -> String {
        match self {
            Self::CreateLogGroup => format!("could not create the log group of {name}"),
            Self::PutRetention | Self::DeleteRetention => {
                format!("could not set the log retention of {name}")
            }
            Self::ProvideRole => format!("could not set up the role of {name}"),
            Self::AttachPolicies
            | Self::DetachPolicies
            | Self::PutStatements
            | Self::DeleteStatements => {
                format!("could not set the permissions of the role of {name}")
            }
            Self::PutObject => format!("could not upload the zip of {name} to S3"),
            Self::CreateFunction => format!("could not create {name}"),
            Self::UpdateCode => format!("could not upload the code of {name}"),
            Self::UpdateConfiguration => format!("could not update the configuration of {name}"),
            Self::Tag => format!("could not tag {name}"),
            Self::PutConcurrency | Self::DeleteConcurrency => {
                format!("could not set the concurrency of {name}")
            }
            Self::Publish => format!("could not publish a version of {name}"),
            Self::CreateAlias | Self::UpdateAlias => {
                format!("could not point the alias of {name} at its new version")
            }
            Self::CreateUrl | Self::UpdateUrl | Self::DeleteUrl => {
                format!("could not set the URL of {name}")
            }
            Self::OpenUrl | Self::CloseUrl => {
                format!("could not set the permissions of the URL of {name}")
            }
        }
    }
}

/// The calls that make `changes`.
pub(super) fn calls(wanted: &Wanted, found: Option<&Remote>, changes: &[Change]) -> Vec<Call> {
    let has = |field: Field| changes.iter().any(|change| change.field == field);
    let (mut calls, is_new) = (Vec::new(), found.is_none());
    if has(Field::LogRetention) {
        if !found.is_some_and(|found| found.has_log_group) {
            calls.push(Call::CreateLogGroup);
        }
        calls.push(if wanted.config.log.retention == Some(0) {
            Call::DeleteRetention
        } else {
            Call::PutRetention
        });
    }
    let sends_code = is_new
        || has(Field::Code)
        || has(Field::Architecture)
        || (has(Field::State) && wanted.code.is_some());
    if is_new && wanted.role.is_none() {
        calls.push(Call::ProvideRole);
    }
    let policies = |is_removed: bool| {
        let of = |change: &Change| {
            matches!(change.field, Field::RolePolicy(_))
                && (change.to == NewValue::Removed) == is_removed
        };
        !is_new && changes.iter().any(of)
    };
    let statements = changes.iter().find(|change| change.field == Field::RoleStatements && !is_new);
    // New code finds its permissions in place, and old code keeps its own until it is replaced.
    if policies(false) {
        calls.push(Call::AttachPolicies);
    }
    if statements.is_some_and(|change| change.to != NewValue::Removed) {
        calls.push(Call::PutStatements);
    }
    if sends_code && wanted.code.as_ref().is_some_and(|code| code.bucket.is_some()) {
        calls.push(Call::PutObject);
    }
    if is_new {
        calls.push(Call::CreateFunction);
    } else {
        if sends_code {
            calls.push(Call::UpdateCode);
        }
        if changes.iter().any(|change| is_configuration(&change.field))
            || (has(Field::State) && !sends_code)
        {
            calls.push(Call::UpdateConfiguration);
        }
        if changes.iter().any(|change| matches!(change.field, Field::Tag(_))) {
            calls.push(Call::Tag);
        }
    }
    if has(Field::Concurrency) {
        let removes = wanted.config.concurrency == Some(Concurrency::Unreserved);
        calls.push(if removes { Call::DeleteConcurrency } else { Call::PutConcurrency });
    }
    if changes.iter().any(|change| matches!(change.field, Field::Alias(_))) {
        let is_there = found.is_some_and(|found| found.alias.is_some());
        calls.extend([Call::Publish, if is_there { Call::UpdateAlias } else { Call::CreateAlias }]);
    }
    let (closes, opens) = changes
        .iter()
        .filter(|change| change.field == Field::UrlPermission)
        .fold((false, false), |(closes, opens), change| {
            (closes || change.to == NewValue::Removed, opens || change.to != NewValue::Removed)
        });
    if closes {
        calls.push(Call::CloseUrl);
    }
    match &wanted.config.url {
        Some(UrlSetting::Absent) if has(Field::Url) => calls.push(Call::DeleteUrl),
        Some(UrlSetting::Present(_))
            if has(Field::UrlAuth) || has(Field::UrlStreaming) || has(Field::UrlCors) =>
        {
            let is_there = found.is_some_and(|found| found.url.is_some());
            calls.push(if is_there { Call::UpdateUrl } else { Call::CreateUrl });
        }
        _ => {}
    }
    if opens {
        calls.push(Call::OpenUrl);
    }
    if policies(true) {
        calls.push(Call::DetachPolicies);
    }
    if statements.is_some_and(|change| change.to == NewValue::Removed) {
        calls.push(Call::DeleteStatements);
    }
    calls
}

/// Returns `true` for fields that `UpdateFunctionConfiguration` changes.
const fn is_configuration(field: &Field) -> bool {
    match field {
        Field::Code
        | Field::Architecture
        | Field::State
        | Field::Concurrency
        | Field::LogRetention
        | Field::Tag(_)
        | Field::Alias(_)
        | Field::CanarySteps
        | Field::CanaryRules => false,
        field => !field.is_of_url() && !field.is_of_role(),
    }
}
