//! A sandbox's log: its stream, the tail of the current invocation for `LogType=Tail`, and the
//! telemetry for its extensions.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use super::{
    event::event,
    level::{Level, Threshold},
};
use crate::{
    sandbox::{
        env::SandboxEnv,
        telemetry::{Category, Happening, Telemetry},
    },
    store::{
        function::{Function, LogFormat},
        logs::writer::Writer,
    },
};

/// Size of the log tail that Invoke returns: 4 KB.
const TAIL: usize = 4096;

/// Receiver of a sandbox's log lines.
pub(crate) struct LogWriter {
    stream: Writer,
    /// The log group's name.
    pub(crate) group: String,
    /// The function version.
    pub(crate) version: String,
    /// The log stream's name.
    pub(crate) name: String,
    /// Format of Lambda's own lines.
    pub(crate) format: LogFormat,
    /// The extensions that receive the lines.
    pub(crate) telemetry: Telemetry,
    threshold: Threshold,
    tail: Mutex<Vec<u8>>,
}

/// A line of Lambda's own in its two forms; each is only made if it is needed.
pub(crate) struct Line<'a> {
    /// Its type, such as `platform.start`.
    pub(crate) kind: &'static str,
    /// Its log level.
    pub(crate) level: Level,
    /// The lines of text, if the text format has any.
    pub(crate) text: &'a dyn Fn() -> Vec<String>,
    /// Its record in JSON.
    pub(crate) record: &'a dyn Fn() -> Value,
}

impl LogWriter {
    /// Starts a new log stream in the function's group. This writes a file, and reads all streams
    /// of a group that was not used before: it runs on a thread that may block.
    pub(crate) async fn begin(env: &SandboxEnv, function: &Function) -> io::Result<Arc<Self>> {
        let date = jiff::Zoned::now()
            .with_time_zone(jiff::tz::TimeZone::UTC)
            .strftime("%Y/%m/%d")
            .to_string();
        let name = format!("{date}/[{}]{}", function.version, uuid::Uuid::new_v4().simple());
        let group = function.logging.log_group.clone();
        let (logs, of, named) = (Arc::clone(&env.logs), group.clone(), name.clone());
        // The server waits for the file before it ends.
        let beginning = env.tasks.spawn_blocking(move || logs.begin(&of, &named));
        let stream = beginning.await.map_err(io::Error::other)??;
        Ok(Arc::new(Self {
            stream,
            group,
            version: function.version.clone(),
            name,
            format: function.logging.log_format,
            telemetry: Telemetry::default(),
            threshold: Threshold::of(&function.logging),
            tail: Mutex::default(),
        }))
    }

    /// Adds a line of Lambda's own.
    pub(crate) fn platform(&self, line: &Line<'_>) {
        let Line { kind, level, text, record } = line;
        let (hears, json) = (self.telemetry.listens(), self.format == LogFormat::Json);
        let writes = json && self.threshold.keeps_system(*level);
        let event = (writes || hears).then(|| event(kind, &record()));
        if hears && let Some(event) = &event {
            self.publish(Category::Platform, kind, event);
        }
        self.write(if json { event.filter(|_| writes).into_iter().collect() } else { text() });
    }

    /// Sends an event to the extensions only.
    pub(crate) fn whisper(&self, kind: &'static str, record: impl FnOnce() -> Value) {
        if self.telemetry.listens() {
            self.publish(Category::Platform, kind, &event(kind, &record()));
        }
    }

    /// Adds output of the function or of an extension.
    pub(crate) fn printed(&self, by: Category, mut messages: Vec<String>) {
        if self.telemetry.listens() {
            for message in &messages {
                self.publish(
                    by,
                    by.name(),
                    &event(by.name(), &Value::from(message.trim_end_matches('\n'))),
                );
            }
        }
        if by == Category::Function && self.format == LogFormat::Json {
            messages.retain(|message| self.threshold.keeps(message));
        }
        self.write(messages);
    }

    fn publish(&self, category: Category, kind: &'static str, event: &str) {
        self.telemetry.publish(Happening {
            category,
            kind,
            json: event.trim_end().to_owned().into(),
        });
    }

    /// Adds messages.
    pub(crate) fn write(&self, messages: Vec<String>) {
        if messages.is_empty() {
            return;
        }
        let mut tail = self.tail();
        for message in &messages {
            tail.extend_from_slice(message.as_bytes());
        }
        if tail.len() > TAIL {
            let mut cut = tail.len() - TAIL;
            // Not in the middle of a character.
            while tail.get(cut).is_some_and(|byte| byte & 0xC0 == 0x80) {
                cut += 1;
            }
            tail.drain(..cut);
        }
        drop(tail);
        if let Err(error) = self.stream.append_now(messages) {
            tracing::warn!(%error, stream = self.name, "log lines could not be written");
        }
    }

    /// Ends the init: no extension may subscribe any more.
    pub(crate) fn close_subscriptions(&self) {
        self.telemetry.close();
    }

    /// Clears the tail for a new invocation.
    pub(crate) fn begin_tail(&self) {
        self.tail().clear();
    }

    /// Takes the tail of the invocation that just ended.
    pub(crate) fn take_tail(&self) -> Vec<u8> {
        std::mem::take(&mut *self.tail())
    }

    fn tail(&self) -> MutexGuard<'_, Vec<u8>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
