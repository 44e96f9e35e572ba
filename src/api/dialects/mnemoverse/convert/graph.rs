//! Questions about the association graph: the one request of the dialect whose unknown fields are
//! refused.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use super::super::wire::GraphRequest;
use super::fields::{Fields, parse_object};
use super::problems::{Problems, Step};
use super::read::narrow;
use crate::api::validation::unless_null;
use crate::service::GraphQuery;
use crate::types::limits;

const LIMIT_DEFAULT: usize = 100;
/// The least weight of edges beyond the first step, unless the caller names one.
const FAR_WEIGHT_MIN: f64 = 0.05;
/// Characters shown of a field's name that nobody knows.
const SHOWN_CHARS_MAX: usize = 64;

/// The body of a question about the graph, and the least weight as the caller will read it.
pub(crate) fn graph_request(body: &str) -> Result<(GraphQuery, f64), Problems> {
    let of_body = |(kind, msg)| Problems::of_body(kind, format!("body {msg}"));
    let request: GraphRequest<'_> = parse_object(body).map_err(of_body)?;
    let names: BTreeMap<String, IgnoredAny> = parse_object(body).map_err(of_body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    for name in names.into_keys().filter(|name| !GraphRequest::FIELDS.contains(&name.as_str())) {
        let shown = name.chars().take(SHOWN_CHARS_MAX).collect();
        fields.refuse_unknown(shown, "extra_forbidden", "is not a field of this request");
    }
    let seeds = fields.required("seeds", request.seeds).and_then(|raw| {
        let chars = 1..=limits::CONCEPT_CHARS_MAX;
        fields.some_texts("seeds", raw, 1..=limits::GRAPH_SEEDS_MAX, chars)
    });
    let depth =
        request.depth.and_then(|raw| fields.integer("depth", raw, 1..=limits::GRAPH_DEPTH_MAX));
    let limit =
        request.limit.and_then(|raw| fields.integer("limit", raw, 1..=limits::GRAPH_EDGES_MAX));
    // Edges have no domain, so it filters nothing.
    if let Some(raw) = unless_null(request.domain) {
        fields.text("domain", raw, 1..=limits::DOMAIN_CHARS_MAX);
    }
    let weight_min = unless_null(request.min_weight)
        .and_then(|raw| fields.number("min_weight", raw, 0.0..=f64::INFINITY));
    let depth = depth.unwrap_or(1);
    let weight_min = weight_min.unwrap_or(if depth > 1 { FAR_WEIGHT_MIN } else { 0.0 });
    let query = GraphQuery {
        seeds: seeds.unwrap_or_default(),
        depth,
        limit: limit.unwrap_or(LIMIT_DEFAULT),
        weight_min: narrow(weight_min),
    };
    problems.or_value((query, weight_min))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(body: &str) -> String {
        serde_json::to_string(&graph_request(body).unwrap_err()).unwrap()
    }

    #[test]
    fn the_least_weight_follows_the_depth_unless_it_is_named() {
        for (more, expected) in [
            ("", 0.0),
            (",\"depth\":1", 0.0),
            (",\"depth\":2", 0.05),
            (",\"depth\":3,\"min_weight\":null", 0.05),
            (",\"depth\":3,\"min_weight\":0", 0.0),
            (",\"min_weight\":7.5", 7.5),
        ] {
            let (_, applied) = graph_request(&format!("{{\"seeds\":[\"a\"]{more}}}")).unwrap();
            assert!((applied - expected).abs() < f64::EPSILON, "{more}: {applied}");
        }
    }

    #[test]
    fn a_field_that_no_question_has_is_refused_by_name() {
        let text = problems_of("{\"seeds\":[\"a\"],\"seed\":1,\"hops\":{}}");
        assert!(text.contains("[\"body\",\"seed\"]"), "{text}");
        assert!(text.contains("[\"body\",\"hops\"]"), "{text}");
        let name = "n".repeat(1_000_000);
        assert!(problems_of(&format!("{{\"{name}\":1}}")).len() < 1_000);
    }

    #[test]
    fn a_weight_without_bound_is_none() {
        for weight in ["-0.1", "1e999", "\"1\""] {
            let text = problems_of(&format!("{{\"seeds\":[\"a\"],\"min_weight\":{weight}}}"));
            assert!(text.contains("[\"body\",\"min_weight\"]"), "{weight}: {text}");
        }
    }
}
