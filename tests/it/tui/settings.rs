//! The settings of a function in the pane: read from the stage, edited, compared with the
//! workspace's, sent.

use lambda_console::tui::{
    message::Effect,
    state::{Connection, JobId, Notice, Overlay},
    task::{JobEvent, Task},
};
use lambda_console_model::{
    Approval, Change, Concurrency, DeployAction, DeployOutcome, DeployPlan, DeployedFunction,
    Failure, FunctionConfig, FunctionPlan, LiveConfig, LogFormat, LogSettings, StageInfo,
    UrlSetting,
};
use tests::{Harness, sample};

/// Settings of hello on the stage: the workspace has 256 MB and another `API_KEY`.
fn live() -> LiveConfig {
    let config = FunctionConfig {
        memory: Some(128),
        timeout: Some(3),
        ephemeral_storage: Some(512),
        concurrency: Some(Concurrency::Unreserved),
        description: Some(String::new()),
        tracing: Some("pass-through".into()),
        log: LogSettings {
            format: Some(LogFormat::Text),
            group: Some(String::new()),
            ..LogSettings::default()
        },
        url: Some(UrlSetting::Absent),
        env: [("API_KEY", "on the stage"), ("ELSEWHERE", "made by hand")]
            .map(|(k, v)| (k.into(), v.into()))
            .into(),
        ..FunctionConfig::default()
    };
    LiveConfig { config, revision: Some("revision-1".into()), ..LiveConfig::default() }
}

/// A console on `stage` that shows the settings of hello.
fn shown(stage: &str, protected: bool, (width, height): (u16, u16)) -> Harness {
    let mut console = Harness::ready(width, height);
    if stage != "local" {
        console.state.activate(stage);
        console.state.stage_mut().connection = Connection::Connected(StageInfo {
            name: stage.into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            protected,
            ..StageInfo::default()
        });
    }
    console.press("j6");
    answer(&mut console, Ok(Some(live())));
    console
}

fn local() -> Harness {
    shown("local", false, (120, 40))
}

#[track_caller]
fn asked(console: &mut Harness) -> JobId {
    let effects = console.effects();
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Start { job, task: Task::ReadConfig { function }, .. } => Some((*job, function)),
        _ => None,
    });
    let (job, function) = asked.unwrap_or_else(|| panic!("nothing is read: {effects:?}"));
    assert_eq!(function.name, "hello");
    job
}

#[track_caller]
fn answer(console: &mut Harness, answer: Result<Option<LiveConfig>, Failure>) {
    let job = asked(console);
    console.report(job, JobEvent::ConfigRead(answer.map(|found| found.map(Box::new))));
    console.draw();
}

#[track_caller]
fn sent(console: &mut Harness) -> (JobId, FunctionConfig, Option<String>, Approval) {
    let (job, Task::Configure { function, revision, approval, .. }) = console.started() else {
        panic!("settings are sent")
    };
    assert_eq!(function.name, "hello");
    (job, function.config, revision, approval)
}

/// Selects the row of this setting.
fn select(console: &mut Harness, setting: &str) {
    console.press("g");
    let (card, on_stage) = console.state.selected().unwrap();
    let rows = on_stage.config.rows(&card.function.config);
    let at = rows.iter().position(|row| row.setting.to_string() == setting);
    let at = at.unwrap_or_else(|| panic!("{setting} has a row"));
    console.press("g").press(&"k".repeat(rows.len())).press(&"j".repeat(at));
}

fn plan(changes: &[(&str, &str, &str)], opens: bool) -> DeployPlan {
    let changes = changes.iter().map(|(field, from, to)| Change {
        field: field.parse().unwrap(),
        from: Some((*from).into()),
        to: (*to).to_owned().into(),
    });
    let function = FunctionPlan {
        name: "hello".into(),
        action: DeployAction::Updated,
        changes: changes.collect(),
        calls: vec!["lambda:UpdateFunctionConfiguration".into()],
        opens,
        version: "$LATEST".into(),
        sha256: String::new(),
        stale: false,
    };
    DeployPlan { stage: "beta".into(), functions: vec![function], failed: Vec::new() }
}

fn outcome() -> DeployOutcome {
    let function = DeployedFunction {
        name: "hello".into(),
        action: DeployAction::Updated,
        version: "$LATEST".into(),
        sha256: sample::sha("hello"),
        seconds: 0.2,
        changes: Vec::new(),
    };
    DeployOutcome { stage: "local".into(), functions: vec![function], failed: Vec::new() }
}

#[test]
fn settings_are_read_when_they_are_shown_and_once() {
    let mut console = Harness::ready(120, 40);
    console.press("j");
    assert_eq!(console.effects(), []);
    console.press("6");
    let job = asked(&mut console);
    assert!(console.screen().contains("reading …"));
    console.press("1");
    assert_eq!(console.effects(), [Effect::Cancel(job)], "nobody looks any more");
    console.press("6");
    answer(&mut console, Ok(Some(live())));
    console.press("162");
    assert_eq!(console.effects(), [], "they are known");
}

