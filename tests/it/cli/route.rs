//! Several functions in one program: the handler in the settings selects one of them.

use serde_json::json;
use tests::{Fixture, Home};

const SOURCE: &str = r#"
async fn double(number: u32) -> Result<u32, lambda::Error> {
    Ok(number * 2)
}

async fn length(event: lambda::Event) -> Result<usize, lambda::Error> {
    Ok(event.bytes().len())
}

fn main() {
    lambda::route([("double", || lambda::run(double)), ("length", || lambda::run(length))]);
}
"#;

#[test]
fn a_deployed_handler_selects_the_function_and_an_unknown_one_lists_them() {
    let fixture = Fixture::new("route");
    let write = |handler: &str| {
        let lambda =
            format!("{}\n[package.metadata.lambda]\nhandler = \"{handler}\"\n", Fixture::runtime());
        fixture.function("routed", &lambda, SOURCE);
    };
    write("double");
    let home = Home::new(fixture.path());
    home.run(["build", "--arch", "native", "--debug", "--json"]).ok();
    let deploy = || home.run(["deploy", "routed", "--json"]).ok().json()["functions"][0].clone();
    let invoke = || home.run(["invoke", "routed", "--payload", "123", "--json"]);
    deploy();
    assert_eq!(invoke().ok().json()["payload"], 246);

    write("length");
    let deployed = deploy();
    let changed = json!([{ "field": "handler", "from": "double", "to": "length" }]);
    assert_eq!(deployed["changes"], changed, "{deployed}");
    assert_eq!(invoke().ok().json()["payload"], 3);

    write("lenght");
    deploy();
    let failed = invoke();
    assert!(
        failed.stdout.contains("Runtime.HandlerNotFound")
            && failed.stdout.contains("set the handler to one of `double`, `length`"),
        "{failed:?}"
    );
}
