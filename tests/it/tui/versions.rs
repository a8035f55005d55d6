//! The list of a function's versions: its content, and the changes that it offers.

use lambda_console::tui::{
    message::Effect,
    state::{Connection, JobId, Overlay},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Alias, Approval, DeployPlan, Failure, FunctionVersions, Percentiles, Share, Version,
    VersionFigures, VersionsChange, VersionsChanged, VersionsDone, VersionsPlan,
};
use tests::{Harness, sample};

fn version(number: &str, description: &str, runs: u64, failed: u64, init: f64) -> Version {
    let of = |value: f64| {
        (runs > 0).then_some(Percentiles {
            p50: value,
            p90: value,
            p99: value * 1.5,
            max: value * 2.0,
        })
    };
    Version {
        version: number.into(),
        description: description.into(),
        sha256: sample::sha(number),
        bytes: 219_136,
        modified_at: sample::NOW - 3_600_000,
        figures: VersionFigures {
            invocations: runs,
            failed,
            cold: runs / 10,
            init_ms: of(init),
            duration_ms: of(1.2),
        },
    }
}

/// Eight versions; `live` points to 7, and a canary routes 5 % to 8.
fn versions() -> FunctionVersions {
    let mut all =
        vec![version("$LATEST", "", 3, 0, 4.8), version("8", "git 1a2b3c4d5e6f dirty", 40, 2, 9.6)];
    all.extend((1..8).rev().map(|number| {
        version(&number.to_string(), "git 0f1e2d3c4b5a", 1200 * (number / 7), 1, 4.6)
    }));
    FunctionVersions {
        name: "hello".into(),
        stage: "local".into(),
        function: "hello".into(),
        alias: Some("live".into()),
        aliases: vec![
            Alias {
                name: "live".into(),
                version: "7".into(),
                canary: Some(Share { version: "8".into(), weight: 0.05 }),
                before: Some("6".into()),
            },
            Alias { name: "beta".into(), version: "8".into(), ..Alias::default() },
        ],
        versions: all,
        since: sample::NOW - 86_400_000,
        refused: Vec::new(),
    }
}

fn opened((width, height): (u16, u16)) -> Harness {
    let mut console = Harness::ready(width, height);
    console.press("jV");
    let (job, Task::LoadVersions { function }) = console.started() else {
        panic!("the versions are read")
    };
    assert_eq!(function, "hello");
    console.report(job, JobEvent::VersionsLoaded(Ok(versions())));
    console
}

/// Reports the plan of the change that was requested, and returns the job that made it.
#[track_caller]
fn planned(console: &mut Harness, change: &VersionsChange) -> JobId {
    let (job, function, asked) = console
        .effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::Start { job, task: Task::PlanVersions { function, change }, .. } => {
                Some((job, function, change))
            }
            _ => None,
        })
        .expect("it is planned");
    assert_eq!((function.as_str(), &asked), ("hello", change));
    let plan = VersionsPlan::new(versions(), asked).expect("a plan");
    let stage = console.state.active.clone();
    let plan = DeployPlan { stage, functions: vec![plan.shown()], failed: Vec::new() };
    console.report(job, JobEvent::Planned(Ok(plan)));
    job
}

/// The change that started, among other effects: its job, the job that planned it, the approval.
#[track_caller]
fn change(console: &mut Harness) -> (JobId, JobId, Approval) {
    let effects = console.effects();
    let wanted = |effect: &Effect| match effect {
        Effect::Start { job, task: Task::ChangeVersions { plan, approval, .. }, .. } => {
            Some((*job, *plan, *approval))
        }
        _ => None,
    };
    effects.iter().find_map(wanted).unwrap_or_else(|| panic!("{effects:?}"))
}

fn rollback(to: Option<&str>) -> VersionsChange {
    VersionsChange::Rollback(to.map(str::to_owned))
}

#[test]
fn the_list_shows_each_version_with_its_figures() {
    insta::assert_snapshot!("versions_80", opened((80, 24)).styled());
    insta::assert_snapshot!("versions_120", opened((120, 30)).styled());
}

#[test]
fn enter_shows_the_plan_and_enter_again_moves_no_traffic() {
    let mut console = opened((100, 24));
    console.press("<enter>");
    assert_eq!(console.state.command.as_deref(), Some("lambda-console rollback hello 7 --dry-run"));
    planned(&mut console, &rollback(Some("7")));
    let screen = console.screen();
    for text in [
        "Roll hello back on local",
        "alias.live",
        "7 (95 %), 8 (5 %) → 7",
        "type `yes` to confirm >",
    ] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.press("<enter>no<enter>");
    assert_eq!(console.effects(), []);
    let screen = console.screen();
    assert!(screen.contains("not confirmed: type `yes`"), "{screen}");
    console.press("<esc>");
    assert!(matches!(console.state.overlay, Some(Overlay::Versions(_))), "back in the list");
    console.job("LoadVersions");
}

