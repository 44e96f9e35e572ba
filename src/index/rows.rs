//! The vectors of an index as dense rows in the order they were pushed.
//!
//! Keys and values lie in segments that only ever grow at the end and are shared with snapshots
//! by reference count, so a push never moves more than one segment and a snapshot of 100,000 rows
//! copies no vector. What removal changes (`live`, `inverse_norms`) lies outside the segments.

use std::ops::Range;
use std::sync::Arc;

use super::{IndexError, QueryVector, kernel};
use crate::types::{AtomNo, QuantizedVector};

/// Rows of one segment: 256 KiB of values at 256 dimensions, what a push copies at worst.
const SEGMENT_ROWS: usize = 1_024;

#[derive(Debug, Clone, Default)]
struct Segment {
    /// Ascending.
    keys: Vec<AtomNo>,
    /// `dimensions` values per key; all zero for a row without a vector.
    values: Vec<i8>,
}

/// Rows are numbered from zero and never renumbered; a removed row keeps its number.
#[derive(Debug)]
pub(super) struct Rows {
    dimensions: usize,
    /// All full but for the last.
    segments: Vec<Arc<Segment>>,
    /// Per row `1 / |values|`; zero when the row has no vector or was removed.
    inverse_norms: Vec<f32>,
    /// Per row whether it was not removed.
    live: Vec<bool>,
    live_count: usize,
    /// Live rows with a vector.
    vector_count: usize,
}

