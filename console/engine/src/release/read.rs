//! All versions and aliases of a function, from all pages.

use aws_sdk_lambda::types::{AliasConfiguration, FunctionConfiguration};
use lambda_console_model::{Alias, Failure, FailureKind, FunctionVersions};

use crate::aws::{
    alias,
    error::{CallError, present},
    stage::Stage,
};

/// Versions and aliases of a function on the stage.
pub(super) struct Found {
    /// `$LATEST`, then newest to oldest.
    pub(super) versions: Vec<FunctionConfiguration>,
    /// By name.
    pub(super) aliases: Vec<Alias>,
}

/// Returns the versions and aliases of `function`, by its name on the stage; `None` if it does not
/// exist.
pub(super) async fn all(stage: &Stage, function: &str) -> Result<Option<Found>, Failure> {
    match seen(stage, function).await? {
        Some((_, Some(refused))) => Err(refused),
        Some((found, None)) => Ok(Some(found)),
        None => Ok(None),
    }
}

/// As [`all`], without the aliases if this caller may not read them.
pub(super) async fn seen(
    stage: &Stage,
    function: &str,
) -> Result<Option<(Found, Option<Failure>)>, Failure> {
    let failed = |what: &str, error: CallError| {
        error.into_failure(format!("could not list the {what} of {function}"))
    };
    let versions = async {
        present(versions(stage, function).await).map_err(|error| failed("versions", error))
    };
    let aliases =
        async { present(aliases(stage, function).await).map_err(|error| failed("aliases", error)) };
    let (versions, aliases) = tokio::join!(versions, aliases);
    let (aliases, refused) = match aliases {
        Err(failure) if failure.kind == FailureKind::Denied => (Some(Vec::new()), Some(failure)),
        aliases => (aliases?, None),
    };
    let (Some(mut versions), Some(aliases)) = (versions?, aliases) else { return Ok(None) };
    versions.sort_by_key(|found| std::cmp::Reverse(rank(found.version().unwrap_or_default())));
    let mut aliases: Vec<Alias> = aliases.iter().map(from_sdk).collect();
    aliases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Some((Found { versions, aliases }, refused)))
}

/// Sorts numbers in their order, with `$LATEST` above all.
fn rank(version: &str) -> u64 {
    if version == FunctionVersions::LATEST { u64::MAX } else { version.parse().unwrap_or_default() }
}

/// All versions of a function, including `$LATEST`, in Lambda's order.
pub(crate) async fn versions(
    stage: &Stage,
    function: &str,
) -> Result<Vec<FunctionConfiguration>, CallError> {
    stage
        .call(|clients| async move {
            let pages = clients
                .lambda()
                .list_versions_by_function()
                .function_name(function)
                .into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await
}

/// All aliases of a function, in Lambda's order.
pub(crate) async fn aliases(
    stage: &Stage,
    function: &str,
) -> Result<Vec<AliasConfiguration>, CallError> {
    stage
        .call(|clients| async move {
            let pages = clients.lambda().list_aliases().function_name(function).into_paginator();
            pages.items().send().collect::<Result<Vec<_>, _>>().await
        })
        .await
}

fn from_sdk(found: &AliasConfiguration) -> Alias {
    Alias {
        name: found.name().unwrap_or_default().to_owned(),
        version: found.function_version().unwrap_or_default().to_owned(),
        canary: alias::share(found.routing_config()),
        before: alias::before(found.description().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let mut versions = ["9", "$LATEST", "10", "1"];
        versions.sort_by_key(|version| std::cmp::Reverse(rank(version)));
        assert_eq!(versions, ["$LATEST", "10", "9", "1"]);
    }
}
