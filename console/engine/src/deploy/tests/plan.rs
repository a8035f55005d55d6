//! The comparison and its calls, without a stage.

use std::{collections::BTreeMap, path::PathBuf};

use lambda_console_model::{
    Architecture, Change, Concurrency, Cors, FunctionConfig, FunctionUrl, LogFormat, LogSettings,
    NewValue, UrlAuth, UrlSetting, Vpc, settings::MASK,
};

use crate::{
    deploy::{
        calls::Call,
        code::{Code, Place},
        compare,
        diff::{self, Wanted},
        remote::{Published, Remote, Settings},
        url::Grants,
    },
    resources::roles::{Held, RolePolicies},
};

fn code() -> Code {
    Code {
        path: PathBuf::new(),
        sha256: "3q2+7w==".into(),
        sha256_hex: "deadbeef".into(),
        architecture: Architecture::Arm64,
        bucket: None,
    }
}

fn wanted(config: FunctionConfig) -> Wanted {
    let (code, role) = (Some(code()), Some("arn:role".into()));
    Wanted {
        name: "hello".into(),
        code,
        config,
        role,
        policies: None,
        own_role: String::new(),
        alias: None,
    }
}

fn settings() -> Settings {
    Settings {
        sha256: "3q2+7w==".into(),
        architecture: "arm64".into(),
        runtime: "provided.al2023".into(),
        handler: "bootstrap".into(),
        memory: 256,
        timeout: 3,
        storage: 512,
        role: "arn:role".into(),
        tracing: "PassThrough".into(),
        env: Some(BTreeMap::from([
            ("KEY".into(), "old".into()),
            ("ELSEWHERE".into(), "kept".into()),
        ])),
        format: Some(LogFormat::Text),
        group: "/aws/lambda/hello".into(),
        ..Settings::default()
    }
}

fn found() -> Remote {
    Remote { settings: settings(), tags: Some(BTreeMap::new()), ..Remote::default() }
}

fn changes(config: FunctionConfig, found: Option<&Remote>) -> Vec<Change> {
    diff::changes(&wanted(config), found).unwrap()
}

fn fields(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| change.field.to_string()).collect()
}

/// Returns the differences as text, and the calls that change them.
fn planned(wanted: &Wanted, found: Option<&Remote>) -> (Vec<String>, Vec<Call>) {
    let (changes, calls) = compare::difference(wanted, found).unwrap();
    let changed = changes.into_iter().map(|Change { field, from, to }| match from {
        Some(from) => format!("{field}: {from} → {to}"),
        None => format!("{field}: {to}"),
    });
    (changed.collect(), calls)
}

#[test]
fn settings_that_the_workspace_does_not_have_stay() {
    assert_eq!(changes(FunctionConfig::default(), Some(&found())), []);
    let mut wanted = wanted(FunctionConfig::default());
    wanted.code = None;
    assert_eq!(planned(&wanted, Some(&found())), (vec![], vec![]), "nothing is called either");
}

#[test]
fn a_handler_is_a_setting_like_the_others() {
    let handler =
        |name: &str| FunctionConfig { handler: Some(name.to_owned()), ..FunctionConfig::default() };
    assert_eq!(changes(handler("bootstrap"), Some(&found())), []);
    let mut wanted = wanted(handler("orders"));
    wanted.code = None;
    let (changed, calls) = planned(&wanted, Some(&found()));
    assert_eq!(changed, ["handler: bootstrap → orders"]);
    assert_eq!(calls, [Call::UpdateConfiguration]);
}

