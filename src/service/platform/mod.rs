//! What applications keep: sessions with their messages, actors, agents, threads, files and links to
//! files.

mod actors;
mod files;
mod sessions;
mod threads;

use super::MemoryService;

/// Cheap to clone.
#[derive(Clone)]
pub struct PlatformService {
    memory: MemoryService,
}

impl PlatformService {
    #[must_use]
    pub fn new(memory: MemoryService) -> Self {
        Self { memory }
    }
}
