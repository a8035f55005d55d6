//! An account on AWS as described by the user's files and environment: profile, region,
//! credentials, and proxies and certificates.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, ecs::EcsCredentialsProvider,
    environment::EnvironmentVariableCredentialsProvider, identity::IdentityCache,
    imds::credentials::ImdsCredentialsProvider, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::SharedHttpClient, runtime_components::RuntimeComponents,
};
use aws_smithy_types::retry::RetryConfig;
use aws_types::os_shim_internal::Env;
use lambda_console_model::Failure;

use self::proxy::Proxies;
use super::{
    clients::{READ_TIMEOUT, timeouts},
    credentials::{
        Source,
        assume_role::Assumed,
        mfa::Asker,
        profiles::{Named, Profiles, variable},
    },
    stage::settings::StageSettings,
};

mod certificates;
pub(in crate::aws) mod no_answer;
pub(super) mod proxy;

/// Longest time to get credentials: a program that provides them, or an MFA code, may wait for a
/// person.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_mins(10);

/// Profiles, region and credentials of a stage on AWS.
pub(super) struct Account {
    env: Env,
    profiles: Profiles,
    region: Option<Region>,
    source: Source,
}

impl Account {
    /// Reads the profile and region that `settings` name.
    ///
    /// # Errors
    /// Returns an error if the AWS CLI's files cannot be read, or have no such profile.
    pub(super) async fn read(settings: &StageSettings, env: Env) -> Result<Self, Failure> {
        let profiles = Profiles::load(&env, settings.profile.as_deref()).await?;
        let source = Source::of(&env, &profiles);
        Ok(Self { env, profiles, region: settings.region.clone().map(Region::new), source })
    }

    /// Returns the source of the credentials.
    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the configuration for SDK clients; `asker` asks for codes of MFA devices when they
    /// are needed.
    ///
    /// # Errors
    /// Returns an error if the profile, its region, its credentials or its certificates are
    /// missing.
    pub(super) async fn config(&self, asker: &Asker) -> Result<SdkConfig, Failure> {
        self.profiles.present()?;
        let http = self.http()?;
        let config = self.loaded(self.profiles.name(), http).await;
        if config.region().is_none() {
            return Err(Failure::environment(
                "could not connect to AWS",
                format!("no region is configured for the profile {}", self.profiles.name()),
                "pass --region, or set one in the stage or the profile",
            ));
        }
        // The SDK itself assumes the roles of profiles, but does not ask for codes.
        let (mut roles, mut base) = (Vec::new(), &self.source);
        while let Source::Role { role, with } = base {
            roles.push(role);
            base = with;
        }
        let mut provider = match roles.last() {
            Some(last) => self.base(base, &last.profile, &config).await?,
            None => match self.before_environment(self.profiles.name(), &config) {
                Some(provider) => provider,
                None => return Ok(config),
            },
        };
        for role in roles.into_iter().rev() {
            let role =
                Assumed::new(role.as_ref().clone(), provider, &config, &self.env, asker.clone());
            provider = SharedCredentialsProvider::new(role);
        }
        Ok(config.into_builder().credentials_provider(provider).build())
    }

    /// The HTTP client of all calls, including those of credential providers.
    fn http(&self) -> Result<SharedHttpClient, Failure> {
        let trusted = certificates::trusted(&self.env, &self.profiles)?;
        Ok(Proxies::of(&self.env).client(|proxy| client(proxy, &trusted)))
    }

    /// The configuration of `profile`.
    async fn loaded(&self, profile: &str, http: SharedHttpClient) -> SdkConfig {
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .profile_name(profile)
            .http_client(http)
            .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS_TIMEOUT).build())
            .retry_config(RetryConfig::standard())
            .timeout_config(timeouts(READ_TIMEOUT));
        let loader = match &self.region {
            Some(region) => loader.region(region.clone()),
            None => loader,
        };
        loader.load().await
    }

    /// The credentials of `profile`. `None` means those of the default chain, which checks the
    /// environment first and then the profile: credentials of a profile that was selected take
    /// precedence over keys of the environment, which may be another account's.
    fn before_environment(
        &self,
        profile: &str,
        config: &SdkConfig,
    ) -> Option<SharedCredentialsProvider> {
        let is_chosen = self.profiles.named() == Named::Stage;
        let is_hidden = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"]
            .iter()
            .any(|it| variable(&self.env, it).is_some());
        if !is_chosen || !is_hidden {
            return None;
        }
        let provider = ProfileFileCredentialsProvider::builder()
            .profile_name(profile)
            .configure(&sdk(config))
            .build();
        Some(SharedCredentialsProvider::new(provider))
    }

    /// The credentials that the first role is assumed with, which `profile` describes.
    async fn base(
        &self,
        source: &Source,
        profile: &str,
        config: &SdkConfig,
    ) -> Result<SharedCredentialsProvider, Failure> {
        let found = match source {
            Source::Environment => {
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
            }
            Source::Container => SharedCredentialsProvider::new(
                EcsCredentialsProvider::builder().configure(&sdk(config)).build(),
            ),
            Source::Machine => SharedCredentialsProvider::new(
                ImdsCredentialsProvider::builder().configure(&sdk(config)).build(),
            ),
            // Not by the SDK: the profile may name the role that these keys assume.
            Source::Keys(name) => SharedCredentialsProvider::new(self.keys(name)?),
            Source::Sso(name)
            | Source::Console(name)
            | Source::Process(name)
            | Source::WebIdentity(Some(name)) => {
                match (self.before_environment(name, config), config.http_client()) {
                    (Some(provider), _) => Some(provider),
                    (None, Some(http)) => self.loaded(name, http).await.credentials_provider(),
                    (None, None) => None,
                }
                .ok_or_else(|| without_credentials(profile))?
            }
            Source::Missing(name) => {
                return Err(self
                    .profiles
                    .missing(name, &format!(", which `source_profile` of {profile} names")));
            }
            Source::Unknown(_) | Source::WebIdentity(None) | Source::Role { .. } => {
                return Err(without_credentials(profile));
            }
        };
        Ok(found)
    }

    /// The keys in the profile `name`.
    fn keys(&self, name: &str) -> Result<Credentials, Failure> {
        let profile = self.profiles.profile(name);
        let text = |key| profile.and_then(|profile| profile.get(key)).map(str::to_owned);
        let pair = text("aws_access_key_id").zip(text("aws_secret_access_key"));
        let (key, secret) = pair.ok_or_else(|| without_credentials(name))?;
        Ok(Credentials::new(key, secret, text("aws_session_token"), None, "ProfileKeys"))
    }
}

/// Configuration of the SDK's credential providers, from `config`.
fn sdk(config: &SdkConfig) -> ProviderConfig {
    let provider = ProviderConfig::without_region()
        .with_region(config.region().cloned())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack());
    match config.http_client() {
        Some(http) => provider.with_http_client(http),
        None => provider,
    }
}

fn without_credentials(profile: &str) -> Failure {
    Failure::environment(
        "could not connect to AWS",
        format!("the profile {profile} has no credentials, and names no profile that has some"),
        "check its `source_profile` or `credential_source`, and the keys of that profile",
    )
}

/// A client that uses this proxy.
fn client(proxy: Option<ProxyConfig>, trusted: &TrustStore) -> SharedHttpClient {
    let context =
        TlsContext::builder().with_trust_store(trusted.clone()).build().unwrap_or_default();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let tls = Provider::Rustls(CryptoMode::Ring);
        let mut connector = Connector::builder().tls_provider(tls).tls_context(context.clone());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.set_proxy_config(proxy.clone());
        connector.build()
    })
}
