//! The list of a function's versions: its content, and the changes that it offers.

use lambda_console::tui::{
    message::Effect,
    state::Overlay,
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Alias, Approval, FunctionVersions, Percentiles, Share, Version, VersionFigures, VersionsChange,
    VersionsChanged, VersionsDone, VersionsPlan,
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

/// The requested change, among its other effects; `true` if it has the versions that were shown.
#[track_caller]
fn change(console: &mut Harness) -> (VersionsChange, bool) {
    let effects = console.effects();
    let wanted = effects
        .iter()
        .find(|effect| matches!(effect, Effect::Start { task: Task::ChangeVersions { .. }, .. }))
        .cloned();
    let Some(Effect::Start {
        task: Task::ChangeVersions { plan: VersionsPlan { function, change, seen }, approval },
        ..
    }) = wanted
    else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (function.as_str(), approval == Approval::Given),
        ("hello", matches!(change, VersionsChange::Prune(_)))
    );
    (change, seen.is_some())
}

#[test]
fn the_list_shows_each_version_with_its_figures() {
    insta::assert_snapshot!("versions_80", opened((80, 24)).styled());
    insta::assert_snapshot!("versions_120", opened((120, 30)).styled());
}

#[test]
fn enter_asks_before_traffic_moves_and_enter_again_moves_none() {
    let mut console = opened((100, 24));
    console.press("<enter>");
    assert_eq!(console.effects(), [], "it asks first");
    let screen = console.screen();
    assert!(
        screen.contains("Change hello on local?") && screen.contains("▸ no, cancel"),
        "{screen}"
    );
    assert!(screen.contains("yes, route all traffic to version 7"), "{screen}");
    for no in ["<enter>", "<esc>"] {
        console.press(no);
        let effects = console.effects();
        assert!(
            effects.iter().all(|effect| matches!(
                effect,
                Effect::Start { task: Task::LoadVersions { .. }, .. } | Effect::Cancel(_)
            )),
            "{effects:?}"
        );
        assert!(matches!(console.state.overlay, Some(Overlay::Versions(_))), "back in the list");
        console.press("<enter>");
    }
}

#[test]
fn enter_rolls_back_once_confirmed_and_refreshes_the_list() {
    let mut console = opened((100, 24));
    console.press("<enter><down><enter>");
    let wanted = |effect: &Effect| {
        if let Effect::Start { job, task: Task::ChangeVersions { plan, .. }, .. } = effect {
            Some((*job, plan.clone()))
        } else {
            None
        }
    };
    let (job, plan) = console.effects().iter().find_map(wanted).unwrap();
    assert_eq!(plan.seen.as_deref(), Some(&versions()), "what was shown is what is changed");
    assert_eq!(
        plan.change,
        VersionsChange::Rollback(Some("7".into())),
        "in a canary, the version that most get is offered"
    );
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
    assert!(
        console
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::Start { task: Task::LoadVersions { .. }, .. }))
    );
}

#[test]
fn without_a_canary_the_version_before_is_offered() {
    let mut console = Harness::ready(100, 24);
    console.press("jV");
    let job = console.job("LoadVersions");
    let mut versions = versions();
    versions.aliases[0].canary = None;
    console.report(job, JobEvent::VersionsLoaded(Ok(versions)));
    console.press("<enter>yes<enter>");
    assert_eq!(change(&mut console), (VersionsChange::Rollback(Some("6".into())), true));
}

#[test]
fn a_canary_is_ended_from_the_palette_once_confirmed() {
    let mut console = Harness::ready(100, 24);
    console.press("j:end a canary<enter>");
    assert_eq!(console.effects(), [], "it asks first");
    console.press("<down><enter>");
    assert_eq!(change(&mut console), (VersionsChange::Rollback(None), false));
    assert_eq!(console.state.command.as_deref(), Some("lambda-console rollback hello"));
    assert!(console.state.overlay.is_none());
}

#[test]
fn latest_cannot_be_rolled_back_to() {
    let mut console = opened((100, 24));
    console.press("g<enter>");
    assert_eq!(console.effects(), []);
    assert!(matches!(console.state.overlay, Some(Overlay::Versions(_))));
}

#[test]
fn a_version_is_published_from_the_list() {
    let mut console = opened((100, 24));
    console.press("p");
    assert_eq!(change(&mut console), (VersionsChange::Publish(None), true));
    assert_eq!(console.state.command.as_deref(), Some("lambda-console versions hello --publish"));
}

#[test]
fn old_versions_are_deleted_after_the_function_s_name_was_typed() {
    let mut console = opened((100, 24));
    console.press("X");
    let screen = console.screen();
    assert!(screen.contains("versions 1, 2 and 3"), "the five newest stay:\n{screen}");
    console.press("hell<enter>");
    assert_eq!(console.effects(), [], "that was not its name");
    assert!(
        console.screen().contains("✗ name does not match: type `hello`"),
        "{}",
        console.screen()
    );
    console.press("o<enter>");
    assert_eq!(change(&mut console), (VersionsChange::Prune(5), true));
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console versions hello --prune 5 --yes")
    );
}
