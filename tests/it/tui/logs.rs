//! The logs: bounded, filtered on arrival, followed or held, and unable to break the screen.

use lambda_console::tui::{
    message::{Action, Effect, Event},
    state::{JobId, Tab, logs::MOST_LINES},
    task::{JobEvent, Task},
};
use lambda_console_model::{LogLine, LogMark, MarkKind, Sample, TailState};
use tests::{Harness, sample};

fn tailing(lines: usize) -> (Harness, JobId) {
    tailing_on("local", lines)
}

fn tailing_on(stage: &str, lines: usize) -> (Harness, JobId) {
    let mut console = Harness::ready(80, 24);
    console.state.activate(stage);
    console.press("jt");
    let (job, Task::StartTail { functions, .. }) = console.started() else { panic!("a tail") };
    assert_eq!(functions, ["hello"]);
    console.report(job, JobEvent::LogLines(sample::log_lines("hello", lines)));
    console.draw();
    (console, job)
}

fn line(function: &str, message: &str) -> LogLine {
    LogLine {
        timestamp: sample::NOW,
        function: function.into(),
        stream: "one".into(),
        rank: 0,
        request_id: None,
        message: message.into(),
    }
}

#[test]
fn t_follows_the_selected_function_and_t_again_stops() {
    let (mut console, job) = tailing(3);
    assert_eq!(console.state.tab, Tab::Logs);
    assert_eq!(console.state.command.as_deref(), Some("lambda-console logs hello --follow"));
    console.press("t");
    assert_eq!(console.effect(), Effect::Cancel(job));
    console.report(job, JobEvent::LogLines(sample::log_lines("hello", 5)));
    assert_eq!(console.state.stage().logs.len(), 3, "lines of a tail that was stopped are ignored");
}

#[test]
fn the_ring_is_bounded_in_lines_and_bytes() {
    let (mut console, job) = tailing(MOST_LINES + 10);
    assert_eq!(console.state.stage().logs.len(), MOST_LINES);
    assert!(console.state.stage().logs.get(0).unwrap().message.starts_with("line 10:"));
    let big = line("hello", &"x".repeat(1 << 20));
    let big = LogLine { timestamp: sample::NOW + 1_000_000, ..big };
    console.report(job, JobEvent::LogLines(vec![big; 100]));
    assert!(console.state.stage().logs.held() <= 64);
    assert!(console.screen().contains("xxxxx"));
}

#[test]
fn the_filter_finds_the_same_lines_whether_they_came_before_or_after_it() {
    let (mut console, job) = tailing(50_000);
    console.press("/error<enter>");
    let found = console.state.stage().logs.len();
    assert_eq!(found, 5_000);
    console.report(job, JobEvent::LogLines(sample::log_lines_after("hello", 50_000, 50_000)));
    assert_eq!(console.state.stage().logs.len(), 10_000);
    assert!(console.state.stage().logs.iter().all(|entry| entry.message.contains("ERROR")));
    console.report(job, JobEvent::LogLines(sample::log_lines_after("hello", 100_000, 50_000)));
    assert_eq!(
        console.state.stage().logs.len(),
        10_000,
        "what is dropped from the ring is dropped from the index"
    );
    console.press("<esc>");
    assert_eq!(console.state.stage().logs.len(), MOST_LINES);
}

#[test]
fn a_filter_is_typed_live_and_esc_takes_it_back() {
    let (mut console, _) = tailing(100);
    console.press("/line 4");
    assert_eq!(console.state.stage().logs.len(), 11);
    console.press("2");
    assert_eq!(console.state.stage().logs.len(), 1);
    console.press("<esc>");
    assert_eq!(console.state.stage().logs.len(), 100);
}

#[test]
fn only_the_selected_function_s_lines_are_shown_unless_all_are_asked_for() {
    let (mut console, job) = tailing(4);
    console.report(job, JobEvent::LogLines(vec![line("backend", "from backend")]));
    assert_eq!(console.state.stage().logs.len(), 4);
    console.press("a");
    assert_eq!(console.state.stage().logs.len(), 5);
    assert!(console.screen().contains("backend"));
    console.press("a<esc>k");
    assert_eq!(console.state.functions.selected(), Some("backend"));
    assert_eq!(console.state.stage().logs.len(), 1);
}

