//! Faults that no server of ours or of AWS produces on demand: a Runtime API that refuses, closes
//! and sends incomplete responses, scripted by the fake for the same two functions.

use super::{
    Ends::{self, No, Yes},
    fake::{self, Request, ServerStep},
    function::Crate::{self, Official, Ours},
};

/// One response of the Runtime API.
enum Step {
    /// An invocation with this payload.
    Event(&'static str),
    /// This status, with a small body.
    Status(&'static str),
    /// These bytes.
    Bytes(&'static str),
    /// These bytes, and then the end of the connection.
    Last(&'static str),
}

use Step::{Bytes, Event, Last, Status};

/// Behaviour of a process with a script: its requests, one verb for each, and whether it ends by
/// itself.
struct Conduct {
    asks: &'static [&'static str],
    ends: Ends,
}

/// A script, the conduct of both crates, and the different conduct of the official crate with the
/// reason; `None` if the latter is not deterministic.
struct Script {
    name: &'static str,
    steps: &'static [Step],
    conduct: Conduct,
    official: Option<(Option<Conduct>, &'static str)>,
}

const ACCEPTED: Step = Status("202 Accepted");
const ONE: Step = Event("1");
/// One invocation answered, and the next one requested.
const GOES_ON: Conduct =
    Conduct { asks: &["next", "response", "next", "response", "next"], ends: No };
const ENDS_AFTER_ANSWER: Conduct = Conduct { asks: &["next", "response"], ends: Yes };
const ENDS_AT_ONCE: Conduct = Conduct { asks: &["next"], ends: Yes };
const UNCHECKED: &str = "the official crate does not look at the status of an answer to its answer";

const SCRIPTS: &[Script] = &[
    Script {
        name: "all is well",
        steps: &[ONE, ACCEPTED, ONE, ACCEPTED],
        conduct: GOES_ON,
        official: None,
    },
    Script {
        name: "the answer comes after the timeout",
        steps: &[ONE, Status("410 Gone"), ONE, ACCEPTED],
        conduct: GOES_ON,
        official: None,
    },
    Script {
        name: "the response is too large",
        steps: &[ONE, Status("413 Request Entity Too Large"), ONE, ACCEPTED],
        conduct: GOES_ON,
        official: None,
    },
    Script {
        name: "the answer's request is not known",
        steps: &[ONE, Status("400 Bad Request"), ONE, ACCEPTED],
        conduct: GOES_ON,
        official: None,
    },
    Script {
        name: "the answer finds the platform in a state where it takes nothing more",
        steps: &[ONE, Status("403 Forbidden"), ONE, ACCEPTED],
        conduct: ENDS_AFTER_ANSWER,
        official: Some((Some(GOES_ON), UNCHECKED)),
    },
    Script {
        name: "the answer finds the platform broken",
        steps: &[ONE, Status("500 Internal Server Error"), ONE, ACCEPTED],
        conduct: ENDS_AFTER_ANSWER,
        official: Some((Some(GOES_ON), UNCHECKED)),
    },
    Script {
        name: "the next invocation is refused",
        steps: &[Status("403 Forbidden"), ONE, ACCEPTED],
        conduct: ENDS_AT_ONCE,
        official: None,
    },
    Script {
        name: "the platform is broken from the start",
        steps: &[Status("500 Internal Server Error"), ONE, ACCEPTED],
        conduct: ENDS_AT_ONCE,
        official: None,
    },
    Script {
        name: "there is nothing yet",
        steps: &[Bytes("HTTP/1.1 204 No Content\r\n\r\n"), ONE, ACCEPTED],
        conduct: Conduct { asks: &["next", "next", "response", "next"], ends: No },
        official: Some((
            Some(ENDS_AT_ONCE),
            "the official crate takes it for an invocation, which has no id",
        )),
    },
    Script {
        name: "a payload comes in chunks",
        steps: &[
            Bytes(
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: \
                r-1\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\n\
                 Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
            ),
            ACCEPTED,
        ],
        conduct: Conduct { asks: &["next", "response", "next"], ends: No },
        official: None,
    },
    Script {
        name: "an invocation says nothing but its id",
        steps: &[
            Bytes(
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\nContent-Length: \
                1\r\n\r\n1",
            ),
            ACCEPTED,
        ],
        conduct: Conduct { asks: &["next", "response", "next"], ends: No },
        official: Some((Some(ENDS_AT_ONCE), "the official crate panics without a deadline")),
    },
    Script {
        name: "an invocation has no id",
        steps: &[Bytes(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Deadline-Ms: 4102444800000\r\nContent-Length: \
            1\r\n\r\n1",
        )],
        conduct: ENDS_AT_ONCE,
        official: None,
    },
    Script {
        name: "an invocation breaks off",
        steps: &[
            Last(
                "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: r-1\r\nContent-Length: \
                2\r\n\r\n1",
            ),
            ONE,
        ],
        conduct: ENDS_AT_ONCE,
        official: None,
    },
    Script {
        name: "a connection is closed as announced",
        steps: &[
            ONE,
            Last("HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            ONE,
            ACCEPTED,
        ],
        conduct: GOES_ON,
        official: None,
    },
    Script {
        name: "a connection is closed when it is idle",
        steps: &[ONE, Last("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"), ONE, ACCEPTED],
        conduct: GOES_ON,
        official: Some((
            None,
            "the official crate goes on if its pool has seen the end in time, else its process \
            ends",
        )),
    },
    Script {
        name: "a connection is closed instead of an invocation",
        steps: &[Last(""), ONE, ACCEPTED],
        conduct: Conduct { asks: &["next", "next", "response", "next"], ends: No },
        official: Some((Some(ENDS_AT_ONCE), "the official crate does not ask twice")),
    },
];

impl Step {
    fn script(&self) -> ServerStep {
        match self {
            Event(payload) => ServerStep::Bytes(fake::invocation("r-1", payload.as_bytes())),
            Status(status) => {
                ServerStep::Bytes(fake::response(status, "{\"errorType\":\"Scripted\"}\n"))
            }
            Bytes(text) => ServerStep::Bytes(text.as_bytes().to_vec()),
            Last(text) => ServerStep::Last(text.as_bytes().to_vec()),
        }
    }
}

/// The last segment of a request's path.
fn verb(request: &Request) -> &str {
    request.target.rsplit('/').next().unwrap_or_default()
}

/// Plays all scripts, and prints the conduct in each.
#[track_caller]
#[expect(
    clippy::print_stdout,
    reason = "the reasons are for whoever looks at the output of a test"
)]
fn check(of: Crate) {
    let mut wrong = Vec::new();
    for script in SCRIPTS {
        let (conduct, reason) = match &script.official {
            Some((conduct, reason)) if of == Official => (conduct.as_ref(), *reason),
            _ => (Some(&script.conduct), ""),
        };
        let (requests, ends) = fake::serve_script(of, script.steps.iter().map(Step::script));
        let asks: Vec<&str> = requests.iter().map(verb).collect();
        let line = format!("{}: {asks:?}, ends: {ends:?} ({reason})", script.name);
        println!("{of:?}: {}", line.trim_end_matches(" ()"));
        if let Some(conduct) = conduct
            && (asks != conduct.asks || ends != conduct.ends)
        {
            wrong
                .push(format!("{line}\n  instead of {:?}, ends: {:?}", conduct.asks, conduct.ends));
        }
    }
    assert!(wrong.is_empty(), "{of:?}:\n{}", wrong.join("\n"));
}

#[test]
fn our_crate_with_a_runtime_api_that_misbehaves() {
    check(Ours);
}

#[test]
fn the_official_crate_with_a_runtime_api_that_misbehaves() {
    check(Official);
}
