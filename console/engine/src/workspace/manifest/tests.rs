use lambda_console_model::{
    Architecture, Concurrency, Cors, Features, FunctionUrl, LogFormat, LogSettings, UrlAuth,
    UrlSetting,
};

use super::*;

fn layer(section: &'static str, text: &str) -> Layer {
    Layer { manifest: PathBuf::from("/w/Cargo.toml"), text: text.to_owned(), section }
}

#[test]
fn the_keys_of_cargo_lambda_have_their_meaning() {
    let package = layer(
        "package",
        r#"
        [package.metadata.lambda.env]
        TABLE = "orders"
        [package.metadata.lambda.deploy]
        memory = 512
        timeout = 60
        iam_role = "arn:aws:iam::123456789012:role/orders"
        description = "takes orders"
        tracing = "PassThrough"
        layers = ["arn:one", "arn:two"]
        tags = { team = "shop" }
        env_var = ["MODE=fast"]
        enable_function_url = true
        "#,
    );
    let mut warnings = Vec::new();
    let config = merged("orders", &[&package], &mut warnings);
    assert_eq!(warnings, []);
    assert_eq!((config.memory, config.timeout), (Some(512), Some(60)));
    assert_eq!(config.role.as_deref(), Some("arn:aws:iam::123456789012:role/orders"));
    assert_eq!(config.description.as_deref(), Some("takes orders"));
    assert_eq!(config.tracing.as_deref(), Some("pass-through"));
    assert_eq!(config.layers, Some(vec!["arn:one".to_owned(), "arn:two".to_owned()]));
    assert_eq!(config.tags, BTreeMap::from([("team".to_owned(), "shop".to_owned())]));
    assert_eq!(config.env.len(), 2);
    assert_eq!((config.env["TABLE"].as_str(), config.env["MODE"].as_str()), ("orders", "fast"));
}

#[test]
fn a_handler_is_what_lambda_accepts_as_one() {
    let package = layer(
        "package",
        "[package.metadata.lambda]\nhandler = \"all\"\n[package.metadata.lambda.bin.orders]\n\
         handler = \"orders.new\"\n[package.metadata.lambda.bin.blank]\nhandler = \"a b\"",
    );
    let mut warnings = Vec::new();
    let handler = |binary, warnings: &mut Vec<Failure>| {
        merged(binary, &[&package], warnings).handler.unwrap_or_default()
    };
    assert_eq!(handler("orders", &mut warnings), "orders.new");
    assert_eq!(handler("others", &mut warnings), "all");
    assert_eq!(warnings, []);
    assert_eq!(handler("blank", &mut warnings), "all");
    assert!(warnings[0].why.contains(":6: it must be 1 to 128 characters without white space"));
}

#[test]
fn the_binary_wins_over_the_package_and_the_package_over_the_workspace() {
    let workspace = layer(
        "workspace",
        "[workspace.metadata.lambda.deploy]\nmemory = 128\ntimeout = \
        5\n[workspace.metadata.lambda.env]\nA = \"w\"\nB = \"w\"",
    );
    let package = layer(
        "package",
        "[package.metadata.lambda.env]\nB = \"p\"\n[package.metadata.lambda.deploy]\nmemory = 256\n\
         [package.metadata.lambda.bin.two.deploy]\nmemory = 1024",
    );
    let mut warnings = Vec::new();
    let one = merged("one", &[&workspace, &package], &mut warnings);
    let two = merged("two", &[&workspace, &package], &mut warnings);
    assert_eq!((one.memory, two.memory, two.timeout), (Some(256), Some(1024), Some(5)));
    assert_eq!((one.env["A"].as_str(), one.env["B"].as_str()), ("w", "p"));
    assert_eq!(warnings, []);
}

