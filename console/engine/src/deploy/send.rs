//! Makes the calls of a plan, one after the other. The code is changed before the configuration, so
//! that old code never runs with new settings, and each call is guarded by the revision that was
//! compared.

mod function;

use std::collections::HashMap;

use lambda_console_model::{Change, Concurrency, Failure, Field, Step, UrlSetting};

use super::{Stage, calls::Call, code::Code, diff::Wanted, remote::Remote, upload, url};
use crate::{
    Job,
    aws::{
        alias::{self, Publication},
        error::CallError,
        log_group,
        waiting::{retry_change, settle},
    },
    resources::roles,
};

/// Reason why a plan's calls were not all made.
pub(super) enum Stop {
    /// The function differs from the compared one: someone else changed it, or a call of this
    /// deploy whose answer was lost.
    Meanwhile,
    /// One of them failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One function that is being deployed.
pub(super) struct Sender<'a> {
    pub(super) stage: &'a Stage,
    pub(super) wanted: &'a Wanted,
    /// The compared function; `None` if it does not exist.
    pub(super) found: Option<&'a Remote>,
    pub(super) changes: &'a [Change],
    /// Description of the published version.
    pub(super) description: Option<&'a str>,
    pub(super) job: &'a Job,
    /// The function's revision, code and ARN after the last change.
    pub(super) now: Remote,
    /// The version that was published.
    pub(super) version: Option<String>,
    /// The role that was provided.
    pub(super) role: Option<String>,
}

