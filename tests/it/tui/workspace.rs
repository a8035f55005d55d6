//! Size of a bootstrap: asked for, shown by section. Exports to other tools.

use lambda_console::tui::{
    state::Overlay,
    task::{JobEvent, Task},
};
use lambda_console_model::{
    BootstrapSize, ExportAction, ExportFormat, ExportOutcome, ExportedFile, Failure, SectionSize,
};
use tests::Harness;

fn size() -> BootstrapSize {
    let section = |name: &str, bytes| SectionSize { name: name.into(), bytes };
    BootstrapSize {
        name: "hello".into(),
        bytes: 400_000,
        zip_bytes: Some(210_000),
        sections: vec![
            section(".text", 300_000),
            section(".rodata", 60_000),
            section("headers, padding", 40_000),
        ],
    }
}

#[test]
fn the_sections_of_a_bootstrap_are_listed_with_their_shares() {
    let mut console = Harness::ready(100, 30);
    console.press("j:size<enter>");
    let (job, Task::ReadSize { function }) = console.started() else { panic!("the size is read") };
    assert_eq!(function.name, "hello");
    assert_eq!(console.state.command.as_deref(), Some("lambda-console size hello"));
    console.report(job, JobEvent::SizeRead(Ok(size())));
    let screen = console.screen();
    for text in [".text", "75.0 %", ".rodata", "15.0 %", "headers, padding", "zip"] {
        assert!(screen.contains(text), "{text}: {screen}");
    }
    console.state.ahead = None;
    console.press("<enter>");
    assert!(console.state.overlay.is_none() && console.effects().is_empty());
}

#[test]
fn a_size_that_cannot_be_read_or_shown_is_a_message() {
    let mut console = Harness::ready(100, 30);
    console.press("j:size<enter>");
    let (job, _) = console.started();
    let failure = Failure::work("could not read the size of hello", "no such file", "build it");
    console.report(job, JobEvent::SizeRead(Err(failure)));
    assert!(console.screen().contains("could not read the size of hello"));
    console.press(":size<enter>");
    let (job, _) = console.started();
    console.press("?");
    console.report(job, JobEvent::SizeRead(Ok(size())));
    assert!(matches!(console.state.overlay, Some(Overlay::Help(_))));
    assert!(console.state.notice.as_ref().is_some_and(|notice| notice.text.starts_with("hello:")));
}

#[test]
fn a_function_that_is_not_built_has_no_size() {
    let mut console = Harness::ready(100, 30);
    console.press("jj:size<enter>");
    assert!(console.effects().is_empty());
    assert!(console.screen().contains("nightly is not built"), "{}", console.screen());
}

#[test]
fn an_export_is_chosen_from_the_formats_and_its_files_are_reported() {
    let mut console = Harness::ready(100, 30);
    console.press("j:export<enter>");
    assert!(console.effects().is_empty());
    let screen = console.screen();
    for format in ExportFormat::ALL {
        assert!(screen.contains(format.name()), "{format:?}: {screen}");
    }
    console.press("sam<enter>");
    let (job, task) = console.started();
    assert_eq!(task, Task::Export { format: ExportFormat::Sam });
    assert_eq!(console.state.command.as_deref(), Some("lambda-console export sam"));
    let file = |path: &str, action| ExportedFile { path: path.into(), action };
    let files = vec![
        file("/w/sam/template.yaml", ExportAction::Created),
        file("/w/sam/other.yaml", ExportAction::Unchanged),
    ];
    let outcome = ExportOutcome { format: ExportFormat::Sam, files };
    console.report(job, JobEvent::Exported(Ok(outcome)));
    let notice = console.state.notice.as_ref().map(|notice| notice.text.clone());
    let expected = "wrote /w/sam/template.yaml, /w/sam/other.yaml is unchanged";
    assert_eq!(notice.as_deref(), Some(expected));
}

#[test]
fn a_file_that_was_edited_is_reported_and_nothing_is_exported_while_nothing_is_listed() {
    let mut console = Harness::ready(100, 30);
    console.press(":export<enter>terraform<enter>");
    let (job, _) = console.started();
    let failure = Failure::usage("could not write main.tf", "it was edited", "use --force");
    console.report(job, JobEvent::Exported(Err(failure)));
    assert!(console.screen().contains("could not write main.tf"), "{}", console.screen());
}
