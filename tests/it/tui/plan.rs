//! The plan of a deploy: shown before anything is sent, applied with Enter, cancelled with Esc.

use lambda_console::tui::{
    message::Effect,
    state::{Connection, JobId, Overlay},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Approval, Change, DeployAction, DeployPlan, Failure, FunctionPlan, StageInfo,
};
use tests::{Harness, sample};

/// A console on the stage `name` of AWS, with the first built function but one selected.
pub(crate) fn on(name: &str, protected: bool) -> Harness {
    let mut console = Harness::ready(100, 30);
    console.state.activate(name);
    console.state.stage_mut().connection = Connection::Connected(StageInfo {
        name: name.into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        protected,
        ..StageInfo::default()
    });
    console.press("j");
    console
}

fn change(field: &str, from: Option<&str>, to: &str) -> Change {
    Change {
        field: field.parse().unwrap(),
        from: from.map(str::to_owned),
        to: to.to_owned().into(),
    }
}

/// A plan with a function to update, one to create, one that is unchanged and one that cannot be
/// deployed.
pub(crate) fn outcome() -> DeployPlan {
    let layer = "arn:aws:lambda:eu-west-1:123456789012:layer:observability-extension:42";
    let updated = vec![
        change("code", Some("68656c6c6f68"), "6f6c6c656868"),
        change("memory", Some("128 MB"), "256 MB"),
        change("layers", Some(layer), &layer.replace("42", "43")),
        change("env.API_KEY", Some("••••••"), "••••••"),
        change("env.NEW", None, "••••••"),
    ];
    let created = vec![change("code", None, "70696e677069"), change("architecture", None, "arm64")];
    let failure = Failure::work(
        "could not replace the function on the stage",
        "the function of this name there is python3.13, not a bootstrap",
        "rename the binary, give the stage a prefix, or delete that function",
    );
    DeployPlan {
        stage: "beta".into(),
        functions: vec![
            sample::planned("hello", DeployAction::Updated, updated),
            sample::planned("ping", DeployAction::Created, created),
            sample::planned("nightly", DeployAction::Unchanged, Vec::new()),
        ],
        failed: vec![("backend".into(), failure)],
    }
}

/// Answers the requested plan.
fn answer(console: &mut Harness, outcome: DeployPlan) -> JobId {
    let job = console.job("Plan");
    console.report(job, JobEvent::Planned(Ok(outcome)));
    console.draw();
    job
}

#[test]
fn code_that_is_older_than_its_sources_is_named_whether_it_changes_or_not() {
    let mut console = on("beta", false);
    console.press("d");
    let stale = |name: &str, action| FunctionPlan {
        stale: true,
        ..sample::planned(name, action, Vec::new())
    };
    let role = change("role", None, "lambda-console-ping-eu-west-1, made for it");
    let created = FunctionPlan { changes: vec![role], ..stale("ping", DeployAction::Created) };
    let functions = vec![created, stale("nightly", DeployAction::Unchanged)];
    answer(&mut console, DeployPlan { stage: "beta".into(), functions, failed: Vec::new() });
    let screen = console.screen();
    for text in
        ["role         lambda-console-ping", "build ping to deploy", "build nightly to deploy"]
    {
        assert!(screen.contains(text), "{screen}");
    }
}

#[track_caller]
fn deployed(console: &mut Harness) -> (Vec<String>, Approval) {
    let (_, Task::Deploy { functions, approval, .. }) = console.started() else {
        panic!("a deploy")
    };
    (functions.into_iter().map(|function| function.name).collect(), approval)
}

#[test]
fn the_local_stage_is_deployed_to_at_once() {
    let mut console = Harness::ready(100, 30);
    console.press("jd");
    assert_eq!(deployed(&mut console), (vec!["hello".to_owned()], Approval::None));
}

