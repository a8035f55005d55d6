//! A function as it is exported: its name and settings on the stage, its role, its secrets, and its
//! names in the syntax of each tool. Pure.

use std::collections::BTreeMap;

use lambda_console_model::{
    Architecture, Concurrency, Failure, Function, FunctionConfig, FunctionUrl, LogFormat,
    UrlSetting, Vpc,
};
use serde_json::Value;

use super::secret;
use crate::{
    aws::{log_group, stage::settings::StageSettings},
    resources::roles::RolePolicies,
};

/// A function for the templates.
#[derive(Clone, Debug)]
pub(super) struct Exported {
    /// Its name in the workspace, from which the names in the files are derived.
    pub(super) own: String,
    /// Its name on the stage.
    pub(super) name: String,
    pub(super) package: String,
    pub(super) binary: String,
    pub(super) architecture: Architecture,
    /// Path of the zip from the directory of the files, with slashes.
    pub(super) zip: String,
    pub(super) role: Role,
    /// Variables in the order of their names; `None` if the value is a secret.
    pub(super) env: Vec<(String, Option<String>)>,
    /// Name of the log group.
    pub(super) group: String,
    pub(super) alias: Option<String>,
    /// Bucket of the zip.
    pub(super) bucket: Option<String>,
    pub(super) config: FunctionConfig,
}

/// Execution role.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    /// A role that exists: its ARN, maybe with placeholders of the place.
    Given(String),
    /// A role of its own: the ARNs of its policies and the statements of its inline policy, with
    /// placeholders of the place.
    Own { attached: Vec<String>, statements: Vec<Value> },
}

impl Exported {
    /// Returns `function` as it is on a stage with these settings. `zip` is the path of its zip.
    pub(super) fn of(
        function: &Function,
        stage: &StageSettings,
        zip: String,
    ) -> Result<Self, Failure> {
        let config = function.config.clone();
        let [prefix, suffix] =
            [&stage.prefix, &stage.suffix].map(|part| part.as_deref().unwrap_or_default());
        let name = format!("{prefix}{}{suffix}", function.name);
        if !FunctionConfig::is_name(&name) {
            return Err(refused(
                &function.name,
                format!("its name on the stage is `{name}`; AWS accepts {}", FunctionConfig::NAME),
                "change the prefix or the suffix of the stage",
            ));
        }
        let log = &config.log;
        let has_levels = log.application_level.is_some() || log.system_level.is_some();
        if has_levels && log.format != Some(LogFormat::Json) {
            return Err(refused(
                &function.name,
                "text logs have no levels: Lambda filters by level only in JSON".to_owned(),
                "add log_format = \"json\", or leave the levels out",
            ));
        }
        let env = config.env.iter().map(|(name, value)| {
            let is_secret = config.env_of_files.contains(name) || secret::is_likely(name, value);
            (name.clone(), (!is_secret).then(|| value.clone()))
        });
        Ok(Self {
            own: function.name.clone(),
            package: function.package.clone(),
            binary: function.binary.clone(),
            architecture: architecture(function),
            zip,
            role: role(&function.name, &config, stage)?,
            env: env.collect(),
            group: log
                .group
                .clone()
                .filter(|group| !group.is_empty())
                .unwrap_or_else(|| log_group::default(&name)),
            alias: stage.alias.clone(),
            bucket: config
                .s3_bucket
                .clone()
                .or_else(|| stage.bucket.clone())
                .filter(|bucket| !bucket.is_empty()),
            name,
            config,
        })
    }

