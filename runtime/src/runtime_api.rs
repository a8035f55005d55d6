//! The client of the Runtime API: the address, the connection, the reading of responses, and the
//! answers and error reports that are sent.

pub(crate) mod base64;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod decode;
pub(crate) mod end;
pub(crate) mod endpoint;
pub(crate) mod payload;
pub(crate) mod reply;
pub(crate) mod report;
