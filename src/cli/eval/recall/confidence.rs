//! What the confidences of a run are worth: whether they tell answers that hold evidence from
//! answers that hold none, and how many of each are in the bands that callers act on. Pure.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::cli::eval::metrics::{four, separation_auc};

/// Where one band ends and the next begins: to be dropped, to be used with care, to be used.
const BOUNDS: [f64; 2] = [0.3, 0.6];
const NAMES: [&str; 3] = ["<0.3", "0.3-0.6", ">=0.6"];

/// The confidence of every answer, 0 to 1. Empty in a dialect without it.
#[derive(Debug, Default)]
pub(super) struct Confidences {
    /// To the conversation's own questions, and whether the first ten results hold evidence.
    own: Vec<(f64, bool)>,
    /// To another conversation's.
    other: Vec<f64>,
}

/// Both shares are of all questions of their kind; those of all bands add up to 1.
#[derive(Debug, PartialEq)]
struct Band {
    name: &'static str,
    own: f64,
    other: f64,
    /// Share of the own questions in this band whose answer holds evidence; `None` without one.
    with_evidence: Option<f64>,
}

impl Confidences {
    pub(super) fn add_own(&mut self, confidence: Option<f64>, holds_evidence: bool) {
        self.own.extend(confidence.map(|confidence| (confidence, holds_evidence)));
    }

    pub(super) fn add_other(&mut self, confidence: Option<f64>) {
        self.other.extend(confidence);
    }

    /// Adds nothing to a JSON object unless questions of both kinds were asked.
    pub(super) fn put_into(&self, fields: &mut Map<String, Value>) {
        let Some(all_own) = self.auc_of_all_own() else { return };
        let bands = self.bands().into_iter().map(|band| {
            let shares = json!({
                "own": four(band.own),
                "other": four(band.other),
                "own with evidence": band.with_evidence.map(four),
            });
            (band.name.to_owned(), shares)
        });
        let auc = self.auc_of_evidence().map(four);
        fields.insert("confidence auc".to_owned(), json!(auc));
        fields.insert("confidence auc (all own)".to_owned(), json!(four(all_own)));
        fields.insert("confidence bands".to_owned(), Value::Object(bands.collect()));
    }

    /// Lines that begin with a line end; none unless questions of both kinds were asked.
    pub(super) fn write_into(&self, table: &mut String) {
        let Some(all_own) = self.auc_of_all_own() else { return };
        let name = "confidence AUC";
        if let Some(auc) = self.auc_of_evidence() {
            let _ = write!(table, "\n{name:24}{auc:.4}, of all own questions {all_own:.4}");
        } else {
            let _ = write!(table, "\n{name:24}of all own questions {all_own:.4}");
        }
        let (own, other, evidence) = ("own", "other", "evidence");
        let _ = write!(table, "\n\n{:24}{own:>11}{other:>11}{evidence:>11}", "confidence");
        for Band { name, own, other, with_evidence } in self.bands() {
            let evidence = with_evidence.map_or("-".to_owned(), |share| format!("{share:.4}"));
            let _ = write!(table, "\n{name:24}{own:>11.4}{other:>11.4}{evidence:>11}");
        }
    }

    /// Own questions whose answer holds evidence against other ones.
    fn auc_of_evidence(&self) -> Option<f64> {
        let found = self.own.iter().filter(|(_, holds_evidence)| *holds_evidence);
        let found: Vec<f64> = found.map(|(confidence, _)| *confidence).collect();
        separation_auc(&found, &self.other)
    }

    /// All own questions against other ones.
    fn auc_of_all_own(&self) -> Option<f64> {
        let own: Vec<f64> = self.own.iter().map(|(confidence, _)| *confidence).collect();
        separation_auc(&own, &self.other)
    }