#[test]
fn a_wrong_type_is_a_warning_with_its_line_and_key_and_without_its_value() {
    let package = layer(
        "package",
        "[package]\nname = \"x\"\n[package.metadata.lambda.deploy]\nmemory = \"lots\"\ntimeout = \
        7\n\
         [package.metadata.lambda.bin.x.env]\nSECRET = 1234",
    );
    let mut warnings = Vec::new();
    let config = merged("x", &[&package], &mut warnings);
    assert_eq!((config.memory, config.timeout), (None, Some(7)));
    assert_eq!(warnings.len(), 2);
    assert_eq!(warnings[0].what, "ignored the setting `package.metadata.lambda.deploy.memory`");
    assert_eq!(warnings[0].why, "/w/Cargo.toml:4: it must be a whole number from 128 to 10240");
    assert_eq!(warnings[1].what, "ignored the setting `package.metadata.lambda.bin.x.env.SECRET`");
    assert!(!format!("{warnings:?}").contains("1234"));
    merged("x", &[&package], &mut warnings);
    assert_eq!(warnings.len(), 2, "said once");
}

/// Names in the zip with their sources.
fn included(config: &FunctionConfig) -> Vec<(&str, &str)> {
    config.include.iter().map(|one| (one.name.as_str(), one.source.to_str().unwrap())).collect()
}

#[test]
fn what_is_included_is_from_beside_the_manifest_and_may_have_another_name_in_the_zip() {
    let package = layer(
        "package",
        "[package.metadata.lambda.deploy]\ninclude = \
        [\n  \"config\",\n  \"texts:../shared/texts\",\n  \"etc:/etc/x\",\n]",
    );
    let mut warnings = Vec::new();
    let config = merged("x", &[&package], &mut warnings);
    assert_eq!(warnings, []);
    assert_eq!(
        included(&config),
        [("config", "/w/config"), ("texts", "/w/../shared/texts"), ("etc", "/etc/x")],
        "as cargo-lambda has it, the name in the zip is first"
    );
    assert_eq!(config.include[1].place, "/w/Cargo.toml:4");
}

#[test]
fn what_is_included_is_the_last_layer_s_word_of_build_and_of_deploy() {
    let mut workspace = layer(
        "workspace",
        "[workspace.metadata.lambda.build]\ninclude = [\"LICENSE\"]\n\
         [workspace.metadata.lambda.deploy]\ninclude = [\"common\"]",
    );
    workspace.manifest = PathBuf::from("/ws/Cargo.toml");
    let package = layer(
        "package",
        "[package.metadata.lambda.deploy]\ninclude = [\"own\", \"README.md\"]\n\
         [package.metadata.lambda.bin.two.build]\ninclude = [\"README.md\"]\n\
         [package.metadata.lambda.bin.three.deploy]\ninclude = []",
    );
    let mut warnings = Vec::new();
    let mut of = |name: &str, layers: &[&Layer]| merged(name, layers, &mut warnings);
    let license = ("LICENSE", "/ws/LICENSE");
    let (own, readme) = (("own", "/w/own"), ("README.md", "/w/README.md"));
    assert_eq!(included(&of("one", &[&workspace])), [license, ("common", "/ws/common")]);
    assert_eq!(included(&of("one", &[&workspace, &package])), [license, own, readme]);
    assert_eq!(
        included(&of("two", &[&workspace, &package])),
        [readme, own],
        "named in both, there once"
    );
    assert_eq!(
        included(&of("three", &[&workspace, &package])),
        [license],
        "an empty list leaves nothing of the others"
    );
    assert_eq!(warnings, []);
}

#[test]
fn an_include_that_is_no_list_of_paths_is_a_warning_with_its_line() {
    for line in [
        "include = \"a\"",
        "include = [1]",
        "include = [\"a:\"]",
        "include = [\":a\"]",
        "include = [\"\"]",
    ] {
        let mut warnings = Vec::new();
        let package = layer("package", &format!("[package.metadata.lambda.deploy]\n{line}"));
        assert_eq!(merged("x", &[&package], &mut warnings).include, [], "{line}");
        let why = "/w/Cargo.toml:2: it must be a list of paths, or of `NAME_IN_THE_ZIP:PATH`";
        assert!(warnings.len() == 1 && warnings[0].why == why, "{line}: {warnings:?}");
    }
}

#[test]
fn an_env_file_is_read_from_beside_the_manifest() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), "# no\nexport A = 'one two'\n\nB=x=y\n").unwrap();
    let mut package = layer("package", "[package.metadata.lambda.deploy]\nenv_file = \".env\"");
    package.manifest = directory.path().join("Cargo.toml");
    let config = merged("x", &[&package], &mut Vec::new());
    assert_eq!((config.env["A"].as_str(), config.env["B"].as_str()), ("one two", "x=y"));
    assert_eq!(config.env_of_files.iter().collect::<Vec<_>>(), ["A", "B"]);
    let own = layer("package", "[package.metadata.lambda.deploy.env]\nB = \"mine\"");
    let config = merged("x", &[&package, &own], &mut Vec::new());
    assert_eq!(config.env["B"], "mine");
    assert_eq!(config.env_of_files.iter().collect::<Vec<_>>(), ["A"]);
}

