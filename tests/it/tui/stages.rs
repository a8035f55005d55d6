//! Several stages: the picker, switching, and results for a stage that is not active.

use lambda_console::tui::{
    message::{Effect, Event},
    state::{Connection, Deployment, JobId, Overlay},
    task::{Credentials, JobEvent, Task},
};
use lambda_console_model::{Failure, Remedy, StageEntry, StageInfo};
use tests::{Harness, sample};

fn entries() -> Vec<StageEntry> {
    let entry = |name: &str, protected| StageEntry {
        name: name.into(),
        protected,
        ..StageEntry::default()
    };
    vec![entry("local", false), entry("beta", false), entry("prod", true)]
}

fn info(stage: &str, account: &str) -> StageInfo {
    StageInfo {
        name: stage.into(),
        account: account.into(),
        region: "eu-west-1".into(),
        ..StageInfo::default()
    }
}

/// A console whose picker is open, with the list of stages read; and the jobs that read the other
/// stages.
fn picker() -> (Harness, Vec<(JobId, String)>) {
    let mut console = Harness::ready(100, 30);
    console.press("S");
    let job = console.job("ReadStages");
    console.report(job, JobEvent::StagesRead(Ok(entries())));
    let probe = |effect| match effect {
        Effect::Start { job, stage, task: Task::Probe } => (job, stage),
        other => panic!("{other:?}"),
    };
    let probes = console.effects().into_iter().map(probe).collect();
    (console, probes)
}

/// A console that was switched to beta, and the job that connects.
fn switched() -> (Harness, JobId) {
    let (mut console, _) = picker();
    console.press("beta<enter>");
    let effects = console.effects();
    let Some(Effect::Start { job, stage, task: Task::Connect { .. } }) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(stage, "beta");
    (console, *job)
}

/// Returns `true` if the job that stopped is started again under its ID.
fn is_resumed(effects: &[Effect], stopped: JobId) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Start { job, .. } if *job == stopped))
}

fn version(console: &Harness) -> Option<&str> {
    match &console.state.stage().function("hello").deployment {
        Deployment::Present(deployed) => Some(&deployed.version),
        Deployment::Unknown | Deployment::Absent | Deployment::Refused(_) => None,
    }
}

