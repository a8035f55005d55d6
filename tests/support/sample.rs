//! A sample workspace with six functions in different states, and sample results of work on them.

use std::path::PathBuf;

use lambda_console_model::{
    Architecture, Bootstrap, BuildOutcome, Built, CargoTarget, Change, DeployAction, DeployOutcome,
    Deployed, DeployedFunction, EventFile, Failure, Found, Function, FunctionConfig, FunctionPlan,
    Invocation, LogLine, Part, Report, RequestLog, Resource, ResourceKind, Resources, Role,
    RuntimeCrate, Sample, StageInfo, Workspace, Zip,
};

/// The time of all samples: 2026-11-21 14:02:11 UTC.
pub const NOW: i64 = 1_795_269_731_000;

/// The content of every event file.
pub const EVENT: &str = "{\n  \"name\": \"Lambda\"\n}\n";

/// A function that was never built.
pub fn function(name: &str) -> Function {
    Function {
        name: name.into(),
        binary: name.into(),
        package: name.into(),
        manifest: PathBuf::from(format!("/home/me/my-workspace/functions/{name}/Cargo.toml")),
        target: CargoTarget::default(),
        runtime: RuntimeCrate::Bundled,
        architecture: Architecture::Arm64,
        config: FunctionConfig::default(),
        events: vec![event(name, name)],
        bootstrap: None,
        zip: None,
        stale: false,
    }
}

/// An event file of a function.
pub fn event(function: &str, name: &str) -> EventFile {
    let path =
        PathBuf::from(format!("/home/me/my-workspace/functions/{function}/events/{name}.json"));
    EventFile { name: name.into(), path }
}

/// The function, built two minutes ago.
pub fn built(name: &str, zip_bytes: u64) -> Function {
    let built = build_of(name, zip_bytes);
    Function { bootstrap: Some(built.bootstrap), zip: Some(built.zip), ..function(name) }
}

/// Result of a build of a function.
pub fn build_of(name: &str, zip_bytes: u64) -> Built {
    let directory = PathBuf::from(format!("/home/me/my-workspace/target/lambda/{name}"));
    Built {
        name: name.into(),
        architecture: Architecture::Arm64,
        bootstrap: Bootstrap {
            path: directory.join("bootstrap"),
            bytes: zip_bytes * 2,
            built_at: NOW - 150_000,
        },
        zip: Zip { path: directory.join("bootstrap.zip"), bytes: zip_bytes, sha256: sha(name) },
        warnings: Vec::new(),
    }
}

/// Plan of a deploy of a function.
pub fn planned(name: &str, action: DeployAction, changes: Vec<Change>) -> FunctionPlan {
    let (version, sha256) = ("$LATEST".to_owned(), sha(name));
    FunctionPlan {
        name: name.into(),
        action,
        version,
        sha256,
        changes,
        calls: Vec::new(),
        opens: false,
        stale: false,
    }
}

/// The SHA-256 of the function's zip.
pub fn sha(name: &str) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    name.bytes().cycle().take(32).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Six functions: in sync, stale and behind, never built, built, and two more.
pub fn workspace() -> Workspace {
    let mut hello = built("hello", 219_136);
    hello.events.push(event("hello", "nobody"));
    hello.config.memory = Some(256);
    hello.config.env.insert("API_KEY".into(), "do not show this".into());
    let backend = Function { stale: true, ..built("backend", 415_744) };
    Workspace {
        name: "my-workspace".into(),
        root: PathBuf::from("/home/me/my-workspace"),
        target: PathBuf::from("/home/me/my-workspace/target"),
        functions: vec![
            backend,
            hello,
            function("nightly"),
            built("ping", 180_000),
            function("ws-connect"),
            function("日本語-wide"),
        ],
        ..Workspace::default()
    }
}

/// The local stage of an x86 host.
pub fn stage() -> StageInfo {
    StageInfo {
        name: "local".into(),
        account: "000000000000".into(),
        region: "us-east-1".into(),
        protected: false,
        endpoint: Some("http://127.0.0.1:9001".into()),
        emulator: Some("/usr/bin/qemu-aarch64".into()),
        ..StageInfo::default()
    }
}

