//! `stages`: lists the stages, each with its account and region, the caller, the expiration of the
//! credentials, or why it cannot be reached.

use std::process::ExitCode;

use futures_util::future::join_all;
use lambda_console_engine::aws::stage::{self, LOCAL, Stage, StageOptions};
use lambda_console_model::{Failure, StageEntry, StageInfo, Workspace};
use serde_json::{Value, json};

use super::{
    context::{Context, stage_options},
    output::{error, print_json, rfc3339},
};

pub(super) async fn run(context: &Context) -> Result<ExitCode, Failure> {
    let workspace = context.workspace().await?;
    let options = stage_options(&context.global, 0);
    let entries = stage::entries(&workspace.root, &options).await?;
    let asked = join_all(entries.iter().map(|entry| ask(&workspace, &options, entry)));
    let answers = tokio::select! {
        biased;
        () = context.job.cancel.cancelled() => return Err(Failure::interrupted("could not query \
            the stages")),
        answers = asked => answers,
    };
    let stages = entries.iter().zip(&answers);
    if context.output.json {
        let stages: Vec<Value> = stages.map(|(entry, answer)| document(entry, answer)).collect();
        print_json(&json!({ "stages": stages }))?;
    } else {
        let now = jiff::Timestamp::now().as_millisecond();
        let rows: Vec<_> = stages.map(|(entry, answer)| row(entry, answer, now)).collect();
        let header = ["stage", "account", "region", "identity", "credentials", "expires", "state"];
        context.output.table(header, &rows)?;
        for (entry, answer) in entries.iter().zip(&answers) {
            if let Err(failure) = answer {
                super::context::progress::notice(&Failure {
                    what: entry.name.clone(),
                    ..failure.clone()
                });
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the caller on the stage. The local Lambda is started when it is needed, so no request is
/// sent.
async fn ask(
    workspace: &Workspace,
    options: &StageOptions,
    entry: &StageEntry,
) -> Result<Option<StageInfo>, Failure> {
    if entry.name == LOCAL {
        return Ok(None);
    }
    let stage = Stage::connect(workspace, &options.of_stage(&entry.name)).await?;
    Ok(Some(stage.info()))
}

fn document(entry: &StageEntry, answer: &Result<Option<StageInfo>, Failure>) -> Value {
    let info = answer.as_ref().ok().and_then(Option::as_ref);
    json!({
        "name": entry.name,
        "profile": entry.profile,
        "region": info.map(|info| &info.region).or(entry.region.as_ref()),
        "protected": entry.protected,
        "credentials": Some(&entry.credentials).filter(|text| !text.is_empty()),
        "account": info.map(|info| &info.account),
        "identity": info.map(|info| &info.identity),
        "expires_at": info.and_then(|info| info.expires_at).map(rfc3339),
        "error": answer.as_ref().err().map(error),
    })
}

fn row(entry: &StageEntry, answer: &Result<Option<StageInfo>, Failure>, now: i64) -> [String; 7] {
    let info = answer.as_ref().ok().and_then(Option::as_ref);
    let of = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    let expires = info.and_then(|info| info.expires_at).map(|at| match (at - now) / 60_000 {
        ..=0 => "expired".to_owned(),
        minutes @ 1..=119 => format!("in {minutes} min"),
        minutes => format!("in {} h", minutes / 60),
    });
    let mut state = vec![match answer {
        Ok(None) => "embedded",
        Ok(Some(_)) => "reached",
        Err(_) => "not reached",
    }];
    state.extend(entry.protected.then_some("protected"));
    [
        entry.name.clone(),
        of(info.map(|info| info.account.as_str())),
        of(info.map(|info| info.region.as_str()).or(entry.region.as_deref())),
        of(info.map(StageInfo::caller)),
        of(Some(&entry.credentials)),
        of(expires.as_deref()),
        state.join(", "),
    ]
}
