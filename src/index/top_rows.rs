//! The best few of many scored rows: O(rows) for any number kept.

use std::cmp::Ordering;

/// Collects rows and keeps the `count` best: higher scores first, ties by the lower row.
#[derive(Debug)]
pub(super) struct TopRows {
    count: usize,
    /// At most twice `count`; only the best `count` of it matter.
    found: Vec<(u32, f32)>,
    /// No score below this can be among the best.
    floor: f32,
}

impl TopRows {
    pub(super) fn new(count: usize) -> Self {
        Self { count, found: Vec::new(), floor: f32::NEG_INFINITY }
    }

    /// O(1) amortised. `score` is finite.
    pub(super) fn offer(&mut self, row: u32, score: f32) {
        debug_assert!(score.is_finite(), "row {row} scores {score}");
        if score < self.floor || self.count == 0 {
            return;
        }
        self.found.push((row, score));
        if self.found.len() >= self.count.saturating_mul(2) {
            self.shrink();
        }
    }

    /// The best rows, best first.
    pub(super) fn into_sorted(mut self) -> Vec<(u32, f32)> {
        self.found.sort_unstable_by(best_first);
        self.found.truncate(self.count);
        self.found
    }

    fn shrink(&mut self) {
        let (_, worst_kept, _) = self.found.select_nth_unstable_by(self.count - 1, best_first);
        self.floor = worst_kept.1;
        self.found.truncate(self.count);
    }
}

fn best_first(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_kept_whatever_the_order(
            scores in proptest::collection::vec(-3_i8..3, 0..200),
            count in 0_usize..40,
        ) {
            let rows: Vec<(u32, f32)> = (0..).zip(scores.iter().map(|s| f32::from(*s))).collect();
            let mut forward = TopRows::new(count);
            let mut backward = TopRows::new(count);
            rows.iter().for_each(|(row, score)| forward.offer(*row, *score));
            rows.iter().rev().for_each(|(row, score)| backward.offer(*row, *score));

            let mut expected = rows;
            expected.sort_by(best_first);
            expected.truncate(count);
            prop_assert_eq!(&forward.into_sorted(), &expected);
            prop_assert_eq!(&backward.into_sorted(), &expected);
        }
    }
}
