//! Lists a function's resources.

use std::future::Future;

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use lambda_console_model::{Failure, FunctionVersions, Resource, ResourceKind, Resources};
use serde_json::Value;

use crate::{
    aws::{
        error::{CallError, present},
        log_group,
        stage::Stage,
    },
    release::read,
    resources::roles,
};

/// Returns the resources of `function`, named as in the workspace, sorted by kind. For a function
/// that no longer exists, these are the remains of an interrupted deletion.
pub(super) async fn resources_of(stage: &Stage, function: &str) -> Result<Resources, Failure> {
    let remote = &stage.remote_name(function);
    let failed =
        |error: CallError| error.into_failure(format!("could not list the resources of {remote}"));
    let found = configuration(stage, remote).await.map_err(failed)?;
    let mut items = match &found {
        Some(found) => of_lambda(stage, remote, found).await.map_err(failed)?,
        None => Vec::new(),
    };
    let (group, role) = tokio::try_join!(
        listed(ResourceKind::LogGroup, log_group(stage, remote, found.as_ref())),
        listed(ResourceKind::Role, role(stage, remote, found.as_ref())),
    )
    .map_err(failed)?;
    items.extend(group.into_iter().chain(role));
    if !items.iter().any(|item| item.kept.is_none()) {
        let why = format!("it is not on the stage {}", stage.name());
        return Err(Failure::work(
            format!("could not delete {remote}"),
            why,
            "`lambda-console list` shows what is",
        ));
    }
    items.sort_by_key(|item| item.kind);
    Ok(Resources { function: function.to_owned(), remote: remote.clone(), items })
}

/// The function's configuration; `None` if it does not exist.
pub(super) async fn configuration(
    stage: &Stage,
    remote: &str,
) -> Result<Option<GetFunctionConfigurationOutput>, CallError> {
    let asked = stage
        .call(|clients| async move {
            clients.lambda().get_function_configuration().function_name(remote).send().await
        })
        .await;
    present(asked)
}

fn is_absent(error: &CallError) -> bool {
    error.is_not_found() || error.code() == "ProvisionedConcurrencyConfigNotFoundException"
}

fn item(kind: ResourceKind, name: impl Into<String>, detail: impl Into<String>) -> Resource {
    Resource { kind, name: name.into(), detail: detail.into(), kept: None }
}

/// Returns the resources that could be listed. Resources that the caller may not read are listed as
/// such, and kept: nothing is deleted that was not shown.
async fn listed(
    kind: ResourceKind,
    list: impl Future<Output = Result<Vec<Resource>, CallError>>,
) -> Result<Vec<Resource>, CallError> {
    match list.await {
        Err(error) if error.is_denied() => {
            let kept = Some("this caller may not list them".to_owned());
            Ok(vec![Resource { kept, ..item(kind, "?", "") }])
        }
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        other => other,
    }
}

/// Returns the function's resources in Lambda.
async fn of_lambda(
    stage: &Stage,
    remote: &str,
    found: &GetFunctionConfigurationOutput,
) -> Result<Vec<Resource>, CallError> {
    let lists = tokio::try_join!(
        listed(ResourceKind::Version, versions(stage, remote)),
        listed(ResourceKind::Alias, aliases(stage, remote)),
        listed(ResourceKind::Url, urls(stage, remote)),
        listed(ResourceKind::AsyncConfig, async_configs(stage, remote)),
        listed(ResourceKind::ProvisionedConcurrency, provisioned(stage, remote)),
        listed(ResourceKind::Trigger, triggers(stage, remote)),
    )?;
    let (versions, aliases, urls, async_configs, provisioned, triggers) = lists;
    let mut items =
        vec![item(ResourceKind::Function, remote, found.description().unwrap_or_default())];
    items.extend(listed(ResourceKind::Permission, permissions(stage, remote, None)).await?);
    for alias in aliases.iter().filter(|alias| alias.kept.is_none()) {
        items.extend(
            listed(ResourceKind::Permission, permissions(stage, remote, Some(&alias.name))).await?,
        );
    }
    items.extend(
        [versions, aliases, urls, async_configs, provisioned, triggers].into_iter().flatten(),
    );
    Ok(items)
}

