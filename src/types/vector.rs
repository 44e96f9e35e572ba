//! Vectors at rest: int8 values with one scale each, and the identity of the embedder they came
//! from. Non-finite and zero vectors are refused here, at the boundary, because an index ranks
//! NaN first.

use thiserror::Error;

/// The largest magnitude of a quantised value; -128 is never used, so negation is exact.
const QUANTUM_MAX: f32 = 127.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VectorError {
    #[error("the vector holds a value that is not finite")]
    NotFinite,
    #[error("the vector has {actual} dimensions, expected {expected}")]
    Dimensions { expected: usize, actual: usize },
}

/// A direction in embedding space: `value[i] * scale` approximates a unit vector.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedVector {
    /// Positive and finite.
    pub scale: f32,
    /// In -127..=127; at least one is not zero.
    pub values: Vec<i8>,
}

impl QuantizedVector {
    /// Normalises `vector` to length one and quantises it. `None` when every value is zero: such
    /// a text has no direction and is found by its words alone.
    ///
    /// # Errors
    /// [`VectorError::NotFinite`] for NaN or infinity, and when the length overflows.
    pub fn quantize(vector: &[f32]) -> Result<Option<Self>, VectorError> {
        let norm = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !norm.is_finite() {
            return Err(VectorError::NotFinite);
        }
        let largest = vector.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        if norm == 0.0 || largest == 0.0 {
            return Ok(None);
        }
        let step = largest / QUANTUM_MAX;
        #[allow(clippy::cast_possible_truncation, reason = "the quotient is within ±127")]
        let values = vector
            .iter()
            .map(|value| (value / step).round().clamp(-QUANTUM_MAX, QUANTUM_MAX) as i8)
            .collect();
        #[allow(clippy::cast_possible_truncation, reason = "f32 precision is what is stored")]
        let scale = (f64::from(step) / norm) as f32;
        if scale > 0.0 && scale.is_finite() {
            Ok(Some(Self { scale, values }))
        } else {
            Err(VectorError::NotFinite)
        }
    }

    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.values.len()
    }
}

/// Which embedder made a vector. Vectors of different identities are never compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderIdentity {
    /// A stable name, e.g. `static-minilm-256` or `http:text-embedding-3-small`.
    pub name: String,
    pub dimensions: usize,
    /// BLAKE3 of whatever determines the vectors (model bytes, or provider settings).
    pub hash: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zero_has_no_direction_and_non_finite_values_are_refused() {
        assert_eq!(QuantizedVector::quantize(&[0.0; 4]), Ok(None));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(QuantizedVector::quantize(&[1.0, bad]), Err(VectorError::NotFinite));
        }
    }

    proptest! {
        #[test]
        fn quantising_keeps_the_direction(
            vector in proptest::collection::vec(-1.0_f32..1.0, 64..65),
        ) {
            prop_assume!(vector.iter().any(|value| value.abs() > 0.1));
            let quantized = QuantizedVector::quantize(&vector).unwrap().unwrap();
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            let cosine: f32 = vector
                .iter()
                .zip(&quantized.values)
                .map(|(value, q)| value / norm * f32::from(*q) * quantized.scale)
                .sum();
            prop_assert!((cosine - 1.0).abs() < 0.01, "{cosine}");
        }
    }
}
