//! Several stages: the picker, switching, and results that come in for one that is not shown.

use lambda_console::{
    message::{Effect, Event, Failure, JobId, StageEntry, StageInfo},
    state::{Connection, Deployment},
};
use tests::{Harness, sample};

fn entries() -> Vec<StageEntry> {
    let entry = |name: &str, protected| StageEntry { name: name.into(), protected, ..StageEntry::default() };
    vec![entry("local", false), entry("beta", false), entry("prod", true)]
}

fn info(stage: &str, account: &str) -> StageInfo {
    StageInfo { name: stage.into(), account: account.into(), region: "eu-west-1".into(), ..StageInfo::default() }
}

/// A console whose picker is open, with the stages read; and the jobs that ask for the others.
fn picker() -> (Harness, Vec<(JobId, String)>) {
    let mut console = Harness::ready(100, 30);
    console.press("S");
    let Effect::ReadStages(job) = console.effect() else { panic!("the stages are read") };
    console.feed(Event::StagesRead(job, Ok(entries())));
    let probe = |effect| match effect {
        Effect::Probe { job, stage } => (job, stage),
        other => panic!("{other:?}"),
    };
    let probes = console.effects().into_iter().map(probe).collect();
    (console, probes)
}

/// A console that was switched to beta; the job that connects.
fn switched() -> (Harness, JobId) {
    let (mut console, _) = picker();
    console.press("beta<enter>");
    let effects = console.effects();
    let Some(Effect::Connect { job, stage, .. }) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(stage, "beta");
    (console, *job)
}

fn version(console: &Harness) -> Option<&str> {
    match &console.state.functions.get("hello")?.deployment {
        Deployment::Present(deployed) => Some(&deployed.version),
        Deployment::Unknown | Deployment::Absent => None,
    }
}

#[test]
fn the_picker_asks_who_the_caller_is_on_each_other_stage_once() {
    let (mut console, probes) = picker();
    assert_eq!(probes.iter().map(|(_, stage)| stage.as_str()).collect::<Vec<_>>(), ["beta", "prod"]);
    console.feed(Event::StageConnected(probes[0].0, Ok(info("beta", "111111111111"))));
    console.feed(Event::StageConnected(probes[1].0, Err(Failure::environment("no", "no such profile", ""))));
    assert_eq!(console.state.options.stage, "local", "looking does not switch");
    assert!(matches!(console.state.connection, Connection::Connected(ref info) if info.name == "local"));
    assert!(matches!(console.state.sites["beta"].connection, Connection::Connected(_)));
    assert!(matches!(console.state.sites["prod"].connection, Connection::Failed(_)));
    assert!(console.effects().is_empty(), "nothing else is asked of a stage that is not shown");
}

#[test]
fn switching_connects_and_asks_what_is_deployed_there_and_switching_back_shows_it_at_once() {
    let (mut console, connect) = switched();
    assert_eq!(version(&console), None, "what local has is not shown as what beta has");
    console.feed(Event::StageConnected(connect, Ok(info("beta", "111111111111"))));
    let Effect::RefreshDeployed { job, .. } = console.effect() else { panic!("what is deployed is asked") };
    let mut deployed = sample::deployed();
    deployed[1].1.as_mut().expect("hello is deployed").version = "41".into();
    console.feed(Event::Deployed(job, Ok(deployed)));
    assert_eq!(version(&console), Some("41"));
    assert!(console.screen().contains("stage beta 111111111111 eu-west-1"), "{}", console.screen());

    console.press("S");
    console.press("local<enter>");
    assert_eq!(version(&console), Some("$LATEST"), "before anything has answered");
    assert!(console.screen().contains("stage local 000000000000"));
}

#[test]
fn a_deploy_goes_on_where_it_began_and_its_result_is_filed_there() {
    let mut console = Harness::ready(100, 30);
    console.press("jd");
    let Effect::Deploy { job, .. } = console.effect() else { panic!("a deploy") };
    console.press("S");
    let Effect::ReadStages(read) = console.effect() else { panic!("the stages are read") };
    console.feed(Event::StagesRead(read, Ok(entries())));
    console.press("beta<enter>");
    console.effects();
    let mut outcome = sample::deploy_outcome("hello");
    outcome.functions[0].version = "8".into();
    console.feed(Event::DeployFinished(job, Ok(outcome)));
    assert_eq!(version(&console), None, "beta has not answered yet");
    assert!(console.screen().contains("local: created hello on local"), "{}", console.screen());
    // What follows from it is asked of the stage that it is of.
    let Effect::On { stage, effect } = console.effect() else { panic!("a refresh of local") };
    assert_eq!(stage, "local");
    assert!(matches!(*effect, Effect::RefreshDeployed { .. }));
    console.press("S");
    console.press("local<enter>");
    assert_eq!(version(&console), Some("8"));
}

#[test]
fn lines_of_a_tail_are_filed_under_the_stage_that_is_tailed() {
    let mut console = Harness::ready(100, 30);
    console.press("jt");
    let Effect::StartTail { job, .. } = console.effect() else { panic!("a tail") };
    console.press("S");
    let Effect::ReadStages(read) = console.effect() else { panic!("the stages are read") };
    console.feed(Event::StagesRead(read, Ok(entries())));
    console.press("beta<enter>");
    console.effects();
    console.feed(Event::LogLines(job, sample::log_lines("hello", 3)));
    assert_eq!(console.state.logs.held(), 0);
    console.press("S");
    console.press("local<enter>");
    assert_eq!(console.state.logs.held(), 3);
    assert!(!console.effects().iter().any(|effect| matches!(effect, Effect::Cancel(_))), "the tail goes on");
}

#[test]
fn a_command_line_names_the_stage_that_is_shown() {
    let (mut console, connect) = switched();
    console.feed(Event::StageConnected(connect, Ok(info("beta", "111111111111"))));
    console.press("ji");
    assert!(
        console.state.command.as_deref().is_some_and(|line| line.starts_with("lambda-console --stage beta invoke")),
        "{:?}",
        console.state.command
    );
}

#[test]
fn a_loop_that_began_on_one_stage_takes_its_next_steps_there() {
    let mut console = Harness::ready(100, 30);
    console.press("jl");
    let Effect::Build { job, .. } = console.effect() else { panic!("a build") };
    console.press("S");
    let Effect::ReadStages(read) = console.effect() else { panic!("the stages are read") };
    console.feed(Event::StagesRead(read, Ok(entries())));
    console.press("beta<enter>");
    console.effects();
    console.feed(Event::BuildFinished(job, Ok(sample::build_outcome("hello"))));
    let Effect::On { stage, effect } = console.effect() else { panic!("the loop's deploy") };
    assert_eq!(stage, "local", "never on the stage that happens to be shown");
    assert!(matches!(*effect, Effect::Deploy { .. }));
}