#[test]
fn a_line_of_an_env_file_that_is_no_pair_is_named_and_the_others_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("prod.env");
    std::fs::write(&file, "\u{feff}AA=fast # default\r\nhunter2\r\nBB=\"x\" # note\r\n").unwrap();
    let mut package = layer("package", "[package.metadata.lambda.deploy]\nenv_file = \"prod.env\"");
    package.manifest = directory.path().join("Cargo.toml");
    let mut warnings = Vec::new();
    let config = merged("x", &[&package], &mut warnings);
    assert_eq!((config.env["AA"].as_str(), config.env["BB"].as_str()), ("fast", "x"));
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].why.ends_with("prod.env:2: it is not NAME=VALUE in the dotenv format"),
        "{warnings:?}"
    );
    std::fs::write(&file, [0xff, 0xfe, b'A', 0, b'=', 0, b'1', 0]).unwrap();
    let mut warnings = Vec::new();
    merged("x", &[&package], &mut warnings);
    assert!(warnings[0].why.contains("UTF-16"), "{warnings:?}");
}

#[test]
fn everything_that_lives_on_a_function_has_a_key() {
    let package = layer(
        "package",
        r#"
        [package.metadata.lambda.deploy]
        ephemeral_storage = 2048
        env_replace = true
        runtime = "provided.al2"
        log_format = "json"
        application_log_level = "debug"
        system_log_level = "WARN"
        log_group = "/shop/orders"
        log_retention = 14
        reserved_concurrency = 5
        subnet_ids = ["subnet-1"]
        security_group_ids = ["sg-1"]
        s3_bucket = "artifacts"
        s3_key = "orders.zip"
        layers = []
        description = ""
        [package.metadata.lambda.deploy.url]
        auth = "iam"
        streaming = true
        cors = { allow_origins = ["https://example.com"], max_age = 60 }
        "#,
    );
    let mut warnings = Vec::new();
    let config = merged("orders", &[&package], &mut warnings);
    assert_eq!(warnings, []);
    assert_eq!((config.ephemeral_storage, config.env_replace), (Some(2048), true));
    assert_eq!(config.runtime.as_deref(), Some("provided.al2"));
    let log = LogSettings {
        format: Some(LogFormat::Json),
        application_level: Some("DEBUG".into()),
        system_level: Some("WARN".into()),
        group: Some("/shop/orders".into()),
        retention: Some(14),
    };
    assert_eq!(config.log, log);
    assert_eq!(config.concurrency, Some(Concurrency::Reserved(5)));
    let vpc = config.vpc.unwrap();
    assert_eq!(
        (vpc.subnet_ids, vpc.security_group_ids),
        (vec!["subnet-1".to_owned()], vec!["sg-1".to_owned()])
    );
    assert_eq!(
        (config.s3_bucket.as_deref(), config.s3_key.as_deref()),
        (Some("artifacts"), Some("orders.zip"))
    );
    assert_eq!(
        (config.layers, config.description.as_deref()),
        (Some(Vec::new()), Some("")),
        "empty: to be removed"
    );
    let cors = Cors {
        allow_origins: vec!["https://example.com".into()],
        max_age: Some(60),
        ..Cors::default()
    };
    let url = FunctionUrl { auth: UrlAuth::Iam, streaming: Some(true), cors: Some(cors) };
    assert_eq!(config.url, Some(UrlSetting::Present(url)));
}

