//! Build, deploy, invoke, delete: the effects that they start, the changes by their results, and
//! results that are ignored.

use lambda_console::tui::{
    message::{Effect, Event},
    state::{Deployment, Tab},
    task::{JobEvent, Task},
};
use lambda_console_model::{Approval, Architecture, Failure, InvokeMode, Step};
use tests::{Harness, sample};

fn hello() -> Harness {
    let mut console = Harness::ready(80, 24);
    console.press("j");
    assert_eq!(console.state.functions.selected(), Some("hello"));
    console
}

#[test]
fn b_builds_the_selected_function_and_capital_b_all() {
    let mut console = hello();
    console.press("b");
    let (_, Task::Build { functions, debug, .. }) = console.started() else { panic!("a build") };
    assert_eq!((functions, debug), (vec!["hello".to_owned()], false));
    assert_eq!(console.state.command.as_deref(), Some("lambda-console build hello"));
    console.press("B");
    let effects = console.effects();
    assert!(
        matches!(&effects[1],
            Effect::Start { task: Task::Build { functions, .. }, .. } if functions.is_empty()),
        "{effects:?}"
    );
}

#[test]
fn the_latest_build_wins() {
    let mut console = hello();
    let old = console.build();
    console.press("b");
    let effects = console.effects();
    let [Effect::Cancel(cancelled), Effect::Start { job: new, task: Task::Build { .. }, .. }] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(*cancelled, old);
    console.report(old, JobEvent::Step(Step::Output("old news".into())));
    console.report(old, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert!(console.state.functions.get("hello").unwrap().build_failure.is_none());
    assert!(console.state.output.is_empty());
    console.report(*new, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    assert!(console.screen().contains("✓ built hello in 3.2 s"));
}

#[test]
fn a_failed_build_shows_its_output_unless_one_types() {
    let mut console = hello();
    let job = console.build();
    console.report(
        job,
        JobEvent::Step(Step::Output("\u{1b}[31merror\u{1b}[0m: cannot find value `nam`".into())),
    );
    console.report(job, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert_eq!(console.state.tab, Tab::Build);
    let screen = console.screen();
    assert!(
        screen.contains("✗ failed") && screen.contains("error: cannot find value `nam`"),
        "{screen}"
    );

    console.press("eb<esc>");
    console.feed(Event::Action(lambda_console::tui::message::Action::Build));
    let effects = console.effects();
    let Some(Effect::Start { job, task: Task::Build { .. }, .. }) = effects.last().cloned() else {
        panic!("{effects:?}")
    };
    console.press("e");
    console.report(job, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert_eq!(console.state.tab, Tab::Payload, "who types is not interrupted");
}

#[test]
fn one_function_of_several_may_fail() {
    let mut console = hello();
    console.press("B");
    let job = console.job("Build");
    let mut outcome = sample::build_outcome("hello");
    outcome.failed = sample::broken_build("nightly").failed;
    console.report(job, JobEvent::BuildFinished(Ok(outcome)));
    let card = |name: &str| console.state.functions.get(name).unwrap();
    assert!(card("nightly").build_failure.is_some());
    assert!(card("hello").build_failure.is_none() && !card("hello").function.stale);
}

#[test]
fn a_new_zip_is_no_longer_in_sync() {
    let mut console = hello();
    let job = console.build();
    let mut outcome = sample::build_outcome("hello");
    outcome.built[0].zip.sha256 = "other".into();
    console.report(job, JobEvent::BuildFinished(Ok(outcome)));
    let Deployment::Present(deployed) = &console.state.stage().function("hello").deployment else {
        panic!("it is deployed")
    };
    assert!(!deployed.in_sync);
}

#[test]
fn a_function_that_is_not_built_is_not_deployed() {
    let mut console = Harness::ready(80, 24);
    console.press("jjd");
    assert!(console.effects().is_empty());
    assert!(
        console
            .screen()
            .contains("nightly is not built  b builds it, r builds, deploys and invokes it")
    );
}

#[test]
fn d_deploys_and_capital_d_deploys_what_is_built() {
    let mut console = hello();
    console.press("d");
    let (job, Task::Deploy { functions, .. }) = console.started() else { panic!("a deploy") };
    assert_eq!(functions[0].name, "hello");
    console.press("D");
    assert!(console.effects().is_empty(), "a deploy is not broken off");
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    assert!(console.screen().contains("✓ created hello on local in 0.2 s"));
    assert!(matches!(console.effect(), Effect::Start { task: Task::RefreshDeployed { .. }, .. }));
    console.press("D");
    let (_, Task::Deploy { functions, .. }) = console.started() else { panic!("a deploy") };
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["backend", "hello", "ping"]);
}

#[test]
fn a_read_only_console_sends_no_change() {
    let mut console = hello();
    console.state.options.read_only = true;
    console.press("dDl:delete<enter>");
    assert!(console.effects().is_empty());
    assert!(console.screen().contains("read-only"));
}

#[test]
fn i_invokes_with_the_payload_and_shows_the_response() {
    let mut console = hello();
    console.press("i");
    let (job, Task::Invoke { request }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.function, "hello");
    assert_eq!(request.payload, sample::EVENT.trim_end());
    assert!(!request.cold);
    assert_eq!(console.state.command.as_deref(), Some("lambda-console invoke hello --event hello"));
    console.answer_invoke(job, &sample::invocation("hello"));
    let screen = console.screen() + &console.press("2G").screen();
    for part in [
        "200 · 3.10 ms · init 4.80 ms (cold) · 9 of 256 MB",
        "\"message\": \"Hello, Lambda!\"",
        "REPORT",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    assert_eq!(console.state.stage().function("hello").figures.samples.len(), 1);
    assert_eq!(
        console.state.stage().logs.len(),
        5,
        "without a tail the log lines are read from the log"
    );
}

#[test]
fn a_function_that_is_not_deployed_is_not_invoked() {
    let mut console = Harness::ready(80, 24);
    console.press("jjjii");
    assert!(console.effects().is_empty());
    assert!(console.screen().contains("ping is not deployed on local"));
}

#[test]
fn an_older_response_does_not_replace_a_newer_one() {
    let mut console = hello();
    console.press("ii");
    let effects = console.effects();
    let [
        Effect::Start { job: first, task: Task::Invoke { .. }, .. },
        Effect::Start { job: second, task: Task::Invoke { .. }, .. },
    ] = effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    console.report(*second, JobEvent::InvokeFinished(Ok(sample::invocation("hello"))));
    console.report(*first, JobEvent::InvokeFinished(Ok(sample::failed_invocation("hello"))));
    let shown = console.state.stage().function("hello").response.as_ref().unwrap();
    assert_eq!(shown.job, *second);
}

#[test]
fn mode_qualifier_and_cold_go_into_the_request_and_the_command_line() {
    let mut console = hello();
    console.press(":next mode<enter>:next mode<enter>:qualifier<enter>prod<enter>I");
    let (_, Task::Invoke { request, .. }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.mode, InvokeMode::Async);
    assert_eq!(request.qualifier.as_deref(), Some("prod"));
    assert!(request.cold);
    let command = "lambda-console invoke hello --event hello --qualifier prod --async --cold";
    assert_eq!(console.state.command.as_deref(), Some(command));
}

#[test]
fn architecture_and_debug_go_into_the_build() {
    let mut console = hello();
    console.press(":next arch<enter>:toggle debug<enter>b");
    let (_, Task::Build { architecture, debug, .. }) = console.started() else { panic!("a build") };
    assert_eq!((architecture.map(Architecture::name), debug), (Some("x86_64"), true));
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console build hello --arch x86_64 --debug")
    );
}

#[test]
fn x_and_ctrl_c_cancel_the_running_job() {
    let mut console = hello();
    let job = console.build();
    console.press("<ctrl-c>");
    assert_eq!(console.effect(), Effect::Cancel(job));
    console.press("x");
    assert!(console.effects().is_empty(), "it is cancelled once");
    console.report(job, JobEvent::BuildFinished(Err(Failure::interrupted("build hello"))));
    assert!(console.screen().contains("build hello: cancelled"));
    assert_ne!(console.state.tab, Tab::Build, "a cancelled build is no failure to look at");
}

#[test]
fn quitting_while_a_job_runs_wants_a_second_q() {
    let mut console = hello();
    let job = console.build();
    console.press("q");
    assert!(console.effects().is_empty());
    assert!(
        console.screen().contains("build hello is running  press q again to cancel it and quit")
    );
    console.press("jq");
    assert!(console.effects().is_empty(), "another key takes it back");
    console.press("q");
    assert_eq!(console.effects(), [Effect::Cancel(job), Effect::Quit]);
}

#[test]
fn a_response_of_seven_megabytes_is_shown() {
    let mut console = hello();
    let job = console.invoke();
    let mut invocation = sample::invocation("hello");
    invocation.payload =
        format!("[\"{}\",{}1]", "x".repeat(1_000_000), "12345678,".repeat(660_000));
    console.answer_invoke(job, &invocation);
    console.press("2G");
    assert!(console.screen().contains("REPORT RequestId"));
    console.press("g");
    assert!(console.screen().contains("\"xxxx"));
}

/// The console on a stage named `local` that is protected.
fn protected() -> Harness {
    let mut console = hello();
    let lambda_console::tui::state::Connection::Connected(info) =
        &mut console.state.stage_mut().connection
    else {
        panic!("a stage")
    };
    info.protected = true;
    console
}

#[test]
fn a_protected_stage_is_deployed_to_only_when_its_name_is_typed_each_time() {
    let mut console = protected();
    console.press("d");
    assert_eq!(console.effects(), [], "it asks first");
    assert!(console.screen().contains("Change local?"), "{}", console.screen());
    console.press("<esc>6");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::ReadConfig { .. }, .. }),
        "the pane reads what the stage has"
    );
    console.resize(120, 60);
    assert!(
        console.screen().contains("changes require typing the stage name"),
        "{}",
        console.screen()
    );
    console.press("d");
    console.press("prod<enter>");
    assert_eq!(console.effects(), []);
    assert!(
        console.screen().contains("✗ name does not match: type `local`"),
        "{}",
        console.screen()
    );
    console.press("<backspace><backspace><backspace><backspace>local<enter>");
    let (job, Task::Deploy { functions, approval, .. }) = console.started() else {
        panic!("a deploy")
    };
    assert_eq!((functions.len(), approval), (1, Approval::Given));
    assert_eq!(console.state.command.as_deref(), Some("lambda-console deploy hello --yes"));
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    console.effects();
    console.press("D");
    assert_eq!(console.effects(), [], "the consent was for that deploy alone");
}

