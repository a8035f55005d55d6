//! The function itself: created, or its code and its configuration changed. Only differences are
//! sent.

use aws_sdk_lambda::{
    primitives::Blob,
    types::{
        ApplicationLogLevel, Architecture as Chip, Environment, EphemeralStorage, FunctionCode,
        LogFormat as Format, LoggingConfig, Runtime, SystemLogLevel, TracingConfig, TracingMode,
        VpcConfig,
    },
};
use lambda_console_model::{Failure, Field, LogFormat};

use super::{Sender, Trouble};
use crate::{
    aws::{clients::uploading, waiting::retry_change},
    deploy::{
        code::Code,
        diff,
        remote::{Remote, Settings},
    },
};

impl Sender<'_> {
    pub(super) async fn create(&self) -> Result<Remote, Trouble> {
        let (name, config, code) = (&self.wanted.name, &self.wanted.config, self.code()?);
        let role = &self.wanted.role.clone().or_else(|| self.role.clone());
        let (source, runtime) = (&source(code, name).await?, config.runtime.as_deref());
        retry_change(self.stage, name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                clients
                    .lambda()
                    .create_function()
                    .function_name(name)
                    .runtime(runtime.map_or(Runtime::Providedal2023, Runtime::from))
                    .handler(config.handler.as_deref().unwrap_or("bootstrap"))
                    .set_role(role.clone())
                    .architectures(Chip::from(code.architecture.name()))
                    .code(source.clone())
                    .set_memory_size(config.memory.map(|memory| memory as i32))
                    .set_timeout(config.timeout.map(|timeout| timeout as i32))
                    .set_ephemeral_storage(self.storage())
                    .set_description(config.description.clone().filter(|text| !text.is_empty()))
                    .set_tracing_config(self.tracing())
                    .set_layers(config.layers.clone().filter(|layers| !layers.is_empty()))
                    .set_environment((!config.env.is_empty()).then(|| self.environment()))
                    .set_logging_config(self.logging())
                    .set_vpc_config(
                        self.differs(|field| *field == Field::Vpc).then(|| self.vpc()).flatten(),
                    )
                    .set_tags(
                        (!config.tags.is_empty())
                            .then(|| config.tags.clone().into_iter().collect()),
                    )
                    .customize()
                    .config_override(uploading())
                    .send()
                    .await
            })
        })
        .await?;
        Ok(self.ready(name).await?)
    }

    pub(super) async fn update_code(&self) -> Result<Remote, Trouble> {
        let (name, code, revision) = (&self.wanted.name, self.code()?, &self.now.revision);
        let source = &source(code, name).await?;
        retry_change(self.stage, name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                clients
                    .lambda()
                    .update_function_code()
                    .function_name(name)
                    .architectures(Chip::from(code.architecture.name()))
                    .set_zip_file(source.zip_file.clone())
                    .set_s3_bucket(source.s3_bucket.clone())
                    .set_s3_key(source.s3_key.clone())
                    .set_revision_id(revision.clone())
                    .customize()
                    .config_override(uploading())
                    .send()
                    .await
            })
        })
        .await?;
        let now = self.ready(name).await?;
        // The revision in the answer guards the next call: all other parts must be those that were
        // compared.
        let expected = Settings {
            sha256: code.sha256.clone(),
            architecture: now.settings.architecture.clone(),
            ..self.now.settings.clone()
        };
        if now.settings == expected { Ok(now) } else { Err(Trouble::Meanwhile) }
    }

    pub(super) async fn update_configuration(&self) -> Result<Remote, Trouble> {
        let (name, config, wanted) = (&self.wanted.name, &self.wanted.config, self.wanted);
        let revision = &self.now.revision;
        let only = &|field: Field| self.differs(|other| *other == field).then_some(());
        retry_change(self.stage, name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                clients
                    .lambda()
                    .update_function_configuration()
                    .function_name(name)
                    .set_runtime(
                        only(Field::Runtime).and(config.runtime.as_deref().map(Runtime::from)),
                    )
                    .set_handler(only(Field::Handler).and(config.handler.clone()))
                    .set_memory_size(
                        only(Field::Memory).and(config.memory).map(|memory| memory as i32),
                    )
                    .set_timeout(
                        only(Field::Timeout).and(config.timeout).map(|timeout| timeout as i32),
                    )
                    .set_ephemeral_storage(only(Field::EphemeralStorage).and(self.storage()))
                    .set_role(only(Field::Role).and(wanted.role.clone()))
                    .set_description(only(Field::Description).and(config.description.clone()))
                    .set_tracing_config(only(Field::Tracing).and(self.tracing()))
                    .set_layers(only(Field::Layers).and(config.layers.clone()))
                    .set_environment(
                        self.differs(|field| matches!(field, Field::Env(_)))
                            .then(|| self.environment()),
                    )
                    .set_logging_config(self.logging())
                    .set_vpc_config(
                        self.differs(|field| *field == Field::Vpc).then(|| self.vpc()).flatten(),
                    )
                    .set_revision_id(revision.clone())
                    .send()
                    .await
            })
        })
        .await?;
        Ok(self.ready(name).await?)
    }

    fn environment(&self) -> Environment {
        let variables = diff::merged_env(&self.wanted.config, self.found);
        Environment::builder().set_variables(Some(variables.into_iter().collect())).build()
    }

    fn storage(&self) -> Option<EphemeralStorage> {
        let size = self.wanted.config.ephemeral_storage? as i32;
        // Fails only without a size.
        EphemeralStorage::builder().size(size).build().ok()
    }

    fn tracing(&self) -> Option<TracingConfig> {
        let mode = diff::tracing(&self.wanted.config)?;
        Some(TracingConfig::builder().mode(TracingMode::from(mode)).build())
    }

    /// Lambda replaces the whole logging configuration: unchanged values are sent too.
    fn logging(&self) -> Option<LoggingConfig> {
        if !self.differs(Field::is_of_logging) {
            return None;
        }
        let (log, present) = (&self.wanted.config.log, self.found.map(|found| &found.settings));
        let format = log.format.or_else(|| present?.format).unwrap_or(LogFormat::Text);
        let levels = format == LogFormat::Json;
        let level = |wanted: &Option<String>, present: Option<&String>| {
            wanted.clone().or_else(|| present.cloned()).filter(|_| levels)
        };
        let application = level(
            &log.application_level,
            present.and_then(|present| present.application_level.as_ref()),
        );
        let system =
            level(&log.system_level, present.and_then(|present| present.system_level.as_ref()));
        Some(
            LoggingConfig::builder()
                .log_format(Format::from(format.name()))
                .set_application_log_level(
                    application.map(|level| ApplicationLogLevel::from(level.as_str())),
                )
                .set_system_log_level(system.map(|level| SystemLogLevel::from(level.as_str())))
                .log_group(self.group())
                .build(),
        )
    }

    fn vpc(&self) -> Option<VpcConfig> {
        let vpc = self.wanted.config.vpc.as_ref()?;
        Some(
            VpcConfig::builder()
                .set_subnet_ids(Some(vpc.subnet_ids.clone()))
                .set_security_group_ids(Some(vpc.security_group_ids.clone()))
                .ipv6_allowed_for_dual_stack(vpc.ipv6_allowed_for_dual_stack)
                .build(),
        )
    }
}

/// Returns the source of the code for Lambda: in the request or in S3.
async fn source(code: &Code, name: &str) -> Result<FunctionCode, Failure> {
    let source = FunctionCode::builder();
    Ok(match &code.bucket {
        Some(place) => source.s3_bucket(&place.bucket).s3_key(&place.key).build(),
        None => source.zip_file(Blob::new(code.bytes(name).await?)).build(),
    })
}
