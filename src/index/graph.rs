//! The HNSW graph of an index: built from a snapshot, searched, copied to grow, never changed.
//!
//! usearch's traps are dealt with here: threads are reserved with the capacity and again after
//! loading, keys are never reused (they are positions in an ascending list), vectors are int8 and
//! so cannot be NaN, and memory is copied from a buffer and never mapped from a file.
//!
//! Equal vectors share one node. Some dozens of nodes at distance zero link to each other only and
//! cut the graph in pieces, so that searches from one piece never see the others; and short texts
//! ("yes", "thanks") do repeat.

use rustc_hash::FxHashMap;
use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use super::{IndexError, IndexSettings, graph_metric};
use crate::types::AtomNo;

/// Searches that may run at one time on one graph. An index has one owner, so one is enough; the
/// second is for a caller that shares `&VectorIndex`. Beyond it usearch answers an error.
const THREADS: usize = 2;

/// An immutable HNSW graph over the vectors that were live when it was built. A slot is a vector's
/// place in it, numbered from zero in ascending order of the keys.
pub struct Graph {
    /// Holds one node per different vector, under the number of the first slot that has it.
    index: Index,
    dimensions: usize,
    slots: Slots,
    /// Of each node with more slots than its own, the others.
    twins: FxHashMap<u32, Vec<u32>>,
}

/// What is known of each slot. Both lists have the same length.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    /// Ascending.
    pub(super) keys: Vec<AtomNo>,
    /// The first slot with an equal vector, which has the node: often the slot itself.
    pub(super) node_of: Vec<u32>,
}

/// Half of a BLAKE3 hash: different vectors do not meet in it.
pub(super) type NodeDigest = [u8; 16];