impl Sender<'_> {
    /// Makes `calls` in their order.
    pub(super) async fn make(&mut self, calls: &[Call]) -> Result<(), Stop> {
        let name = &self.wanted.name;
        for call in calls {
            if self.job.cancel.is_cancelled() {
                return Err(
                    Failure::interrupted(format!("could not finish deploying {name}")).into()
                );
            }
            self.report(call.step());
            match self.call(*call).await {
                Ok(()) => {}
                Err(Trouble::Failed(failure)) => return Err(failure.into()),
                Err(Trouble::Meanwhile) => return Err(Stop::Meanwhile),
                Err(Trouble::Call(error)) if error.is_stale() || error.is_existing() => {
                    return Err(Stop::Meanwhile);
                }
                Err(Trouble::Call(_)) if self.job.cancel.is_cancelled() => {
                    return Err(
                        Failure::interrupted(format!("could not finish deploying {name}")).into()
                    );
                }
                Err(Trouble::Call(error)) => {
                    return Err(error.into_failure(call.failed(name)).into());
                }
            }
        }
        Ok(())
    }

    fn report(&self, step: &str) {
        self.job.report(Step::Phase {
            text: format!("{}: {step}", self.wanted.name),
            done: 0,
            total: 0,
        });
    }

    /// Waits until the sent changes of `function`, its name or `name:version`, are in use.
    async fn ready(&self, function: &str) -> Result<Remote, Failure> {
        self.report("waiting for it to be ready");
        settle(self.stage, function, &self.job.cancel).await.map(|found| Remote::of(&found))
    }

    async fn call(&mut self, call: Call) -> Result<(), Trouble> {
        let (name, config) = (self.wanted.name.as_str(), &self.wanted.config);
        match call {
            Call::CreateLogGroup => self.create_log_group().await?,
            Call::PutRetention | Call::DeleteRetention => {
                self.set_retention(config.log.retention.unwrap_or(0)).await?;
            }
            Call::ProvideRole => {
                let policies = self.wanted.policies.clone().unwrap_or_default();
                self.role = Some(
                    Box::pin(roles::provide(self.stage, name, &policies, &self.job.cancel)).await?,
                );
            }
            Call::AttachPolicies
            | Call::DetachPolicies
            | Call::PutStatements
            | Call::DeleteStatements => {
                Box::pin(self.set_policies(call)).await?;
            }
            Call::PutObject => {
                if let Some(code) = &self.wanted.code
                    && let Some(place) = &code.bucket
                {
                    let bytes = code.bytes(name).await?;
                    upload::put(self.stage, name, place, bytes, self.job).await?;
                }
            }
            Call::CreateFunction => self.now = self.create().await?,
            Call::UpdateCode => self.now = self.update_code().await?,
            Call::UpdateConfiguration => self.now = self.update_configuration().await?,
            Call::Tag => self.tag().await?,
            Call::PutConcurrency | Call::DeleteConcurrency => {
                self.set_concurrency(config.concurrency).await?;
            }
            Call::Publish => self.publish().await?,
            Call::CreateAlias => {
                let (alias, version) = self.publication();
                alias::create(self.stage, name, alias, version, &self.job.cancel).await?;
            }
            Call::UpdateAlias => self.update_alias().await?,
            Call::CreateUrl
            | Call::UpdateUrl
            | Call::DeleteUrl
            | Call::OpenUrl
            | Call::CloseUrl => {
                let (stage, alias, job) = (self.stage, self.wanted.alias.as_deref(), self.job);
                let place = url::Place { stage, name, alias, job };
                let grants = self.found.map(|found| found.grants.clone()).unwrap_or_default();
                match (call, &config.url) {
                    (Call::CreateUrl, Some(UrlSetting::Present(url))) => place.create(url).await?,
                    (Call::UpdateUrl, Some(UrlSetting::Present(url))) => place.update(url).await?,
                    (Call::OpenUrl, _) => place.open(&grants).await?,
                    (Call::CloseUrl, _) => place.close(&grants).await?,
                    _ => place.delete().await?,
                }
            }
        }
        Ok(())
    }

    fn differs(&self, is_of: impl Fn(&Field) -> bool) -> bool {
        self.changes.iter().any(|change| is_of(&change.field))
    }

    fn code(&self) -> Result<&Code, Failure> {
        let name = &self.wanted.name;
        self.wanted.code.as_ref().ok_or_else(|| {
            let why = "it is not on the stage, and a settings change does not create it";
            Failure::usage(
                format!("could not change {name}"),
                why,
                format!("`lambda-console deploy {name}`"),
            )
        })
    }

    fn group(&self) -> String {
        let wanted = self.wanted.config.log.group.clone().filter(|group| !group.is_empty());
        let present = self.found.filter(|_| self.wanted.config.log.group.is_none());
        let present = present.map(|found| found.settings.group.clone());
        wanted.or(present).unwrap_or_else(|| log_group::default(&self.wanted.name))
    }

    async fn create_log_group(&self) -> Result<(), CallError> {
        let group = &self.group();
        let made = retry_change(self.stage, &self.wanted.name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                clients.logs().create_log_group().log_group_name(group).send().await
            })
        });
        match made.await {
            Err(error) if error.code() == "ResourceAlreadyExistsException" => Ok(()),
            other => other.map(|_| ()),
        }
    }

    async fn set_retention(&self, days: u32) -> Result<(), CallError> {
        let group = &self.group();
        retry_change(self.stage, &self.wanted.name, &self.job.cancel, || async {
            if days == 0 {
                let delete = self.stage.call(|clients| async move {
                    clients.logs().delete_retention_policy().log_group_name(group).send().await
                });
                return delete.await.map(|_| ());
            }
            let put = self.stage.call(|clients| async move {
                let put = clients.logs().put_retention_policy().log_group_name(group);
                put.retention_in_days(days as i32).send().await
            });
            put.await.map(|_| ())
        })
        .await
    }

    async fn tag(&self) -> Result<(), CallError> {
        let differing =
            |name: &&String| self.differs(|field| matches!(field, Field::Tag(tag) if tag == *name));
        let tags = &self.wanted.config.tags;
        let tags: HashMap<String, String> = tags
            .iter()
            .filter(|(name, _)| differing(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let (tags, arn) = (&tags, &self.now.arn);
        let tagged = retry_change(self.stage, &self.wanted.name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                clients
                    .lambda()
                    .tag_resource()
                    .resource(arn)
                    .set_tags(Some(tags.clone()))
                    .send()
                    .await
            })
        });
        tagged.await.map(|_| ())
    }

    async fn set_concurrency(&self, concurrency: Option<Concurrency>) -> Result<(), CallError> {
        let name = &self.wanted.name;
        retry_change(self.stage, name, &self.job.cancel, || async {
            if let Some(Concurrency::Reserved(count)) = concurrency {
                let put = self.stage.call(|clients| async move {
                    let put = clients.lambda().put_function_concurrency().function_name(name);
                    put.reserved_concurrent_executions(count as i32).send().await
                });
                return put.await.map(|_| ());
            }
            let delete = self.stage.call(|clients| async move {
                clients.lambda().delete_function_concurrency().function_name(name).send().await
            });
            delete.await.map(|_| ())
        })
        .await
    }

    /// Changes the policies of the role that this program created for the function.
    async fn set_policies(&self, call: Call) -> Result<(), Failure> {
        let (stage, cancel) = (self.stage, &self.job.cancel);
        let role = &roles::role_name(stage, &self.wanted.name);
        let held = self.found.and_then(|found| found.held.as_ref());
        let Some((policies, held)) = self.wanted.policies.as_ref().zip(held) else { return Ok(()) };
        match call {
            Call::AttachPolicies => roles::attach(stage, role, policies, held, cancel).await,
            Call::DetachPolicies => roles::detach(stage, role, policies, held, cancel).await,
            _ => roles::set_statements(stage, role, policies, held, cancel).await,
        }
    }

    /// The alias and the version that it has to point to.
    fn publication(&self) -> (&str, &str) {
        (
            self.wanted.alias.as_deref().unwrap_or_default(),
            self.version.as_deref().unwrap_or_default(),
        )
    }

    async fn publish(&mut self) -> Result<(), Trouble> {
        let (name, cancel) = (&self.wanted.name, &self.job.cancel);
        let sha256 = code_of(self.wanted).unwrap_or_else(|| self.now.settings.sha256.clone());
        let publication = Publication {
            name,
            sha256: &sha256,
            revision: self.now.revision.as_deref(),
            description: self.description,
        };
        let version = alias::publish(self.stage, &publication, cancel).await?;
        self.ready(&format!("{name}:{version}")).await?;
        self.version = Some(version);
        Ok(())
    }

    async fn update_alias(&self) -> Result<(), Trouble> {
        let (name, (alias, version)) = (&self.wanted.name, self.publication());
        let compared =
            self.found.and_then(|found| found.alias.as_ref()).map(|alias| alias.version.as_str());
        let present = alias::get(self.stage, name, alias).await?;
        let Some(present) = present.filter(|present| Some(present.version.as_str()) == compared)
        else {
            return Err(Trouble::Meanwhile);
        };
        // Otherwise traffic that an earlier canary left would continue.
        let (present, canary) = (&present, None);
        retry_change(self.stage, name, &self.job.cancel, || {
            alias::set(self.stage, name, alias, present, version, canary)
        })
        .await?;
        Ok(())
    }
}

/// Reason why one call failed.
enum Trouble {
    Call(CallError),
    Failed(Failure),
    Meanwhile,
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The digest of the code to be deployed, in Base64.
fn code_of(wanted: &Wanted) -> Option<String> {
    wanted.code.as_ref().map(|code| code.sha256.clone())
}
