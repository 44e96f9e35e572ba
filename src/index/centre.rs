//! Where the vectors of an index are on average. Texts about whatever lie around one direction that
//! says nothing of any of them; who compares texts can take it off.

use super::QueryVector;
use super::rows::Rows;
use crate::types::QuantizedVector;

/// A mean shorter than this is a rounding error.
const LENGTH_MIN: f32 = 1e-4;

/// The mean of unit vectors.
#[derive(Debug, Clone)]
pub struct Centre {
    /// Where it lies.
    pub direction: QueryVector,
    /// How far from the origin, in (0, 1]: 1 when all vectors are alike.
    pub length: f32,
    /// Live rows with a vector, drawn or not.
    pub vector_count: usize,
}

impl Centre {
    pub(super) fn of(rows: &Rows, rows_max: usize) -> Option<Self> {
        let step = (rows.len() / rows_max.max(1)).max(1);
        let mut sum = vec![0.0_f32; rows.dimensions()];
        let mut drawn = 0_u32;
        for row in (0..rows.len()).step_by(step) {
            let row = u32::try_from(row).ok()?;
            let Some((values, inverse_norm)) = rows.vector(row) else { continue };
            drawn += 1;
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += inverse_norm * f32::from(*value);
            }
        }
        let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
        let length = norm / (drawn as f32).max(1.0);
        if length < LENGTH_MIN {
            return None;
        }
        let mean = QuantizedVector::quantize(&sum).ok()??;
        Some(Self {
            direction: QueryVector::from(&mean),
            length: length.min(1.0),
            vector_count: rows.vector_count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::AtomNo;

    fn rows_of(vectors: &[[i8; 2]]) -> Rows {
        let mut rows = Rows::new(2);
        for (no, values) in (0..).zip(vectors) {
            let vector = QuantizedVector { scale: 0.01, values: values.to_vec() };
            rows.push(AtomNo(no), Some(&vector)).unwrap();
        }
        rows
    }

    #[test]
    fn the_centre_lies_between_the_vectors_and_forgets_removed_ones() {
        let mut rows = rows_of(&[[100, 0], [0, 50], [-100, 0]]);
        rows.remove(2);
        let centre = Centre::of(&rows, 100).expect("two vectors have a mean");
        assert!((centre.length - 0.5_f32.sqrt()).abs() < 1e-3, "{}", centre.length);
        assert_eq!(centre.vector_count, 2);
        for row in 0..2 {
            assert!((rows.score(&centre.direction, row) - 0.5_f32.sqrt()).abs() < 0.01);
        }
    }

    #[test]
    fn vectors_that_cancel_out_and_no_vectors_have_no_centre() {
        assert!(Centre::of(&rows_of(&[[100, 0], [-100, 0]]), 100).is_none());
        assert!(Centre::of(&Rows::new(2), 100).is_none());
    }

    #[test]
    fn few_rows_drawn_stand_for_all() {
        let vectors: Vec<[i8; 2]> =
            (0..1_000).map(|at| [100, i8::try_from(at % 50).unwrap()]).collect();
        let rows = rows_of(&vectors);
        let (all, some) = (Centre::of(&rows, 1_000).unwrap(), Centre::of(&rows, 90).unwrap());
        assert!(all.direction.cosine(&some.direction) > 0.999);
        assert_eq!(some.vector_count, 1_000);
    }
}
