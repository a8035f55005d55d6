//! All integration tests, linked once.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be unwrapped is the failure")]

mod aws;
mod budget;
mod cli;
mod contract;
mod exec;
mod peers;
mod pty;
mod tidy;
mod tidy_modules;
mod tidy_text;
mod tidy_words;
mod tui;
