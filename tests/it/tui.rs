//! The screen without a terminal: keys and events in, frames out. There is a file for each feature,
//! named as in `tui/update`.

mod ahead;
mod app;
mod delete;
mod jobs;
mod keymap;
mod logs;
mod navigation;
mod payload;
mod plan;
mod promote;
mod response;
mod run;
mod screens;
mod settings;
mod stages;
mod startup;
mod versions;
mod watch;
mod workspace;
