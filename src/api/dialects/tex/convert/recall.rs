//! Questions, and the answers to them.

use super::super::wire::{RecallRequest, RecallResponse, Usage};
use super::conversation::{Speaker, conversation};
use super::fields::{Fields, NOT_EMPTY, parse_body};
use super::hits::Recalled;
use super::problems::{Complaint, Problems};
use crate::api::validation::{Raw, Step, parse_text, unless_null};
use crate::service::{Depth, RecallQuery};
use crate::types::Tokens;
use serde_json::json;

/// What may be asked for, and what is given at most: more is accepted and does not help.
const TOP_K_ASKED_MAX: u32 = 50;
const TOP_K_GIVEN_MAX: u32 = 30;
const TOP_K_ACTIVE: u32 = 15;
const TOP_K_DEEP: u32 = 25;

/// A body, ready for the service.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) query: RecallQuery,
    pub(crate) with_timeline: bool,
}

/// The body of a recall.
pub(crate) fn recall_request(body: &str, speaker: &Speaker) -> Result<Question, Problems> {
    let request: RecallRequest<'_> = parse_body(body)?;
    let mut problems = Problems::default();
    let mut fields = Fields::of_body(&mut problems, body);
    let conversation = conversation(&mut fields, request.scope, speaker);
    let text = fields.required("q", request.q).and_then(|raw| fields.text("q", raw, NOT_EMPTY));
    let depth = depth(&mut fields, request.mode);
    let top_k = unless_null(request.top_k)
        .and_then(|raw| fields.integer("top_k", raw, 1..=TOP_K_ASKED_MAX));
    let with_timeline = unless_null(request.include_timeline)
        .and_then(|raw| fields.boolean("include_timeline", raw))
        .unwrap_or(false);
    let (Some(conversation), Some(text)) = (conversation, text) else { return Err(problems) };
    problems.or_value(())?;
    let default = match depth {
        Depth::Active => TOP_K_ACTIVE,
        Depth::Deep => TOP_K_DEEP,
    };
    let top_k = top_k.unwrap_or(default).min(TOP_K_GIVEN_MAX) as usize;
    let query = RecallQuery { text, domain: conversation.domain(), top_k, depth };
    Ok(Question { query, with_timeline })
}

fn depth(fields: &mut Fields<'_, '_>, raw: Raw<'_>) -> Depth {
    let Some(raw) = unless_null(raw) else { return Depth::Active };
    match parse_text(raw).as_deref() {
        Ok("active") => Depth::Active,
        Ok("deep") => Depth::Deep,
        _ => {
            let complaint = Complaint::new("literal_error", "Input should be 'active' or 'deep'")
                .with(json!({"expected": "'active' or 'deep'"}));
            fields.refuse(&[Step::Name("mode")], complaint, raw.get());
            Depth::Active
        }
    }
}

pub(crate) fn recall_response(recalled: Recalled, depth: Depth, tokens: Tokens) -> RecallResponse {
    let mode = match depth {
        Depth::Active => "active",
        Depth::Deep => "deep",
    };
    let Recalled { hits, timeline, confidence, .. } = recalled;
    RecallResponse { hits, timeline, confidence, mode, usage: usage(tokens) }
}

pub(crate) fn usage(tokens: Tokens) -> Usage {
    Usage { tokens_in: tokens.input, tokens_out: tokens.output }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Question, String> {
        let speaker = Speaker { user: "u".to_owned(), session: None, may_name_users: false };
        recall_request(&format!("{{\"scope\":{{\"org_id\":\"x\"}}{more}}}"), &speaker)
            .map_err(|problems| serde_json::to_string(&problems).unwrap())
    }

    #[test]
    fn a_mode_has_its_own_number_of_hits_and_thirty_are_the_most() {
        for (more, depth, top_k) in [
            ("", Depth::Active, 15),
            (",\"mode\":null,\"top_k\":null", Depth::Active, 15),
            (",\"mode\":\"active\"", Depth::Active, 15),
            (",\"mode\":\"deep\"", Depth::Deep, 25),
            (",\"mode\":\"deep\",\"top_k\":1", Depth::Deep, 1),
            (",\"top_k\":30", Depth::Active, 30),
            (",\"top_k\":50", Depth::Active, 30),
        ] {
            let question = read(&format!(",\"q\":\"what does the user prefer?\"{more}")).unwrap();
            let query = &question.query;
            assert_eq!((query.depth, query.top_k), (depth, top_k), "{more}");
            assert_eq!(query.domain, "tex:u/default-session");
            assert!(!question.with_timeline);
        }
        assert!(read(",\"q\":\" \",\"include_timeline\":true").unwrap().with_timeline);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (more, place, kind) in [
            ("", "\"q\"]", "missing"),
            (",\"q\":\"\"", "\"q\"]", "string_too_short"),
            (",\"q\":null", "\"q\"]", "string_type"),
            (",\"q\":\"x\",\"mode\":\"fast\"", "\"mode\"]", "literal_error"),
            (",\"q\":\"x\",\"mode\":7", "\"mode\"]", "literal_error"),
            (",\"q\":\"x\",\"top_k\":0", "\"top_k\"]", "greater_than_equal"),
            (",\"q\":\"x\",\"top_k\":51", "\"top_k\"]", "less_than_equal"),
            (",\"q\":\"x\",\"top_k\":\"x\"", "\"top_k\"]", "int_parsing"),
            (",\"q\":\"x\",\"include_timeline\":\"x\"", "\"include_timeline\"]", "bool_parsing"),
        ] {
            let problems = read(more).unwrap_err();
            assert!(problems.contains(place) && problems.contains(kind), "{more}: {problems}");
        }
        let speaker = Speaker { user: "u".to_owned(), session: None, may_name_users: false };
        assert!(recall_request("[]", &speaker).is_err());
    }
}
