//! Complete screens with their styles, from key strings; and that no terminal size breaks anything.

use lambda_console::tui::{
    config::Config,
    message::{Effect, Event},
    state::{JobId, Tab},
    task::{JobEvent, Task},
};
use lambda_console_model::{Failure, Step};
use tests::{Harness, sample};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 50);

fn ready((width, height): (u16, u16)) -> Harness {
    Harness::ready(width, height)
}

/// Presses `keys` and answers the invocation that they start.
fn invoked(size: (u16, u16), outcome: &lambda_console_model::Invocation) -> Harness {
    let mut console = ready(size);
    console.press("j");
    let job = console.invoke();
    console.answer_invoke(job, outcome);
    console
}

fn with_samples(size: (u16, u16), count: usize) -> Harness {
    let mut console = ready(size);
    console.press("jR");
    let job = JobId(0);
    let effects = console.effects();
    let discover = effects.iter().find_map(|effect| match effect {
        Effect::Start { job, task: Task::Discover, .. } => Some(*job),
        _ => None,
    });
    console.report(discover.unwrap_or(job), JobEvent::Discovered(Ok(sample::workspace())));
    for effect in console.effects() {
        if let Effect::Start { job, task: Task::LoadSamples { .. }, .. } = effect {
            console
                .report(job, JobEvent::Samples(Ok(vec![("hello".into(), sample::samples(count))])));
        }
    }
    console
}

#[test]
fn before_anything_is_known() {
    insta::assert_snapshot!(Harness::begun(80, 24).styled());
}

#[test]
fn functions_and_payload() {
    insta::assert_snapshot!("functions_80", ready(SMALL).styled());
    insta::assert_snapshot!("functions_200", ready(LARGE).styled());
}

#[test]
fn a_response_with_its_log() {
    insta::assert_snapshot!("response_80", invoked(SMALL, &sample::invocation("hello")).styled());
    insta::assert_snapshot!("response_200", invoked(LARGE, &sample::invocation("hello")).styled());
}

#[test]
fn a_response_of_a_function_that_failed() {
    insta::assert_snapshot!(invoked(SMALL, &sample::failed_invocation("hello")).styled());
}

#[test]
fn an_invocation_that_could_not_be_made() {
    let mut console = ready(SMALL);
    console.press("j");
    let job = console.invoke();
    let why = "the connection to 127.0.0.1:9001 was refused";
    let failure = Failure::environment("could not invoke hello", why, "R connects again");
    console.report(job, JobEvent::InvokeFinished(Err(failure)));
    insta::assert_snapshot!(console.styled());
}

#[test]
fn typing_a_payload_with_an_error() {
    let mut console = ready(SMALL);
    console.press("je<down><down>,<enter>x<shift-left>");
    insta::assert_snapshot!(console.styled());
}

#[test]
fn logs_filtered_and_paused() {
    for (name, size) in [("logs_80", SMALL), ("logs_200", LARGE)] {
        let mut console = ready(size);
        console.press("jT");
        let job = console.job("StartTail");
        console.report(job, JobEvent::LogLines(sample::log_lines("hello", 200)));
        console.press("/ERROR<enter>kk");
        insta::assert_snapshot!(name, console.styled());
    }
}

#[test]
fn cold_starts() {
    for (name, size) in [("cold_starts_80", SMALL), ("cold_starts_200", LARGE)] {
        let mut console = with_samples(size, 60);
        console.press("4");
        insta::assert_snapshot!(name, console.styled());
    }
}

#[test]
fn a_build_that_runs() {
    let mut console = ready(LARGE);
    console.press("Bj5");
    let job = console.job("Build");
    let output = "\u{1b}[1m\u{1b}[33mwarning\u{1b}[0m\u{1b}[1m: unused variable: \
        `x`\u{1b}[0m\n \u{1b}[34m-->\u{1b}[0m src/main.rs:3:9";
    console.report(job, JobEvent::Step(Step::Output(output.into())));
    console.report(
        job,
        JobEvent::Step(Step::Crate { done: 57, total: 143, name: "serde_json".into() }),
    );
    console.feed(Event::Tick(sample::NOW + 12_300));
    insta::assert_snapshot!(console.styled());
}

#[test]
fn a_build_that_failed() {
    let mut console = ready(SMALL);
    console.press("j");
    let job = console.build();
    let output = "\u{1b}[1m\u{1b}[91merror[E0425]\u{1b}[0m\u{1b}[1m: cannot find value `nam` in \
        this scope\u{1b}[0m\n  --> functions/hello/src/main.rs:12:5";
    console.report(job, JobEvent::Step(Step::Output(output.into())));
    console.report(job, JobEvent::BuildFinished(Ok(sample::broken_build("hello"))));
    insta::assert_snapshot!(console.styled());
}

