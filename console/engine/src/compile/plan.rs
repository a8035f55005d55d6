//! Groups functions into cargo calls.
//!
//! Cargo builds each binary of a requested name, in all packages of the call, and puts them in one
//! place; so packages with a binary of one name share no call. It also unifies the features of all
//! packages that a call builds, so a function could have other code when it is built with other
//! functions than alone. Functions share a call if all their common crates are the same as without
//! the others.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lambda_console_model::{Failure, Features, Function};
use serde::Deserialize;

/// The functions of one package that are built with the same features.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Selection<'a> {
    /// The package's id.
    pub(super) package: &'a str,
    pub(super) features: Features,
    pub(super) functions: Vec<&'a Function>,
}

impl Selection<'_> {
    /// Returns `true` if cargo would build a binary of one of the two packages under the name of a
    /// function of the other. File systems may treat names as equal that differ in case.
    fn collides(&self, other: &Self) -> bool {
        let builds = |one: &Self, binary: &str| {
            one.functions.iter().any(|it| it.binary.eq_ignore_ascii_case(binary))
        };
        let has = |one: &Self, other: &Self| {
            let binaries = one.functions.iter().flat_map(|function| &function.target.binaries);
            binaries.into_iter().any(|binary| builds(other, binary))
        };
        self.package != other.package && (has(self, other) || has(other, self))
    }
}

/// Groups the functions of one package. `wanted`: features that are requested in addition to those
/// of the manifests.
pub(super) fn selections<'a>(functions: &[&'a Function], wanted: &Features) -> Vec<Selection<'a>> {
    let mut selections: Vec<Selection<'a>> = Vec::new();
    for function in functions {
        let features = features(function, wanted);
        let package =
            if function.target.id.is_empty() { &function.package } else { &function.target.id };
        let same = |selection: &&mut Selection<'_>| {
            selection.package == package && selection.features == features
        };
        match selections.iter_mut().find(same) {
            Some(selection) => selection.functions.push(function),
            None => selections.push(Selection { package, features, functions: vec![function] }),
        }
    }
    selections
}

/// The features of the manifest and those of `wanted` that the package has.
fn features(function: &Function, wanted: &Features) -> Features {
    let mut features = function.config.features.clone();
    features.all |= wanted.all;
    features.no_default |= wanted.no_default;
    features.names.extend(wanted.names.iter().filter(|name| is_of(function, name)).cloned());
    features.names.sort();
    features.names.dedup();
    features
}

/// Returns `true` if the package has a feature of this name, or the name is one of a dependency's,
/// `crate/feature`.
pub(super) fn is_of(function: &Function, feature: &str) -> bool {
    feature.contains('/') || function.target.features.iter().any(|own| own == feature)
}

/// Units that cargo would compile for a selection alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Units {
    /// The binaries that can be built with its features.
    binaries: BTreeSet<String>,
    /// The features of each crate, by the crate's package and the platform; `None` is this machine,
    /// for build scripts and macros.
    crates: BTreeMap<(String, Option<String>), BTreeSet<Vec<String>>>,
}

impl Units {
    /// Parses the output of `cargo build --unit-graph`.
    pub(super) fn read(graph: &str) -> serde_json::Result<Self> {
        let graph: Graph = serde_json::from_str(graph)?;
        let roots = graph.roots.iter().filter_map(|root| graph.units.get(*root));
        let binaries = roots.map(|unit| unit.target.name.clone()).collect();
        let mut crates: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for unit in graph.units {
            crates.entry((unit.pkg_id, unit.platform)).or_default().insert(unit.features);
        }
        Ok(Self { binaries, crates })
    }

    /// Returns `true` if the common crates of both have the same features.
    fn agrees(&self, other: &Self) -> bool {
        self.crates
            .iter()
            .all(|(name, features)| other.crates.get(name).is_none_or(|others| others == features))
    }

    fn merge(&mut self, other: &Self) {
        self.binaries.extend(other.binaries.iter().cloned());
        self.crates
            .extend(other.crates.iter().map(|(name, features)| (name.clone(), features.clone())));
    }

    /// The ids of the packages that are compiled.
    pub(super) fn packages(&self) -> HashSet<&str> {
        self.crates.keys().map(|(package, _)| package.as_str()).collect()
    }
}

#[derive(Deserialize)]
struct Graph {
    units: Vec<Unit>,
    roots: Vec<usize>,
}

