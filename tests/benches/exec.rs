//! `cargo bench --workspace --bench exec`: time that the bootstrap of `exec` functions adds to that
//! of the program, beside the same program without it.
//!
//! The program is `cat`, started for each event and resident. Both are run in turn, by a scripted
//! Runtime API and directly; the bootstrap is the one that the console builds.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use tests::{Bootstrap, Fixture, Home, invocation};

const EVENT: &str = r#"{"name":"Lambda"}"#;
const ROUNDS: usize = 9;
const INVOCATIONS: usize = 300;

fn main() {
    let fixture = Fixture::kept("exec", &[]);
    fixture.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = []\n\n\
         [workspace.metadata.lambda]\nbuild-std = true\n\n\
         [workspace.metadata.lambda.bin.once]\nexec = \"/bin/cat\"\n\
         [workspace.metadata.lambda.bin.resident]\n\
         exec = { command = \"/bin/cat\", resident = true }\n",
    );
    let home = Home::new(fixture.path());
    let built = home.run(["build", "once", "--arch", "arm64", "--json"]).ok().json();
    report(&format!("ARM64 zip: {} bytes", built["functions"][0]["zip_bytes"]));
    let built = home.run(["build", "--arch", "x86_64", "--json"]).ok().json();
    for (function, own) in [("once", once as fn() -> f64), ("resident", resident)] {
        let functions = built["functions"].as_array().expect("a list");
        let it = functions.iter().find(|it| it["name"] == function).expect("it was built");
        let bootstrap = Path::new(it["bootstrap"].as_str().expect("a path"));
        let (mut alone, mut through) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            alone.push(own());
            through.push(through_bootstrap(bootstrap));
        }
        let (alone, through) = (median(alone), median(through));
        report(&format!(
            "{function}: {through:.3} ms an invocation, {alone:.3} ms without it: {:.3} ms added",
            through - alone
        ));
    }
}

/// Median of the invocations of one process, in milliseconds.
fn through_bootstrap(path: &Path) -> f64 {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let command = path.parent().expect("a directory").join("exec/lambda-exec.json");
    fs::copy(command, directory.path().join("lambda-exec.json")).expect("it was built");
    let root = format!("LAMBDA_TASK_ROOT={}", directory.path().display());
    let bootstrap = Bootstrap { path: path.to_owned(), pipelined: false };
    let mut process = bootstrap.start(&["env", &root]);
    let invocation = invocation(EVENT);
    let times = (0..INVOCATIONS).map(|_| {
        let began = Instant::now();
        process.invoke(&invocation);
        let time = began.elapsed().as_secs_f64() * 1e3;
        process.accept();
        time
    });
    let times = times.collect();
    process.terminate();
    median(times)
}

fn start() -> Child {
    let mut command = Command::new("/bin/cat");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

/// The same program, started for each event.
fn once() -> f64 {
    let times = (0..INVOCATIONS).map(|_| {
        let began = Instant::now();
        let mut child = start();
        child.stdin.take().expect("a pipe").write_all(EVENT.as_bytes()).expect("it reads");
        let mut output = String::new();
        child.stdout.take().expect("a pipe").read_to_string(&mut output).expect("it writes");
        child.wait().expect("it ends");
        assert_eq!(output, EVENT);
        began.elapsed().as_secs_f64() * 1e3
    });
    median(times.collect())
}

/// The same program, given a line for each event.
fn resident() -> f64 {
    let mut child = start();
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let times = (0..INVOCATIONS).map(|_| {
        let began = Instant::now();
        input.write_all(format!("{EVENT}\n").as_bytes()).expect("it reads");
        let mut line = String::new();
        output.read_line(&mut line).expect("it writes");
        began.elapsed().as_secs_f64() * 1e3
    });
    let times = times.collect();
    drop(input);
    child.wait().expect("it ends");
    median(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
