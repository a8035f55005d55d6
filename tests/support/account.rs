//! An endpoint that speaks AWS's APIs, with access keys.

use std::{fs, path::Path, process::Command};

use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};

/// Endpoint and credentials of calls.
#[derive(Clone, Debug)]
pub struct Account {
    /// The endpoint of all services.
    pub url: String,
    /// The access key's id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The region.
    pub region: String,
}

impl Account {
    /// The same account with another endpoint, for example a [`crate::Proxy`].
    #[must_use]
    pub fn through(&self, url: String) -> Self {
        Self { url, ..self.clone() }
    }

    /// Makes AWS's clients of a command use this account, and no other settings of this machine:
    /// with a configuration file in `directory`, as a user would have one.
    pub fn lead(&self, command: &mut Command, directory: &Path) {
        let file = directory.join("aws-config");
        let text = format!(
            "[default]\nendpoint_url = {}\naws_access_key_id = {}\naws_secret_access_key = \
            {}\nregion = {}\n",
            self.url, self.access_key, self.secret_key, self.region
        );
        fs::write(&file, text).expect("the configuration is written");
        for name in [
            "AWS_ACCESS_KEY_ID",
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_LAMBDA",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ] {
            command.env_remove(name);
        }
        command.env("AWS_CONFIG_FILE", file).env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
    }

    /// A client of Lambda that shows errors unchanged: it makes each call once.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        let configuration = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(
                &self.access_key,
                &self.secret_key,
                None,
                None,
                "tests",
            ))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        aws_sdk_lambda::Client::from_conf(configuration)
    }

    /// A client of the logs.
    pub fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        let configuration = aws_sdk_cloudwatchlogs::Config::builder()
            .behavior_version(aws_sdk_cloudwatchlogs::config::BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(
                &self.access_key,
                &self.secret_key,
                None,
                None,
                "tests",
            ))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        aws_sdk_cloudwatchlogs::Client::from_conf(configuration)
    }
}
