//! The screen.
//!
//! Data flows one way: a key or a result becomes an event, `update` changes the state and asks for effects, `view` draws
//! the state, `dispatch` carries the effects out through the engine and answers with events.
//!
//! | room | is |
//! | --- | --- |
//! | [`state`] | plain data: no clients, channels, clocks, files |
//! | [`message`] | what travels: actions, events, effects |
//! | [`update`](mod@update) | the only place where state changes; never waits |
//! | [`view`] | draws the state; cannot fail, cannot change it |
//! | [`dispatch`] | starts the engine's work for an effect and turns its answers into events |
//! | [`app`], [`terminal`] | the loop, and the terminal that it draws on |
//! | [`config`], [`keymap`], [`theme`] | what the user's files say: keys, colours, defaults |
//!
//! Arrows: `app → {update, view, dispatch} → message → state`. None points back; `view` and `update` know no engine.

pub mod app;
pub mod config;
pub mod dispatch;
pub mod keymap;
pub mod message;
pub mod state;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
