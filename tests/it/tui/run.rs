//! The run: build → deploy → invoke → logs → stats with one key.

use lambda_console::tui::{
    message::{Effect, Event},
    state::{Connection, JobId, Overlay, Standing},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Approval, Change, DeployAction, DeployPlan, Failure, Field, InvokeMode, NewValue, StageInfo,
};
use tests::{Harness, sample};

fn started() -> (Harness, JobId) {
    let mut console = Harness::ready(80, 24);
    console.press("jr");
    let (job, Task::Build { functions, .. }) = console.started() else { panic!("a build") };
    assert_eq!(functions, ["hello"]);
    (console, job)
}

#[test]
fn each_step_follows_from_the_one_before_and_is_timed() {
    let (mut console, build) = started();
    console.feed(Event::Tick(sample::NOW + 3_200));
    console.report(build, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let deploy = console.job("Deploy");
    console.feed(Event::Tick(sample::NOW + 3_400));
    console.report(deploy, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    let effects = console.effects();
    let Some(Effect::Start { job: invoke, task: Task::Invoke { request }, .. }) = effects.last()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(request.mode, InvokeMode::Sync);
    console.report(*invoke, JobEvent::InvokeFinished(Ok(sample::invocation("hello"))));
    let (logs, Task::FetchLogs { request_id, .. }) = console.started() else {
        panic!("logs follow")
    };
    assert_eq!(request_id, sample::REQUEST);
    assert_eq!(console.state.stage().logs.len(), 0, "the fetch brings the lines, not the response");
    let line = |message: &str| lambda_console_model::LogLine {
        timestamp: sample::NOW,
        function: "hello".into(),
        stream: "one".into(),
        rank: 0,
        request_id: Some(sample::REQUEST.into()),
        message: message.into(),
    };
    console.report(logs, JobEvent::LogsFetched(Ok(vec![line("greeting Lambda"), line("again")])));
    assert_eq!(console.state.stage().logs.len(), 2);
    let (stats, Task::LoadSamples { functions }) = console.started() else {
        panic!("stats follow")
    };
    assert_eq!(functions, ["hello"]);
    console.report(stats, JobEvent::Samples(Ok(vec![("hello".into(), sample::samples(16))])));
    assert!(console.effects().is_empty());

    let run = console.state.stage().run.as_ref().unwrap();
    assert_eq!(run.job, None);
    assert_eq!(run.steps[0], Standing::Done(3_200.0));
    assert_eq!(run.steps[1], Standing::Done(200.0));
    assert!(run.steps.iter().all(|step| matches!(step, Standing::Done(_))));
    assert_eq!(console.state.stage().function("hello").figures.samples.len(), 17);
}

#[test]
fn the_first_failure_stops_it() {
    let (mut console, build) = started();
    console.report(build, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert!(console.effects().is_empty());
    let steps = &console.state.stage().run.as_ref().unwrap().steps;
    assert!(matches!(steps[0], Standing::Failed(_)));
    assert_eq!(steps[1], Standing::Waiting);
}

#[test]
fn a_function_error_stops_it() {
    let (mut console, build) = started();
    console.report(build, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let job = console.job("Deploy");
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    let Some(Effect::Start { job, task: Task::Invoke { .. }, .. }) = console.effects().pop() else {
        panic!("an invocation follows")
    };
    console.answer_invoke(job, &sample::failed_invocation("hello"));
    assert!(console.effects().is_empty());
    assert!(matches!(console.state.stage().run.as_ref().unwrap().steps[2], Standing::Failed(_)));
    assert_eq!(console.state.stage().logs.len(), 5, "its log lines are there all the same");
    assert!(console.screen().contains("NameMissing"));
}

#[test]
fn cancelling_stops_it() {
    let (mut console, build) = started();
    console.press("x");
    assert_eq!(console.effect(), Effect::Cancel(build));
    console.report(build, JobEvent::BuildFinished(Err(Failure::interrupted("build hello"))));
    assert!(console.effects().is_empty());
    assert_eq!(console.state.stage().run.as_ref().unwrap().job, None);
}

#[test]
fn a_build_of_the_user_s_own_breaks_it_off() {
    let (mut console, build) = started();
    console.press("b");
    let effects = console.effects();
    let [Effect::Cancel(cancelled), Effect::Start { job, task: Task::Build { .. }, .. }] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(*cancelled, build);
    console.report(*job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    assert!(console.effects().is_empty(), "nothing follows that build");
}

#[test]
fn starting_it_again_restarts_it() {
    let (mut console, first) = started();
    console.press("r");
    let effects = console.effects();
    let [Effect::Cancel(cancelled), Effect::Start { job: second, task: Task::Build { .. }, .. }] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(*cancelled, first);
    console.report(first, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    assert!(console.effects().is_empty());
    console.report(*second, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    assert!(matches!(console.effect(), Effect::Start { task: Task::Deploy { .. }, .. }));
}

/// A run of hello on a stage of AWS, which compares after its build.
fn comparing(protected: bool) -> (Harness, JobId) {
    let mut console = Harness::ready(100, 30);
    console.state.activate("beta");
    console.state.stage_mut().connection = Connection::Connected(StageInfo {
        name: "beta".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        protected,
        ..StageInfo::default()
    });
    console.press("jr");
    let job = console.job("Build");
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let (job, Task::Plan { functions }) = console.started() else { panic!("a comparison") };
    assert_eq!(functions.len(), 1);
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console --stage beta deploy hello --dry-run")
    );
    (console, job)
}

/// Plan of a deploy of hello with these changes.
fn plan(changes: Vec<Change>) -> DeployPlan {
    let action = if changes.is_empty() { DeployAction::Unchanged } else { DeployAction::Updated };
    let functions = vec![sample::planned("hello", action, changes)];
    DeployPlan { stage: "beta".into(), functions, failed: Vec::new() }
}

fn memory() -> Vec<Change> {
    vec![Change {
        field: Field::Memory,
        from: Some("128 MB".into()),
        to: NewValue::Set("256 MB".into()),
    }]
}

#[test]
fn on_other_stages_it_shows_its_plan_and_continues_after_enter() {
    let (mut console, job) = comparing(false);
    let compared = job;
    console.report(job, JobEvent::Planned(Ok(plan(memory()))));
    let screen = console.screen();
    assert!(
        screen.contains("Run: deploy hello to beta") && screen.contains("128 MB → 256 MB"),
        "{screen}"
    );
    console.press("<enter>");
    let (job, Task::Deploy { plan: shown, approval, .. }) = console.started() else {
        panic!("a deploy")
    };
    assert_eq!(
        (shown, approval),
        (Some(compared), Approval::None),
        "what was shown is what is done"
    );
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    assert!(console.has_started("Invoke"), "the step after it");
}

#[test]
fn where_nothing_would_change_it_goes_on_by_itself() {
    let (mut console, job) = comparing(true);
    console.report(job, JobEvent::Planned(Ok(plan(Vec::new()))));
    assert!(matches!(
        console.effects().pop(),
        Some(Effect::Start { task: Task::Invoke { .. }, .. })
    ));
    assert!(console.state.overlay.is_none());
}

#[test]
fn leaving_its_plan_ends_it() {
    let (mut console, job) = comparing(false);
    console.report(job, JobEvent::Planned(Ok(plan(memory()))));
    console.press("<esc>");
    assert_eq!(console.effects(), []);
    let run = console.state.stage().run.as_ref().unwrap();
    assert!(matches!(run.steps[1], Standing::Failed(_)) && run.plan.is_none());
    console.press("?<esc>");
    assert!(console.state.overlay.is_none(), "it does not come again");
}

#[test]
fn a_plan_that_cannot_be_made_ends_it() {
    let (mut console, job) = comparing(false);
    console.report(
        job,
        JobEvent::Planned(Err(Failure::work("could not read hello", "the stage is gone", ""))),
    );
    assert_eq!(console.effects(), []);
    assert!(matches!(console.state.stage().run.as_ref().unwrap().steps[1], Standing::Failed(_)));
    assert!(console.screen().contains("the stage is gone"));
}

#[test]
fn its_plan_waits_for_the_end_of_typing_and_a_protected_stage_needs_its_name() {
    let (mut console, job) = comparing(true);
    console.press("/");
    console.report(job, JobEvent::Planned(Ok(plan(memory()))));
    assert!(
        matches!(console.state.overlay, Some(Overlay::Line(_))),
        "what is typed goes where it was begun"
    );
    console.press("<esc>");
    assert!(matches!(console.state.overlay, Some(Overlay::Plan(_))));
    console.press("<enter>");
    assert_eq!(console.effects(), [], "the name is not there yet");
    console.press("beta<enter>");
    let (_, Task::Deploy { approval, .. }) = console.started() else { panic!("a deploy") };
    assert_eq!(approval, Approval::Given);
}
