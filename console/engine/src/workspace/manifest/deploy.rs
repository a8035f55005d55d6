//! The keys of a `deploy` table.

use lambda_console_model::{
    Concurrency, Cors, FunctionConfig, FunctionUrl, LogFormat, LogSettings, UrlAuth, UrlSetting,
    Vpc,
};
use toml::de::{DeTable, DeValue};

use super::{Reader, keys};

/// The days that `CloudWatch` Logs can keep lines for; 0 means for ever.
const RETENTIONS: [u32; 23] = [
    0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];
const APPLICATION_LEVELS: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const SYSTEM_LEVELS: [&str; 3] = ["DEBUG", "INFO", "WARN"];

impl Reader<'_> {
    pub(super) fn deploy(
        &mut self,
        table: &DeTable<'_>,
        binary: &str,
        config: &mut FunctionConfig,
    ) {
        self.name(table, binary, &mut config.name);
        self.number(table, "memory", 128..=10_240, &mut config.memory);
        self.number(table, "timeout", 1..=900, &mut config.timeout);
        self.number(table, "ephemeral_storage", 512..=10_240, &mut config.ephemeral_storage);
        self.text(table, "role", &mut config.role);
        self.text(table, "iam_role", &mut config.role);
        self.policies(table, config);
        self.text(table, "description", &mut config.description);
        self.tracing(table, config);
        self.runtime(table, config);
        for key in ["layer", "layers"] {
            self.list(table, key, &mut config.layers);
        }
        for key in ["tag", "tags"] {
            self.pairs(table, key, &mut config.tags);
        }
        self.env_file(table, config);
        for key in ["env", "env_var", "env_vars"] {
            self.env(table, key, config);
        }
        self.flag(table, "env_replace", &mut config.env_replace);
        self.log(table, &mut config.log);
        self.concurrency(table, config);
        self.url(table, config);
        self.vpc(table, config);
        if let Some(vpc) = self.enter(table, &["vpc"]) {
            self.check_keys(vpc, &keys::VPC);
            self.vpc(vpc, config);
            self.path.pop();
        }
        self.text(table, "s3_bucket", &mut config.s3_bucket);
        self.text(table, "s3_key", &mut config.s3_key);
        self.flag(table, "extension", &mut config.extension);
    }

    /// Reads `name`, of the binary that `binary_name` names, or of each binary of the table.
    fn name(&mut self, table: &DeTable<'_>, binary: &str, to: &mut Option<String>) {
        let (mut name, mut of) = (None, None);
        self.text(table, "name", &mut name);
        self.text(table, "binary_name", &mut of);
        let (Some(name), Some(value)) = (name, table.get("name")) else { return };
        if !FunctionConfig::is_name(&name) {
            self.warn("name", value, FunctionConfig::NAME);
        } else if of.is_none_or(|of| of == binary) {
            *to = Some(name);
        }
    }

    pub(super) fn flag(&mut self, table: &DeTable<'_>, key: &str, to: &mut bool) {
        let Some(value) = table.get(key) else { return };
        match value.get_ref().as_bool() {
            Some(flag) => *to = flag,
            None => self.warn(key, value, "true or false"),
        }
    }

    fn tracing(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let Some(value) = table.get("tracing") else { return };
        match value
            .get_ref()
            .as_str()
            .map(|mode| mode.to_lowercase().replace(['-', '_'], ""))
            .as_deref()
        {
            Some("active") => config.tracing = Some("active".to_owned()),
            Some("passthrough") => config.tracing = Some("pass-through".to_owned()),
            _ => self.warn("tracing", value, "`active` or `passthrough`"),
        }
    }

    /// A bootstrap runs on no other runtime.
    fn runtime(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let Some(value) = table.get("runtime") else { return };
        match value.get_ref().as_str() {
            Some(runtime) if runtime.starts_with("provided") => {
                config.runtime = Some(runtime.to_owned());
            }
            _ => self.warn("runtime", value, "`provided.al2023` or `provided.al2`"),
        }
    }

    fn log(&mut self, table: &DeTable<'_>, log: &mut LogSettings) {
        if let Some(value) = table.get("log_format") {
            match value.get_ref().as_str().and_then(LogFormat::named) {
                Some(format) => log.format = Some(format),
                None => self.warn("log_format", value, "`text` or `json`"),
            }
        }
        self.level(table, "application_log_level", &APPLICATION_LEVELS, &mut log.application_level);
        self.level(table, "system_log_level", &SYSTEM_LEVELS, &mut log.system_level);
        self.text(table, "log_group", &mut log.group);
        let mut days = None;
        self.number(table, "log_retention", 0..=3653, &mut days);
        match (days, table.get("log_retention")) {
            (Some(days), _) if RETENTIONS.contains(&days) => log.retention = Some(days),
            (Some(_), Some(value)) => {
                let days: Vec<String> = RETENTIONS.iter().skip(1).map(u32::to_string).collect();
                self.warn(
                    "log_retention",
                    value,
                    &format!("one of {} days, or 0: for ever", days.join(", ")),
                );
            }
            _ => {}
        }
    }

    fn level(&mut self, table: &DeTable<'_>, key: &str, levels: &[&str], to: &mut Option<String>) {
        let Some(value) = table.get(key) else { return };
        match value
            .get_ref()
            .as_str()
            .map(str::to_uppercase)
            .filter(|level| levels.contains(&level.as_str()))
        {
            Some(level) => *to = Some(level),
            None => self.warn(key, value, &format!("one of {}", levels.join(", "))),
        }
    }

    fn concurrency(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let Some(value) = table.get("reserved_concurrency") else { return };
        if value.get_ref().as_bool() == Some(false) {
            config.concurrency = Some(Concurrency::Unreserved);
            return;
        }
        let mut count = None;
        self.number(table, "reserved_concurrency", 0..=1_000_000, &mut count);
        config.concurrency = count.map(Concurrency::Reserved).or(config.concurrency);
    }

    /// `url = "none"`, `url = false`, `url = { auth = "iam", … }`, and cargo-lambda's two flags.
    fn url(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        let (mut enable, mut disable) = (false, false);
        self.flag(table, "enable_function_url", &mut enable);
        self.flag(table, "disable_function_url", &mut disable);
        if enable {
            config.url = Some(UrlSetting::Present(FunctionUrl {
                auth: UrlAuth::None,
                ..FunctionUrl::default()
            }));
        }
        if disable {
            config.url = Some(UrlSetting::Absent);
        }
        let Some(value) = table.get("url") else { return };
        let url = match value.get_ref() {
            DeValue::Boolean(false) => Some(UrlSetting::Absent),
            DeValue::Boolean(true) => Some(UrlSetting::Present(FunctionUrl::default())),
            DeValue::String(auth) => UrlAuth::named(auth)
                .map(|auth| UrlSetting::Present(FunctionUrl { auth, ..FunctionUrl::default() })),
            DeValue::Table(url) => {
                self.path.push("url".to_owned());
                self.check_keys(url, &keys::URL);
                let url = self.url_table(url);
                self.path.pop();
                Some(UrlSetting::Present(url))
            }
            _ => None,
        };
        match url {
            Some(url) => config.url = Some(url),
            None => self.warn("url", value, "true, false, `iam`, `none` or a table"),
        }
    }

    fn url_table(&mut self, table: &DeTable<'_>) -> FunctionUrl {
        let mut url = FunctionUrl::default();
        if let Some(value) = table.get("auth") {
            match value.get_ref().as_str().and_then(UrlAuth::named) {
                Some(auth) => url.auth = auth,
                None => self.warn("auth", value, "`iam` or `none`"),
            }
        }
        if table.contains_key("streaming") {
            let mut streaming = false;
            self.flag(table, "streaming", &mut streaming);
            url.streaming = Some(streaming);
        }
        if let Some(cors) = self.enter(table, &["cors"]) {
            self.check_keys(cors, &keys::CORS);
            url.cors = Some(self.cors(cors));
            self.path.pop();
        }
        url
    }

    fn cors(&mut self, table: &DeTable<'_>) -> Cors {
        let mut list = |key: &str| {
            let mut texts = None;
            self.list(table, key, &mut texts);
            texts.unwrap_or_default()
        };
        let (allow_origins, allow_methods) = (list("allow_origins"), list("allow_methods"));
        let (allow_headers, expose_headers) = (list("allow_headers"), list("expose_headers"));
        let mut cors =
            Cors { allow_origins, allow_methods, allow_headers, expose_headers, ..Cors::default() };
        self.number(table, "max_age", 0..=86_400, &mut cors.max_age);
        self.flag(table, "allow_credentials", &mut cors.allow_credentials);
        cors
    }

    /// Each layer may set a part of it.
    fn vpc(&mut self, table: &DeTable<'_>, config: &mut FunctionConfig) {
        const KEYS: [&str; 3] = ["subnet_ids", "security_group_ids", "ipv6_allowed_for_dual_stack"];
        if !KEYS.iter().any(|key| table.contains_key(*key)) {
            return;
        }
        let Vpc { subnet_ids, security_group_ids, mut ipv6_allowed_for_dual_stack } =
            config.vpc.take().unwrap_or_default();
        let (mut subnets, mut groups) = (Some(subnet_ids), Some(security_group_ids));
        self.list(table, KEYS[0], &mut subnets);
        self.list(table, KEYS[1], &mut groups);
        self.flag(table, KEYS[2], &mut ipv6_allowed_for_dual_stack);
        let (subnet_ids, security_group_ids) =
            (subnets.unwrap_or_default(), groups.unwrap_or_default());
        config.vpc = Some(Vpc { subnet_ids, security_group_ids, ipv6_allowed_for_dual_stack });
    }
}
