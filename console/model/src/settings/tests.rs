use std::collections::BTreeMap;

use super::*;
use crate::{Concurrency, Cors, FunctionUrl, LogFormat, LogSettings, UrlAuth, UrlSetting};

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

fn edits(texts: &[(&str, Option<&str>)]) -> Edits {
    texts.iter().map(|(name, value)| (name.parse().unwrap(), value.map(str::to_owned))).collect()
}

fn patch(texts: &[(&str, Option<&str>)]) -> Result<FunctionConfig, String> {
    patched(&live(), &edits(texts)).map(|(_, patch)| patch)
}

#[test]
fn every_setting_is_read_by_the_name_that_it_is_written_with() {
    for setting in Setting::FIXED.into_iter().chain([Setting::Env("API_KEY".into())]) {
        assert_eq!(setting.to_string().parse(), Ok(setting.clone()));
    }
    assert!("memori".parse::<Setting>().unwrap_err().contains("memory, timeout"));
    for name in ["env.", "env.A", "env.1A", "env.A-B", "env._A"] {
        assert!(name.parse::<Setting>().is_err(), "{name}");
    }
}

#[test]
fn every_value_that_is_put_in_is_the_one_that_comes_out() {
    let url = UrlSetting::Present(FunctionUrl::default());
    let log = LogSettings { format: Some(LogFormat::Json), ..LogSettings::default() };
    let config = FunctionConfig { url: Some(url), log, ..live() };
    for setting in Setting::FIXED.into_iter().chain([Setting::Env("KEY".into())]) {
        let values = match setting.choices() {
            [] if setting.unit().is_empty() && setting != Setting::Concurrency => vec!["a, b"],
            [] => vec!["600"],
            choices => choices.to_vec(),
        };
        for value in values {
            let mut config = config.clone();
            setting.set(&mut config, Some(value)).unwrap();
            assert_eq!(setting.get(&config).as_deref(), Some(value), "{setting}");
        }
    }
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    for (name, value) in [
        ("memory", "127"),
        ("memory", "10241"),
        ("memory", "lots"),
        ("timeout", "0"),
        ("timeout", "901"),
        ("ephemeral_storage", "511"),
        ("reserved_concurrency", "-1"),
        ("log_format", "xml"),
        ("tracing", "on"),
        ("url", "public"),
    ] {
        let setting: Setting = name.parse().unwrap();
        let wrong = setting.set(&mut live(), Some(value)).unwrap_err();
        assert_eq!(wrong, format!("{name} is {}", setting.expects()), "{value}");
    }
    assert!(
        patch(&[("memory", Some("256 MB")), ("timeout", Some("7s"))]).is_ok(),
        "the unit may be said"
    );
}

#[test]
fn a_patch_has_what_is_edited_and_nothing_else() {
    let patch = patch(&[("memory", Some("256")), ("env.KEY", Some("new"))]).unwrap();
    let expected = FunctionConfig {
        memory: Some(256),
        env: BTreeMap::from([("KEY".into(), "new".into())]),
        ..FunctionConfig::default()
    };
    assert_eq!(patch, expected, "other variables are merged on the stage");
}

#[test]
fn a_variable_is_removed_by_sending_the_rest() {
    let patch = patch(&[("env.OLD", None), ("env.NEW", Some("1"))]).unwrap();
    assert!(patch.env_replace);
    assert_eq!(patch.env.keys().collect::<Vec<_>>(), ["KEY", "NEW"]);
    assert_eq!(patch.env["KEY"], "hunter2");
}

#[test]
fn a_url_is_sent_whole() {
    let patch = patch(&[
        ("url", Some("aws_iam")),
        ("url.streaming", Some("true")),
        ("url.cors.allow_origins", Some("https://a.example,https://b.example")),
    ]);
    let cors = Cors {
        allow_origins: vec!["https://a.example".into(), "https://b.example".into()],
        ..Cors::default()
    };
    let url = FunctionUrl { auth: UrlAuth::Iam, streaming: Some(true), cors: Some(cors) };
    assert_eq!(patch.unwrap().url, Some(UrlSetting::Present(url)));
}

