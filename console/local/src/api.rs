//! The APIs that are served, and function URLs. Each reads requests, works on the shared state ([`crate::service`]) and
//! answers; the router says which one a request is for.

pub(crate) mod iam;
pub(crate) mod lambda;
pub(crate) mod logs;
pub(crate) mod router;
mod sts;
pub(crate) mod urls;
