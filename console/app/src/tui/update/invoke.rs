//! Invocations: their options, payloads and responses.

pub(super) mod options;
pub(super) mod payload;
pub(super) mod response;