/// State of the sample workspace's functions on the stage.
pub fn deployed() -> Vec<(String, Found)> {
    let of = |name: &str, version: &str, in_sync| {
        let deployed = Deployed {
            version: version.into(),
            sha256: sha(name),
            in_sync,
            modified_at: NOW - 3_600_000,
            architecture: None,
        };
        (name.to_owned(), Ok(Some(deployed)))
    };
    vec![
        of("backend", "7", false),
        of("hello", "$LATEST", true),
        ("nightly".into(), Ok(None)),
        ("ping".into(), Ok(None)),
        ("ws-connect".into(), Ok(None)),
        ("日本語-wide".into(), Ok(None)),
    ]
}

/// Resources of a function that was published twice; its role was made by someone else.
pub fn resources(name: &str) -> Resources {
    let item = |kind, name: &str, detail: &str| Resource {
        kind,
        name: name.into(),
        detail: detail.into(),
        kept: None,
    };
    let role = Resource {
        kept: Some("lambda-console did not create it".into()),
        ..item(ResourceKind::Role, "shared", "")
    };
    let items = vec![
        item(ResourceKind::Function, name, ""),
        item(ResourceKind::Version, "1", "a1b2c3d"),
        item(ResourceKind::Version, "2", "e4f5a6b"),
        item(ResourceKind::Alias, "live", "version 2"),
        item(ResourceKind::Url, "https://abc.lambda-url.us-east-1.on.aws/", "NONE"),
        item(ResourceKind::Permission, "public", "*"),
        item(ResourceKind::Trigger, "14e0db71", "arn:aws:sqs:us-east-1:123456789012:orders"),
        item(ResourceKind::LogGroup, &format!("/aws/lambda/{name}"), "12 MB"),
        role,
    ];
    Resources { function: name.into(), remote: name.into(), items }
}

/// A role that was made for a function, and the functions that use it.
pub fn role(name: &str, functions: &[&str]) -> Role {
    let role = format!("lambda-console-{name}-us-east-1");
    Role {
        arn: format!("arn:aws:iam::000000000000:role/lambda-console/us-east-1/{role}"),
        name: role,
        description: format!("Made by lambda-console for the function {name}"),
        created_at: NOW - 86_400_000,
        last_used_at: None,
        policies: vec!["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole".into()],
        inline: Vec::new(),
        functions: functions.iter().map(|name| (*name).into()).collect(),
        refused: Vec::new(),
    }
}

/// A complete toolchain.
pub fn parts() -> Vec<Part> {
    let part = |name: &str, found: &str, optional| Part {
        name: name.into(),
        found: Some(found.into()),
        detail: String::new(),
        optional,
    };
    vec![
        part("zig", "0.15.2, python3 -m ziglang", false),
        part("std", "aarch64-unknown-linux-musl", false),
        part("qemu-aarch64", "/usr/bin/qemu-aarch64", true),
    ]
}

/// A successful build of one function.
pub fn build_outcome(name: &str) -> BuildOutcome {
    BuildOutcome { built: vec![build_of(name, 219_136)], failed: Vec::new(), seconds: 3.2 }
}

/// A failed build of one function.
pub fn broken_build(name: &str) -> BuildOutcome {
    let why = format!("functions/{name}/src/main.rs:12:5: cannot find value `nam` in this scope");
    let failure =
        Failure::work(format!("could not build {name}"), why, "the build output has the details");
    BuildOutcome { built: Vec::new(), failed: vec![(name.into(), failure)], seconds: 1.1 }
}

/// A successful deploy of one function.
pub fn deploy_outcome(name: &str) -> DeployOutcome {
    let function = DeployedFunction {
        name: name.into(),
        action: DeployAction::Created,
        version: "$LATEST".into(),
        sha256: sha(name),
        seconds: 0.2,
        changes: Vec::new(),
    };
    DeployOutcome { stage: "local".into(), functions: vec![function], failed: Vec::new() }
}

/// The id of the sample invocation.
pub const REQUEST: &str = "8f0c2d6e-1f7a-4a52-9f55-5b0d6a6a1c11";

