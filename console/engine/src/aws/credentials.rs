//! Sources of a stage's credentials, their expiry, and the login that renews them.

pub(super) mod assume_role;
pub(super) mod mfa;
pub(super) mod profiles;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_config::profile::Profile;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, future},
};
use aws_types::os_shim_internal::Env;
use lambda_console_model::Remedy;

use super::credentials::profiles::{Named, Profiles, variable};

/// Source of the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The variables `AWS_ACCESS_KEY_ID` and so on.
    Environment,
    /// Keys in the files of this profile.
    Keys(String),
    /// IAM Identity Center, for this profile.
    Sso(String),
    /// A console session of `aws login`, for this profile.
    Console(String),
    /// A program that this profile names.
    Process(String),
    /// A token of an identity provider, which this profile names. `None` means the environment.
    WebIdentity(Option<String>),
    /// The container's credentials.
    Container,
    /// The machine's credentials: its instance role.
    Machine,
    /// A role that is assumed with credentials from elsewhere.
    Role {
        /// The role.
        role: Box<Role>,
        /// Source of the credentials that assume the role.
        with: Box<Self>,
    },
    /// There is no such profile.
    Missing(String),
    /// The profile has no credentials.
    Unknown(String),
}

/// A role as its profile describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) profile: String,
    /// The device whose code is asked for.
    pub(super) mfa: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) session: Option<String>,
    /// Seconds.
    pub(super) duration: Option<i32>,
}

/// Maximum number of roles that are assumed with one another: a longer chain is a cycle.
const LONGEST_CHAIN: usize = 16;

