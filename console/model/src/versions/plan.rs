//! Plan of a change of a function's versions: decided once on the versions that were read, shown,
//! approved, and applied as it was shown.

use super::{Alias, FunctionVersions, Share, Version, VersionsChange, percent};
use crate::{
    deploy::{Change, DeployAction, FunctionPlan},
    failure::Failure,
    function::short_sha256,
    settings::Field,
};

/// A change of a function's versions, with the versions that it was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct VersionsPlan {
    /// The change as requested.
    pub change: VersionsChange,
    /// What the change does.
    pub effect: VersionsEffect,
    /// Versions that it was decided on: the change is made if they are still so.
    pub seen: FunctionVersions,
}

/// What a change of versions does.
#[derive(Clone, Debug, PartialEq)]
pub enum VersionsEffect {
    /// Publishes a version of `$LATEST`, with this description; `None` for the function's own.
    Publish(Option<String>),
    /// Ends the canary of the stage's alias.
    EndCanary {
        /// The alias as it was.
        alias: Alias,
        /// Its canary.
        canary: Share,
    },
    /// Points the stage's alias to a version, which ends a canary too.
    Point {
        /// Name of the alias.
        name: String,
        /// The alias as it was; `None` if it is created.
        before: Option<Alias>,
        /// The version.
        to: String,
    },
    /// Restores the code of this version as that of `$LATEST`.
    Restore(Version),
    /// Deletes these versions, oldest first.
    Delete(Vec<String>),
}

impl VersionsPlan {
    /// Decides what `change` does to the versions that were read.
    ///
    /// # Errors
    /// Returns an error if there is no version to roll back to, or it is not one that was
    /// published.
    pub fn new(seen: FunctionVersions, change: VersionsChange) -> Result<Self, Failure> {
        let effect = match &change {
            VersionsChange::Publish(description) => VersionsEffect::Publish(description.clone()),
            VersionsChange::Prune(keep) => VersionsEffect::Delete(seen.prunable(*keep)),
            VersionsChange::Rollback(to) => {
                let what = || change.failed(&seen.name);
                match (to, seen.stage_alias().map(|alias| (alias, &alias.canary))) {
                    (None, Some((alias, Some(canary)))) => {
                        VersionsEffect::EndCanary { alias: alias.clone(), canary: canary.clone() }
                    }
                    _ => rollback(&seen, to.as_deref(), what)?,
                }
            }
        };
        Ok(Self { change, effect, seen })
    }

    /// Returns `true` if nothing would be sent.
    pub fn is_empty(&self) -> bool {
        match &self.effect {
            VersionsEffect::Publish(_) | VersionsEffect::EndCanary { .. } => false,
            VersionsEffect::Point { before, to, .. } => {
                before.as_ref().is_some_and(|alias| alias.version == *to && alias.canary.is_none())
            }
            VersionsEffect::Restore(version) => {
                self.seen.versions.first().is_some_and(|latest| latest.sha256 == version.sha256)
            }
            VersionsEffect::Delete(versions) => versions.is_empty(),
        }
    }

    /// Returns the plan as it is shown for approval.
    pub fn shown(&self) -> FunctionPlan {
        let latest = self.seen.versions.first().map_or("", |latest| latest.sha256.as_str());
        let change =
            |field, from: Option<String>, to: String| Change { field, from, to: to.into() };
        let code = |from: &Version, to: &str| {
            change(Field::Code, Some(short_sha256(&from.sha256).to_owned()), to.to_owned())
        };
        let (changes, call, sha256) = match &self.effect {
            VersionsEffect::Publish(description) => {
                let newest = self.seen.versions.get(1);
                let from = newest.map(|newest| newest.version.clone());
                let mut changes = vec![change(Field::Version, from, "a new version".to_owned())];
                changes.extend(
                    newest
                        .filter(|newest| newest.sha256 != latest)
                        .map(|newest| code(newest, short_sha256(latest))),
                );
                changes
                    .extend(description.clone().map(|text| change(Field::Description, None, text)));
                (changes, "lambda:PublishVersion", latest)
            }
            VersionsEffect::EndCanary { alias, .. } => {
                let field = Field::Alias(alias.name.clone());
                let changes = vec![change(field, Some(traffic(alias)), alias.version.clone())];
                (changes, "lambda:UpdateAlias", self.sha256_of(&alias.version))
            }
            VersionsEffect::Point { name, before, to } => {
                let field = Field::Alias(name.clone());
                let changes = vec![change(field, before.as_ref().map(traffic), to.clone())];
                let call =
                    if before.is_some() { "lambda:UpdateAlias" } else { "lambda:CreateAlias" };
                (changes, call, self.sha256_of(to))
            }
            VersionsEffect::Restore(version) => {
                let to = format!(
                    "{}, the code of version {}",
                    short_sha256(&version.sha256),
                    version.version
                );
                let changes = self.seen.versions.first().map(|latest| code(latest, &to));
                let changes = changes.into_iter().collect();
                (changes, "lambda:UpdateFunctionCode", version.sha256.as_str())
            }
            VersionsEffect::Delete(versions) => {
                let from = Some(versions.join(", "));
                let changes = vec![change(Field::Version, from, "removed".to_owned())];
                (changes, "lambda:DeleteFunction", latest)
            }
        };
        let is_empty = self.is_empty();
        FunctionPlan {
            name: self.seen.name.clone(),
            action: if is_empty { DeployAction::Unchanged } else { DeployAction::Updated },
            changes: if is_empty { Vec::new() } else { changes },
            calls: if is_empty { Vec::new() } else { vec![call.to_owned()] },
            opens: false,
            version: self.seen.live().unwrap_or_default().to_owned(),
            sha256: sha256.to_owned(),
            stale: false,
        }
    }

