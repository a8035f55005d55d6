//! The state on disk.

mod damage;
