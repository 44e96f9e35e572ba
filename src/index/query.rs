//! A vector prepared to be compared with many rows.

use super::kernel;
use crate::types::QuantizedVector;

/// Compared by direction only: the cosine of int8 vectors needs their integers, not their scales,
/// so that a vector's similarity with itself is one and not the rounding of its scale.
#[derive(Debug, Clone)]
pub struct QueryVector {
    values: Vec<i8>,
    /// Zero when every value is zero; everything then scores zero.
    inverse_norm: f32,
}

impl QueryVector {
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.values.len()
    }

    /// The cosine of two vectors, in [-1, 1]; zero when either has no direction or the dimensions
    /// differ.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        if self.dimensions() != other.dimensions() {
            return 0.0;
        }
        kernel::cosine(&self.values, self.inverse_norm, &other.values, other.inverse_norm)
    }

    pub(super) fn from_values(values: &[i8]) -> Self {
        Self { inverse_norm: kernel::inverse_norm(values), values: values.to_vec() }
    }

    pub(super) fn values(&self) -> &[i8] {
        &self.values
    }

    pub(super) fn inverse_norm(&self) -> f32 {
        self.inverse_norm
    }
}

impl From<&QuantizedVector> for QueryVector {
    fn from(vector: &QuantizedVector) -> Self {
        Self::from_values(&vector.values)
    }
}
