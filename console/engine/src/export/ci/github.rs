//! Workflow for GitHub Actions: one job a stage, each in the environment of its name.

use std::fmt::Write as _;

use super::{Pipeline, Stop, indented};
use crate::export::{
    file::{Comment, File},
    yaml::scalar,
};

/// The beginning, up to the build.
const HEAD: &str = include_str!("github/head.yml");

/// Returns the workflow.
pub(in crate::export) fn files(pipeline: &Pipeline) -> Vec<File> {
    let roles: Vec<String> = pipeline.stages.iter().map(Stop::role).collect();
    let approved: Vec<&str> = pipeline
        .stages
        .iter()
        .filter(|stop| stop.is_approved)
        .map(|stop| stop.name.as_str())
        .collect();
    let approval = match approved.as_slice() {
        [] => String::new(),
        names => format!(
            "# Approval: add required reviewers to the environment {} in the repository's settings.\n",
            names.join(", ")
        ),
    };
    let mut text = HEAD
        .replace("ROLES", &roles.join(", "))
        .replace("APPROVAL\n", &approval)
        .replace("BUILD\n", &indented(&pipeline.build(), 10));
    for (at, stop) in pipeline.stages.iter().enumerate() {
        text.push_str(&job(pipeline, at, stop));
    }
    let path = ".github/workflows/lambda.yml".into();
    vec![File { path, comment: Comment::Hash, text }]
}

fn job(pipeline: &Pipeline, at: usize, stop: &Stop) -> String {
    let Stop { name, .. } = stop;
    let before = at.checked_sub(1).and_then(|before| pipeline.stages.get(before));
    // A job cannot have a dot in its name.
    let id = |stop: &Stop| format!("stage-{}", stop.name.replace('.', "-"));
    let needs = before.map_or_else(|| "build".to_owned(), id);
    let mut text = format!(
        "\n  {}:\n    needs: {needs}\n    if: github.event_name == 'push'\n    runs-on: \
         ubuntu-latest\n    environment: {}\n    permissions:\n      contents: read\n      \
         id-token: write\n    steps:\n      - uses: actions/checkout@v5\n      - uses: \
         actions/download-artifact@v5\n        with:\n          name: lambda\n      - name: Put \
         lambda-console on the path\n        run: |\n          chmod +x .ci-bin/lambda-console\n          \
         echo \"$PWD/.ci-bin\" >> \"$GITHUB_PATH\"\n",
        id(stop),
        scalar(name)
    );
    for other in pipeline.credentials(at) {
        let region = other.region.as_deref().map_or("${{ vars.AWS_REGION }}".to_owned(), scalar);
        let _ = write!(
            text,
            "      - name: Credentials of {}\n        uses: \
             aws-actions/configure-aws-credentials@v6\n        with:\n          role-to-assume: ${{{{ \
             vars.{} }}}}\n          aws-region: {region}\n",
            other.name,
            other.role()
        );
        if let Some(profile) = &other.profile {
            let _ = writeln!(text, "          aws-profile: {}", scalar(profile));
        }
    }
    let (verb, script) = match before {
        None => ("Deploy", pipeline.deploy(name, "sha256.txt")),
        Some(before) => ("Promote", pipeline.promote(&before.name, name, "sha256.txt")),
    };
    let _ =
        write!(text, "      - name: {verb} to {name}\n        run: |\n{}", indented(&script, 10));
    text
}