#[test]
fn environment_values_are_masked_and_merged() {
    let env =
        BTreeMap::from([("KEY".into(), "hunter2".into()), ("NEW".into(), "swordfish".into())]);
    let mut config = FunctionConfig { env, ..FunctionConfig::default() };
    let differing = changes(config.clone(), Some(&found()));
    assert_eq!(fields(&differing), ["env.KEY", "env.NEW"]);
    assert_eq!((differing[0].from.as_deref(), differing[1].from.as_deref()), (Some(MASK), None));
    let text = format!("{differing:?}");
    assert!(
        !text.contains("hunter2") && !text.contains("swordfish") && !text.contains("old"),
        "{text}"
    );
    let merged = diff::merged_env(&config, Some(&found()));
    assert_eq!((merged["ELSEWHERE"].as_str(), merged["KEY"].as_str()), ("kept", "hunter2"));
    config.env_replace = true;
    let differing = changes(config.clone(), Some(&found()));
    assert_eq!(fields(&differing), ["env.KEY", "env.NEW", "env.ELSEWHERE"]);
    assert_eq!(differing[2].to, NewValue::Removed);
    assert!(!diff::merged_env(&config, Some(&found())).contains_key("ELSEWHERE"));
}

#[test]
fn hidden_variables_are_never_wiped() {
    let hidden = Remote { settings: Settings { env: None, ..settings() }, ..found() };
    let env = BTreeMap::from([("KEY".into(), "hunter2".into())]);
    let printed =
        diff::changes(&wanted(FunctionConfig { env, ..FunctionConfig::default() }), Some(&hidden));
    assert!(printed.unwrap_err().hint.contains("kms:Decrypt"));
    let replaced = FunctionConfig { env_replace: true, ..FunctionConfig::default() };
    assert!(diff::changes(&wanted(replaced), Some(&hidden)).is_err());
    assert_eq!(
        changes(FunctionConfig::default(), Some(&hidden)),
        [],
        "and without any said nothing is touched"
    );
}

#[test]
fn a_new_function_is_created_with_all_its_settings_in_one_call() {
    let config = FunctionConfig {
        memory: Some(256),
        layers: Some(vec!["arn:one".into()]),
        description: Some(String::new()),
        tags: BTreeMap::from([("team".into(), "shop".into())]),
        ..FunctionConfig::default()
    };
    let (changed, calls) = planned(&wanted(config.clone()), None);
    let role = "role: arn:role";
    assert_eq!(
        changed,
        [
            "code: deadbeef",
            "architecture: arm64",
            "memory: 256 MB",
            role,
            "layers: arn:one",
            "tag.team: shop"
        ]
    );
    assert_eq!(calls, [Call::CreateFunction]);
    let no_role = Wanted { role: None, ..wanted(config) };
    assert_eq!(planned(&no_role, None).1, [Call::ProvideRole, Call::CreateFunction]);
}

#[test]
fn the_code_goes_before_the_configuration_and_both_before_the_alias() {
    let config = FunctionConfig { memory: Some(512), ..FunctionConfig::default() };
    let wanted = Wanted { alias: Some("live".into()), ..wanted(config) };
    let old = Settings { sha256: "AAAA".into(), ..settings() };
    let alias = Published { version: "7".into(), settings: old.clone(), ..Published::default() };
    let found = Remote { settings: old, alias: Some(alias), ..found() };
    let (changed, calls) = planned(&wanted, Some(&found));
    assert_eq!(
        changed,
        ["code: 000000 → deadbeef", "memory: 256 MB → 512 MB", "alias.live: 7 → a new version"]
    );
    assert_eq!(
        calls,
        [Call::UpdateCode, Call::UpdateConfiguration, Call::Publish, Call::UpdateAlias]
    );
}

