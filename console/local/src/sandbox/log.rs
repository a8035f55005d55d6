//! The log of a sandbox: its stream, Lambda's own lines, and the filter by log level.

pub(crate) mod event;
pub(crate) mod level;
pub(crate) mod report;
pub(crate) mod trace;
pub(crate) mod writer;
