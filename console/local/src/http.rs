//! HTTP and the protocols of AWS's APIs on it: requests, responses, errors and their rendering.
//! Knows no API.

pub(crate) mod error;
pub(crate) mod eventstream;
pub(crate) mod hex;
pub(crate) mod ids;
pub(crate) mod query;
pub(crate) mod render;
pub(crate) mod request;
pub(crate) mod response;
