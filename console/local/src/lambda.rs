//! The Lambda API: routes and names. One file for each group of operations.

mod configuration;
mod create;
mod delete;
mod event_invoke;
mod invoke;
mod paging;
mod read;
mod tags;
mod update;
mod url_config;

pub(crate) use invoke::{judge_tenant, new_trace};

use crate::{
    call::{Body, Call},
    fault::Fault,
    function::{self, Alias, Function, LATEST, Record},
    query::decode,
    service::{ACCOUNT, Service, unknown},
};
use http::{Method, Response};
use std::sync::Arc;
use uuid::Uuid;

/// Answers a request of the Lambda API. Each operation has its own date in its path; which one is not looked at.
pub(crate) async fn dispatch(service: &Arc<Service>, call: &Call) -> Result<Response<Body>, Fault> {
    let path: Vec<String> = call.path.split('/').skip(1).map(|part| decode(part, false)).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let route = match path.as_slice() {
        [date, route @ ..] if is_date(date) => route,
        _ => return Err(unknown(&format!("{} {}", call.method, call.path))),
    };
    // Some clients end a path with a slash.
    let route = route.strip_suffix(&[""]).unwrap_or(route);
    match (&call.method, route) {
        (&Method::POST, ["functions"]) => create::create_function(service, call).await,
        (&Method::GET, ["functions"]) => read::list_functions(service, call),
        (&Method::GET, ["functions", name]) => read::get_function(service, call, name),
        (&Method::GET, ["functions", name, "configuration"]) => read::get_configuration(service, call, name),
        (&Method::PUT, ["functions", name, "configuration"]) => update::update_configuration(service, call, name).await,
        (&Method::PUT, ["functions", name, "code"]) => update::update_code(service, call, name).await,
        (&Method::DELETE, ["functions", name]) => delete::delete_function(service, call, name).await,
        (&Method::POST, ["functions", name, "invocations"]) => invoke::invoke(service, call, name).await,
        (&Method::POST, ["functions", name, "response-streaming-invocations"]) => {
            invoke::invoke_with_response_stream(service, call, name).await
        }
        (&Method::POST, ["functions", name, "invoke-async"]) => invoke::invoke_async(service, call, name),
        (&Method::PUT, ["functions", name, "event-invoke-config"]) => event_invoke::put(service, call, name).await,
        (&Method::POST, ["functions", name, "event-invoke-config"]) => event_invoke::update(service, call, name).await,
        (&Method::GET, ["functions", name, "event-invoke-config"]) => event_invoke::get(service, call, name),
        (&Method::DELETE, ["functions", name, "event-invoke-config"]) => {
            event_invoke::delete(service, call, name).await
        }
        (&Method::GET, ["functions", name, "event-invoke-config", "list"]) => event_invoke::list(service, call, name),
        (&Method::POST, ["functions", name, "url"]) => url_config::create(service, call, name).await,
        (&Method::GET, ["functions", name, "url"]) => url_config::get(service, call, name),
        (&Method::PUT, ["functions", name, "url"]) => url_config::update(service, call, name).await,
        (&Method::DELETE, ["functions", name, "url"]) => url_config::delete(service, call, name).await,
        (&Method::GET, ["functions", name, "urls"]) => url_config::list(service, call, name),
        (&Method::GET, ["account-settings"]) => Ok(read::get_account_settings(service)),
        (&Method::GET, ["tags", arn]) => tags::list_tags(service, arn),
        (&Method::POST, ["tags", arn]) => tags::tag_resource(service, call, arn).await,
        (&Method::DELETE, ["tags", arn]) => tags::untag_resource(service, call, arn).await,
        _ => Err(unknown(&format!("{} {}", call.method, call.path))),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// What an identifier and a qualifier of a request name.
struct Named<'a> {
    name: &'a str,
    /// A version's number, an alias or `$LATEST`.
    qualifier: Option<&'a str>,
}

impl<'a> Named<'a> {
    /// Reads a function's name, partial ARN or ARN, each perhaps with a qualifier at its end, and the qualifier that
    /// came apart from it.
    fn read(service: &Service, identifier: &'a str, qualifier: Option<&'a str>) -> Result<Self, Fault> {
        let parts: Vec<&str> = identifier.split(':').collect();
        let (place, rest) = match parts.as_slice() {
            ["arn", _, "lambda", region, account, "function", rest @ ..] => (Some((*region, *account)), rest),
            [account, "function", rest @ ..] if is_account(account) => {
                (Some((service.region.as_str(), *account)), rest)
            }
            ["function", rest @ ..] if !rest.is_empty() => (None, rest),
            rest => (None, rest),
        };
        let (name, suffix) = match rest {
            [name] => (*name, None),
            [name, suffix] => (*name, Some(*suffix)),
            _ => ("", None),
        };
        let named = suffix.is_none_or(|suffix| suffix == LATEST || is_name(suffix));
        if !is_name(name) || name.len() > 64 || !named {
            return Err(Fault::validation(identifier, "functionName", NAME_PATTERN));
        }
        let qualifier = qualifier.filter(|qualifier| !qualifier.is_empty());
        if let Some(qualifier) = qualifier
            && !(qualifier == LATEST || is_name(qualifier))
        {
            let constraint = "satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";
            return Err(Fault::validation(qualifier, "qualifier", constraint));
        }
        if suffix.is_some() && qualifier.is_some() && suffix != qualifier {
            let message = "The derived qualifier from the function name does not match the specified qualifier.";
            return Err(Fault::invalid(message));
        }
        let named = Self { name, qualifier: suffix.or(qualifier) };
        match place {
            Some((region, _)) if region != service.region => Err(Fault::not_found(format!(
                "Functions from '{region}' are not reachable in this region ('{}')",
                service.region
            ))),
            Some((_, account)) if account != ACCOUNT => {
                Err(Fault::not_found(format!("Function not found: {identifier} (the local account is {ACCOUNT})")))
            }
            _ => Ok(named),
        }
    }

    /// The ARN that is named.
    fn arn(&self, service: &Service) -> String {
        function::arn(&service.region, self.name, self.qualifier)
    }

    fn not_found(&self, service: &Service) -> Fault {
        Fault::not_found(format!("Function not found: {}", self.arn(service)))
    }

    /// The function.
    fn record(&self, service: &Service) -> Result<Arc<Record>, Fault> {
        service.functions.record(self.name).ok_or_else(|| self.not_found(service))
    }

    /// The version: `pick` chooses for an alias.
    fn version(&self, service: &Service, pick: impl FnOnce(&Alias) -> &str) -> Result<Arc<Function>, Fault> {
        let record = self.record(service)?;
        let version = match self.qualifier {
            None => Some(&record.latest),
            Some(qualifier) => match record.aliases.get(qualifier) {
                Some(alias) => record.version(pick(alias)),
                None => record.version(qualifier),
            },
        };
        version.cloned().ok_or_else(|| self.not_found(service))
    }
}

/// The pattern of a function's name in AWS's words.
const NAME_PATTERN: &str = "satisfy regular expression pattern: \
    (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z0-9-]+:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

/// A name of a function, an alias or a layer, or a version's number.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is to be run for an invocation.
pub(crate) struct Found {
    /// The version that runs; `function.version` is what `X-Amz-Executed-Version` says.
    pub(crate) function: Arc<Function>,
    /// The ARN that was invoked: with the qualifier, when there was one.
    pub(crate) arn: String,
    /// The alias, the version's number or `$LATEST` that was asked for, if any.
    pub(crate) qualifier: Option<String>,
}

/// The version of a function to run for one invocation. `identifier` is a name, a partial ARN or an ARN, which may end
/// with a qualifier; `qualifier` is what came apart from it. An alias with weights draws each time anew.
pub(crate) fn find(service: &Service, identifier: &str, qualifier: Option<&str>) -> Result<Found, Fault> {
    let named = Named::read(service, identifier, qualifier)?;
    // The upper bits of a random UUID.
    let draw = (Uuid::new_v4().as_u64_pair().0 >> 11) as f64 / (1_u64 << 53) as f64;
    Ok(Found {
        function: named.version(service, |alias| alias.pick(draw))?,
        arn: named.arn(service),
        qualifier: named.qualifier.map(str::to_owned),
    })
}

/// The version that a path names, to tell of it: an alias means the version that it points to.
fn read(service: &Service, identifier: &str, qualifier: Option<&str>) -> Result<Arc<Function>, Fault> {
    Named::read(service, identifier, qualifier)?.version(service, |alias| &alias.version)
}
