//! Reads, alone and in batches.

use super::super::wire::{ReadBatchRequest, ReadRequest, RetrievalOptions};
use super::fields::{Fields, parse_object, unless_null};
use super::problems::{Problems, Step};
use crate::service::{ReadQuery, RetrievalMode, RetrievedAtom};
use crate::types::{Timestamp, limits};

const TOP_K_DEFAULT: usize = 10;
const MIN_RELEVANCE_DEFAULT: f32 = 0.3;

/// A query, and what this dialect does with its result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadPlan {
    pub(crate) query: ReadQuery,
    /// Both bounds belong to the window.
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    newest_first: bool,
}

impl ReadPlan {
    /// Drops what lies outside the window and brings the rest into the order asked for. Applied
    /// after retrieval, so a window can leave fewer than `top_k`.
    pub(crate) fn arrange(&self, items: &mut Vec<RetrievedAtom>) {
        items.retain(|item| {
            let created_at = item.atom.created_at;
            self.since.is_none_or(|since| created_at >= since)
                && self.until.is_none_or(|until| created_at <= until)
        });
        if self.newest_first {
            items.sort_by_key(|item| std::cmp::Reverse(item.atom.created_at));
        }
    }
}

/// The body of a single read.
pub(crate) fn read_request(body: &str) -> Result<ReadPlan, Problems> {
    let request: ReadRequest<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let plan = read_plan(&mut Fields::at(&mut problems, vec![Step::Name("body")]), &request);
    problems.or_value(plan)
}

/// The body of a batch of reads: all of them, or every problem of every entry.
pub(crate) fn read_batch_request(body: &str) -> Result<Vec<ReadPlan>, Problems> {
    let request: ReadBatchRequest<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let queries = fields
        .required("queries", request.queries)
        .and_then(|raw| fields.list("queries", raw, 1..=limits::READ_BATCH_MAX))
        .unwrap_or_default();
    let mut plans = Vec::with_capacity(queries.len());
    for (index, raw) in queries.into_iter().enumerate() {
        let place = vec![Step::Name("body"), Step::Name("queries"), Step::Index(index)];
        match parse_object::<ReadRequest<'_>>(raw.get()) {
            Ok(request) => plans.push(read_plan(&mut Fields::at(&mut problems, place), &request)),
            Err((kind, msg)) => problems.add(place, kind, format!("queries[{index}] {msg}")),
        }
    }
    problems.or_value(plans)
}

/// Reads every field, noting problems; the plan is meaningless when there are any.
fn read_plan(fields: &mut Fields<'_>, request: &ReadRequest<'_>) -> ReadPlan {
    let text = fields
        .required("query", request.query)
        .and_then(|raw| fields.text("query", raw, 1..=limits::QUERY_CHARS_MAX));
    let top_k = request.top_k.and_then(|raw| fields.integer("top_k", raw, 1..=limits::TOP_K_MAX));
    let domain = unless_null(request.domain)
        .and_then(|raw| fields.text("domain", raw, 1..=limits::DOMAIN_CHARS_MAX));
    let min_relevance =
        request.min_relevance.and_then(|raw| fields.number("min_relevance", raw, 0.0..=1.0));
    let include_associations =
        request.include_associations.and_then(|raw| fields.boolean("include_associations", raw));
    let concepts = request.concepts.and_then(|raw| {
        let chars = 1..=limits::CONCEPT_CHARS_MAX;
        fields.texts("concepts", raw, limits::QUERY_CONCEPTS_MAX, chars)
    });
    // A client sends an empty fingerprint for none.
    let fingerprint = unless_null(request.fingerprint)
        .and_then(|raw| fields.text("fingerprint", raw, 0..=limits::FINGERPRINT_CHARS_MAX))
        .filter(|fingerprint| !fingerprint.is_empty());
    let (since, until) = window(fields, request);
    ReadPlan {
        since,
        until,
        newest_first: newest_first(fields, request),
        query: ReadQuery {
            text: text.unwrap_or_default(),
            concepts: concepts.unwrap_or_default(),
            domains: domain.map(|domain| vec![domain]),
            top_k: top_k.unwrap_or(TOP_K_DEFAULT),
            min_relevance: min_relevance.map_or(MIN_RELEVANCE_DEFAULT, narrow),
            include_associations: include_associations.unwrap_or(true),
            fingerprint,
            mode: mode(fields, request),
        },
    }
}

