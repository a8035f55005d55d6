//! The command `config` on a stage: settings compared with the workspace's, changed, protected.

use serde_json::Value;
use tests::{Account, Fixture, Home, LocalLambda, Ministack};

const DEPLOY: &str = r#"memory = 256
env = { GREETING = "hello", TOKEN = "do not show this" }"#;

/// A workspace with one function, `greet`, deployed to the stage `beta`; `gamma` is the same
/// endpoint, protected.
struct Place {
    fixture: Fixture,
    home: Home,
}

impl Place {
    fn new(account: &Account) -> Self {
        let fixture = Fixture::apart();
        fixture.stage("beta", "");
        fixture.stage("gamma", "protected = true");
        fixture.prebuilt("greet", "1", DEPLOY);
        let home = Home::new(fixture.path()).on(account);
        home.run(["--stage", "beta", "deploy", "greet", "--json"]).ok();
        Self { fixture, home }
    }

    fn run(&self, stage: &str, more: &[&str]) -> tests::Outcome {
        self.home.run([&["--stage", stage, "settings", "greet", "--json"], more].concat())
    }

    /// Runs the command and returns its result, which never contains a secret.
    #[track_caller]
    fn ask(&self, more: &[&str]) -> Value {
        let outcome = self.run("beta", more).ok();
        for secret in ["do not show", "opensesame"] {
            assert!(
                !outcome.stdout.contains(secret) && !outcome.stderr.contains(secret),
                "{outcome:?}"
            );
        }
        outcome.json()
    }

    #[track_caller]
    fn row(&self, setting: &str) -> Value {
        let shown = self.ask(&[]);
        let rows = shown["settings"].as_array().expect("a list").clone();
        rows.into_iter()
            .find(|row| row["setting"] == setting)
            .unwrap_or_else(|| panic!("{setting}: {shown}"))
    }

    fn walk(&self) {
        let memory = self.row("memory");
        assert_eq!(
            (&memory["stage"], &memory["workspace"], &memory["drift"]),
            (&"256 MB".into(), &"256 MB".into(), &false.into())
        );

        let planned = self.ask(&["memory=512", "env.TOKEN=opensesame", "--dry-run"]);
        let fields: Vec<&str> = planned["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|change| change["field"].as_str())
            .collect();
        assert_eq!(fields, ["memory", "env.TOKEN"], "{planned}");
        assert_eq!(self.row("memory")["stage"], "256 MB", "a dry run sends nothing");

        let changed =
            self.ask(&["memory=512", "timeout=9", "ephemeral_storage=1024", "env.NEW=opensesame"]);
        assert_eq!(changed["action"], "updated", "{changed}");
        let warnings = changed["warnings"].to_string();
        assert!(
            warnings.contains("resets memory to 256 MB") && !warnings.contains("timeout"),
            "{changed}"
        );
        let memory = self.row("memory");
        assert_eq!(
            (&memory["stage"], &memory["drift"]),
            (&"512 MB".into(), &true.into()),
            "{memory}"
        );
        assert_eq!(
            (self.row("timeout")["stage"].clone(), self.row("ephemeral_storage")["stage"].clone()),
            ("9 s".into(), "1024 MB".into())
        );

        let revealed = self.run("beta", &["--reveal", "NEW"]).ok();
        assert!(
            revealed.stdout.contains("opensesame") && !revealed.stdout.contains("do not show"),
            "one by one: {revealed:?}"
        );
        let file = self.fixture.write("more.env", "# more\nexport NEWER='opensesame'\n");
        self.ask(&["--env-file", &file.display().to_string(), "--unset", "env.NEW"]);
        let names: Vec<Value> = self.ask(&[])["settings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["setting"].clone())
            .collect();
        assert!(
            names.contains(&"env.NEWER".into()) && !names.contains(&"env.NEW".into()),
            "{names:?}"
        );
        assert_eq!(self.row("env.TOKEN")["stage"], "••••••", "what is not named stays");

        self.guards();
        self.url();
    }

    fn guards(&self) {
        for wrong in ["memory=64", "memori=512", "memory", "url.streaming=true"] {
            let refused = self.run("beta", &[wrong]);
            assert_eq!(refused.code, Some(2), "{wrong}: {refused:?}");
        }
        let protected = self.run("gamma", &["memory=1024"]);
        assert_eq!(protected.code, Some(2), "{protected:?}");
        let read_only = self.run("beta", &["memory=1024", "--read-only"]);
        assert_eq!(read_only.code, Some(2), "{read_only:?}");
        assert_eq!(self.row("memory")["stage"], "512 MB", "nothing was sent");
        self.run("gamma", &["memory=1024", "--yes"]).ok();
        assert_eq!(self.row("memory")["stage"], "1024 MB");
    }

    fn url(&self) {
        self.ask(&["url=iam", "url.cors.allow_origins=https://a.example"]);
        let shown = self.ask(&[]);
        assert!(
            shown["url"].as_str().is_some_and(|address| address.starts_with("http")),
            "{shown}"
        );
        assert_eq!(self.row("url.cors.allow_origins")["stage"], "https://a.example");
        let open = self.run("beta", &["url=NONE"]);
        assert_eq!(open.code, Some(2), "nothing becomes public without consent: {open:?}");
        assert_eq!(self.row("url")["stage"], "AWS_IAM");
        self.ask(&["url=NONE", "--yes"]);
        assert_eq!(self.row("url")["stage"], "NONE");
        self.ask(&["url=off"]);
        assert_eq!(self.row("url")["stage"], "off");
    }
}

#[test]
fn settings_are_shown_changed_and_guarded_on_ministack() {
    let ministack = Ministack::start();
    Place::new(&ministack.account()).walk();
}

#[test]
fn settings_are_shown_changed_and_guarded_on_the_local_lambda() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    Place::new(local.account()).walk();
}
