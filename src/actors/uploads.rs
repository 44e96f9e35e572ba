//! Files on their way in: received into the spool, and a tenant's once a command brings them.

pub use crate::storage::{Spool, SpoolWriter, SpooledFile};