#[test]
fn a_run_and_a_cold_start_ask_on_a_protected_stage_too() {
    let mut console = protected();
    console.press("llocal<enter>");
    let Some(Effect::Start { job, task: Task::Build { .. }, .. }) = console.effects().pop() else {
        panic!("a build")
    };
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let effects = console.effects();
    let approvals: Vec<Approval> = effects
        .iter()
        .filter_map(|effect| {
            if let Effect::Start { task: Task::Deploy { approval, .. }, .. } = effect {
                Some(*approval)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(approvals, [Approval::Given], "{effects:?}");
    let deploy = effects.iter().find_map(|effect| {
        if let Effect::Start { job, task: Task::Deploy { .. }, .. } = effect {
            Some(*job)
        } else {
            None
        }
    });
    console.report(deploy.unwrap(), JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    console.effects();
    console.press("I");
    assert_eq!(console.effects(), []);
    console.press("local<enter>");
    let (_, Task::Invoke { request, .. }) = console.started() else { panic!("an invocation") };
    assert_eq!((request.cold, request.approval), (true, Approval::Given));
    assert!(console.state.command.as_deref().unwrap().ends_with("--cold --yes"));
    console.press("i");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Invoke { .. }, .. }),
        "an invocation changes nothing and asks nothing"
    );
}
