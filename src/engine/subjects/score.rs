//! How well a fact answers a question: its text's relevance, less the less sure, the less important
//! and the older it is.

use crate::engine::resources::ImportanceLevel;
use crate::types::Timestamp;

const DAY_US: f64 = 86_400.0 * 1_000_000.0;

/// What of a fact counts besides its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FactStanding {
    /// In [0, 1].
    pub confidence: f64,
    pub importance: ImportanceLevel,
    pub created_at: Timestamp,
}

impl FactStanding {
    /// As high as the higher of both in each way: no fact of either scores above one that stands so.
    #[must_use]
    pub fn or_higher(&self, other: &Self) -> Self {
        Self {
            confidence: self.confidence.max(other.confidence),
            importance: self.importance.max(other.importance),
            created_at: self.created_at.max(other.created_at),
        }
    }
}

/// In [0, 1]: `relevance * confidence * weight * 0.5^(age / half life)`, where what is critical
/// does not age. A longer half-life never lowers it.
#[must_use]
pub fn score(relevance: f64, fact: &FactStanding, now: Timestamp, half_life_days: f64) -> f64 {
    let whole = relevance * fact.confidence * weight(fact.importance);
    (whole * freshness(fact, now, half_life_days)).clamp(0.0, 1.0)
}

fn weight(importance: ImportanceLevel) -> f64 {
    match importance {
        ImportanceLevel::Low => 0.8,
        ImportanceLevel::Medium => 1.0,
        ImportanceLevel::High | ImportanceLevel::Critical => 1.1,
    }
}

fn freshness(fact: &FactStanding, now: Timestamp, half_life_days: f64) -> f64 {
    if fact.importance == ImportanceLevel::Critical {
        return 1.0;
    }
    #[allow(clippy::cast_precision_loss, reason = "exact to a second for 285 years")]
    let age_us = now.as_micros().saturating_sub(fact.created_at.as_micros()).max(0) as f64;
    0.5_f64.powf(age_us / DAY_US / half_life_days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn now() -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }

    fn fact(importance: ImportanceLevel, age_days: u64) -> FactStanding {
        let age_us = i64::try_from(Duration::from_secs(age_days * 86_400).as_micros()).unwrap();
        let created_at = Timestamp::from_micros(now().as_micros() - age_us);
        FactStanding { confidence: 1.0, importance, created_at }
    }

    #[test]
    fn a_half_life_halves() {
        let at = |days| score(0.5, &fact(ImportanceLevel::Medium, days), now(), 30.0);
        assert!((at(0) - 0.5).abs() < 1e-9);
        assert!((at(30) - 0.25).abs() < 1e-9);
        assert!((at(60) - 0.125).abs() < 1e-9);
    }

    #[test]
    fn what_is_critical_does_not_age_and_what_is_yet_to_come_is_new() {
        let old = score(0.5, &fact(ImportanceLevel::Critical, 9_000), now(), 1.0);
        assert!((old - 0.55).abs() < 1e-9);
        let mut coming = fact(ImportanceLevel::Medium, 0);
        coming.created_at = Timestamp::from_micros(i64::MAX);
        assert!((score(0.5, &coming, now(), 1.0) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn nothing_scores_above_what_stands_higher(
            relevance in 0.0_f64..=1.0, less in 0.0_f64..=1.0, half_life in 0.001_f64..3_650.0,
            days in [0_u64..2_000, 0..2_000], confidence in [0.0_f64..=1.0, 0.0..=1.0],
            levels in [0_usize..4, 0..4],
        ) {
            let standing = |at: usize| FactStanding {
                confidence: confidence[at],
                ..fact(ImportanceLevel::ALL[levels[at]], days[at])
            };
            let highest = standing(0).or_higher(&standing(1));
            for at in [0, 1] {
                let found = score(relevance * less, &standing(at), now(), half_life);
                prop_assert!(found <= score(relevance, &highest, now(), half_life));
            }
        }

        #[test]
        fn a_score_is_a_share_and_grows_with_the_half_life_and_the_importance(
            relevance in 0.0_f64..=1.0, days in 0_u64..20_000,
            short in 0.001_f64..3_650.0, longer in 1.0_f64..10.0,
        ) {
            let mut before = 0.0;
            for level in ImportanceLevel::ALL {
                let fact = fact(level, days);
                let found = score(relevance, &fact, now(), short);
                prop_assert!((0.0..=1.0).contains(&found));
                prop_assert!(score(relevance, &fact, now(), short * longer) >= found);
                prop_assert!(found >= before);
                before = found;
            }
        }
    }
}
