//! Log writer of a sandbox. Touches the log directory only.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Logs, stream::Stream};

/// A sandbox's log stream. If the stream or its group is deleted, the next line creates both again,
/// as on AWS.
pub(crate) struct Writer {
    logs: Arc<Logs>,
    group: String,
    name: String,
    stream: Mutex<Arc<Stream>>,
}

impl Logs {
    /// Opens a new stream for a sandbox, in a group that is created if missing.
    pub(crate) fn begin(self: &Arc<Self>, group: &str, name: &str) -> io::Result<Writer> {
        let stream = self.held(group, name)?;
        Ok(Writer {
            logs: Arc::clone(self),
            group: group.to_owned(),
            name: name.to_owned(),
            stream: Mutex::new(stream),
        })
    }

    fn held(&self, group: &str, name: &str) -> io::Result<Arc<Stream>> {
        self.ensure_group(group)?.hold_stream(name)
    }
}

impl Writer {
    /// Adds messages with the current time. On an error they are kept in memory as long as there is
    /// room.
    pub(crate) fn append_now(&self, messages: Vec<String>) -> io::Result<()> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if stream.is_gone() {
            *stream = self.logs.held(&self.group, &self.name)?;
        }
        let stream = Arc::clone(&stream);
        stream.append_now(messages)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stream.get_mut().unwrap_or_else(PoisonError::into_inner).release();
    }
}
