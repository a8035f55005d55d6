//! A function's versions and aliases on a stage, with the figures of each version, and the outcome
//! of changing them.

mod plan;
mod promote;

use serde::{Deserialize, Serialize};

use super::{deploy::ChangeKind, stats::Percentiles};

pub use self::{
    plan::{VersionsEffect, VersionsPlan},
    promote::{Canary, PromoteOutcome, Promoted, Promotion},
};

/// A function's versions on a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionVersions {
    /// The function's name in the workspace.
    pub name: String,
    /// The stage's name.
    pub stage: String,
    /// The function's name on the stage.
    pub function: String,
    /// Alias in the stage's settings, which its callers use. `None` if they use `$LATEST`.
    pub alias: Option<String>,
    /// All aliases, sorted by name.
    pub aliases: Vec<Alias>,
    /// `$LATEST`, then the versions from the newest to the oldest.
    pub versions: Vec<Version>,
    /// Start of the period of the figures, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Errors for parts that this caller has no permission to read: aliases, figures.
    pub refused: Vec<super::failure::Failure>,
}

/// An alias: a name that points to a version and can be moved to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// Version that it points to.
    pub version: String,
    /// Version that receives a share of the traffic, while a canary is running or after one was
    /// interrupted.
    pub canary: Option<Share>,
    /// Version that it pointed to before, if the console recorded it.
    pub before: Option<String>,
}

/// Share of an alias's traffic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Version that receives it.
    pub version: String,
    /// Weight, 0 to 1.
    pub weight: f64,
}

/// One version: code and configuration as they were when it was published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Version number, or `$LATEST`.
    pub version: String,
    /// Description set at publication: the git commit it was built from.
    pub description: String,
    /// SHA-256 of its zip, lower-case hexadecimal.
    pub sha256: String,
    /// Size of its zip in bytes.
    pub bytes: u64,
    /// Time of publication, or of the last change of `$LATEST`, in milliseconds since the Unix
    /// epoch.
    pub modified_at: i64,
    /// Figures of its invocations.
    pub figures: VersionFigures,
}

/// Figures of one version's invocations, from the logs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionFigures {
    /// Number of invocations.
    pub invocations: u64,
    /// Number of failed invocations: function errors, time-outs and runtime exits.
    pub failed: u64,
    /// Number of cold starts among them.
    pub cold: u64,
    /// Init durations of the cold starts.
    pub init_ms: Option<Percentiles>,
    /// Handler durations of all invocations.
    pub duration_ms: Option<Percentiles>,
}

impl VersionFigures {
    /// Returns the share of failed invocations, 0 to 1.
    pub fn failed_share(&self) -> f64 {
        if self.invocations == 0 { 0.0 } else { self.failed as f64 / self.invocations as f64 }
    }
}

impl FunctionVersions {
    /// Name of the unpublished version: the code of the last deploy.
    pub const LATEST: &str = "$LATEST";

    /// Returns the alias that the stage's callers use.
    pub fn stage_alias(&self) -> Option<&Alias> {
        let name = self.alias.as_deref()?;
        self.aliases.iter().find(|alias| alias.name == name)
    }

    /// Returns the version that the stage's callers use, apart from a canary's share.
    pub fn live(&self) -> Option<&str> {
        match &self.alias {
            None => Some(Self::LATEST),
            Some(_) => self.stage_alias().map(|alias| alias.version.as_str()),
        }
    }