#[test]
fn pausing_holds_the_lines_still_while_others_come_and_go() {
    let (mut console, job) = tailing(100);
    console.press("f");
    let before = console.screen();
    console.report(job, JobEvent::LogLines(sample::log_lines_after("hello", 100, 1000)));
    let after = console.screen();
    let body = |screen: &str| {
        screen
            .lines()
            .skip(11)
            .take(10)
            .map(|line| line.chars().take(70).collect::<String>())
            .collect::<Vec<_>>()
    };
    assert_eq!(body(&before), body(&after));
    assert!(after.contains("paused, f follows"));
    // The held line itself is dropped: the oldest remaining line is shown.
    console.report(job, JobEvent::LogLines(sample::log_lines_after("hello", 1_100, MOST_LINES)));
    console.press("j");
    assert!(console.screen().contains("line 0:"));
    console.press("f");
    assert!(console.screen().contains(&format!("line {}:", MOST_LINES - 1)));
}

#[test]
fn scrolling_up_pauses_and_reaching_the_end_follows_again() {
    let (mut console, _) = tailing(100);
    console.press("<pageup>");
    assert!(console.state.stage().logs.anchor.is_some());
    console.press("g");
    assert!(console.screen().contains("line 0:"));
    console.press("j");
    assert!(!console.screen().contains("line 0:"), "one line down moves at once");
    console.press("G");
    assert!(console.state.stage().logs.anchor.is_none());
    assert!(console.screen().contains("line 99:"));
}

#[test]
fn long_lines_are_cut_or_broken() {
    let (mut console, job) = tailing(0);
    let words = (0..60).map(|index| format!("word{index}")).collect::<Vec<_>>().join(" ");
    console.report(job, JobEvent::LogLines(vec![line("hello", &words)]));
    assert!(!console.screen().contains("word30"));
    console.press("W");
    assert!(console.screen().contains("word30"));
    console.press("W<right><right><right><right><right><right>");
    assert!(console.screen().contains("word15"));
}

#[test]
fn nothing_in_a_line_reaches_the_terminal_but_text() {
    let (mut console, job) = tailing(0);
    let nasty = [
        "\u{1b}[2J\u{1b}[31mred\u{1b}]0;title\u{7} after",
        "bell\u{7} back\u{8} null\u{0} del\u{7f} c1\u{9b}31m",
        "tab\there",
        "\u{202e}reversed",
        "wide 日本語 emoji 👩‍👩‍👧 combining e\u{301}\u{301}\u{301}",
        &"\u{301}".repeat(100_000),
    ];
    console.report(job, JobEvent::LogLines(nasty.iter().map(|text| line("hello", text)).collect()));
    for keys in ["", "W", "W<right>"] {
        console.press(keys);
        let screen = console.screen();
        assert!(!screen.contains(|c: char| c.is_control() && c != '\n'), "{screen:?}");
        assert!(!screen.contains('\u{202e}'));
        assert!(screen.len() < 40_000, "{}", screen.len());
    }
}

#[test]
fn a_line_of_one_megabyte_is_cut_in_view_only() {
    let (mut console, job) = tailing(0);
    let long = format!("{}end", "0123456789".repeat(100_000));
    console.report(job, JobEvent::LogLines(vec![line("hello", &long)]));
    assert!(console.screen().contains("0123456789"));
    console.press("y");
    assert_eq!(console.effect(), Effect::Copy(format!("{long}\n")));
}

#[test]
fn colours_and_line_breaks_within_a_line_are_shown_as_lines_and_passed_over_by_the_filter() {
    let (mut console, job) = tailing(0);
    let raw = "\u{1b}[32mINFO\u{1b}[0m hi\r  at main.rs\r\nend か\u{3099}";
    console.report(job, JobEvent::LogLines(vec![line("hello", raw)]));
    let screen = console.screen();
    let is_of =
        |row: &&str| ["INFO hi", "  at main.rs", "end か"].iter().any(|part| row.contains(part));
    assert_eq!(screen.lines().filter(is_of).count(), 3, "{screen}");
    assert!(!screen.contains("[32m") && !screen.contains('\u{fffd}'), "{screen}");
    console.press("/INFO hi<enter>");
    assert_eq!(console.state.stage().logs.len(), 1);
    console.press("y");
    assert_eq!(
        console.effect(),
        Effect::Copy(format!("{raw}\n")),
        "what is copied is what was written"
    );
}

