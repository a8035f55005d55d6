//! `docs/coming-from.md`, chapter "From the official runtime crate": both sides of each section are
//! compiled with the dependencies that it names, and answer the same events in the same way. What
//! it claims about the types of `aws_lambda_events` is a test of its own.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    sync::LazyLock,
};

use serde_json::{Value, json};
use tests::{Fixture, interpreter, repository, target};

/// A program of the document.
struct Side {
    /// Name of its package.
    name: String,
    dependencies: String,
    source: String,
}

/// A section of the chapter.
struct Section {
    title: String,
    sides: [Side; 2],
}

/// A section's events and what both sides answer and print.
struct Case {
    title: &'static str,
    environment: &'static [(&'static str, &'static str)],
    events: Vec<Value>,
    answers: Value,
    prints: &'static [&'static str],
}

impl Case {
    fn new(title: &'static str, events: impl Into<Vec<Value>>, answers: Value) -> Self {
        Self { title, environment: &[], events: events.into(), answers, prints: &[] }
    }

    fn printing(self, prints: &'static [&'static str]) -> Self {
        Self { prints, ..self }
    }

    fn with(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        Self { environment, ..self }
    }
}

fn cases() -> [Case; 13] {
    let message = |id: &str, body: &str| json!({"messageId": id, "body": body});
    let request = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/items/7",
        "rawQueryString": "greeting=Good%20day",
        "queryStringParameters": {"greeting": "Good day"},
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": "123456789012", "apiId": "id", "domainName": "id.execute-api.aws.com",
            "http": {"method": "GET", "path": "/items/7", "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1", "userAgent": "agent"},
            "authorizer": {"jwt": {"claims": {"sub": "ann"}, "scopes": ["read"]}},
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_u64
        },
        "body": "{\"name\":\"Lambda\"}", "isBase64Encoded": false
    });
    let mut nameless = request.clone();
    nameless["body"] = json!("{}");
    let mut elsewhere = request.clone();
    elsewhere["rawPath"] = json!("/nowhere");
    [
        Case::new(
            "A handler",
            [json!({"item": "apple"}), json!({"item": "pear"})],
            json!([{"text": "one apple", "request": "0"}, {"text": "one pear", "request": "1"}]),
        ),
        Case::new("State", [json!(7)], json!(["7 in hello"])),
        Case::new("Errors", [json!("bread")], json!([{"error": "no bread is left"}])),
        Case::new("Logs", [json!("bread")], json!([null])).printing(&["sold", "bread"]),
        Case::new(
            "Events of AWS's services",
            [json!({"Records": [message("one", "1"), message("two", "x")]})],
            json!([{"batchItemFailures": [{"itemIdentifier": "two"}]}]),
        ),
        Case::new(
            "HTTP requests",
            [request.clone(), nameless],
            json!([[200, "Good day, Lambda!"], [400, "a body with a name is missing"]]),
        ),
        Case::new("A router", [request, elsewhere], json!([[200, "7 for ann in 0"], [404, ""]])),
        Case::new("Streaming responses", [json!(3)], json!(["1\n2\n3\n"])),
        Case::new("Layers", [json!(84), json!(0)], json!([42, {"error": "request timed out"}])),
        Case::new("Work at the end", [json!(21)], json!([42])).printing(&["closed"]),
        Case::new("Work after a response", [json!(21), json!(1)], json!([42, 2]))
            .printing(&["flushed\nflushed\n"]),
        Case::new("Concurrent invocations", [json!(1), json!(2)], json!([1, 2]))
            .with(&[("AWS_LAMBDA_MAX_CONCURRENCY", "2")]),
        Case::new("SnapStart", [json!(21)], json!([42]))
            .with(&[("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")])
            .printing(&["disconnected", "connected"]),
    ]
}

/// The sections of the chapter that have programs.
fn sections(document: &str) -> Vec<Section> {
    let (_, chapter) = document.split_once("\n## From the official runtime crate\n").unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let sections = chapter.split("\n### ").skip(1).filter(|section| section.contains("```"));
    sections.map(section).collect()
}

fn section(text: &str) -> Section {
    let title = text.lines().next().unwrap();
    let blocks = |language: &str| -> Vec<&str> {
        let fence = format!("\n```{language}\n");
        text.split(&fence).skip(1).map(|block| block.split_once("```").unwrap().0).collect()
    };
    let (manifests, programs) = (blocks("toml"), blocks("rust"));
    let ([dependencies], [before, after]) = (&manifests[..], &programs[..]) else {
        panic!("{title}: dependencies, the program on the official crates, the program here");
    };
    let dependencies = dependencies.strip_prefix("# before\n").unwrap();
    let (official, ours) = dependencies.split_once("# after\n").unwrap();
    let runtime = format!("\"{}\"", repository().join("runtime").display());
    let name = title.to_lowercase().replace(['\'', ' '], "-");
    let side = |part: &str, dependencies: &str, source: &str| Side {
        name: format!("{name}-{part}"),
        dependencies: dependencies.replace("\"../runtime\"", &runtime),
        source: source.to_owned(),
    };
    let sides = [side("before", official, before), side("after", ours, after)];
    Section { title: title.to_owned(), sides }
}

