//! The APIs from the clients' point of view.

mod aliases;
mod functions;
mod iam;
pub(crate) mod layers;
mod logs;
mod operations;
mod policy;
mod settings;
mod states;
mod url_auth;
mod url_config;
mod urls;
mod versions;
