//! How documents are cut into chunks: plain data with its ranges.

use serde::Deserialize;

use super::settings::check_range;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DocumentSettings {
    /// Characters of a chunk at most. 64 to 4,096.
    pub chunk_chars_max: usize,
    /// Characters that a chunk repeats of the one before it at most. 0 to half of
    /// `chunk_chars_max`.
    pub chunk_overlap_chars: usize,
    /// Chunks of one document; one with more is refused. 1 to 200,000.
    pub chunks_max: usize,
}

impl Default for DocumentSettings {
    fn default() -> Self {
        Self { chunk_chars_max: 512, chunk_overlap_chars: 50, chunks_max: 50_000 }
    }
}

impl DocumentSettings {
    /// What is out of range and what contradicts, each sentence beginning with its key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        check_range(&mut problems, "chunk_chars_max", self.chunk_chars_max, 64, 4_096);
        check_range(&mut problems, "chunks_max", self.chunks_max, 1, 200_000);
        if self.chunk_overlap_chars > self.chunk_chars_max / 2 {
            problems.push(format!(
                "chunk_overlap_chars = {} is more than half of chunk_chars_max = {}",
                self.chunk_overlap_chars, self.chunk_chars_max
            ));
        }
        problems
    }
}
