//! `lambda-console local --watch`, from a saved file to the code that responds.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tests::{Fixture, Home, Terminal, eventually};

/// Longer than a build takes on any machine.
const PATIENCE: Duration = Duration::from_mins(5);

/// Returns its own `MARK` and the constant of the crate `shared`; with `wait` it first creates the
/// file `started`, and waits until the file `wait` exists.
const SOURCE: &str = r#"
const MARK: &str = "one";

#[derive(serde::Deserialize)]
struct Event {
    #[serde(default)]
    started: String,
    #[serde(default)]
    wait: String,
}

fn main() {
    lambda::run(async |event: Event| {
        if !event.wait.is_empty() {
            std::fs::write(&event.started, "")?;
            while !std::path::Path::new(&event.wait).exists() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
        Ok::<_, std::io::Error>(format!("{MARK} {}", shared::SAYS))
    })
}
"#;

/// A workspace whose functions are watched by another process.
struct Watched {
    fixture: Fixture,
    home: Home,
    process: Child,
    lines: Receiver<String>,
}

impl Watched {
    /// Builds, deploys and watches these functions, which all link the crate `shared`. The tests
    /// share a target directory, so that dependencies compile once: each test has function names of
    /// its own.
    fn sharing(functions: &[&str]) -> Self {
        let dependencies = format!(
            "{}\nserde = {{ version = \"1\", features = [\"derive\"] }}\nshared = {{ \
            path = \"../../shared\" }}\n\
             [package.metadata.lambda.deploy]\ntimeout = 300\n",
            Fixture::runtime()
        );
        let fixture = Fixture::new("watch");
        for function in functions {
            fixture.function(function, &dependencies, SOURCE);
        }
        fixture.write(
            "shared/Cargo.toml",
            "[package]\nname = \"shared\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        fixture.write("shared/src/lib.rs", "pub const SAYS: &str = \"old\";\n");
        Self::begun(fixture, functions)
    }

    /// Watches `fixture`. Returns once its functions were built and deployed.
    fn begun(fixture: Fixture, functions: &[&str]) -> Self {
        // Without symbols: the build is also zipped, by a console that is not optimised.
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = \
            [\"functions/*\"]\n[profile.dev]\nstrip = true\n";
        fixture.write("Cargo.toml", workspace);
        let home = Home::new(fixture.path());
        let mut process = home
            .command(["local", "--watch", "--arch", "native", "--debug", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the console starts");
        let lines = lines(process.stdout.take().expect("a pipe"));
        let mut watched = Self { fixture, home, process, lines };
        assert!(
            watched.next()["endpoint"]
                .as_str()
                .is_some_and(|url| url.starts_with("http://127.0.0.1:"))
        );
        assert_eq!(
            watched.next(),
            json!({"event": "changed", "files": [], "functions": functions})
        );
        watched.swapped(functions, "created");
        watched
    }

    /// The next line of the console.
    #[track_caller]
    fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("the console says what it does");
        serde_json::from_str(&line).expect("a line of JSON")
    }

    /// Expects the build and the deploy of exactly these functions next.
    #[track_caller]
    fn swapped(&mut self, functions: &[&str], action: &str) {
        let built = self.next();
        assert_eq!(
            (&built["event"], names(&built), &built["failed"]),
            (&json!("built"), functions.to_vec(), &json!([])),
            "{built}"
        );
        let deployed = self.next();
        assert_eq!(
            (&deployed["event"], names(&deployed)),
            (&json!("deployed"), functions.to_vec()),
            "{deployed}"
        );
        for function in deployed["functions"].as_array().expect("a list") {
            assert_eq!(function["action"], action, "{deployed}");
        }
    }

    /// Saves a file, and expects the console to report it next.
    #[track_caller]
    fn save(&mut self, file: &str, text: &str, functions: &[&str]) {
        self.fixture.write(file, text);
        let changed = self.next();
        assert_eq!(changed, json!({"event": "changed", "files": [file], "functions": functions}));
    }

    #[track_caller]
    fn answer(&self, function: &str) -> Value {
        self.home.run(["invoke", function, "--payload", "{}", "--json"]).ok().json()["payload"]
            .clone()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It has ended already, or its end is waited for.
        let _ = std::process::Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

fn names(line: &Value) -> Vec<&str> {
    let functions = line["functions"].as_array().expect("a list").iter();
    functions.map(|function| function["name"].as_str().expect("a name")).collect()
}

fn lines(pipe: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

#[test]
fn a_saved_file_swaps_the_functions_that_depend_on_it_and_no_other() {
    let mut watched = Watched::sharing(&["first", "second"]);
    assert_eq!(
        (watched.answer("first"), watched.answer("second")),
        (json!("one old"), json!("one old"))
    );

    // The function's own file: only that function is built. A payload that is saved first starts no
    // build.
    watched.fixture.write("functions/first/events/hello.json", "{}");
    let two = SOURCE.replace("\"one\"", "\"two\"");
    watched.save("functions/first/src/main.rs", &two, &["first"]);
    watched.swapped(&["first"], "updated");
    assert_eq!(
        (watched.answer("first"), watched.answer("second")),
        (json!("two old"), json!("one old"))
    );

    // A shared crate: both.
    watched.save("shared/src/lib.rs", "pub const SAYS: &str = \"new\";\n", &["first", "second"]);
    watched.swapped(&["first", "second"], "updated");
    assert_eq!(
        (watched.answer("first"), watched.answer("second")),
        (json!("two new"), json!("one new"))
    );

    // A compile error keeps the old code, and the other function is updated.
    let broken = "pub const SAYS: u8 = 1;\n#[cfg(feature = \"no\")]\n";
    watched.save("functions/first/src/main.rs", &format!("{two}\n{broken} oops"), &["first"]);
    let built = watched.next();
    assert_eq!((names(&built), &built["failed"][0]["name"]), (vec![], &json!("first")), "{built}");
    let why = built["failed"][0]["error"]["why"].as_str().unwrap_or_default();
    assert!(why.contains("functions/first/src/main.rs:"), "{why}");
    assert_eq!(watched.answer("first"), "two new");

    // Back to the earlier code: the same code is not deployed again.
    watched.save("functions/first/src/main.rs", &two, &["first"]);
    watched.swapped(&["first"], "unchanged");
}

#[test]
fn a_request_that_runs_ends_on_the_old_code() {
    let mut watched = Watched::sharing(&["running"]);
    let (started, wait) = (watched.home.path().join("started"), watched.home.path().join("go-on"));
    let payload = json!({"started": started, "wait": wait}).to_string();
    let running = watched
        .home
        .command(["invoke", "running", "--payload", &payload, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the console starts");
    eventually("it starts", || started.exists());
    watched.save(
        "functions/running/src/main.rs",
        &SOURCE.replace("\"one\"", "\"two\""),
        &["running"],
    );
    watched.swapped(&["running"], "updated");
    assert_eq!(watched.answer("running"), "two old", "the next request meets the new code at once");
    fs::write(&wait, "").expect("the directory is ours");
    let output = running.wait_with_output().expect("the console ends");
    let answered: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answered["payload"], "one old", "{answered}");
    assert_eq!(watched.answer("running"), "two old");
}

#[test]
fn a_save_during_a_build_is_built_after_it() {
    let fixture = Fixture::new("watch");
    for function in ["held", "other"] {
        fixture.function(function, "[package.metadata.lambda]", "fn main() {}\n");
    }
    let mut watched = Watched::begun(fixture, &["held", "other"]);
    let (started, gate) = (watched.home.path().join("started"), watched.home.path().join("gate"));
    let build = format!(
        r#"
fn main() {{
    std::fs::write({started:?}, "").unwrap();
    while !std::path::Path::new({gate:?}).exists() {{
        std::thread::sleep(std::time::Duration::from_millis(5));
    }}
}}
"#
    );
    watched.save("functions/held/build.rs", &build, &["held"]);
    eventually("it starts", || started.exists());
    watched.fixture.write("functions/other/src/main.rs", "fn main() { println!(); }\n");
    fs::write(&gate, "").expect("the directory is ours");
    // The build completes.
    let built = watched.next();
    assert_eq!((names(&built), &built["failed"]), (vec!["held"], &json!([])), "{built}");
    let next = [watched.next(), watched.next()];
    let events: Vec<&Value> = next.iter().map(|line| &line["event"]).collect();
    assert_eq!(events, ["deployed", "changed"], "{next:?}");
    assert_eq!(next[1]["functions"], json!(["other"]), "{next:?}");
    watched.swapped(&["other"], "updated");
}

#[test]
fn output_of_a_build_script_starts_no_build_and_an_error_stays_until_it_is_fixed() {
    let fixture = Fixture::new("watch");
    for function in ["writing", "failing"] {
        fixture.function(function, "[package.metadata.lambda]", "fn main() {}\n");
    }
    let script = r#"
fn main() {
    let now = format!("{:?}", std::time::SystemTime::now());
    std::fs::write("stamp.txt", now).unwrap();
}
"#;
    fixture.write("functions/writing/build.rs", script);
    let mut watched = Watched::begun(fixture, &["failing", "writing"]);
    watched.save("functions/failing/src/main.rs", "fn main() { oops }\n", &["failing"]);
    let built = watched.next();
    assert_eq!((names(&built), &built["failing"]), (vec![], &json!(["failing"])), "{built}");
    watched.save("functions/writing/src/main.rs", "fn main() { println!(); }\n", &["writing"]);
    let built = watched.next();
    assert_eq!(
        (names(&built), &built["failed"], &built["failing"]),
        (vec!["writing"], &json!([]), &json!(["failing"]))
    );
    assert_eq!(watched.next()["event"], "deployed");
    watched.save("functions/failing/src/main.rs", "fn main() { println!(); }\n", &["failing"]);
    let built = watched.next();
    assert_eq!((names(&built), &built["failing"]), (vec!["failing"], &json!([])), "{built}");
}

#[test]
fn a_saved_file_that_a_zip_includes_swaps_the_function_that_includes_it() {
    let fixture = Fixture::new("watch");
    let manifest = "[package.metadata.lambda.deploy]\ninclude = [\"texts:../../texts\"]";
    fixture.function("including", manifest, "fn main() {}\n");
    fixture.function("not-including", "[package.metadata.lambda]", "fn main() {}\n");
    fixture.write("texts/hello.txt", "hello");
    let mut watched = Watched::begun(fixture, &["including", "not-including"]);
    watched.save("texts/hello.txt", "good day", &["including"]);
    watched.swapped(&["including"], "updated");
    watched.save("texts/new.txt", "", &["including"]);
    watched.swapped(&["including"], "updated");
}

#[test]
fn it_is_refused_where_nothing_may_be_deployed_or_nothing_is_watched() {
    let fixture = Fixture::new("watch");
    fixture.function("first", &Fixture::runtime(), SOURCE);
    let home = Home::new(fixture.path());
    let refused = |arguments: &[&str]| {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        outcome.json()["error"]["why"].as_str().unwrap_or_default().to_owned()
    };
    assert!(refused(&["local", "--watch", "third", "--json"]).contains("first"));
    assert!(refused(&["local", "--watch", "--stage", "beta", "--json"]).contains("beta"));
    assert!(refused(&["local", "--watch", "--read-only", "--json"]).contains("--read-only"));
}

#[test]
fn on_the_screen_w_swaps_what_is_saved_and_names_the_file() {
    let fixture = Fixture::new("watch-screen");
    fixture.function("only", "[package.metadata.lambda]", "fn main() {}\n");
    let home = Home::new(fixture.path());
    let mut terminal = Terminal::start(&home, &[], 120, 40);
    terminal.until_text("only");
    // By way of x86_64 to native.
    terminal.press(":next architecture\r:next architecture\r");
    terminal.until_text("target architecture: native");
    terminal.press("w");
    terminal.until_text("us-east-1  watching");
    terminal.until_text("created only on local");
    fixture.write("functions/only/src/main.rs", r#"fn main() { println!("saved"); }"#);
    let screen = terminal.until_text("updated only on local");
    assert!(screen.contains("functions/only/src/main.rs changed"), "{screen}");
    terminal.press("w");
    terminal.until_text("watch off");
    terminal.press("q");
    terminal.finish().assert_restored();
}