/// The workspace with all programs and the test of events, and its target directory.
struct Programs {
    fixture: Fixture,
    sections: Vec<Section>,
}

static PROGRAMS: LazyLock<Programs> = LazyLock::new(|| {
    let document = fs::read_to_string(repository().join("docs/coming-from.md")).unwrap();
    let sections = sections(&document);
    let sides = || sections.iter().flat_map(|section| &section.sides);
    let mut names: Vec<&str> = sides().map(|side| side.name.as_str()).collect();
    names.push("events");
    let fixture = Fixture::kept("coming-from", &names);
    for side in sides() {
        fixture.function(&side.name, &side.dependencies, &side.source);
    }
    let dependencies = format!(
        "{}\nserde = {{ version = \"1\", features = [\"derive\"] }}\nserde_dynamo = \"4\"\n\
         serde_json = \"1\"\n[dependencies.aws_lambda_events]\nversion = \"1\"\n\
         default-features = false\n\
         features = [\"apigw\", \"dynamodb\", \"eventbridge\", \"s3\", \"sqs\"]",
        Fixture::runtime().replace(" }", ", features = [\"http\"] }"),
    );
    fixture.function("events", &dependencies, "fn main() {}\n");
    fixture.write("functions/events/tests/events.rs", include_str!("coming_from/events.rs"));
    Programs { fixture, sections }
});

impl Programs {
    fn target() -> std::path::PathBuf {
        target().join("fixtures/coming-from")
    }

    /// Runs cargo, without symbols in what it builds.
    fn cargo(&self, arguments: &[&str]) {
        let output = Command::new(env!("CARGO"))
            .current_dir(self.fixture.path())
            .env("CARGO_TARGET_DIR", Self::target())
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(arguments)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "cargo {arguments:?}: {errors}{text}");
    }

    /// Builds all programs. Those of other dependencies are built apart: cargo joins the features
    /// of packages that it builds together, and a missing one would not be noticed.
    fn build(&self) {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for side in self.sections.iter().flat_map(|section| &section.sides) {
            groups.entry(&side.dependencies).or_default().extend(["-p", &side.name]);
        }
        for packages in groups.values() {
            self.cargo(&[&["build", "--quiet"], &packages[..]].concat());
        }
    }
}

/// Runs a program with these events. Returns what it answers, and what it prints.
fn run(program: &Path, case: &Case) -> (Value, String) {
    let script = repository().join("tests/it/peers/coming_from/serve.py");
    let mut process = Command::new(interpreter())
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let environment: BTreeMap<_, _> = case.environment.iter().copied().collect();
    let events: Vec<String> = case.events.iter().map(Value::to_string).collect();
    let input = json!({"program": program, "environment": environment, "events": events});
    process.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", program.display(), output.status);
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let printed = result["output"].as_str().unwrap().to_owned();
    let answers = result["answers"].as_array().unwrap().iter().map(meaning).collect();
    (answers, printed)
}

/// What an answer is to its caller: a value, a text, an error's message, status and body.
fn meaning(answer: &Value) -> Value {
    if let Some(error) = answer["error"].as_str() {
        let error: Value = serde_json::from_str(error).unwrap_or_default();
        return json!({"error": error["errorMessage"]});
    }
    let text = answer["response"].as_str().unwrap_or_default();
    // The official crate names the type of a stream only, and sends one with a status.
    let value: Value = match answer["type"].as_str() {
        None | Some("application/json") => serde_json::from_str(text).unwrap(),
        Some(_) => text.rsplit('\0').next().unwrap().into(),
    };
    match value.get("statusCode") {
        Some(status) => json!([status, value["body"].as_str().unwrap_or_default()]),
        None => value,
    }
}

#[test]
fn both_sides_of_each_section_compile_and_answer_the_same() {
    PROGRAMS.build();
    let cases = cases();
    let titles: Vec<&str> = PROGRAMS.sections.iter().map(|section| &*section.title).collect();
    assert_eq!(titles, cases.iter().map(|case| case.title).collect::<Vec<_>>());
    for (section, case) in PROGRAMS.sections.iter().zip(&cases) {
        for side in &section.sides {
            let (answers, printed) = run(&Programs::target().join("debug").join(&side.name), case);
            assert_eq!(answers, case.answers, "{}: {printed}", side.name);
            for text in case.prints {
                assert!(printed.contains(text), "{}: `{text}` in {printed}", side.name);
            }
        }
    }
}

#[test]
fn events_of_aws_services_are_inputs_of_handlers() {
    PROGRAMS.cargo(&["test", "--quiet", "-p", "events", "--test", "events"]);
}
