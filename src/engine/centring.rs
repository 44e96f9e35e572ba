//! Cosines with what all texts have in common taken off (Mu and Viswanath 2018, "All-but-the-Top",
//! section 2, the mean alone). The texts of a conversation are alike in direction whatever they say;
//! without that part a vague text is no longer a little like every question.

use super::params::RetrievalParams;

/// Below this a vector is nothing but the common part, and has no direction of its own.
const NORM_MIN: f32 = 1e-3;

/// The common part of a domain's vectors, seen from one question.
#[derive(Debug, Clone, Copy)]
pub struct Centring {
    /// How much of the common direction is taken off every unit vector, in [0, 1).
    part: f32,
    /// Cosine of the question with the common direction.
    question: f32,
}

impl Centring {
    /// `length` is that of the mean of `vector_count` unit vectors, `question` the question's cosine
    /// with that mean. The mean of a few texts is mostly what they say, so less of it is taken off.
    #[must_use]
    pub fn new(length: f32, vector_count: usize, question: f32, params: &RetrievalParams) -> Self {
        let count = vector_count as f32;
        let share = count / (count + params.prior_atoms.max(1.0));
        Self { part: (length * share).clamp(0.0, 1.0), question: question.clamp(-1.0, 1.0) }
    }

    /// The cosine of question and row without the common part, from their plain cosine and that of
    /// the row with the common direction. In [-1, 1]; 0 for a row without a vector, both of whose
    /// cosines are 0.
    #[must_use]
    pub fn apply(&self, cosine: f32, row: f32) -> f32 {
        if cosine.abs() + row.abs() < f32::EPSILON {
            return 0.0;
        }
        let square = self.part * self.part;
        let norm = |cosine: f32| (1.0 - 2.0 * self.part * cosine + square).max(0.0).sqrt();
        let norms = [norm(self.question), norm(row)];
        if norms.iter().any(|norm| *norm < NORM_MIN) {
            return 0.0;
        }
        let product = cosine - self.part * (self.question + row) + square;
        (product / (norms[0] * norms[1])).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(angle: f32) -> [f32; 2] {
        [angle.cos(), angle.sin()]
    }

    fn dot(a: [f32; 2], b: [f32; 2]) -> f32 {
        a[0] * b[0] + a[1] * b[1]
    }

    #[test]
    fn a_single_text_keeps_nearly_its_own_cosine() {
        let centring = Centring::new(1.0, 1, 0.7, &RetrievalParams::default());
        assert!((centring.apply(0.7, 1.0) - 0.7).abs() < 0.05);
    }

    #[test]
    fn a_row_that_is_only_what_all_have_in_common_is_like_nothing() {
        let centring = Centring::new(0.6, 1_000_000, 0.6, &RetrievalParams::default());
        assert!(centring.apply(0.6, 1.0).abs() < 1e-3);
        assert!(centring.apply(0.0, 0.0).abs() < f32::EPSILON, "a row without a vector");
    }

    proptest! {
        #[test]
        fn it_is_the_cosine_of_the_vectors_less_the_common_part(
            question in 0.0_f32..6.2, row in 0.0_f32..6.2, length in 0.0_f32..0.9, count in 0_usize..999,
        ) {
            let params = RetrievalParams::default();
            let (q, r, mean) = (unit(question), unit(row), unit(1.0));
            let centring = Centring::new(length, count, dot(q, mean), &params);
            let less = |v: [f32; 2]| {
                [v[0] - centring.part * mean[0], v[1] - centring.part * mean[1]]
            };
            let (a, b) = (less(q), less(r));
            let expected = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
            let found = centring.apply(dot(q, r), dot(r, mean));
            prop_assert!((-1.0..=1.0).contains(&found));
            prop_assert!((found - expected).abs() < 1e-3, "{} {}", found, expected);
        }

        #[test]
        fn any_cosines_stay_in_range(
            length in -2.0_f32..2.0, count: usize, question in -1.0_f32..=1.0,
            cosine in -1.0_f32..=1.0, row in -1.0_f32..=1.0,
        ) {
            let centring = Centring::new(length, count, question, &RetrievalParams::default());
            prop_assert!((-1.0..=1.0).contains(&centring.apply(cosine, row)));
        }
    }
}
