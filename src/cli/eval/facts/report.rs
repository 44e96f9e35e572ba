//! What a measurement of facts found, as a table for people or JSON for machines.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::evidence::Found;
use crate::cli::eval::data::{ADVERSARIAL, category_name};
use crate::cli::eval::latencies::Latencies;
use crate::cli::eval::metrics::{four, two};

#[derive(Default)]
pub(super) struct FactsReport {
    /// Category and result of every question asked.
    pub(super) found: Vec<(i64, Found)>,
    /// Estimated tokens of all answers, as the server counts them.
    pub(super) tokens: usize,
    pub(super) items: usize,
    pub(super) retrievals: Latencies,
    pub(super) memorized: Memorized,
}

/// What memorizing all sessions came to. Zeros where an earlier run did it.
#[derive(Default)]
pub(super) struct Memorized {
    /// Until each content was taken.
    pub(super) calls: Latencies,
    pub(super) facts_extracted: u64,
    /// Those that said something new.
    pub(super) facts_written: u64,
    /// From the first call until the last content was read, in microseconds.
    pub(super) elapsed_us: u64,
}

/// Means over some questions.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Means {
    questions: usize,
    any: f64,
    share: f64,
}

/// `None` without a question.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn means(found: impl Iterator<Item = Found>) -> Option<Means> {
    let found: Vec<Found> = found.collect();
    let questions = found.len();
    let mean = |value: fn(&Found) -> f64| found.iter().map(value).sum::<f64>() / questions as f64;
    (questions > 0).then(|| Means {
        questions,
        any: mean(|found| f64::from(u8::from(found.any))),
        share: mean(|found| found.share),
    })
}

impl Means {
    fn to_json(self) -> Value {
        json!({
            "questions": self.questions,
            "any evidence": four(self.any),
            "evidence": four(self.share),
        })
    }
}

impl FactsReport {
    /// Share of all questions with some evidence in the answer; 0 without a question.
    pub(super) fn share(&self) -> f64 {
        self.overall().map_or(0.0, |means| means.any)
    }

    fn overall(&self) -> Option<Means> {
        means(self.found.iter().map(|(_, found)| *found))
    }

    fn without_adversarial(&self) -> Option<Means> {
        let kept = self.found.iter().filter(|(category, _)| *category != ADVERSARIAL);
        means(kept.map(|(_, found)| *found))
    }

    fn by_category(&self) -> BTreeMap<i64, Means> {
        let mut all: BTreeMap<i64, Vec<Found>> = BTreeMap::new();
        for (category, found) in &self.found {
            all.entry(*category).or_default().push(*found);
        }
        let all = all.into_iter();
        all.filter_map(|(category, found)| Some((category, means(found.into_iter())?))).collect()
    }

    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn per_answer(&self, count: usize) -> f64 {
        count as f64 / self.found.len().max(1) as f64
    }

    /// One object over several lines.
    pub(super) fn to_json(&self) -> String {
        let mut fields = Map::new();
        if let Some(overall) = self.overall()
            && let Value::Object(figures) = overall.to_json()
        {
            fields.extend(figures);
        }
        let kept = self.without_adversarial().map(|means| four(means.any));
        fields.insert("any evidence (no adversarial)".to_owned(), json!(kept));
        let kept = self.without_adversarial().map(|means| four(means.share));
        fields.insert("evidence (no adversarial)".to_owned(), json!(kept));
        fields.insert("tokens per answer".to_owned(), json!(two(self.per_answer(self.tokens))));
        fields.insert("items per answer".to_owned(), json!(two(self.per_answer(self.items))));
        self.retrievals.put_into(&mut fields, "retrieve");
        self.memorized.put_into(&mut fields);
        let categories = self.by_category().into_iter();
        let categories = categories.map(|(name, means)| (name.to_string(), means.to_json()));
        fields.insert("by category".to_owned(), Value::Object(categories.collect()));
        format!("{:#}", Value::Object(fields))
    }

