//! Focus, tabs, lists, the palette, the help, the mouse.

use lambda_console::tui::{
    message::{Action, Effect, Event},
    state::{Focus, Overlay, Tab},
    task::{JobEvent, Task},
};
use lambda_console_model::Changed;
use tests::{Harness, sample};

fn selected(console: &Harness) -> &str {
    console.state.functions.selected().unwrap_or_default()
}

#[test]
fn j_k_and_the_arrows_move_the_selection_within_the_list() {
    let mut console = Harness::ready(80, 24);
    assert_eq!(selected(&console), "backend");
    console.press("k");
    assert_eq!(selected(&console), "backend");
    console.press("j<down>");
    assert_eq!(selected(&console), "nightly");
    console.press("G");
    assert_eq!(selected(&console), "日本語-wide");
    console.press("j<up>");
    assert_eq!(selected(&console), "ws-connect");
    console.press("g");
    assert_eq!(selected(&console), "backend");
}

#[test]
fn tab_goes_round_all_panes_and_shift_tab_back() {
    let mut console = Harness::ready(80, 24);
    let mut seen = Vec::new();
    for _ in 0..7 {
        console.press("<tab>");
        seen.push((console.state.focus, console.state.tab));
    }
    let tabs: Vec<Tab> = seen[..6].iter().map(|(_, tab)| *tab).collect();
    assert_eq!(tabs, Tab::ALL);
    assert_eq!(seen[6].0, Focus::Functions);
    console.press("<shift-tab>");
    assert_eq!((console.state.focus, console.state.tab), (Focus::Tab, Tab::Settings));
}

#[test]
fn digits_show_tabs_and_esc_goes_back_to_the_list() {
    let mut console = Harness::ready(80, 24);
    for (key, tab) in (1..).zip(Tab::ALL) {
        console.press(&format!("{key}"));
        assert_eq!((console.state.focus, console.state.tab), (Focus::Tab, tab));
    }
    console.press("<esc>");
    assert_eq!(console.state.focus, Focus::Functions);
}

#[test]
fn the_function_filter_narrows_the_list_as_it_is_typed() {
    let mut console = Harness::ready(80, 24);
    console.press("/NI");
    assert!(console.screen().contains("no function matches `NI`"), "upper case counts");
    console.press("<esc>/ni<enter>");
    assert_eq!(selected(&console), "nightly");
    assert_eq!(console.state.functions.shown().count(), 1);
    console.press("<esc>");
    assert_eq!(console.state.functions.shown().count(), 6);
    assert_eq!(selected(&console), "nightly");
}

#[test]
fn the_palette_finds_verbs_by_a_few_letters() {
    let mut console = Harness::ready(80, 24);
    console.press(":cold");
    let Some(Overlay::Choose(choose)) = &console.state.overlay else {
        panic!("the palette is open")
    };
    assert!(choose.matches.len() < choose.entries.len());
    console.press("<esc>:build all<enter>");
    assert!(matches!(console.started().1, Task::Build {functions, ..}if functions.is_empty()));
    console.press(":zzzz<enter>");
    assert!(console.screen().contains("no matches"));
}

#[test]
fn the_help_scrolls_and_shows_the_keys_that_are_bound() {
    let config = lambda_console::tui::config::Config::read(
        Some("[[keys.global]]\non = [\"F9\"]\nrun = \"run\"\ndesc = \"round and round\"\n"),
        "config.toml",
        lambda_console::tui::theme::Palette::FULL,
    );
    let mut console = Harness::with_config(80, 24, config);
    console.press("?");
    let screen = console.screen();
    assert!(screen.contains("F9") && screen.contains("round and round"), "{screen}");
    console.press("G");
    assert!(console.screen().contains(" Versions "), "{}", console.screen());
    console.press("q");
    assert!(console.state.overlay.is_none(), "q closes the help, not the console");
    assert!(!console.effects().contains(&Effect::Quit));
}

