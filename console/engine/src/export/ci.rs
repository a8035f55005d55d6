//! Pipelines: check, build once, deploy to the first stage, then promote what was built from stage
//! to stage, by its digest. Pure.
//!
//! The steps are shell scripts, the same for each service.

mod codebuild;
mod github;

use lambda_console_model::Failure;

use super::file::File;
use crate::workspace::stages::Stages;

pub(super) use codebuild::files as codebuild;
pub(super) use github::files as github;

/// Stages in the order in which code reaches them.
#[derive(Clone, Debug)]
pub(super) struct Pipeline {
    pub(super) stages: Vec<Stop>,
    /// Words of the command line that select functions: empty for all, else each behind a blank.
    pub(super) names: String,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) name: String,
    pub(super) profile: Option<String>,
    pub(super) region: Option<String>,
    /// `true` if a person has to approve what reaches it.
    pub(super) is_approved: bool,
}

impl Stop {
    /// Returns the name of the variable with the role of the stage: `AWS_ROLE_BETA`.
    pub(super) fn role(&self) -> String {
        let name = self.name.replace(['-', '.'], "_").to_ascii_uppercase();
        format!("AWS_ROLE_{name}")
    }
}

/// Returns the files of one service.
pub(super) type Service = fn(&Pipeline) -> Vec<File>;

impl Pipeline {
    /// The stages of the manifest in its order, up to `last`. Those that are protected are
    /// approved; without any, the last one is.
    pub(super) fn of(
        stages: &Stages,
        last: Option<&str>,
        names: &[String],
    ) -> Result<Self, Failure> {
        let refused =
            |why: String, hint: &str| Failure::usage("could not export the pipeline", why, hint);
        let end = match last {
            Some(last) => stages.order.iter().position(|name| name == last),
            None => stages.order.len().checked_sub(1),
        };
        let Some(end) = end else {
            return Err(match last {
                Some(last) => refused(
                    format!("there is no stage {last} in the manifest"),
                    "name one of [workspace.metadata.lambda.stages]",
                ),
                None => refused(
                    "the manifest has no stage on AWS".to_owned(),
                    "add [workspace.metadata.lambda.stages.beta] to the workspace's Cargo.toml",
                ),
            });
        };
        let mut stops = Vec::new();
        for name in stages.order.iter().take(end + 1) {
            let is_word = |text: &str| {
                text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                    && text.bytes().all(|one| one.is_ascii_alphanumeric() || b"_-.".contains(&one))
            };
            let Some(settings) = stages.known.get(name) else { continue };
            for text in [Some(name), settings.profile.as_ref()].into_iter().flatten() {
                if !is_word(text) {
                    return Err(refused(
                        format!("`{text}` cannot be the name of a job or of a profile there"),
                        "name stages and profiles with letters, digits, `-`, `_` and `.`",
                    ));
                }
            }
            stops.push(Stop {
                name: name.clone(),
                profile: settings.profile.clone(),
                region: settings.region.clone(),
                is_approved: settings.protected && !stops.is_empty(),
            });
        }
        if stops.len() > 1
            && !stops.iter().any(|stop| stop.is_approved)
            && let Some(last) = stops.last_mut()
        {
            last.is_approved = true;
        }
        super::function::unique(
            stops.iter().map(|stop| (stop.role(), format!("the stage {}", stop.name))),
        )?;
        let names = names.iter().flat_map(|name| [" ", name]).collect();
        Ok(Self { stages: stops, names })
    }

    /// Builds the zips, and notes their digests in `sha256.txt`.
    fn build(&self) -> String {
        format!(
            "lambda-console package{} --json > package.json\n\
             jq -r '.functions[] | \"\\(.sha256)  \\(.name)\"' package.json | sort > sha256.txt\n\
             cat sha256.txt\n",
            self.names
        )
    }

    /// Deploys the zips to the first stage, and checks their digests.
    fn deploy(&self, stage: &str, digests: &str) -> String {
        format!(
            "lambda-console deploy{} --stage {stage} --yes --json > deployed.json\n\
             jq -r '.functions[] | \"\\(.sha256)  \\(.name)\"' deployed.json | sort | diff {digests} -\n",
            self.names
        )
    }

    /// Promotes what was built from one stage to the next; what is deployed there from elsewhere is
    /// refused before anything changes.
    fn promote(&self, from: &str, to: &str, digests: &str) -> String {
        let names = &self.names;
        let compared =
            "jq -r '.functions[] | \"\\(.sha256)  \\(.name)\"' promoted.json | sort | diff";
        format!(
            "lambda-console promote {from} {to}{names} --dry-run --json > promoted.json\n\
             {compared} {digests} -\n\
             lambda-console promote {from} {to}{names} --yes --json > promoted.json\n\
             {compared} {digests} -\n"
        )
    }

    /// Returns the stages whose credentials a deploy to the stage at `at` needs: also the one that
    /// the code is from. Stages that share a profile, or have none, share credentials.
    fn credentials(&self, at: usize) -> Vec<&Stop> {
        let mut stops: Vec<&Stop> = Vec::new();
        let both = [Some(at), at.checked_sub(1)].into_iter().flatten();
        for stop in both.filter_map(|index| self.stages.get(index)) {
            if !stops.iter().any(|other| other.profile == stop.profile) {
                stops.push(stop);
            }
        }
        stops
    }
}

/// Puts blanks before each line that is not empty.
fn indented(text: &str, columns: usize) -> String {
    let pad = " ".repeat(columns);
    text.lines()
        .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{pad}{line}\n") })
        .collect()
}