#[test]
fn a_function_that_is_not_there_is_not_asked_for() {
    let mut console = Harness::ready(120, 40);
    console.press("jj6");
    assert_eq!(console.effects(), [], "nightly is not deployed");
    let mut console = Harness::ready(120, 40);
    console.press("j6");
    answer(&mut console, Ok(None));
    assert!(console.screen().contains("hello on local  not deployed yet"), "{}", console.screen());
    console.press("<enter>");
    assert!(console.screen().contains("deploy it first"), "{}", console.screen());
}

#[test]
fn drift_from_the_workspace_is_seen() {
    let mut console = local();
    let screen = console.screen();
    let memory = screen.lines().find(|line| line.contains("memory")).unwrap();
    assert!(memory.contains("128 MB") && memory.contains("≠ 256 MB"), "{memory}");
    let other = screen.lines().find(|line| line.contains("env.API_KEY")).unwrap();
    assert!(other.contains("≠ ••••••"), "{other}");
    let merged = screen.lines().find(|line| line.contains("env.ELSEWHERE")).unwrap();
    assert!(!merged.contains('≠'), "a deploy leaves what it does not know: {merged}");
}

#[test]
fn an_edit_shows_the_value_that_the_next_deploy_restores() {
    let mut console = local();
    select(&mut console, "memory");
    console.press("<enter>512<enter>");
    let screen = console.screen();
    assert!(
        screen.contains("128 MB → 512 MB") && screen.contains("256 MB after deploy"),
        "{screen}"
    );
    assert!(
        screen.contains("the next deploy of hello resets memory to 256 MB, as in Cargo.toml"),
        "{screen}"
    );
    console.press("<enter>256<enter>");
    assert!(!console.screen().contains("after deploy"), "the workspace has the same value");
}

#[test]
fn an_invalid_value_is_reported_in_its_prompt() {
    let mut console = local();
    select(&mut console, "memory");
    console.press("<enter>64<enter>");
    assert!(matches!(console.state.overlay, Some(Overlay::Line(_))));
    assert!(console.screen().contains("memory is 128 to 10240 MB"), "{}", console.screen());
    console.press("<esc>");
    assert!(console.state.selected().unwrap().1.config.edits.is_empty());
}

#[test]
fn an_old_error_is_cleared_by_typing() {
    let mut console = local();
    select(&mut console, "memory");
    console.state.notice = Some(Notice::good("hello: 200 in 95.6 ms"));
    let screen = console.press("<enter>").screen();
    assert!(screen.contains(" memory (") && !screen.contains("hello: 200"), "{screen}");
}

#[test]
fn few_values_are_gone_through() {
    let mut console = local();
    select(&mut console, "log_format");
    console.press("<enter>");
    assert!(console.screen().contains("Text → JSON"));
    assert!(console.screen().contains("application_log_level"), "levels mean something now");
    console.press("<enter>");
    assert!(
        console.screen().contains("log_format") && !console.screen().contains("JSON"),
        "{}",
        console.screen()
    );
    select(&mut console, "url");
    console.press("<enter>");
    assert!(
        console.screen().contains("off → AWS_IAM")
            && console.screen().contains("url.cors.allow_origins")
    );
    console.press("<enter>");
    assert!(console.screen().contains("off → NONE"));
}

#[test]
fn the_local_stage_takes_the_edits_at_once_and_only_them() {
    let mut console = local();
    select(&mut console, "memory");
    console.press("<enter>512<enter>a");
    let (job, config, revision, approval) = sent(&mut console);
    assert_eq!(config, FunctionConfig { memory: Some(512), ..FunctionConfig::default() });
    assert_eq!((revision.as_deref(), approval), (Some("revision-1"), Approval::None));
    assert_eq!(console.state.command.as_deref(), Some("lambda-console settings hello memory=512"));
    console.report(job, JobEvent::Configured(Ok(outcome())));
    for effect in console.effects() {
        if let Effect::Start { job, task: Task::RefreshDeployed { .. }, .. } = effect {
            console.report(job, JobEvent::Deployed(Ok(sample::deployed())));
        }
    }
    let mut now = live();
    now.config.memory = Some(512);
    answer(&mut console, Ok(Some(now)));
    let (_, on_stage) = console.state.selected().unwrap();
    assert!(on_stage.config.edits.is_empty(), "what the stage has is no edit");
    assert!(console.screen().contains("changed the settings of hello on local"));
}