#[test]
fn a_url_may_be_a_word_or_in_the_form_of_cargo_lambda() {
    let url = |line: &str| {
        let mut warnings = Vec::new();
        let package = layer("package", &format!("[package.metadata.lambda.deploy]\n{line}"));
        let config = merged("x", &[&package], &mut warnings);
        assert_eq!(warnings, [], "{line}");
        match config.url {
            Some(UrlSetting::Present(url)) => Some(url.auth),
            Some(UrlSetting::Absent) => None,
            None => panic!("{line}: nothing"),
        }
    };
    assert_eq!(url("enable_function_url = true"), Some(UrlAuth::None), "as cargo-lambda has it");
    assert_eq!(url("disable_function_url = true"), None);
    assert_eq!(url("url = true"), Some(UrlAuth::Iam), "never public without saying so");
    assert_eq!(url("url = \"none\""), Some(UrlAuth::None));
    assert_eq!(url("url = false"), None);
}

#[test]
fn settings_that_lambda_would_refuse_are_reported_while_the_manifest_is_read() {
    for (line, printed) in [
        ("log_retention = 15", "one of 1, 3, 5, 7, 14, 30"),
        ("log_format = \"xml\"", "`text` or `json`"),
        ("system_log_level = \"TRACE\"", "one of DEBUG, INFO, WARN"),
        ("ephemeral_storage = 100", "from 512 to 10240"),
        ("reserved_concurrency = -1", "a whole number from 0"),
        ("runtime = \"python3.13\"", "`provided.al2023`"),
        ("url = \"public\"", "`iam`, `none`"),
        ("env_replace = \"yes\"", "true or false"),
    ] {
        let mut warnings = Vec::new();
        merged(
            "x",
            &[&layer("package", &format!("[package.metadata.lambda.deploy]\n{line}"))],
            &mut warnings,
        );
        assert!(warnings.len() == 1 && warnings[0].why.contains(printed), "{line}: {warnings:?}");
    }
    let text = format!(
        "{:?}",
        FunctionConfig { env: [("KEY".into(), "hunter2".into())].into(), ..Default::default() }
    );
    assert!(text.contains("KEY") && !text.contains("hunter2"), "{text}");
}

#[test]
fn what_the_role_shall_allow_is_in_words_of_iam() {
    let package = layer(
        "package",
        r#"
        [package.metadata.lambda.deploy]
        policies = ["AmazonS3ReadOnlyAccess"]
        [[package.metadata.lambda.deploy.statements]]
        Action = ["dynamodb:GetItem"]
        Resource = "arn:aws:dynamodb:*:*:table/orders"
        Condition = { StringEquals = { "aws:RequestedRegion" = "eu-west-1" } }
        "#,
    );
    let mut warnings = Vec::new();
    let config = merged("x", &[&package], &mut warnings);
    assert_eq!(warnings, []);
    assert_eq!(config.policies, Some(vec!["AmazonS3ReadOnlyAccess".to_owned()]));
    let expected = serde_json::json!({
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem"],
        "Resource": "arn:aws:dynamodb:*:*:table/orders",
        "Condition": { "StringEquals": { "aws:RequestedRegion": "eu-west-1" } },
    });
    assert_eq!(config.statements, Some(vec![expected]));
    let broken = layer(
        "package",
        "[package.metadata.lambda.deploy]\nstatements = [{ Action = \"s3:GetObject\" }]",
    );
    let config = merged("x", &[&broken], &mut warnings);
    assert_eq!((config.statements, warnings.len()), (None, 1));
    assert!(warnings[0].why.contains("each with `Action` and `Resource`"), "{warnings:?}");
}

