//! A function as it is on the stage. One call reads it; parts that the deploy does not set are not
//! read.

use std::collections::BTreeMap;

use aws_sdk_lambda::{
    operation::get_function::GetFunctionOutput,
    types::{Architecture, FunctionConfiguration, PackageType, Runtime, TracingMode},
};
use lambda_console_model::{
    Concurrency, Failure, FunctionConfig, FunctionUrl, LogFormat, LogSettings, UrlSetting, Vpc,
};

use super::{
    Stage,
    url::{self, Grants},
};
use crate::{
    aws::{error::CallError, function::get_function, log_group, waiting::Standing},
    resources::roles::{self, Held},
};

/// The compared parts of a deployed function. Environment values are secrets: no `Debug`.
#[derive(Clone, Default)]
pub(super) struct Remote {
    /// Settings that a version keeps.
    pub(super) settings: Settings,
    pub(super) is_image: bool,
    pub(super) description: String,
    /// `None` if this caller may not see them.
    pub(super) tags: Option<BTreeMap<String, String>>,
    pub(super) concurrency: Option<u32>,
    pub(super) arn: String,
    pub(super) revision: Option<String>,
    /// `true` if a change is in progress.
    pub(super) is_changing: bool,
    /// Reason why its last change failed.
    pub(super) broken: Option<String>,
    /// `true` if the log group exists.
    pub(super) has_log_group: bool,
    /// Days; `None` means for ever.
    pub(super) retention: Option<u32>,
    pub(super) url: Option<FunctionUrl>,
    /// Statements that allow calls without an identity.
    pub(super) grants: Grants,
    /// The version that the stage's alias points to.
    pub(super) alias: Option<Published>,
    /// Policies of its role, if they were requested and the role is one that this program created
    /// for the function.
    pub(super) held: Option<Held>,
}

/// Settings that a published version shares with the function.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Settings {
    /// Of the zip, in Base64.
    pub(super) sha256: String,
    pub(super) architecture: String,
    pub(super) runtime: String,
    pub(super) handler: String,
    pub(super) memory: u32,
    pub(super) timeout: u32,
    pub(super) storage: u32,
    pub(super) role: String,
    pub(super) tracing: String,
    pub(super) layers: Vec<String>,
    /// `None` if the stage cannot show them, for example without access to the KMS key.
    pub(super) env: Option<BTreeMap<String, String>>,
    pub(super) format: Option<LogFormat>,
    pub(super) application_level: Option<String>,
    pub(super) system_level: Option<String>,
    pub(super) group: String,
    pub(super) vpc: Vpc,
}

/// The version that an alias points to.
#[derive(Clone, Default)]
pub(super) struct Published {
    pub(super) version: String,
    pub(super) description: String,
    pub(super) settings: Settings,
}

/// Parts that are read in addition to the function itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Ask<'a> {
    pub(super) alias: Option<&'a str>,
    pub(super) url: bool,
    /// `true` reads the retention of the log group.
    pub(super) retention: bool,
    /// The log group, if the workspace names it.
    pub(super) group: Option<&'a str>,
    /// `true` reads the policies of the role that this program created for the function.
    pub(super) role: bool,
}

impl Settings {
    fn of(found: &FunctionConfiguration) -> Self {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (environment, logging) = (found.environment(), found.logging_config());
        let hidden = environment.is_some_and(|environment| environment.error().is_some());
        let variables = environment.and_then(|environment| environment.variables());
        let variables =
            variables.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        let name = found.function_name().unwrap_or_default();
        Self {
            sha256: text(found.code_sha256()),
            architecture: found
                .architectures()
                .first()
                .map_or("x86_64", Architecture::as_str)
                .to_owned(),
            runtime: text(found.runtime().map(Runtime::as_str)),
            handler: text(found.handler()),
            memory: found.memory_size().unwrap_or(128) as u32,
            timeout: found.timeout().unwrap_or(3) as u32,
            storage: found.ephemeral_storage().map_or(512, |storage| storage.size() as u32),
            role: text(found.role()),
            tracing: text(
                found.tracing_config().and_then(|tracing| tracing.mode()).map(TracingMode::as_str),
            ),
            layers: found
                .layers()
                .iter()
                .filter_map(|layer| layer.arn().map(str::to_owned))
                .collect(),
            env: (!hidden).then(|| variables.collect()),
            format: logging.and_then(|logging| LogFormat::named(logging.log_format()?.as_str())),
            application_level: logging
                .and_then(|logging| Some(logging.application_log_level()?.as_str().to_owned())),
            system_level: logging
                .and_then(|logging| Some(logging.system_log_level()?.as_str().to_owned())),
            group: log_group::of(logging, name),
            vpc: found.vpc_config().map_or_else(Vpc::default, |vpc| Vpc {
                subnet_ids: vpc.subnet_ids().to_vec(),
                security_group_ids: vpc.security_group_ids().to_vec(),
                ipv6_allowed_for_dual_stack: vpc.ipv6_allowed_for_dual_stack().unwrap_or(false),
            }),
        }
    }
}