#[test]
fn an_alias_is_moved_where_it_leads_to_something_else_and_made_where_it_is_not() {
    let wanted = Wanted { alias: Some("live".into()), ..wanted(FunctionConfig::default()) };
    let to = |settings: Settings| Remote {
        alias: Some(Published { version: "7".into(), settings, ..Published::default() }),
        ..found()
    };
    assert_eq!(planned(&wanted, Some(&to(settings()))), (vec![], vec![]));
    let cut_off = to(Settings { sha256: "AAAA".into(), ..settings() });
    let (changed, calls) = planned(&wanted, Some(&cut_off));
    assert_eq!(
        changed,
        ["alias.live: 7 → a new version"],
        "the deploy before it was cut off ahead of the alias"
    );
    assert_eq!(calls, [Call::Publish, Call::UpdateAlias]);
    assert_eq!(planned(&wanted, Some(&found())).1, [Call::Publish, Call::CreateAlias]);
    let tagged =
        FunctionConfig { concurrency: Some(Concurrency::Reserved(5)), ..FunctionConfig::default() };
    let wanted = Wanted { config: tagged, ..wanted };
    assert_eq!(
        planned(&wanted, Some(&to(settings()))).1,
        [Call::PutConcurrency],
        "no version keeps that"
    );
}

#[test]
fn what_is_empty_is_removed_and_what_is_gone_already_is_no_difference() {
    let config = FunctionConfig {
        layers: Some(Vec::new()),
        description: Some(String::new()),
        vpc: Some(Vpc::default()),
        concurrency: Some(Concurrency::Unreserved),
        url: Some(UrlSetting::Absent),
        log: LogSettings {
            group: Some(String::new()),
            retention: Some(0),
            ..LogSettings::default()
        },
        ..FunctionConfig::default()
    };
    assert_eq!(changes(config.clone(), Some(&found())), []);
    let vpc = Vpc {
        subnet_ids: vec!["subnet-1".into()],
        security_group_ids: vec!["sg-1".into()],
        ..Vpc::default()
    };
    let full = Remote {
        settings: Settings {
            layers: vec!["arn:one".into()],
            vpc,
            group: "/mine".into(),
            ..settings()
        },
        description: "says hello".into(),
        concurrency: Some(5),
        url: Some(FunctionUrl::default()),
        has_log_group: true,
        retention: Some(14),
        ..found()
    };
    let (changed, calls) = planned(&wanted(config), Some(&full));
    assert_eq!(
        changed,
        [
            "description: says hello → removed",
            "layers: arn:one → removed",
            "log.group: /mine → /aws/lambda/hello",
            "log.retention: 14 days → for ever",
            "vpc: subnet-1; sg-1 → removed",
            "concurrency: 5 reserved → unreserved",
            "url: AWS_IAM → removed",
        ]
    );
    let expected = [
        Call::DeleteRetention,
        Call::UpdateConfiguration,
        Call::DeleteConcurrency,
        Call::DeleteUrl,
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_url_for_everybody_needs_both_statements_and_opens_the_function() {
    let policy = |sids: &[&str]| {
        let statement = |sid: &str| {
            if sid == "url" {
                r#"{"Sid":"a","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}"#
            } else {
                r#"{"Sid":"b","Effect":"Allow","Principal":{"AWS":"*"},"Action":"lambda:InvokeFunction","Condition":{"Bool":{"lambda:InvokedViaFunctionUrl":"true"}}}"#
            }
        };
        let statements: Vec<&str> = sids.iter().map(|sid| statement(sid)).collect();
        Grants::of(&format!(r#"{{"Statement":[{}]}}"#, statements.join(",")))
    };
    let open = FunctionUrl { auth: UrlAuth::None, ..FunctionUrl::default() };
    let wanted = wanted(FunctionConfig {
        url: Some(UrlSetting::Present(open.clone())),
        ..FunctionConfig::default()
    });
    let (changed, calls) = planned(&wanted, Some(&found()));
    assert_eq!(changed, ["url.auth: NONE", "url.permission: everybody"]);
    assert_eq!(calls, [Call::CreateUrl, Call::OpenUrl]);
    assert!(diff::opens(&wanted, Some(&found())) && diff::opens(&wanted, None));
    let half = Remote { url: Some(open.clone()), grants: policy(&["url"]), ..found() };
    assert_eq!(
        planned(&wanted, Some(&half)).1,
        [Call::OpenUrl],
        "the deploy before it was cut off between the two"
    );
    let whole = Remote { grants: policy(&["url", "function"]), ..half };
    assert_eq!(planned(&wanted, Some(&whole)), (vec![], vec![]));
    assert!(!diff::opens(&wanted, Some(&whole)));
    let closed = FunctionUrl { streaming: Some(true), ..FunctionUrl::default() };
    let wanted = Wanted {
        config: FunctionConfig {
            url: Some(UrlSetting::Present(closed)),
            ..FunctionConfig::default()
        },
        ..wanted
    };
    let (changed, calls) = planned(&wanted, Some(&whole));
    assert_eq!(
        changed,
        [
            "url.auth: NONE → AWS_IAM",
            "url.streaming: no → yes",
            "url.permission: everybody → removed"
        ]
    );
    assert_eq!(calls, [Call::CloseUrl, Call::UpdateUrl], "the doors are shut first");
    assert!(!diff::opens(&wanted, Some(&whole)));
}

#[test]
fn the_order_of_a_list_of_cors_is_no_difference() {
    let cors = |origins: &[&str], age: Option<u32>| Cors {
        allow_origins: origins.iter().map(|&origin| origin.into()).collect(),
        max_age: age,
        ..Cors::default()
    };
    let url = |cors: Cors| FunctionUrl {
        cors: Some(cors),
        streaming: Some(false),
        ..FunctionUrl::default()
    };
    let on_stage =
        Remote { url: Some(url(cors(&["https://a", "https://b"], Some(60)))), ..found() };
    let with = |cors: Cors| FunctionConfig {
        url: Some(UrlSetting::Present(url(cors))),
        ..FunctionConfig::default()
    };
    assert_eq!(changes(with(cors(&["https://b", "https://a"], Some(60))), Some(&on_stage)), []);
    let (changed, calls) = planned(&wanted(with(cors(&["*"], None))), Some(&on_stage));
    assert_eq!(changed, ["url.cors: origins https://a,https://b; 60 s → origins *"]);
    assert_eq!(calls, [Call::UpdateUrl]);
    assert_eq!(
        planned(&wanted(with(Cors::default())), Some(&on_stage)).0,
        ["url.cors: origins https://a,https://b; 60 s → removed"]
    );
}

#[test]
fn logs_in_text_have_no_levels() {
    let log = |format| LogSettings {
        format,
        application_level: Some("DEBUG".into()),
        ..LogSettings::default()
    };
    let config = |format| FunctionConfig { log: log(format), ..FunctionConfig::default() };
    let refused = diff::changes(&wanted(config(None)), Some(&found())).unwrap_err();
    assert!(refused.hint.contains("log_format"), "{refused:?}");
    let json = changes(config(Some(LogFormat::Json)), Some(&found()));
    assert_eq!(fields(&json), ["log.format", "log.application_level"]);
    assert_eq!(
        changes(FunctionConfig::default(), None).len(),
        3,
        "text is what a new function has of itself"
    );
}

#[test]
fn the_log_group_is_made_where_it_is_to_keep_lines_for_a_time() {
    let log = LogSettings { retention: Some(14), ..LogSettings::default() };
    let wanted = wanted(FunctionConfig { log, ..FunctionConfig::default() });
    assert_eq!(planned(&wanted, Some(&found())).1, [Call::CreateLogGroup, Call::PutRetention]);
    let there = Remote { has_log_group: true, ..found() };
    let (changed, calls) = planned(&wanted, Some(&there));
    assert_eq!(
        (changed, calls),
        (vec!["log.retention: for ever → 14 days".to_owned()], vec![Call::PutRetention])
    );
    assert_eq!(planned(&wanted, Some(&Remote { retention: Some(14), ..there })).1, []);
}

#[test]
fn a_function_whose_last_change_failed_is_sent_again() {
    let broken = Remote { broken: Some("no subnet".into()), ..found() };
    let (changed, calls) = planned(&wanted(FunctionConfig::default()), Some(&broken));
    assert_eq!(
        (changed, calls),
        (vec!["state: failed: no subnet → active".to_owned()], vec![Call::UpdateCode])
    );
}

#[test]
fn a_large_zip_goes_through_s3_when_it_is_sent_at_all() {
    let place = Place { bucket: "artifacts".into(), key: "hello.zip".into() };
    let through = Code { bucket: Some(place), ..code() };
    let wanted = Wanted { code: Some(through), ..wanted(FunctionConfig::default()) };
    assert_eq!(planned(&wanted, None).1, [Call::PutObject, Call::CreateFunction]);
    assert_eq!(planned(&wanted, Some(&found())).1, []);
}

#[test]
fn an_x86_function_moves_to_arm64() {
    let other =
        Remote { settings: Settings { architecture: "x86_64".into(), ..settings() }, ..found() };
    let (changed, calls) = planned(&wanted(FunctionConfig::default()), Some(&other));
    assert_eq!(
        (changed, calls),
        (vec!["architecture: x86_64 → arm64".to_owned()], vec![Call::UpdateCode])
    );
}

#[test]
fn a_function_in_another_language_is_not_replaced() {
    let python =
        Remote { settings: Settings { runtime: "python3.13".into(), ..settings() }, ..found() };
    assert!(
        diff::changes(&wanted(FunctionConfig::default()), Some(&python))
            .unwrap_err()
            .why
            .contains("python3.13")
    );
    let image = Remote { is_image: true, ..found() };
    assert!(
        diff::changes(&wanted(FunctionConfig::default()), Some(&image))
            .unwrap_err()
            .why
            .contains("image")
    );
}

#[test]
fn what_the_role_allows_follows_the_settings_and_old_code_keeps_it_until_it_is_gone() {
    let policy = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    let statement =
        serde_json::json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" });
    let held = Held { attached: vec![policy("Basic"), policy("ByHand")], statements: vec![] };
    let policies = RolePolicies {
        attached: vec![policy("Basic"), policy("AmazonS3ReadOnlyAccess")],
        is_whole: true,
        statements: Some(vec![statement.clone()]),
    };
    let config = FunctionConfig { memory: Some(512), ..FunctionConfig::default() };
    let mut wanted = Wanted { role: None, policies: Some(policies), ..wanted(config) };
    let mut found = Remote { held: Some(held), ..found() };
    let (changed, calls) = planned(&wanted, Some(&found));
    let shown = r#"role.statements: {"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
    assert_eq!(
        changed,
        [
            "memory: 256 MB → 512 MB",
            "role.policy.AmazonS3ReadOnlyAccess: attached",
            "role.policy.ByHand: attached → removed",
            shown
        ]
    );
    let expected = [
        Call::AttachPolicies,
        Call::PutStatements,
        Call::UpdateConfiguration,
        Call::DetachPolicies,
    ];
    assert_eq!(calls, expected);

    // The settings may have an empty list of statements. Statements that they do not contain stay.
    found.held = Some(Held { attached: vec![policy("ByHand")], statements: vec![statement] });
    wanted.config.memory = None;
    wanted.policies = Some(RolePolicies {
        attached: vec![policy("ByHand")],
        is_whole: false,
        statements: Some(vec![]),
    });
    let (changed, calls) = planned(&wanted, Some(&found));
    assert_eq!((changed.len(), calls), (1, vec![Call::DeleteStatements]), "{changed:?}");
    wanted.policies =
        Some(RolePolicies { attached: vec![policy("Basic")], ..RolePolicies::default() });
    assert_eq!(planned(&wanted, Some(&found)), (vec![], vec![]), "nothing was asked for");
    found.held = None;
    wanted.policies = Some(RolePolicies { is_whole: true, ..RolePolicies::default() });
    assert_eq!(planned(&wanted, Some(&found)), (vec![], vec![]), "the role is someone else's");
}
