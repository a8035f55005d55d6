//! The console from its start to a useful screen.

use lambda_console::tui::{
    config::Config,
    message::{Action, Effect, Event},
    state::{Connection, Setup, WorkspaceState},
    task::{JobEvent, Task},
};
use lambda_console_model::{Failure, Part, Workspace};
use tests::{Harness, sample};

#[test]
fn the_start_asks_for_workspace_stage_toolchain_and_drafts() {
    let mut console = Harness::begun(80, 24);
    let effects = console.effects();
    assert!(matches!(
        effects.as_slice(),
        [
            Effect::LoadDrafts,
            Effect::Start { task: Task::Discover, .. },
            Effect::Start { task: Task::Connect { .. }, .. },
            Effect::Start { task: Task::CheckSetup { .. }, .. }
        ]
    ));
    assert!(console.screen().contains("reading the workspace"));
}

#[test]
fn what_is_deployed_is_asked_once_both_workspace_and_stage_are_known() {
    let mut console = Harness::begun(80, 24);
    let effects = console.effects();
    let (
        Effect::Start { job: discover, task: Task::Discover, .. },
        Effect::Start { job: connect, task: Task::Connect { .. }, .. },
    ) = (&effects[1], &effects[2])
    else {
        panic!("{effects:?}")
    };
    console.report(*discover, JobEvent::Discovered(Ok(sample::workspace())));
    let asked = |effects: &[Effect]| {
        effects.iter().any(|effect| {
            matches!(effect, Effect::Start { task: Task::RefreshDeployed { .. }, .. })
        })
    };
    assert!(!asked(&console.effects()));
    console.report(*connect, JobEvent::StageConnected(Ok(sample::stage())));
    assert!(asked(&console.effects()));
}

#[test]
fn a_missing_toolchain_is_provided_in_the_background() {
    let mut console = Harness::begun(120, 30);
    let effects = console.effects();
    let Effect::Start { job, task: Task::CheckSetup { architecture }, .. } = effects[3].clone()
    else {
        panic!("{effects:?}")
    };
    let zig =
        Part { name: "zig".into(), found: None, detail: "not on the path".into(), optional: false };
    console.report(job, JobEvent::SetupChecked(vec![zig]));
    let (job, Task::Setup { architecture: wanted }) = console.started() else {
        panic!("setup starts")
    };
    assert_eq!(wanted, architecture);
    let step = lambda_console_model::Step::Phase {
        text: "downloading zig".into(),
        done: 5_000_000,
        total: 20_000_000,
    };
    console.report(job, JobEvent::Step(step));
    assert!(console.screen().contains("setup 25 % downloading zig"));
    console.report(job, JobEvent::SetupFinished(Ok(sample::parts())));
    assert_eq!(console.state.setup, Setup::Ready(sample::parts()));
}

#[test]
fn a_broken_workspace_keeps_the_functions_that_were_known() {
    let mut console = Harness::ready(80, 24);
    console.press("R");
    let effects = console.effects();
    let Effect::Start { job, task: Task::Discover, .. } = effects[0] else { panic!("{effects:?}") };
    let failure =
        Failure::usage("could not read the workspace", "Cargo.toml:3:1: expected `=`", "fix it");
    console.report(job, JobEvent::Discovered(Err(failure)));
    assert_eq!(console.state.functions.cards.len(), 6);
    assert!(matches!(console.state.workspace, WorkspaceState::Broken(_)));
    assert!(console.screen().contains("Cargo.toml:3:1: expected `=`"));
}