    /// Returns the names of its secret variables.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &String> {
        self.env.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| name)
    }

    /// Returns the runtime.
    pub(super) fn runtime(&self) -> &str {
        self.config.runtime.as_deref().unwrap_or("provided.al2023")
    }

    /// Returns the handler.
    pub(super) fn handler(&self) -> &str {
        self.config.handler.as_deref().unwrap_or("bootstrap")
    }

    /// Returns the URL, if it has one.
    pub(super) const fn url(&self) -> Option<&FunctionUrl> {
        match &self.config.url {
            Some(UrlSetting::Present(url)) => Some(url),
            Some(UrlSetting::Absent) | None => None,
        }
    }

    /// Returns the VPC, if it is attached to one.
    pub(super) fn vpc(&self) -> Option<&Vpc> {
        self.config.vpc.as_ref().filter(|vpc| !vpc.subnet_ids.is_empty())
    }

    /// Returns the reserved concurrency, if there is one.
    pub(super) const fn reserved(&self) -> Option<u32> {
        match self.config.concurrency {
            Some(Concurrency::Reserved(count)) => Some(count),
            Some(Concurrency::Unreserved) | None => None,
        }
    }

    /// Returns the mode of X-Ray, as AWS spells it.
    pub(super) fn tracing(&self) -> Option<&'static str> {
        match self.config.tracing.as_deref() {
            Some("active") => Some("Active"),
            Some(_) => Some("PassThrough"),
            None => None,
        }
    }

    /// Returns the format of its logs.
    pub(super) fn log_format(&self) -> &'static str {
        self.config.log.format.unwrap_or(LogFormat::Text).name()
    }

    /// Returns the days that its log lines are kept; `None` for ever.
    pub(super) fn retention(&self) -> Option<u32> {
        self.config.log.retention.filter(|days| *days > 0)
    }

    /// Returns its name in Terraform: `greet_user`.
    pub(super) fn snake(&self) -> String {
        let name = self.own.replace('-', "_");
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            format!("_{name}")
        } else {
            name
        }
    }

    /// Returns its name in `CloudFormation`: `GreetUser`.
    pub(super) fn pascal(&self) -> String {
        pascal(&self.own)
    }

    /// Returns its name in TypeScript, before the kind of the resource: `greetUser`.
    pub(super) fn camel(&self) -> String {
        let name = self.pascal();
        let mut characters = name.chars();
        match characters.next() {
            Some(first) if first.is_ascii_digit() => format!("_{name}"),
            Some(first) => first.to_ascii_lowercase().to_string() + characters.as_str(),
            None => "_".to_owned(),
        }
    }
}

/// The architecture to export: that of the manifest, else that of the build, if AWS has it.
fn architecture(function: &Function) -> Architecture {
    [function.config.architecture, Some(function.architecture)]
        .into_iter()
        .flatten()
        .find(|one| *one != Architecture::Native)
        .unwrap_or_default()
}

fn role(function: &str, config: &FunctionConfig, stage: &StageSettings) -> Result<Role, Failure> {
    let Some(role) = config.role.as_ref().or(stage.role.as_ref()) else {
        let RolePolicies { attached, statements, .. } = RolePolicies::unplaced(config);
        return Ok(Role::Own { attached, statements: statements.unwrap_or_default() });
    };
    let path = if let Some(arn) = role.strip_prefix("arn:") {
        let parts: Vec<&str> = arn.splitn(5, ':').collect();
        let is_account = |account: &str| {
            account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit())
        };
        match parts.as_slice() {
            [partition, "iam", "", account, role]
                if partition.starts_with("aws") && is_account(account) =>
            {
                role.strip_prefix("role/")
            }
            _ => None,
        }
    } else {
        let path = role.trim_start_matches('/');
        Some(path.strip_prefix("role/").unwrap_or(path))
    };
    let is_name = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|one| one.is_ascii_alphanumeric() || b"+=,.@_-".contains(&one))
    };
    let Some(path) = path.filter(|path| path.split('/').all(is_name)) else {
        return Err(refused(
            function,
            format!("`{role}` is neither the ARN nor the name of a role"),
            "correct `role` in its settings or in the stage's",
        ));
    };
    if role.starts_with("arn:") {
        return Ok(Role::Given(role.clone()));
    }
    Ok(Role::Given(format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{path}")))
}

/// Joins the words of a name: `greet-user` is `GreetUser`, `DATABASE_URL` is `DatabaseUrl`.
fn pascal(name: &str) -> String {
    let word = |word: &str| {
        let mut characters = word.chars();
        let first = characters.next().map(|first| first.to_ascii_uppercase());
        let is_loud = !word.contains(|one: char| one.is_ascii_lowercase());
        let rest = characters.as_str();
        let rest = if is_loud { rest.to_ascii_lowercase() } else { rest.to_owned() };
        first.into_iter().collect::<String>() + &rest
    };
    let joined: String = name.split(['-', '_']).filter(|part| !part.is_empty()).map(word).collect();
    if joined.is_empty() { "X".to_owned() } else { joined }
}

/// The name of the parameter of a template with the value of a secret variable.
pub(super) fn parameter(function: &Exported, variable: &str) -> String {
    format!("{}Env{}", function.pascal(), pascal(variable))
}

/// The names of all these parameters of a function, and what has them.
pub(super) fn parameters(function: &Exported) -> impl Iterator<Item = (String, String)> {
    function.secrets().map(|variable| {
        let thing = format!("the variable {variable} of {}", function.own);
        (parameter(function, variable), thing)
    })
}

/// Checks that no two things have one name in the files. `names` are the name in the files and what
/// has it.
pub(super) fn unique(names: impl IntoIterator<Item = (String, String)>) -> Result<(), Failure> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (name, thing) in names {
        if let Some(other) = seen.insert(name.clone(), thing.clone()) {
            let why = format!("{other} and {thing} would both be `{name}` in the files");
            return Err(Failure::usage(
                "could not export the functions",
                why,
                "rename one of them, or export them one by one, each to its own --out",
            ));
        }
    }
    Ok(())
}

