//! Network access to AWS: proxies, certificates, profiles and MFA codes, as in the AWS CLI. The
//! names are AWS's own; the proxy connects them to a server on this machine.

use std::{fs, process::Command};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tests::{Account, CODE, Cloud, Fixture, Home, LocalLambda, Terminal, hexadecimal};

const CONFIG: &str = r#"
[profile keys]
region = eu-west-1
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = secret
[profile deployer]
region = eu-west-1
role_arn = arn:aws:iam::111111111111:role/team/deployer
source_profile = keys
external_id = acme
duration_seconds = 1800
[profile second-device]
region = eu-west-1
role_arn = arn:aws:iam::111111111111:role/deployer
source_profile = deployer
mfa_serial = arn:aws:iam::111111111111:mfa/me
[profile environment]
region = eu-west-1
role_arn = arn:aws:iam::111111111111:role/deployer
credential_source = Environment
role_session_name = me
[profile console]
region = eu-west-1
login_session = arn:aws:iam::111111111111:user/me
[profile fips]
region = eu-west-1
credential_process = echo '{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"s"}'
use_fips_endpoint = true
[profile nowhere]
region = eu-west-1
role_arn = arn:aws:iam::111111111111:role/deployer
source_profile = lost
"#;

/// A workspace with no function but `hello`, and the files of the AWS CLI.
struct Place {
    home: Home,
    _fixture: Fixture,
}

impl Place {
    fn new() -> Self {
        let fixture = Fixture::apart();
        fixture.prebuilt("hello", "1", "");
        let home = Home::new(fixture.path());
        let place = Self { home, _fixture: fixture };
        place.config(CONFIG);
        place
    }

    fn config(&self, text: &str) {
        fs::create_dir_all(self.home.path().join(".aws")).unwrap();
        fs::write(self.home.path().join(".aws/config"), text).unwrap();
    }

    /// A command with a profile, whose environment has no variables of AWS and of proxies but
    /// these.
    fn command(&self, profile: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = self.home.command(["--profile", profile]);
        command.args(arguments);
        apart(&self.home, &mut command);
        command.envs(variables.iter().copied());
        command
    }