#[test]
fn lines_that_came_with_a_response_have_no_time_until_the_log_has_them() {
    let mut console = Harness::ready(80, 24);
    console.press("j");
    let job = console.invoke();
    console.report(job, JobEvent::InvokeFinished(Ok(sample::invocation("hello"))));
    let link = console.job("LinkLogs");
    assert_eq!(console.state.stage().logs.len(), 0);
    let failure = lambda_console_model::Failure::work("could not read the log lines", "denied", "");
    console.report(link, JobEvent::LogsLinked(Err(failure)));
    let entries: Vec<_> = console
        .state
        .stage()
        .logs
        .iter()
        .map(|entry| (entry.is_timed(), entry.text().to_owned()))
        .collect();
    assert!(
        entries.len() == 5
            && entries[0] == (false, "INIT_START Runtime Version: provided.al2023".to_owned())
    );
    let screen = console.press("3").screen();
    let row = screen.lines().find(|row| row.contains("greeting Lambda")).unwrap();
    assert!(!row.contains(':'), "{screen}");
}

#[test]
fn the_lines_of_one_request_are_shown_and_fetched_if_need_be() {
    let mut console = Harness::ready(80, 24);
    console.press("j");
    let job = console.invoke();
    console.answer_invoke(job, &sample::invocation("hello"));
    console.press("2L");
    assert!(console.effects().is_empty(), "the lines are there");
    assert_eq!(console.state.stage().logs.len(), 5);
    console.press("X");
    console.feed(Event::Action(Action::RequestLogs));
    assert!(match console.effect() {
        Effect::Start { task: Task::FetchLogs { request_id, .. }, .. } =>
            request_id == sample::REQUEST,
        _ => false,
    });
}

#[test]
fn lines_of_a_request_that_are_there_are_not_added_twice() {
    let mut console = Harness::ready(80, 24);
    console.press("j");
    let job = console.invoke();
    console.answer_invoke(job, &sample::invocation("hello"));
    let fetch = Task::FetchLogs {
        function: "hello".into(),
        request_id: sample::REQUEST.into(),
        since: sample::NOW,
    };
    let logs = console.state.jobs.start("local", fetch, sample::NOW);
    let again =
        LogLine { request_id: Some(sample::REQUEST.into()), ..line("hello", "greeting Lambda") };
    console.report(logs, JobEvent::LogsFetched(Ok(vec![again])));
    assert_eq!(console.state.stage().logs.len(), 5);
}

#[test]
fn a_tail_marks_missed_and_recovered_lines() {
    let (mut console, job) = tailing(3);
    let mark =
        |filled| LogMark { id: 1, timestamp: sample::NOW + 1, kind: MarkKind::Sampled, filled };
    console.report(job, JobEvent::LogMarked(mark(None)));
    assert!(
        console.screen().contains("≈ more lines than a live tail sends; reading missed"),
        "{}",
        console.screen()
    );
    console.report(job, JobEvent::LogMarked(mark(Some(1_204))));
    let late =
        LogLine { timestamp: sample::NOW + 1, rank: 5, ..line("hello", "one that was missed") };
    console.report(job, JobEvent::LogLines(vec![late]));
    let screen = console.screen();
    assert!(screen.contains("1204 lines filled in"), "{screen}");
    let at = |text: &str| screen.lines().position(|row| row.contains(text)).unwrap();
    assert!(
        at("line 0:") < at("filled in") && at("filled in") < at("one that was missed"),
        "{screen}"
    );
    assert!(at("one that was missed") < at("line 2:"), "{screen}");
}

#[test]
fn the_meter_of_live_sessions_runs_on_a_stage_that_costs_and_stays_when_the_tail_has_stopped() {
    let (mut console, job) = tailing(3);
    let live = TailState { sessions: 2, used_ms: 0, at: sample::NOW, ..TailState::default() };
    console.report(job, JobEvent::TailState(live.clone()));
    console.feed(Event::Tick(sample::NOW + 90_000));
    console.resize(120, 24);
    assert!(
        console.screen().contains("live · following"),
        "the local stage charges nothing: {}",
        console.screen()
    );
    let (mut console, job) = tailing_on("beta", 3);
    console.report(job, JobEvent::TailState(live));
    console.feed(Event::Tick(sample::NOW + 90_000));
    console.resize(120, 24);
    assert!(
        console.screen().contains("live · 3/1,800 free min (or $0.03)"),
        "{}",
        console.screen()
    );
    console.press("t");
    console.feed(Event::Tick(sample::NOW + 900_000));
    assert!(console.screen().contains("no tail · 3/1,800 free min"), "{}", console.screen());
}