#[test]
fn another_stage_shows_the_plan_with_what_the_next_deploy_puts_back() {
    let mut console = shown("beta", false, (100, 30));
    select(&mut console, "memory");
    console.press("<enter>512<enter>a");
    let (job, Task::PlanConfig { function, revision }) = console.started() else {
        panic!("a plan")
    };
    assert_eq!((function.config.memory, revision.as_deref()), (Some(512), Some("revision-1")));
    console.report(job, JobEvent::Planned(Ok(plan(&[("memory", "128 MB", "512 MB")], false))));
    insta::assert_snapshot!("plan_of_settings", console.styled());
    console.press("<enter>");
    let (_, config, _, approval) = sent(&mut console);
    assert_eq!((config.memory, approval), (Some(512), Approval::None));
}

#[test]
fn a_protected_stage_and_a_public_url_want_the_stage_s_name() {
    for (stage, protected, opens) in [("prod", true, false), ("beta", false, true)] {
        let mut console = shown(stage, protected, (100, 30));
        select(&mut console, "url");
        console.press("<enter><enter>a");
        let job = console.job("PlanConfig");
        console.report(job, JobEvent::Planned(Ok(plan(&[("url", "none", "NONE")], opens))));
        console.press("<enter>");
        assert_eq!(console.effects(), [], "{stage}: nothing is sent before its name is typed");
        assert_eq!(
            console.screen().contains("anyone on the internet"),
            opens,
            "{}",
            console.screen()
        );
        console.press(&format!("{stage}<enter>"));
        let (_, _, _, approval) = sent(&mut console);
        assert_eq!(approval, Approval::Given);
    }
}

#[test]
fn values_are_masked_shown_one_by_one_and_masked_when_the_pane_is_left() {
    let mut console = local();
    let secrets = |console: &mut Harness| {
        let screen = console.screen();
        ["on the stage", "made by hand", "do not show this"].map(|secret| screen.contains(secret))
    };
    assert_eq!(secrets(&mut console), [false; 3]);
    select(&mut console, "env.API_KEY");
    console.press("v");
    assert_eq!(
        secrets(&mut console),
        [true, false, true],
        "of one variable, on the stage and in the workspace"
    );
    console.press("v");
    assert_eq!(secrets(&mut console), [false; 3]);
    for leaving in ["v1", "v<esc>", "v<tab>"] {
        select(&mut console, "env.API_KEY");
        console.press(leaving);
        assert_eq!(secrets(&mut console), [false; 3], "{leaving}");
        console.press("6");
        assert_eq!(secrets(&mut console), [false; 3], "{leaving}, and back");
    }
}

#[test]
fn variables_are_added_changed_and_removed_without_their_values_in_the_command() {
    let mut console = local();
    console.press("nNEW-ONE<enter>");
    assert!(console.screen().contains("the name of a variable is"), "{}", console.screen());
    console.press("<backspace><backspace><backspace><backspace>_ONE<enter>swordfish<enter>");
    select(&mut console, "env.API_KEY");
    console.press("<enter>hunter2<enter>");
    select(&mut console, "env.ELSEWHERE");
    console.press("X");
    let screen = console.screen();
    assert!(!screen.contains("swordfish") && !screen.contains("hunter2"), "{screen}");
    assert!(screen.contains("•••••• → removed") && screen.contains("– → ••••••"), "{screen}");
    console.press("a");
    let command = console.state.command.clone().unwrap();
    assert_eq!(
        command,
        r#"lambda-console settings hello env.API_KEY="$API_KEY" --unset env.ELSEWHERE env.NEW_ONE="$NEW_ONE""#
    );
    let (_, config, ..) = sent(&mut console);
    assert!(config.env_replace, "a variable goes by sending the others");
    let env: Vec<(&str, &str)> =
        config.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(env, [("API_KEY", "hunter2"), ("NEW_ONE", "swordfish")]);
}

#[test]
fn a_masked_value_does_not_show_because_it_is_edited() {
    let mut console = local();
    select(&mut console, "env.API_KEY");
    console.press("<enter>");
    assert!(!console.screen().contains("on the stage"));
    console.press("<esc>v<enter>");
    assert!(
        console.screen().contains("> on the stage") || console.screen().contains("): on the stage")
    );
}

#[test]
fn an_edit_is_taken_back() {
    let mut console = local();
    select(&mut console, "timeout");
    console.press("<enter>9<enter>u");
    assert!(!console.screen().contains('→'), "{}", console.screen());
    console.press("a");
    assert_eq!(console.effects(), []);
    assert!(console.screen().contains("no edits to apply"));
}

#[test]
fn a_read_only_console_sends_no_settings() {
    let mut console = local();
    console.state.options.read_only = true;
    select(&mut console, "timeout");
    console.press("<enter>9<enter>a");
    assert_eq!(console.effects(), []);
    assert!(console.screen().contains("read-only"));
}

