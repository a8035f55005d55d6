//! The local Lambda.