#[allow(clippy::cast_possible_truncation, reason = "scores have f32 precision; the range is 0..=1")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn window(
    fields: &mut Fields<'_>,
    request: &ReadRequest<'_>,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let since = unless_null(request.since).and_then(|raw| fields.timestamp("since", raw));
    let until = unless_null(request.until).and_then(|raw| fields.timestamp("until", raw));
    if let (Some(since), Some(until)) = (since, until)
        && until < since
    {
        fields.refuse("until", "value_error", "must not be before since");
    }
    (since, until)
}

fn newest_first(fields: &mut Fields<'_>, request: &ReadRequest<'_>) -> bool {
    let Some(raw) = unless_null(request.order_by) else {
        return false;
    };
    match raw.get() {
        "\"relevance\"" => false,
        "\"recency\"" => true,
        _ => {
            fields.refuse("order_by", "enum", "must be \"relevance\" or \"recency\"");
            false
        }
    }
}

fn mode(fields: &mut Fields<'_>, request: &ReadRequest<'_>) -> RetrievalMode {
    let options = unless_null(request.retrieval)
        .and_then(|raw| fields.object::<RetrievalOptions<'_>>("retrieval", raw));
    let Some(raw) = options.and_then(|options| unless_null(options.mode)) else {
        return RetrievalMode::default();
    };
    match raw.get() {
        "\"hybrid\"" => RetrievalMode::Hybrid,
        "\"cosine\"" => RetrievalMode::Cosine,
        _ => {
            let msg = "must be \"hybrid\" or \"cosine\"";
            fields.refuse_in("retrieval", "mode", "enum", msg);
            RetrievalMode::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(body: &str) -> String {
        serde_json::to_string(&read_request(body).unwrap_err()).unwrap()
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let query = read_request("{\"query\":\"x\"}").unwrap().query;
        assert_eq!(query.top_k, 10);
        assert!((query.min_relevance - 0.3).abs() < f32::EPSILON);
        assert!(query.include_associations);
        assert_eq!((query.domains, query.mode), (None, RetrievalMode::Hybrid));
    }

    #[test]
    fn only_a_whole_number_in_range_is_a_top_k() {
        for top_k in
            ["0", "101", "-1", "10.0", "1e1", "\"10\"", "null", "true", "99999999999999999999"]
        {
            let text = problems_of(&format!("{{\"query\":\"x\",\"top_k\":{top_k}}}"));
            assert!(text.contains("[\"body\",\"top_k\"]"), "{top_k}: {text}");
        }
    }

    #[test]
    fn min_relevance_is_a_number_from_0_to_1() {
        for value in ["-0.01", "1.01", "1e999", "\"0.5\"", "null"] {
            let text = problems_of(&format!("{{\"query\":\"x\",\"min_relevance\":{value}}}"));
            assert!(text.contains("[\"body\",\"min_relevance\"]"), "{value}: {text}");
        }
        for value in ["0", "1", "0.5", "-0.0", "1E-3"] {
            let body = format!("{{\"query\":\"x\",\"min_relevance\":{value}}}");
            assert!(read_request(&body).is_ok(), "{value}");
        }
    }

    #[test]
    fn the_mode_is_one_of_two_and_a_wrong_one_names_its_place() {
        let read = |retrieval: &str| {
            read_request(&format!("{{\"query\":\"x\",\"retrieval\":{retrieval}}}"))
        };
        assert_eq!(read("{\"mode\":\"cosine\"}").unwrap().query.mode, RetrievalMode::Cosine);
        assert_eq!(read("null").unwrap().query.mode, RetrievalMode::Hybrid);
        let text = problems_of("{\"query\":\"x\",\"retrieval\":{\"mode\":\"magic\"}}");
        assert!(text.contains("[\"body\",\"retrieval\",\"mode\"]"), "{text}");
    }
}
