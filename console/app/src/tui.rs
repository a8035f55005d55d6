//! The screen.
//!
//! Data flows one way: a key or a result becomes an event, `update` changes the state and returns
//! effects, `view` draws the state, `dispatch` runs the effects through the engine and sends
//! events.
//!
//! | room | is |
//! | --- | --- |
//! | [`state`] | plain data: no clients, channels, clocks, files |
//! | [`task`] | the work of a job, and what it reports |
//! | [`action`](mod@action) | the verbs, and their names in the keymap |
//! | [`message`] | what travels: events, effects |
//! | [`update`](mod@update) | the only place that changes state; never waits |
//! | [`view`] | draws the state; cannot fail, cannot change it |
//! | [`dispatch`] | starts the engine's work for an effect and turns its results into events |
//! | [`app`], [`terminal`] | the loop, and the terminal that it draws on |
//! | [`config`], [`keymap`], [`theme`] | the user's configuration: keys, colours, defaults |
//!
//! Dependencies: `app → {update, view, dispatch} → message → state → {task, action}`, never
//! backwards; `view` and `update` do not depend on the engine.

pub mod action;
pub mod app;
pub mod config;
pub mod dispatch;
pub mod keymap;
pub mod message;
pub mod state;
pub mod task;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
