//! A process that the spawner started: its end, and its death with its owner.

use std::{io, process::ExitStatus};

use rustix::process::Pid;

/// A started process. It is killed if this is dropped before its end.
pub(crate) struct Child {
    id: Pid,
    form: Form,
}

enum Form {
    /// Of tokio, where the system has no descriptors of processes.
    Tokio(tokio::process::Child),
    #[cfg(target_os = "linux")]
    Descriptor(super::vfork::Process),
}

impl Child {
    /// Wraps a process that tokio started. Returns an error if it has already been awaited.
    pub(super) fn of_tokio(child: tokio::process::Child) -> io::Result<Self> {
        let id = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let id = id.ok_or_else(|| io::Error::other("the process ended at once"))?;
        Ok(Self { id, form: Form::Tokio(child) })
    }

    #[cfg(target_os = "linux")]
    pub(super) fn of_descriptor(process: super::vfork::Process) -> Self {
        Self { id: process.id(), form: Form::Descriptor(process) }
    }

    /// Returns its process ID.
    pub(crate) fn id(&self) -> Pid {
        self.id
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        match &mut self.form {
            Form::Tokio(child) => child.wait().await,
            #[cfg(target_os = "linux")]
            Form::Descriptor(process) => process.wait().await,
        }
    }
}