#[test]
fn the_picker_asks_who_the_caller_is_on_each_other_stage_once() {
    let (mut console, probes) = picker();
    assert_eq!(
        probes.iter().map(|(_, stage)| stage.as_str()).collect::<Vec<_>>(),
        ["beta", "prod"]
    );
    console.report(probes[0].0, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    console.report(
        probes[1].0,
        JobEvent::StageConnected(Err(Failure::environment("no", "no such profile", ""))),
    );
    assert_eq!(console.state.active, "local", "looking does not switch");
    assert!(
        matches!(console.state.stage().connection, Connection::Connected(ref info) if info.name == "local")
    );
    assert!(matches!(console.state.stages["beta"].connection, Connection::Connected(_)));
    assert!(matches!(console.state.stages["prod"].connection, Connection::Failed(_)));
    assert!(console.effects().is_empty(), "nothing else is asked of a stage that is not shown");
}

#[test]
fn a_function_without_read_permission_shows_denied_beside_the_others() {
    let (mut console, connect) = switched();
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    let job = console.job("RefreshDeployed");
    let mut deployed = sample::deployed();
    deployed[0].1 = Err(Failure::denied(
        "could not read backend",
        "me may not lambda:GetFunctionConfiguration",
        "",
    ));
    console.report(job, JobEvent::Deployed(Ok(deployed)));
    let screen = console.screen();
    assert!(screen.contains("denied") && screen.contains("in sync"), "{screen}");
    assert!(screen.contains("lambda:GetFunctionConfiguration"), "{screen}");
}

#[test]
fn switching_connects_and_asks_what_is_deployed_there_and_switching_back_shows_it_at_once() {
    let (mut console, connect) = switched();
    assert_eq!(version(&console), None, "what local has is not shown as what beta has");
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    let job = console.job("RefreshDeployed");
    let mut deployed = sample::deployed();
    deployed[1].1.as_mut().unwrap().as_mut().expect("hello is deployed").version = "41".into();
    console.report(job, JobEvent::Deployed(Ok(deployed)));
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
    console.press("j");
    let job = console.deploy();
    console.press("S");
    let read = console.job("ReadStages");
    console.report(read, JobEvent::StagesRead(Ok(entries())));
    console.press("beta<enter>");
    console.effects();
    let mut outcome = sample::deploy_outcome("hello");
    outcome.functions[0].version = "8".into();
    console.report(job, JobEvent::DeployFinished(Ok(outcome)));
    assert_eq!(version(&console), None, "beta has not answered yet");
    assert!(console.screen().contains("local: created hello on local"), "{}", console.screen());
    // Its follow-up effects are for the stage that it belongs to.
    let Effect::Start { stage, task: Task::RefreshDeployed { .. }, .. } = console.effect() else {
        panic!("a refresh of local")
    };
    assert_eq!(stage, "local");
    console.press("S");
    console.press("local<enter>");
    assert_eq!(version(&console), Some("8"));
}

#[test]
fn lines_of_a_tail_are_filed_under_the_stage_that_is_tailed() {
    let mut console = Harness::ready(100, 30);
    console.press("jt");
    let job = console.job("StartTail");
    console.press("S");
    let read = console.job("ReadStages");
    console.report(read, JobEvent::StagesRead(Ok(entries())));
    console.press("beta<enter>");
    console.effects();
    console.report(job, JobEvent::LogLines(sample::log_lines("hello", 3)));
    assert_eq!(console.state.stage().logs.held(), 0);
    console.press("S");
    console.press("local<enter>");
    assert_eq!(console.state.stage().logs.held(), 3);
    assert!(
        !console.effects().iter().any(|effect| matches!(effect, Effect::Cancel(_))),
        "the tail goes on"
    );
}

#[test]
fn a_command_line_names_the_stage_that_is_shown() {
    let (mut console, connect) = switched();
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    console.press("ji");
    assert!(
        console
            .state
            .command
            .as_deref()
            .is_some_and(|line| line.starts_with("lambda-console --stage beta invoke")),
        "{:?}",
        console.state.command
    );
}

#[test]
fn a_run_continues_on_the_stage_that_it_started_on() {
    let mut console = Harness::ready(100, 30);
    console.press("jl");
    let job = console.job("Build");
    console.press("S");
    let read = console.job("ReadStages");
    console.report(read, JobEvent::StagesRead(Ok(entries())));
    console.press("beta<enter>");
    console.effects();
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let Effect::Start { stage, task: Task::Deploy { .. }, .. } = console.effect() else {
        panic!("the loop's deploy")
    };
    assert_eq!(stage, "local", "never on the stage that happens to be shown");
}

/// The failure of a stage whose credentials have expired.
fn logged_out(what: &str) -> Failure {
    let why = "the SSO token has expired and cannot be refreshed";
    Failure::login(what, why, Remedy::Command("aws sso login --profile acme".into()))
}

/// A console whose invocation of hello on beta stopped because of missing credentials.
fn stopped() -> (Harness, JobId) {
    let (mut console, connect) = switched();
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    console.effects();
    console.press("j");
    let job = console.invoke();
    console.report(job, JobEvent::InvokeFinished(Err(logged_out("could not invoke hello"))));
    (console, job)
}

#[test]
fn work_without_credentials_shows_the_login_and_resumes_afterwards() {
    let (mut console, job) = stopped();
    assert!(console.screen().contains("$ aws sso login --profile acme"), "{}", console.screen());
    insta::assert_snapshot!("log_in", console.styled());
    console.press("y");
    assert_eq!(console.effect(), Effect::Copy("aws sso login --profile acme".into()));
    console.press("<enter>");
    let Effect::Start { job: connect, stage, task: Task::Connect { with } } = console.effect()
    else {
        panic!("the credentials are tried")
    };
    assert!(stage == "beta" && with == Credentials::Renewed, "they are read again");
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    let effects = console.effects();
    assert!(is_resumed(&effects, job), "{effects:?}");
    assert_eq!(console.state.stage().login, None);
    // Its result is accepted as that of the job that stopped.
    console.report(job, JobEvent::InvokeFinished(Ok(sample::invocation("hello"))));
    assert!(console.screen().contains("hello: 200 in 12.4 ms"), "{}", console.screen());
}

#[test]
fn advice_on_credentials_is_shown_as_it_is_and_is_no_command_to_copy() {
    let (mut console, connect) = switched();
    let advice = "aws needs new values of AWS_ACCESS_KEY_ID, then start again";
    let failure = Failure::login("could not connect", "expired", Remedy::Advice(advice.into()));
    console.report(connect, JobEvent::StageConnected(Err(failure)));
    let screen = console.screen();
    assert!(screen.contains("aws needs new values") && !screen.contains("$ aws"), "{screen}");
    console.press("y");
    assert_eq!(console.effects(), []);
    assert!(console.screen().contains("no command to copy"), "{}", console.screen());
}

#[test]
fn a_plan_that_lacked_credentials_is_shown_after_the_login() {
    let (mut console, connect) = switched();
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    console.effects();
    console.press("jd");
    let job = console.job("Plan");
    console.report(job, JobEvent::Planned(Err(logged_out("could not compare"))));
    console.press("A");
    let connect = console.job("Connect");
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    assert!(
        console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Start { task: Task::Plan { .. }, .. }))
    );
    assert!(matches!(console.state.overlay, Some(Overlay::Plan(_))));
}

