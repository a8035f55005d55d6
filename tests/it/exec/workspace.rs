//! The keys `exec` and `prebuilt` of manifests, from the workspace to the response.

use std::fs;

use serde_json::json;
use tests::{Fixture, Home};

use super::{ARCHITECTURE, executable};

/// An ordinary program, which knows nothing of Lambda.
const TOOL: &str = r#"
use std::io::Read;

fn main() {
    let mut event = String::new();
    std::io::stdin().read_to_string(&mut event).unwrap();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    println!("{{\"event\":{event},\"arguments\":{arguments:?}}}");
}
"#;

#[test]
fn scripts_and_binaries_of_packages_are_built_deployed_and_invoked_by_their_names() {
    let fixture = Fixture::kept("exec-workspace", &["tool"]);
    fixture.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n\n\
         [workspace.metadata.lambda.bin.script]\nexec = \"scripts/thumb/thumb.sh --size '1 2'\"\n\
         include = [\"scripts/thumb/names.txt\"]\n\
         [workspace.metadata.lambda.bin.loop]\n\
         exec = { command = \"scripts/loop.sh\", resident = true }\n",
    );
    fixture.write(
        "functions/tool/Cargo.toml",
        "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [package.metadata.lambda]\nexec = \"tool --json\"\n\
         [package.metadata.lambda.bin.again]\nexec = \"tool\"\n",
    );
    fixture.write("functions/tool/src/main.rs", TOOL);
    let script = "#!/bin/sh\nread -r event\n\
        echo \"[$event,\\\"$2\\\",\\\"$(cat scripts/thumb/names.txt)\\\"]\"\n";
    executable(&fixture.write("scripts/thumb/thumb.sh", script));
    fixture.write("scripts/thumb/names.txt", "jay");
    fixture.write("scripts/thumb/events/small.json", "7");
    let answers = "#!/bin/sh\nwhile read -r event; do echo \"[$event]\"; done\n";
    executable(&fixture.write("scripts/loop.sh", answers));
    let home = Home::new(fixture.path());

    let listed = home.run(["list", "--json"]).ok().json();
    let names: Vec<_> =
        listed["functions"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    assert_eq!(names, ["again", "loop", "script", "tool"]);
    let built = home.run(["build", "--arch", ARCHITECTURE, "--json"]).ok().json();
    assert_eq!(built["functions"].as_array().unwrap().len(), 4, "{built}");
    let again = home.run(["build", "--arch", ARCHITECTURE, "--json"]).ok().json();
    for (one, two) in
        built["functions"].as_array().unwrap().iter().zip(again["functions"].as_array().unwrap())
    {
        assert_eq!(one["sha256"], two["sha256"]);
    }
    assert!(!home.run(["list"]).ok().stdout.contains("stale"));
    home.run(["deploy", "--json"]).ok();
    let invoke = |arguments: &[&str]| {
        let all = [&["invoke"], arguments, &["--json"]].concat();
        home.run(all).ok().json()["payload"].clone()
    };
    assert_eq!(invoke(&["script", "--event", "small"]), json!([7, "1 2", "jay"]));
    assert_eq!(invoke(&["loop", "--payload", "7"]), json!([7]));
    assert_eq!(invoke(&["tool", "--payload", "7"]), json!({ "event": 7, "arguments": ["--json"] }));
    assert_eq!(invoke(&["again", "--payload", "7"]), json!({ "event": 7, "arguments": [] }));

    // A save of the script, of an included file, or of the command makes it stale.
    let stale = || {
        let listed = home.run(["list"]).ok().stdout;
        let rows = listed.lines().filter(|line| line.contains("stale, "));
        rows.filter_map(|row| row.split(' ').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (text, later) = (fs::read(fixture.path().join("scripts/loop.sh")).unwrap(), "\n# more\n");
    fs::write(fixture.path().join("scripts/loop.sh"), [&text, later.as_bytes()].concat()).unwrap();
    assert_eq!(stale(), ["loop"]);
    let manifest = fs::read_to_string(fixture.path().join("functions/tool/Cargo.toml")).unwrap();
    fixture.write("functions/tool/Cargo.toml", &manifest.replace("--json", "--text"));
    let stale = stale();
    assert!(stale.contains(&"loop".into()) && stale.contains(&"tool".into()), "{stale:?}");
}
