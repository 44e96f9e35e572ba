//! Reads, alone and in batches.

use super::super::wire::{Raw, ReadBatchRequest, ReadRequest, RetrievalOptions};
use super::fields::{Fields, parse_object, unless_null};
use super::problems::{Problems, Step};
use crate::service::{Depth, ReadQuery, RetrievalMode, RetrievedAtom, TimeWindow};
use crate::types::limits;

const TOP_K_DEFAULT: usize = 10;
const MIN_RELEVANCE_DEFAULT: f32 = 0.3;
/// Characters in the name of an author.
const AUTHOR_CHARS_MAX: usize = 200;

/// A query, and what this dialect does with its result.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReadPlan {
    pub(crate) query: ReadQuery,
    newest_first: bool,
}

impl ReadPlan {
    /// Brings the result into the order asked for. Atoms of the same moment stay best first.
    pub(crate) fn arrange(&self, items: &mut [RetrievedAtom]) {
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
pub(super) fn read_plan(fields: &mut Fields<'_>, request: &ReadRequest<'_>) -> ReadPlan {
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
    let window = window(fields, request.since, request.until);
    exclude_author(fields, request.exclude_author);
    strategy(fields, request.strategy);
    let diversity =
        unless_null(request.diversity).and_then(|raw| fields.number("diversity", raw, 0.0..=1.0));
    ReadPlan {
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
            depth: Depth::Active,
            window,
            include_history: include_history(fields, request.include_history),
            conditions: Vec::new(),
            diversity: diversity.map_or(0.0, narrow),
        },
    }
}

#[allow(clippy::cast_possible_truncation, reason = "numbers of the engine have f32 precision")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

/// When results must have been created; both bounds belong to the window.
pub(super) fn window(fields: &mut Fields<'_>, since: Raw<'_>, until: Raw<'_>) -> TimeWindow {
    let since = unless_null(since).and_then(|raw| fields.timestamp("since", raw));
    let until = unless_null(until).and_then(|raw| fields.timestamp("until", raw));
    if let (Some(since), Some(until)) = (since, until)
        && until < since
    {
        fields.refuse("until", "value_error", "must not be before since");
    }
    TimeWindow { since, until }
}

pub(super) fn include_history(fields: &mut Fields<'_>, raw: Raw<'_>) -> bool {
    unless_null(raw).and_then(|raw| fields.boolean("include_history", raw)).unwrap_or(false)
}

/// Checked and nothing more: no atom has an author here, so none is left out.
pub(super) fn exclude_author(fields: &mut Fields<'_>, raw: Raw<'_>) {
    if let Some(raw) = unless_null(raw) {
        fields.text("exclude_author", raw, 0..=AUTHOR_CHARS_MAX);
    }
}

/// Checked and nothing more: there is one way to retrieve, and it is every strategy at once.
fn strategy(fields: &mut Fields<'_>, raw: Raw<'_>) {
    const STRATEGIES: [&str; 5] = ["auto", "precise", "multi_hop", "temporal", "exhaustive"];
    let Some(raw) = unless_null(raw) else {
        return;
    };
    let named = raw.get().trim_matches('"');
    if !raw.get().starts_with('"') || !STRATEGIES.contains(&named) {
        let msg = format!("must be null or one of {}", STRATEGIES.join(", "));
        fields.refuse("strategy", "enum", &msg);
    }
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
    fn window_history_and_diversity_go_into_the_query() {
        let body = "{\"query\":\"x\",\"since\":\"2026-01-01\",\"until\":\"2026-01-02\",\
                    \"include_history\":true,\"diversity\":0.5,\"strategy\":\"temporal\",\
                    \"exclude_author\":\"me\",\"two_pass\":7,\"author_agent\":[]}";
        let query = read_request(body).unwrap().query;
        assert_eq!(query.window.since, crate::types::Timestamp::parse("2026-01-01"));
        assert_eq!(query.window.until, crate::types::Timestamp::parse("2026-01-02"));
        assert!(query.include_history);
        assert!((query.diversity - 0.5).abs() < f32::EPSILON);
        let nulls = "{\"query\":\"x\",\"since\":null,\"until\":null,\"include_history\":null,\
                     \"diversity\":null,\"strategy\":null,\"exclude_author\":null}";
        let query = read_request(nulls).unwrap().query;
        assert_eq!(query, read_request("{\"query\":\"x\"}").unwrap().query);
    }

    #[test]
    fn an_ignored_option_still_has_to_be_one() {
        for (field, value) in [
            ("strategy", "\"best\""),
            ("strategy", "[\"auto\"]"),
            ("diversity", "1.01"),
            ("diversity", "\"0.5\""),
            ("include_history", "1"),
            ("exclude_author", "7"),
        ] {
            let text = problems_of(&format!("{{\"query\":\"x\",\"{field}\":{value}}}"));
            assert!(text.contains(&format!("[\"body\",\"{field}\"]")), "{field} {value}: {text}");
        }
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
