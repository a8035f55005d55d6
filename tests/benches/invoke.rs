//! `cargo bench -p tests --bench invoke`: time that the local Lambda and the SDK add to a warm
//! invocation.
//!
//! The function's own time is the Duration of its REPORT line; the rest of the round trip is the
//! added time.

use std::time::Instant;

use tests::{Fixture, Home, LocalLambda};

const RUNS: usize = 500;

fn main() {
    let fixture = Fixture::kept("bench", &["bench"]);
    let source = "async fn handler(text: String) -> Result<String, std::io::Error> \
        {\n    Ok(text)\n}\n\n\
                  fn main() {\n    lambda::run(handler)\n}\n";
    fixture.function("bench", &Fixture::runtime(), source);
    let built = Home::new(fixture.path()).run(["build", "--arch", "native", "--json"]).ok().json();
    let bootstrap = std::fs::read(built["functions"][0]["bootstrap"].as_str().expect("a path"))
        .expect("it was built");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let local = LocalLambda::start(directory.path());
    local.create("bench", &[("bootstrap", &bootstrap)]);
    for _ in 0..20 {
        local.invoke("bench", "\"warm\"");
    }
    let (mut trips, mut added) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let started = Instant::now();
        let answer = local.invoke("bench", "\"warm\"");
        let trip = started.elapsed().as_secs_f64() * 1e3;
        let own = answer
            .log
            .split("\tDuration: ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
        let own = own.unwrap_or_else(|| panic!("a REPORT line: {answer:?}"));
        trips.push(trip);
        added.push(trip - own);
    }
    for (name, values) in
        [("round trip", &mut trips), ("added to the function's own time", &mut added)]
    {
        values.sort_by(f64::total_cmp);
        report(&format!(
            "warm invoke, {name}: p50 {:.2} ms, p99 {:.2} ms",
            values[RUNS / 2],
            values[RUNS * 99 / 100]
        ));
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn report(line: &str) {
    println!("{line}");
}
