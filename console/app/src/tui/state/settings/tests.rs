use std::collections::BTreeMap;

use lambda_console_model::{Concurrency, LogFormat, LogSettings, UrlSetting};

use super::*;

/// Returns the settings of a function on a stage.
fn live() -> FunctionConfig {
    FunctionConfig {
        memory: Some(128),
        timeout: Some(3),
        ephemeral_storage: Some(512),
        concurrency: Some(Concurrency::Unreserved),
        description: Some(String::new()),
        tracing: Some("pass-through".into()),
        log: LogSettings { format: Some(LogFormat::Text), ..LogSettings::default() },
        url: Some(UrlSetting::Absent),
        env: BTreeMap::from([("KEY".into(), "hunter2".into()), ("OLD".into(), "swordfish".into())]),
        ..FunctionConfig::default()
    }
}

fn editor() -> ConfigEditor {
    let live = LiveConfig { config: live(), ..LiveConfig::default() };
    ConfigEditor { live: Live::Known(Box::new(live)), ..ConfigEditor::default() }
}

#[test]
fn edits_that_the_stage_has_by_now_are_done() {
    let mut editor = editor();
    editor.edit(Setting::Memory, Some("256")).unwrap();
    editor.edit(Setting::Timeout, Some("9")).unwrap();
    let config = FunctionConfig { memory: Some(256), ..live() };
    editor.take_in(Box::new(LiveConfig { config, ..LiveConfig::default() }));
    assert_eq!(editor.edits.keys().collect::<Vec<_>>(), [&Setting::Timeout]);
}

#[test]
fn secrets_do_not_show_in_debug() {
    let live = LiveConfig { config: live(), ..LiveConfig::default() };
    let mut editor = ConfigEditor { live: Live::Known(Box::new(live)), ..ConfigEditor::default() };
    editor.edit(Setting::Env("KEY".into()), Some("opensesame")).unwrap();
    let text = format!("{editor:?}");
    assert!(
        text.contains("KEY") && !text.contains("hunter2") && !text.contains("opensesame"),
        "{text}"
    );
}
