//! Stages in separate processes: profiles, endpoints and credentials of the environment, with a
//! local Lambda in place of AWS.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
};

use serde_json::{Value, json};
use tests::{Fixture, Home, Ministack};

/// A workspace with the stage `beta`, whose profile gets its credentials from a program that prints
/// a file.
pub(crate) struct Place {
    fixture: Fixture,
    pub(crate) home: Home,
}

impl Place {
    pub(crate) fn new(name: &str) -> Self {
        let fixture = Fixture::new(name);
        fixture.function("hello", &Fixture::runtime(), "fn main() {}\n");
        let manifest = fixture.path().join("Cargo.toml");
        let stage =
            "\n[workspace.metadata.lambda.stages.beta]\nprofile = \"acme\"\nprotected = true\n";
        let text = fs::read_to_string(&manifest).expect("the fixture's manifest") + stage;
        fs::write(manifest, text).expect("the fixture's manifest");
        let home = Home::new(fixture.path());
        Self { fixture, home }
    }

    pub(crate) fn keys(&self) -> std::path::PathBuf {
        self.home.path().join("keys.json")
    }

    pub(crate) fn profile(&self, endpoint: &str) {
        let process = format!("cat {}", self.keys().display());
        let text = format!(
            "[profile acme]\nregion = eu-west-1\nendpoint_url = {endpoint}\ncredential_process = \
            {process}\n\
             [profile portal]\nregion = eu-west-1\nsso_session = acme\nsso_account_id = \
             111111111111\n\
             sso_role_name = Developer\n[sso-session acme]\nsso_start_url = \
             https://acme.invalid/start\n\
             sso_region = eu-west-1\n"
        );
        fs::write(self.home.path().join("config"), text).expect("a profile");
    }

