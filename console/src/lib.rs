//! The terminal console and its headless commands.

pub mod app;
pub mod cli;
pub mod config;
pub mod keymap;
pub mod message;
pub mod state;
pub mod term;
pub mod theme;
pub mod update;
pub mod view;
pub mod work;
pub mod zig;
