//! What the tests share: a console without a terminal, and a workspace to show in it.

mod harness;
pub mod sample;

pub use harness::{Harness, processor_ms};
