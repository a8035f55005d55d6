use std::collections::BTreeMap;

use lambda_console_model::{Concurrency, LogSettings};

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

fn edits(texts: &[(&str, Option<&str>)]) -> Edits {
    texts.iter().map(|(name, value)| (name.parse().unwrap(), value.map(str::to_owned))).collect()
}

#[test]
fn rows_of_a_url_and_of_levels_are_there_where_they_mean_something() {
    let mut editor = editor();
    let names = |editor: &ConfigEditor| -> Vec<String> {
        editor.rows(&FunctionConfig::default()).iter().map(|row| row.setting.to_string()).collect()
    };
    assert!(!names(&editor).iter().any(|name| name.starts_with("url.") || name.ends_with("level")));
    editor.edits =
        edits(&[("log_format", Some("JSON")), ("url", Some("NONE")), ("env.ADDED", Some("1"))]);
    let shown = names(&editor);
    assert!(
        shown.contains(&"system_log_level".to_owned())
            && shown.contains(&"url.streaming".to_owned())
    );
    assert_eq!(shown[shown.len() - 3..], ["env.ADDED", "env.KEY", "env.OLD"]);
}

#[test]
fn an_edit_back_to_what_is_on_the_stage_is_none() {
    let mut editor = editor();
    editor.edit(Setting::Memory, Some("256")).unwrap();
    editor.edit(Setting::Memory, Some(" 128 MB ")).unwrap();
    assert!(editor.edits.is_empty());
    editor.edit(Setting::Url, Some("NONE")).unwrap();
    editor.edit(Setting::UrlStreaming, Some("true")).unwrap();
    editor.edit(Setting::Url, Some("off")).unwrap();
    assert!(editor.edits.is_empty(), "what was edited of the URL goes with it");
    editor.edit(Setting::LogFormat, Some("JSON")).unwrap();
    editor.edit(Setting::SystemLogLevel, Some("WARN")).unwrap();
    editor.edit(Setting::LogFormat, Some("Text")).unwrap();
    assert!(editor.edits.is_empty(), "and levels with JSON");
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
fn variables_that_are_hidden_are_not_edited() {
    let mut editor = editor();
    editor.take_in(Box::new(LiveConfig { is_env_hidden: true, ..LiveConfig::default() }));
    assert!(editor.edit(Setting::Env("KEY".into()), Some("new")).is_err());
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
