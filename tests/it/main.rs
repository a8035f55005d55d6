//! All integration tests, linked once.

mod contract;
mod flow;
mod peers;
mod pty;