#[test]
fn credentials_that_still_do_not_work_keep_what_stopped() {
    let (mut console, job) = stopped();
    console.press("<enter>");
    let connect = console.job("Connect");
    console.report(connect, JobEvent::StageConnected(Err(logged_out("could not connect"))));
    assert!(console.effects().is_empty());
    let login = console.state.stage().login.as_ref().expect("it is still asked for");
    assert_eq!(login.stopped.iter().map(|stopped| stopped.job.id).collect::<Vec<_>>(), [job]);
    assert!(console.screen().contains("Log in on stage beta"));
}

#[test]
fn later_is_possible_and_another_stage_is_not_concerned() {
    let (mut console, job) = stopped();
    console.press("<esc>");
    assert!(console.state.overlay.is_none() && console.screen().contains("log in"));
    console.press("S");
    console.press("local<enter>");
    assert_eq!(console.state.stage().login, None);
    console.effects();
    console.press("A");
    assert!(console.effects().is_empty(), "nothing waits here");
    console.press("S");
    console.press("beta<enter>");
    console.effects();
    assert!(console.screen().contains("Log in on stage beta"));
    console.press("A");
    let (connect, Task::Connect { with: Credentials::Renewed }) = console.started() else {
        panic!("it is tried")
    };
    console.report(connect, JobEvent::StageConnected(Ok(info("beta", "111111111111"))));
    assert!(is_resumed(&console.effects(), job));
}

#[test]
fn a_run_resumes_with_the_step_that_stopped() {
    let mut console = Harness::ready(100, 30);
    console.press("jl");
    let job = console.job("Build");
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let job = console.job("Deploy");
    console.report(job, JobEvent::DeployFinished(Err(logged_out("could not deploy"))));
    console.effects();
    console.press("A");
    let connect = console.job("Connect");
    console.report(connect, JobEvent::StageConnected(Ok(sample::stage())));
    assert!(is_resumed(&console.effects(), job));
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    assert!(console.has_started("Invoke"), "the step after it");
}

