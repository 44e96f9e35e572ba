//! The figures of merit, pure. `found` is always in the server's order, best first; `None` in it
//! is an atom that did not come from the data set.

use std::collections::BTreeSet;

/// How well one question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Score {
    /// Whether any gold turn is among the first five.
    pub(super) any_at_5: bool,
    /// The same for the first ten.
    pub(super) any_at_10: bool,
    /// Share of the gold turns among the first ten, 0 to 1.
    pub(super) recall_at_10: f64,
    /// One divided by the position of the first gold turn, 0 when there is none.
    pub(super) reciprocal_rank: f64,
}

/// Means over some questions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Means {
    pub(super) questions: usize,
    pub(super) any_at_5: f64,
    pub(super) any_at_10: f64,
    pub(super) recall_at_10: f64,
    pub(super) mrr: f64,
}

/// Scores one answer. `gold` is not empty.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn score(found: &[Option<&str>], gold: &BTreeSet<String>) -> Score {
    let hits_in = |count: usize| -> usize {
        let first: BTreeSet<&str> = found.iter().take(count).copied().flatten().collect();
        first.iter().filter(|name| gold.contains(**name)).count()
    };
    let rank = found.iter().position(|name| name.is_some_and(|name| gold.contains(name)));
    Score {
        any_at_5: hits_in(5) > 0,
        any_at_10: hits_in(10) > 0,
        recall_at_10: hits_in(10) as f64 / gold.len().max(1) as f64,
        reciprocal_rank: rank.map_or(0.0, |position| 1.0 / (position + 1) as f64),
    }
}

/// `None` without a score.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn means(scores: impl Iterator<Item = Score>) -> Option<Means> {
    let scores: Vec<Score> = scores.collect();
    if scores.is_empty() {
        return None;
    }
    let mean =
        |value: fn(&Score) -> f64| scores.iter().map(value).sum::<f64>() / scores.len() as f64;
    Some(Means {
        questions: scores.len(),
        any_at_5: mean(|score| f64::from(u8::from(score.any_at_5))),
        any_at_10: mean(|score| f64::from(u8::from(score.any_at_10))),
        recall_at_10: mean(|score| score.recall_at_10),
        mrr: mean(|score| score.reciprocal_rank),
    })
}

/// The chance that a question of the conversation itself scores above one of another
/// conversation, ties counting half. `None` when either side is empty. `O(n log n)`.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(super) fn separation_auc(own: &[f64], other: &[f64]) -> Option<f64> {
    if own.is_empty() || other.is_empty() {
        return None;
    }
    let mut sorted = other.to_vec();
    sorted.sort_by(f64::total_cmp);
    let wins: f64 = own
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|each| each < score);
            let not_above = sorted.partition_point(|each| each <= score);
            (below + not_above) as f64 / 2.0
        })
        .sum();
    Some(wins / (own.len() as f64 * other.len() as f64))
}

/// Rounded as figures of merit are shown.
pub(super) fn four(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Rounded as times, rates and points are shown.
pub(super) fn two(value: f64) -> f64 {
    (value * 1e2).round() / 1e2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gold(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[track_caller]
    fn check_close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-12, "{actual} is not {expected}");
    }

    #[test]
    fn a_score_counts_gold_turns_by_their_position() {
        let found: Vec<Option<&str>> =
            vec![Some("x"), None, Some("y"), Some("z"), Some("w"), Some("a"), Some("a")];
        let score = score(&found, &gold(&["a", "b"]));
        assert!(!score.any_at_5 && score.any_at_10);
        check_close(score.recall_at_10, 0.5);
        check_close(score.reciprocal_rank, 1.0 / 6.0);
    }

    #[test]
    fn nothing_found_scores_zero_and_only_ten_count_for_recall() {
        assert_eq!(score(&[], &gold(&["a"])), Score::default());
        let mut found = vec![Some("x"); 10];
        found.push(Some("a"));
        let late = score(&found, &gold(&["a"]));
        assert!(!late.any_at_10);
        check_close(late.recall_at_10, 0.0);
        check_close(late.reciprocal_rank, 1.0 / 11.0);
    }

    #[test]
    fn means_are_over_questions() {
        let hit = score(&[Some("a")], &gold(&["a"]));
        let miss = score(&[Some("x")], &gold(&["a"]));
        let means = means([hit, miss, miss, miss].into_iter()).expect("not empty");
        assert_eq!(means.questions, 4);
        for value in [means.any_at_5, means.any_at_10, means.recall_at_10, means.mrr] {
            check_close(value, 0.25);
        }
        assert_eq!(super::means(std::iter::empty()), None);
    }

    #[test]
    fn separation_counts_pairs_and_halves_ties() {
        check_close(separation_auc(&[0.9, 0.8], &[0.1, 0.2]).expect("both"), 1.0);
        check_close(separation_auc(&[0.5], &[0.5]).expect("both"), 0.5);
        check_close(separation_auc(&[0.3, 0.5], &[0.5, 0.1, 0.3]).expect("both"), 4.0 / 6.0);
        assert_eq!(separation_auc(&[], &[0.5]), None);
    }
}