#[test]
fn what_a_function_is_built_for_and_with_is_below_build() {
    let of = |text: &'static str| {
        let mut warnings = Vec::new();
        let config = merged("x", &[&layer("package", text)], &mut warnings);
        assert_eq!(warnings, [], "{text}");
        config
    };
    let build = "[package.metadata.lambda.build]\n";
    for (line, expected) in [
        ("arm64 = true", Some(Architecture::Arm64)),
        ("x86_64 = true", Some(Architecture::X86_64)),
        ("x86-64 = true", Some(Architecture::X86_64)),
        ("target = \"x86_64-unknown-linux-gnu\"", Some(Architecture::X86_64)),
        ("target = [\"aarch64-unknown-linux-gnu.2.26\"]", Some(Architecture::Arm64)),
        ("arm64 = false", None),
    ] {
        assert_eq!(of(format!("{build}{line}").leak()).architecture, expected, "{line}");
    }
    let features = |names: &[&str], all, no_default| Features {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        all,
        no_default,
    };
    for (line, expected) in [
        ("features = [\"a\", \"b/c\"]", features(&["a", "b/c"], false, false)),
        ("features = \"a, b\"", features(&["a", "b"], false, false)),
        ("all_features = true", features(&[], true, false)),
        ("all-features = true\nno-default-features = true", features(&[], true, true)),
        ("default-features = false", features(&[], false, true)),
        ("no_default_features = false", features(&[], false, false)),
    ] {
        assert_eq!(of(format!("{build}{line}").leak()).features, expected, "{line}");
    }
    let layered = of("[package.metadata.lambda.build]\nx86_64 = true\nfeatures = \
        [\"a\"]\n[package.metadata.lambda.bin.x.build]\narm64 = true\nfeatures = []");
    assert_eq!(
        (layered.architecture, layered.features),
        (Some(Architecture::Arm64), Features::default())
    );
    assert!(of("[package.metadata.lambda.deploy]\nextension = true").extension);
    assert!(of("[package.metadata.lambda.build]\nextension = true").extension);
    for (line, printed) in [
        ("target = \"wasm32-unknown-unknown\"", "a target for ARM64 or x86_64"),
        ("arm64 = true\nx86_64 = true", "`x86_64` is true as well"),
        ("features = 1", "a list of features"),
    ] {
        let mut warnings = Vec::new();
        merged("x", &[&layer("package", format!("{build}{line}").leak())], &mut warnings);
        assert!(warnings.len() == 1 && warnings[0].why.contains(printed), "{line}: {warnings:?}");
    }
}

#[test]
fn keys_that_are_not_read_are_named_with_the_nearest_and_those_of_cargo_lambda_once() {
    let manifest = "[package.metadata.lambda]\nwatch = { router = 1 }\ndeplyo = 1\n\
                    [package.metadata.lambda.deploy]\nmemroy = 512\nprofile = \"acme\"\nmerge_env \
                    = true\ntags = [\"a=b\"]\n\
                    vpc = { subnet_ids = [\"s\"], subnets = 1 }\nurl = { cors = { max-age = 1 } }\n\
                    [package.metadata.lambda.build]\nfeatures = \"x\"\nlambda-dir \
                    = \"y\"\nsomething = 1\n";
    let layer =
        Layer { manifest: "/w/Cargo.toml".into(), text: manifest.to_owned(), section: "package" };
    let mut warnings = Vec::new();
    for binary in ["one", "two"] {
        let config = merged(binary, &[&layer], &mut warnings);
        assert_eq!(config.tags.get("a").map(String::as_str), Some("b"));
        assert_eq!(
            (config.features.names, config.vpc.unwrap().subnet_ids),
            (vec!["x".to_owned()], vec!["s".to_owned()])
        );
    }
    let found: Vec<_> =
        warnings.iter().map(|it| (it.what.as_str(), it.why.as_str(), it.hint.as_str())).collect();
    let at = |key: &str| {
        let what = [format!("ignored the setting `package.metadata.lambda.{key}`")];
        found
            .iter()
            .find(|(named, ..)| *named == what[0])
            .copied()
            .unwrap_or_else(|| panic!("{key}: {found:?}"))
    };
    assert_eq!(
        (at("deplyo").1, at("deplyo").2),
        ("/w/Cargo.toml:3: there is no such setting", "did you mean `deploy`?")
    );
    assert_eq!(
        (at("deploy.memroy").1, at("deploy.memroy").2),
        ("/w/Cargo.toml:5: there is no such setting", "did you mean `memory`?")
    );
    assert_eq!(at("deploy.url.cors.max-age").2, "did you mean `max_age`?");
    assert!(at("deploy.vpc.subnets").2.starts_with("the settings there are subnet_ids"));
    assert!(at("build.something").2.starts_with("the settings there are include, target"));
    let unused: Vec<&str> = found
        .iter()
        .map(|(what, ..)| *what)
        .filter(|what| what.starts_with("did not use"))
        .collect();
    let expected = [
        "did not use `package.metadata.lambda.watch`",
        "did not use `package.metadata.lambda.build.lambda-dir`",
        "did not use `package.metadata.lambda.deploy.merge_env`, \
        `package.metadata.lambda.deploy.profile`",
    ];
    assert_eq!(unused, expected);
    assert_eq!(found.len(), 8, "{found:?}");
}
