//! The payload editor: typing, undo, errors, files, and that nothing typed is lost.

use lambda_console::tui::{
    message::{Action, Effect, Event},
    state::{Check, Focus, Tab},
    task::{JobEvent, Task},
};
use lambda_console_model::Failure;
use tests::{Harness, sample};

fn editing(payload: &str) -> Harness {
    let mut console = Harness::ready(80, 24);
    console.press("je<alt-a><backspace>");
    console.feed(Event::Paste(payload.into()));
    console.draw();
    console.effects();
    console
}

fn payload(console: &Harness) -> String {
    console.state.functions.current().unwrap().draft.text()
}

#[test]
fn e_types_and_esc_leaves_with_the_text_saved() {
    let mut console = editing("");
    console.press("{<enter>bdilq?:/<esc>");
    assert_eq!(payload(&console), "{\nbdilq?:/", "keys are text while one types");
    assert_eq!(console.state.focus, Focus::Tab);
    let saved = Effect::SaveDraft { function: "hello".into(), text: "{\nbdilq?:/".into() };
    assert_eq!(console.effect(), saved);
}

#[test]
fn a_payload_that_is_not_json_is_kept_and_can_be_sent() {
    let mut console = editing("{\"name\": tru}");
    assert!(matches!(console.state.functions.current().unwrap().draft.check, Check::Broken(_)));
    let screen = console.screen();
    assert!(screen.contains("✗ 1:13 expected ident"), "{screen}");
    assert!(screen.contains("✗1 {\"name\": tru}"), "the line is marked\n{screen}");
    console.press("<alt-enter>");
    let (_, Task::Invoke { request, .. }) = console.started() else { panic!("an invocation") };
    assert_eq!(request.payload, "{\"name\": tru}");
    assert_eq!(
        console.state.command.as_deref(),
        Some("lambda-console invoke hello --payload '{\"name\": tru}'")
    );
}

#[test]
fn each_function_has_a_payload_of_its_own() {
    let mut console = editing("[1]");
    console.press("<esc><esc>k");
    assert_eq!(payload(&console), sample::EVENT.trim_end());
    console.press("j");
    assert_eq!(payload(&console), "[1]");
}

#[test]
fn undo_and_redo_go_both_ways() {
    let mut console = editing("1");
    console.press("23<ctrl-u><ctrl-u>");
    assert_eq!(payload(&console), "1");
    console.press("<ctrl-r>");
    assert_eq!(payload(&console), "12");
}

#[test]
fn format_lays_json_out_as_one_change_that_undo_takes_back() {
    let mut console = editing("{\"a\":1.10,\"b\":[]}");
    console.press("<ctrl-t>");
    assert_eq!(payload(&console), "{\n  \"a\": 1.10,\n  \"b\": []\n}");
    console.press("<ctrl-u>");
    assert_eq!(payload(&console), "{\"a\":1.10,\"b\":[]}");
}

#[test]
fn format_goes_to_the_place_of_an_error_and_changes_nothing() {
    let mut console = editing("{\n  \"a\": x\n}");
    console.press("<ctrl-t>");
    assert_eq!(payload(&console), "{\n  \"a\": x\n}");
    let cursor = console.state.functions.current().unwrap().draft.editor.area().cursor();
    assert_eq!((cursor.0, cursor.1), (1, 7));
    assert!(console.screen().contains("not JSON: expected value at line 2, column 8"));
}

#[test]
fn a_selection_is_copied_with_ctrl_c() {
    let mut console = editing("abc");
    console.press("<shift-left><shift-left><ctrl-c>");
    assert_eq!(console.effect(), Effect::Copy("bc".into()));
    assert_eq!(console.state.focus, Focus::Edit);
    console.press("<right><ctrl-c>");
    assert_eq!(console.state.focus, Focus::Tab, "without a selection it leaves");
}

#[test]
fn an_event_file_is_chosen_and_undo_brings_the_old_text_back() {
    let mut console = editing("[1]");
    console.press("<ctrl-o>nob<enter>");
    let Effect::ReadEvent { function, file } = console.effect() else { panic!("a file is read") };
    assert_eq!(file.name, "nobody");
    console.feed(Event::EventRead(function, file, Ok("{}\n".into())));
    assert_eq!(payload(&console), "{}");
    assert!(console.screen().contains("events/nobody.json"));
    console.press("u");
    assert_eq!(payload(&console), "[1]");
}

