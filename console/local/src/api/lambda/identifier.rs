//! Resolves function names, ARNs and qualifiers.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    account::{ACCOUNT, is_account},
    http::error::ApiError,
    service::Service,
    store::{
        function::{self, Function, LATEST, State},
        function_record::{Alias, FunctionRecord},
    },
};

/// Pattern of a function's name in AWS's words.
const NAME_PATTERN: &str = "satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?\
    ((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)\
    (:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
/// Pattern of a qualifier in AWS's words.
const QUALIFIER_PATTERN: &str =
    "satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+";

/// Function name and qualifier of a request.
#[derive(Clone, Copy)]
pub(super) struct FunctionRef<'a> {
    /// Name of the function.
    pub(super) name: &'a str,
    /// Number of a version, an alias or `$LATEST`.
    pub(super) qualifier: Option<&'a str>,
}

impl<'a> FunctionRef<'a> {
    /// Parses a function's name, partial ARN or ARN, each with an optional qualifier at its end,
    /// and the separate qualifier.
    pub(super) fn read(
        service: &Service,
        identifier: &'a str,
        qualifier: Option<&'a str>,
    ) -> Result<Self, ApiError> {
        let Some(Parts { region, account, name, suffix }) = Parts::parse(identifier) else {
            return Err(ApiError::validation(identifier, "functionName", NAME_PATTERN));
        };
        let qualifier = qualifier.filter(|qualifier| !qualifier.is_empty());
        if let Some(qualifier) = qualifier {
            if qualifier.len() > 128 {
                return Err(ApiError::validation(
                    qualifier,
                    "qualifier",
                    "have length less than or equal to 128",
                ));
            }
            if !is_name(&qualifier.replace('$', "_")) {
                return Err(ApiError::validation(qualifier, "qualifier", QUALIFIER_PATTERN));
            }
        }
        if suffix.is_some() && qualifier.is_some() && suffix != qualifier {
            let message = "The derived qualifier from the function name does not match the \
                specified qualifier.";
            return Err(ApiError::invalid(message));
        }
        if let Some(region) = region.filter(|region| *region != service.region) {
            let here = &service.region;
            let message =
                format!("Functions from '{region}' are not reachable in this region ('{here}')");
            return Err(ApiError::not_found(message));
        }
        if account.is_some_and(|account| account != ACCOUNT) {
            return Err(ApiError::not_found(format!(
                "Function not found: {identifier} (the account here is {ACCOUNT})"
            )));
        }
        Ok(Self { name, qualifier: suffix.or(qualifier) })
    }

    /// As [`read`](Self::read), for properties of a function that its versions and aliases do not
    /// have.
    pub(super) fn whole(service: &Service, identifier: &'a str) -> Result<Self, ApiError> {
        let named = Self::read(service, identifier, None)?;
        if named.qualifier.is_some_and(|qualifier| qualifier != LATEST) {
            let message = "This operation is permitted on Lambda functions only. Aliases and \
                versions do not support this operation. Please specify either a function name or \
                an unqualified function ARN.";
            return Err(ApiError::invalid(message));
        }
        Ok(named)
    }

    /// Returns the ARN, with the qualifier if there is one.
    pub(super) fn arn(&self, service: &Service) -> String {
        function::arn(&service.region, self.name, self.qualifier)
    }

    /// `ResourceNotFoundException` for this ARN.
    pub(super) fn not_found(&self, service: &Service) -> ApiError {
        ApiError::not_found(format!("Function not found: {}", self.arn(service)))
    }

    /// Returns the stored record of the function.
    pub(super) fn record(&self, service: &Service) -> Result<Arc<FunctionRecord>, ApiError> {
        service.functions.record(self.name).ok_or_else(|| self.not_found(service))
    }

    /// Returns the version as the API describes it: an alias stands for the version that it points
    /// to.
    pub(super) fn version(&self, service: &Service) -> Result<Arc<Function>, ApiError> {
        let record = self.record(service)?;
        record
            .version(self.resolve_alias(&record, |alias| &alias.version))
            .cloned()
            .ok_or_else(|| self.not_found(service))
    }

    /// Resolves the qualifier to a version: `pick` chooses for an alias.
    fn resolve_alias<'b>(
        &self,
        record: &'b FunctionRecord,
        pick: impl FnOnce(&'b Alias) -> &'b str,
    ) -> &'b str
    where
        'a: 'b,
    {
        match self.qualifier {
            None => LATEST,
            Some(qualifier) => record.aliases.get(qualifier).map_or(qualifier, pick),
        }
    }
}

/// The parts of an identifier.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    name: &'a str,
    suffix: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Matches [`NAME_PATTERN`]: as there, what may be a region, an account or the word `function`
    /// is one, as long as a name is left.
    fn parse(identifier: &'a str) -> Option<Self> {
        let parts: Vec<&str> = identifier.split(':').collect();
        let rest = match parts.as_slice() {
            ["arn", partition, "lambda", rest @ ..] if partition.starts_with("aws") => rest,
            rest => rest,
        };
        let (region, rest) = match rest {
            [region, rest @ ..] if !rest.is_empty() && is_region(region) => (Some(*region), rest),
            rest => (None, rest),
        };
        let (account, rest) = match rest {
            [account, rest @ ..] if !rest.is_empty() && is_account(account) => {
                (Some(*account), rest)
            }
            rest => (None, rest),
        };
        let (name, suffix) = match rest {
            ["function", name] | [name] => (*name, None),
            ["function", name, suffix] | [name, suffix] => (*name, Some(*suffix)),
            _ => return None,
        };
        let fits = suffix.is_none_or(|suffix| suffix == LATEST || is_name(suffix));
        (is_name(name) && fits).then_some(Self { region, account, name, suffix })
    }
}

