//! All state on disk, and the parts of it that are kept in memory.

pub(crate) mod code_store;
pub(crate) mod controls;
pub(crate) mod damage;
pub(crate) mod disk;
pub(crate) mod event_invoke_config;
pub(crate) mod function;
mod function_code;
pub(crate) mod function_record;
pub(crate) mod functions;
pub(crate) mod iam;
pub(crate) mod layers;
pub(crate) mod logs;
pub(crate) mod per_qualifier;
pub(crate) mod queue;
mod table;
mod trash;
pub(crate) mod url_config;
pub(crate) mod zipfile;
