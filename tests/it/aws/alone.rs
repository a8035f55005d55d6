//! Tests that call the console's library in a process of their own, whose environment contains the
//! path of AWS's settings: a file to which each test adds its profiles. (The environment of a
//! process with threads cannot be changed.)

use std::{fs::OpenOptions, io::Write as _, path::PathBuf, process::Command};

use tests::Account;

/// The variable that is set in the child only.
const TEST: &str = "LAMBDA_CONSOLE_TEST_ALONE";

/// Runs `body` as the test `name` in a process of its own, which is this program with that test
/// alone.
#[expect(clippy::print_stdout, reason = "figures, shown with --nocapture")]
#[track_caller]
pub(super) fn alone(name: &str, body: impl FnOnce()) {
    let name = name.trim_start_matches("it::");
    if std::env::var(TEST).is_ok_and(|test| test == name) {
        return body();
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let settings = directory.path().join("config");
    std::fs::write(&settings, "").expect("the directory is ours");
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args([name, "--exact", "--nocapture"]).env(TEST, name);
    for variable in
        ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID"]
    {
        child.env_remove(variable);
    }
    child
        .env("AWS_CONFIG_FILE", &settings)
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("XDG_STATE_HOME", directory.path());
    let output = child.output().expect("it starts");
    let output_text = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    assert!(output.status.success() && output_text.contains("1 passed"), "{output_text}");
    for line in output_text.lines().filter(|line| line.starts_with("seen: ")) {
        println!("{line}");
    }
}

/// Adds a profile for `account`.
pub(super) fn add_profile(name: &str, account: &Account) {
    let settings = PathBuf::from(std::env::var_os("AWS_CONFIG_FILE").expect("it runs alone"));
    let Account { url, access_key, secret_key, region } = account;
    let profile = format!(
        "[profile {name}]\nregion = {region}\nendpoint_url = {url}\n\
         aws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n\n"
    );
    // In one write: other tests may be adding theirs.
    let file = OpenOptions::new().append(true).open(settings);
    file.and_then(|mut file| file.write_all(profile.as_bytes())).expect("the file is ours");
}
