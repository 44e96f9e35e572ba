//! A build of a graph as plain data that may cross threads.

use std::sync::Arc;

use super::rows::RowsSnapshot;
use super::{Graph, IndexError, IndexSettings, graph_metric};

/// A graph to be built, independent of the index that planned it.
#[derive(Debug)]
pub struct GraphBuild {
    pub(super) snapshot: RowsSnapshot,
    /// The graph to copy and extend; `None` builds anew and leaves removed entries behind.
    pub(super) base: Option<Arc<Graph>>,
    pub(super) settings: IndexSettings,
}

impl GraphBuild {
    /// Builds the graph on the calling thread: 0.1 ms a vector added among 10,000 and 0.3
    /// among 100,000, so this belongs on the blocking pool. Needs the memory of a second graph meanwhile.
    ///
    /// # Errors
    /// [`IndexError::Graph`] when usearch runs out of memory.
    pub fn build(self) -> Result<Graph, IndexError> {
        let dimensions = self.snapshot.dimensions();
        let last_key = self.base.as_ref().and_then(|base| base.slots().keys.last().copied());
        let added = self.snapshot.vectors_after(last_key).count();
        let mut graph = match self.base {
            Some(base) => {
                let (bytes, slots) = (base.to_bytes()?, base.slots().clone());
                drop(base);
                Graph::from_bytes(&bytes, slots, added, dimensions, &self.settings)?
            }
            None => Graph::empty(added, dimensions, &self.settings)?,
        };
        let mut nodes = graph.nodes_by_digest();
        let mut node = Vec::new();
        for (key, values) in self.snapshot.vectors_after(last_key) {
            graph_metric::encode_node(values, &mut node);
            graph.add(key, &node, &mut nodes)?;
        }
        Ok(graph)
    }

    /// Whether every node is placed anew, rather than added to a copy of the present graph.
    #[must_use]
    pub fn starts_afresh(&self) -> bool {
        self.base.is_none()
    }
}
