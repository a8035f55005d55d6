//! `w`: saved files are built and deployed to the local stage, or have to wait.

use lambda_console::tui::{
    message::Effect,
    state::{Connection, JobId, Tab},
    task::{JobEvent, Task},
};
use lambda_console_model::{Changed, Failure, StageInfo};
use tests::{Harness, sample};

/// The console after `w`, and the job that watches.
fn watching() -> (Harness, JobId) {
    let mut console = Harness::ready(80, 24);
    console.press("jw");
    let job = console.job("Watch");
    (console, job)
}

fn changed(file: &str, functions: &[&str]) -> Changed {
    let functions = functions.iter().map(|&name| name.to_owned()).collect();
    Changed { files: vec![file.to_owned()], functions, workspace: None }
}

fn save(console: &mut Harness, watch: JobId, file: &str, functions: &[&str]) {
    console.report(watch, JobEvent::Changed(Ok(changed(file, functions))));
}

/// The only requested build, with its functions.
#[track_caller]
fn build(console: &mut Harness) -> (JobId, Vec<String>) {
    let (job, Task::Build { functions, .. }) = console.started() else { panic!("a build") };
    (job, functions)
}

#[test]
fn the_key_means_the_same_in_every_pane() {
    for pane in 0..=Tab::ALL.len() {
        let mut console = Harness::ready(80, 24);
        if pane > 0 {
            console.press(&format!("{pane}"));
        }
        console.effects();
        console.press("w");
        assert!(matches!(console.effect(), Effect::Start { task: Task::Watch, .. }), "in {pane}");
    }
}

#[test]
fn a_saved_file_is_built_deployed_and_reported() {
    let (mut console, watch) = watching();
    assert_eq!(console.state.command.as_deref(), Some("lambda-console local --watch"));
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    let (job, functions) = build(&mut console);
    assert_eq!(functions, ["hello"]);
    assert!(console.state.functions.get("hello").unwrap().function.stale);
    let screen = console.screen();
    assert!(screen.contains("functions/hello/src/main.rs changed  build hello"), "{screen}");
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let (job, Task::Deploy { functions, .. }) = console.started() else {
        panic!("a deploy follows")
    };
    assert_eq!(
        functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(),
        ["hello"]
    );
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::RefreshDeployed { .. }, .. }),
        "nothing is built again"
    );
    let screen = console.screen();
    assert!(
        screen.contains("✓ created hello on local in 0.2 s  functions/hello/src/main.rs changed"),
        "{screen}"
    );
    let screen = console.press("5").screen();
    assert!(screen.contains("✓ build hello in 3.2 s"), "{screen}");
    assert!(
        screen.lines().any(|line| line.trim_matches(['│', '┃', ' ']) == "functions/hello/src/main.rs changed"),
        "{screen}"
    );
}

#[test]
fn the_header_shows_that_it_watches() {
    let (mut console, _) = watching();
    insta::assert_snapshot!(console.styled());
}

#[test]
fn w_again_stops_it_and_what_is_saved_then_starts_nothing() {
    let (mut console, watch) = watching();
    console.press("w");
    assert_eq!(console.effect(), Effect::Cancel(watch));
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    assert!(console.effects().is_empty());
    assert!(!console.screen().contains("us-east-1  watching"), "{}", console.screen());
}

#[test]
fn all_functions_are_built_first_with_the_workspace_as_it_is() {
    let (mut console, watch) = watching();
    let mut workspace = sample::workspace();
    workspace.functions.push(sample::function("new"));
    let functions = vec!["hello".to_owned(), "new".to_owned()];
    console.report(
        watch,
        JobEvent::Changed(Ok(Changed { files: Vec::new(), functions, workspace: Some(workspace) })),
    );
    assert!(console.state.functions.get("new").is_some());
    let builds: Vec<Vec<String>> = console
        .effects()
        .into_iter()
        .filter_map(|effect| {
            if let Effect::Start { task: Task::Build { functions, .. }, .. } = effect {
                Some(functions)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(builds, [["hello", "new"]]);
}

#[test]
fn a_save_during_its_build_is_built_after_it() {
    let (mut console, watch) = watching();
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    let (first, _) = build(&mut console);
    save(&mut console, watch, "functions/ping/src/main.rs", &["ping"]);
    assert!(console.effects().is_empty(), "a build is not broken off");
    console.report(first, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert_eq!(build(&mut console).1, ["ping"]);
}

#[test]
fn a_save_during_its_deploy_is_built_after_it() {
    let (mut console, watch) = watching();
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    let (job, _) = build(&mut console);
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let job = console.job("Deploy");
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    assert!(console.effects().is_empty(), "a deploy is not broken off");
    console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
    let effects = console.effects();
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Start { task: Task::Build { .. }, .. })),
        "{effects:?}"
    );
}

#[test]
fn a_build_that_fails_deploys_what_compiled_and_shows_the_error() {
    let (mut console, watch) = watching();
    save(&mut console, watch, "crates/shared/src/lib.rs", &["hello", "ping"]);
    let (job, _) = build(&mut console);
    let mut outcome = sample::broken_build("ping");
    outcome.built = sample::build_outcome("hello").built;
    console.report(job, JobEvent::BuildFinished(Ok(outcome)));
    let (_, Task::Deploy { functions, .. }) = console.started() else { panic!("a deploy follows") };
    assert_eq!(
        functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>(),
        ["hello"]
    );
    assert_eq!(console.state.tab, Tab::Build);
    assert!(console.screen().contains("could not build ping"), "{}", console.screen());
}

#[test]
fn an_error_stays_until_it_is_fixed_whatever_is_deployed_beside_it() {
    let mut console = Harness::ready(160, 30);
    console.press("jw");
    let watch = console.job("Watch");
    save(&mut console, watch, "crates/shared/src/lib.rs", &["hello", "ping"]);
    let (job, _) = build(&mut console);
    let mut outcome = sample::broken_build("ping");
    outcome.built = sample::build_outcome("hello").built;
    console.report(job, JobEvent::BuildFinished(Ok(outcome)));
    let deploy = |console: &mut Harness| {
        let job = console.job("Deploy");
        console.report(job, JobEvent::DeployFinished(Ok(sample::deploy_outcome("hello"))));
        console.effects();
        console.screen()
    };
    let screen = deploy(&mut console);
    assert!(
        screen.contains("could not build ping") && screen.contains("created hello on local"),
        "{screen}"
    );
    assert!(screen.contains("watching ✗ ping"), "{screen}");

    // Another save of the function that compiles.
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    let (job, _) = build(&mut console);
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    let screen = deploy(&mut console);
    assert!(
        screen.contains("could not build ping") && screen.contains("watching ✗ ping"),
        "{screen}"
    );

    save(&mut console, watch, "functions/ping/src/main.rs", &["ping"]);
    let (job, _) = build(&mut console);
    console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("ping"))));
    let screen = deploy(&mut console);
    assert!(!screen.contains('✗') && screen.contains("created hello on local"), "{screen}");
}