#[test]
fn a_late_event_file_does_not_replace_the_edited_payload() {
    let mut console = editing("[1]");
    console.feed(Event::EventRead(
        "hello".into(),
        sample::event("hello", "hello"),
        Ok("{}".into()),
    ));
    assert_eq!(payload(&console), "[1]");
    console
        .feed(Event::Drafts(vec![("hello".into(), "old".into()), ("gone".into(), "kept".into())]));
    assert_eq!(payload(&console), "[1]");
    assert_eq!(console.state.drafts.get("gone").map(String::as_str), Some("kept"));
}

#[test]
fn drafts_of_an_earlier_run_come_back() {
    let mut console = Harness::begun(80, 24);
    console.feed(Event::Drafts(vec![("hello".into(), "{not json".into())]));
    console.answer_start(&sample::workspace());
    console.press("j");
    assert_eq!(payload(&console), "{not json");
}

#[test]
fn what_was_typed_outlives_a_function_that_is_gone_for_a_while() {
    let mut console = editing("[1]");
    console.press("<esc>R");
    let without = lambda_console_model::Workspace { functions: Vec::new(), ..sample::workspace() };
    for workspace in [without, sample::workspace()] {
        console.press("R");
        let effects = console.effects();
        let job = effects.iter().rev().find_map(|effect| match effect {
            Effect::Start { job, task: Task::Discover, .. } => Some(*job),
            _ => None,
        });
        console.report(job.unwrap(), JobEvent::Discovered(Ok(workspace)));
    }
    console.state.functions.select(1);
    assert_eq!(payload(&console), "[1]");
}

#[test]
fn the_editor_s_text_comes_back_and_a_failed_editor_changes_nothing() {
    let mut console = editing("[1]");
    console.press("<ctrl-g>");
    assert_eq!(console.effect(), Effect::Edit { function: "hello".into(), text: "[1]".into() });
    console.feed(Event::Edited("hello".into(), Err(Failure::work("could not edit", "exit 1", ""))));
    assert_eq!(payload(&console), "[1]");
    console.feed(Event::Edited("hello".into(), Ok("[1]\n".into())));
    assert!(console.effects().is_empty(), "a line break at the end alone is no change");
    console.feed(Event::Edited("hello".into(), Ok("[2]\n".into())));
    assert_eq!(payload(&console), "[2]");
    assert!(matches!(console.effect(), Effect::SaveDraft { .. }));
}

#[test]
fn a_payload_too_large_for_the_editor_is_shown_sent_and_kept_whole() {
    let large = format!("{{\"data\":\"{}\"}}", "x".repeat(2_000_000));
    let mut console = editing(&large);
    assert_eq!(payload(&console), large);
    assert_eq!(console.state.focus, Focus::Tab);
    assert!(console.screen().contains("too large to edit here"));
    console.press("i");
    assert!(matches!(console.started().1, Task::Invoke { request } if request.payload == large));
    console.press("e");
    assert!(matches!(console.effect(), Effect::Edit { .. }));
}

#[test]
fn pasting_outside_of_the_editor_is_no_command() {
    let mut console = Harness::ready(80, 24);
    console.feed(Event::Paste("bdq".into()));
    assert!(console.effects().is_empty());
}

#[test]
fn quitting_and_signals_save_what_was_typed() {
    let mut console = editing("[1");
    console.feed(Event::Terminate);
    let saved = Effect::SaveDraft { function: "hello".into(), text: "[1".into() };
    assert_eq!(console.effects(), [saved, Effect::Quit]);
}

#[test]
fn a_click_puts_the_cursor_there() {
    let mut console = editing("{\n  \"né\": 1\n}");
    console.press("<esc>");
    let screen = console.screen();
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains("\"né\"")).unwrap();
    let column = line.chars().position(|character| character == 'é').unwrap();
    console.click(column as u16, row as u16);
    assert_eq!(console.state.focus, Focus::Edit);
    console.press("X");
    assert_eq!(payload(&console), "{\n  \"nXé\": 1\n}");
    assert_eq!(console.state.tab, Tab::Payload);
}

#[test]
fn any_text_can_be_in_the_editor() {
    for text in [
        "\t\"a\": 1",
        "日本語\n\u{301}e\u{200d}👩‍👩‍👧",
        "\u{1b}[31mred\u{7}",
        "\u{202e}rtl",
        "a\r\nb\rc",
    ] {
        let mut console = editing(text);
        console.press("<esc><ctrl-l>f");
        console.feed(Event::Action(Action::Edit));
        for (width, height) in [(80, 24), (60, 16), (61, 17), (200, 50)] {
            console.resize(width, height);
        }
        assert!(!console.screen().contains('\u{1b}'));
    }
}

