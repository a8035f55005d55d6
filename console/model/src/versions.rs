//! A function's versions and aliases on a stage, what each version cost, and what moving them came to.

use serde::{Deserialize, Serialize};

use super::Percentiles;

/// A function's versions on a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionVersions {
    /// The function's name in the workspace.
    pub name: String,
    /// The stage's name.
    pub stage: String,
    /// The function's name on the stage.
    pub function: String,
    /// The alias that the stage's settings name: what its callers use. None: they use `$LATEST`.
    pub alias: Option<String>,
    /// All aliases, by name.
    pub aliases: Vec<Alias>,
    /// `$LATEST`, then the versions from the newest to the oldest.
    pub versions: Vec<Version>,
    /// From when on the figures are, in milliseconds since the Unix epoch.
    pub since: i64,
    /// What this caller may not look at: aliases, figures.
    pub refused: Vec<super::Failure>,
}

/// A name for a version that can be given to another one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// The version that it leads to.
    pub version: String,
    /// The version that gets a part of the invocations, while a canary is under way or after one was cut off.
    pub canary: Option<Share>,
    /// The version that it led to before, where the console noted it.
    pub before: Option<String>,
}

/// A part of an alias's invocations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The version that gets it.
    pub version: String,
    /// How much, 0 to 1.
    pub weight: f64,
}

/// One version: code and configuration as they were when it was published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, or `$LATEST`.
    pub version: String,
    /// What was said when it was published: the git commit it was built of.
    pub description: String,
    /// SHA-256 of its zip, lower-case hexadecimal.
    pub sha256: String,
    /// Size of its zip.
    pub bytes: u64,
    /// When it was published, or `$LATEST` changed, in milliseconds since the Unix epoch.
    pub modified_at: i64,
    /// What its invocations cost.
    pub figures: VersionFigures,
}

/// What the logs say of one version's invocations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VersionFigures {
    /// How many there were.
    pub invocations: u64,
    /// How many of them failed: ended in a function error, a time-out or the end of the runtime.
    pub failed: u64,
    /// How many of them were cold starts.
    pub cold: u64,
    /// Init durations of the cold starts.
    pub init_ms: Option<Percentiles>,
    /// Handler durations of all.
    pub duration_ms: Option<Percentiles>,
}

impl VersionFigures {
    /// The share that failed, 0 to 1.
    pub fn failed_share(&self) -> f64 {
        if self.invocations == 0 { 0.0 } else { self.failed as f64 / self.invocations as f64 }
    }
}

impl FunctionVersions {
    /// The name of what is not a version yet: what the last deploy sent.
    pub const LATEST: &str = "$LATEST";

    /// The alias that the stage's callers use.
    pub fn stage_alias(&self) -> Option<&Alias> {
        let name = self.alias.as_deref()?;
        self.aliases.iter().find(|alias| alias.name == name)
    }

    /// The version that the stage's callers get, but for a canary's part of them.
    pub fn live(&self) -> Option<&str> {
        match &self.alias {
            None => Some(Self::LATEST),
            Some(_) => self.stage_alias().map(|alias| alias.version.as_str()),
        }
    }

    /// The aliases that lead to `version`, with the share that it gets of each.
    pub fn aliases_of<'a>(&'a self, version: &'a str) -> impl Iterator<Item = (&'a Alias, f64)> {
        self.aliases.iter().filter_map(move |alias| {
            let canary = alias.canary.as_ref();
            if alias.version == version {
                return Some((alias, 1.0 - canary.map_or(0.0, |share| share.weight)));
            }
            canary.filter(|share| share.version == version).map(|share| (alias, share.weight))
        })
    }

    /// The versions that can go when the `keep` newest stay, and every one that an alias leads to: oldest first.
    pub fn prunable(&self, keep: usize) -> Vec<String> {
        let published = self.versions.iter().filter(|version| version.version != Self::LATEST);
        let free = |version: &&Version| self.aliases_of(&version.version).next().is_none();
        let mut old: Vec<String> = published.skip(keep).filter(free).map(|version| version.version.clone()).collect();
        old.reverse();
        old
    }

    /// Where a roll-back goes that names no version: the version that the stage's alias led to before, else the newest
    /// one that is older than the present one.
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
            Some(alias) => published.find(|version| number(&version.version) < number(&alias.version)),
            // Without an alias it is code that comes back: the newest that is not there already.
            None => published.find(|version| latest.is_none_or(|latest| latest.sha256 != version.sha256)),
        };
        found.map(|version| version.version.as_str())
    }
}

/// What shall be done to a function's versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionsChange {
    /// Make a version of what the last deploy sent, with this description; none: the function's own.
    Publish(Option<String>),
    /// End a canary, or lead the stage's callers to this version; none: to the one before.
    Rollback(Option<String>),
    /// Delete the old versions but these many newest ones and those that an alias leads to.
    Prune(usize),
}

/// What was done to a function's versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionsChanged {
    /// The function's name in the workspace.
    pub name: String,
    /// The stage's name.
    pub stage: String,
    /// What was done.
    pub done: VersionsDone,
}

/// See [`VersionsChanged`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum VersionsDone {
    /// A version was published, or there was one of the same code and configuration already.
    Published {
        /// Its number.
        version: String,
        /// It was not there before.
        new: bool,
        /// SHA-256 of its zip, lower-case hexadecimal.
        sha256: String,
    },
    /// A canary was ended, whose version gets nothing any more.
    Reset {
        /// The alias.
        alias: String,
        /// The version that gets all of it again.
        version: String,
        /// What was taken away.
        canary: Share,
    },
    /// The stage's callers get another version.
    RolledBack {
        /// The alias; none: the version's code was put back as `$LATEST`.
        alias: Option<String>,
        /// What they got; none where the alias was not there.
        from: Option<String>,
        /// What they get.
        to: String,
    },
    /// Versions were deleted.
    Pruned {
        /// Those, oldest first.
        deleted: Vec<String>,
        /// Those that stay, newest first.
        kept: Vec<String>,
    },
}

impl VersionsChanged {
    /// What was done, in a sentence.
    pub fn story(&self) -> String {
        let name = &self.name;
        match &self.done {
            VersionsDone::Published { version, new: true, .. } => format!("{name}: published version {version}"),
            VersionsDone::Published { version, .. } => {
                format!("{name}: nothing to publish, version {version} is the same")
            }
            VersionsDone::Reset { alias, version, canary } => format!(
                "{name}: the canary is ended, version {} gets nothing of {alias} and version {version} all",
                canary.version
            ),
            VersionsDone::RolledBack { alias: Some(alias), from: Some(from), to } => {
                format!("{name}: {alias} leads to version {to}, not to {from} any more")
            }
            VersionsDone::RolledBack { alias: Some(alias), from: None, to } => {
                format!("{name}: {alias} leads to version {to}")
            }
            VersionsDone::RolledBack { alias: None, to, .. } => {
                format!("{name}: $LATEST has the code of version {to}; its configuration is as it was")
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

/// A share of 1 as `5 %` or `2.5 %`.
pub fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// `version 3`, `versions 1, 2 and 3`.
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
        let numbered = (1..=9).rev().map(|number| version(&number.to_string(), &format!("sha{number}")));
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
        assert_eq!(versions(vec![alias("9", None, Some("7"))]).previous(), Some("7"), "8 never held");
        assert_eq!(versions(vec![alias("9", None, Some("99"))]).previous(), Some("8"), "it was pruned");
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
