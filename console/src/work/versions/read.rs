//! All versions and aliases of a function, from all pages.

use aws_sdk_lambda::types::{AliasConfiguration, FunctionConfiguration};

use super::alias;
use crate::{
    message::{Alias, Failure, FunctionVersions},
    work::stage::Stage,
};

/// What the stage has of a function.
pub(super) struct Found {
    /// `$LATEST`, then from the newest to the oldest.
    pub(super) versions: Vec<FunctionConfiguration>,
    /// By name.
    pub(super) aliases: Vec<Alias>,
}

/// The versions and aliases of `function`, as the stage names it; none where it is not there.
pub(super) async fn all(stage: &Stage, function: &str) -> Result<Option<Found>, Failure> {
    let (versions, aliases) = tokio::try_join!(versions(stage, function), aliases(stage, function))?;
    let (Some(mut versions), Some(mut aliases)) = (versions, aliases) else { return Ok(None) };
    versions.sort_by_key(|found| std::cmp::Reverse(rank(found.version().unwrap_or_default())));
    aliases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Some(Found { versions, aliases }))
}

/// Numbers in their order, `$LATEST` above all.
fn rank(version: &str) -> u64 {
    if version == FunctionVersions::LATEST { u64::MAX } else { version.parse().unwrap_or_default() }
}

async fn versions(stage: &Stage, function: &str) -> Result<Option<Vec<FunctionConfiguration>>, Failure> {
    let (mut all, mut marker) = (Vec::new(), None::<String>);
    loop {
        let from = &marker;
        let answer = stage
            .call(|clients| async move {
                let call = clients.lambda().list_versions_by_function().function_name(function);
                call.set_marker(from.clone()).send().await
            })
            .await;
        let page = match answer {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other.map_err(|error| error.into_failure(format!("could not list the versions of {function}")))?,
        };
        all.extend_from_slice(page.versions());
        marker = page.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if marker.is_none() {
            return Ok(Some(all));
        }
    }
}

async fn aliases(stage: &Stage, function: &str) -> Result<Option<Vec<Alias>>, Failure> {
    let (mut all, mut marker) = (Vec::new(), None::<String>);
    loop {
        let from = &marker;
        let answer = stage
            .call(|clients| async move {
                let call = clients.lambda().list_aliases().function_name(function);
                call.set_marker(from.clone()).send().await
            })
            .await;
        let page = match answer {
            Err(error) if error.is_not_found() => return Ok(None),
            other => other.map_err(|error| error.into_failure(format!("could not list the aliases of {function}")))?,
        };
        all.extend(page.aliases().iter().map(told));
        marker = page.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
        if marker.is_none() {
            return Ok(Some(all));
        }
    }
}

fn told(found: &AliasConfiguration) -> Alias {
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