#[test]
fn undo_never_goes_past_what_was_loaded() {
    let mut console = Harness::ready(80, 24);
    console.press("j1uu<ctrl-r>");
    assert_eq!(payload(&console), sample::EVENT.trim_end());
    assert!(console.screen().contains("valid JSON"), "{}", console.screen());
    console.press("ex<esc>uu");
    assert_eq!(payload(&console), sample::EVENT.trim_end());
    let mut console = Harness::begun(80, 24);
    console.feed(Event::Drafts(vec![("hello".into(), "[1]".into())]));
    console.answer_start(&sample::workspace());
    console.press("j1u");
    assert_eq!(payload(&console), "[1]", "nor past a draft");
}

#[test]
fn a_replacement_is_one_step_whatever_made_it() {
    let mut console = editing("{\"a\":1}");
    console.press("<ctrl-t><ctrl-u>");
    assert_eq!(payload(&console), "{\"a\":1}");
    console.press("<alt-a>");
    console.feed(Event::Paste("[2]".into()));
    assert_eq!(payload(&console), "[2]");
    console.press("<ctrl-u>");
    assert_eq!(payload(&console), "{\"a\":1}");
    console.press("<ctrl-r>");
    assert_eq!(payload(&console), "[2]");
    console.press("<alt-a>x<ctrl-u>");
    assert_eq!(payload(&console), "[2]");
    console.feed(Event::Edited("hello".into(), Ok("from the editor\n".into())));
    console.press("<ctrl-u>");
    assert_eq!(payload(&console), "[2]");
    console.feed(Event::Paste("x".repeat(30_000)));
    console.press("u");
    assert_eq!(payload(&console), "[2]", "and too large a paste");
}

#[test]
fn each_function_undoes_its_own_changes() {
    let mut console = editing("[1]");
    console.press("2<esc><esc>ke<end>3<esc>u");
    assert_eq!(payload(&console), sample::EVENT.trim_end());
    console.press("<esc>j1u");
    assert_eq!(payload(&console), "[1]");
}

#[test]
fn lines_are_edited_like_the_payload() {
    let mut console = Harness::ready(120, 40);
    console.press("/hel<ctrl-u>");
    assert_eq!(console.state.functions.filter, "he");
    console.press("<ctrl-u><ctrl-u><ctrl-u>");
    assert_eq!(console.state.functions.filter, "", "and not past the beginning");
    console.press("<ctrl-r>");
    assert_eq!(console.state.functions.filter, "h");
    console.press("<esc>:quxit<ctrl-u><ctrl-u><ctrl-u>");
    let Some(lambda_console::tui::state::Overlay::Choose(choose)) = &console.state.overlay else {
        panic!("the palette")
    };
    assert_eq!(choose.input.text(), "qu");
}

#[test]
fn a_paste_with_keys_of_a_multiplexer_in_it_is_the_text_that_was_copied() {
    let mut console = editing("");
    console.feed(Event::Paste("{\u{1b}[13;1u\"a\":1\u{1b}[106;5u}\u{1b}[31m".into()));
    assert_eq!(payload(&console), "{\n\"a\":1\n}");
    console.press("<esc>/");
    console.feed(Event::Paste("he\u{1b}[106;5u\u{1b}[2Jllo".into()));
    assert_eq!(console.state.functions.filter, "he llo");
}

#[test]
fn without_event_files_the_payload_is_an_empty_object() {
    let mut console = Harness::begun(120, 30);
    let mut workspace = sample::workspace();
    workspace.functions[1].events.clear();
    console.answer_start(&workspace);
    console.press("j");
    assert_eq!(payload(&console), "{}");
    console.press("i");
    assert!(
        matches!(console.effect(), Effect::Start { task: Task::Invoke { request, .. }, .. } if request.payload == "{}")
    );
    assert_eq!(console.state.command.as_deref(), Some("lambda-console invoke hello"));
    // A payload that was emptied on purpose is sent empty.
    console.press("e<alt-a><backspace><esc>i");
    let sent = |effect: &Effect| matches!(effect, Effect::Start { task: Task::Invoke { request, .. }, .. } if request.payload == "{}");
    assert!(console.effects().iter().any(sent));
    assert!(console.screen().contains("empty: {} is sent"), "{}", console.screen());
}