#[test]
fn a_tail_shows_what_it_waits_for_and_its_errors() {
    let (mut console, job) = tailing(0);
    let waiting =
        TailState { waiting: vec!["hello".into(), "ping".into()], ..TailState::default() };
    console.report(job, JobEvent::TailState(waiting));
    assert!(
        console.screen().contains("waiting for the log group of hello and 1 more"),
        "{}",
        console.screen()
    );
    let throttled = TailState { trouble: Some("throttled".into()), ..TailState::default() };
    console.report(job, JobEvent::TailState(throttled));
    assert!(console.screen().contains("throttled · tailing"), "{}", console.screen());
}

#[test]
fn the_reports_that_a_tail_sees_are_figures_of_their_functions_once() {
    let (mut console, job) = tailing(0);
    let of = |samples: Vec<Sample>| {
        samples.into_iter().map(|sample| ("hello".to_owned(), sample)).collect()
    };
    console.report(job, JobEvent::LogSamples(of(sample::samples(8))));
    console.report(job, JobEvent::LogSamples(of(sample::samples(8))));
    let figures = &console.state.stage().function("hello").figures;
    assert_eq!((figures.samples.len(), figures.cold), (8, 1));
}

#[test]
fn a_hidden_tail_is_notified_so_that_it_closes_its_sessions() {
    let (mut console, job) = tailing(3);
    console.press("2");
    assert_eq!(console.effect(), Effect::ShowTail { job, shown: false });
    console.press("1");
    assert!(console.effects().is_empty(), "it was told");
    console.press("3");
    assert_eq!(console.effect(), Effect::ShowTail { job, shown: true });
}

#[test]
fn x_clears_what_is_shown_and_u_brings_it_back() {
    let (mut console, job) = tailing(4);
    console.report(
        job,
        JobEvent::LogLines(vec![line("backend", "from backend"), line("backend", "and more")]),
    );
    console.press("X");
    assert_eq!(
        (console.state.stage().logs.len(), console.state.stage().logs.held()),
        (0, 2),
        "the other function's stay"
    );
    assert!(console.screen().contains("cleared 4 lines  u restores them"), "{}", console.screen());
    console.press("a/more<enter>X<esc>");
    assert_eq!(
        console.state.stage().logs.iter().map(|entry| &*entry.message).collect::<Vec<_>>(),
        ["from backend"]
    );
    console.report(job, JobEvent::LogLines(sample::log_lines_after("hello", 50, 1)));
    console.press("u");
    assert!(console.screen().contains("restored 1 line"), "{}", console.screen());
    console.press("u");
    assert_eq!(console.state.stage().logs.len(), 7);
    let at = |text: &str| {
        console.state.stage().logs.iter().position(|entry| entry.message.contains(text)).unwrap()
    };
    assert!(at("line 0") < at("line 3") && at("line 3") < 6, "each at its place");
    console.press("u");
    assert_eq!(console.state.stage().logs.len(), 7);
    assert!(console.screen().contains("no cleared lines to restore"), "{}", console.screen());
}

#[test]
fn lines_that_came_again_after_they_were_cleared_are_there_once() {
    let mut console = Harness::ready(80, 24);
    console.press("j");
    let job = console.invoke();
    console.answer_invoke(job, &sample::invocation("hello"));
    console.press("3X");
    let job = console.invoke();
    console.answer_invoke(job, &sample::invocation("hello"));
    console.press("3u");
    assert_eq!(console.state.stage().logs.len(), 5);
}

#[test]
fn the_tail_and_its_key_name_the_tailed_function() {
    let (mut console, _) = tailing(3);
    console.resize(120, 30);
    let screen = console.screen();
    assert!(screen.contains("tailing · following") && screen.contains("t stop tail"), "{screen}");
    console.press("<esc>k3");
    let screen = console.screen();
    assert!(
        screen.contains("not tailed · following") && screen.contains("t tail backend instead"),
        "{screen}"
    );
    assert!(screen.contains("not tailed: t tail backend instead, T tails all"), "{screen}");
    console.press("a");
    assert!(console.screen().contains("tailing: hello only"), "{}", console.screen());
    console.press("T");
    let screen = console.screen();
    assert!(
        screen.contains("tailing · following") && screen.contains("t tail only backend"),
        "{screen}"
    );
    console.press("<esc>");
    console.resize(200, 30);
    assert!(console.screen().contains("T stop tail"), "{}", console.screen());
    console.press("T");
    let screen = console.screen();
    assert!(screen.contains("no tail") && screen.contains("t tail "), "{screen}");
}