#[test]
fn the_mouse_selects_functions_tabs_and_choices() {
    let mut console = Harness::ready(80, 24);
    let find = |console: &mut Harness, text: &str| {
        let screen = console.screen();
        let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).unwrap();
        (line.split(text).next().unwrap().chars().count() as u16, row as u16)
    };
    let (column, row) = find(&mut console, "hello");
    console.click(column, row);
    assert_eq!(selected(&console), "hello");
    let (column, row) = find(&mut console, "Logs");
    console.click(column, row);
    assert_eq!((console.state.focus, console.state.tab), (Focus::Tab, Tab::Logs));
    console.press(":tail");
    let (column, row) = find(&mut console, "tail the logs of all");
    console.click(column, row);
    assert!(matches!(console.started().1, Task::StartTail {functions, ..}if functions.len() == 6));
    console.press("?");
    console.click(0, 3);
    assert!(console.state.overlay.is_none(), "a click beside the help closes it");
}

#[test]
fn the_wheel_scrolls_what_it_points_at() {
    let mut console = Harness::ready(80, 24);
    console.press("jt");
    let job = console.job("StartTail");
    console.report(job, JobEvent::LogLines(sample::log_lines("hello", 100)));
    console.draw();
    console.wheel(40, 15, -3);
    assert!(console.screen().contains("line 96:") && !console.screen().contains("line 97:"));
    console.wheel(40, 3, 3);
    assert_eq!(selected(&console), "nightly");
}

#[test]
fn copying_goes_to_the_clipboard() {
    let mut console = Harness::ready(80, 24);
    console.press("jY");
    assert!(console.effects().is_empty(), "no command to copy yet");
    let job = console.invoke();
    console.answer_invoke(job, &sample::invocation("hello"));
    console.press("Y2yc");
    let copied = console.effects();
    assert_eq!(copied[0], Effect::Copy("lambda-console invoke hello --event hello".into()));
    assert_eq!(copied[1], Effect::Copy(sample::invocation("hello").payload));
    assert_eq!(copied[2], Effect::Copy(sample::REQUEST.into()));
    assert!(
        console.screen().contains("copying request ID …"),
        "nothing is reported before it is copied"
    );
    console.feed(Event::Copied(Ok("tmux's buffer and the clipboard".into())));
    assert!(console.screen().contains("copied request ID to tmux's buffer and the clipboard"));

    // No program took the text: the terminal may, if it is not too large.
    console.press("c");
    console.effects();
    console.feed(Event::Copied(Err("text".into())));
    assert_eq!(console.effect(), Effect::CopyByTerminal("text".into()));
    assert!(
        console.screen().contains("sent request ID to the terminal's clipboard"),
        "{}",
        console.screen()
    );
    console.press("y");
    console.effects();
    console.feed(Event::Copied(Err("x".repeat(5_000_000))));
    assert!(
        console.effects().is_empty()
            && console.screen().contains("could not copy response: 5000 KB exceed")
    );
}

#[test]
fn events_can_be_written_down_and_played_again() {
    let mut console = Harness::ready(80, 24);
    let events = [
        Event::Action(Action::Down),
        Event::Action(Action::Invoke),
        Event::Resize(100, 30),
        Event::Paste("text".into()),
    ];
    for event in events {
        let text = serde_json::to_string(&event).unwrap();
        let read: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(read, event);
        console.feed(read);
    }
    assert!(matches!(console.effect(), Effect::Start { task: Task::Invoke { .. }, .. }));
}

#[test]
fn nothing_acts_on_a_function_that_the_filter_hides() {
    let mut console = Harness::ready(120, 40);
    console.press("j/zzz<enter>");
    assert_eq!(console.state.functions.selected(), None);
    for action in Action::ALL {
        // These are not about a function.
        if matches!(
            action,
            Action::Refresh
                | Action::Stages
                | Action::Resume
                | Action::Setup
                | Action::Roles
                | Action::Watch
                | Action::Quit
                | Action::Suspend
                | Action::Redraw
        ) {
            continue;
        }
        let mut console = Harness::ready(120, 40);
        console.press("j/zzz<enter>");
        console.effects();
        console.feed(Event::Action(*action));
        assert_eq!(console.effects(), [], "{action}");
        let is_about_one =
            matches!(&console.state.overlay, Some(Overlay::Plan(_) | Overlay::Versions(_)));
        assert!(!is_about_one && console.state.focus != Focus::Edit, "{action}");
    }
    console.press("i");
    let notice = console.state.notice.clone().unwrap();
    assert_eq!(notice.text, "no function matches `zzz`");
    console.press("<esc>i");
    assert!(
        matches!(console.effect(), Effect::Start {task:Task::Invoke {request, ..}, ..}if request.function == "hello"),
        "selected again"
    );
}