    /// From the lowest. Only with questions of both kinds.
    fn bands(&self) -> Vec<Band> {
        let band = |(position, name)| {
            let is_in = |confidence: f64| band_of(confidence) == position;
            let own = self.own.iter().filter(|(confidence, _)| is_in(*confidence));
            let (found, missed): (Vec<bool>, Vec<bool>) =
                own.map(|(_, holds_evidence)| *holds_evidence).partition(|found| *found);
            let own_count = found.len() + missed.len();
            let other_count = self.other.iter().filter(|confidence| is_in(**confidence)).count();
            Band {
                name,
                own: share(own_count, self.own.len()),
                other: share(other_count, self.other.len()),
                with_evidence: (own_count > 0).then(|| share(found.len(), own_count)),
            }
        };
        NAMES.into_iter().enumerate().map(band).collect()
    }
}

/// Its position in [`NAMES`].
fn band_of(confidence: f64) -> usize {
    BOUNDS.iter().filter(|bound| confidence >= **bound).count()
}

/// `whole` is not 0.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn confidences(own: &[(f64, bool)], other: &[f64]) -> Confidences {
        Confidences { own: own.to_vec(), other: other.to_vec() }
    }

    fn json_of(confidences: &Confidences) -> Value {
        let mut fields = Map::new();
        confidences.put_into(&mut fields);
        Value::Object(fields)
    }

    fn table_of(confidences: &Confidences) -> String {
        let mut table = String::new();
        confidences.write_into(&mut table);
        table
    }

    #[test]
    fn questions_that_were_not_answered_count_for_one_of_the_two_figures_only() {
        let own = [(0.9, true), (0.7, true), (0.1, false), (0.3, true)];
        let json = json_of(&confidences(&own, &[0.2, 0.5]));
        assert_eq!(json["confidence auc"], 0.8333);
        assert_eq!(json["confidence auc (all own)"], 0.625);
    }

    #[test]
    fn a_band_holds_its_lower_bound_and_says_what_share_of_it_was_right() {
        let own = [(0.3, true), (0.59, false), (0.6, true), (1.0, true)];
        let confidences = confidences(&own, &[0.0, 0.299, 0.3, 0.6]);
        let bands = json_of(&confidences)["confidence bands"].clone();
        let expected = json!({
            "<0.3": {"own": 0.0, "other": 0.5, "own with evidence": null},
            "0.3-0.6": {"own": 0.5, "other": 0.25, "own with evidence": 0.5},
            ">=0.6": {"own": 0.5, "other": 0.25, "own with evidence": 1.0},
        });
        assert_eq!(bands, expected);
        let table = table_of(&confidences);
        let rows: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[3], ["confidence", "own", "other", "evidence"]);
        assert_eq!(rows[4], ["<0.3", "0.0000", "0.5000", "-"]);
        assert_eq!(rows[6], [">=0.6", "0.5000", "0.2500", "1.0000"]);
    }

    #[test]
    fn without_questions_of_both_kinds_nothing_is_said() {
        for confidences in [confidences(&[], &[0.1]), confidences(&[(0.5, true)], &[])] {
            assert_eq!(json_of(&confidences), json!({}));
            assert_eq!(table_of(&confidences), "");
        }
    }

    #[test]
    fn with_no_evidence_found_at_all_the_first_figure_is_missing() {
        let confidences = confidences(&[(0.5, false)], &[0.5]);
        let json = json_of(&confidences);
        assert_eq!(
            (&json["confidence auc"], &json["confidence auc (all own)"]),
            (&Value::Null, &json!(0.5))
        );
        assert!(table_of(&confidences).contains("of all own questions 0.5000"));
    }

    #[test]
    fn a_dialect_without_confidence_adds_none() {
        let mut confidences = Confidences::default();
        confidences.add_own(None, true);
        confidences.add_other(None);
        assert!(confidences.own.is_empty() && confidences.other.is_empty());
    }

    proptest! {
        #[test]
        fn every_answer_is_in_one_band(
            own in prop::collection::vec((0.0..=1.0, any::<bool>()), 1..50),
            other in prop::collection::vec(0.0..=1.0, 1..50),
        ) {
            let bands = confidences(&own, &other).bands();
            for total in [bands.iter().map(|band| band.own).sum::<f64>(), bands.iter().map(|band| band.other).sum()] {
                prop_assert!((total - 1.0).abs() < 1e-9);
            }
        }
    }
}
