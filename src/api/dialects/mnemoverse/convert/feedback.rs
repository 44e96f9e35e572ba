//! What teaches and tidies the memory: feedback and consolidation.

use super::super::wire::{ConsolidateRequest, FeedbackRequest};
use super::fields::{Fields, parse_object};
use super::problems::{Problems, Step};
use super::read::narrow;
use super::write::DOMAIN_DEFAULT;
use crate::api::validation::unless_null;
use crate::service::Feedback;
use crate::types::limits;

/// The body of a feedback. Its domain is a label that filters nothing, so it is checked and then
/// dropped.
pub(crate) fn feedback_request(body: &str) -> Result<Feedback, Problems> {
    let request: FeedbackRequest<'_> =
        parse_object(body).map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let atom_ids = fields
        .required("atom_ids", request.atom_ids)
        .and_then(|raw| fields.ids("atom_ids", raw, 0..=limits::FEEDBACK_ATOMS_MAX));
    let outcome = fields
        .required("outcome", request.outcome)
        .and_then(|raw| fields.number("outcome", raw, -1.0..=1.0));
    let chars = 1..=limits::CONCEPT_CHARS_MAX;
    let concepts = request
        .concepts
        .and_then(|raw| fields.texts("concepts", raw, limits::ATOM_CONCEPTS_MAX, chars.clone()));
    let query_concepts = request.query_concepts.and_then(|raw| {
        fields.texts("query_concepts", raw, limits::QUERY_CONCEPTS_MAX, chars.clone())
    });
    if let Some(raw) = unless_null(request.domain) {
        fields.text("domain", raw, 1..=limits::DOMAIN_CHARS_MAX);
    }
    problems.or_value(Feedback {
        atom_ids: atom_ids.unwrap_or_default(),
        outcome: outcome.map_or(0.0, narrow),
        concepts: concepts.unwrap_or_default(),
        query_concepts: query_concepts.unwrap_or_default(),
    })
}

/// What a caller of the consolidation wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConsolidationWish {
    pub(crate) domain: String,
    /// Take the last consolidations back instead.
    pub(crate) undo: bool,
}

/// The body of a consolidation, which may be left out.
pub(crate) fn consolidate_request(body: Option<&str>) -> Result<ConsolidationWish, Problems> {
    let request: ConsolidateRequest<'_> = parse_object(body.unwrap_or("{}"))
        .map_err(|(kind, msg)| Problems::of_body(kind, format!("body {msg}")))?;
    let mut problems = Problems::default();
    let mut fields = Fields::at(&mut problems, vec![Step::Name("body")]);
    let domain = unless_null(request.domain)
        .and_then(|raw| fields.text("domain", raw, 1..=limits::DOMAIN_CHARS_MAX));
    let undo = unless_null(request.undo).and_then(|raw| fields.boolean("undo", raw));
    problems.or_value(ConsolidationWish {
        domain: domain.unwrap_or_else(|| DOMAIN_DEFAULT.to_owned()),
        undo: undo.unwrap_or(false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_an_empty_object_and_null_all_mean_the_general_domain() {
        for body in [None, Some("{}"), Some("{\"domain\":null,\"undo\":null}")] {
            let wish = ConsolidationWish { domain: "general".to_owned(), undo: false };
            assert_eq!(consolidate_request(body).unwrap(), wish, "{body:?}");
        }
    }

    #[test]
    fn an_outcome_lies_from_minus_one_to_one() {
        for (outcome, is_good) in [
            ("-1", true),
            ("1.0", true),
            ("0", true),
            ("-1.01", false),
            ("1.01", false),
            ("1e999", false),
            ("null", false),
            ("\"1\"", false),
        ] {
            let body = format!("{{\"atom_ids\":[],\"outcome\":{outcome}}}");
            assert_eq!(feedback_request(&body).is_ok(), is_good, "{outcome}");
        }
    }
}
