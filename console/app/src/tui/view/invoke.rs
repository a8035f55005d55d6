//! Payloads and responses.

pub(super) mod payload;
pub(super) mod response;
