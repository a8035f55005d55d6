//! The profiles of the AWS CLI's files, and the selected one.
//!
//! The files are read with AWS's own parser; keys and tokens are not modified.

use std::collections::BTreeSet;

use aws_config::profile::{self, Profile, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use lambda_console_model::{Failure, Remedy};

use crate::aws::account::no_answer::causes;

/// The profile if none is named.
const DEFAULT: &str = "default";

/// Returns the value of a variable that is set and not empty.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    env.get(name).ok().filter(|value| !value.is_empty())
}

/// The profiles, one of them selected.
#[derive(Clone, Debug)]
pub(crate) struct Profiles {
    set: ProfileSet,
    name: String,
    named: Named,
}

/// Source of the selected profile's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The stage, or `--profile`.
    Stage,
    /// This variable.
    Variable(&'static str),
    /// Not named: it is the default.
    Nobody,
}

impl Profiles {
    /// Reads the files and selects `profile`, or the one that the environment names, or the
    /// default.
    ///
    /// # Errors
    /// Returns an error if a file cannot be read or parsed.
    pub(crate) async fn load(env: &Env, profile: Option<&str>) -> Result<Self, Failure> {
        Self::load_from(env, &EnvConfigFiles::default(), profile).await
    }

    pub(crate) async fn load_from(
        env: &Env,
        files: &EnvConfigFiles,
        profile: Option<&str>,
    ) -> Result<Self, Failure> {
        let of_env = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
            .into_iter()
            .find_map(|name| Some((variable(env, name)?, name)));
        let (name, named) = match (profile, of_env) {
            (Some(profile), _) => (profile.to_owned(), Named::Stage),
            (None, Some((profile, variable))) => (profile, Named::Variable(variable)),
            (None, None) => (DEFAULT.to_owned(), Named::Nobody),
        };
        let loaded = profile::load(&Fs::real(), env, files, Some(name.clone().into())).await;
        let set = loaded.map_err(|error| {
            let why = causes(&error).map(ToString::to_string).collect::<Vec<_>>().join(": ");
            Failure::environment(
                "could not read the AWS profiles",
                why,
                "fix the file; `aws configure list` checks it",
            )
        })?;
        Ok(Self { set, name, named })
    }

    /// The name of the selected profile.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the source of the profile's name.
    pub(crate) const fn named(&self) -> Named {
        self.named
    }

    /// A value of the selected profile.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.profile(&self.name)?.get(key).map(str::to_owned)
    }

    /// The profile of this name.
    pub(crate) fn profile(&self, name: &str) -> Option<&Profile> {
        self.set.get_profile(name)
    }

    /// Checks that the selected profile exists, unless it is the default.
    ///
    /// # Errors
    /// Returns an error if it does not exist.
    pub(crate) fn present(&self) -> Result<(), Failure> {
        let by = match self.named {
            Named::Nobody => return Ok(()),
            Named::Stage => String::new(),
            Named::Variable(variable) => format!(", which {variable} names"),
        };
        match self.profile(&self.name) {
            Some(_) => Ok(()),
            None => Err(self.missing(&self.name, &by)),
        }
    }

    /// Returns the failure for a missing profile, with the names of the existing ones.
    pub(crate) fn missing(&self, name: &str, by: &str) -> Failure {
        let names: BTreeSet<&str> = self.set.profiles().collect();
        let known = match names.len() {
            0 => "there are no profiles".to_owned(),
            1 => format!("the only profile is {}", names.iter().copied().collect::<String>()),
            _ => {
                format!("the profiles are {}", names.iter().copied().collect::<Vec<_>>().join(", "))
            }
        };
        Failure::login(
            "could not connect to AWS",
            format!("there is no AWS profile {name}{by}; {known}"),
            Remedy::Command(format!("aws configure sso --profile {name}")),
        )
    }
}
