//! A place that speaks AWS's APIs, as the console sees it: an endpoint with keys.

use std::process::Command;

use aws_sdk_lambda::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};

/// Where the calls go and who sends them.
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
    /// The same place by another way, for example through a [`crate::Proxy`].
    #[must_use]
    pub fn through(&self, url: String) -> Self {
        Self { url, ..self.clone() }
    }

    /// The variables of the environment that lead AWS's clients there, and to nothing else that this machine has.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", &self.access_key),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_key),
            ("AWS_REGION", &self.region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Puts the variables into a command's environment.
    pub fn lead(&self, command: &mut Command) {
        for name in ["AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_LAMBDA"] {
            command.env_remove(name);
        }
        command.envs(self.environment());
    }

    /// A client of Lambda that shows the place as it is: it tries each call once.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        let configuration = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&self.url)
            .region(Region::new(self.region.clone()))
            .credentials_provider(Credentials::new(&self.access_key, &self.secret_key, None, None, "tests"))
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
            .credentials_provider(Credentials::new(&self.access_key, &self.secret_key, None, None, "tests"))
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        aws_sdk_cloudwatchlogs::Client::from_conf(configuration)
    }
}
