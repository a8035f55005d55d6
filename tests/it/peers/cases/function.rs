//! The two functions of the cases: one on our crate and one on the official one. They handle the
//! payload in the same way, so that any difference in their outcomes is due to the crates.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use tests::{Fixture, Home};

/// A runtime crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crate {
    /// Ours.
    Ours,
    /// `lambda_runtime`.
    Official,
}

impl Crate {
    /// The bootstrap of its function: static, for this machine.
    pub(super) fn bootstrap(self) -> &'static Path {
        static BUILT: OnceLock<[PathBuf; 2]> = OnceLock::new();
        let [ours, official] = BUILT.get_or_init(build);
        match self {
            Self::Ours => ours,
            Self::Official => official,
        }
    }
}

/// Builds both with the console's own build.
fn build() -> [PathBuf; 2] {
    let fixture = Fixture::kept("cases", &["official", "ours"]);
    let tokio = |more: &str| {
        format!(
            "tokio = {{ version = \"1\", features = [\"io-util\", \"net\", \"sync\"{more}] }}\n"
        )
    };
    let shared = "serde = \"1\"\nserde_json = \"1\"\n";
    let runtime = Fixture::runtime();
    fixture.function("ours", &[&runtime, "\n", shared, &tokio("")].concat(), OURS);
    let official =
        // Exactly this version: the table lists its deviations.
        "lambda_runtime = { version = \"=1.5.0\", default-features = false, features = [\"concurrency-tokio\"] }\n";
    let tokio = tokio(", \"macros\", \"rt-multi-thread\"");
    fixture.function("official", &[official, shared, &tokio].concat(), OFFICIAL);
    for name in ["ours", "official"] {
        fixture.write(&format!("functions/{name}/src/act.rs"), ACT);
    }
    let built = Home::new(fixture.path()).run(["build", "--arch", "x86_64", "--json"]).ok().json();
    ["ours", "official"].map(|name| {
        let functions = built["functions"].as_array().expect("a list");
        let function =
            functions.iter().find(|function| function["name"] == name).expect("both are built");
        function["bootstrap"].as_str().expect("a path").into()
    })
}

const OURS: &str = r"
mod act;

async fn handler(
    event: serde_json::Value,
    context: lambda::Context,
) -> Result<act::Answer, lambda::Error> {
    Ok(act::act(event, &context.request_id).await?)
}

fn main() {
    lambda::run(handler)
}
";

const OFFICIAL: &str = r"
mod act;

use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};

async fn handler(event: LambdaEvent<serde_json::Value>) -> Result<act::Answer, Error> {
    Ok(act::act(event.payload, &event.context.request_id).await?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    Runtime::new(service_fn(handler)).run_concurrent().await
}
";

/// The code of both. An event without an instruction is returned unchanged.
const ACT: &str = r#"
use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, net::TcpStream, sync::Barrier};

pub enum Answer {
    Value(Value),
    /// A value that cannot be JSON.
    Unserialisable,
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Unserialisable => BTreeMap::from([((1, 2), 3)]).serialize(serializer),
        }
    }
}

/// Ten calls in this process go on together.
static TEN: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(10));

pub async fn act(mut event: Value, id: &str) -> Result<Answer, String> {
    if event["do"] == "meet" {
        // Somebody at this address waits until all are there, and then hangs up.
        let at = event["at"].as_str().unwrap_or_default();
        let mut meeting = TcpStream::connect(at).await.map_err(|error| format!("{at}: {error}"))?;
        meeting.read_to_end(&mut Vec::new()).await.map_err(|error| format!("{at}: {error}"))?;
        event = event["then"].take();
    }
    Ok(Answer::Value(match event["do"].as_str() {
        Some("echo") => event["value"].take(),
        Some("fail") => return Err("as asked".into()),
        Some("panic") => panic!("oh no"),
        Some("hang") => std::future::pending().await,
        Some("big") => Value::String("x".repeat(event["bytes"].as_u64().unwrap_or_default() as usize)),
        Some("unserialisable") => return Ok(Answer::Unserialisable),
        Some("ten") => {
            TEN.wait().await;
            json!({ "number": event["number"], "id": id, "process": std::process::id() })
        }
        Some("who") => json!({ "number": event["number"], "id": id, "process": std::process::id() }),
        _ => event,
    }))
}
"#;
