//! All integration tests, linked once.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be unwrapped is the failure")]

mod ahead;
mod app;
mod aws;
mod config;
mod contract;
mod crash;
mod editor;
mod flow;
mod included;
mod jobs;
mod keymap;
mod logs;
mod looping;
mod navigation;
mod network;
mod peers;
mod plan;
mod promotion;
mod pty;
mod refused;
mod removing;
mod responses;
mod screens;
mod serving;
mod stages;
mod stages_reached;
mod stages_screen;
mod startup;
mod streams;
mod tidy;
mod versions;
mod watch;
mod watching;
