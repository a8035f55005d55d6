//! The local Lambda: AWS's own HTTP APIs of Lambda, `CloudWatch` Logs, STS and IAM on a loopback
//! port, running the bootstraps of uploaded zips as child processes. The AWS SDKs, the AWS CLI and
//! boto3 drive it like the real one.
//!
//! # Layout
//!
//! Each module uses those below it, and no module is in a cycle that is larger than a parent with
//! its children. A request enters at the top and goes down:
//!
//! ```text
//! server/   opens, joins and leaves a local Lambda; accepts connections (server.rs)
//!           auth/ Host, Origin and signatures    connections    gate, leave, lock, link
//!           io_threads, busy_poll
//! api/      router: selects the API for a request
//!           lambda/   logs/   iam/   sts   urls/ (function URLs)
//! service   the state that the APIs share
//! invoke/   concurrency: admits or throttles    pool: selects the sandbox
//!           invocation/ a cold start, a failed init, a request's log lines
//!           running: independent of its caller
//! sandbox/  one bootstrap and its extensions
//!           process/ commands, signals, memory, output
//!           isolation, filesystem: their view of this machine
//!           runtime_api/   extensions/   telemetry/   log/   shutdown
//! store/    everything on disk: functions, layers, code, the queue, function URLs, roles, logs/;
//!           damage
//! http/     requests, responses, errors and the protocols of AWS's APIs
//! ```
//!
//! Two dependencies point up, to leaves: the modules below use `auth`, `connections`, `gate` and
//! `busy_poll` of `server`, and `store::functions` sets the reservations of `invoke::concurrency`.
//!
//! Everything is stored under one directory, readable by its owner alone, and outlives the process.
//! Sandboxes do not: they end with it. So a process that others have joined continues until their
//! requests are answered, and then one of them serves, on the same port if possible. Without
//! requests nothing runs: an idle sandbox is frozen, and ended after some minutes.
//!
//! Differences from AWS: only custom runtimes run; memory is limited for the bootstrap and the
//! processes that it starts, not for external extensions; the processes are frozen, not a machine;
//! a function sees this machine's files, and `/var/task`, `/opt` and a `/tmp` of its own only where
//! the system has mount namespaces for this user (`sandbox/isolation.rs` in the sources describes
//! what else it can access); resource policies are stored, and apply to unsigned function URLs
//! only; there is no provisioned concurrency and no code signing; an invocation waits up to 100 ms
//! for a sandbox that has answered and is about to be free; every request that may be traced is
//! sampled, and nothing is sent to X-Ray; a retry of an asynchronous invocation comes after
//! seconds, and its destinations are functions; function URLs use HTTP without TLS, are paths under
//! the server's address (and names under `localhost`), and refuse pages whose `Origin` their Cors
//! does not allow. Connections of other users of the machine are refused where the system can
//! identify the user: on Linux.

mod account;
mod api;
mod count;
mod http;
mod invoke;
mod limits;
mod sandbox;
mod scheduling;
mod server;
mod service;
mod store;
#[cfg(test)]
mod tests;

pub use sandbox::env::Emulator;
pub use server::{
    MARK,
    endpoint::Endpoint,
    leave::{Left, Pending},
    link::{Fate, Link},
    local::{Error, Local, Options, open},
};
pub use store::url_config::url_with_name;
