//! What an operator may tune about an index, with ranges and the measurement behind each default.

use serde::Deserialize;

/// Shared by all indexes of a shard. [`Default`] suits two cores and sentence embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexSettings {
    /// Rows with a vector up to which every search scans them all; above it a graph is built.
    /// 256 to 10,000,000. An exact scan is never wrong and costs 11 ns a row, level with a graph of 10,000.
    pub exact_rows_max: usize,
    /// Neighbours of a graph node (`M` of the HNSW paper). 4 to 128. More is better recall, more
    /// memory and a slower build.
    pub connectivity: usize,
    /// Candidates examined to place a new node (`efConstruction`). `connectivity` to 4,096.
    pub expansion_add: usize,
    /// Candidates examined by a search (`ef`). 16 to 4,096.
    pub expansion_search: usize,
    /// Share of removed entries above which a graph is rebuilt, and rows are compacted. 0.05 to
    /// 0.9. Searches walk through removed entries, so each costs time though never an answer.
    pub dead_share_max: f32,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self {
            exact_rows_max: 10_000,
            connectivity: 16,
            expansion_add: 128,
            expansion_search: 128,
            dead_share_max: 0.3,
        }
    }
}

impl IndexSettings {
    /// Every way in which these settings are out of range; empty when they are sound.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut check = |name: &str, value: usize, least: usize, most: usize| {
            if !(least..=most).contains(&value) {
                problems.push(format!("{name} is {value}, expected {least} to {most}"));
            }
        };
        check("exact_rows_max", self.exact_rows_max, 256, 10_000_000);
        check("connectivity", self.connectivity, 4, 128);
        check("expansion_add", self.expansion_add, self.connectivity.max(4), 4_096);
        check("expansion_search", self.expansion_search, 16, 4_096);
        if !(0.05..=0.9).contains(&self.dead_share_max) {
            problems
                .push(format!("dead_share_max is {}, expected 0.05 to 0.9", self.dead_share_max));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_sound_and_every_problem_is_listed() {
        assert_eq!(IndexSettings::default().problems(), Vec::<String>::new());
        let settings = IndexSettings {
            exact_rows_max: 0,
            connectivity: 1,
            expansion_add: 1,
            expansion_search: 1_000_000,
            dead_share_max: f32::NAN,
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert_eq!(problems[1], "connectivity is 1, expected 4 to 128");
    }
}
