//! Faults that can be injected into a call.

use std::{io, net::TcpStream, time::Duration};

use super::call::{Call, Request};

/// Kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The service refuses the call, and has changed nothing.
    Refuse(Refusal),
    /// The service executes the call, and responds as if it had not.
    RefuseDone(Refusal),
    /// The connection is reset before the service receives the call.
    Reset,
    /// The service executes the call, and the connection is reset before the response.
    ResetDone,
    /// The response ends in the middle of its body.
    Truncate,
    /// A byte of the response is changed: for a stream of events in the first frame with data.
    Corrupt,
    /// The call is forwarded only after this time.
    Late(Duration),
}

impl Fault {
    /// Too many calls.
    pub const THROTTLED: Self = Self::Refuse(Refusal {
        status: 429,
        code: "TooManyRequestsException",
        message: "Rate exceeded",
    });
    /// Too many calls, in the words of the logs, IAM and STS.
    pub const THROTTLED_ELSEWHERE: Self = Self::Refuse(Refusal {
        status: 400,
        code: "ThrottlingException",
        message: "Rate exceeded",
    });
    /// Another update of the function is in progress.
    pub const CONFLICT: Self = Self::Refuse(Refusal {
        status: 409,
        code: "ResourceConflictException",
        message: "The operation cannot be performed at this time. An update is in progress for \
            resource: arn:aws:lambda:us-east-1:000000000000:function:any",
    });
    /// The role cannot be assumed yet.
    pub const NO_ROLE: Self = Self::Refuse(Refusal {
        status: 400,
        code: "InvalidParameterValueException",
        message: "The role defined for the function cannot be assumed by Lambda.",
    });
    /// The key of the environment cannot be used by a new role yet.
    pub const NO_KEY: Self = Self::Refuse(Refusal {
        status: 400,
        code: "InvalidParameterValueException",
        message: "Lambda was unable to configure access to your environment variables because the \
            KMS key is invalid for CreateGrant. Please check your KMS key settings. KMS Exception: \
            InvalidArnException",
    });
    /// The function was changed by another caller.
    pub const PRECONDITION: Self = Self::Refuse(Refusal {
        status: 412,
        code: "PreconditionFailedException",
        message: "The Revision Id provided does not match the latest Revision Id. Call the \
            GetFunction/GetAlias API to retrieve the latest Revision Id",
    });
    /// The service failed, and has changed nothing.
    pub const FAILED: Self = Self::Refuse(Refusal {
        status: 500,
        code: "ServiceException",
        message: "An error occurred.",
    });
    /// The service executed the call, and failed to report it.
    pub const FAILED_DONE: Self = Self::RefuseDone(Refusal {
        status: 503,
        code: "ServiceUnavailableException",
        message: "Service unavailable",
    });
    /// The caller has no permission.
    pub const DENIED: Self = Self::Refuse(Refusal {
        status: 403,
        code: "AccessDeniedException",
        message: "User: arn:aws:sts::000000000000:assumed-role/dev/me is not authorized to \
            perform: lambda:UpdateFunctionCode on resource: \
            arn:aws:lambda:us-east-1:000000000000:function:any because no identity-based policy \
            allows the lambda:UpdateFunctionCode action",
    });
    /// The function is not ready yet.
    pub const NOT_READY: Self = Self::Refuse(Refusal {
        status: 502,
        code: "ResourceNotReadyException",
        message: "Lambda is initializing your function. It will be ready to invoke shortly.",
    });
    /// There is no space for another version.
    pub const NO_ROOM: Self = Self::Refuse(Refusal {
        status: 400,
        code: "CodeStorageExceededException",
        message: "Code storage limit exceeded.",
    });

    /// Any other refusal.
    pub const fn refused(status: u16, code: &'static str, message: &'static str) -> Self {
        Self::Refuse(Refusal { status, code, message })
    }
}

/// An error as a service sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: &'static str,
    message: &'static str,
}

/// Rule for the injection of a fault.
#[derive(Clone, Debug)]
pub struct Rule {
    operation: String,
    named: String,
    after: usize,
    times: usize,
    fault: Fault,
    met: usize,
}

impl Rule {
    /// Applies to the first call of `operation`; `*` is any.
    pub fn on(operation: &str, fault: Fault) -> Self {
        Self {
            operation: operation.to_owned(),
            named: String::new(),
            after: 0,
            times: 1,
            fault,
            met: 0,
        }
    }

