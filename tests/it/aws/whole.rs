//! The lifecycle of a function on a stage, from the creation of its role to its deletion, through
//! the headless commands: on ministack, which is independent of this project, and on the local
//! Lambda.

use aws_sdk_lambda::operation::get_function_configuration::GetFunctionConfigurationOutput;
use serde_json::Value;
use tests::{Account, Fixture, Home, LocalLambda, Ministack};

const DEPLOY: &str = r#"memory = 256
timeout = 5
env = { GREETING = "hello", TOKEN = "do not show this" }
tags = { team = "orders" }"#;

/// A workspace with one function, `greet`, and a stage where it is `acme-greet`, with the alias
/// `live`.
struct Path {
    fixture: Fixture,
    home: Home,
    account: Account,
}

impl Path {
    fn new(account: &Account) -> Self {
        let fixture = Fixture::apart();
        fixture.stage("beta", "prefix = \"acme-\"\nalias = \"live\"");
        fixture.stage("prod", "prefix = \"prod-\"\nalias = \"live\"");
        fixture.prebuilt("greet", "1", DEPLOY);
        let home = Home::new(fixture.path()).on(account);
        Self { fixture, home, account: account.clone() }
    }

    /// Runs a command on the stage and returns its result.
    #[track_caller]
    fn ask(&self, arguments: &[&str]) -> Value {
        let outcome = self.home.run([&["--stage", "beta"], arguments, &["--json"]].concat()).ok();
        assert!(
            !outcome.stdout.contains("do not show") && !outcome.stderr.contains("do not show"),
            "{outcome:?}"
        );
        outcome.json()
    }

    /// Deploys and returns the result of the one function.
    #[track_caller]
    fn deploy(&self, more: &[&str]) -> Value {
        let answer = self.ask(&[&["deploy"], more].concat());
        assert!(answer["error"].is_null(), "{answer}");
        answer["functions"][0].clone()
    }

