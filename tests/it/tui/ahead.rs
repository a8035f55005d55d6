//! Keys that are typed while their meaning changes by itself.

use lambda_console::tui::{
    message::{Effect, Event},
    state::{Connection, JobId, Overlay},
    task::{JobEvent, Task},
};
use lambda_console_model::{Approval, Failure};
use tests::{Harness, sample};

use super::plan::{on, outcome};

fn plan(console: &mut Harness) -> JobId {
    console.press("d");
    console.job("Plan")
}

/// Sets the time to `ms` milliseconds after the start.
fn at(console: &mut Harness, ms: i64) {
    console.feed(Event::Tick(sample::NOW + ms));
}

fn failure() -> Failure {
    Failure::environment("could not compare", "no answer", "try again")
}

#[test]
fn what_is_typed_into_a_plan_that_fails_meanwhile_is_no_command() {
    let mut console = on("prod", true);
    let job = plan(&mut console);
    console.press("pr");
    assert!(
        console.screen().contains("to confirm > pr"),
        "the name can be typed before the plan is there"
    );
    console.report(job, JobEvent::Planned(Err(failure())));
    assert!(console.state.overlay.is_none());
    // A user who does not look at the screen goes on typing, however long the name is.
    for ms in [100, 300, 500, 700] {
        at(&mut console, ms);
        console.press_blindly("d");
    }
    assert_eq!(console.effects(), []);
    at(&mut console, 1_100);
    console.press_blindly("d");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Plan { .. }, .. }),
        "after a pause it is a command again"
    );
}

#[test]
fn enter_does_not_apply_a_plan_that_has_just_appeared() {
    let mut console = on("beta", false);
    let job = plan(&mut console);
    console.report(job, JobEvent::Planned(Ok(outcome())));
    console.press_blindly("<enter>");
    assert_eq!(console.effects(), []);
    assert!(matches!(console.state.overlay, Some(Overlay::Plan(_))));
    at(&mut console, 400);
    console.press_blindly("<enter>");
    assert!(matches!(console.effect(), Effect::Start { task: Task::Deploy { .. }, .. }));
}

#[test]
fn a_name_that_is_typed_while_the_plan_comes_is_whole() {
    let mut console = on("prod", true);
    let job = plan(&mut console);
    console.press("pro");
    console.report(job, JobEvent::Planned(Ok(outcome())));
    console.press_blindly("d<enter>");
    assert_eq!(console.effects(), [], "what it says cannot have been read yet");
    at(&mut console, 400);
    console.press_blindly("<enter>");
    assert!(matches!(
        console.effect(),
        Effect::Start { task: Task::Deploy { approval: Approval::Given, .. }, .. }
    ));
}

#[test]
fn a_deletion_is_not_confirmed_before_its_list_was_seen() {
    let mut console = Harness::ready(100, 30);
    console.press("j:delete<enter>");
    let job = console.job("ListResources");
    console.press("hell");
    console.report(job, JobEvent::ResourcesListed(Ok(vec![sample::resources("hello")])));
    console.press_blindly("o<enter>");
    assert_eq!(console.effects(), []);
    console.press("<enter>");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Delete { .. }, .. }),
        "no letter is lost"
    );
}

#[test]
fn keys_behind_the_answer_to_a_question_are_no_commands() {
    let mut console = Harness::ready(100, 30);
    let Connection::Connected(info) = &mut console.state.stage_mut().connection else {
        panic!("a stage")
    };
    info.protected = true;
    console.press("jd");
    console.press("local<enter>Bllo<enter>");
    let effects = console.effects();
    assert!(
        matches!(effects.as_slice(), [Effect::Start { task: Task::Deploy { .. }, .. }]),
        "{effects:?}"
    );
    at(&mut console, 400);
    console.press_blindly("B");
    assert!(matches!(console.effect(), Effect::Start { task: Task::Build { .. }, .. }));
}

#[test]
fn esc_and_ctrl_c_are_always_taken() {
    for key in ["<esc>", "<ctrl-c>"] {
        let mut console = on("beta", false);
        let job = plan(&mut console);
        console.report(job, JobEvent::Planned(Ok(outcome())));
        console.press_blindly(key);
        assert!(console.state.overlay.is_none(), "{key}");
    }
}

#[test]
fn keys_behind_one_that_closes_a_list_or_a_filter_are_commands() {
    let mut console = Harness::ready(100, 30);
    console.press("/hell<enter>i");
    assert!(matches!(console.effect(), Effect::Start { task: Task::Invoke { .. }, .. }));
    console.press("<esc>:help<enter><esc>b");
    assert!(matches!(console.effect(), Effect::Start { task: Task::Build { .. }, .. }));
}
