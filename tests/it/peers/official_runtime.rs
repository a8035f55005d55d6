//! A function on the official Rust runtime crate is listed, built, deployed and invoked the same
//! way.

use tests::{Fixture, Home};

#[test]
fn a_function_on_the_official_crate_is_a_function_like_any_other() {
    let fixture = Fixture::kept("official", &["official"]);
    let dependencies = "lambda_runtime = { version = \"1\", default-features = false }\n\
                        serde_json = \"1\"\n\
                        tokio = { version = \"1\", features = [\"macros\", \"rt\"] }\n";
    let source = r#"
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(json!({ "echo": event.payload, "id": event.context.request_id }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
"#;
    fixture.function("official", dependencies, source);
    let home = Home::new(fixture.path());
    let listed = home.run(["list", "--json"]).ok().json();
    assert_eq!(listed["functions"][0]["name"], "official", "{listed}");
    home.run(["build", "--json"]).ok();
    home.run(["deploy", "--json"]).ok();
    let invoked = home.run(["invoke", "official", "--payload", "[1,2]", "--json"]).ok().json();
    assert_eq!(invoked["payload"]["echo"], serde_json::json!([1, 2]), "{invoked}");
    assert_eq!(invoked["payload"]["id"], invoked["request_id"], "{invoked}");
}