    /// Returns the aliases that point to `version`, each with the weight of the version.
    pub fn aliases_of<'a>(&'a self, version: &'a str) -> impl Iterator<Item = (&'a Alias, f64)> {
        self.aliases.iter().filter_map(move |alias| {
            let canary = alias.canary.as_ref();
            if alias.version == version {
                return Some((alias, 1.0 - canary.map_or(0.0, |share| share.weight)));
            }
            canary.filter(|share| share.version == version).map(|share| (alias, share.weight))
        })
    }

    /// Returns the versions to delete if the `keep` newest are kept, and every version that an
    /// alias points to: oldest first.
    pub fn prunable(&self, keep: usize) -> Vec<String> {
        let published = self.versions.iter().filter(|version| version.version != Self::LATEST);
        let free = |version: &&Version| self.aliases_of(&version.version).next().is_none();
        let mut old: Vec<String> =
            published.skip(keep).filter(free).map(|version| version.version.clone()).collect();
        old.reverse();
        old
    }

    /// Returns the target of a rollback without a version: the version that the stage's alias
    /// pointed to before, else the newest one that is older than the current one.
    pub fn previous(&self) -> Option<&str> {
        let alias = self.stage_alias();
        let noted = alias.and_then(|alias| alias.before.as_deref());
        let is_there = |version: &&str| self.versions.iter().any(|known| known.version == *version);
        if let Some(version) = noted.filter(is_there) {
            return Some(version);
        }
        let number = |version: &str| version.parse::<u64>().ok();
        let latest = self.versions.iter().find(|version| version.version == Self::LATEST);
        let mut published = self.versions.iter().filter(|version| version.version != Self::LATEST);
        let found = match alias {
            Some(alias) => {
                published.find(|version| number(&version.version) < number(&alias.version))
            }
            // Without an alias, a rollback restores code: the newest version whose code is not
            // deployed already.
            None => published
                .find(|version| latest.is_none_or(|latest| latest.sha256 != version.sha256)),
        };
        found.map(|version| version.version.as_str())
    }
}

/// Change of a function's versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionsChange {
    /// Publishes a version of the last deploy, with this description; `None` for the function's
    /// own.
    Publish(Option<String>),
    /// Ends a canary, or points the stage's alias to this version; `None` for the previous one.
    Rollback(Option<String>),
    /// Deletes old versions; keeps this many newest ones and those that an alias points to.
    Prune(usize),
}

impl VersionsChange {
    /// Returns the change of the functions `names`, as far as its approval is concerned.
    pub const fn kind<'a>(&self, names: &'a [String]) -> ChangeKind<'a> {
        match self {
            Self::Publish(_) => ChangeKind::Update,
            Self::Rollback(_) => ChangeKind::Reroute,
            Self::Prune(_) => ChangeKind::Prune(names),
        }
    }

    /// Returns the summary of a failure of the change.
    pub fn failed(&self, name: &str) -> String {
        match self {
            Self::Publish(_) => format!("could not publish a version of {name}"),
            Self::Rollback(_) => format!("could not roll back {name}"),
            Self::Prune(_) => format!("could not delete versions of {name}"),
        }
    }
}

/// Result of changing a function's versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionsChanged {
    /// The function's name in the workspace.
    pub name: String,
    /// The stage's name.
    pub stage: String,
    /// The change that was made.
    pub done: VersionsDone,
}

/// Change that was made; see [`VersionsChanged`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum VersionsDone {
    /// A version was published, or one with the same code and configuration already existed.
    Published {
        /// Version number.
        version: String,
        /// `true` if it did not exist before.
        new: bool,
        /// SHA-256 of its zip, lower-case hexadecimal.
        sha256: String,
    },
    /// A canary was ended; its version receives no more traffic.
    Reset {
        /// The alias.
        alias: String,
        /// Version that receives all traffic again.
        version: String,
        /// The removed canary version and its weight.
        canary: Share,
    },
    /// The stage's callers use another version.
    RolledBack {
        /// The alias; `None` if the version's code was restored as `$LATEST`.
        alias: Option<String>,
        /// Version used before; `None` if the alias did not exist.
        from: Option<String>,
        /// Version used now.
        to: String,
    },
    /// Versions were deleted.
    Pruned {
        /// Deleted versions, oldest first.
        deleted: Vec<String>,
        /// Kept versions, newest first.
        kept: Vec<String>,
    },
}

