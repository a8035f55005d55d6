//! The terminal console and its headless commands.

pub mod message;
pub mod state;
pub mod work;
pub mod zig;
