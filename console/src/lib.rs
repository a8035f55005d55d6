//! The terminal console and its headless commands.

pub mod cli;
pub mod message;
pub mod state;
pub mod work;
pub mod zig;
