//! The index of one domain: exact rows, and a graph over most of them once they are many.
//!
//! Invariants: every live row with a vector is either in the graph or at or after
//! `Attached::covered_rows`, so it is always found; a removed row never is.

use std::path::Path;
use std::sync::Arc;

use super::graph_file::{self, Contents};
use super::rows::Rows;
use super::top_rows::TopRows;
use super::{Centre, Graph, GraphBuild, IndexError, IndexSettings, QueryVector, VectorSnapshot};
use crate::types::{AtomNo, EmbedderIdentity, QuantizedVector};

/// Rows pushed since the last build are scanned exactly until they are this part of
/// `exact_rows_max` (2,000 rows by default: 22 us of each search), or this part of the graph if
/// that is more, because extending a graph copies it first.
const TAIL_PART_OF_EXACT: usize = 5;
const TAIL_PART_OF_GRAPH: usize = 16;

/// Fewer rows than this are never worth compacting.
const COMPACTION_ROWS_MIN: usize = 256;

/// Rows scanned exactly in the time the graph takes per candidate it examines: measured 60 in a
/// graph of 10,000 and 260 in one of 100,000, whose nodes are no longer in the cache.
const ROWS_PER_CANDIDATE: usize = 100;

/// Marks a slot of the graph whose row is gone.
const NO_ROW: u32 = u32::MAX;

/// What became of an attempt to load a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// Searches use it from now on.
    Adopted,
    Missing,
    /// Why the file is of no use; the index is unchanged, and the next build replaces the file.
    Mismatch(&'static str),
}

/// Rows numbered in order of their push, searchable by vector. One owner; no operation blocks but
/// [`VectorIndex::save`] and [`VectorIndex::load`]. Memory: `dimensions + 13` bytes a row, and with
/// a graph 860 more at 256 dimensions and the default connectivity, but never less than 17 MB.
#[derive(Debug)]
pub struct VectorIndex {
    rows: Rows,
    settings: IndexSettings,
    graph: Option<Attached>,
}

/// A graph and how it relates to the rows as they are now.
#[derive(Debug)]
struct Attached {
    graph: Arc<Graph>,
    /// The row of each slot, or [`NO_ROW`].
    row_of_slot: Vec<u32>,
    /// Slots whose row was removed.
    dead_slots: usize,
    /// Rows before this one are in the graph if they are live and have a vector.
    covered_rows: usize,
}

impl VectorIndex {
    #[must_use]
    pub fn new(dimensions: usize, settings: IndexSettings) -> Self {
        Self { rows: Rows::new(dimensions), settings, graph: None }
    }

    /// Appends a row and returns its number: the count of rows pushed before. A row without a
    /// vector scores zero and is never among the nearest. Found by the very next search.
    /// O(dimensions): 0.1 us typically and 45 at the 99.9th percentile, when a segment grows or is
    /// copied because a snapshot holds it.
    ///
    /// # Errors
    /// [`IndexError::Dimensions`], [`IndexError::KeyOrder`] unless `key` is above all before it,
    /// [`IndexError::Full`]. The index is then unchanged.
    pub fn push(
        &mut self,
        key: AtomNo,
        vector: Option<&QuantizedVector>,
    ) -> Result<u32, IndexError> {
        self.rows.push(key, vector)
    }

    /// Makes the row score zero and vanish from all searches, at once and for good. Removing it
    /// again, or a row that never was, does nothing. O(1).
    pub fn remove(&mut self, row: u32) {
        if !self.rows.remove(row) {
            return;
        }
        let Some(attached) = &mut self.graph else {
            return;
        };
        if (row as usize) < attached.covered_rows {
            attached.dead_slots += 1;
        }
        if self.rows.vector_count() <= self.settings.exact_rows_max
            && attached.dead_share() > self.settings.dead_share_max
        {
            self.graph = None;
        }
    }