#[test]
fn a_setting_without_effect_is_reported() {
    assert!(patch(&[("url.streaming", Some("true"))]).unwrap_err().contains("without a URL"));
    assert!(
        patch(&[("application_log_level", Some("WARN"))]).unwrap_err().contains("without JSON")
    );
    let both =
        patch(&[("log_format", Some("json")), ("application_log_level", Some("warn"))]).unwrap();
    assert_eq!(both.log.application_level.as_deref(), Some("WARN"));
}

#[test]
fn the_next_deploy_puts_the_workspace_s_value_back() {
    let workspace = FunctionConfig {
        memory: Some(256),
        env: BTreeMap::from([("KEY".into(), "hunter2".into())]),
        ..FunctionConfig::default()
    };
    let key = Setting::Env("KEY".into());
    assert_eq!(
        revert(&workspace, &Setting::Memory, Some("512")),
        Some(Revert::To("256 MB".into()))
    );
    assert_eq!(revert(&workspace, &Setting::Memory, Some("256")), None);
    assert_eq!(
        revert(&workspace, &Setting::Timeout, Some("9")),
        None,
        "the workspace does not say it"
    );
    assert_eq!(
        revert(&workspace, &key, Some("other")),
        Some(Revert::To(MASK.into())),
        "and does not show it"
    );
    assert_eq!(revert(&workspace, &key, None), Some(Revert::To(MASK.into())));
    let other = Setting::Env("OTHER".into());
    assert_eq!(revert(&workspace, &other, Some("x")), None, "variables are merged");
    let replaces = FunctionConfig { env_replace: true, ..workspace };
    assert_eq!(revert(&replaces, &other, Some("x")), Some(Revert::Removed));
}

#[test]
fn rows_of_a_url_and_of_levels_are_there_where_they_mean_something() {
    let live = LiveConfig { config: live(), ..LiveConfig::default() };
    let names = |edits: &Edits| -> Vec<String> {
        let rows = rows(Some(&live), edits, &FunctionConfig::default());
        rows.iter().map(|row| row.setting.to_string()).collect()
    };
    let plain = names(&Edits::new());
    assert!(!plain.iter().any(|name| name.starts_with("url.") || name.ends_with("level")));
    let edited =
        edits(&[("log_format", Some("JSON")), ("url", Some("NONE")), ("env.ADDED", Some("1"))]);
    let shown = names(&edited);
    assert!(
        shown.contains(&"system_log_level".to_owned())
            && shown.contains(&"url.streaming".to_owned())
    );
    assert_eq!(shown[shown.len() - 3..], ["env.ADDED", "env.KEY", "env.OLD"]);
    let workspace = FunctionConfig { memory: Some(256), ..FunctionConfig::default() };
    let [memory] = rows(None, &Edits::new(), &workspace).try_into().ok().unwrap();
    assert_eq!((memory.setting, memory.workspace.as_deref()), (Setting::Memory, Some("256")));
}

#[test]
fn an_edit_back_to_what_is_on_the_stage_is_none() {
    let (live, mut edits) = (LiveConfig { config: live(), ..LiveConfig::default() }, Edits::new());
    let mut put = |setting, value| {
        edit(&live, &mut edits, setting, Some(value)).unwrap();
        edits.clone()
    };
    put(Setting::Memory, "256");
    assert!(put(Setting::Memory, " 128 MB ").is_empty());
    put(Setting::Url, "NONE");
    put(Setting::UrlStreaming, "true");
    assert!(put(Setting::Url, "off").is_empty(), "what was edited of the URL goes with it");
    put(Setting::LogFormat, "JSON");
    put(Setting::SystemLogLevel, "WARN");
    assert!(put(Setting::LogFormat, "Text").is_empty(), "and levels with JSON");
}

#[test]
fn variables_that_are_hidden_are_not_edited() {
    let live = LiveConfig { is_env_hidden: true, ..LiveConfig::default() };
    let mut edits = Edits::new();
    assert!(edit(&live, &mut edits, Setting::Env("KEY".into()), Some("new")).is_err());
    assert!(edits.is_empty());
}
