//! A sandbox's log: its stream, and the tail of the invocation that runs, for `LogType=Tail`.

use crate::{
    function::{Function, LogFormat},
    logs::{Logs, Writer},
};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How much of an invocation's log Invoke returns: 4 KB.
const TAIL: usize = 4096;

/// Where the lines of a sandbox go.
pub(crate) struct Journal {
    stream: Writer,
    /// The log group's name.
    pub(super) group: String,
    /// The version that runs.
    pub(super) version: String,
    /// The log stream's name.
    pub(super) name: String,
    /// How Lambda's own lines are written.
    pub(super) format: LogFormat,
    tail: Mutex<Vec<u8>>,
}

impl Journal {
    /// A new log stream in the function's group.
    pub(crate) fn begin(logs: &Arc<Logs>, function: &Function) -> io::Result<Arc<Self>> {
        let date = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).strftime("%Y/%m/%d").to_string();
        let name = format!("{date}/[{}]{}", function.version, uuid::Uuid::new_v4().simple());
        let group = function.logging.log_group.clone();
        let stream = logs.begin(&group, &name)?;
        Ok(Arc::new(Self {
            stream,
            group,
            version: function.version.clone(),
            name,
            format: function.logging.log_format,
            tail: Mutex::default(),
        }))
    }

    /// Adds messages.
    pub(super) fn write(&self, messages: Vec<String>) {
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

    /// Forgets the tail: another invocation begins.
    pub(super) fn begin_tail(&self) {
        self.tail().clear();
    }

    /// The tail of the invocation that just ended.
    pub(crate) fn take_tail(&self) -> Vec<u8> {
        std::mem::take(&mut *self.tail())
    }

    fn tail(&self) -> MutexGuard<'_, Vec<u8>> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
