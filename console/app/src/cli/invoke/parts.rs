//! Writes a response as it arrives: its bytes to stdout or to a file, or each part as a line of
//! JSON.

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_console_engine::Job;
use lambda_console_model::{Failure, HttpHead, ResponsePart, Step, text::one_line};
use serde_json::{Value, json};
use tokio::{fs::File, io::AsyncWriteExt, sync::mpsc::Receiver};

use crate::cli::{
    context::progress,
    output::{Shown, print_bytes},
};

/// Time that the reader of a cancelled response has to read the part that arrived.
const GRACE: Duration = Duration::from_secs(1);

/// Message on a terminal in place of bytes that must not be printed there.
pub(super) const NO_TEXT: &str = "the response is binary: `--output FILE` saves it";

/// Destination of the parts.
pub(super) enum Destination {
    /// Standard output; the bytes unchanged.
    Stdout,
    /// Standard output; one line of JSON per part.
    Lines,
    /// This file; the bytes unchanged.
    File(PathBuf, File),
}

impl Destination {
    /// Creates or truncates the file before anything is invoked.
    pub(super) async fn file(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).await.map_err(|error| {
            let why = format!("{}: {error}", path.display());
            Failure::usage(
                "could not write the response",
                why,
                "nothing was sent: use a writable path",
            )
        })?;
        Ok(Self::File(path.to_owned(), file))
    }
}

/// Writes the parts until there are no more. If writing fails the invocation is cancelled, because
/// its response has no reader.
pub(super) async fn write(
    mut parts: Receiver<ResponsePart>,
    destination: Destination,
    job: &Job,
) -> Result<(), Failure> {
    let is_shown = matches!(destination, Destination::Stdout) && std::io::stdout().is_terminal();
    let shown = is_shown.then(Shown::default);
    let mut writer = Writer { destination, job, ends_line: true, shown, is_hidden: false };
    let all = async {
        while let Some(part) = parts.recv().await {
            writer.part(part).await?;
        }
        writer.end().await
    };
    let overdue = async {
        job.cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = all => result,
        () = overdue => Err(Failure::interrupted("could not write the response")),
    }
}

struct Writer<'a> {
    destination: Destination,
    job: &'a Job,
    /// `true` if the output so far ends with a line break.
    ends_line: bool,
    /// Filter for a terminal; `None` if the output is piped, or if it turned out not to be text.
    shown: Option<Shown>,
    is_hidden: bool,
}

impl Writer<'_> {
    async fn part(&mut self, part: ResponsePart) -> Result<(), Failure> {
        if matches!(self.destination, Destination::Lines) {
            return match line(&part) {
                Some(line) => stdout(format!("{line}\n").into_bytes()).await,
                None => Ok(()),
            };
        }
        match part {
            ResponsePart::Began { .. } => {
                // Progress is shown on a line that the response would continue.
                self.job.report(Step::Done(String::new()));
                Ok(())
            }
            ResponsePart::Http(head) => {
                for line in head_lines(&head) {
                    progress::print(&line);
                }
                Ok(())
            }
            ResponsePart::Bytes(bytes) => self.bytes(bytes).await,
            ResponsePart::More(_) => Ok(()),
        }
    }

    async fn bytes(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        if self.is_hidden {
            return Ok(());
        }
        let bytes = match self.shown.as_mut().map(|shown| shown.next(&bytes)) {
            None => bytes,
            Some(Some(text)) => text.into_bytes(),
            Some(None) => {
                self.is_hidden = true;
                progress::print(NO_TEXT);
                return Ok(());
            }
        };
        self.ends_line = bytes.last().map_or(self.ends_line, |last| *last == b'\n');
        match &mut self.destination {
            Destination::Stdout => stdout(bytes).await,
            Destination::File(path, file) => {
                file.write_all(&bytes).await.map_err(|error| cannot_save(path, &error))
            }
            Destination::Lines => Ok(()),
        }
    }

    async fn end(&mut self) -> Result<(), Failure> {
        match &mut self.destination {
            Destination::Stdout => match &self.shown {
                // The shell's prompt starts on a new line.
                Some(shown) if !self.ends_line => {
                    stdout(format!("{}\n", shown.end()).into_bytes()).await
                }
                _ => Ok(()),
            },
            Destination::File(path, file) => {
                file.flush().await.map_err(|error| cannot_save(path, &error))
            }
            Destination::Lines => Ok(()),
        }
    }
}

/// A reader that does not read must not block other work.
async fn stdout(bytes: Vec<u8>) -> Result<(), Failure> {
    let written = tokio::task::spawn_blocking(move || print_bytes(&bytes)).await;
    written.unwrap_or_else(|error| {
        Err(Failure::environment("could not print the response", error.to_string(), ""))
    })
}

fn cannot_save(path: &Path, error: &std::io::Error) -> Failure {
    Failure::environment(
        "could not save the response",
        format!("{}: {error}", path.display()),
        "free some disk space",
    )
}

/// Returns a part as a line of a stream of JSON. The bytes of a chunk are text, or base64 if they
/// are not valid text by themselves.
fn line(part: &ResponsePart) -> Option<Value> {
    Some(match part {
        ResponsePart::Began { request_id, content_type } => {
            json!({ "type": "begin", "request_id": request_id, "content_type": content_type })
        }
        ResponsePart::Http(head) => json!({ "type": "head", "http": head }),
        ResponsePart::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!({ "type": "chunk", "text": text }),
            Err(_) => json!({ "type": "chunk", "base64": BASE64_STANDARD.encode(bytes) }),
        },
        ResponsePart::More(_) => return None,
    })
}

/// Returns `HTTP 201`, then a line for each header.
pub(super) fn head_lines(head: &HttpHead) -> Vec<String> {
    let cookies = head.cookies.iter().map(|cookie| format!("set-cookie: {cookie}"));
    let headers = head.headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let fields = headers.chain(cookies).map(|field| one_line(&field));
    std::iter::once(format!("HTTP {}", head.status)).chain(fields).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_a_line_of_json_and_no_byte_is_lost() {
        let of = |part| line(&part).map(|line| line.to_string());
        assert_eq!(
            of(ResponsePart::Bytes(b"a\n".to_vec())).as_deref(),
            Some(r#"{"type":"chunk","text":"a\n"}"#)
        );
        assert_eq!(
            of(ResponsePart::Bytes(vec![0xff])).as_deref(),
            Some(r#"{"type":"chunk","base64":"/w=="}"#)
        );
        let head = HttpHead {
            status: 404,
            headers: vec![("x".into(), "y".into())],
            cookies: vec!["a=b".into()],
        };
        assert_eq!(head_lines(&head), ["HTTP 404", "x: y", "set-cookie: a=b"]);
        assert_eq!(
            of(ResponsePart::Http(head)).as_deref(),
            Some(
                r#"{"type":"head","http":{"status":404,"headers":[["x","y"]],"cookies":["a=b"]}}"#
            )
        );
    }
}
