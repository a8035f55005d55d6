//! One setting: its name, valid values, and its place in a function's configuration.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::MASK;
use crate::{
    function::FunctionConfig,
    settings::values::{Concurrency, Cors, FunctionUrl, LogFormat, UrlAuth, UrlSetting},
};

/// A setting that can be edited. Names and values are those of `[package.metadata.lambda.deploy]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Setting {
    /// Memory in MB.
    Memory,
    /// Timeout in seconds.
    Timeout,
    /// Size of `/tmp` in MB.
    EphemeralStorage,
    /// Reserved concurrency.
    Concurrency,
    /// The function's description.
    Description,
    /// X-Ray tracing.
    Tracing,
    /// Text or JSON.
    LogFormat,
    /// With JSON, the lowest level of the function's own lines.
    ApplicationLogLevel,
    /// With JSON, the lowest level of the platform's lines.
    SystemLogLevel,
    /// The log group.
    LogGroup,
    /// Auth type of the URL, or `off` for no URL.
    Url,
    /// The URL streams its responses.
    UrlStreaming,
    /// Origins whose pages may call the URL.
    CorsOrigins,
    /// HTTP methods that those pages may use.
    CorsMethods,
    /// Request headers that those pages may send.
    CorsHeaders,
    /// Response headers that those pages may read.
    CorsExposed,
    /// Seconds that a browser caches the CORS settings.
    CorsMaxAge,
    /// `true` to let those pages send credentials, for example cookies.
    CorsCredentials,
    /// An environment variable.
    Env(String),
}

const UNRESERVED: &str = "unreserved";
const PREFIX: &str = "env.";

impl Setting {
    /// The value of [`Setting::Url`] for a function that has none.
    pub const OFF: &str = "off";

    /// All settings but the variables, in the order in which they are shown and applied.
    pub const FIXED: [Self; 18] = [
        Self::Memory,
        Self::Timeout,
        Self::EphemeralStorage,
        Self::Concurrency,
        Self::Description,
        Self::Tracing,
        Self::LogFormat,
        Self::ApplicationLogLevel,
        Self::SystemLogLevel,
        Self::LogGroup,
        Self::Url,
        Self::UrlStreaming,
        Self::CorsOrigins,
        Self::CorsMethods,
        Self::CorsHeaders,
        Self::CorsExposed,
        Self::CorsMaxAge,
        Self::CorsCredentials,
    ];