    /// Several lines without a last line end.
    pub(super) fn to_table(&self) -> String {
        let mut table =
            format!("{:24}{:>11}{:>14}{:>11}\n", "", "questions", "any evidence", "evidence");
        let mut row = |name: &str, means: Option<Means>| {
            let Some(Means { questions, any, share }) = means else { return };
            let _ = writeln!(table, "{name:24}{questions:>11}{any:>14.4}{share:>11.4}");
        };
        for (category, means) in self.by_category() {
            row(&format!("{category} {}", category_name(category)), Some(means));
        }
        row("all but adversarial", self.without_adversarial());
        row("all", self.overall());
        let mut line = |name: &str, value: String| {
            let _ = write!(table, "\n{name:24}{value}");
        };
        line("retrieve", self.retrievals.to_string());
        line("tokens per answer", format!("{:.0}", self.per_answer(self.tokens)));
        line("items per answer", format!("{:.2}", self.per_answer(self.items)));
        let Memorized { calls, facts_extracted, facts_written, .. } = &self.memorized;
        if calls.calls() > 0 {
            let rate = self.memorized.facts_per_second();
            line("sessions", calls.calls().to_string());
            line("memorize", calls.to_string());
            line(
                "facts",
                format!("{facts_extracted} found, {facts_written} written, {rate:.0} a second"),
            );
        }
        table
    }
}

impl Memorized {
    /// Facts found, over the time until all contents were read.
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn facts_per_second(&self) -> f64 {
        self.facts_extracted as f64 * 1e6 / self.elapsed_us.max(1) as f64
    }

    fn put_into(&self, fields: &mut Map<String, Value>) {
        fields.insert("sessions memorized".to_owned(), json!(self.calls.calls()));
        fields.insert("facts extracted".to_owned(), json!(self.facts_extracted));
        fields.insert("facts written".to_owned(), json!(self.facts_written));
        fields.insert("facts per second".to_owned(), json!(two(self.facts_per_second())));
        self.calls.put_into(fields, "memorize");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> FactsReport {
        let found = |any, share| Found { any, share };
        let mut report = FactsReport {
            found: vec![(1, found(true, 0.5)), (1, found(true, 1.0)), (5, found(false, 0.0))],
            tokens: 3_000,
            items: 30,
            ..FactsReport::default()
        };
        report.retrievals.record(1_500);
        report
    }

    #[test]
    fn the_share_is_of_questions_and_the_evidence_of_turns() {
        let report = report();
        assert!((report.share() - 2.0 / 3.0).abs() < 1e-12);
        let json: Value = serde_json::from_str(&report.to_json()).expect("is JSON");
        assert_eq!((&json["questions"], &json["any evidence"]), (&json!(3), &json!(0.6667)));
        assert_eq!(json["evidence"], 0.5);
        assert_eq!(json["any evidence (no adversarial)"], 1.0);
        assert_eq!(json["evidence (no adversarial)"], 0.75);
        assert_eq!(json["by category"]["5"]["any evidence"], 0.0);
        assert_eq!(json["tokens per answer"], 1_000.0);
        assert_eq!(
            (&json["retrieve ms p50"], &json["memorize ms p50"]),
            (&json!(1.5), &Value::Null)
        );
    }

    #[test]
    fn the_table_has_a_row_per_category_and_survives_an_empty_report() {
        let mut report = report();
        assert!(!report.to_table().contains("sessions"), "nothing was memorized");
        report.memorized.calls.record(900);
        report.memorized.facts_extracted = 40;
        report.memorized.elapsed_us = 2_000_000;
        let table = report.to_table();
        for part in ["1 multi-hop", "5 adversarial", "all but adversarial", "20 a second"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
        assert!(FactsReport::default().share() < 1e-12);
        assert!(!FactsReport::default().to_table().is_empty());
    }
}
