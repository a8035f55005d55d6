//! Assumes a role, with a code of an MFA device if its profile requires one.
//!
//! AWS's SDK for Rust also assumes roles of profiles, but does not ask for codes. A session that
//! needed a code is stored in the AWS CLI's cache, so that one code is enough for both.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use aws_config::{SdkConfig, identity::IdentityCache};
use aws_credential_types::{
    Credentials,
    provider::{
        self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
    },
};
use aws_sdk_sts::{config::Builder, operation::assume_role::AssumeRoleOutput};
use aws_smithy_types::{DateTime, date_time::Format, error::metadata::ProvideErrorMetadata};
use aws_types::os_shim_internal::Env;
use lambda_console_model::Failure;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};
use tokio::sync::Mutex;

use super::{
    Role,
    mfa::{Asker, CodeQuestion},
    profiles::variable,
};
use crate::workspace::paths;

/// A session with less time left than this is no longer used.
const RESERVE: Duration = Duration::from_mins(1);
/// Number of times that a code is asked for.
const TRIES: usize = 3;

/// The credentials of an assumed role.
#[derive(Debug)]
pub(crate) struct Assumed {
    role: Role,
    sts: aws_sdk_sts::Client,
    asker: Asker,
    /// Path of the session in the AWS CLI's cache; only for a session that needed a code.
    file: Option<PathBuf>,
    /// The session in use. Other tasks that need it in the meantime wait for the same code.
    session: Mutex<Option<Credentials>>,
}

/// Error for a code that could not be obtained.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoCode(pub(crate) Failure);

impl Assumed {
    /// The role, assumed with the credentials of `source`.
    pub(crate) fn new(
        role: Role,
        source: SharedCredentialsProvider,
        config: &SdkConfig,
        env: &Env,
        asker: Asker,
    ) -> Self {
        let sts = Builder::from(config)
            .credentials_provider(source)
            .identity_cache(IdentityCache::no_cache())
            .build();
        let sts = aws_sdk_sts::Client::from_conf(sts);
        let home = variable(env, "HOME").filter(|_| role.mfa.is_some());
        let file = home.map(|home| {
            PathBuf::from(home).join(".aws/cli/cache").join(format!("{}.json", key(&role)))
        });
        Self { role, sts, asker, file, session: Mutex::new(None) }
    }

    async fn credentials(&self) -> provider::Result {
        let mut session = self.session.lock().await;
        if let Some(credentials) = session.as_ref().filter(|credentials| is_fresh(credentials)) {
            return Ok(credentials.clone());
        }
        let kept = self.file.as_deref().and_then(kept).filter(is_fresh);
        let credentials = match kept {
            Some(kept) => kept,
            None => self.assume().await?,
        };
        *session = Some(credentials.clone());
        Ok(credentials)
    }

    async fn assume(&self) -> provider::Result {
        let Role { arn, profile, mfa, external_id, session, duration } = &self.role;
        let now =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let session = session.clone().unwrap_or_else(|| format!("lambda-console-{now}"));
        let mut refused = false;
        for left in (0..TRIES).rev() {
            let code = match mfa {
                Some(device) => {
                    let (role, device, profile) =
                        (self.role.name().to_owned(), device.clone(), profile.clone());
                    let asked =
                        self.asker.ask(CodeQuestion { role, device, profile, refused }).await;
                    Some(
                        asked
                            .map_err(|failure| CredentialsError::provider_error(NoCode(failure)))?,
                    )
                }
                None => None,
            };
            let call = self.sts.assume_role().role_arn(arn).role_session_name(&session);
            let call = call.set_external_id(external_id.clone()).set_duration_seconds(*duration);
            let answer = call.set_serial_number(mfa.clone()).set_token_code(code).send().await;
            // "MultiFactorAuthentication failed with invalid MFA one time pass code.", "… Value 'x'
            // at 'tokenCode' failed to satisfy constraint …". The codes `AccessDenied` and
            // `ValidationError` stand for other errors too.
            refused = answer.as_ref().is_err_and(|error| {
                error.as_service_error().and_then(|error| error.message()).is_some_and(|text| {
                    text.contains("MultiFactorAuthentication") || text.contains("tokenCode")
                })
            });
            match answer {
                Ok(answer) => return self.taken(&answer),
                Err(_) if refused && mfa.is_some() && left > 0 => {}
                Err(error) => return Err(CredentialsError::provider_error(error)),
            }
        }
        Err(CredentialsError::not_loaded("no code was accepted"))
    }

    fn taken(&self, answer: &AssumeRoleOutput) -> provider::Result {
        let given = answer
            .credentials()
            .ok_or_else(|| CredentialsError::unhandled("STS returned no credentials"))?;
        if let Some(file) = &self.file
            && let Err(error) = keep(file, given)
        {
            tracing::warn!(file = %file.display(), %error, "the session could not be cached");
        }
        let expiry =
            SystemTime::try_from(*given.expiration()).map_err(CredentialsError::unhandled)?;
        Ok(session(given.access_key_id(), given.secret_access_key(), given.session_token(), expiry))
    }
}

impl ProvideCredentials for Assumed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

fn session(key: &str, secret: &str, token: &str, expiry: SystemTime) -> Credentials {
    Credentials::new(key, secret, Some(token.to_owned()), Some(expiry), "AssumedRole")
}

fn is_fresh(credentials: &Credentials) -> bool {
    credentials.expiry().is_some_and(|at| at > SystemTime::now() + RESERVE)
}

/// The name under which the AWS CLI stores a session: a digest of the request's parameters, in
/// Python's JSON.
fn key(role: &Role) -> String {
    let Role { arn, mfa, external_id, session, duration, .. } = role;
    let text = |value: &str| Value::from(value).to_string();
    let parts = [
        duration.map(|seconds| format!("\"DurationSeconds\": {seconds}")),
        external_id.as_deref().map(|id| format!("\"ExternalId\": {}", text(id))),
        Some(format!("\"RoleArn\": {}", text(arn))),
        session.as_deref().map(|name| format!("\"RoleSessionName\": {}", text(name))),
        mfa.as_deref().map(|device| format!("\"SerialNumber\": {}", text(device))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    paths::hex(&Sha1::digest(format!("{{{}}}", parts.join(", "))))
}

/// A session that the AWS CLI or this program stored.
fn kept(file: &Path) -> Option<Credentials> {
    let document: Map<String, Value> = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let given = document.get("Credentials")?;
    let text = |key| given.get(key)?.as_str();
    let expiry: jiff::Timestamp = text("Expiration")?.parse().ok()?;
    Some(session(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        text("SessionToken")?,
        expiry.into(),
    ))
}

/// Stores a session as the AWS CLI does: in a file that only the user can read.
fn keep(file: &Path, given: &aws_sdk_sts::types::Credentials) -> std::io::Result<()> {
    use std::{
        io::Write,
        os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    };
    let directory = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let expiration: &DateTime = given.expiration();
    let document = json!({ "Credentials": {
        "AccessKeyId": given.access_key_id(),
        "SecretAccessKey": given.secret_access_key(),
        "SessionToken": given.session_token(),
        "Expiration": expiration.fmt(Format::DateTime).unwrap_or_default(),
    } });
    // Private from its first byte on, and never partially written.
    let new = file.with_extension(std::process::id().to_string());
    let mut writer =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    writer.write_all(document.to_string().as_bytes())?;
    std::fs::rename(&new, file).inspect_err(|_| drop(std::fs::remove_file(&new)))?;
    Ok(())
}