    fn sha256_of(&self, version: &str) -> &str {
        let found = self.seen.versions.iter().find(|known| known.version == version);
        found.map_or("", |known| &known.sha256)
    }
}

/// Decides on a roll-back to the version `to`, or to the previous one.
fn rollback(
    seen: &FunctionVersions,
    to: Option<&str>,
    what: impl Fn() -> String,
) -> Result<VersionsEffect, Failure> {
    let known = || {
        let names: Vec<&str> =
            seen.versions.iter().map(|version| version.version.as_str()).collect();
        format!("the versions are {}", names.join(", "))
    };
    let Some(to) = to.or_else(|| seen.previous()) else {
        let why = format!("there is no earlier version; {}", known());
        return Err(Failure::work(what(), why, "name one of them"));
    };
    let Some(version) = seen.versions.iter().find(|version| version.version == to) else {
        let why = format!("it has no version {to}; {}", known());
        return Err(Failure::usage(what(), why, "name one of them"));
    };
    if to == FunctionVersions::LATEST {
        let why = "$LATEST is what the next deploy changes";
        return Err(Failure::usage(what(), why, "name a version's number"));
    }
    Ok(match &seen.alias {
        None => VersionsEffect::Restore(version.clone()),
        Some(name) => VersionsEffect::Point {
            name: name.clone(),
            before: seen.stage_alias().cloned(),
            to: to.to_owned(),
        },
    })
}

/// Formats the versions that an alias points to: `7`, or `7 (95 %), 8 (5 %)` during a canary.
fn traffic(alias: &Alias) -> String {
    match &alias.canary {
        None => alias.version.clone(),
        Some(Share { version, weight }) => {
            format!(
                "{} ({}), {version} ({})",
                alias.version,
                percent(1.0 - weight),
                percent(*weight)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(canary: Option<f64>) -> FunctionVersions {
        let version = |number: &str, code: &str| Version {
            version: number.into(),
            sha256: code.repeat(32),
            ..Version::default()
        };
        FunctionVersions {
            name: "hello".into(),
            alias: Some("live".into()),
            aliases: vec![Alias {
                name: "live".into(),
                version: "2".into(),
                canary: canary.map(|weight| Share { version: "3".into(), weight }),
                before: None,
            }],
            versions: vec![
                version("$LATEST", "dd"),
                version("3", "cc"),
                version("2", "bb"),
                version("1", "aa"),
            ],
            ..FunctionVersions::default()
        }
    }

    /// The plan as it is shown, on a line: `alias.live: 2 → 1; lambda:UpdateAlias`.
    fn line(seen: FunctionVersions, change: VersionsChange) -> String {
        let shown = VersionsPlan::new(seen, change).unwrap().shown();
        let change = |change: &Change| {
            let from = change.from.as_ref().map(|from| format!("{from} → ")).unwrap_or_default();
            format!("{}: {from}{}", change.field, change.to)
        };
        let changes = shown.changes.iter().map(change).chain(shown.calls.iter().cloned());
        changes.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_plan_shows_what_the_change_does() {
        let to = |version: Option<&str>| VersionsChange::Rollback(version.map(str::to_owned));
        let canary = || seen(Some(0.05));
        assert_eq!(line(seen(None), to(None)), "alias.live: 2 → 1; lambda:UpdateAlias");
        assert_eq!(line(seen(None), to(Some("3"))), "alias.live: 2 → 3; lambda:UpdateAlias");
        assert_eq!(line(seen(None), to(Some("2"))), "", "it is there already");
        let ends = "alias.live: 2 (95 %), 3 (5 %) → 2; lambda:UpdateAlias";
        assert_eq!(line(canary(), to(None)), ends);
        assert_eq!(line(canary(), to(Some("2"))), ends);
        assert_eq!(
            line(canary(), to(Some("1"))),
            "alias.live: 2 (95 %), 3 (5 %) → 1; lambda:UpdateAlias"
        );
        let created = FunctionVersions { aliases: Vec::new(), ..seen(None) };
        assert_eq!(line(created, to(Some("1"))), "alias.live: 1; lambda:CreateAlias");
        let code = || FunctionVersions { alias: None, ..seen(None) };
        assert_eq!(
            line(code(), to(None)),
            "code: dddddddddddd → cccccccccccc, the code of version 3; lambda:UpdateFunctionCode"
        );
        assert_eq!(
            line(code(), VersionsChange::Publish(Some("v4".into()))),
            "version: 3 → a new version; code: cccccccccccc → dddddddddddd; description: v4; \
            lambda:PublishVersion"
        );
        let pruned = VersionsChange::Prune(0);
        assert_eq!(line(seen(None), pruned), "version: 1, 3 → removed; lambda:DeleteFunction");
        assert_eq!(line(seen(None), VersionsChange::Prune(5)), "");
    }

    #[test]
    fn a_roll_back_needs_a_version_that_was_published() {
        let refused = |seen, to: Option<&str>| {
            let change = VersionsChange::Rollback(to.map(str::to_owned));
            VersionsPlan::new(seen, change).unwrap_err().why
        };
        assert_eq!(
            refused(seen(None), Some("9")),
            "it has no version 9; the versions are $LATEST, 3, 2, 1"
        );
        assert!(refused(seen(None), Some("$LATEST")).contains("the next deploy"));
        let mut first = seen(None);
        first.aliases[0].version = "1".into();
        assert!(refused(first, None).starts_with("there is no earlier version"));
    }
}
