//! Differences between the workspace and the stage. Pure.

use std::collections::BTreeMap;

use lambda_console_model::{
    Change, Concurrency, Failure, Field, FunctionConfig, LogFormat, NewValue, UrlAuth, UrlSetting,
    Vpc, settings::MASK, short_sha256,
};

use super::{
    code::Code,
    remote::{Remote, Settings},
    url,
};
use crate::{
    aws::{log_group, naming::hex_of},
    resources::roles::{self, Held, RolePolicies},
};

/// The settings that differ, gathered one by one.
pub(super) struct Diff {
    pub(super) changes: Vec<Change>,
}

impl Diff {
    /// Sets `field` to `to`; does nothing if it is already.
    pub(super) fn set(&mut self, field: Field, from: Option<String>, to: impl Into<String>) {
        let to = to.into();
        if from.as_ref() != Some(&to) {
            self.changes.push(Change { field, from, to: NewValue::Set(to) });
        }
    }

    /// Removes `field`, which is set.
    pub(super) fn remove(&mut self, field: Field, from: &str) {
        self.changes.push(Change { field, from: Some(from.to_owned()), to: NewValue::Removed });
    }
}

/// Target state of a function, from the workspace.
#[derive(Clone)]
pub(super) struct Wanted {
    /// Its name on the stage.
    pub(super) name: String,
    /// `None` keeps the code; then the function must exist.
    pub(super) code: Option<Code>,
    pub(super) config: FunctionConfig,
    /// `None` keeps the present one, or creates one.
    pub(super) role: Option<String>,
    /// Policies of the role that this program creates; `None` if another role is named.
    pub(super) policies: Option<RolePolicies>,
    /// The name of that role.
    pub(super) own_role: String,
    /// The alias that points to the deployed version.
    pub(super) alias: Option<String>,
}

/// Returns the settings that differ. Settings that the workspace does not contain are kept and do
/// not appear.
///
/// # Errors
/// Returns an error if this console may not replace the function on the stage, or the settings
/// contradict each other.
pub(super) fn changes(wanted: &Wanted, found: Option<&Remote>) -> Result<Vec<Change>, Failure> {
    let config = &wanted.config;
    if let Some(found) = found {
        refuse_foreign(found)?;
        if found.settings.env.is_none() && (!config.env.is_empty() || config.env_replace) {
            return Err(Failure::work(
                "could not compare the environment variables",
                "the stage does not show their values to this caller",
                "use a profile that may decrypt them (kms:Decrypt)",
            ));
        }
    }
    let mut diff = Diff { changes: Vec::new() };
    let now = found.map(|found| &found.settings);
    if let Some(why) = found.and_then(|found| found.broken.as_ref()) {
        diff.set(Field::State, Some(format!("failed: {why}")), "active");
    }
    if let Some(code) = &wanted.code {
        diff.set(Field::Code, now.map(|now| short(&now.sha256)), short(&code.sha256));
        diff.set(
            Field::Architecture,
            now.map(|now| now.architecture.clone()),
            code.architecture.name(),
        );
    }
    settings(wanted, found, now, &mut diff);
    role(wanted, found, &mut diff);
    logs(wanted, found, now, &mut diff)?;
    vpc(config.vpc.as_ref(), now, &mut diff);
    environment(config, now, &mut diff);
    for (name, value) in &config.tags {
        let from = found.and_then(|found| found.tags.as_ref()?.get(name).cloned());
        diff.set(Field::Tag(name.clone()), from, value);
    }
    if let Some(concurrency) = config.concurrency {
        let from = found.map(|found| count(found.concurrency));
        let is_default = found.is_none() && concurrency == Concurrency::Unreserved;
        if !is_default {
            diff.set(Field::Concurrency, from, concurrency.to_string());
        }
    }
    if let Some(alias) = &wanted.alias {
        publication(alias, found, &mut diff);
    }
    if let Some(setting) = &config.url {
        let grants = found.map(|found| found.grants.clone()).unwrap_or_default();
        url::compare(setting, found.and_then(|found| found.url.as_ref()), &grants, &mut diff);
    }
    Ok(diff.changes)
}