impl Graph {
    /// Slots, whether their rows are still live or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.keys.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.keys.is_empty()
    }

    /// Heap bytes, estimated by usearch, with our lists of slots.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.index.memory_usage() + self.len() * (size_of::<AtomNo>() + size_of::<u32>())
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// The slots for which `wanted` holds of the `count` vectors nearest to `query` that have such
    /// a slot, in no particular order.
    pub(super) fn search(
        &self,
        query: &[i8],
        count: usize,
        wanted: impl Fn(u32) -> bool,
    ) -> Result<Vec<u32>, IndexError> {
        let mut node = Vec::with_capacity(graph_metric::node_len(self.dimensions));
        graph_metric::encode_node(query, &mut node);
        let slot_of = |key: u64| u32::try_from(key).unwrap_or(u32::MAX);
        let is_wanted = |key: u64| {
            let slot = slot_of(key);
            wanted(slot) || self.twins_of(slot).iter().any(|twin| wanted(*twin))
        };
        let matches = self.index.filtered_search(&node, count, is_wanted).map_err(failed)?;
        let mut found = Vec::with_capacity(matches.keys.len());
        for slot in matches.keys.into_iter().map(slot_of) {
            found.push(slot);
            found.extend_from_slice(self.twins_of(slot));
        }
        found.retain(|slot| wanted(*slot));
        Ok(found)
    }

    /// Whether the slot's vector is exactly `values`.
    pub(super) fn holds(&self, slot: u32, values: &[i8]) -> bool {
        let mut expected = Vec::with_capacity(graph_metric::node_len(self.dimensions));
        graph_metric::encode_node(values, &mut expected);
        self.node(slot).is_some_and(|stored| stored == expected)
    }

    pub(super) fn empty(
        capacity: usize,
        dimensions: usize,
        settings: &IndexSettings,
    ) -> Result<Self, IndexError> {
        let mut index = Index::new(&options(dimensions, settings)).map_err(failed)?;
        graph_metric::install(&mut index, dimensions);
        index.reserve_capacity_and_threads(capacity, THREADS).map_err(failed)?;
        Ok(Self { index, dimensions, slots: Slots::default(), twins: FxHashMap::default() })
    }

    /// The graph as bytes of usearch's format, without the slots.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, IndexError> {
        let mut bytes = vec![0; self.index.serialized_length()];
        self.index.save_to_buffer(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// The inverse of [`Graph::to_bytes`], with room for `spare` more nodes. usearch crashes on
    /// damaged bytes, so these must be known to be what `to_bytes` once returned.
    pub(super) fn from_bytes(
        bytes: &[u8],
        slots: Slots,
        spare: usize,
        dimensions: usize,
        settings: &IndexSettings,
    ) -> Result<Self, IndexError> {
        let mut index = Index::new(&options(dimensions, settings)).map_err(failed)?;
        index.load_from_buffer(bytes).map_err(failed)?;
        graph_metric::install(&mut index, dimensions);
        index.reserve_capacity_and_threads(index.size() + spare, THREADS).map_err(failed)?;
        index.change_expansion_search(settings.expansion_search);

        let mut twins: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        let mut nodes = 0;
        for (slot, node) in (0..).zip(&slots.node_of) {
            if slot == *node {
                nodes += 1;
            } else {
                twins.entry(*node).or_default().push(slot);
            }
        }
        if index.size() != nodes || index.dimensions() != graph_metric::node_len(dimensions) {
            let reason = format!("{} nodes loaded, expected {nodes}", index.size());
            return Err(IndexError::Graph { reason });
        }
        Ok(Self { index, dimensions, slots, twins })
    }

    /// Appends a slot, with a node unless an equal vector has one. `nodes` knows all nodes.
    pub(super) fn add(
        &mut self,
        key: AtomNo,
        node: &[i8],
        nodes: &mut FxHashMap<NodeDigest, u32>,
    ) -> Result<(), IndexError> {
        let slot = u32::try_from(self.len()).map_err(failed)?;
        let first = *nodes.entry(digest_of(node)).or_insert(slot);
        if first == slot {
            self.index.add(u64::from(slot), node).map_err(failed)?;
        } else {
            self.twins.entry(first).or_default().push(slot);
        }
        self.slots.keys.push(key);
        self.slots.node_of.push(first);
        Ok(())
    }

    /// All nodes by what they hold. O(nodes), 0.3 us each.
    pub(super) fn nodes_by_digest(&self) -> FxHashMap<NodeDigest, u32> {
        (0..)
            .zip(&self.slots.node_of)
            .filter(|(slot, node)| slot == *node)
            .filter_map(|(slot, _)| Some((digest_of(&self.node(slot)?), slot)))
            .collect()
    }

    fn node(&self, slot: u32) -> Option<Vec<i8>> {
        let node = *self.slots.node_of.get(slot as usize)?;
        let mut stored = vec![0_i8; graph_metric::node_len(self.dimensions)];
        matches!(self.index.get(u64::from(node), &mut stored), Ok(1)).then_some(stored)
    }

    fn twins_of(&self, node: u32) -> &[u32] {
        self.twins.get(&node).map_or(&[], Vec::as_slice)
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph").field("slots", &self.len()).finish_non_exhaustive()
    }
}

fn digest_of(node: &[i8]) -> NodeDigest {
    let bytes: Vec<u8> = node.iter().map(|value| value.cast_unsigned()).collect();
    let mut digest = NodeDigest::default();
    blake3::Hasher::new().update(&bytes).finalize_xof().fill(&mut digest);
    digest
}

fn options(dimensions: usize, settings: &IndexSettings) -> IndexOptions {
    IndexOptions {
        dimensions: graph_metric::node_len(dimensions),
        // Named only for usearch's header: `graph_metric` replaces the function.
        metric: MetricKind::Cos,
        quantization: ScalarKind::I8,
        connectivity: settings.connectivity,
        expansion_add: settings.expansion_add,
        expansion_search: settings.expansion_search,
        multi: false,
    }
}

/// usearch throws C++ exceptions; their type is not worth a dependency.
fn failed(error: impl std::fmt::Display) -> IndexError {
    IndexError::Graph { reason: error.to_string() }
}