    /// Applies only to calls whose target contains this text: a function's name.
    #[must_use]
    pub fn of(self, named: &str) -> Self {
        Self { named: named.to_owned(), ..self }
    }

    /// Lets this many calls pass first.
    #[must_use]
    pub fn after(self, calls: usize) -> Self {
        Self { after: calls, ..self }
    }

    /// Applies to this many calls.
    #[must_use]
    pub fn times(self, calls: usize) -> Self {
        Self { times: calls, ..self }
    }

    /// Applies to every call.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Number of faults that it has injected.
    pub fn done(&self) -> usize {
        self.met.saturating_sub(self.after).min(self.times)
    }

    /// The fault for this call, if any.
    pub(super) fn meet(&mut self, call: &Call) -> Option<Fault> {
        let is_meant = (self.operation == "*" || self.operation == call.operation)
            && call.target.contains(&self.named);
        if !is_meant {
            return None;
        }
        self.met += 1;
        (self.met > self.after && self.met - self.after <= self.times).then(|| self.fault.clone())
    }
}

/// Protocol in which a service writes its errors.
#[derive(Clone, Copy)]
pub(super) enum Protocol {
    Rest,
    Json,
    Query,
}

impl Protocol {
    pub(super) fn of(request: &Request) -> Self {
        if request.header("x-amz-target").is_some() {
            Self::Json
        } else if request
            .header("content-type")
            .is_some_and(|kind| kind.contains("form-urlencoded"))
        {
            Self::Query
        } else {
            Self::Rest
        }
    }
}

impl Refusal {
    /// The complete response.
    pub(super) fn render(&self, protocol: Protocol) -> Vec<u8> {
        let Self { status, code, message } = self;
        let (kind, body) = match protocol {
            Protocol::Rest => {
                let reason =
                    if *status == 429 { r#","Reason":"CallerRateLimitExceeded""# } else { "" };
                (
                    "application/json",
                    format!(
                        r#"{{"Type":"User","Message":"{message}","message":"{message}"{reason}}}"#
                    ),
                )
            }
            Protocol::Json => (
                "application/x-amz-json-1.1",
                format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
            ),
            Protocol::Query => (
                "text/xml",
                format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                     <RequestId>5f0d3b0e-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
                ),
            ),
        };
        format!(
            "HTTP/1.1 {status} Refused\r\ncontent-type: {kind}\r\nx-amzn-errortype: {code}\r\n\
             x-amzn-requestid: 5f0d3b0e-0000-4000-8000-000000000000\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Resets the connection.
pub(super) fn reset(client: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(client, Some(Duration::ZERO)).map_err(io::Error::from)
}

/// Finds the end of the head.
#[derive(Default)]
struct Head {
    last: Vec<u8>,
    ended: bool,
}

impl Head {
    /// Position of the body in `piece`, or `None` if it contains nothing of it.
    fn body(&mut self, piece: &[u8]) -> Option<usize> {
        if self.ended {
            return (!piece.is_empty()).then_some(0);
        }
        let before = self.last.len();
        self.last.extend_from_slice(piece);
        let end = self.last.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        self.ended = true;
        (end < self.last.len()).then(|| end - before)
    }
}

/// Truncates the response in the middle of the first piece of its body.
#[derive(Default)]
pub(super) struct Cut(Head);

impl Cut {
    pub(super) fn shorten(&mut self, piece: &mut Vec<u8>) -> bool {
        let Some(body) = self.0.body(piece) else { return true };
        piece.truncate(body + (piece.len() - body) / 2);
        false
    }
}

/// Changes one byte: in a frame with data, or, for a response that is not a stream, in the middle
/// of its body.
#[derive(Default)]
pub(super) struct Spoil {
    head: Head,
    done: bool,
}

impl Spoil {
    pub(super) fn spoil(&mut self, piece: &mut [u8]) -> bool {
        if self.done {
            return true;
        }
        let Some(body) = self.head.body(piece) else { return true };
        let is_stream = self
            .head
            .last
            .windows(25)
            .any(|window| window == b"vnd.amazon.eventstream\r\n".as_slice())
            || String::from_utf8_lossy(&self.head.last).contains("vnd.amazon.eventstream");
        let find = |word: &[u8]| piece.windows(word.len()).position(|window| window == word);
        let place = if is_stream {
            find(b"sessionUpdate").or_else(|| find(b"PayloadChunk"))
        } else {
            Some(body + (piece.len() - body) / 2)
        };
        if let Some(place) = place {
            piece[place] ^= 1;
            self.done = true;
        }
        true
    }
}