/// Compares settings that are numbers or texts.
fn settings(wanted: &Wanted, found: Option<&Remote>, now: Option<&Settings>, diff: &mut Diff) {
    let config = &wanted.config;
    if let Some(runtime) = &config.runtime {
        diff.set(Field::Runtime, now.map(|now| now.runtime.clone()), runtime);
    }
    if let Some(handler) = &config.handler {
        diff.set(Field::Handler, now.map(|now| now.handler.clone()), handler);
    }
    if let Some(memory) = config.memory {
        diff.set(Field::Memory, now.map(|now| megabytes(now.memory)), megabytes(memory));
    }
    if let Some(timeout) = config.timeout {
        diff.set(Field::Timeout, now.map(|now| seconds(now.timeout)), seconds(timeout));
    }
    if let Some(storage) = config.ephemeral_storage {
        diff.set(
            Field::EphemeralStorage,
            now.map(|now| megabytes(now.storage)),
            megabytes(storage),
        );
    }
    if let Some(role) = &wanted.role {
        diff.set(Field::Role, now.map(|now| now.role.clone()), role);
    }
    if let Some(description) = &config.description {
        text(diff, Field::Description, found.map(|found| found.description.clone()), description);
    }
    if let Some(mode) = tracing(config) {
        diff.set(Field::Tracing, now.map(|now| now.tracing.clone()), mode);
    }
    if let Some(layers) = &config.layers {
        text(diff, Field::Layers, now.map(|now| now.layers.join(", ")), &layers.join(", "));
    }
}

/// Compares the policies of the role that this program creates for the function; for a new
/// function, adds the role.
fn role(wanted: &Wanted, found: Option<&Remote>, diff: &mut Diff) {
    let none = Held::default();
    let Some(policies) = &wanted.policies else { return };
    let held = match found {
        None => {
            diff.set(Field::Role, None, format!("{}, made for it", wanted.own_role));
            Some(&none)
        }
        Some(found) => found.held.as_ref().filter(|_| policies.is_asked()),
    };
    let Some(held) = held else { return };
    let field = |arn: &str| Field::RolePolicy(arn.rsplit('/').next().unwrap_or(arn).to_owned());
    for arn in policies.lacking(held) {
        diff.set(field(arn), None, "attached");
    }
    for arn in policies.surplus(held) {
        diff.remove(field(arn), "attached");
    }
    let Some(statements) = policies.differing(held) else { return };
    match (held.shown(), roles::shown(statements)) {
        (from, Some(to)) => diff.set(Field::RoleStatements, from, to),
        (Some(from), None) => diff.remove(Field::RoleStatements, &from),
        (None, None) => {}
    }
}

/// Compares a text that is empty if it is not set.
fn text(diff: &mut Diff, field: Field, from: Option<String>, to: &str) {
    let from = from.filter(|from| !from.is_empty());
    match (&from, to) {
        (None, "") => {}
        (Some(from), "") => diff.remove(field, from),
        _ => diff.set(field, from, to),
    }
}

fn logs(
    wanted: &Wanted,
    found: Option<&Remote>,
    now: Option<&Settings>,
    diff: &mut Diff,
) -> Result<(), Failure> {
    let log = &wanted.config.log;
    let format_now = now.map(|now| now.format.unwrap_or(LogFormat::Text));
    let format = log.format.or(format_now).unwrap_or(LogFormat::Text);
    if format == LogFormat::Text && (log.application_level.is_some() || log.system_level.is_some())
    {
        return Err(Failure::usage(
            "could not set the log levels",
            "text logs have no levels: Lambda filters by level only in JSON",
            "add log_format = \"json\", or leave the levels out",
        ));
    }
    if let Some(wanted) = log.format
        && (found.is_some() || wanted != LogFormat::Text)
    {
        diff.set(
            Field::LogFormat,
            format_now.map(|format| format.name().to_owned()),
            wanted.name(),
        );
    }
    let level = |level: fn(&Settings) -> &Option<String>| now.and_then(|now| level(now).clone());
    if let Some(wanted) = &log.application_level {
        diff.set(Field::LogApplicationLevel, level(|now| &now.application_level), wanted);
    }
    if let Some(wanted) = &log.system_level {
        diff.set(Field::LogSystemLevel, level(|now| &now.system_level), wanted);
    }
    if let Some(group) = &log.group {
        let from = now.map(|now| now.group.clone());
        match (group.as_str(), found) {
            ("", None) => {}
            ("", Some(_)) => diff.set(Field::LogGroup, from, log_group::default(&wanted.name)),
            (group, _) => diff.set(Field::LogGroup, from, group),
        }
    }
    if let Some(days) = log.retention {
        let has_group = found.is_some_and(|found| found.has_log_group);
        let from = has_group.then(|| kept(found.and_then(|found| found.retention).unwrap_or(0)));
        if has_group || days != 0 {
            diff.set(Field::LogRetention, from, kept(days));
        }
    }
    Ok(())
}

