//! Stages on a real terminal: from the local one to another, whose credentials are provided later.

use std::fs;

use tests::{Home, Terminal, binary};

use crate::cli::stages::{Place, Stand};

#[test]
fn a_stage_without_credentials_is_connected_after_the_login() {
    let place = Place::new("stages-screen");
    let stand = Stand::start(place.home.path());
    let endpoint = stand.endpoint();
    place.profile(&endpoint.url);
    let home: &Home = &place.home;
    let variable = |name: &str, file: &str| format!("{name}={}", home.path().join(file).display());
    let config = variable("AWS_CONFIG_FILE", "config");
    let shared = variable("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let program = binary().display().to_string();
    let arguments = ["AWS_EC2_METADATA_DISABLED=true", &config, &shared, &program];
    let mut terminal =
        Terminal::start_program(std::path::Path::new("/usr/bin/env"), home, &arguments, 120, 30);
    terminal.until_text("stage local 000000000000");
    terminal.press("S");
    terminal.until("beta says why it cannot be reached", |screen| {
        screen.contains("beta") && screen.contains('✗')
    });
    terminal.press("beta");
    terminal.press("\r");
    terminal.until_text("Log in on stage beta");
    assert!(!fs::exists(place.keys()).expect("a directory"));
    place.log_in(&endpoint.access_key, &endpoint.secret_key);
    terminal.press("\r");
    terminal.until_text("stage beta 000000000000 eu-west-1");
    terminal.press("q");
    terminal.finish().assert_restored();
}