impl Source {
    /// Returns the source of the selected profile's credentials; if no profile is named, the
    /// environment takes precedence.
    pub(super) fn of(env: &Env, profiles: &Profiles) -> Self {
        let is_set = |name| variable(env, name).is_some();
        let is_chosen = profiles.named() == Named::Stage;
        if !is_chosen && is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY") {
            return Self::Environment;
        }
        match Self::walk(profiles, profiles.name(), LONGEST_CHAIN) {
            Self::Missing(_) | Self::Unknown(_)
                if !is_chosen && is_set("AWS_WEB_IDENTITY_TOKEN_FILE") =>
            {
                Self::WebIdentity(None)
            }
            Self::Missing(_) | Self::Unknown(_) if profiles.named() == Named::Nobody => {
                Self::Machine
            }
            source => source,
        }
    }

    /// In the order of the AWS CLI.
    fn walk(profiles: &Profiles, name: &str, depth: usize) -> Self {
        let Some(profile) = profiles.profile(name) else { return Self::Missing(name.to_owned()) };
        let is_first = depth == LONGEST_CHAIN;
        let has_keys = profile.get("aws_access_key_id").is_some();
        if !is_first && has_keys {
            return Self::Keys(name.to_owned());
        }
        if let Some(arn) =
            profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none())
        {
            let with = match profile.get("source_profile") {
                Some(_) if depth == 0 => Self::Unknown(name.to_owned()),
                Some(source) if source != name => Self::walk(profiles, source, depth - 1),
                Some(_) => Self::base(profile),
                None => Self::named(profile),
            };
            return Self::Role { role: Box::new(Role::of(profile, arn)), with: Box::new(with) };
        }
        Self::base(profile)
    }

    fn base(profile: &Profile) -> Self {
        let (name, has) = (profile.name().to_owned(), |key| profile.get(key).is_some());
        if has("credential_source") {
            Self::named(profile)
        } else if has("web_identity_token_file") {
            Self::WebIdentity(Some(name))
        } else if has("sso_session") || has("sso_start_url") {
            Self::Sso(name)
        } else if has("login_session") {
            Self::Console(name)
        } else if has("credential_process") {
            Self::Process(name)
        } else if has("aws_access_key_id") {
            Self::Keys(name)
        } else {
            Self::Unknown(name)
        }
    }

    fn named(profile: &Profile) -> Self {
        match profile.get("credential_source") {
            Some("Environment") => Self::Environment,
            Some("EcsContainer") => Self::Container,
            Some(_) => Self::Machine,
            None => Self::Unknown(profile.name().to_owned()),
        }
    }

    /// A few words for people: `SSO`, `role deployer with SSO`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Environment => "environment".to_owned(),
            Self::Keys(_) => "keys".to_owned(),
            Self::Sso(_) => "SSO".to_owned(),
            Self::Console(_) => "console login".to_owned(),
            Self::Process(_) => "credential process".to_owned(),
            Self::WebIdentity(_) => "web identity".to_owned(),
            Self::Container => "container".to_owned(),
            Self::Machine => "machine".to_owned(),
            Self::Role { role, with } => {
                let mfa = if role.mfa.is_some() { " and MFA" } else { "" };
                format!("role {} with {}{mfa}", role.name(), with.describe())
            }
            Self::Missing(_) => "no such profile".to_owned(),
            Self::Unknown(_) => "none".to_owned(),
        }
    }

    /// Returns the way to renew these credentials if they do not work.
    pub(super) fn login(&self) -> Remedy {
        let command = |command: &str, profile: &str| {
            let of =
                if profile == "default" { String::new() } else { format!(" --profile {profile}") };
            Remedy::Command(format!("aws {command}{of}"))
        };
        let advice = match self {
            Self::Sso(profile) => return command("sso login", profile),
            Self::Console(profile) => return command("login", profile),
            Self::Keys(profile) => return command("configure", profile),
            Self::Missing(profile) | Self::Unknown(profile) => {
                return command("configure sso", profile);
            }
            Self::Role { with, .. } => return with.login(),
            Self::Process(profile) => {
                format!(
                    "run the command in `credential_process` of the profile {profile}: its output \
                    has the reason"
                )
            }
            Self::Environment => "set new values for AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                AWS_SESSION_TOKEN, then start again"
                .to_owned(),
            Self::WebIdentity(None) => {
                "renew the token in the file that AWS_WEB_IDENTITY_TOKEN_FILE names".to_owned()
            }
            Self::WebIdentity(Some(profile)) => {
                format!(
                    "renew the token in the file that `web_identity_token_file` of the profile \
                    {profile} names"
                )
            }
            Self::Container | Self::Machine => {
                "name a profile: --profile, or AWS_PROFILE; `aws configure sso` creates one"
                    .to_owned()
            }
        };
        Remedy::Advice(advice)
    }
}

impl Role {
    fn of(profile: &Profile, arn: &str) -> Self {
        let text = |key| profile.get(key).map(str::to_owned);
        Self {
            arn: arn.to_owned(),
            profile: profile.name().to_owned(),
            mfa: text("mfa_serial"),
            external_id: text("external_id"),
            session: text("role_session_name"),
            duration: profile
                .get("duration_seconds")
                .and_then(|seconds| seconds.trim().parse().ok()),
        }
    }

    /// Its name without the rest of the ARN.
    pub(super) fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }
}

/// Passes credentials on, and notes when they expire.
#[derive(Debug)]
pub(super) struct Watched {
    provider: SharedCredentialsProvider,
    expiry: Expiry,
}

/// Expiry of the credentials that were used last.
#[derive(Clone, Debug, Default)]
pub(super) struct Expiry(Arc<Mutex<Option<SystemTime>>>);

impl Expiry {
    /// In milliseconds since the Unix epoch; `None` if they do not expire, or none were used.
    pub(super) fn at(&self) -> Option<i64> {
        let at = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    fn note(&self, credentials: &Credentials) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = credentials.expiry();
    }
}

impl Watched {
    pub(super) const fn new(provider: SharedCredentialsProvider, expiry: Expiry) -> Self {
        Self { provider, expiry }
    }

    async fn watched(&self) -> provider::Result {
        let credentials = self.provider.provide_credentials().await?;
        self.expiry.note(&credentials);
        Ok(credentials)
    }
}

