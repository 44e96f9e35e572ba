//! What a measurement found, as a table for people or JSON for machines. The JSON names and
//! roundings of the common figures are those of the reference script, so that results compare.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::confidence::Confidences;
use crate::cli::eval::client::tex::Mode;
use crate::cli::eval::data::{ADVERSARIAL, category_name};
use crate::cli::eval::latencies::Latencies;
use crate::cli::eval::metrics::{Means, Score, four, means, separation_auc, two};
use crate::cli::eval::setup::Written;

#[derive(Default)]
pub(super) struct RecallReport {
    /// How Tex was asked; `None` through mnemoverse.
    pub(super) mode: Option<Mode>,
    /// Category and score of every question asked.
    pub(super) scores: Vec<(i64, Score)>,
    /// Relevance of the first result, 0 without one: for the conversation's own questions ...
    pub(super) own_top: Vec<f64>,
    /// ... and for another conversation's.
    pub(super) other_top: Vec<f64>,
    pub(super) items_seen: usize,
    /// Results that are no turns. Both counts are of the conversations' own questions.
    pub(super) others_seen: usize,
    pub(super) confidences: Confidences,
    /// Empty when the turns were stored by an earlier run.
    pub(super) written: Written,
    pub(super) reads: Latencies,
}

impl RecallReport {
    fn overall(&self) -> Option<Means> {
        means(self.scores.iter().map(|(_, score)| *score))
    }

    fn without_adversarial(&self) -> Option<Means> {
        let kept = self.scores.iter().filter(|(category, _)| *category != ADVERSARIAL);
        means(kept.map(|(_, score)| *score))
    }

    fn by_category(&self) -> BTreeMap<i64, Means> {
        let mut scores: BTreeMap<i64, Vec<Score>> = BTreeMap::new();
        for (category, score) in &self.scores {
            scores.entry(*category).or_default().push(*score);
        }
        let all = scores.into_iter();
        all.filter_map(|(category, scores)| Some((category, means(scores.into_iter())?))).collect()
    }

    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn per_answer(&self, seen: usize) -> f64 {
        seen as f64 / self.scores.len().max(1) as f64
    }

    /// One object over several lines.
    pub(super) fn to_json(&self) -> String {
        let overall = self.overall();
        let kept = self.without_adversarial();
        let pick =
            |means: Option<Means>, value: fn(&Means) -> f64| means.as_ref().map(value).map(four);
        let mut object = json!({
            "questions": self.scores.len(),
            "any@5": pick(overall, |means| means.any_at_5),
            "any@10": pick(overall, |means| means.any_at_10),
            "recall@10": pick(overall, |means| means.recall_at_10),
            "mrr": pick(overall, |means| means.mrr),
            "any@10 (no adversarial)": pick(kept, |means| means.any_at_10),
            "recall@10 (no adversarial)": pick(kept, |means| means.recall_at_10),
            "items per answer": two(self.per_answer(self.items_seen)),
        });
        if let Value::Object(fields) = &mut object {
            self.written.put_into(fields);
            self.reads.put_into(fields, "read");
            if let Some(auc) = separation_auc(&self.own_top, &self.other_top) {
                fields.insert("separation auc".to_owned(), json!(four(auc)));
            }
            if let Some(mode) = self.mode {
                fields.insert("dialect".to_owned(), json!("tex"));
                fields.insert("mode".to_owned(), json!(mode));
                let others = two(self.per_answer(self.others_seen));
                fields.insert("other hits per answer".to_owned(), json!(others));
            }
            self.confidences.put_into(fields);
            fields.insert("by category".to_owned(), Value::Object(self.categories_json()));
        }
        format!("{object:#}")
    }

    fn categories_json(&self) -> Map<String, Value> {
        let entry = |(category, means): (i64, Means)| {
            let figures = json!({
                "questions": means.questions,
                "any@5": four(means.any_at_5),
                "any@10": four(means.any_at_10),
                "recall@10": four(means.recall_at_10),
                "mrr": four(means.mrr),
            });
            (category.to_string(), figures)
        };
        self.by_category().into_iter().map(entry).collect()
    }