    /// All rows, removed ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// Rows that were not removed, with a vector or without.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.rows.live_count()
    }

    #[must_use]
    pub fn dead_count(&self) -> usize {
        self.rows.len() - self.rows.live_count()
    }

    #[must_use]
    pub fn is_live(&self, row: u32) -> bool {
        self.rows.is_live(row)
    }

    /// Removed rows keep their key.
    #[must_use]
    pub fn key_of(&self, row: u32) -> Option<AtomNo> {
        self.rows.key_of(row)
    }

    /// O(log rows). Removed rows are found too; see [`VectorIndex::is_live`].
    #[must_use]
    pub fn row_of(&self, key: AtomNo) -> Option<u32> {
        self.rows.row_of(key)
    }

    /// The cosine of the query and the row's vector, in [-1, 1]; zero for a row that was removed,
    /// has no vector or never was. Exact for int8 vectors.
    #[must_use]
    pub fn score(&self, query: &QueryVector, row: u32) -> f32 {
        self.rows.score(query, row)
    }

    /// The row's vector, ready to be compared; `None` for a row without one.
    #[must_use]
    pub fn vector_of(&self, row: u32) -> Option<QueryVector> {
        let values = self.rows.values(row).filter(|_| self.rows.has_vector(row))?;
        Some(QueryVector::from_values(values))
    }

    /// The mean of the rows' unit vectors; `None` without a vector, or when they cancel out. Of at
    /// most about twice `rows_max` rows, evenly drawn. Costs 0.1 us a row drawn.
    #[must_use]
    pub fn centre(&self, rows_max: usize) -> Option<Centre> {
        Centre::of(&self.rows, rows_max)
    }

    /// The vectors as they are now, independent of later changes. Copies 4 bytes a row.
    #[must_use]
    pub fn snapshot(&self) -> VectorSnapshot {
        VectorSnapshot::new(self.rows.snapshot())
    }

    /// Replaces `scores` by [`VectorIndex::score`] of every row, in order. O(rows): 11 ns each.
    pub fn score_all(&self, query: &QueryVector, scores: &mut Vec<f32>) {
        self.rows.score_range(query, 0..self.rows.len(), scores);
    }

    /// The `count` live rows with the highest scores, best first, ties by the lower row; fewer when
    /// there are fewer with a vector. Exact without a graph; with one a row in it may be missed,
    /// but scores are exact all the same and rows pushed since are never missed.
    ///
    /// # Errors
    /// [`IndexError::Dimensions`]; [`IndexError::Graph`] when usearch lacks memory.
    pub fn nearest(
        &self,
        query: &QueryVector,
        count: usize,
    ) -> Result<Vec<(u32, f32)>, IndexError> {
        if query.dimensions() != self.rows.dimensions() {
            let (expected, actual) = (self.rows.dimensions(), query.dimensions());
            return Err(IndexError::Dimensions { expected, actual });
        }
        let mut top = TopRows::new(count);
        let Some(attached) = self.graph.as_ref().filter(|graph| self.pays(graph, count)) else {
            self.scan_from(0, query, &mut top);
            return Ok(top.into_sorted());
        };
        let is_findable = |row: &u32| self.rows.has_vector(*row);
        let row_of =
            |slot: u32| attached.row_of_slot.get(slot as usize).copied().filter(is_findable);
        let slots = attached.graph.search(query.values(), count, |slot| row_of(slot).is_some())?;
        if slots.len() < count.min(attached.live_slots()) {
            // The search got lost among removed entries; the answer must not be short for that.
            self.scan_from(0, query, &mut top);
            return Ok(top.into_sorted());
        }
        for row in slots.into_iter().filter_map(row_of) {
            top.offer(row, self.rows.score(query, row));
        }
        self.scan_from(attached.covered_rows, query, &mut top);
        Ok(top.into_sorted())
    }

    /// Whether there is no graph, so that every search is exact.
    #[must_use]
    pub fn scans_exactly(&self) -> bool {
        self.graph.is_none()
    }

    /// The graph to build now, if one is due: the first, one without the many removed entries, or
    /// one with the rows pushed since. Copies 4 bytes a row and no vectors. Do not ask again before
    /// the answer was adopted: it would be the same.
    #[must_use]
    pub fn plan_build(&self) -> Option<GraphBuild> {
        let vectors = self.rows.vector_count();
        let base = match &self.graph {
            None if vectors <= self.settings.exact_rows_max => return None,
            None => None,
            Some(attached) if attached.dead_share() > self.settings.dead_share_max => None,
            Some(attached) => {
                let tail_max = (self.settings.exact_rows_max / TAIL_PART_OF_EXACT)
                    .max(attached.graph.len() / TAIL_PART_OF_GRAPH);
                if vectors.saturating_sub(attached.live_slots()) <= tail_max {
                    return None;
                }
                Some(Arc::clone(&attached.graph))
            }
        };
        Some(GraphBuild { snapshot: self.rows.snapshot(), base, settings: self.settings })
    }

    /// Searches with `graph` from now on, leaving out what was removed since it was planned.
    /// O(rows), 4 ns each. Freeing the graph it replaces is left to whoever drops the result. A
    /// graph that is not of these rows is ignored and handed back.
    pub fn adopt(&mut self, graph: Graph) -> Option<Arc<Graph>> {
        let graph = Arc::new(graph);
        match Attached::join(Arc::clone(&graph), &self.rows) {
            Some(attached) => self.graph.replace(attached).map(|replaced| replaced.graph),
            None => Some(graph),
        }
    }

    /// Whether so many rows are dead that the owner should push the live ones into a new index.
    #[must_use]
    pub fn needs_compaction(&self) -> bool {
        self.len() > COMPACTION_ROWS_MIN
            && share(self.dead_count(), self.len()) > self.settings.dead_share_max
    }

    /// Heap bytes of rows and graph, estimated.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let graph = self.graph.as_ref().map_or(0, |attached| {
            attached.graph.memory_bytes() + attached.row_of_slot.len() * size_of::<u32>()
        });
        self.rows.memory_bytes() + graph
    }

    /// Writes the graph's cache file, if there is a graph in which every vector belongs to a live
    /// row, and says whether there was: a removed vector never reaches the disk. The file is
    /// replaced as a whole, and durable on return. Blocks on the disk.
    ///
    /// # Errors
    /// [`IndexError::Io`]; an older file is then still in place.
    pub fn save(&self, path: &Path, identity: &EmbedderIdentity) -> Result<bool, IndexError> {
        let Some(attached) = self.graph.as_ref().filter(|attached| attached.dead_slots == 0) else {
            return Ok(false);
        };
        graph_file::save(&attached.graph, path, identity, &self.settings)?;
        Ok(true)
    }

    /// Adopts the graph saved at `path`, after all rows were pushed. The file may be older than the
    /// rows: what was pushed since is treated as after [`VectorIndex::adopt`]. Anything else that does not fit, from one flipped bit to one different vector, is a
    /// [`Loaded::Mismatch`]. Blocks on the disk.
    ///
    /// # Errors
    /// [`IndexError::Io`] when the file exists and cannot be read.
    pub fn load(&mut self, path: &Path, identity: &EmbedderIdentity) -> Result<Loaded, IndexError> {
        if identity.dimensions != self.rows.dimensions() {
            return Ok(Loaded::Mismatch("the embedder has other dimensions than the index"));
        }
        let graph = match graph_file::load(path, identity, &self.settings)? {
            Contents::Missing => return Ok(Loaded::Missing),
            Contents::Mismatch(reason) => return Ok(Loaded::Mismatch(reason)),
            Contents::Sound(graph) => Arc::new(graph),
        };
        let Some(attached) = Attached::join(graph, &self.rows) else {
            return Ok(Loaded::Mismatch("the file lacks a row between its keys"));
        };
        if attached.dead_slots > 0 {
            return Ok(Loaded::Mismatch("the file holds a vector whose row is gone"));
        }
        if !attached.agrees_with(&self.rows) {
            return Ok(Loaded::Mismatch("a vector of the file is not its row's"));
        }
        self.graph = Some(attached);
        Ok(Loaded::Adopted)
    }

    /// Whether searching the graph for `count` is cheaper than scanning all rows.
    fn pays(&self, attached: &Attached, count: usize) -> bool {
        let candidates = count.max(self.settings.expansion_search);
        attached.live_slots() > 0
            && (count <= self.settings.expansion_search
                || candidates.saturating_mul(ROWS_PER_CANDIDATE) < self.rows.len())
    }

    fn scan_from(&self, start: usize, query: &QueryVector, top: &mut TopRows) {
        let mut scores = Vec::new();
        self.rows.score_range(query, start..self.rows.len(), &mut scores);
        for (index, score) in scores.into_iter().enumerate() {
            #[allow(clippy::cast_possible_truncation, reason = "row numbers are u32")]
            let row = (start + index) as u32;
            if self.rows.has_vector(row) {
                top.offer(row, score);
            }
        }
    }
}