#[test]
fn the_plan_that_was_shown_is_applied_and_the_list_is_read_again() {
    let mut console = opened((100, 24));
    console.press("<enter>");
    let plan = planned(&mut console, &rollback(Some("7")));
    console.press("yes<enter>");
    let (job, applied, approval) = change(&mut console);
    assert_eq!((applied, approval), (plan, Approval::None), "in a canary, most get version 7");
    assert_eq!(console.state.command.as_deref(), Some("lambda-console rollback hello 7"));
    let done = VersionsDone::RolledBack {
        alias: Some("live".into()),
        from: Some("7".into()),
        to: "6".into(),
    };
    let changed = VersionsChanged { name: "hello".into(), stage: "local".into(), done };
    console.report(job, JobEvent::VersionsChanged(Ok(changed)));
    let notice = console.state.notice.as_ref().map(|notice| notice.text.clone());
    assert_eq!(notice.as_deref(), Some("hello: live points to version 6 instead of 7"));
    assert!(matches!(console.state.overlay, Some(Overlay::Versions(_))));
    assert!(console.has_started("LoadVersions"));
}

#[test]
fn a_plan_that_fails_returns_to_the_list() {
    let mut console = opened((100, 24));
    console.press("<enter>");
    let job = console
        .effects()
        .iter()
        .find_map(|effect| match effect {
            Effect::Start { job, task: Task::PlanVersions { .. }, .. } => Some(*job),
            _ => None,
        })
        .unwrap();
    let failure = Failure::environment("could not list the versions of hello", "no answer", "");
    console.report(job, JobEvent::Planned(Err(failure)));
    assert!(matches!(console.state.overlay, Some(Overlay::Versions(_))));
    assert!(console.screen().contains("no answer"), "{}", console.screen());
}

#[test]
fn without_a_canary_the_version_before_is_offered() {
    let mut console = Harness::ready(100, 24);
    console.press("jV");
    let job = console.job("LoadVersions");
    let mut versions = versions();
    versions.aliases[0].canary = None;
    console.report(job, JobEvent::VersionsLoaded(Ok(versions)));
    console.press("<enter>");
    planned(&mut console, &rollback(Some("6")));
}

#[test]
fn a_canary_is_ended_from_the_palette_as_planned() {
    let mut console = Harness::ready(100, 24);
    console.press("j:end a canary<enter>");
    let plan = planned(&mut console, &rollback(None));
    insta::assert_snapshot!("rollback_plan", console.screen());
    console.press("yes<enter>");
    assert_eq!(change(&mut console).1, plan);
    assert_eq!(console.state.command.as_deref(), Some("lambda-console rollback hello"));
    assert!(console.state.overlay.is_none());
}

#[test]
fn a_protected_stage_wants_its_name_typed() {
    for key in ["<enter>", "p"] {
        let mut console = opened((100, 24));
        let Connection::Connected(info) = &mut console.state.stage_mut().connection else {
            panic!("a stage")
        };
        info.protected = true;
        console.press(key);
        let asked = if key == "p" { VersionsChange::Publish(None) } else { rollback(Some("7")) };
        let plan = planned(&mut console, &asked);
        console.press("yes<enter>");
        assert_eq!(console.effects(), []);
        console.press("<backspace><backspace><backspace>local<enter>");
        let (_, applied, approval) = change(&mut console);
        assert_eq!((applied, approval), (plan, Approval::Given));
        assert!(console.state.command.as_deref().unwrap().ends_with(" --yes"));
    }
}

#[test]
fn latest_cannot_be_rolled_back_to() {
    let mut console = opened((100, 24));
    console.press("g<enter>");
    assert_eq!(console.effects(), []);
    assert!(matches!(console.state.overlay, Some(Overlay::Versions(_))));
}

#[test]
fn a_version_is_published_as_planned() {
    let mut console = opened((100, 24));
    console.press("p");
    let plan = planned(&mut console, &VersionsChange::Publish(None));
    let screen = console.screen();
    assert!(screen.contains("Publish a version of hello on local"), "{screen}");
    assert!(screen.contains("8 → a new version") && screen.contains("enter publish"), "{screen}");
    console.press("<enter>");
    assert_eq!(change(&mut console).1, plan);
    assert_eq!(console.state.command.as_deref(), Some("lambda-console versions hello --publish"));
}

#[test]
fn old_versions_are_deleted_after_the_function_s_name_was_typed() {
    let mut console = opened((100, 24));
    console.press("X");
    let plan = planned(&mut console, &VersionsChange::Prune(5));
    let screen = console.screen();
    assert!(screen.contains("1, 2, 3 → removed"), "the five newest stay:\n{screen}");
    assert!(screen.contains("they cannot be restored"), "{screen}");
    console.press("hell<enter>");
    assert_eq!(console.effects(), [], "that was not its name");
    assert!(console.screen().contains("name does not match: type `hello`"), "{}", console.screen());
    console.press("o<enter>");
    let (_, applied, approval) = change(&mut console);
    assert_eq!((applied, approval), (plan, Approval::Given));
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console versions hello --prune 5 --yes")
    );
}