    /// Several lines without a last line end.
    pub(super) fn to_table(&self) -> String {
        let mut table = String::new();
        let header = ["questions", "any@5", "any@10", "recall@10", "MRR"];
        let _ = write!(table, "{:24}", "");
        for name in header {
            let _ = write!(table, "{name:>11}");
        }
        table.push('\n');
        let mut row = |name: &str, means: Option<Means>| {
            let Some(m) = means else { return };
            let _ = write!(table, "{name:24}{:>11}", m.questions);
            for value in [m.any_at_5, m.any_at_10, m.recall_at_10, m.mrr] {
                let _ = write!(table, "{value:>11.4}");
            }
            table.push('\n');
        };
        for (category, means) in self.by_category() {
            row(&format!("{category} {}", category_name(category)), Some(means));
        }
        row("all but adversarial", self.without_adversarial());
        row("all", self.overall());
        let mut line = |name: &str, value: String| {
            let _ = write!(table, "\n{name:24}{value}");
        };
        if let Some(mode) = self.mode {
            line("asked", format!("through tex, mode {mode}"));
        }
        if self.written.turns > 0 {
            line("turns", self.written.to_string());
            line("write batch", self.written.batches.to_string());
        }
        line("read", self.reads.to_string());
        line("items per answer", format!("{:.2}", self.per_answer(self.items_seen)));
        if self.mode.is_some() {
            line("other hits per answer", format!("{:.2}", self.per_answer(self.others_seen)));
        }
        if let Some(auc) = separation_auc(&self.own_top, &self.other_top) {
            line("separation AUC", format!("{auc:.4}"));
        }
        self.confidences.write_into(&mut table);
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> RecallReport {
        let hit =
            Score { any_at_5: true, any_at_10: true, recall_at_10: 1.0, reciprocal_rank: 1.0 };
        let mut report = RecallReport {
            scores: vec![(1, hit), (1, Score::default()), (5, Score::default())],
            own_top: vec![0.9, 0.8, 0.2],
            other_top: vec![0.1],
            items_seen: 30,
            ..RecallReport::default()
        };
        report.written.turns = 7;
        report.reads.record(1_500);
        report
    }

    #[test]
    fn the_json_uses_the_names_of_the_reference_script() {
        let json: Value = serde_json::from_str(&report().to_json()).expect("is JSON");
        assert_eq!(json["questions"], 3);
        assert_eq!(json["any@10"], 0.3333);
        assert_eq!(json["any@10 (no adversarial)"], 0.5);
        assert_eq!(json["read ms p50"], 1.5);
        assert_eq!(json["write batch ms p50"], Value::Null);
        assert_eq!(json["separation auc"], 1.0);
        assert_eq!(json["by category"]["1"]["mrr"], 0.5);
    }

    #[test]
    fn only_through_tex_there_is_a_mode_and_a_confidence() {
        let added =
            ["dialect", "mode", "other hits per answer", "confidence auc", "confidence bands"];
        let json: Value = serde_json::from_str(&report().to_json()).expect("is JSON");
        for name in added {
            assert_eq!(json.get(name), None, "{name}");
        }
        assert!(!report().to_table().contains("confidence"));

        let mut report = RecallReport { mode: Some(Mode::Deep), others_seen: 6, ..report() };
        report.confidences.add_own(Some(0.75), true);
        report.confidences.add_other(Some(0.25));
        let json: Value = serde_json::from_str(&report.to_json()).expect("is JSON");
        assert_eq!((&json["dialect"], &json["mode"]), (&json!("tex"), &json!("deep")));
        assert_eq!(json["other hits per answer"], 2.0);
        assert_eq!(json["confidence auc"], 1.0);
        assert_eq!(json["confidence bands"][">=0.6"]["own"], 1.0);
        let table = report.to_table();
        for part in ["through tex, mode deep", "confidence AUC", "other hits", "0.3-0.6"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
    }

    #[test]
    fn the_table_has_a_row_per_category_and_survives_an_empty_report() {
        let table = report().to_table();
        for part in ["1 multi-hop", "5 adversarial", "all but adversarial", "separation AUC"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
        assert!(!RecallReport::default().to_table().is_empty());
    }
}