    pub(crate) fn log_in(&self, access_key: &str, secret_key: &str) {
        let expires = "2099-01-01T00:00:00Z";
        let keys = serde_json::json!({
            "Version": 1, "AccessKeyId": access_key, "SecretAccessKey": secret_key, "Expiration": expires,
        });
        fs::write(self.keys(), keys.to_string()).expect("the keys");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(arguments);
        command
            .env("AWS_CONFIG_FILE", self.home.path().join("config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.home.path().join("credentials"))
            .env("HOME", self.home.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env_remove("AWS_ENDPOINT_URL");
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, Value) {
        let output =
            self.command(arguments).envs(variables.iter().copied()).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let json = serde_json::from_str(&text);
        let json = json.unwrap_or_else(|error| {
            panic!("{error}: {text}\n{}", String::from_utf8_lossy(&output.stderr))
        });
        (output.status.code(), json)
    }
}

/// A local Lambda in place of AWS.
pub(crate) struct Stand {
    runtime: tokio::runtime::Runtime,
    local: Option<lambda_console_local::Local>,
}

impl Stand {
    pub(crate) fn start(home: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let options = lambda_console_local::Options {
            dir: home.join("stand"),
            port: 0,
            region: "eu-west-1".to_owned(),
            emulator: std::sync::Arc::new(|| None),
        };
        let local = Some(runtime.block_on(lambda_console_local::open(options)).expect("it starts"));
        Self { runtime, local }
    }

    pub(crate) fn endpoint(&self) -> &lambda_console_local::Endpoint {
        self.local.as_ref().expect("it runs").endpoint()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if let Some(local) = self.local.take() {
            self.runtime.block_on(local.shutdown());
        }
    }
}

#[test]
fn a_stage_uses_its_profile_whatever_keys_are_in_the_environment() {
    let place = Place::new("stages-profile");
    let stand = Stand::start(place.home.path());
    let endpoint = stand.endpoint();
    place.profile(&endpoint.url);
    place.log_in(&endpoint.access_key, &endpoint.secret_key);
    // Keys of another account, which a default chain would take.
    let others = [("AWS_ACCESS_KEY_ID", "AKIAOTHERACCOUNT"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let (code, listed) = place.run_with(&["stages", "--json"], &others);
    assert_eq!(code, Some(0));
    let beta = &listed["stages"][1];
    assert_eq!((&beta["name"], &beta["protected"]), (&"beta".into(), &true.into()), "{listed}");
    assert_eq!(beta["account"], "000000000000", "{listed}");
    assert_eq!(
        (&beta["credentials"], &beta["region"]),
        (&"credential process".into(), &"eu-west-1".into())
    );
    assert_eq!(beta["expires_at"], "2099-01-01T00:00:00Z");
    assert!(beta["identity"].as_str().is_some_and(|arn| arn.starts_with("arn:aws:")), "{listed}");
    assert_eq!(beta["error"], Value::Null);
    let (code, listed) = place.run_with(&["--stage", "beta", "list", "--json"], &others);
    assert_eq!((code, &listed["functions"][0]["deployed"]), (Some(0), &Value::Null), "{listed}");
}

#[test]
fn without_a_profile_the_environment_has_region_and_keys() {
    let place = Place::new("stages-environment");
    let stand = Stand::start(place.home.path());
    let endpoint = stand.endpoint();
    let keys = [
        ("AWS_ACCESS_KEY_ID", endpoint.access_key.as_str()),
        ("AWS_SECRET_ACCESS_KEY", endpoint.secret_key.as_str()),
    ];
    let list = ["--region", "eu-west-1", "stages", "--json"];
    let (_, listed) =
        place.run_with(&list, &[keys[0], keys[1], ("AWS_ENDPOINT_URL", &endpoint.url)]);
    let aws = &listed["stages"][2];
    assert_eq!(
        (&aws["name"], &aws["account"]),
        (&"aws".into(), &"000000000000".into()),
        "{listed}"
    );
    assert_eq!(aws["credentials"], "environment");
    // The endpoint of one service is used for that service only: nothing listens at the other.
    let nobody = "http://127.0.0.1:9";
    let of_service = [
        keys[0],
        keys[1],
        ("AWS_ENDPOINT_URL", nobody),
        ("AWS_ENDPOINT_URL_STS", &endpoint.url),
        ("AWS_ENDPOINT_URL_LAMBDA", &endpoint.url),
    ];
    let (code, listed) = place.run_with(&["--region", "eu-west-1", "list", "--json"], &of_service);
    assert_eq!((code, &listed["functions"][0]["name"]), (Some(0), &"hello".into()), "{listed}");
}

#[test]
fn credentials_that_are_missing_end_with_the_command_that_gets_them() {
    let place = Place::new("stages-login");
    place.profile("http://127.0.0.1:9");
    let (code, report) = place.run(&["--profile", "portal", "list", "--json"]);
    assert_eq!(code, Some(3), "{report}");
    assert_eq!(report["error"]["hint"], "aws sso login --profile portal", "{report}");
    assert!(report["error"]["why"].as_str().is_some_and(|why| why.contains("token")), "{report}");
    // The program for credentials returns none.
    let (code, report) = place.run(&["--stage", "beta", "list", "--json"]);
    assert_eq!(code, Some(3), "{report}");
    assert!(
        report["error"]["hint"].as_str().is_some_and(|hint| hint.contains("credential_process")),
        "{report}"
    );
    let (code, report) =
        place.run(&["--profile", "nobody", "--region", "eu-west-1", "list", "--json"]);
    assert_eq!(
        (code, &report["error"]["hint"]),
        (Some(3), &"aws configure sso --profile nobody".into()),
        "{report}"
    );
    let (code, listed) = place.run(&["stages", "--json"]);
    assert_eq!(code, Some(0), "the list itself is there");
    assert!(listed["stages"][1]["error"]["why"].is_string(), "{listed}");
    drop(place.fixture);
}

#[test]
fn keys_that_the_service_does_not_know_ask_for_a_login() {
    let place = Place::new("stages-keys");
    let stand = Stand::start(place.home.path());
    place.profile(&stand.endpoint().url);
    place.log_in("AKIANOBODYKNOWS", "secret");
    let (code, report) = place.run(&["--stage", "beta", "list", "--json"]);
    assert_eq!(code, Some(3), "{report}");
    assert!(
        report["error"]["hint"].as_str().is_some_and(|hint| hint.contains("credential_process")),
        "{report}"
    );
}

#[test]
fn a_role_is_assumed_with_the_keys_of_its_source_profile() {
    let (place, ministack) = (Place::new("stages-role"), Ministack::start());
    let account = ministack.account();
    let (key, secret, url) = (&account.access_key, &account.secret_key, &account.url);
    let config = format!(
        "[profile base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\
         [profile acme]\nregion = us-east-1\nendpoint_url = {url}\nsource_profile = base\n\
         role_arn = arn:aws:iam::111122223333:role/deployer\nrole_session_name = ada\n"
    );
    fs::write(place.home.path().join("config"), config).expect("a profile");
    // The SDK requests the role at the environment's endpoint of STS.
    let (code, listed) = place.run_with(&["stages", "--json"], &[("AWS_ENDPOINT_URL_STS", url)]);
    let beta = &listed["stages"][1];
    assert_eq!((code, &beta["error"]), (Some(0), &Value::Null), "{listed}");
    assert_eq!(beta["credentials"], "role deployer with keys", "{listed}");
    assert!(beta["identity"].as_str().is_some_and(|arn| arn.contains("deployer")), "{listed}");
    assert!(beta["expires_at"].is_string(), "{listed}");
    let (code, report) =
        place.run_with(&["--stage", "beta", "list", "--json"], &[("AWS_ENDPOINT_URL_STS", url)]);
    assert_eq!((code, &report["functions"][0]["deployed"]), (Some(0), &Value::Null), "{report}");
}

/// The part of an SSO portal that returns credentials for the token `token`, at this address.
fn portal(token: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = move |mut stream: TcpStream| -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let request = lines.next().transpose()?.unwrap_or_default();
        let headers: Vec<String> = lines
            .map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .map(|line| line.to_lowercase())
            .collect();
        let is_asked = request.starts_with("GET /federation/credentials?")
            && ["role_name=Developer", "account_id=111111111111"]
                .iter()
                .all(|part| request.contains(part))
            && headers.contains(&format!("x-amz-sso_bearer_token: {token}"));
        let (status, body) = if is_asked {
            let keys = json!({ "accessKeyId": "test", "secretAccessKey": "test", "sessionToken": "session",
                               "expiration": 4_070_908_800_000_i64 });
            ("200 OK", json!({ "roleCredentials": keys }))
        } else {
            ("401 Unauthorized", json!({ "message": "Session token not found or invalid" }))
        };
        let body = body.to_string();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    thread::spawn(move || listener.incoming().flatten().all(|stream| answer(stream).is_ok()));
    format!("http://{address}")
}

#[test]
fn a_session_of_single_sign_on_is_used_and_one_that_has_ended_asks_for_the_login() {
    let (place, ministack) = (Place::new("stages-sso"), Ministack::start());
    let (account, portal) = (ministack.account(), portal("a-token"));
    place.profile(&account.url);
    let of = [("AWS_ENDPOINT_URL_SSO", portal.as_str()), ("AWS_ENDPOINT_URL", &account.url)];
    // The file in which `aws sso login` stores the token: its name is the SHA-1 of the session's.
    let cache = place.home.path().join(".aws/sso/cache");
    fs::create_dir_all(&cache).expect("a directory");
    let log_in = |token: &str, expires: &str| {
        let kept = json!({ "accessToken": token, "expiresAt": expires, "region": "eu-west-1",
                           "startUrl": "https://acme.invalid/start" });
        fs::write(cache.join("293abb6b76d7791c0732cc517d38c4b5c734b87f.json"), kept.to_string())
            .expect("a token");
    };
    let list = ["--profile", "portal", "list", "--json"];
    log_in("a-token", "2099-01-01T00:00:00Z");
    let (code, listed) = place.run_with(&list, &of);
    assert_eq!((code, &listed["functions"][0]["name"]), (Some(0), &"hello".into()), "{listed}");
    log_in("a-token", "2020-01-01T00:00:00Z");
    let (code, report) = place.run_with(&list, &of);
    assert_eq!(
        (code, &report["error"]["hint"]),
        (Some(3), &"aws sso login --profile portal".into()),
        "{report}"
    );
    log_in("another-token", "2099-01-01T00:00:00Z");
    let (code, report) = place.run_with(&list, &of);
    assert_eq!(
        (code, &report["error"]["hint"]),
        (Some(3), &"aws sso login --profile portal".into()),
        "{report}"
    );
}