#[derive(Deserialize)]
struct Unit {
    pkg_id: String,
    target: Target,
    platform: Option<String>,
    features: Vec<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Groups the selections, by their indices, that share a call. `units` has the units of each, if
/// known; a selection with unknown units is built alone, so that cargo reports the reason.
pub(super) fn calls(selections: &[Selection<'_>], units: &[Option<Units>]) -> Vec<Vec<usize>> {
    let mut calls: Vec<(Vec<usize>, Option<Units>)> = Vec::new();
    for (place, (selection, units)) in selections.iter().zip(units).enumerate() {
        // The arguments for features apply to the whole call.
        let shares = selection.features == Features::default();
        let is_other = |call: &&mut (Vec<usize>, Option<Units>)| {
            let (Some(all), Some(units)) = (&call.1, units) else { return false };
            selections[call.0[0]].features == Features::default()
                && !call.0.iter().any(|other| selections[*other].collides(selection))
                && all.agrees(units)
        };
        match calls.iter_mut().find(is_other).filter(|_| shares) {
            Some((places, Some(all))) => {
                places.push(place);
                if let Some(units) = units {
                    all.merge(units);
                }
            }
            _ => calls.push((vec![place], units.clone())),
        }
    }
    calls.into_iter().map(|(places, _)| places).collect()
}

/// Removes from `selection` the functions that cargo would refuse to build with these features,
/// which would make the others fail too. Returns them with their failures.
pub(super) fn take_refused<'a>(
    selection: &mut Selection<'a>,
    units: &Units,
) -> Vec<(&'a Function, Failure)> {
    let (built, refused) = selection
        .functions
        .drain(..)
        .partition(|function| units.binaries.contains(&function.binary));
    selection.functions = built;
    let because = |function: &'a Function| (function, required(function));
    let refused: Vec<&Function> = refused;
    refused.into_iter().map(because).collect()
}

fn required(function: &Function) -> Failure {
    let required = &function.target.required;
    let names = required.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let list = required.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let (features, are) = if required.len() == 1 { ("feature", "is") } else { ("features", "are") };
    Failure::usage(
        format!("could not build {}", function.name),
        format!("its binary requires the {features} {names}, which {are} not enabled"),
        format!(
            "`--features {}` does, or `features = [{list}]` below \
            `[package.metadata.lambda.bin.{}.build]` in {}",
            required.join(","),
            function.binary,
            function.manifest.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, required: &[&str]) -> Function {
        let target = serde_json::json!({"id": format!("path+file:///w/{name}#0.1.0"), "features": ["x", "y"], "required": required});
        let function = serde_json::json!({"name": name, "binary": name, "package": name, "manifest": "/w/Cargo.toml", "runtime": "bundled",
            "target": target, "architecture": "arm64", "config": {}, "events": [], "bootstrap": null, "zip": null, "stale": false});
        serde_json::from_value(function).unwrap()
    }

    /// Output of `cargo build --unit-graph` for crates with a platform and a feature, the first
    /// being the root.
    fn units(crates: &[(&str, Option<&str>, &str)]) -> Units {
        let unit = |(name, platform, feature): &(&str, Option<&str>, &str)| {
            serde_json::json!({"pkg_id": name, "target": {"name": name, "kind": ["bin"]}, "platform": platform, "features": [feature],
                "profile": {}, "mode": "build", "dependencies": []})
        };
        let units: Vec<_> = crates.iter().map(unit).collect();
        Units::read(&serde_json::json!({"version": 1, "units": units, "roots": [0]}).to_string())
            .unwrap()
    }

    #[test]
    fn functions_share_a_call_where_all_that_they_have_in_common_is_the_same() {
        let functions = ["a", "b", "c", "d", "e"].map(|name| function(name, &[]));
        let selections = selections(&functions.iter().collect::<Vec<_>>(), &Features::default());
        let arm = Some("aarch64-unknown-linux-musl");
        let units = [
            Some(units(&[("a", arm, ""), ("serde", arm, "derive"), ("syn", None, "full")])),
            Some(units(&[("b", arm, ""), ("serde", arm, "")])),
            // A build script's crate is a separate one from the function's.
            Some(units(&[("c", arm, ""), ("serde", None, ""), ("serde", arm, "derive")])),
            None,
            Some(units(&[("e", arm, ""), ("serde", None, "rc"), ("serde", arm, "derive")])),
        ];
        assert_eq!(calls(&selections, &units), [vec![0, 2], vec![1], vec![3], vec![4]]);
    }

    #[test]
    fn features_are_asked_for_where_a_package_has_them_and_then_it_is_built_alone() {
        let mut functions = ["a", "b", "c"].map(|name| function(name, &[]));
        functions[1].target.features.clear();
        let wanted = Features { names: vec!["x".into(), "b/z".into()], ..Features::default() };
        let selections = selections(&functions.iter().collect::<Vec<_>>(), &wanted);
        let names = |selection: &Selection<'_>| selection.features.names.join(" ");
        assert_eq!(selections.iter().map(names).collect::<Vec<_>>(), ["b/z x", "b/z", "b/z x"]);
        let units = [(); 3].map(|()| Some(Units::default()));
        assert_eq!(calls(&selections, &units), [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn packages_with_a_binary_of_one_name_share_no_call() {
        let mut functions = ["a", "b", "c", "d"].map(|name| function(name, &[]));
        for (function, binaries) in
            functions.iter_mut().zip([&["a"][..], &["b", "A"], &["c"], &["d", "c"]])
        {
            function.target.binaries = binaries.iter().map(|name| (*name).to_owned()).collect();
        }
        let selections = selections(&functions.iter().collect::<Vec<_>>(), &Features::default());
        let units = [(); 4].map(|()| Some(Units::default()));
        assert_eq!(calls(&selections, &units), [vec![0, 2], vec![1, 3]]);
    }

    #[test]
    fn a_binary_that_cargo_would_refuse_is_taken_out() {
        let functions = [function("a", &[]), function("b", &["x", "y"])];
        let mut selection = Selection {
            package: "p",
            features: Features::default(),
            functions: functions.iter().collect(),
        };
        let refused = take_refused(&mut selection, &units(&[("a", None, "")]));
        assert_eq!(selection.functions, [&functions[0]]);
        assert_eq!(
            refused[0].1.why,
            "its binary requires the features `x` and `y`, which are not enabled"
        );
    }
}