/// A region's name, such as `us-east-1` or `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.strip_prefix("eusc-").unwrap_or(text).split('-').collect();
    let is_lower =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let (country, area, number) = match words.as_slice() {
        [country, area, number] => (country, area, number),
        [country, partition, area, number]
            if *partition == "gov" || partition.starts_with("iso") =>
        {
            (country, area, number)
        }
        _ => return false,
    };
    country.len() == 2
        && is_lower(country)
        && is_lower(area)
        && number.len() == 1
        && is_number(number)
}

/// Returns `true` for a valid name of a function, an alias or a layer, or the number of a version.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Returns `true` for the number of a version.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Function version that an invocation runs.
pub(crate) struct Resolved {
    /// The version that runs; `function.version` is the value of `X-Amz-Executed-Version`.
    pub(crate) function: Arc<Function>,
    /// The invoked ARN, with the qualifier if there was one.
    pub(crate) arn: String,
    /// The requested alias, version number or `$LATEST`, if any.
    pub(crate) qualifier: Option<String>,
}

/// Resolves the version of a function to run for one invocation. `identifier` is a name, a partial
/// ARN or an ARN, which may end with a qualifier; `qualifier` is the separate one. An alias with
/// weights picks a version at random each time; while an update of `$LATEST` is in progress, the
/// previous `$LATEST` runs.
///
/// # Errors
///
/// As on AWS: 404 if there is no such version, 409 while its code is not unpacked yet or if that
/// failed.
pub(crate) fn resolve(
    service: &Service,
    identifier: &str,
    qualifier: Option<&str>,
) -> Result<Resolved, ApiError> {
    let named = FunctionRef::read(service, identifier, qualifier)?;
    // As on AWS, the error for a missing function names the version that would run.
    let not_found = || {
        FunctionRef { qualifier: Some(named.qualifier.unwrap_or(LATEST)), ..named }
            .not_found(service)
    };
    let record = service.functions.record(named.name).ok_or_else(not_found)?;
    // The upper bits of a random UUID.
    let draw = || (Uuid::new_v4().as_u64_pair().0 >> 11) as f64 / (1_u64 << 53) as f64;
    let function = record
        .running(named.resolve_alias(&record, |alias| alias.pick(draw())))
        .ok_or_else(not_found)?;
    let state = match function.state {
        State::Pending => "Pending",
        State::Failed(_) => "Failed",
        State::Active | State::Updating | State::UpdateFailed(_) => {
            let (function, arn) = (Arc::clone(function), named.arn(service));
            return Ok(Resolved { function, arn, qualifier: named.qualifier.map(str::to_owned) });
        }
    };
    Err(ApiError::conflict(format!(
        "The operation cannot be performed at this time. The function is currently in the \
        following state: {state}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_parsed_by_its_pattern() {
        let parts = |region, account, name, suffix| Some(Parts { region, account, name, suffix });
        let (region, account) = (Some("eu-central-1"), Some("000000000000"));
        for (identifier, expected) in [
            ("e2", parts(None, None, "e2", None)),
            ("e2:live", parts(None, None, "e2", Some("live"))),
            ("e2:$LATEST", parts(None, None, "e2", Some("$LATEST"))),
            ("function:e2", parts(None, None, "e2", None)),
            ("function:e2:1", parts(None, None, "e2", Some("1"))),
            ("000000000000:e2", parts(None, account, "e2", None)),
            ("000000000000:e2:live", parts(None, account, "e2", Some("live"))),
            ("000000000000:function:e2", parts(None, account, "e2", None)),
            ("000000000000:function:e2:live", parts(None, account, "e2", Some("live"))),
            ("eu-central-1:e2", parts(region, None, "e2", None)),
            ("eu-central-1:000000000000:e2", parts(region, account, "e2", None)),
            ("eu-central-1:000000000000:function:e2:1", parts(region, account, "e2", Some("1"))),
            (
                "arn:aws:lambda:eu-central-1:000000000000:function:e2",
                parts(region, account, "e2", None),
            ),
            (
                "arn:aws:lambda:eu-central-1:000000000000:function:e2:1",
                parts(region, account, "e2", Some("1")),
            ),
            (
                "arn:aws:lambda:us-gov-west-1:000000000000:function:e2",
                parts(Some("us-gov-west-1"), account, "e2", None),
            ),
            // What is left has to be a name.
            ("function", parts(None, None, "function", None)),
            ("000000000000", parts(None, None, "000000000000", None)),
            ("eu-central-1", parts(None, None, "eu-central-1", None)),
            ("00000000000:e2", parts(None, None, "00000000000", Some("e2"))),
            ("", None),
            ("a b", None),
            ("e2:", None),
            (":e2", None),
            ("e2:a b", None),
            ("000000000000:e2:live:1", None),
            ("arn:aws:sqs:eu-central-1:000000000000:e2", None),
            ("arn:aws:lambda:eu-central-1:1234:function:e2", None),
        ] {
            assert_eq!(Parts::parse(identifier), expected, "{identifier}");
        }
    }
}
