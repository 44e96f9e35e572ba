//! What was learned, as a table for people or JSON for machines.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::consolidation::Consolidation;
use super::questions::Parts;
use crate::cli::eval::latencies::Latencies;
use crate::cli::eval::metrics::{Means, four, two};
use crate::cli::eval::setup::Written;

/// A name, and how it is taken of means.
type Figure = (&'static str, fn(&Means) -> f64);

/// The figures shown.
const FIGURES: [Figure; 3] = [
    ("recall@10", |means| means.recall_at_10),
    ("any@10", |means| means.any_at_10),
    ("mrr", |means| means.mrr),
];

/// What giving feedback came to.
#[derive(Default)]
pub(super) struct Taught {
    pub(super) feedbacks: Latencies,
    /// An atom counts with every feedback.
    pub(super) atoms_rated: u64,
    /// The sum of what the answers say.
    pub(super) coactivation_edges: u64,
}

#[derive(Default)]
pub(super) struct LearningReport {
    /// Whether the tenant was empty before the run.
    pub(super) is_fresh: bool,
    pub(super) written: Written,
    pub(super) reads: Latencies,
    pub(super) before: Parts<Option<Means>>,
    pub(super) taught: Taught,
    pub(super) after: Parts<Option<Means>>,
    pub(super) consolidation: Option<Consolidation>,
}

impl LearningReport {
    /// One object over several lines.
    pub(super) fn to_json(&self) -> String {
        let taught = &self.taught;
        let mut fields = self.parts_json();
        let rate = taught.feedbacks.calls_per_second().map(two);
        for (name, value) in [
            ("fresh tenant", json!(self.is_fresh)),
            ("feedback calls", json!(taught.feedbacks.calls())),
            ("feedback calls per second", json!(rate)),
            ("atoms rated", json!(taught.atoms_rated)),
            ("coactivation edges", json!(taught.coactivation_edges)),
            ("consolidation", json!(self.consolidation.as_ref().map(Consolidation::to_json))),
        ] {
            fields.insert(name.to_owned(), value);
        }
        self.written.put_into(&mut fields);
        taught.feedbacks.put_into(&mut fields, "feedback");
        self.reads.put_into(&mut fields, "read");
        format!("{:#}", Value::Object(fields))
    }

    /// Every part with questions, with everything that was measured of it.
    fn parts_json(&self) -> Map<String, Value> {
        let mut measured = vec![("before", &self.before), ("after", &self.after)];
        if let Some(run) = &self.consolidation {
            measured.push(("consolidated", &run.recall));
            measured.push(("consolidated, by prototypes", &run.recall_by_prototypes));
        }
        let mut fields = Map::new();
        for ((name, before), (_, after)) in self.before.named().into_iter().zip(self.after.named())
        {
            let (Some(before), Some(after)) = (before, after) else { continue };
            let points = figures(|value| points(value(before), value(after)));
            fields
                .insert(name.to_owned(), json!({"questions": before.questions, "points": points}));
        }
        for (column, parts) in measured {
            for (name, means) in parts.named() {
                if let (Some(Value::Object(part)), Some(means)) = (fields.get_mut(name), means) {
                    part.insert(column.to_owned(), figures(|value| four(value(means))));
                }
            }
        }
        fields
    }

    /// Several lines without a last line end.
    pub(super) fn to_table(&self) -> String {
        let mut table = comparison(["before", "after"], &self.before, &self.after);
        let taught = &self.taught;
        let (calls, seconds) = (taught.feedbacks.calls(), taught.feedbacks.seconds());
        let rate = taught.feedbacks.calls_per_second().unwrap_or(0.0);
        line(&mut table, "turns", &self.written.to_string());
        let feedback = format!("{calls} calls in {seconds:.2} s, {rate:.1} a second");
        line(&mut table, "feedback", &feedback);
        line(&mut table, "", &taught.feedbacks.to_string());
        line(&mut table, "atoms rated", &taught.atoms_rated.to_string());
        line(&mut table, "coactivation edges", &taught.coactivation_edges.to_string());
        line(&mut table, "read", &self.reads.to_string());
        if let Some(run) = &self.consolidation {
            self.write_consolidation(run, &mut table);
        }
        table
    }

    fn write_consolidation(&self, run: &Consolidation, table: &mut String) {
        table.push_str("\n\n");
        table.push_str(&comparison(["after", "merged"], &self.after, &run.recall));
        if !run.prototypes_by_member.is_empty() {
            table.push_str("\na prototype counts for its members:\n");
            let by_prototypes = &run.recall_by_prototypes;
            table.push_str(&comparison(["after", "merged"], &self.after, by_prototypes));
        }
        let (before, after, ratio) = (run.atoms_before, run.atoms_after, run.compression_ratio());
        let atoms = format!("{before} before, {after} after, compression ratio {ratio:.2}");
        line(table, "consolidation", &format!("in {:.2} s", run.seconds()));
        line(table, "atoms", &atoms);
        line(table, "prototypes", &run.prototypes.to_string());
        line(table, "singletons", &run.singletons.to_string());
        let readable = run.originals.saturating_sub(run.lost.len());
        line(table, "readable by id", &format!("{readable} of {}", run.originals));
        let second = match run.second_changed.len() {
            0 => "changed nothing".to_owned(),
            count => format!("{count} changes"),
        };
        line(table, "second consolidation", &second);
    }
}

/// A row for each figure of each part that has questions; ends without a line end.
fn comparison(
    columns: [&str; 2],
    from: &Parts<Option<Means>>,
    to: &Parts<Option<Means>>,
) -> String {
    let [from_name, to_name] = columns;
    let mut table =
        format!("{:24}{:>11}{from_name:>11}{to_name:>11}{:>11}", "", "questions", "points");
    for ((part, from), (_, to)) in from.named().into_iter().zip(to.named()) {
        let (Some(from), Some(to)) = (from, to) else { continue };
        for (figure, value) in FIGURES {
            let figure = if figure == "mrr" { "MRR" } else { figure };
            let (count, from, to) = (from.questions, value(from), value(to));
            let points = points(from, to);
            let _ = write!(
                table,
                "\n{part:12}{figure:12}{count:>11}{from:>11.4}{to:>11.4}{points:>+11.2}"
            );
        }
    }
    table.push('\n');
    table
}

fn line(table: &mut String, name: &str, value: &str) {
    let _ = write!(table, "\n{name:24}{value}");
}

/// An object with every figure.
fn figures(value: impl Fn(fn(&Means) -> f64) -> f64) -> Value {
    let figure = |(name, of): Figure| (name.to_owned(), json!(value(of)));
    Value::Object(FIGURES.into_iter().map(figure).collect())
}

/// The difference in hundredths, never a negative zero.
fn points(from: f64, to: f64) -> f64 {
    two((to - from) * 100.0) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(value: f64) -> Parts<Option<Means>> {
        let means = |value| Means {
            questions: 4,
            any_at_5: value,
            any_at_10: value,
            recall_at_10: value,
            mrr: value,
        };
        let (asked, held_out) = (Some(means(value)), Some(means(0.75)));
        Parts { asked, held_out, paraphrases: None }
    }

    fn report() -> LearningReport {
        let mut report = LearningReport {
            before: recall(0.5),
            after: recall(1.0),
            taught: Taught { atoms_rated: 40, coactivation_edges: 12, ..Taught::default() },
            ..LearningReport::default()
        };
        report.taught.feedbacks.record(2_000);
        report.taught.feedbacks.record(3_000);
        report
    }

    fn json_of(report: &LearningReport) -> Value {
        serde_json::from_str(&report.to_json()).expect("is JSON")
    }

    #[test]
    fn the_json_has_before_after_and_the_difference_of_each_part_with_questions() {
        let json = json_of(&report());
        assert_eq!(json["asked"]["questions"], 4);
        for (name, value) in [("before", 0.5), ("after", 1.0), ("points", 50.0)] {
            let expected = json!({"recall@10": value, "any@10": value, "mrr": value});
            assert_eq!(json["asked"][name], expected, "{name}");
        }
        assert_eq!(json["held-out"]["points"]["mrr"], 0.0);
        assert_eq!(json.get("paraphrases"), None);
        assert_eq!(json["feedback calls"], 2);
        assert_eq!(json["feedback calls per second"], 400.0);
        assert_eq!(json["coactivation edges"], 12);
        assert_eq!(json["consolidation"], Value::Null);
        assert_eq!(json["asked"].get("consolidated"), None);
    }

    #[test]
    fn the_table_compares_and_leaves_out_parts_without_questions() {
        let table = report().to_table();
        let rows: Vec<Vec<&str>> =
            table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["questions", "before", "after", "points"]);
        assert_eq!(rows[1], ["asked", "recall@10", "4", "0.5000", "1.0000", "+50.00"]);
        assert_eq!(rows[6], ["held-out", "MRR", "4", "0.7500", "0.7500", "+0.00"]);
        assert!(table.contains("2 calls in 0.01 s, 400.0 a second"), "{table}");
        assert!(!table.contains("paraphrases") && !table.contains("consolidation"), "{table}");
        assert!(!LearningReport::default().to_table().is_empty());
    }

    #[test]
    fn a_consolidation_is_compared_with_what_was_before_it() {
        let mut run = Consolidation {
            atoms_before: 10,
            atoms_after: 8,
            originals: 10,
            recall: recall(0.25),
            recall_by_prototypes: recall(1.0),
            ..Consolidation::default()
        };
        run.prototypes_by_member.insert("member".to_owned(), "prototype".to_owned());
        let report = LearningReport { consolidation: Some(run), ..report() };
        let json = json_of(&report);
        assert_eq!(json["asked"]["consolidated"]["mrr"], 0.25);
        assert_eq!(json["asked"]["consolidated, by prototypes"]["mrr"], 1.0);
        assert_eq!(json["consolidation"]["compression ratio"], 1.25);
        let table = report.to_table();
        for part in ["merged", "-75.00", "a prototype counts", "10 of 10", "changed nothing"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
    }

    #[test]
    fn no_difference_has_no_sign_of_a_loss() {
        assert_eq!(format!("{:+.2}", points(0.5, 0.499_999)), "+0.00");
    }
}
