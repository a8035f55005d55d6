//! Buildspec for AWS `CodeBuild`: one project, which a pipeline runs once for each stage.

use std::fmt::Write as _;

use super::{Pipeline, Stop, indented};
use crate::export::{
    file::{Comment, File},
    yaml::scalar,
};

/// The beginning, up to the build.
const HEAD: &str = include_str!("codebuild/head.yml");
/// The end, after the last stage.
const TAIL: &str = include_str!("codebuild/tail.yml");

/// Returns the buildspec.
pub(in crate::export) fn files(pipeline: &Pipeline) -> Vec<File> {
    let Some(first) = pipeline.stages.first() else { return Vec::new() };
    let mut text = HEAD
        .replace("ACTIONS\n", &actions(pipeline))
        .replace("FIRST", &scalar(&first.name))
        .replace("PROFILES\n", &indented(&profiles(pipeline), 10))
        .replace("BUILD\n", &indented(&pipeline.build(), 12));
    let mut before: Option<&Stop> = None;
    for stop in &pipeline.stages {
        let digests = "\"$CODEBUILD_SRC_DIR_built/sha256.txt\"";
        let script = match before {
            None => pipeline.deploy(&stop.name, "sha256.txt"),
            Some(before) => pipeline.promote(&before.name, &stop.name, digests),
        };
        let _ =
            write!(text, "            {})\n{}              ;;\n", stop.name, indented(&script, 14));
        before = Some(stop);
    }
    text.push_str(TAIL);
    vec![File { path: "buildspec.yml".into(), comment: Comment::Hash, text }]
}

/// The actions of the pipeline, as a comment.
fn actions(pipeline: &Pipeline) -> String {
    let mut text = String::new();
    let mut is_first = true;
    for stop in &pipeline.stages {
        if stop.is_approved {
            let _ = writeln!(text, "#   Manual approval");
        }
        let _ = if is_first {
            writeln!(text, "#   CodeBuild, STAGE={}, output artifact `built`", stop.name)
        } else {
            writeln!(text, "#   CodeBuild, STAGE={}, second input artifact `built`", stop.name)
        };
        is_first = false;
    }
    text
}

/// Writes the profiles of the stages: each assumes its role with the credentials of the project.
fn profiles(pipeline: &Pipeline) -> String {
    let mut text = String::new();
    let mut known: Vec<&str> = Vec::new();
    for stop in &pipeline.stages {
        let Some(profile) = stop.profile.as_deref().filter(|profile| !known.contains(profile))
        else {
            continue;
        };
        known.push(profile);
        let _ = writeln!(
            text,
            "printf '[profile {profile}]\\nrole_arn = %s\\ncredential_source = EcsContainer\\n' \
             \"${}\" >> \"$HOME/.aws/config\"",
            stop.role()
        );
    }
    if text.is_empty() { ":\n".to_owned() } else { format!("mkdir -p \"$HOME/.aws\"\n{text}") }
}
