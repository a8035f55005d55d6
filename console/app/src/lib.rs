//! The terminal console and its headless commands: two interfaces to the same engine.
//!
//! | room | is |
//! | --- | --- |
//! | [`cli`] | the command line: a file per command |
//! | [`tui`] | the screen: state, update, view, and the loop around them |
//! | [`logging`] | the console's own log |
//!
//! All work is done in `lambda_console_engine`, shared values are in `lambda_console_model`, and
//! the local Lambda is in `lambda_console_local`.

pub mod cli;
pub mod logging;
pub mod tui;
