//! AWS access below the verbs: stages, clients, credentials, errors, names, aliases, and waiting.
//!
//! A stage is an endpoint with credentials. The kind of stage matters while its clients are made
//! ([`stage`]) and nowhere above.

mod account;
pub(crate) mod alias;
pub(crate) mod clients;
mod credentials;
pub(crate) mod denied;
pub(crate) mod error;
pub(crate) mod function;
mod genuine;
mod guard;
pub(crate) mod log_group;
pub(crate) mod metrics;
pub(crate) mod naming;
pub(crate) mod request;
pub(crate) mod retry;
pub mod stage;
#[cfg(test)]
mod tests;
pub(crate) mod waiting;