async fn versions(stage: &Stage, remote: &str) -> Result<Vec<Resource>, CallError> {
    let versions = read::versions(stage, remote).await?;
    let published =
        versions.iter().filter(|version| version.version() != Some(FunctionVersions::LATEST));
    let of = |version: &aws_sdk_lambda::types::FunctionConfiguration| {
        item(
            ResourceKind::Version,
            version.version().unwrap_or_default(),
            version.description().unwrap_or_default(),
        )
    };
    Ok(published.map(of).collect())
}

async fn aliases(stage: &Stage, remote: &str) -> Result<Vec<Resource>, CallError> {
    let aliases = read::aliases(stage, remote).await?;
    let of = |alias: &aws_sdk_lambda::types::AliasConfiguration| {
        let to = format!("version {}", alias.function_version().unwrap_or("?"));
        item(ResourceKind::Alias, alias.name().unwrap_or_default(), to)
    };
    Ok(aliases.iter().map(of).collect())
}

async fn urls(stage: &Stage, remote: &str) -> Result<Vec<Resource>, CallError> {
    let urls = stage
        .call(|clients| async move {
            let pages =
                clients.lambda().list_function_url_configs().function_name(remote).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    Ok(urls
        .iter()
        .map(|url| item(ResourceKind::Url, url.function_url(), url.auth_type().as_str()))
        .collect())
}

async fn async_configs(stage: &Stage, remote: &str) -> Result<Vec<Resource>, CallError> {
    let configs = stage
        .call(|clients| async move {
            let pages = clients
                .lambda()
                .list_function_event_invoke_configs()
                .function_name(remote)
                .into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let qualifier = |arn: &str| arn.split(':').nth(7).unwrap_or("$LATEST").to_owned();
    let arns = configs.iter().map(|config| config.function_arn().unwrap_or_default());
    Ok(arns.map(|arn| item(ResourceKind::AsyncConfig, qualifier(arn), "")).collect())
}

async fn provisioned(stage: &Stage, remote: &str) -> Result<Vec<Resource>, CallError> {
    let configs = stage
        .call(|clients| async move {
            let pages = clients
                .lambda()
                .list_provisioned_concurrency_configs()
                .function_name(remote)
                .into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let of = |config: &aws_sdk_lambda::types::ProvisionedConcurrencyConfigListItem| {
        let qualifier = config.function_arn().and_then(|arn| arn.split(':').nth(7)).unwrap_or("?");
        let sandboxes = config.requested_provisioned_concurrent_executions().unwrap_or_default();
        item(
            ResourceKind::ProvisionedConcurrency,
            qualifier,
            if sandboxes == 1 { "1 sandbox".to_owned() } else { format!("{sandboxes} sandboxes") },
        )
    };
    Ok(configs.iter().map(of).collect())
}

async fn triggers(stage: &Stage, remote: &str) -> Result<Vec<Resource>, CallError> {
    let mappings = stage
        .call(|clients| async move {
            let pages = clients
                .lambda()
                .list_event_source_mappings()
                .function_name(remote)
                .into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let of = |mapping: &aws_sdk_lambda::types::EventSourceMappingConfiguration| {
        let source = mapping.event_source_arn().unwrap_or("a source of its own");
        item(ResourceKind::Trigger, mapping.uuid().unwrap_or_default(), source)
    };
    Ok(mappings.iter().map(of).collect())
}

/// The statements of the resource policy of the function or one of its aliases.
async fn permissions(
    stage: &Stage,
    remote: &str,
    qualifier: Option<&str>,
) -> Result<Vec<Resource>, CallError> {
    let answer = stage
        .call(|clients| async move {
            let policy = clients.lambda().get_policy().function_name(remote);
            policy.set_qualifier(qualifier.map(str::to_owned)).send().await
        })
        .await?;
    let policy: Value =
        serde_json::from_str(answer.policy().unwrap_or_default()).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    Ok(statements
        .map(|statement| item(ResourceKind::Permission, sid(statement, qualifier), who(statement)))
        .collect())
}

fn sid(statement: &Value, qualifier: Option<&str>) -> String {
    let sid = statement["Sid"].as_str().unwrap_or("a statement without a name");
    qualifier.map_or_else(|| sid.to_owned(), |qualifier| format!("{qualifier}: {sid}"))
}

/// The principal of a statement.
fn who(statement: &Value) -> String {
    match &statement["Principal"] {
        Value::String(all) => all.clone(),
        Value::Object(parts) => {
            let texts = parts
                .values()
                .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
            texts.collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    }
}

/// The function's own log group. A custom log group may have lines of other functions, and is kept.
async fn log_group(
    stage: &Stage,
    remote: &str,
    found: Option<&GetFunctionConfigurationOutput>,
) -> Result<Vec<Resource>, CallError> {
    let own = log_group::default(remote);
    let mut items = Vec::new();
    let configured = found.and_then(|found| found.logging_config()?.log_group());
    if let Some(group) = configured.filter(|group| *group != own) {
        let kept = Some("other functions may write to it".to_owned());
        items.push(Resource { kept, ..item(ResourceKind::LogGroup, group, "") });
    }
    let prefix = &own;
    let groups = stage
        .call(|clients| async move {
            let pages =
                clients.logs().describe_log_groups().log_group_name_prefix(prefix).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await?;
    let bytes = |group: &aws_sdk_cloudwatchlogs::types::LogGroup| match group
        .stored_bytes()
        .unwrap_or_default()
    {
        bytes @ 0..1_000_000 => format!("{} KB", bytes / 1000),
        bytes => format!("{} MB", bytes / 1_000_000),
    };
    let mine = groups.iter().filter(|group| group.log_group_name() == Some(own.as_str()));
    items.extend(mine.map(|group| item(ResourceKind::LogGroup, own.as_str(), bytes(group))));
    Ok(items)
}

/// The role that was created for the function. If the function has another one, it belongs to
/// someone else, and is kept.
async fn role(
    stage: &Stage,
    remote: &str,
    found: Option<&GetFunctionConfigurationOutput>,
) -> Result<Vec<Resource>, CallError> {
    let region = stage.info().region;
    let name = match found
        .and_then(|found| found.role())
        .map(|arn| (arn, roles::own_name(arn, &region)))
    {
        Some((_, Some(name))) => name.to_owned(),
        Some((arn, None)) => {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            let kept = Some("lambda-console did not create it".to_owned());
            return Ok(vec![Resource { kept, ..item(ResourceKind::Role, name, "") }]);
        }
        None => roles::role_name(stage, remote),
    };
    let asked = &name;
    let role = present(
        stage
            .call(|clients| async move { clients.iam().get_role().role_name(asked).send().await })
            .await,
    )?;
    let arn = role.as_ref().and_then(|role| Some(role.role()?.arn())).unwrap_or_default();
    if roles::own_name(arn, &region).is_none() {
        return Ok(Vec::new());
    }
    let kept = match roles::users(stage).await {
        Ok(users) => {
            let others = users.iter().filter(|(user, role)| role == arn && user != remote);
            let others: Vec<&str> = others.map(|(user, _)| user.as_str()).collect();
            (!others.is_empty()).then(|| format!("it is also the role of {}", others.join(", ")))
        }
        Err(error) if error.is_denied() => {
            Some("this caller may not check whether other functions use it".to_owned())
        }
        Err(error) => return Err(error),
    };
    Ok(vec![Resource { kept, ..item(ResourceKind::Role, name, "") }])
}