impl Rows {
    pub(super) fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            segments: Vec::new(),
            inverse_norms: Vec::new(),
            live: Vec::new(),
            live_count: 0,
            vector_count: 0,
        }
    }

    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    pub(super) fn live_count(&self) -> usize {
        self.live_count
    }

    pub(super) fn vector_count(&self) -> usize {
        self.vector_count
    }

    /// Appends a row. O(dimensions), and at worst one copy of a segment.
    pub(super) fn push(
        &mut self,
        key: AtomNo,
        vector: Option<&QuantizedVector>,
    ) -> Result<u32, IndexError> {
        if let Some(vector) = vector.filter(|vector| vector.dimensions() != self.dimensions) {
            let actual = vector.dimensions();
            return Err(IndexError::Dimensions { expected: self.dimensions, actual });
        }
        if let Some(last) = self.last_key().filter(|last| *last >= key) {
            return Err(IndexError::KeyOrder { last, key });
        }
        let row = match u32::try_from(self.len()) {
            Ok(row) if row < u32::MAX => row,
            _ => return Err(IndexError::Full { rows: self.len() }),
        };
        if self.len().is_multiple_of(SEGMENT_ROWS) {
            self.segments.push(Arc::default());
        }
        if let Some(segment) = self.segments.last_mut() {
            // Copies the segment when a snapshot still holds it.
            let segment = Arc::make_mut(segment);
            segment.keys.push(key);
            match vector {
                Some(vector) => segment.values.extend_from_slice(&vector.values),
                None => segment.values.resize(segment.values.len() + self.dimensions, 0),
            }
        }
        let inverse_norm = vector.map_or(0.0, |vector| kernel::inverse_norm(&vector.values));
        self.inverse_norms.push(inverse_norm);
        self.live.push(true);
        self.live_count += 1;
        self.vector_count += usize::from(inverse_norm > 0.0);
        Ok(row)
    }

    /// Marks the row as removed. Returns whether it had a vector that could be found until now.
    pub(super) fn remove(&mut self, row: u32) -> bool {
        let row = row as usize;
        let (Some(live), Some(inverse_norm)) =
            (self.live.get_mut(row), self.inverse_norms.get_mut(row))
        else {
            return false;
        };
        let had_vector = *inverse_norm > 0.0;
        self.live_count -= usize::from(*live);
        self.vector_count -= usize::from(had_vector);
        *live = false;
        *inverse_norm = 0.0;
        had_vector
    }

    pub(super) fn is_live(&self, row: u32) -> bool {
        self.live.get(row as usize).copied().unwrap_or(false)
    }

    /// Whether the row is live and has a vector.
    pub(super) fn has_vector(&self, row: u32) -> bool {
        self.inverse_norms.get(row as usize).is_some_and(|inverse_norm| *inverse_norm > 0.0)
    }

    /// Removed rows keep their key.
    pub(super) fn key_of(&self, row: u32) -> Option<AtomNo> {
        let (segment, within) = self.locate(row)?;
        segment.keys.get(within).copied()
    }

    /// O(log rows). Finds removed rows too.
    pub(super) fn row_of(&self, key: AtomNo) -> Option<u32> {
        let after = self.segments.partition_point(|s| s.keys.first().is_some_and(|k| *k <= key));
        let segment_index = after.checked_sub(1)?;
        let within = self.segments.get(segment_index)?.keys.binary_search(&key).ok()?;
        u32::try_from(segment_index * SEGMENT_ROWS + within).ok()
    }

    /// The keys of all rows, in order.
    pub(super) fn keys(&self) -> impl Iterator<Item = AtomNo> {
        self.segments.iter().flat_map(|segment| segment.keys.iter().copied())
    }

    /// The row's vector; all zero when it has none. Removed rows keep theirs.
    pub(super) fn values(&self, row: u32) -> Option<&[i8]> {
        let (segment, within) = self.locate(row)?;
        segment.values.get(within * self.dimensions..(within + 1) * self.dimensions)
    }

    /// A row's values and `1 / |values|`, if it is live and has a vector.
    pub(super) fn vector(&self, row: u32) -> Option<(&[i8], f32)> {
        let inverse_norm = self.inverse_norms.get(row as usize).filter(|norm| **norm > 0.0)?;
        Some((self.values(row)?, *inverse_norm))
    }

    /// The cosine of the query and one row; zero when the row has no vector or was removed.
    pub(super) fn score(&self, query: &QueryVector, row: u32) -> f32 {
        let mut score = [0.0];
        let inverse_norm = self.inverse_norms.get(row as usize).copied().unwrap_or(0.0);
        if let Some(values) = self.values(row).filter(|_| self.comparable(query)) {
            let norm = query.inverse_norm();
            kernel::score_rows(query.values(), norm, values, &[inverse_norm], &mut score);
        }
        score[0]
    }

    /// Writes into `scores` one value per row of `rows`, in order. Rows beyond the end are left out.
    pub(super) fn score_range(
        &self,
        query: &QueryVector,
        rows: Range<usize>,
        scores: &mut Vec<f32>,
    ) {
        scores.clear();
        scores.resize(rows.end.min(self.len()).saturating_sub(rows.start), 0.0);
        if !self.comparable(query) {
            return;
        }
        let mut rest = scores.as_mut_slice();
        let mut row = rows.start;
        while !rest.is_empty() {
            let within = row % SEGMENT_ROWS;
            let (part, after) = rest.split_at_mut(rest.len().min(SEGMENT_ROWS - within));
            let end = within + part.len();
            let values = self
                .segments
                .get(row / SEGMENT_ROWS)
                .and_then(|s| s.values.get(within * self.dimensions..end * self.dimensions));
            let inverse_norms = self.inverse_norms.get(row..row + part.len());
            if let (Some(values), Some(inverse_norms)) = (values, inverse_norms) {
                let norm = query.inverse_norm();
                kernel::score_rows(query.values(), norm, values, inverse_norms, part);
            }
            row += part.len();
            rest = after;
        }
    }

    /// What a build needs, independent of later changes. Copies 4 bytes a row.
    pub(super) fn snapshot(&self) -> RowsSnapshot {
        RowsSnapshot {
            dimensions: self.dimensions,
            segments: self.segments.clone(),
            inverse_norms: self.inverse_norms.clone(),
        }
    }

    /// Heap bytes, estimated from the rows in use.
    pub(super) fn memory_bytes(&self) -> usize {
        self.len() * (self.dimensions + size_of::<AtomNo>() + size_of::<f32>() + size_of::<bool>())
    }

    fn last_key(&self) -> Option<AtomNo> {
        self.segments.last()?.keys.last().copied()
    }

    fn locate(&self, row: u32) -> Option<(&Segment, usize)> {
        let row = row as usize;
        Some((self.segments.get(row / SEGMENT_ROWS)?, row % SEGMENT_ROWS))
    }

    /// A query of other dimensions is a defect of the caller; in a release build it scores zero.
    fn comparable(&self, query: &QueryVector) -> bool {
        debug_assert_eq!(query.dimensions(), self.dimensions);
        query.dimensions() == self.dimensions
    }
}

/// The rows as they were at one moment.
#[derive(Debug)]
pub(super) struct RowsSnapshot {
    dimensions: usize,
    segments: Vec<Arc<Segment>>,
    inverse_norms: Vec<f32>,
}