#[test]
fn settings_with_masked_environment() {
    let mut console = ready(LARGE);
    console.press("j6");
    let screen = console.styled();
    assert!(!screen.contains("do not show this"));
    insta::assert_snapshot!(screen);
}

#[test]
fn a_run_in_progress() {
    for (name, size) in [("run_80", SMALL), ("run_200", LARGE)] {
        let mut console = ready(size);
        console.press("jr");
        let job = console.job("Build");
        console.feed(Event::Tick(sample::NOW + 3_200));
        console.report(job, JobEvent::BuildFinished(Ok(sample::build_outcome("hello"))));
        console.feed(Event::Tick(sample::NOW + 3_450));
        insta::assert_snapshot!(name, console.styled());
    }
}

#[test]
fn help_palette_and_confirmation() {
    let mut console = ready(SMALL);
    console.press("j?");
    insta::assert_snapshot!("help", console.styled());
    console.press("<esc>:inv");
    insta::assert_snapshot!("palette", console.styled());
    console.press("<esc>:delete<enter>hel");
    let Some(Effect::Start { job, task: Task::ListResources { .. }, .. }) = console.effects().pop()
    else {
        panic!("a list")
    };
    console.report(job, JobEvent::ResourcesListed(Ok(vec![sample::resources("hello")])));
    insta::assert_snapshot!("confirm_delete", console.styled());
}

#[test]
fn the_execution_roles() {
    let mut console = ready(SMALL);
    console.press(":roles<enter>");
    let job = console.job("ListRoles");
    let roles = vec![sample::role("hello", &["hello"]), sample::role("old", &[])];
    console.report(job, JobEvent::RolesListed(Ok(roles)));
    insta::assert_snapshot!("roles", console.styled());
}

#[test]
fn a_workspace_without_functions() {
    let mut console = Harness::begun(80, 24);
    console.answer_start(&lambda_console_model::Workspace {
        functions: Vec::new(),
        ..sample::workspace()
    });
    insta::assert_snapshot!(console.styled());
}

#[test]
fn without_colours_nothing_is_lost() {
    let mut console = Harness::with_config(
        80,
        24,
        Config::read(None, "config.toml", lambda_console::tui::theme::Palette::NONE),
    );
    console.answer_start(&sample::workspace());
    console.press("j");
    let screen = console.styled();
    let styles = screen.split("---\n").nth(1).unwrap();
    for name in ["Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "Gray", "White", "on ", "#"] {
        assert!(!styles.contains(name), "{name}\n{styles}");
    }
    insta::assert_snapshot!(screen);
}

#[test]
fn a_terminal_that_is_too_small_is_reported() {
    let mut console = ready(SMALL);
    console.resize(40, 12);
    insta::assert_snapshot!(console.styled());
}

#[test]
fn no_size_breaks_anything() {
    let mut consoles =
        vec![Harness::begun(80, 24), invoked(SMALL, &sample::failed_invocation("hello"))];
    let mut tailing = ready(SMALL);
    tailing.press("jT");
    let Effect::Start { job, task: Task::StartTail { .. }, .. } = tailing.effect() else {
        panic!("a tail")
    };
    tailing.feed(Event::Job(job, JobEvent::LogLines(sample::log_lines("日本語-wide", 300))));
    tailing.press("W");
    consoles.push(tailing);
    let tabs: Vec<String> = (1..=Tab::ALL.len()).map(|tab| format!("{tab}")).collect();
    let tabs = tabs.iter().map(String::as_str);
    for keys in tabs.chain(["", "e", "?", ":", ":delete<enter>", "/he", "jlG"]) {
        let mut console = with_samples(SMALL, 40);
        console.press(keys);
        consoles.push(console);
    }
    let sizes = (0..=30).flat_map(|width| (0..=30).map(move |height| (width, height)));
    let usable = [
        (59, 16),
        (60, 15),
        (60, 16),
        (61, 17),
        (70, 16),
        (99, 20),
        (100, 16),
        (100, 20),
        (139, 31),
        (300, 16),
        (60, 200),
        (500, 120),
    ];
    for (width, height) in sizes.filter(|(width, height)| (width + height) % 5 == 0).chain(usable) {
        for console in &mut consoles {
            console.resize(width, height);
            console.press("<pagedown><pageup>");
        }
    }
}