    fn invoke(&self, more: &[&str]) -> Value {
        self.ask(&[&["invoke", "greet", "--payload", r#"{"n":1}"#], more].concat())
    }

    /// Reads the state of the stage without the console.
    fn look<T, E: std::fmt::Debug>(
        &self,
        work: impl AsyncFn(aws_sdk_lambda::Client) -> Result<T, E>,
    ) -> Result<T, E> {
        let executor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("an executor");
        executor.block_on(work(self.account.lambda()))
    }

    /// Creates, invokes, changes, follows and deletes a function.
    fn walk(&self) {
        self.creates();
        self.updates();
        self.configures();
        self.rolls_back();
        self.promotes();
        self.logs();
        self.ends();
    }

    fn creates(&self) {
        let planned = self.deploy(&["--dry-run"]);
        assert_eq!(planned["action"], "created", "{planned}");
        let is_there = self
            .look(async |client| client.get_function().function_name("acme-greet").send().await);
        assert!(is_there.is_err(), "a dry run makes nothing");

        let created = self.deploy(&[]);
        assert_eq!(
            (&created["action"], &created["version"]),
            (&"created".into(), &"1".into()),
            "{created}"
        );
        let there = self
            .look(async |client| client.get_function().function_name("acme-greet").send().await)
            .unwrap();
        let configuration = there.configuration().unwrap();
        assert_eq!(configuration.memory_size(), Some(256));
        assert_eq!(configuration.timeout(), Some(5));
        assert_eq!(configuration.architectures(), [aws_sdk_lambda::types::Architecture::Arm64]);
        let role = configuration.role().unwrap_or_default();
        assert!(
            role.contains("greet"),
            "the role has a name that follows from the function: {role}"
        );
        assert_eq!(
            there.tags().and_then(|tags| tags.get("team")).map(String::as_str),
            Some("orders")
        );

        let unchanged = self.deploy(&[]);
        assert_eq!(
            (&unchanged["action"], &unchanged["version"]),
            (&"unchanged".into(), &"1".into()),
            "{unchanged}"
        );
        let answer = self.invoke(&[]);
        assert_eq!(answer["payload"]["edition"], "1", "{answer}");
        assert_eq!(answer["payload"]["got"]["n"], 1);
        assert_eq!(answer["payload"]["greeting"], "hello");
    }

    fn updates(&self) {
        // A setting that was made elsewhere is kept.
        self.look(async |client| {
            let environment = aws_sdk_lambda::types::Environment::builder()
                .variables("GREETING", "hello")
                .variables("TOKEN", "do not show this")
                .variables("ELSEWHERE", "kept")
                .build();
            client
                .update_function_configuration()
                .function_name("acme-greet")
                .environment(environment)
                .send()
                .await
        })
        .unwrap();
        self.fixture.prebuilt(
            "greet",
            "2",
            &DEPLOY.replace("256", "512").replace("\"hello\"", "\"good day\""),
        );
        let planned = self.deploy(&["--dry-run"]);
        let changes: Vec<&str> = planned["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|change| change["field"].as_str())
            .collect();
        for field in ["code", "memory", "env.GREETING"] {
            assert!(changes.contains(&field), "{field}: {planned}");
        }
        assert!(!changes.contains(&"timeout"), "{planned}");
        let updated = self.deploy(&[]);
        assert_eq!(
            (&updated["action"], &updated["version"]),
            (&"updated".into(), &"2".into()),
            "{updated}"
        );
        let there = self
            .look(async |client| {
                client.get_function_configuration().function_name("acme-greet").send().await
            })
            .unwrap();
        assert_eq!(there.memory_size(), Some(512));
        let variables =
            there.environment().and_then(|environment| environment.variables()).unwrap();
        assert_eq!(variables.get("ELSEWHERE").map(String::as_str), Some("kept"));

        let answer = self.invoke(&[]);
        assert_eq!(answer["payload"]["edition"], "2", "{answer}");
        assert_eq!(answer["payload"]["greeting"], "good day");
        let old = self.invoke(&["--qualifier", "1"]);
        assert_eq!(
            (&old["payload"]["edition"], &old["payload"]["greeting"]),
            (&"1".into(), &"hello".into()),
            "{old}"
        );
        let arguments =
            ["--stage", "beta", "invoke", "greet", "--qualifier", "live", "--stream", "--json"];
        let streamed = self.home.run(arguments).ok().stdout;
        let answer: Vec<Value> =
            streamed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let text: String = answer.iter().filter_map(|part| part["text"].as_str()).collect();
        assert!(text.contains(r#""edition": "2""#), "{streamed}");
        assert_eq!(answer.last().map(|end| &end["cut_off"]), Some(&Value::Null), "{streamed}");
        assert_eq!(self.ask(&["invoke", "greet", "--dry-run"])["status"], 204);
        assert_eq!(
            self.ask(&["invoke", "greet", "--async", "--payload", r#"{"late":1}"#])["status"],
            202
        );

        let listed = self.ask(&["list"]);
        assert_eq!(listed["functions"][0]["deployed"]["in_sync"], true, "{listed}");
    }

    /// Changes a setting by command, and not in the workspace.
    fn configures(&self) {
        let shown = self.ask(&["settings", "greet"]);
        assert_eq!(shown["stage"], "beta", "{shown}");
        self.ask(&["settings", "greet", "memory=384", "env.GREETING=good evening", "--yes"]);
        let live = self.behind_alias();
        assert_eq!((live.memory_size(), live.version()), (Some(384), Some("3")), "{live:?}");
        let answer = self.invoke(&[]);
        let payload = &answer["payload"];
        assert_eq!(
            (&payload["edition"], &payload["greeting"]),
            (&"2".into(), &"good evening".into()),
            "{answer}"
        );
    }

    /// Points the alias to an older version again.
    fn rolls_back(&self) {
        let listed = self.ask(&["versions", "greet"]);
        let versions = listed["functions"][0]["versions"].as_array().unwrap();
        let numbers: Vec<&str> =
            versions.iter().filter_map(|version| version["version"].as_str()).collect();
        assert_eq!(numbers, ["$LATEST", "3", "2", "1"], "{listed}");
        self.ask(&["rollback", "greet", "1", "--yes"]);
        assert_eq!(self.behind_alias().version(), Some("1"));
        assert_eq!(self.invoke(&[])["payload"]["edition"], "1");
        self.ask(&["rollback", "greet", "3", "--yes"]);
        self.ask(&["versions", "greet", "--prune", "1", "--yes"]);
        let left = self.look(async |client| {
            client.list_versions_by_function().function_name("acme-greet").send().await
        });
        let left = left.unwrap();
        let left: Vec<&str> =
            left.versions().iter().filter_map(|version| version.version()).collect();
        assert_eq!(left, ["$LATEST", "3"]);
    }

    /// Deploys the same code to another stage, with the settings that the workspace has for that
    /// stage.
    fn promotes(&self) {
        let planned = self.ask(&["promote", "beta", "prod", "greet", "--dry-run"]);
        assert_eq!(planned["functions"][0]["action"], "created", "{planned}");
        let promoted = self.ask(&["promote", "beta", "prod", "greet", "--yes"]);
        assert_eq!(promoted["functions"][0]["from_version"], "3", "{promoted}");
        let there = async |client: aws_sdk_lambda::Client, name: &str, qualifier: &str| {
            client
                .get_function_configuration()
                .function_name(name)
                .qualifier(qualifier)
                .send()
                .await
        };
        let beta = self.look(async |client| there(client, "acme-greet", "live").await).unwrap();
        let prod = self.look(async |client| there(client, "prod-greet", "live").await).unwrap();
        assert_eq!((beta.code_sha256(), beta.memory_size()), (prod.code_sha256(), Some(384)));
        assert_eq!((prod.memory_size(), prod.version()), (Some(512), Some("1")), "{prod:?}");
        let again = self.ask(&["promote", "beta", "prod", "greet", "--yes"]);
        assert_eq!(again["functions"][0]["action"], "unchanged", "{again}");
        let on_prod = |arguments: &[&str]| {
            self.home.run([&["--stage", "prod"], arguments, &["--json"]].concat()).ok().json()
        };
        assert_eq!(on_prod(&["invoke", "greet", "--payload", "{}"])["payload"]["edition"], "2");
        on_prod(&["delete", "greet", "--yes"]);
    }

    fn behind_alias(&self) -> GetFunctionConfigurationOutput {
        self.look(async |client| {
            client
                .get_function_configuration()
                .function_name("acme-greet")
                .qualifier("live")
                .send()
                .await
        })
        .unwrap()
    }

    fn logs(&self) {
        let outcome =
            self.home.run(["--stage", "beta", "logs", "greet", "--since", "10m", "--json"]).ok();
        let lines: Vec<Value> =
            outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let with = |text: &str| {
            lines
                .iter()
                .filter(|line| {
                    line["message"].as_str().is_some_and(|message| message.contains(text))
                })
                .count()
        };
        assert!(with(r#"got {"n""#) >= 4, "{}", outcome.stdout);
        assert!(with("REPORT RequestId") >= 4, "{}", outcome.stdout);
    }

    fn ends(&self) {
        let roles = self.ask(&["iam"]);
        assert_eq!(roles["roles"][0]["functions"], serde_json::json!(["acme-greet"]), "{roles}");
        let listed = self.ask(&["delete", "greet", "--dry-run"]);
        for resource in ["acme-greet", "live", "/aws/lambda/acme-greet"] {
            assert!(listed.to_string().contains(resource), "{resource}: {listed}");
        }
        self.ask(&["delete", "greet", "--yes"]);
        let roles = self.ask(&["iam"]);
        assert_eq!(roles["roles"], serde_json::json!([]), "{roles}");
        let gone = self
            .look(async |client| client.get_function().function_name("acme-greet").send().await);
        assert!(
            gone.is_err_and(|error| error.into_service_error().is_resource_not_found_exception())
        );
        let listed = self.ask(&["list"]);
        assert_eq!(listed["functions"][0]["deployed"], Value::Null, "{listed}");
    }
}

#[test]
fn from_role_to_end_on_ministack() {
    let ministack = Ministack::start();
    Path::new(&ministack.account()).walk();
}

#[test]
fn from_role_to_end_on_the_local_lambda() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    Path::new(local.account()).walk();
}