    const fn fixed_name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Timeout => "timeout",
            Self::EphemeralStorage => "ephemeral_storage",
            Self::Concurrency => "reserved_concurrency",
            Self::Description => "description",
            Self::Tracing => "tracing",
            Self::LogFormat => "log_format",
            Self::ApplicationLogLevel => "application_log_level",
            Self::SystemLogLevel => "system_log_level",
            Self::LogGroup => "log_group",
            Self::Url => "url",
            Self::UrlStreaming => "url.streaming",
            Self::CorsOrigins => "url.cors.allow_origins",
            Self::CorsMethods => "url.cors.allow_methods",
            Self::CorsHeaders => "url.cors.allow_headers",
            Self::CorsExposed => "url.cors.expose_headers",
            Self::CorsMaxAge => "url.cors.max_age",
            Self::CorsCredentials => "url.cors.allow_credentials",
            Self::Env(_) => PREFIX,
        }
    }

    /// Returns `true` if the setting is part of the URL's settings.
    pub const fn is_of_url(&self) -> bool {
        matches!(
            self,
            Self::UrlStreaming
                | Self::CorsOrigins
                | Self::CorsMethods
                | Self::CorsHeaders
                | Self::CorsExposed
                | Self::CorsMaxAge
                | Self::CorsCredentials
        )
    }

    /// Returns `true` if the setting only applies to JSON logs.
    pub const fn is_of_json(&self) -> bool {
        matches!(self, Self::ApplicationLogLevel | Self::SystemLogLevel)
    }

    /// Returns `true` if other settings depend on this one.
    pub const fn has_parts(&self) -> bool {
        matches!(self, Self::Url | Self::LogFormat)
    }

    /// Returns `true` if the setting only applies together with `whole`.
    pub const fn is_part_of(&self, whole: &Self) -> bool {
        match whole {
            Self::Url => self.is_of_url(),
            Self::LogFormat => self.is_of_json(),
            _ => false,
        }
    }

    /// Returns the unit of its number; empty for settings that are not numbers.
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::Memory | Self::EphemeralStorage => "MB",
            Self::Timeout | Self::CorsMaxAge => "s",
            _ => "",
        }
    }

    /// Returns the valid values, if there are only a few.
    pub const fn choices(&self) -> &'static [&'static str] {
        match self {
            Self::Tracing => &["active", "pass-through"],
            Self::LogFormat => &["Text", "JSON"],
            Self::ApplicationLogLevel => &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"],
            Self::SystemLogLevel => &["DEBUG", "INFO", "WARN"],
            Self::Url => &[Self::OFF, "AWS_IAM", "NONE"],
            Self::UrlStreaming | Self::CorsCredentials => &["false", "true"],
            _ => &[],
        }
    }

    /// Returns a short description of the valid values.
    pub fn expects(&self) -> String {
        match self {
            Self::Memory => "128 to 10240 MB".to_owned(),
            Self::Timeout => "1 to 900 s".to_owned(),
            Self::EphemeralStorage => "512 to 10240 MB".to_owned(),
            Self::Concurrency => format!("a number of sandboxes, or `{UNRESERVED}`"),
            Self::Description => "at most 256 characters".to_owned(),
            Self::LogGroup => {
                "the name of a log group, or nothing for the function's own".to_owned()
            }
            Self::CorsOrigins | Self::CorsMethods | Self::CorsHeaders | Self::CorsExposed => {
                "a list with commas, `*` for all".to_owned()
            }
            Self::CorsMaxAge => "0 to 86400 s".to_owned(),
            Self::Env(_) => "any text".to_owned(),
            _ => self.choices().join(", "),
        }
    }

    /// Returns `true` if the setting is an environment variable, whose value is secret.
    pub const fn is_variable(&self) -> bool {
        matches!(self, Self::Env(_))
    }

    /// Returns `value` with its unit, or the mask if it is secret.
    pub fn shown(&self, value: String) -> String {
        match self {
            Self::Env(_) => MASK.to_owned(),
            _ if self.unit().is_empty() || value.is_empty() => value,
            _ => format!("{value} {}", self.unit()),
        }
    }

    /// Returns its value in `config`; `None` if it is not set.
    pub fn get(&self, config: &FunctionConfig) -> Option<String> {
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let url = match &config.url {
            Some(UrlSetting::Present(url)) => Some(url),
            Some(UrlSetting::Absent) | None => None,
        };
        let cors = url.and_then(|url| url.cors.as_ref());
        match self {
            Self::Memory => number(config.memory),
            Self::Timeout => number(config.timeout),
            Self::EphemeralStorage => number(config.ephemeral_storage),
            Self::Concurrency => config.concurrency.map(|concurrency| match concurrency {
                Concurrency::Unreserved => UNRESERVED.to_owned(),
                Concurrency::Reserved(count) => count.to_string(),
            }),
            Self::Description => config.description.clone(),
            Self::Tracing => config.tracing.clone(),
            Self::LogFormat => config.log.format.map(|format| format.name().to_owned()),
            Self::ApplicationLogLevel => config.log.application_level.clone(),
            Self::SystemLogLevel => config.log.system_level.clone(),
            Self::LogGroup => config.log.group.clone(),
            Self::Url => config.url.as_ref().map(|url| match url {
                UrlSetting::Absent => Self::OFF.to_owned(),
                UrlSetting::Present(url) => url.auth.name().to_owned(),
            }),
            Self::UrlStreaming => {
                url.and_then(|url| url.streaming).map(|streaming| streaming.to_string())
            }
            Self::CorsOrigins => cors.map(|cors| cors.allow_origins.join(", ")),
            Self::CorsMethods => cors.map(|cors| cors.allow_methods.join(", ")),
            Self::CorsHeaders => cors.map(|cors| cors.allow_headers.join(", ")),
            Self::CorsExposed => cors.map(|cors| cors.expose_headers.join(", ")),
            Self::CorsMaxAge => {
                cors.map(|cors| number(cors.max_age.filter(|age| *age > 0)).unwrap_or_default())
            }
            Self::CorsCredentials => cors.map(|cors| cors.allow_credentials.to_string()),
            Self::Env(name) => config.env.get(name).cloned(),
        }
    }

    /// Sets `value` in `config`; `None` removes it, or resets it to Lambda's default.
    ///
    /// # Errors
    /// Returns an error if `value` is not valid for the setting, or not in combination with the
    /// others. The error never contains the value of a variable.
    pub fn set(&self, config: &mut FunctionConfig, value: Option<&str>) -> Result<(), String> {
        if let Self::Env(name) = self {
            check_name(name)?;
            match value {
                Some(value) => drop(config.env.insert(name.clone(), value.to_owned())),
                None => drop(config.env.remove(name)),
            }
            return Ok(());
        }
        let text = value.unwrap_or_else(|| self.default_value()).trim();
        match self {
            Self::Memory => config.memory = Some(self.number(text, 128, 10_240)?),
            Self::Timeout => config.timeout = Some(self.number(text, 1, 900)?),
            Self::EphemeralStorage => {
                config.ephemeral_storage = Some(self.number(text, 512, 10_240)?);
            }
            Self::Concurrency => {
                config.concurrency = Some(match text {
                    "" | "false" | UNRESERVED => Concurrency::Unreserved,
                    text => Concurrency::Reserved(self.number(text, 0, 1_000_000)?),
                });
            }
            Self::Description if text.chars().count() <= 256 => {
                config.description = Some(text.to_owned());
            }
            Self::Description => return Err(self.wrong()),
            Self::Tracing => config.tracing = Some(self.choice(text)?),
            Self::LogFormat => {
                config.log.format = Some(LogFormat::named(text).ok_or_else(|| self.wrong())?);
            }
            Self::ApplicationLogLevel => {
                config.log.application_level = Some(self.level(text, config)?);
            }
            Self::SystemLogLevel => config.log.system_level = Some(self.level(text, config)?),
            Self::LogGroup => config.log.group = Some(text.to_owned()),
            Self::Url if matches!(text, Self::OFF | "false" | "") => {
                config.url = Some(UrlSetting::Absent);
            }
            Self::Url => {
                let auth = UrlAuth::named(text).ok_or_else(|| self.wrong())?;
                match &mut config.url {
                    Some(UrlSetting::Present(url)) => url.auth = auth,
                    url => {
                        *url = Some(UrlSetting::Present(FunctionUrl {
                            auth,
                            ..FunctionUrl::default()
                        }));
                    }
                }
            }
            _ => self.set_of_url(config, text)?,
        }
        Ok(())
    }

    fn set_of_url(&self, config: &mut FunctionConfig, text: &str) -> Result<(), String> {
        let Some(UrlSetting::Present(url)) = &mut config.url else {
            return Err(format!(
                "{self} has no effect without a URL: set `url` to AWS_IAM or NONE too"
            ));
        };
        if *self == Self::UrlStreaming {
            url.streaming = Some(self.choice(text)? == "true");
            return Ok(());
        }
        let list = || {
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let cors = url.cors.get_or_insert_with(Cors::default);
        match self {
            Self::CorsOrigins => cors.allow_origins = list(),
            Self::CorsMethods => cors.allow_methods = list(),
            Self::CorsHeaders => cors.allow_headers = list(),
            Self::CorsExposed => cors.expose_headers = list(),
            Self::CorsMaxAge if text.is_empty() => cors.max_age = None,
            Self::CorsMaxAge => cors.max_age = Some(self.number(text, 0, 86_400)?),
            _ => cors.allow_credentials = self.choice(text)? == "true",
        }
        Ok(())
    }

    /// Returns Lambda's default for a new function.
    const fn default_value(&self) -> &'static str {
        match self {
            Self::Memory => "128",
            Self::Timeout => "3",
            Self::EphemeralStorage => "512",
            Self::Concurrency => UNRESERVED,
            Self::Tracing => "pass-through",
            Self::LogFormat => "Text",
            Self::ApplicationLogLevel | Self::SystemLogLevel => "INFO",
            Self::Url => Self::OFF,
            Self::UrlStreaming | Self::CorsCredentials => "false",
            _ => "",
        }
    }

    fn number(&self, text: &str, least: u32, most: u32) -> Result<u32, String> {
        let digits = text.strip_suffix(self.unit()).unwrap_or(text).trim();
        digits
            .parse()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong())
    }

    fn choice(&self, text: &str) -> Result<String, String> {
        let text = match text.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
            "passthrough" => "pass-through".to_owned(),
            _ => text.to_owned(),
        };
        let choice = self.choices().iter().find(|choice| choice.eq_ignore_ascii_case(&text));
        choice.map(|choice| (*choice).to_owned()).ok_or_else(|| self.wrong())
    }

    fn level(&self, text: &str, config: &FunctionConfig) -> Result<String, String> {
        if config.log.format != Some(LogFormat::Json) {
            return Err(format!("{self} has no effect without JSON: set `log_format` to JSON too"));
        }
        self.choice(text)
    }

    fn wrong(&self) -> String {
        format!("{self} is {}", self.expects())
    }

    /// Copies its value from `whole` into `patch`; a URL is always sent as a whole.
    pub(super) fn copy(&self, whole: &FunctionConfig, patch: &mut FunctionConfig) {
        match self {
            Self::Memory => patch.memory = whole.memory,
            Self::Timeout => patch.timeout = whole.timeout,
            Self::EphemeralStorage => patch.ephemeral_storage = whole.ephemeral_storage,
            Self::Concurrency => patch.concurrency = whole.concurrency,
            Self::Description => patch.description.clone_from(&whole.description),
            Self::Tracing => patch.tracing.clone_from(&whole.tracing),
            Self::LogFormat => patch.log.format = whole.log.format,
            Self::ApplicationLogLevel => {
                patch.log.application_level.clone_from(&whole.log.application_level);
            }
            Self::SystemLogLevel => patch.log.system_level.clone_from(&whole.log.system_level),
            Self::LogGroup => patch.log.group.clone_from(&whole.log.group),
            Self::Env(name) => {
                if let Some(value) = whole.env.get(name) {
                    patch.env.insert(name.clone(), value.clone());
                }
            }
            _ => patch.url.clone_from(&whole.url),
        }
    }
}

/// Checks that Lambda accepts `name` as the name of a variable.
fn check_name(name: &str) -> Result<(), String> {
    let mut letters = name.chars();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
    let mut count = 0;
    let goes_on = letters
        .inspect(|_| count += 1)
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if begins && goes_on && count > 0 {
        return Ok(());
    }
    Err("the name of a variable is a letter, then at least one more letter, digit or `_`"
        .to_owned())
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => f.pad(&format!("{PREFIX}{name}")),
            other => f.pad(other.fixed_name()),
        }
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(variable) = name.strip_prefix(PREFIX) {
            check_name(variable)?;
            return Ok(Self::Env(variable.to_owned()));
        }
        let known = Self::FIXED.iter().find(|setting| setting.fixed_name() == name);
        known.cloned().ok_or_else(|| {
            let names: Vec<&str> = Self::FIXED.iter().map(Self::fixed_name).collect();
            format!("`{name}` is not a setting: they are {} and env.NAME", names.join(", "))
        })
    }
}