/// Checks that functions with one log group agree on its retention.
pub(super) fn check_groups(functions: &[Exported]) -> Result<(), Failure> {
    let mut seen: BTreeMap<&str, &Exported> = BTreeMap::new();
    for function in functions {
        let Some(other) = seen.insert(&function.group, function) else { continue };
        if other.retention() != function.retention() {
            return Err(refused(
                &function.own,
                format!("{} keeps the lines of {} for another time", other.own, function.group),
                "give both the same log_retention",
            ));
        }
    }
    Ok(())
}

/// Returns `true` if `functions[at]` is the first one with its log group, which it declares.
pub(super) fn declares_group(functions: &[Exported], function: &Exported) -> bool {
    group_owner(functions, function).own == function.own
}

/// Returns the function that declares the log group of `function`.
pub(super) fn group_owner<'a>(functions: &'a [Exported], function: &'a Exported) -> &'a Exported {
    functions.iter().find(|other| other.group == function.group).unwrap_or(function)
}

fn refused(function: &str, why: String, hint: &str) -> Failure {
    Failure::usage(format!("could not export {function}"), why, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(role: Option<&str>) -> Result<Role, Failure> {
        let config = FunctionConfig { role: role.map(str::to_owned), ..FunctionConfig::default() };
        super::role("hello", &config, &StageSettings::default())
    }

    #[test]
    fn a_role_is_an_arn_a_path_or_a_name() {
        let given = |role| match exported(Some(role)) {
            Ok(Role::Given(arn)) => arn,
            other => panic!("{role}: {other:?}"),
        };
        let foreign = "arn:aws-us-gov:iam::999999999999:role/team/a+b@c";
        assert_eq!(given(foreign), foreign);
        let here = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/";
        for (role, path) in
            [("own", "own"), ("/team/own", "team/own"), ("role/team/own", "team/own")]
        {
            assert_eq!(given(role), format!("{here}{path}"));
        }
        for wrong in [
            "",
            "a b",
            "a//b",
            "own/",
            "${x}",
            "arn:aws:iam::123:role/a",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:lambda:eu-west-1:123456789012:function:a",
            "arn:aws:iam::123456789012:role/",
        ] {
            let failure = exported(Some(wrong)).expect_err(wrong);
            assert_eq!(failure.kind.exit_code(), 2, "{failure}");
        }
        assert!(matches!(exported(None), Ok(Role::Own { .. })));
    }

    #[test]
    fn names_are_made_of_the_words_of_others() {
        for (name, expected) in [
            ("greet-user", "GreetUser"),
            ("greet_user", "GreetUser"),
            ("greetUser", "GreetUser"),
            ("1st", "1st"),
            ("DATABASE_URL", "DatabaseUrl"),
            ("-_-", "X"),
        ] {
            assert_eq!(pascal(name), expected);
        }
        let pair = |name: &str| (pascal(name), format!("the function {name}"));
        assert!(unique(["a-b", "ab", "a"].map(pair)).is_ok());
        let failure = unique(["a-b", "a_b"].map(pair)).unwrap_err();
        assert_eq!(
            failure.why,
            "the function a-b and the function a_b would both be `AB` in the files"
        );
    }
}
