//! Payloads and responses.

pub(super) mod body;
pub(super) mod document;
pub(super) mod payload;
pub(super) mod response;