impl VersionsChanged {
    /// Returns one sentence on the result.
    pub fn story(&self) -> String {
        let name = &self.name;
        match &self.done {
            VersionsDone::Published { version, new: true, .. } => {
                format!("{name}: published version {version}")
            }
            VersionsDone::Published { version, .. } => {
                format!("{name}: nothing to publish, version {version} is the same")
            }
            VersionsDone::Reset { alias, version, canary } => format!(
                "{name}: canary ended, {alias} points to version {version} only, no longer to \
                version {}",
                canary.version
            ),
            VersionsDone::RolledBack { alias: Some(alias), from: Some(from), to } if from == to => {
                format!("{name}: {alias} points to version {to} already")
            }
            VersionsDone::RolledBack { alias: Some(alias), from: Some(from), to } => {
                format!("{name}: {alias} points to version {to} instead of {from}")
            }
            VersionsDone::RolledBack { alias: Some(alias), from: None, to } => {
                format!("{name}: {alias} points to version {to}")
            }
            VersionsDone::RolledBack { alias: None, to, .. } => {
                format!(
                    "{name}: $LATEST has the code of version {to}; its configuration is unchanged"
                )
            }
            VersionsDone::Pruned { deleted, kept } if deleted.is_empty() => {
                format!("{name}: no version to delete, {}", staying(kept.len()))
            }
            VersionsDone::Pruned { deleted, kept } => {
                format!("{name}: deleted {}, {}", numbers(deleted), staying(kept.len()))
            }
        }
    }
}

fn staying(count: usize) -> String {
    if count == 1 { "1 stays".to_owned() } else { format!("{count} stay") }
}

/// Formats a share of 1 as `5 %` or `2.5 %`.
pub fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Formats version numbers: `version 3`, `versions 1, 2 and 3`.
pub fn numbers(versions: &[String]) -> String {
    match versions {
        [] => "no version".to_owned(),
        [one] => format!("version {one}"),
        [first @ .., last] => format!("versions {} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: &str, sha256: &str) -> Version {
        Version { version: number.into(), sha256: sha256.into(), ..Version::default() }
    }

    fn alias(version: &str, canary: Option<(&str, f64)>, before: Option<&str>) -> Alias {
        Alias {
            name: "live".into(),
            version: version.into(),
            canary: canary.map(|(version, weight)| Share { version: version.into(), weight }),
            before: before.map(str::to_owned),
        }
    }

    fn versions(aliases: Vec<Alias>) -> FunctionVersions {
        let numbered =
            (1..=9).rev().map(|number| version(&number.to_string(), &format!("sha{number}")));
        FunctionVersions {
            alias: Some("live".into()),
            aliases,
            versions: std::iter::once(version("$LATEST", "sha9")).chain(numbered).collect(),
            ..FunctionVersions::default()
        }
    }

    #[test]
    fn the_newest_versions_and_those_in_use_stay() {
        let used = versions(vec![
            alias("4", Some(("2", 0.05)), None),
            Alias { name: "beta".into(), ..alias("6", None, None) },
        ]);
        assert_eq!(used.prunable(2), ["1", "3", "5", "7"]);
        assert_eq!(used.prunable(0), ["1", "3", "5", "7", "8", "9"]);
        assert_eq!(used.prunable(20), [""; 0]);
    }

    #[test]
    fn a_roll_back_goes_where_the_alias_was_before_a_failed_canary() {
        assert_eq!(versions(vec![alias("7", None, None)]).previous(), Some("6"));
        assert_eq!(
            versions(vec![alias("9", None, Some("7"))]).previous(),
            Some("7"),
            "8 never held"
        );
        assert_eq!(
            versions(vec![alias("9", None, Some("99"))]).previous(),
            Some("8"),
            "it was pruned"
        );
        assert_eq!(versions(vec![alias("1", None, None)]).previous(), None);
        let without = FunctionVersions { alias: None, ..versions(Vec::new()) };
        assert_eq!(without.previous(), Some("8"), "9 is the code of $LATEST");
    }

    #[test]
    fn an_alias_is_shared_between_two_versions_while_a_canary_runs() {
        let shared = versions(vec![alias("7", Some(("8", 0.25)), None)]);
        let of = |version| shared.aliases_of(version).map(|(_, share)| share).collect::<Vec<_>>();
        assert_eq!((of("7"), of("8"), of("9")), (vec![0.75], vec![0.25], vec![]));
        assert_eq!(shared.live(), Some("7"));
    }
}
