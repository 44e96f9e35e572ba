//! Nearest neighbours of a vector among the rows of one domain: the only code that names usearch.
//! It imports `types` alone and performs no I/O but for the graph's cache file.
//!
//! A [`VectorIndex`] keeps every vector in memory as int8 and scans them all while they are few
//! (`kernel`, 11 ns a row). Above [`IndexSettings::exact_rows_max`] the owner builds an HNSW graph
//! off its thread and adopts it:
//!
//! ```text
//! plan_build() -> GraphBuild --(blocking pool)--> build() -> Graph --(owner)--> adopt()
//! ```
//!
//! A [`Graph`] never changes once built, so nothing is shared that is written to. What was pushed
//! since is scanned exactly and merged into every answer; what was removed since is filtered out.
//! Both are folded in by the next build. Scores always come from the int8 rows, never from the
//! graph, and the file of a graph is a cache: storage alone is the truth.

mod centre;
mod error;
mod graph;
mod graph_build;
mod graph_file;
mod graph_metric;
mod kernel;
mod query;
mod rows;
mod settings;
mod snapshot;
mod top_rows;
mod vector_index;

#[cfg(test)]
mod tests;

pub use centre::Centre;
pub use error::IndexError;
pub use graph::Graph;
pub use graph_build::GraphBuild;
pub use query::QueryVector;
pub use settings::IndexSettings;
pub use snapshot::VectorSnapshot;
pub use vector_index::{Loaded, VectorIndex};
