//! The terminal console and its headless commands.
//!
//! Data flows one way: a key or a result becomes an event, `update` changes the state and asks for effects, `view` draws
//! the state, `work` carries the effects out and answers with events.
//!
//! | room | is |
//! | --- | --- |
//! | [`state`] | plain data: no clients, channels, clocks, files |
//! | [`message`] | what travels: actions, events, effects |
//! | [`update`](mod@update) | the only place where state changes; never waits |
//! | [`view`] | draws the state; cannot fail, cannot change it |
//! | [`work`] | cargo, toolchain, AWS calls, history; knows neither state nor view |
//! | [`app`], [`term`] | the loop, and the terminal that it draws on |
//! | [`cli`] | the command line; its commands call the same `work` |
//!
//! Arrows: `main → cli → app → {update, view, work} → message → state`. None points back.

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
