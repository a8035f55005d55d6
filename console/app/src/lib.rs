//! The terminal console and its headless commands: two faces of the same engine.
//!
//! | room | is |
//! | --- | --- |
//! | [`cli`] | the command line: a file per command |
//! | [`tui`] | the screen: state, update, view, and the loop around them |
//! | [`logging`] | the console's own log |
//!
//! What they do to the world is in `lambda_console_engine`, what both speak of in `lambda_console_model`, and the local
//! Lambda in `lambda_console_local`.

pub mod cli;
pub mod logging;
pub mod tui;