fn vpc(wanted: Option<&Vpc>, now: Option<&Settings>, diff: &mut Diff) {
    let line = |vpc: &Vpc| {
        let sorted = |ids: &[String]| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids.join(", ")
        };
        if vpc.subnet_ids.is_empty() {
            return String::new();
        }
        let ipv6 = if vpc.ipv6_allowed_for_dual_stack { "; IPv6" } else { "" };
        format!("{}; {}{ipv6}", sorted(&vpc.subnet_ids), sorted(&vpc.security_group_ids))
    };
    if let Some(wanted) = wanted {
        text(diff, Field::Vpc, now.map(|now| line(&now.vpc)), &line(wanted));
    }
}

fn environment(config: &FunctionConfig, now: Option<&Settings>, diff: &mut Diff) {
    let present = now.and_then(|now| now.env.as_ref());
    for (name, value) in &config.env {
        let was = present.and_then(|env| env.get(name));
        if was != Some(value) {
            let from = was.map(|_| MASK.to_owned());
            diff.changes.push(Change {
                field: Field::Env(name.clone()),
                from,
                to: NewValue::Set(MASK.to_owned()),
            });
        }
    }
    if config.env_replace {
        let gone =
            present.into_iter().flatten().filter(|(name, _)| !config.env.contains_key(*name));
        gone.for_each(|(name, _)| diff.remove(Field::Env(name.clone()), MASK));
    }
}

/// Checks the alias, which must point to a version equal to the function after the deploy. Its
/// present version is equal, unless anything that a version keeps is about to change or has changed
/// since.
fn publication(alias: &str, found: Option<&Remote>, diff: &mut Diff) {
    let published = found.and_then(|found| found.alias.as_ref());
    let kept_by_versions = |field: &Field| {
        !matches!(
            field,
            Field::Concurrency | Field::Tag(_) | Field::Description | Field::LogRetention
        ) && !field.is_of_role()
    };
    let changes = diff.changes.iter().any(|change| kept_by_versions(&change.field));
    let is_current =
        published.zip(found).is_some_and(|(published, found)| published.settings == found.settings);
    if changes || !is_current {
        let from = published.map(|published| published.version.clone());
        diff.set(Field::Alias(alias.to_owned()), from, "a new version");
    }
}

/// Returns `true` if everybody may call the function through its URL afterwards, but not now.
pub(super) fn opens(wanted: &Wanted, found: Option<&Remote>) -> bool {
    let will =
        matches!(&wanted.config.url, Some(UrlSetting::Present(url)) if url.auth == UrlAuth::None);
    let is = found.is_some_and(|found| {
        found.grants.are_open() && found.url.as_ref().is_some_and(|url| url.auth == UrlAuth::None)
    });
    will && !is
}

/// The environment after the deploy: the variables on the stage, overridden by the workspace's.
pub(super) fn merged_env(
    config: &FunctionConfig,
    found: Option<&Remote>,
) -> BTreeMap<String, String> {
    let present =
        found.filter(|_| !config.env_replace).and_then(|found| found.settings.env.clone());
    let mut env = present.unwrap_or_default();
    env.extend(config.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    env
}

/// The value of an environment variable on the stage.
pub(super) fn variable<'r>(found: Option<&'r Remote>, name: &str) -> Option<&'r String> {
    found?.settings.env.as_ref()?.get(name)
}

/// The tracing mode as AWS spells it.
pub(super) fn tracing(config: &FunctionConfig) -> Option<&'static str> {
    let mode = config.tracing.as_deref()?;
    Some(if mode.eq_ignore_ascii_case("active") { "Active" } else { "PassThrough" })
}

/// Refuses to replace a function of the same name that someone wrote in another language.
fn refuse_foreign(found: &Remote) -> Result<(), Failure> {
    let runtime = found.settings.runtime.as_str();
    let kind = if found.is_image {
        "a container image"
    } else if runtime.starts_with("provided") {
        return Ok(());
    } else {
        runtime
    };
    Err(Failure::work(
        "could not replace the function on the stage",
        format!("the function of this name there is {kind}, not a bootstrap"),
        "rename the binary, give the stage a prefix, or delete that function",
    ))
}

/// The first digits of a digest.
fn short(sha256: &str) -> String {
    short_sha256(&hex_of(sha256)).to_owned()
}

fn megabytes(memory: u32) -> String {
    format!("{memory} MB")
}

fn seconds(timeout: u32) -> String {
    format!("{timeout} s")
}

fn kept(days: u32) -> String {
    match days {
        0 => "for ever".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn count(reserved: Option<u32>) -> String {
    reserved.map_or(Concurrency::Unreserved, Concurrency::Reserved).to_string()
}
