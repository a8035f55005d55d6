//! AWS's own Runtime API server, the Runtime Interface Emulator, runs a function on our runtime.

use serde_json::Value;
use tests::{Fixture, Home};

use super::emulator::Emulator;

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "the emulator of this test is the x86_64 one")]
fn the_official_emulator_gets_responses_errors_and_panics_from_our_runtime() {
    let fixture = Fixture::kept("rie", &["ours"]);
    let source = r#"
async fn handler(name: String) -> Result<String, std::io::Error> {
    match name.as_str() {
        "fail" => Err(std::io::Error::other("as asked")),
        "panic" => panic!("oh no"),
        name => Ok(name.repeat(400)),
    }
}

fn main() {
    lambda::run(handler)
}
"#;
    fixture.function("ours", &Fixture::runtime(), source);
    let built = Home::new(fixture.path()).run(["build", "--arch", "x86_64", "--json"]).ok().json();
    let bootstrap = built["functions"][0]["bootstrap"].as_str().unwrap();

    let emulator = Emulator::classic(bootstrap.as_ref(), 5);
    assert_eq!(emulator.invoke("\"abc\""), Value::from("abc".repeat(400)));
    let failed = emulator.invoke("\"fail\"");
    assert_eq!(failed["errorMessage"], "as asked", "{failed}");
    assert!(
        failed["errorType"].as_str().is_some_and(|name| name.starts_with("Function.")),
        "{failed}"
    );
    let misfit = emulator.invoke("{\"name\":1}");
    assert!(
        misfit["errorMessage"].as_str().is_some_and(|text| text.contains("line 1")),
        "{misfit}"
    );
    assert_eq!(
        emulator.invoke("\"warm\""),
        Value::from("warm".repeat(400)),
        "it goes on after errors"
    );
    let panicked = emulator.invoke("\"panic\"");
    assert!(
        panicked["errorMessage"].as_str().is_some_and(|text| text.contains("oh no")),
        "{panicked}"
    );
}