    fn run(
        &self,
        profile: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> (bool, String, String) {
        let output = self.command(profile, arguments, variables).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }
}

fn apart(home: &Home, command: &mut Command) {
    for (name, value) in home.apart() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

fn through(cloud: &Cloud) -> String {
    format!("http://{}", cloud.proxy())
}

#[test]
fn every_call_goes_through_the_proxy_and_is_checked_by_the_users_certificates() {
    let (place, cloud) = (Place::new(), Cloud::start(Some("me:p@ss")));
    let proxy = format!("http://me:p@ss@{}", cloud.proxy());
    let bundle = place.home.path().join("bundle.pem");
    let both =
        ["another", "authority"].map(|name| fs::read_to_string(Cloud::certificate(name)).unwrap());
    fs::write(&bundle, format!("the company's\n{}\r\n{}", both[0], both[1].replace('\n', "\r\n")))
        .unwrap();
    let variables = [("https_proxy", proxy.as_str()), ("AWS_CA_BUNDLE", bundle.to_str().unwrap())];
    let (ok, listed, error) = place.run("deployer", &["list", "--json"], &variables);
    assert!(ok, "{error}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["functions"][0]["deployed"], Value::Null);
    let tunnels = cloud.tunnels();
    assert!(
        tunnels.iter().all(|tunnel| tunnel.ends_with(":443 Basic bWU6cEBzcw==")),
        "{tunnels:?}"
    );
    let hosts = |service: &str| tunnels.iter().filter(|tunnel| tunnel.starts_with(service)).count();
    assert_eq!((hosts("sts.eu-west-1."), hosts("lambda.eu-west-1.")), (2, 1), "{tunnels:?}");
    let calls = cloud.calls();
    assert!(
        calls[0].contains("ExternalId=acme") && calls[0].contains("DurationSeconds=1800"),
        "{calls:?}"
    );
}

#[test]
fn the_profile_and_requests_name_certificates_too() {
    let (place, cloud) = (Place::new(), Cloud::start(None));
    let (proxy, good) = (through(&cloud), Cloud::certificate("authority"));
    let other = Cloud::certificate("another");
    let (good, other) = (good.to_str().unwrap(), other.to_str().unwrap());
    let with = |more: &[(&str, &str)]| {
        let variables =
            [&[("HTTPS_PROXY", proxy.as_str()), ("SSL_CERT_FILE", other)], more].concat();
        place.run("keys", &["list"], &variables)
    };
    let (ok, _, error) = with(&[]);
    assert!(
        !ok && error.contains("certificate") && error.contains("hint: configure the authority"),
        "{error}"
    );
    assert!(error.contains("AWS_CA_BUNDLE"), "{error}");
    assert!(with(&[("REQUESTS_CA_BUNDLE", good)]).0);
    assert!(with(&[("SSL_CERT_FILE", good)]).0, "the system's own");
    place.config(&CONFIG.replacen("region", &format!("ca_bundle = {good}\nregion"), 1));
    assert!(with(&[]).0);
    assert!(with(&[("REQUESTS_CA_BUNDLE", other)]).0, "the profile goes first");
    assert!(!with(&[("AWS_CA_BUNDLE", other)]).0, "the variable goes before the profile");
}

#[test]
fn certificates_that_cannot_be_read_are_named_with_their_place() {
    let place = Place::new();
    let empty = place.home.path().join("empty.pem");
    fs::write(&empty, "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n").unwrap();
    for (file, why) in
        [("/nowhere/bundle.pem", "No such file"), (empty.to_str().unwrap(), "certificate")]
    {
        let (ok, _, error) = place.run("keys", &["list"], &[("AWS_CA_BUNDLE", file)]);
        assert!(
            !ok && error.contains(&format!("AWS_CA_BUNDLE names: {file}: ")) && error.contains(why),
            "{error}"
        );
    }
}

#[test]
fn a_proxy_that_does_not_help_is_named_without_its_password() {
    let (place, cloud) = (Place::new(), Cloud::start(Some("me:right")));
    let bundle = Cloud::certificate("authority");
    let with = |proxy: &str| {
        let variables = [
            ("HTTPS_PROXY", proxy),
            ("AWS_CA_BUNDLE", bundle.to_str().unwrap()),
            ("AWS_MAX_ATTEMPTS", "1"),
        ];
        place.run("keys", &["list"], &variables).2
    };
    let refused = with(&format!("http://me:wrong@{}", cloud.proxy()));
    assert!(
        refused.contains(&format!("through the proxy http://{} (HTTPS_PROXY): ", cloud.proxy())),
        "{refused}"
    );
    assert!(
        refused.contains("hint: the proxy requires a user") && !refused.contains("wrong"),
        "{refused}"
    );
    let socks = with("socks5://127.0.0.1:1");
    assert!(socks.contains("through the proxy in HTTPS_PROXY: "), "{socks}");
    assert!(
        socks.contains("socks5 proxies are not supported") && socks.contains("NO_PROXY"),
        "{socks}"
    );
}

#[test]
fn what_is_on_this_machine_is_reached_without_a_proxy() {
    let place = Place::new();
    let directory = tempfile::tempdir().unwrap();
    let lambda = LocalLambda::start(directory.path());
    let account: &Account = lambda.account();
    let keys = format!(
        "[profile keys]\nregion = {}\naws_access_key_id = {}\naws_secret_access_key = {}\nservices \
        = here\n\
         [services here]\nlambda =\n  endpoint_url = {}\nsts =\n  endpoint_url = {}\n",
        account.region, account.access_key, account.secret_key, account.url, account.url
    );
    place.config(&keys);
    let proxies = [
        ("ALL_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("NO_PROXY", "example.com"),
    ];
    let (ok, _, error) = place.run("keys", &["list"], &proxies);
    assert!(ok, "{error}");
}

#[test]
fn a_profile_that_is_not_there_is_named_with_those_that_are() {
    let place = Place::new();
    let known =
        "the profiles are console, deployer, environment, fips, keys, nowhere, second-device";
    let (_, _, error) = place.run("kyes", &["list"], &[]);
    assert!(error.contains(&format!("there is no AWS profile kyes; {known}")), "{error}");
    let mut command = place.home.command(["--region", "eu-west-1", "list"]);
    apart(&place.home, &mut command);
    let error =
        String::from_utf8(command.env("AWS_PROFILE", "kyes").output().unwrap().stderr).unwrap();
    assert!(
        error.contains(&format!("there is no AWS profile kyes, which AWS_PROFILE names; {known}")),
        "{error}"
    );
    let (_, _, error) = place.run("nowhere", &["list"], &[]);
    assert!(
        error.contains(&format!(
            "no AWS profile lost, which `source_profile` of nowhere names; {known}"
        )),
        "{error}"
    );
    place.config("[profile keys\nregion = x\n");
    let (_, _, error) = place.run("keys", &["list"], &[]);
    assert!(
        error.contains("could not read the AWS profiles") && error.contains(".aws/config"),
        "{error}"
    );
}

/// The variables for the use of `cloud`.
fn cloudy(cloud: &Cloud) -> Vec<(String, String)> {
    let bundle = Cloud::certificate("authority").display().to_string();
    vec![("HTTPS_PROXY".into(), through(cloud)), ("AWS_CA_BUNDLE".into(), bundle)]
}

#[test]
fn each_kind_of_credentials_is_found_behind_the_proxy() {
    let (place, cloud) = (Place::new(), Cloud::start(None));
    let variables = cloudy(&cloud);
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let with = |profile: &str, more: &[(&str, &str)]| {
        place.run(profile, &["list"], &[variables.as_slice(), more].concat())
    };
    let (ok, _, error) =
        with("environment", &[("AWS_ACCESS_KEY_ID", "AKIDOTHER"), ("AWS_SECRET_ACCESS_KEY", "s")]);
    assert!(ok && cloud.calls()[0].contains("RoleSessionName=me"), "{error}");

    let (ok, _, error) = with("console", &[]);
    assert!(!ok && error.contains("hint: aws login --profile console"), "{error}");
    let session = serde_json::json!({
        "accessToken": {
            "accessKeyId": "ASIALOGIN", "secretAccessKey": "s", "sessionToken": "t", "accountId": "111111111111",
            "expiresAt": "2099-01-01T00:00:00Z",
        },
        "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4", "refreshToken": "r", "idToken": "i",
        "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": "key",
    });
    let name = Sha256::digest("arn:aws:iam::111111111111:user/me");
    let cache = place.home.path().join(".aws/login/cache");
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join(format!("{}.json", hexadecimal(&name))), session.to_string()).unwrap();
    let (ok, _, error) = with("console", &[]);
    assert!(ok, "{error}");

    cloud.tunnels();
    let (ok, _, error) = with("fips", &[]);
    assert!(ok, "{error}");
    let hosts = cloud.tunnels();
    assert!(hosts.iter().all(|host| host.contains("-fips.eu-west-1.amazonaws.com")), "{hosts:?}");
    with("keys", &[("AWS_USE_DUALSTACK_ENDPOINT", "true")]);
    assert!(cloud.tunnels().iter().all(|host| host == "sts.eu-west-1.api.aws:443"));
}

#[test]
fn a_code_is_asked_for_on_the_terminal_and_its_session_kept_for_the_next() {
    let (place, cloud) = (Place::new(), Cloud::start(None));
    let variables = cloudy(&cloud);
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (ok, _, error) = place.run("second-device", &["list"], &variables);
    assert!(!ok && error.contains("arn:aws:iam::111111111111:mfa/me"), "{error}");
    assert!(
        error.contains("no terminal")
            && error.contains("hint: aws sts get-caller-identity --profile"),
        "{error}"
    );
    cloud.calls();

    let mut terminal =
        Terminal::start_with(&place.home, &["--profile", "second-device", "list"], &variables);
    terminal.until_text("MFA code of arn:aws:iam::111111111111:mfa/me");
    terminal.press("000000\r");
    terminal.until_text("the code was not accepted");
    terminal.press(&format!("{CODE}\r"));
    let finished = terminal.finish();
    assert_eq!(finished.code, 0, "{}", finished.text);
    let calls = cloud.calls();
    assert!(
        calls.iter().filter(|call| call.contains("Action=AssumeRole")).count() >= 3,
        "{calls:?}"
    );

    let (ok, _, error) = place.run("second-device", &["list"], &variables);
    assert!(ok, "{error}");
    assert!(!cloud.calls().iter().any(|call| call.contains("AssumeRole")), "the session was kept");
}

#[test]
fn a_code_is_asked_for_on_the_screen() {
    let (place, cloud) = (Place::new(), Cloud::start(None));
    let variables = cloudy(&cloud);
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut terminal =
        Terminal::start_with(&place.home, &["--profile", "second-device"], &variables);
    terminal.until_text("MFA code for deployer");
    terminal.press("000000\r");
    terminal.until_text("The code was not accepted");
    terminal.press(&format!("{CODE}\r"));
    terminal.until_text("111111111111 eu-west-1");
    terminal.press("q");
    terminal.finish().assert_restored();
}
