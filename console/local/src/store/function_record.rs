//! The state stored under a function's name: `$LATEST`, its published versions, its aliases and its
//! resource policies. Plain data; touches nothing.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    code_store::CodeStore,
    function::{Failure, Function, LATEST, State},
};

/// An alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// Version that it points to.
    pub(crate) version: String,
    /// Description.
    pub(crate) description: String,
    /// Weights of the additional versions: from 0 to 1, together at most 1.
    #[serde(default)]
    pub(crate) weights: BTreeMap<String, f64>,
    /// Revision, which changes with every change.
    pub(crate) revision: String,
}

impl Alias {
    /// Picks the version for an invocation: `draw` is uniform over [0, 1).
    pub(crate) fn pick(&self, draw: f64) -> &str {
        let mut end = 0.0;
        for (version, weight) in &self.weights {
            end += weight;
            if draw < end {
                return version;
            }
        }
        &self.version
    }

    /// Returns `true` if any of its invocations go to that version.
    pub(crate) fn leads_to(&self, version: &str) -> bool {
        self.version == version || self.weights.contains_key(version)
    }
}

/// Resource policy of a function.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// The statements, in the order in which they were added.
    pub(crate) statements: Vec<Value>,
    /// Revision, which changes with every change.
    pub(crate) revision: String,
}

/// The state stored under a function's name. In its file the fields of `$LATEST` are not nested,
/// for compatibility with older files, which contain nothing else.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    /// `$LATEST`.
    #[serde(flatten)]
    pub(crate) latest: Arc<Function>,
    /// `$LATEST` before the update in progress, which runs until the update is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<Arc<Function>>,
    /// The published versions by their numbers.
    #[serde(default)]
    pub(crate) versions: BTreeMap<u64, Arc<Function>>,
    /// Number of the last published version; a number is used once, even if its version is deleted.
    #[serde(default)]
    pub(crate) published: u64,
    /// The aliases by their names.
    #[serde(default)]
    pub(crate) aliases: BTreeMap<String, Alias>,
    /// The resource policies by their qualifiers; the empty one is for the function itself.
    #[serde(default)]
    pub(crate) policies: BTreeMap<String, Policy>,
}

impl FunctionRecord {
    /// Creates the record of a new function.
    pub(crate) fn new(latest: Arc<Function>) -> Self {
        Self {
            latest,
            previous: None,
            versions: BTreeMap::new(),
            published: 0,
            aliases: BTreeMap::new(),
            policies: BTreeMap::new(),
        }
    }

    /// Returns `$LATEST` or the published version of that number, as the API describes it.
    pub(crate) fn version(&self, version: &str) -> Option<&Arc<Function>> {
        match version {
            LATEST => Some(&self.latest),
            number => self.versions.get(&number.parse().ok()?),
        }
    }

    /// Returns `$LATEST` or the published version of that number, as it runs.
    pub(crate) fn running(&self, version: &str) -> Option<&Arc<Function>> {
        match (version, &self.previous) {
            (LATEST, Some(previous)) => Some(previous),
            _ => self.version(version),
        }
    }

    /// Returns `$LATEST` as the API describes it, then the published versions.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &Arc<Function>> {
        std::iter::once(&self.latest).chain(self.versions.values())
    }

    /// Returns all versions whose code is needed.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.listed().chain(&self.previous)
    }

    /// Takes a lease on the code of every version.
    pub(crate) fn hold(&mut self, codes: &Arc<CodeStore>) {
        let versions = self.versions.values_mut();
        for function in versions.chain([&mut self.latest]).chain(&mut self.previous) {
            if !function.is_held() {
                let held = codes.hold(function.codes());
                Arc::make_mut(function).held = Some(Arc::new(held));
            }
        }
    }

    /// Makes `latest` the new `$LATEST`, which takes effect with [`settle`](Self::settle).
    pub(crate) fn update(&mut self, latest: Function) {
        let old = std::mem::replace(&mut self.latest, latest.touch());
        // An old version that has never run cannot serve during the update.
        let state =
            if matches!(old.state, State::Failed(_)) { State::Pending } else { State::Updating };
        self.latest = Arc::new(Function::clone(&self.latest).turn(state));
        self.previous = Some(old);
    }

    /// Publishes `$LATEST`, unless it is identical to the last version; also returns `true` if the
    /// version is new. A version whose code is not unpacked yet is `Pending`.
    pub(crate) fn publish(&mut self, description: Option<String>) -> (Arc<Function>, bool) {
        let source = self.latest.fingerprint();
        if let Some(last) = self.versions.get(&self.published)
            && last.source == source
        {
            return (Arc::clone(last), false);
        }
        self.published += 1;
        let state = match self.latest.state {
            State::Updating | State::Pending => State::Pending,
            _ => State::Active,
        };
        let version = Function {
            version: self.published.to_string(),
            source,
            revision: uuid::Uuid::new_v4().to_string(),
            description: description.unwrap_or_else(|| self.latest.description.clone()),
            ..Function::clone(&self.latest)
        };
        let version = Arc::new(version.turn(state));
        self.versions.insert(self.published, Arc::clone(&version));
        // As on AWS, where publishing changes the RevisionId of `$LATEST`.
        let state = self.latest.state.clone();
        self.latest = Arc::new(Function::clone(&self.latest).turn(state));
        (version, true)
    }

    /// Ends the update in progress, or the creation. Returns the version that is no longer needed:
    /// the old `$LATEST`, or the new one if the update failed.
    pub(crate) fn settle(&mut self, outcome: Result<(), Failure>) -> Option<Arc<Function>> {
        let state = match &outcome {
            Ok(()) => State::Active,
            Err(failure) => State::Failed(failure.clone()),
        };
        for version in self.versions.values_mut().filter(|version| version.state == State::Pending)
        {
            *version = Arc::new(Function { state: state.clone(), ..Function::clone(version) });
        }
        match (outcome, self.previous.take()) {
            (Err(failure), Some(old)) => {
                let state = match old.state {
                    State::Failed(_) => State::Failed(failure),
                    _ => State::UpdateFailed(failure),
                };
                let tags = self.latest.tags.clone();
                let old = Function { tags, ..Function::clone(&old) };
                Some(std::mem::replace(&mut self.latest, Arc::new(old.turn(state))))
            }
            (Err(_), None) => {
                self.latest = Arc::new(Function::clone(&self.latest).turn(state));
                None
            }
            (Ok(()), previous) => {
                self.latest = Arc::new(Function::clone(&self.latest).done());
                previous
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_splits_invocations_by_its_weights() {
        let weights = BTreeMap::from([("2".to_owned(), 0.25), ("3".to_owned(), 0.05)]);
        let alias = Alias {
            version: "1".to_owned(),
            description: String::new(),
            weights,
            revision: String::new(),
        };
        let mut counts = BTreeMap::new();
        for draw in 0..1000 {
            *counts.entry(alias.pick(f64::from(draw) / 1000.0)).or_insert(0) += 1;
        }
        assert_eq!(counts, BTreeMap::from([("1", 700), ("2", 250), ("3", 50)]));
    }
}