impl Remote {
    pub(super) fn of(output: &GetFunctionOutput) -> Self {
        let Some(found) = output.configuration() else { return Self::default() };
        let standing = Standing::of(found);
        let tags =
            output.tags().into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
        Self {
            settings: Settings::of(found),
            is_image: found.package_type() == Some(&PackageType::Image),
            description: found.description().unwrap_or_default().to_owned(),
            tags: output.tags_error().is_none().then(|| tags.collect()),
            concurrency: output
                .concurrency()
                .and_then(aws_sdk_lambda::types::Concurrency::reserved_concurrent_executions)
                .map(|count| count as u32),
            arn: found.function_arn().unwrap_or_default().to_owned(),
            revision: found.revision_id().map(str::to_owned),
            is_changing: standing == Standing::Changing,
            broken: if let Standing::Broken(why) = standing { Some(why) } else { None },
            ..Self::default()
        }
    }

    /// Returns `true` if `now`, which was read later, is the same in the parts that `ask` names.
    /// The revision covers code and configuration, but not the other resources.
    pub(super) fn is_as(&self, now: &Self, ask: Ask<'_>) -> bool {
        let alias = |remote: &Self| remote.alias.as_ref().map(|alias| alias.version.clone());
        let url = |remote: &Self| (remote.url.clone(), remote.grants.clone());
        self.revision == now.revision
            && self.tags == now.tags
            && self.concurrency == now.concurrency
            && alias(self) == alias(now)
            && (!ask.url || url(self) == url(now))
            && (!ask.retention
                || (self.has_log_group, self.retention) == (now.has_log_group, now.retention))
            && (!ask.role || self.held == now.held)
    }

    /// Returns all settings that a deploy could change, in the form of a manifest.
    pub(super) fn config(self) -> FunctionConfig {
        let Settings { memory, timeout, storage, role, tracing, layers, env, vpc, .. } =
            self.settings;
        FunctionConfig {
            memory: Some(memory),
            timeout: Some(timeout),
            ephemeral_storage: Some(storage),
            env: env.unwrap_or_default(),
            role: Some(role),
            description: Some(self.description),
            tracing: Some(if tracing == "Active" { "active" } else { "pass-through" }.to_owned()),
            runtime: Some(self.settings.runtime),
            handler: Some(self.settings.handler),
            layers: Some(layers),
            tags: self.tags.unwrap_or_default(),
            log: LogSettings {
                format: Some(self.settings.format.unwrap_or(LogFormat::Text)),
                application_level: self.settings.application_level,
                system_level: self.settings.system_level,
                group: Some(self.settings.group),
                retention: self.has_log_group.then_some(self.retention.unwrap_or(0)),
            },
            concurrency: Some(
                self.concurrency.map_or(Concurrency::Unreserved, Concurrency::Reserved),
            ),
            url: Some(self.url.map_or(UrlSetting::Absent, UrlSetting::Present)),
            vpc: (!vpc.subnet_ids.is_empty()).then_some(vpc),
            ..FunctionConfig::default()
        }
    }
}

/// Reads the function and the requested parts; `None` if it is not on the stage.
pub(super) async fn get(
    stage: &Stage,
    name: &str,
    ask: Ask<'_>,
) -> Result<Option<Remote>, Failure> {
    // Boxed: the futures of SDK calls are large.
    let function = Box::pin(get_function(stage, name, None));
    let alias = async {
        let Some(alias) = ask.alias else { return Ok(None) };
        let found = Box::pin(get_function(stage, name, Some(alias))).await?;
        Ok(found.and_then(|found| {
            let found = found.configuration()?;
            Some(Published {
                version: found.version().unwrap_or_default().to_owned(),
                description: found.description().unwrap_or_default().to_owned(),
                settings: Settings::of(found),
            })
        }))
    };
    let url = async {
        if ask.url {
            Box::pin(url::get(stage, name, ask.alias)).await
        } else {
            Ok(Default::default())
        }
    };
    let role = roles::role_name(stage, name);
    let held = async {
        if ask.role { Box::pin(roles::held(stage, &role)).await.map(Some) } else { Ok(None) }
    };
    let failed = |error: CallError| error.into_failure(format!("could not read {name}"));
    let (function, alias, url, held) =
        tokio::try_join!(function, alias, url, held).map_err(failed)?;
    let group = ask.group.filter(|group| !group.is_empty());
    let Some(function) = function else { return Ok(None) };
    let mut remote = Remote::of(&function);
    remote.alias = alias;
    (remote.url, remote.grants) = url;
    let is_own = roles::own_name(&remote.settings.role, &stage.info().region) == Some(&role);
    remote.held = held.filter(|_| is_own);
    if ask.retention {
        let kept = Box::pin(log_group(stage, group.unwrap_or(&remote.settings.group)))
            .await
            .map_err(failed)?;
        (remote.has_log_group, remote.retention) = (kept.is_some(), kept.flatten());
    }
    Ok(Some(remote))
}

/// Retention of a log group in days: `None` if there is no such group, `Some(None)` if it keeps
/// lines for ever.
async fn log_group(stage: &Stage, group: &str) -> Result<Option<Option<u32>>, CallError> {
    let answer = stage
        .call(|clients| async move {
            clients.logs().describe_log_groups().log_group_name_prefix(group).send().await
        })
        .await?;
    // The groups with this prefix are returned in order, so the one with the exact name is the
    // first.
    let found = answer.log_groups().iter().find(|found| found.log_group_name() == Some(group));
    Ok(found.map(|found| found.retention_in_days().map(|days| days as u32)))
}
