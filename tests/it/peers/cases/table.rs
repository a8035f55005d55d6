//! The table: events, their outcomes, and deviations with their reasons.

use super::{
    Ends::{self, No, Yes},
    function::Crate::{self, Official, Ours},
    server::Server::{self, Classic, Fake, Local, Managed},
};

/// Timeout of an invocation that must not time out, in seconds.
pub(super) const LONG: u32 = 20;
/// Timeout of an invocation that must time out, in seconds.
pub(super) const SHORT: u32 = 2;

/// One event and its outcome.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) payload: Payload,
    /// The function's timeout.
    pub(super) seconds: u32,
    pub(super) expected: Expected,
    pub(super) ends: Ends,
    pub(super) deviations: &'static [Deviation],
}

/// Payload of an event.
pub(super) enum Payload {
    Bytes(&'static [u8]),
    /// A JSON string of this length, including its quotes.
    Long(usize),
}

impl Payload {
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Long(length) => format!("{:?}", "x".repeat(length - 2)).into_bytes(),
        }
    }
}

/// Outcome of an event.
#[derive(Debug)]
pub(super) enum Expected {
    /// The payload itself.
    Echo,
    /// This response.
    Answer(&'static str),
    /// A response of this many bytes.
    Length(usize),
    /// An error of this type, whose message contains this text.
    Error(&'static str, &'static str),
    /// Nothing runs: the call is refused with this error code.
    Refused(&'static str),
    /// The event is not sent.
    NotAsked,
}

/// An outcome on some servers or crates only.
pub(super) struct Deviation {
    pub(super) servers: &'static [Server],
    pub(super) crates: &'static [Crate],
    pub(super) expected: Expected,
    pub(super) ends: Ends,
    pub(super) reason: &'static str,
}

/// Defaults of a case.
const ORDINARY: Case = Case {
    name: "",
    payload: Payload::Bytes(b""),
    seconds: LONG,
    expected: Expected::Echo,
    ends: No,
    deviations: &[],
};

const EVERYWHERE: &[Server] = &[Classic, Managed, Local, Fake];
const NOT_LOCAL: &[Server] = &[Classic, Managed, Fake];
const BOTH: &[Crate] = &[Ours, Official];

/// The type of every error of a handler on the official crate.
const BOXED: &str =
    "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>";
const BOXED_PANIC: &str = "&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>";
const DESERIALISE: &str = "&lambda_runtime::deserializer::DeserializeError";
const RUST_NAME: &str =
    "the official crate tells the Rust name of a reference, which Lambda does not take as a type";
const VALIDATED: &str = "Invoke, as on AWS, takes nothing that is not JSON";

/// A payload that is not JSON, with the error message of the official crate.
const fn not_json(words: &'static str) -> [Deviation; 2] {
    [
        Deviation {
            servers: &[Local],
            crates: BOTH,
            expected: Expected::Refused("InvalidRequestContentException"),
            ends: No,
            reason: VALIDATED,
        },
        Deviation {
            servers: NOT_LOCAL,
            crates: &[Official],
            expected: Expected::Error(DESERIALISE, words),
            ends: No,
            reason: RUST_NAME,
        },
    ]
}

const NOT_JSON_UTF8: &[Deviation] = &not_json("invalid unicode code point at line 1 column 2");
const NOT_JSON_EOF: &[Deviation] = &not_json("EOF while parsing a value at line 1 column 21");

/// All cases.
pub(super) const CASES: &[Case] = &[
    Case {
        name: "a value comes back",
        payload: Payload::Bytes(br#"{"do":"echo","value":{"text":"gr\u00fc\u00df \ud83e\udd80"}}"#),
        expected: Expected::Answer("{\"text\":\"grüß 🦀\"}"),
        ..ORDINARY
    },
    Case {
        name: "a handler fails",
        payload: Payload::Bytes(br#"{"do":"fail"}"#),
        expected: Expected::Error("Function.Error", "as asked"),
        deviations: &[Deviation {
            servers: EVERYWHERE,
            crates: &[Official],
            expected: Expected::Error(BOXED, "as asked"),
            ends: No,
            reason: RUST_NAME,
        }],
        ..ORDINARY
    },
    Case {
        name: "a handler panics",
        payload: Payload::Bytes(br#"{"do":"panic"}"#),
        expected: Expected::Error("Runtime.Panic", "oh no (panicked at functions/ours/src/act.rs:"),
        ends: Yes,
        deviations: &[
            Deviation {
                servers: &[Managed],
                crates: &[Ours],
                expected: Expected::Error(
                    "Runtime.Panic",
                    "oh no (panicked at functions/ours/src/act.rs:",
                ),
                ends: No,
                reason: "other invocations are in the same process",
            },
            Deviation {
                servers: EVERYWHERE,
                crates: &[Official],
                expected: Expected::Error(BOXED_PANIC, "Lambda panicked: oh no"),
                ends: No,
                reason: "the official crate goes on with whatever state a panic left, and tells a \
                    Rust name as its type",
            },
        ],
        ..ORDINARY
    },
    Case {
        name: "a response cannot be JSON",
        payload: Payload::Bytes(br#"{"do":"unserialisable"}"#),
        // On a managed instance the official crate lets it run into its timeout.
        seconds: SHORT,
        expected: Expected::Error(
            "Runtime.MarshalError",
            "cannot be serialized to JSON: key must be a string",
        ),
        deviations: &[
            Deviation {
                servers: &[Classic, Local, Fake],
                crates: &[Official],
                expected: Expected::Error("Runtime.ExitError", ""),
                ends: Yes,
                reason: "the official crate tells nobody, and its process ends",
            },
            Deviation {
                servers: &[Managed],
                crates: &[Official],
                expected: Expected::Error("Sandbox.Timedout", "Task timed out after 2.00 seconds"),
                ends: No,
                reason: "the official crate tells nobody, and has a worker less for good",
            },
        ],
        ..ORDINARY
    },
    Case { name: "null", payload: Payload::Bytes(b"null"), ..ORDINARY },
    Case {
        name: "an empty body",
        payload: Payload::Bytes(b""),
        expected: Expected::Answer("null"),
        deviations: &[
            Deviation {
                servers: &[Local],
                crates: BOTH,
                expected: Expected::Answer("{}"),
                ends: No,
                reason: "Invoke, as on AWS, makes an empty object of no payload",
            },
            Deviation {
                servers: NOT_LOCAL,
                crates: &[Official],
                expected: Expected::Error(
                    DESERIALISE,
                    "EOF while parsing a value at line 1 column 0",
                ),
                ends: No,
                reason: "the official crate takes it for broken JSON; Lambda itself never sends it",
            },
        ],
        ..ORDINARY
    },
    Case {
        name: "a payload that is not UTF-8",
        payload: Payload::Bytes(b"\"\xff\""),
        expected: Expected::Error(
            "Runtime.UnmarshalError",
            "invalid unicode code point at line 1 column 2",
        ),
        deviations: NOT_JSON_UTF8,
        ..ORDINARY
    },
    Case {
        name: "a payload that breaks off",
        payload: Payload::Bytes(br#"{"do":"echo","value":"#),
        expected: Expected::Error(
            "Runtime.UnmarshalError",
            "EOF while parsing a value at line 1 column 21",
        ),
        deviations: NOT_JSON_EOF,
        ..ORDINARY
    },
    Case { name: "a payload of 6 MB", payload: Payload::Long(6 * 1024 * 1024), ..ORDINARY },
    Case {
        name: "a response of 6 MB and 100 bytes",
        payload: Payload::Bytes(br#"{"do":"big","bytes":6291554}"#),
        expected: Expected::Length(6_291_556),
        ..ORDINARY
    },
    Case {
        name: "a response of 6 MB and 101 bytes",
        payload: Payload::Bytes(br#"{"do":"big","bytes":6291555}"#),
        // Reported by the server: it responds with 413, and the process continues.
        expected: Expected::Error("Function.ResponseSizeTooLarge", ""),
        ..ORDINARY
    },
    Case {
        name: "time runs out",
        payload: Payload::Bytes(br#"{"do":"hang"}"#),
        seconds: SHORT,
        expected: Expected::Error("Sandbox.Timedout", "Task timed out after 2.00 seconds"),
        ends: Yes,
        deviations: &[
            Deviation {
                servers: &[Classic],
                crates: BOTH,
                expected: Expected::Answer("Task timed out after 2.00 seconds"),
                ends: Yes,
                reason: "the classic emulator tells it as if it were the response",
            },
            Deviation {
                servers: &[Managed],
                crates: BOTH,
                expected: Expected::Error("Sandbox.Timedout", "Task timed out after 2.00 seconds"),
                ends: No,
                reason: "other invocations are in the same process",
            },
            Deviation {
                servers: &[Fake],
                crates: BOTH,
                expected: Expected::NotAsked,
                ends: No,
                reason: "the fake has no clock; a late answer is among its scripts",
            },
        ],
    },
];
