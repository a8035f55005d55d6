//! The commands for versions: `versions`, `rollback`, `promote`.

pub(super) mod promote;
pub(super) mod versions;