#[test]
fn an_older_answer_does_not_replace_a_newer_question() {
    let mut console = Harness::ready(80, 24);
    console.press("R");
    let first = console.effects();
    console.press("R");
    let second = console.effects();
    let (
        Effect::Start { job: old, task: Task::Discover, .. },
        Effect::Start { job: new, task: Task::Discover, .. },
    ) = (&first[0], &second[0])
    else {
        panic!("{first:?}")
    };
    console.report(*old, JobEvent::Discovered(Ok(Workspace::default())));
    assert_eq!(console.state.functions.cards.len(), 6, "the older answer is ignored");
    console.report(*new, JobEvent::Discovered(Ok(Workspace::default())));
    assert_eq!(console.state.functions.cards.len(), 0);
}

#[test]
fn an_unreachable_stage_is_reported_and_the_rest_works() {
    let mut console = Harness::begun(80, 24);
    let effects = console.effects();
    let (
        Effect::Start { job: discover, task: Task::Discover, .. },
        Effect::Start { job: connect, task: Task::Connect { .. }, .. },
    ) = (&effects[1], &effects[2])
    else {
        panic!("{effects:?}")
    };
    console.report(*discover, JobEvent::Discovered(Ok(sample::workspace())));
    let failure = Failure::environment(
        "could not reach stage local",
        "port 9001 is in use",
        "stop what uses it",
    );
    console.report(*connect, JobEvent::StageConnected(Err(failure)));
    assert!(matches!(console.state.stage().connection, Connection::Failed(_)));
    assert!(console.screen().contains("port 9001 is in use"));
    console.effects();
    console.feed(Event::Action(Action::Build));
    assert!(matches!(console.effect(), Effect::Start { task: Task::Build { .. }, .. }));
}

#[test]
fn a_broken_configuration_means_defaults_and_a_notice() {
    let config = Config::read(
        Some("theme = \"neon\"\n"),
        "/home/me/config.toml",
        lambda_console::tui::theme::Palette::FULL,
    );
    let notice = config.notice.clone().unwrap();
    let mut console = Harness::with_config(120, 30, config);
    console.feed(Event::Notice(notice));
    assert!(
        console
            .screen()
            .contains("/home/me/config.toml:1:9: the theme must be `dark`, `light` or `plain`")
    );
    console.press("?");
    assert!(console.screen().contains(" Global "));
}

#[test]
fn without_a_workspace_each_verb_reports_what_is_missing() {
    let mut console = Harness::begun(120, 30);
    let effects = console.effects();
    let (
        Effect::Start { job: discover, task: Task::Discover, .. },
        Effect::Start { job: connect, task: Task::Connect { .. }, .. },
    ) = (&effects[1], &effects[2])
    else {
        panic!("{effects:?}")
    };
    let failure = Failure::usage(
        "could not read the workspace",
        "there is no Cargo.toml in /tmp",
        "create one",
    );
    console.report(*discover, JobEvent::Discovered(Err(failure.clone())));
    console.report(*connect, JobEvent::StageConnected(Err(failure)));
    assert!(!console.state.is_moving(), "{:?}", console.state.jobs);
    let screen = console.screen();
    assert!(
        screen.contains("there is no Cargo.toml") && screen.contains("R refreshes"),
        "{screen}"
    );
    for key in ["b", "B", "d", "D", "i", "I", "r", "t", "T", "V", "P", "e"] {
        console.press("<esc>");
        console.press(key);
        assert_eq!(console.effects(), [], "{key}");
        let notice = console.state.notice.clone().unwrap_or_else(|| panic!("{key} shows nothing"));
        assert!(notice.text.contains("there is no Cargo.toml"), "{key}: {notice:?}");
        assert!(notice.hint.contains("create one; R refreshes"), "{key}: {notice:?}");
    }
}

#[test]
fn a_workspace_without_functions_explains_how_to_add_one() {
    let mut console = Harness::begun(160, 30);
    console.answer_start(&Workspace { name: "empty".into(), ..Workspace::default() });
    assert!(console.screen().contains("`cargo add"), "{}", console.screen());
    console.press("B");
    assert!(
        console.screen().contains("the workspace has no functions  run `cargo add lambda_runtime`"),
        "{}",
        console.screen()
    );
}