#[test]
fn edits_are_of_one_function_on_one_stage() {
    let mut console = local();
    select(&mut console, "timeout");
    console.press("<enter>9<enter>");
    console.state.activate("beta");
    assert!(console.state.selected().unwrap().1.config.edits.is_empty(), "beta has its own");
    console.state.activate("local");
    assert_eq!(console.state.selected().unwrap().1.config.edits.len(), 1);
    console.press("<esc>jk<enter>");
    assert!(console.screen().contains("3 s → 9 s"), "{}", console.screen());
}

#[test]
fn hidden_variables_are_marked_and_not_edited() {
    let mut console = Harness::ready(120, 40);
    console.press("j6");
    let mut hidden = live();
    hidden.config.env.clear();
    hidden.is_env_hidden = true;
    answer(&mut console, Ok(Some(hidden)));
    assert!(console.screen().contains("no permission to read"));
    select(&mut console, "env.API_KEY");
    console.press("<enter>x<enter>");
    assert!(
        console.screen().contains("no permission to read the environment variables"),
        "{}",
        console.screen()
    );
}

#[test]
fn the_pane_scrolls_below_its_rows_and_back() {
    let mut console = shown("beta", false, (80, 24));
    insta::assert_snapshot!("settings_80", console.styled());
    console.press("jjjjjjjjjjjjjjjjjj");
    let down = console.screen();
    assert!(down.contains("package"), "{down}");
    console.press("g");
    assert!(console.screen().contains("▸ memory"), "{}", console.screen());
    console.press("GG");
    assert!(console.screen().contains("qemu-aarch64"), "{}", console.screen());
    console.press("k<pageup><pageup><pageup><pageup>");
    assert!(console.screen().contains("▸ memory"), "{}", console.screen());
    for (width, height) in [(60, 16), (61, 17), (70, 16), (300, 16), (60, 200)] {
        console.resize(width, height);
        console.press("jkGg<pagedown>");
    }
}

#[test]
fn quitting_with_edits_that_are_not_applied_is_asked_for_twice() {
    for key in ["q", "<ctrl-c>"] {
        let mut console = local();
        select(&mut console, "memory");
        console.press("<enter>1024<enter>");
        console.press(key);
        assert_eq!(console.effects(), [], "{key}");
        let screen = console.screen();
        assert!(screen.contains("unapplied setting edits on hello"), "{screen}");
        assert!(screen.contains("again to discard them and quit"), "{screen}");
        console.press("j");
        console.press(key);
        assert_eq!(console.effects(), [], "{key}: another key between them");
        console.press(key);
        assert!(console.effects().contains(&Effect::Quit), "{key}");
    }
}

#[test]
fn edits_are_kept_on_other_stages_functions_and_tabs_and_without_their_function() {
    let mut console = local();
    select(&mut console, "memory");
    console.press("<enter>1024<enter>");
    console.state.activate("beta");
    console.state.activate("local");
    console.press("<esc>jk6");
    console.effects();
    let edited = |console: &Harness| Some(console.state.selected()?.1.config.edits.len());
    assert_eq!(edited(&console), Some(1));
    let mut without = sample::workspace();
    without.functions.retain(|function| function.name != "hello");
    for (workspace, edits) in [(without, None), (sample::workspace(), Some(1))] {
        console.press("R");
        let effects = console.effects();
        let [Effect::Start { job, task: Task::Discover, .. }, ..] = effects[..] else { panic!() };
        console.report(job, JobEvent::Discovered(Ok(workspace)));
        assert_eq!(edited(&console), edits);
        console.state.activate("beta");
        console.press("q");
        let notice = console.state.notice.clone().unwrap();
        assert_eq!(notice.text, "unapplied setting edits on hello on local");
        console.state.activate("local");
        console.effects();
    }
}

#[test]
fn what_was_refused_stands_below_what_is_typed() {
    let mut console = shown("local", false, (80, 24));
    console.press("nAPI KEY<enter>");
    let screen = console.screen();
    let rows: Vec<&str> = screen.lines().collect();
    assert!(rows[22].contains("variable name: API KEY"), "{screen}");
    assert!(rows[23].starts_with(" ✗ "), "{screen}");
    console.press("<backspace><backspace><backspace><backspace>");
    assert!(!console.screen().contains('✗'), "it is being corrected: {}", console.screen());
}

#[test]
fn a_new_variable_is_selected_and_stays_in_sight() {
    let mut console = shown("local", false, (80, 24));
    console.press("nZZZ<enter>value<enter>");
    let row = |console: &Harness| {
        let (card, on_stage) = console.state.selected().unwrap();
        on_stage.config.row(&card.function.config).unwrap().setting.to_string()
    };
    assert_eq!(row(&console), "env.ZZZ");
    assert!(console.screen().contains("ZZZ"), "{}", console.screen());
    console.resize(60, 16);
    assert!(console.screen().contains("ZZZ"), "{}", console.screen());
}
