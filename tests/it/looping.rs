//! The loop: build → deploy → invoke → logs → stats with one key.

use lambda_console::{
    message::{Effect, Event, Failure, InvokeMode, JobId},
    state::Standing,
};
use tests::{Harness, sample};

fn started() -> (Harness, JobId) {
    let mut console = Harness::ready(80, 24);
    console.press("jl");
    let Effect::Build { job, functions, .. } = console.effect() else { panic!("a build") };
    assert_eq!(functions, ["hello"]);
    (console, job)
}

#[test]
fn each_step_follows_from_the_one_before_and_is_timed() {
    let (mut console, build) = started();
    console.feed(Event::Tick(sample::NOW + 3_200));
    console.feed(Event::BuildFinished(build, Ok(sample::build_outcome("hello"))));
    let Effect::Deploy { job: deploy, .. } = console.effect() else { panic!("a deploy follows") };
    console.feed(Event::Tick(sample::NOW + 3_400));
    console.feed(Event::DeployFinished(deploy, Ok(sample::deploy_outcome("hello"))));
    let effects = console.effects();
    let Some(Effect::Invoke { job: invoke, request }) = effects.last() else { panic!("{effects:?}") };
    assert_eq!(request.mode, InvokeMode::Sync);
    console.feed(Event::InvokeFinished(*invoke, Ok(sample::invocation("hello"))));
    let Effect::FetchLogs { job: logs, request_id, .. } = console.effect() else { panic!("logs follow") };
    assert_eq!(request_id, sample::REQUEST);
    assert_eq!(console.state.logs.len(), 0, "the fetch brings the lines, not the response");
    let line = |message: &str| lambda_console::message::LogLine {
        timestamp: sample::NOW,
        function: "hello".into(),
        stream: "one".into(),
        rank: 0,
        request_id: Some(sample::REQUEST.into()),
        message: message.into(),
    };
    console.feed(Event::LogsFetched(logs, Ok(vec![line("greeting Lambda"), line("again")])));
    assert_eq!(console.state.logs.len(), 2);
    let Effect::LoadSamples { job: stats, functions } = console.effect() else { panic!("stats follow") };
    assert_eq!(functions, ["hello"]);
    console.feed(Event::Samples(stats, Ok(vec![("hello".into(), sample::samples(16))])));
    assert!(console.effects().is_empty());

    let sequence = console.state.sequence.as_ref().unwrap();
    assert_eq!(sequence.job, None);
    assert_eq!(sequence.steps[0], Standing::Done(3_200.0));
    assert_eq!(sequence.steps[1], Standing::Done(200.0));
    assert!(sequence.steps.iter().all(|step| matches!(step, Standing::Done(_))));
    assert_eq!(console.state.functions.get("hello").unwrap().figures.samples.len(), 17);
}

#[test]
fn the_first_failure_stops_it() {
    let (mut console, build) = started();
    console.feed(Event::BuildFinished(build, Ok(sample::broken_build("hello"))));
    assert!(console.effects().is_empty());
    let steps = &console.state.sequence.as_ref().unwrap().steps;
    assert!(matches!(steps[0], Standing::Failed(_)));
    assert_eq!(steps[1], Standing::Waiting);
}

#[test]
fn a_function_error_stops_it() {
    let (mut console, build) = started();
    console.feed(Event::BuildFinished(build, Ok(sample::build_outcome("hello"))));
    let Effect::Deploy { job, .. } = console.effect() else { panic!("a deploy follows") };
    console.feed(Event::DeployFinished(job, Ok(sample::deploy_outcome("hello"))));
    let Some(Effect::Invoke { job, .. }) = console.effects().pop() else { panic!("an invocation follows") };
    console.feed(Event::InvokeFinished(job, Ok(sample::failed_invocation("hello"))));
    assert!(console.effects().is_empty());
    assert!(matches!(console.state.sequence.as_ref().unwrap().steps[2], Standing::Failed(_)));
    assert_eq!(console.state.logs.len(), 5, "its log lines are there all the same");
    assert!(console.screen().contains("NameMissing"));
}

#[test]
fn cancelling_stops_it() {
    let (mut console, build) = started();
    console.press("x");
    assert_eq!(console.effect(), Effect::Cancel(build));
    console.feed(Event::BuildFinished(build, Err(Failure::interrupted("build hello"))));
    assert!(console.effects().is_empty());
    assert_eq!(console.state.sequence.as_ref().unwrap().job, None);
}

#[test]
fn a_build_of_the_user_s_own_breaks_it_off() {
    let (mut console, build) = started();
    console.press("b");
    let effects = console.effects();
    let [Effect::Cancel(cancelled), Effect::Build { job, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(*cancelled, build);
    console.feed(Event::BuildFinished(*job, Ok(sample::build_outcome("hello"))));
    assert!(console.effects().is_empty(), "nothing follows that build");
}

#[test]
fn starting_it_again_begins_anew() {
    let (mut console, first) = started();
    console.press("l");
    let effects = console.effects();
    let [Effect::Cancel(cancelled), Effect::Build { job: second, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!(*cancelled, first);
    console.feed(Event::BuildFinished(first, Ok(sample::build_outcome("hello"))));
    assert!(console.effects().is_empty());
    console.feed(Event::BuildFinished(*second, Ok(sample::build_outcome("hello"))));
    assert!(matches!(console.effect(), Effect::Deploy { .. }));
}