#[test]
fn what_was_to_be_looked_at_is_opened_after_the_login() {
    let again = |keys: &str, answer: fn(JobId) -> Event| {
        let mut console = Harness::ready(100, 30);
        console.press(keys);
        let (job, _) = console.started();
        console.feed(answer(job));
        console.press("<esc><esc>A");
        let Some(Effect::Start { job: connect, task: Task::Connect { .. }, .. }) =
            console.effects().pop()
        else {
            panic!("{keys}: it is tried")
        };
        console.report(connect, JobEvent::StageConnected(Ok(sample::stage())));
        let mut effects = console.effects();
        let Effect::Start { job: refresh, task: Task::RefreshDeployed { .. }, .. } = &effects[0]
        else {
            panic!("{effects:?}")
        };
        console.report(*refresh, JobEvent::Deployed(Ok(sample::deployed())));
        effects.extend(console.effects());
        (job, effects)
    };
    let is_in = |effects: &[Effect], wanted: fn(&Effect) -> bool| effects.iter().any(wanted);
    let (_, effects) = again("jV", |job| {
        Event::Job(job, JobEvent::VersionsLoaded(Err(logged_out("could not list"))))
    });
    assert!(
        is_in(&effects, |effect| matches!(
            effect,
            Effect::Start { task: Task::LoadVersions { .. }, .. }
        )),
        "{effects:?}"
    );
    let (_, effects) = again("j:delete<enter>", |job| {
        Event::Job(job, JobEvent::ResourcesListed(Err(logged_out("could not list"))))
    });
    assert!(
        is_in(&effects, |effect| matches!(
            effect,
            Effect::Start { task: Task::ListResources { .. }, .. }
        )),
        "{effects:?}"
    );
    let (job, effects) = again("j:roles<enter>", |job| {
        Event::Job(job, JobEvent::RolesListed(Err(logged_out("could not list"))))
    });
    assert!(is_resumed(&effects, job), "{effects:?}");
    let (_, effects) =
        again("j6", |job| Event::Job(job, JobEvent::ConfigRead(Err(logged_out("could not read")))));
    assert!(
        is_in(&effects, |effect| matches!(
            effect,
            Effect::Start { task: Task::ReadConfig { .. }, .. }
        )),
        "{effects:?}"
    );
}

#[test]
fn a_tail_goes_on_from_the_last_line_that_is_there() {
    let mut console = Harness::ready(100, 30);
    console.press("jt");
    let job = console.job("StartTail");
    console.report(job, JobEvent::LogLines(sample::log_lines("hello", 3)));
    console.feed(Event::Tick(sample::NOW + 60_000));
    console.report(job, JobEvent::TailEnded(Err(logged_out("could not follow the logs"))));
    console.press("A");
    let effects = console.effects();
    let Some(Effect::Start { job: connect, task: Task::Connect { .. }, .. }) = effects.last()
    else {
        panic!("{effects:?}")
    };
    console.report(*connect, JobEvent::StageConnected(Ok(sample::stage())));
    let since = console.effects().into_iter().find_map(|effect| match effect {
        Effect::Start { task: Task::StartTail { since, functions, .. }, .. }
            if functions == ["hello"] =>
        {
            Some(since)
        }
        _ => None,
    });
    assert_eq!(since, Some(sample::NOW + 3), "the third line is two milliseconds after the first");
}

#[test]
fn credentials_that_expire_are_looked_at_again_once() {
    let (mut console, connect) = switched();
    let expiring =
        StageInfo { expires_at: Some(sample::NOW + 60_000), ..info("beta", "111111111111") };
    console.report(connect, JobEvent::StageConnected(Ok(expiring.clone())));
    console.effects();
    assert!(console.screen().contains("1 min left"), "{}", console.screen());
    console.feed(Event::Tick(sample::NOW + 59_000));
    assert!(console.effects().is_empty());
    console.feed(Event::Tick(sample::NOW + 60_000));
    let Effect::Start { job, stage, task: Task::Connect { with: Credentials::Known } } =
        console.effect()
    else {
        panic!("they are looked at again")
    };
    assert_eq!(stage, "beta");
    console.feed(Event::Tick(sample::NOW + 61_000));
    assert!(console.effects().is_empty());
    // They were refreshed automatically.
    let renewed = StageInfo { expires_at: Some(sample::NOW + 3_660_000), ..expiring };
    console.report(job, JobEvent::StageConnected(Ok(renewed)));
    assert!(console.screen().contains("59 min left"), "{}", console.screen());
}

#[test]
fn the_picker_shows_each_stage_and_why_one_is_unreachable() {
    let (mut console, probes) = picker();
    let identity = "arn:aws:sts::111111111111:assumed-role/developer/me".into();
    let expires_at = Some(sample::NOW + 45 * 60_000);
    let beta = StageInfo {
        identity,
        expires_at,
        credentials: "SSO".into(),
        ..info("beta", "111111111111")
    };
    console.report(probes[0].0, JobEvent::StageConnected(Ok(beta)));
    console.report(
        probes[1].0,
        JobEvent::StageConnected(Err(logged_out("could not connect to the stage prod"))),
    );
    insta::assert_snapshot!("stages_100", console.styled());
    console.press("prod");
    insta::assert_snapshot!("stages_unreachable_100", console.screen());
}