impl Attached {
    /// Matches slots and rows by key, both ascending. `None` when a row the graph should hold is
    /// not in it: the graph is then of another index.
    fn join(graph: Arc<Graph>, rows: &Rows) -> Option<Self> {
        if graph.dimensions() != rows.dimensions() {
            return None;
        }
        let mut row_of_slot = Vec::with_capacity(graph.len());
        let mut dead_slots = 0;
        let mut candidates = (0_u32..).zip(rows.keys()).peekable();
        for slot_key in &graph.slots().keys {
            while let Some((row, _)) = candidates.next_if(|(_, key)| key < slot_key) {
                if rows.has_vector(row) {
                    return None;
                }
            }
            let row = candidates.next_if(|(_, key)| key == slot_key).map(|(row, _)| row);
            let row = row.filter(|row| rows.has_vector(*row));
            dead_slots += usize::from(row.is_none());
            row_of_slot.push(row.unwrap_or(NO_ROW));
        }
        let covered_rows = candidates.peek().map_or(rows.len(), |(row, _)| *row as usize);
        Some(Self { graph, row_of_slot, dead_slots, covered_rows })
    }

    /// Whether every slot with a row holds that row's vector. O(rows), 0.1 us each.
    fn agrees_with(&self, rows: &Rows) -> bool {
        (0..).zip(&self.row_of_slot).filter(|(_, row)| **row != NO_ROW).all(|(slot, row)| {
            rows.values(*row).is_some_and(|values| self.graph.holds(slot, values))
        })
    }

    fn live_slots(&self) -> usize {
        self.graph.len() - self.dead_slots
    }

    fn dead_share(&self) -> f32 {
        share(self.dead_slots, self.graph.len())
    }
}

/// Zero when the whole is.
#[allow(clippy::cast_precision_loss, reason = "shares are compared with a rough bound")]
fn share(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}
