//! Binaries that may be functions that were not detected: their package gets the runtime through
//! another package of the workspace. They may also be tools, so they are only mentioned.
//!
//! Pure.

use std::{collections::HashMap, path::Path};

use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};
use lambda_console_model::Failure;

use super::{depends_on, runtime_of};

const RUNTIMES: [&str; 3] = ["lambda-console-runtime", "lambda_runtime", "lambda_http"];

/// A hint for each such package.
pub(super) fn hints(metadata: &Metadata) -> Vec<Failure> {
    let packages = metadata.workspace_packages();
    let by_directory: HashMap<&Path, &Package> = packages
        .iter()
        .filter_map(|package| Some((package.manifest_path.as_std_path().parent()?, *package)))
        .collect();
    let hint = |package: &&Package| {
        let has_binary =
            package.targets.iter().any(|target| target.kind.contains(&TargetKind::Bin));
        let (runtime, by) =
            link(package, &by_directory).filter(|_| has_binary && runtime_of(package).is_none())?;
        Some(Failure::usage(
            format!("did not list the binaries of {}", package.name),
            format!(
                "it depends on {runtime} through {by}, and its own manifest does not mark them as \
                functions"
            ),
            format!(
                "`[package.metadata.lambda]` in {} makes them functions",
                package.manifest_path
            ),
        ))
    };
    packages.iter().filter_map(hint).collect()
}

/// The runtime that the package links, and the package of the workspace that it gets it from.
fn link(
    package: &Package,
    by_directory: &HashMap<&Path, &Package>,
) -> Option<(&'static str, String)> {
    let mut seen = vec![&package.id];
    let mut next = vec![package];
    while let Some(package) = next.pop() {
        let local = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in
            local.filter_map(|dependency| by_directory.get(dependency.path.as_ref()?.as_std_path()))
        {
            if seen.contains(&&dependency.id) {
                continue;
            }
            if let Some(runtime) = RUNTIMES.into_iter().find(|name| depends_on(dependency, &[name]))
            {
                return Some((runtime, dependency.name.to_string()));
            }
            seen.push(&dependency.id);
            next.push(dependency);
        }
    }
    None
}
