//! Whether the server can do its work now, as data for every dialect's readiness answer.

/// The parts a readiness answer reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// Every shard is open and its flushes succeed.
    pub storage: bool,
    /// The registry accepts work (not shutting down).
    pub engine: bool,
    /// The embedder is loaded, or its endpoint answered last time it was asked.
    pub embedding: bool,
}

impl Readiness {
    #[must_use]
    pub fn is_ready(self) -> bool {
        self.storage && self.engine && self.embedding
    }
}