/// A successful invocation with a cold start.
pub fn invocation(name: &str) -> Invocation {
    Invocation {
        function: name.into(),
        stage: "local".into(),
        request_id: REQUEST.into(),
        status: 200,
        version: Some("$LATEST".into()),
        payload: r#"{"message":"Hello, Lambda!","count":3,"tags":["a",null,true]}"#.into(),
        report: Some(Report {
            cold: true,
            init_ms: Some(4.8),
            duration_ms: 3.1,
            billed_ms: 8,
            memory_mb: 256,
            max_memory_mb: 9,
            emulated: true,
            ..Report::default()
        }),
        logs: platform_lines(),
        started_at: NOW,
        client_ms: 12.4,
        ..Invocation::default()
    }
}

/// The log lines of an invocation.
pub fn log(invocation: &Invocation) -> RequestLog {
    let line = |(rank, message): (usize, &String)| LogLine {
        message: message.clone(),
        rank: rank as i64,
        request_id: Some(invocation.request_id.clone()),
        ..log_lines(&invocation.function, 1).remove(0)
    };
    let lines = invocation.logs.iter().enumerate().map(line).collect();
    RequestLog { report: invocation.report.clone(), lines, is_whole: true }
}

/// An invocation whose handler failed.
pub fn failed_invocation(name: &str) -> Invocation {
    Invocation {
        function_error: Some("Unhandled".into()),
        payload:
            r#"{"errorType":"NameMissing","errorMessage":"the event has no name","stackTrace":[]}"#
                .into(),
        ..invocation(name)
    }
}

fn platform_lines() -> Vec<String> {
    vec![
        "INIT_START Runtime Version: provided.al2023".into(),
        format!("START RequestId: {REQUEST} Version: $LATEST"),
        "greeting Lambda".into(),
        format!("END RequestId: {REQUEST}"),
        format!(
            "REPORT RequestId: {REQUEST}\tDuration: 3.10 ms\tBilled Duration: 8 ms\tMemory Size: \
            256 MB\tMax Memory Used: 9 MB\tInit Duration: 4.80 ms\tEmulated: qemu-aarch64"
        ),
    ]
}

/// `count` log lines of a function, a millisecond apart, of ten requests.
pub fn log_lines(function: &str, count: usize) -> Vec<LogLine> {
    log_lines_after(function, 0, count)
}

/// Like [`log_lines`], `ms` milliseconds later.
pub fn log_lines_after(function: &str, ms: i64, count: usize) -> Vec<LogLine> {
    let line = |index: usize| LogLine {
        timestamp: NOW + ms + index as i64,
        function: function.into(),
        stream: "2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef".into(),
        rank: 0,
        request_id: Some(format!(
            "{:08x}-1f7a-4a52-9f55-5b0d6a6a1c11",
            (index / 10 % 10) * 0x1357_9bdf
        )),
        message: match index % 10 {
            3 => format!(
                "ERROR line {index}: the table has no item with this key, tried three times"
            ),
            7 => format!("WARN line {index}: retrying"),
            _ => format!(
                "line {index}: {{\"level\":\"info\",\"path\":\"/items/{index}\",\"took_ms\":{}}}",
                index % 17
            ),
        },
    };
    (0..count).map(line).collect()
}

/// `count` invocations, one in eight a cold start, oldest first.
pub fn samples(count: usize) -> Vec<Sample> {
    let sample = |index: usize| {
        // A repeatable spread without randomness.
        let spread = (index * 7919 % 100) as f64 / 100.0;
        let is_cold = index.is_multiple_of(8);
        Sample {
            at: NOW - ((count - index) as i64) * 60_000,
            request_id: format!("request-{index}"),
            init_ms: is_cold.then_some(4.0 + spread * 3.0),
            duration_ms: if is_cold { 2.5 + spread } else { 0.6 + spread * 0.9 },
            billed_ms: 8,
            max_memory_mb: 9,
            emulated: true,
            failed: index % 29 == 13,
        }
    };
    (0..count).map(sample).collect()
}
