//! The supported APIs, and function URLs. Each reads requests, works on the shared state
//! ([`crate::service`]) and answers; the router selects the API for a request.

pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod router;
mod sts;
pub(crate) mod urls;