#[test]
fn another_stage_shows_the_plan_and_enter_deploys_what_differs() {
    let mut console = on("beta", false);
    console.press("d<enter>");
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console --stage beta deploy hello --dry-run")
    );
    assert!(console.screen().contains("comparing with stage beta"), "{}", console.screen());
    answer(&mut console, outcome());
    assert_eq!(console.effects(), [], "the enter that came too early deploys nothing");
    let screen = console.screen();
    for text in [
        "Deploy hello to beta",
        "account 123456789012, eu-west-1",
        "128 MB → 256 MB",
        "unchanged: nightly",
    ] {
        assert!(screen.contains(text), "{text}\n{screen}");
    }
    console.press("<enter>");
    assert_eq!(
        deployed(&mut console),
        (vec!["hello".to_owned(), "ping".to_owned()], Approval::None)
    );
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console --stage beta deploy hello ping")
    );
    assert!(console.state.overlay.is_none());
}

#[test]
fn esc_leaves_the_plan_and_breaks_the_comparison_off() {
    let mut console = on("beta", false);
    console.press("D");
    let (job, Task::Plan { functions }) = console.started() else { panic!("a plan") };
    assert_eq!(functions.len(), 3, "all that are built");
    console.press("<esc>");
    assert_eq!(console.effects(), [Effect::Cancel(job)]);
    console.report(job, JobEvent::Planned(Ok(outcome())));
    assert!(console.state.overlay.is_none(), "an answer that comes late opens nothing");
    console.press("d");
    answer(&mut console, outcome());
    console.press("<esc>");
    assert_eq!(console.effects(), []);
}

#[test]
fn a_protected_stage_wants_its_name_typed_into_the_plan() {
    let mut console = on("prod", true);
    console.press("d");
    answer(&mut console, outcome());
    console.press("<enter>");
    assert_eq!(console.effects(), []);
    console.press("pro<enter>");
    assert_eq!(console.effects(), [], "not the whole name");
    assert!(matches!(console.state.overlay, Some(Overlay::Plan(_))));
    console.press("d<enter>");
    let (_, approval) = deployed(&mut console);
    assert_eq!(approval, Approval::Given);
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console --stage prod deploy hello ping --yes")
    );
}

#[test]
fn nothing_to_change_deploys_nothing() {
    let mut console = on("beta", false);
    console.press("d");
    let unchanged = vec![sample::planned("hello", DeployAction::Unchanged, Vec::new())];
    answer(&mut console, DeployPlan { functions: unchanged, failed: Vec::new(), ..outcome() });
    assert!(console.screen().contains("nothing to change"));
    console.press("<enter>");
    assert_eq!(console.effects(), []);
    assert!(console.state.overlay.is_none());
}

#[test]
fn a_read_only_console_shows_the_plan_and_sends_nothing() {
    let mut console = on("prod", true);
    console.state.options.read_only = true;
    console.press("d");
    answer(&mut console, outcome());
    console.press("<enter>");
    assert_eq!(console.effects(), []);
    assert!(console.screen().contains("read-only"), "{}", console.screen());
}

#[test]
fn a_failed_comparison_shows_its_reason() {
    let mut console = on("beta", false);
    console.press("d");
    let job = console.job("Plan");
    let failure =
        Failure::environment("could not connect to AWS", "the token has expired", "aws sso login");
    console.report(job, JobEvent::Planned(Err(failure)));
    assert!(console.state.overlay.is_none());
    assert!(console.screen().contains("the token has expired"));
}

#[test]
fn the_plan_is_drawn_in_every_size() {
    let mut console = on("beta", false);
    console.press("d");
    answer(&mut console, outcome());
    insta::assert_snapshot!("plan_100", console.styled());
    for (width, height) in [(60, 16), (61, 17), (70, 16), (80, 24), (300, 16), (60, 200)] {
        console.resize(width, height);
        console.press("<pagedown>jGkg");
    }
    let mut protected = on("prod", true);
    protected.resize(80, 24);
    protected.press("d");
    answer(&mut protected, outcome());
    protected.press("pr<down>");
    insta::assert_snapshot!("plan_protected_80", protected.styled());
}