impl ProvideCredentials for Watched {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.watched())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.provider.fallback_on_interrupt()
    }
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

    use super::*;

    const CONFIG: &str = "
[default]
region = eu-west-1
[profile sso]
sso_session = acme
sso_account_id = 111111111111
sso_role_name = Developer
[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
[profile old-sso]
sso_start_url = https://acme.awsapps.com/start
[profile deployer]
role_arn = arn:aws:iam::222222222222:role/deployer
source_profile = sso
[profile second-device]
role_arn = arn:aws:iam::222222222222:role/admin
source_profile = keys
mfa_serial = arn:aws:iam::222222222222:mfa/me
[profile process]
credential_process = /opt/credentials --token 123
[profile instance]
role_arn = arn:aws:iam::222222222222:role/deployer
credential_source = Ec2InstanceMetadata
[profile container]
role_arn = arn:aws:iam::222222222222:role/deployer
credential_source = EcsContainer
[profile token]
role_arn = arn:aws:iam::222222222222:role/deployer
web_identity_token_file = /t
[profile circle]
role_arn = arn:aws:iam::222222222222:role/a
source_profile = circle-2
[profile circle-2]
role_arn = arn:aws:iam::222222222222:role/b
source_profile = circle
[profile session]
login_session = arn:aws:iam::222222222222:user/me
";

    async fn found(profile: Option<&str>, variables: &[(&str, &str)]) -> Source {
        let keys = "[keys]\naws_access_key_id = a\naws_secret_access_key = b\n";
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, CONFIG)
            .with_contents(EnvConfigFileKind::Credentials, keys)
            .build();
        let env = Env::from_slice(variables);
        let profiles = Profiles::load_from(&env, &files, profile).await.unwrap();
        Source::of(&env, &profiles)
    }

    #[tokio::test]
    async fn each_kind_of_profile_has_its_login() {
        for (profile, kind, login) in [
            ("sso", "SSO", "aws sso login --profile sso"),
            ("old-sso", "SSO", "aws sso login --profile old-sso"),
            ("deployer", "role deployer with SSO", "aws sso login --profile sso"),
            ("keys", "keys", "aws configure --profile keys"),
            ("instance", "role deployer with machine", "name a profile"),
            ("container", "role deployer with container", "name a profile"),
            (
                "process",
                "credential process",
                "run the command in `credential_process` of the profile process",
            ),
            ("second-device", "role admin with keys and MFA", "aws configure --profile keys"),
            ("session", "console login", "aws login --profile session"),
            (
                "token",
                "web identity",
                "renew the token in the file that `web_identity_token_file` of the profile token",
            ),
            ("nobody", "no such profile", "aws configure sso --profile nobody"),
        ] {
            let source = found(Some(profile), &[]).await;
            assert_eq!(source.describe(), kind, "{profile}");
            let (Remedy::Command(text) | Remedy::Advice(text)) = source.login();
            assert!(text.starts_with(login), "{profile}: {text}");
            assert!(!text.contains("123"), "what the process is called with stays a secret");
        }
    }

    #[tokio::test]
    async fn roles_in_a_circle_come_to_an_end() {
        assert!(matches!(found(Some("circle"), &[]).await, Source::Role { .. }));
    }

    #[tokio::test]
    async fn variables_count_only_where_no_profile_is_named() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        assert_eq!(found(None, &keys).await, Source::Environment);
        assert_eq!(found(Some("sso"), &keys).await, Source::Sso("sso".into()));
        assert_eq!(found(None, &[("AWS_PROFILE", "sso")]).await, Source::Sso("sso".into()));
        assert_eq!(found(None, &[("AWS_DEFAULT_PROFILE", "sso")]).await, Source::Sso("sso".into()));
        assert_eq!(
            found(None, &[]).await,
            Source::Machine,
            "the default profile has a region only"
        );
        assert_eq!(
            found(None, &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")]).await,
            Source::WebIdentity(None)
        );
    }
}
