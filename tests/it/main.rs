//! All integration tests, linked once.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be unwrapped is the failure")]

mod app;
mod editor;
mod jobs;
mod keymap;
mod logs;
mod looping;
mod navigation;
mod screens;
mod startup;
mod tidy;
