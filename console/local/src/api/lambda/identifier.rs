//! Resolves function names, ARNs and qualifiers.

use crate::{
    account::ACCOUNT,
    http::error::ApiError,
    service::Service,
    store::{
        function::{self, Function, LATEST, State},
        function_record::{Alias, FunctionRecord},
    },
};
use std::sync::Arc;
use uuid::Uuid;

/// The pattern of a function's name in AWS's words.
const NAME_PATTERN: &str = "satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?\
    ((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)\
    (:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
/// The pattern of a qualifier in AWS's words.
const QUALIFIER_PATTERN: &str = "satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// What an identifier and a qualifier of a request name.
#[derive(Clone, Copy)]
pub(super) struct FunctionRef<'a> {
    /// The function's name.
    pub(super) name: &'a str,
    /// A version's number, an alias or `$LATEST`.
    pub(super) qualifier: Option<&'a str>,
}

impl<'a> FunctionRef<'a> {
    /// Reads a function's name, partial ARN or ARN, each perhaps with a qualifier at its end, and the qualifier that
    /// came apart from it.
    pub(super) fn read(service: &Service, identifier: &'a str, qualifier: Option<&'a str>) -> Result<Self, ApiError> {
        let parts: Vec<&str> = identifier.split(':').collect();
        let (region, account, rest) = match parts.as_slice() {
            ["arn", _, "lambda", region, account, "function", rest @ ..] => (Some(*region), Some(*account), rest),
            [region, account, "function", rest @ ..] if is_account(account) => (Some(*region), Some(*account), rest),
            [account, "function", rest @ ..] if is_account(account) => (None, Some(*account), rest),
            ["function", rest @ ..] if !rest.is_empty() => (None, None, rest),
            rest => (None, None, rest),
        };
        let (name, suffix) = match rest {
            [name] => (*name, None),
            [name, suffix] => (*name, Some(*suffix)),
            _ => ("", None),
        };
        let fits = suffix.is_none_or(|suffix| suffix == LATEST || is_name(suffix));
        if !is_name(name) || !fits || account.is_some_and(|account| !is_account(account)) {
            return Err(ApiError::validation(identifier, "functionName", NAME_PATTERN));
        }
        let qualifier = qualifier.filter(|qualifier| !qualifier.is_empty());
        if let Some(qualifier) = qualifier {
            if qualifier.len() > 128 {
                return Err(ApiError::validation(qualifier, "qualifier", "have length less than or equal to 128"));
            }
            if !is_name(&qualifier.replace('$', "_")) {
                return Err(ApiError::validation(qualifier, "qualifier", QUALIFIER_PATTERN));
            }
        }
        if suffix.is_some() && qualifier.is_some() && suffix != qualifier {
            let message = "The derived qualifier from the function name does not match the specified qualifier.";
            return Err(ApiError::invalid(message));
        }
        if let Some(region) = region.filter(|region| *region != service.region) {
            let here = &service.region;
            let message = format!("Functions from '{region}' are not reachable in this region ('{here}')");
            return Err(ApiError::not_found(message));
        }
        if account.is_some_and(|account| account != ACCOUNT) {
            return Err(ApiError::not_found(format!(
                "Function not found: {identifier} (the account here is {ACCOUNT})"
            )));
        }
        Ok(Self { name, qualifier: suffix.or(qualifier) })
    }

    /// As [`read`](Self::read), for what a function has and its versions and aliases have not.
    pub(super) fn whole(service: &Service, identifier: &'a str) -> Result<Self, ApiError> {
        let named = Self::read(service, identifier, None)?;
        if named.qualifier.is_some_and(|qualifier| qualifier != LATEST) {
            let message = "This operation is permitted on Lambda functions only. Aliases and versions do not support \
                           this operation. Please specify either a function name or an unqualified function ARN.";
            return Err(ApiError::invalid(message));
        }
        Ok(named)
    }

    /// The ARN that is named.
    pub(super) fn arn(&self, service: &Service) -> String {
        function::arn(&service.region, self.name, self.qualifier)
    }

    /// `ResourceNotFoundException` for what is named.
    pub(super) fn not_found(&self, service: &Service) -> ApiError {
        ApiError::not_found(format!("Function not found: {}", self.arn(service)))
    }

    /// All that is kept of the function.
    pub(super) fn record(&self, service: &Service) -> Result<Arc<FunctionRecord>, ApiError> {
        service.functions.record(self.name).ok_or_else(|| self.not_found(service))
    }

    /// The version as it is told: an alias means the version that it points to.
    pub(super) fn version(&self, service: &Service) -> Result<Arc<Function>, ApiError> {
        let record = self.record(service)?;
        record
            .version(self.resolve_alias(&record, |alias| &alias.version))
            .cloned()
            .ok_or_else(|| self.not_found(service))
    }

    /// The version that the qualifier means: `pick` chooses for an alias.
    fn resolve_alias<'b>(&self, record: &'b FunctionRecord, pick: impl FnOnce(&'b Alias) -> &'b str) -> &'b str
    where
        'a: 'b,
    {
        match self.qualifier {
            None => LATEST,
            Some(qualifier) => record.aliases.get(qualifier).map_or(qualifier, pick),
        }
    }
}

/// A name of a function, an alias or a layer, or a version's number.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// A version's number.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && is_number(text)
}

/// What is to be run for an invocation.
pub(crate) struct Resolved {
    /// The version that runs; `function.version` is what `X-Amz-Executed-Version` says.
    pub(crate) function: Arc<Function>,
    /// The ARN that was invoked: with the qualifier, when there was one.
    pub(crate) arn: String,
    /// The alias, the version's number or `$LATEST` that was asked for, if any.
    pub(crate) qualifier: Option<String>,
}

/// The version of a function to run for one invocation. `identifier` is a name, a partial ARN or an ARN, which may end
/// with a qualifier; `qualifier` is what came apart from it. An alias with weights draws each time; while an update
/// of `$LATEST` is in progress, what was there before runs.
///
/// # Errors
///
/// As AWS answers them: 404 when there is no such version, 409 while its code is not there yet or when it never came.
pub(crate) fn resolve(service: &Service, identifier: &str, qualifier: Option<&str>) -> Result<Resolved, ApiError> {
    let named = FunctionRef::read(service, identifier, qualifier)?;
    // As on AWS, a function that is not there is told with the version that would run.
    let not_found = || FunctionRef { qualifier: Some(named.qualifier.unwrap_or(LATEST)), ..named }.not_found(service);
    let record = service.functions.record(named.name).ok_or_else(not_found)?;
    // The upper bits of a random UUID.
    let draw = || (Uuid::new_v4().as_u64_pair().0 >> 11) as f64 / (1_u64 << 53) as f64;
    let function = record.running(named.resolve_alias(&record, |alias| alias.pick(draw()))).ok_or_else(not_found)?;
    let state = match function.state {
        State::Pending => "Pending",
        State::Failed(_) => "Failed",
        State::Active | State::Updating | State::UpdateFailed(_) => {
            let (function, arn) = (Arc::clone(function), named.arn(service));
            return Ok(Resolved { function, arn, qualifier: named.qualifier.map(str::to_owned) });
        }
    };
    Err(ApiError::conflict(format!(
        "The operation cannot be performed at this time. The function is currently in the following state: {state}"
    )))
}