impl RowsSnapshot {
    pub(super) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// A row's values and `1 / |values|`, if it was live and had a vector.
    pub(super) fn vector(&self, row: u32) -> Option<(&[i8], f32)> {
        let row = row as usize;
        let inverse_norm = self.inverse_norms.get(row).copied().filter(|norm| *norm > 0.0)?;
        let segment = self.segments.get(row / SEGMENT_ROWS)?;
        let start = row % SEGMENT_ROWS * self.dimensions;
        Some((segment.values.get(start..start + self.dimensions)?, inverse_norm))
    }

    /// Keys and values of the live rows with a vector whose key comes after `key`, ascending.
    pub(super) fn vectors_after(
        &self,
        key: Option<AtomNo>,
    ) -> impl Iterator<Item = (AtomNo, &[i8])> {
        self.segments
            .iter()
            .flat_map(|s| s.keys.iter().copied().zip(s.values.chunks_exact(self.dimensions.max(1))))
            .zip(&self.inverse_norms)
            .filter(move |((row_key, _), inverse_norm)| {
                **inverse_norm > 0.0 && key.is_none_or(|key| *row_key > key)
            })
            .map(|(vector, _)| vector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(values: &[i8]) -> QuantizedVector {
        QuantizedVector { scale: 0.01, values: values.to_vec() }
    }

    #[test]
    fn keys_ascend_and_dimensions_agree_or_nothing_changes() {
        let mut rows = Rows::new(2);
        rows.push(AtomNo(7), Some(&vector(&[1, 2]))).unwrap();
        let same = rows.push(AtomNo(7), None).unwrap_err();
        assert!(matches!(same, IndexError::KeyOrder { last: AtomNo(7), .. }), "{same}");
        let long = rows.push(AtomNo(8), Some(&vector(&[1, 2, 3]))).unwrap_err();
        assert!(matches!(long, IndexError::Dimensions { expected: 2, actual: 3 }), "{long}");
        assert_eq!((rows.len(), rows.live_count(), rows.vector_count()), (1, 1, 1));
    }

    #[test]
    fn keys_and_values_are_found_across_segments() {
        let mut rows = Rows::new(1);
        let total = u32::try_from(2 * SEGMENT_ROWS + 5).unwrap();
        for row in 0..total {
            let value = vector(&[i8::try_from(row % 100).unwrap() + 1]);
            assert_eq!(rows.push(AtomNo(u64::from(row) * 3), Some(&value)).unwrap(), row);
        }
        for row in 0..total {
            let key = AtomNo(u64::from(row) * 3);
            assert_eq!((rows.key_of(row), rows.row_of(key)), (Some(key), Some(row)));
            assert_eq!(rows.row_of(AtomNo(key.0 + 1)), None);
            assert_eq!(rows.values(row), Some(&[i8::try_from(row % 100).unwrap() + 1][..]));
        }
        assert_eq!((rows.key_of(total), rows.values(total)), (None, None));
        assert_eq!(rows.keys().count(), total as usize);
    }

    #[test]
    fn a_range_across_segments_scores_as_its_rows_do() {
        let mut rows = Rows::new(2);
        for row in 0..2_500_u64 {
            let angle = i8::try_from(row % 127).unwrap();
            rows.push(AtomNo(row), Some(&vector(&[angle, 100]))).unwrap();
        }
        rows.remove(1_030);
        let query = QueryVector::from(&vector(&[90, -3]));
        let mut scores = Vec::new();
        for range in [0..2_500, 1_000..1_100, 1_024..1_025, 2_499..9_000, 2_500..9_000, 5..5] {
            rows.score_range(&query, range.clone(), &mut scores);
            let one_by_one: Vec<f32> = range
                .take_while(|row| *row < 2_500)
                .map(|row| rows.score(&query, u32::try_from(row).unwrap()))
                .collect();
            assert_eq!(scores, one_by_one);
        }
        assert_eq!(rows.score(&query, 1_030).to_bits(), 0.0_f32.to_bits());
    }

    #[test]
    fn a_snapshot_stands_still() {
        let mut rows = Rows::new(1);
        rows.push(AtomNo(1), Some(&vector(&[5]))).unwrap();
        rows.push(AtomNo(2), None).unwrap();
        let snapshot = rows.snapshot();
        rows.push(AtomNo(3), Some(&vector(&[6]))).unwrap();
        rows.remove(0);
        let seen: Vec<_> = snapshot.vectors_after(None).collect();
        assert_eq!(seen, vec![(AtomNo(1), &[5_i8][..])]);
        assert_eq!(rows.snapshot().vectors_after(Some(AtomNo(1))).count(), 1);
    }
}