#[test]
fn a_build_that_fails_whole_leaves_the_old_code_and_goes_on_watching() {
    let (mut console, watch) = watching();
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    let (job, _) = build(&mut console);
    console.report(job, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert!(console.effects().is_empty(), "nothing is deployed");
    save(&mut console, watch, "functions/hello/src/main.rs", &["hello"]);
    assert_eq!(build(&mut console).1, ["hello"]);
}

#[test]
fn a_manual_run_has_precedence() {
    let (mut console, watch) = watching();
    console.press("r");
    let (job, _) = build(&mut console);
    save(&mut console, watch, "functions/ping/src/main.rs", &["ping"]);
    assert!(console.effects().is_empty());
    console.report(job, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    assert_eq!(build(&mut console).1, ["ping"], "the loop has ended");
}

#[test]
fn a_build_of_the_user_s_own_replaces_its_build_which_follows_after() {
    let (mut console, watch) = watching();
    save(&mut console, watch, "functions/ping/src/main.rs", &["ping"]);
    build(&mut console);
    console.press("b");
    let effects = console.effects();
    let [Effect::Cancel(_), Effect::Start { job, task: Task::Build { functions, .. }, .. }] =
        effects.as_slice()
    else {
        panic!("{effects:?}")
    };
    assert_eq!(*functions, ["hello"]);
    console.report(*job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
    assert_eq!(build(&mut console).1, ["ping"]);
}

#[test]
fn a_broken_manifest_is_reported_and_changes_nothing() {
    let (mut console, watch) = watching();
    let failure = Failure::usage(
        "could not read the workspace",
        "functions/hello/Cargo.toml: no",
        "correct it",
    );
    console.report(watch, JobEvent::Changed(Err(failure)));
    assert!(console.effects().is_empty());
    assert!(console.state.stage().watch.is_some());
    assert!(console.screen().contains("functions/hello/Cargo.toml: no"), "{}", console.screen());
}

#[test]
fn a_failed_watch_is_reported_and_off() {
    let (mut console, watch) = watching();
    let failure =
        Failure::environment("could not watch the sources", "no more watches", "raise the limit");
    console.report(watch, JobEvent::WatchEnded(Err(failure)));
    assert!(console.state.stage().watch.is_none());
    assert!(console.screen().contains("could not watch the sources"), "{}", console.screen());
    console.press("w");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Watch, .. }),
        "it can be started again"
    );
}

#[test]
fn it_works_on_the_local_stage_alone_and_not_read_only() {
    let mut console = Harness::ready(80, 24);
    console.state.options.read_only = true;
    console.press("w");
    assert!(console.effects().is_empty());
    assert!(console.screen().contains("read-only"), "{}", console.screen());

    let mut console = Harness::ready(80, 24);
    console.state.stage_mut().connection =
        Connection::Connected(StageInfo { protected: true, ..sample::stage() });
    console.press("w");
    assert!(console.effects().is_empty());

    let mut console = Harness::ready(80, 24);
    console.state.activate("beta");
    console.press("w");
    assert!(console.effects().is_empty());
    assert!(
        console.screen().contains("watch deploys to the local stage only"),
        "{}",
        console.screen()
    );
}

#[test]
fn nothing_moves_while_nothing_is_saved() {
    let (console, _) = watching();
    assert!(
        !console.state.is_moving(),
        "the screen is drawn again each tenth of a second only while something runs"
    );
}

#[test]
fn leaving_ends_it_without_being_asked_twice() {
    let (mut console, watch) = watching();
    console.press("q");
    assert_eq!(console.effects(), [Effect::Cancel(watch), Effect::Quit]);
}

#[test]
fn the_help_and_the_palette_have_it() {
    let mut console = Harness::ready(200, 100);
    assert!(console.press("?").screen().contains("watch: build and deploy on save"));
    console.press("q:watch<enter>");
    assert!(matches!(console.effect(), Effect::Start { task: Task::Watch, .. }));
}