#[test]
fn all_means_all_that_the_filter_shows() {
    let mut console = Harness::ready(120, 40);
    console.press("/n<enter>D");
    let (_, Task::Deploy { functions, .. }) = console.started() else { panic!("a deploy") };
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    assert_eq!(names, ["backend", "ping"], "and not hello, which is built too");
    let mut console = Harness::ready(120, 40);
    console.press("/ni<enter>B");
    assert!(
        matches!(console.effect(), Effect::Start {task:Task::Build {functions, ..}, ..}if functions == ["nightly"])
    );
    console.press("T");
    assert!(
        matches!(console.effect(), Effect::Start {task:Task::StartTail {functions, ..}, ..}if functions == ["nightly"])
    );
}

#[test]
fn nothing_else_is_selected_in_the_place_of_a_function_that_is_gone() {
    let mut console = Harness::ready(120, 40);
    console.press("je[1]");
    let mut without = sample::workspace();
    without.functions.retain(|function| function.name != "hello");
    let changed = Changed { files: Vec::new(), functions: Vec::new(), workspace: Some(without) };
    console.feed(Event::Action(Action::Watch));
    let job = console.effects().iter().find_map(|effect| {
        if let Effect::Start { job, task: Task::Watch, .. } = effect { Some(*job) } else { None }
    });
    console.report(job.unwrap(), JobEvent::Changed(Ok(changed)));
    console.effects();
    assert_eq!((console.state.functions.selected(), console.state.focus), (None, Focus::Tab));
    console.press_blindly("dB");
    assert_eq!(console.effects(), [], "what was meant as text is no command");
    console.press("d");
    assert_eq!(console.effects(), []);
    let notice = console.state.notice.clone().unwrap();
    assert_eq!(notice.text, "no function is selected");
}

#[test]
fn a_second_ctrl_c_leaves() {
    let mut console = Harness::ready(120, 40);
    console.press("<ctrl-c>");
    assert!(
        console.screen().contains("nothing is running  press ctrl-c again to quit"),
        "{}",
        console.screen()
    );
    assert_eq!(console.effects(), []);
    console.press("j<ctrl-c>");
    assert_eq!(console.effects(), [], "another key between them");
    console.press("<ctrl-c>");
    assert_eq!(console.effects(), [Effect::Quit]);
    let mut console = Harness::ready(120, 40);
    console.press("j");
    let job = console.invoke();
    console.press("<ctrl-c>");
    assert_eq!(console.effect(), Effect::Cancel(job), "the first cancels what runs");
    console.press("<ctrl-c>");
    assert!(
        console.screen().contains("invoke hello is running  press ctrl-c again"),
        "{}",
        console.screen()
    );
    console.press("<ctrl-c>");
    assert!(console.effects().contains(&Effect::Quit));
}

#[test]
fn a_keyboard_without_latin_letters_has_the_palette_and_a_hint() {
    let mut console = Harness::ready(120, 40);
    console.press("й");
    assert!(
        console
            .screen()
            .contains("й is not bound  F1 shows all keys, ctrl-p opens the command palette"),
        "{}",
        console.screen()
    );
    assert_eq!(console.effects(), []);
    console.press("<ctrl-p>");
    assert!(matches!(console.state.overlay, Some(Overlay::Choose(_))));
    console.press("<down><enter>");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Invoke { .. }, .. }),
        "the second entry"
    );
    console.press("<F1>");
    assert!(
        console.screen().contains("ctrl-p opens the command palette, ctrl-c twice quits."),
        "{}",
        console.screen()
    );
}
