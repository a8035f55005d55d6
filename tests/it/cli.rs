//! The commands, each in a process of its own.

mod crash;
pub(crate) mod export;
mod flow;
mod include;
mod invoke;
mod names;
mod refused;
mod route;
mod serving;
pub(crate) mod stages;
mod watch;
