//! A model that does not answer. The trouble is told in the answer, after which the passages are
//! quoted; the next chat is answered as if nothing had been.

use hebbd::llm::LlmSettings;
use hebbd::types::Bound;
use serde_json::{Value, json};

use crate::support::language_model::{End, KEY, Reply, Stub};
use crate::{DOCUMENTS, QUESTION, Scene, TROUBLE};

/// What stands in for an answer: the passage that answers, with its title.
const QUOTED: &str = "\n\nThe language model did not answer, so this is quoted from the sources:\n\n\
                      “The heron nests in the old alder by the weir.” [1: Herons]";

/// Tiny, but for what must not decide.
fn impatient(stub: &Stub) -> LlmSettings {
    LlmSettings {
        timeout_ms: 50,
        first_token_timeout_ms: 50,
        idle_timeout_ms: 50,
        retries_max: 0,
        ..stub.settings()
    }
}

fn patient(stub: &Stub) -> LlmSettings {
    LlmSettings { retries_max: 1, ..stub.settings() }
}

/// The text of a streamed answer, all of whose events are as in a whole one.
#[track_caller]
fn streamed(scene: &mut Scene, body: &Value) -> String {
    let events = scene.events(body);
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sources", "delta", "done"], "{events:?}");
    events[1]["text"].as_str().unwrap().to_owned()
}

/// With and without a stream a model that does this is told of in these words, after so many
/// requests each.
#[track_caller]
fn check_told(
    reply: &Reply,
    settings: impl Fn(&Stub) -> LlmSettings,
    reason: &str,
    requests: usize,
) {
    let stub = Stub::start([reply.clone()]);
    let mut scene = Scene::with(settings(&stub));
    let body = json!({"query": QUESTION});
    let answer = scene.ask(&body);
    let response = answer["response"].as_str().unwrap();
    let expected = format!("{TROUBLE}{reason}{QUOTED}");
    assert!(response.starts_with(&expected), "{response}\nis not\n{expected}");
    assert_eq!(answer["sources"][0]["documentTitle"], DOCUMENTS[0].0);
    assert_eq!(answer["provider"], "workers-ai");
    assert_eq!(stub.requests().len(), requests, "{reply:?}");
    assert_eq!(streamed(&mut scene, &body), response);
    assert_eq!(stub.requests().len(), 2 * requests, "{reply:?}, as a stream");
}

#[test]
fn a_silent_model_times_out() {
    let reason = "the language model did not answer in time";
    check_told(&Reply::Silence, impatient, reason, 1);
    check_told(&Reply::Pieces(Vec::new(), End::Never), impatient, reason, 1);
}

#[test]
fn a_model_whose_rate_limit_is_used_up_for_good_is_busy() {
    let reason = "the language model is busy; try again";
    check_told(&Reply::busy(429), patient, reason, 2);
    // It says when to come again, which is too late to wait for.
    let later = Reply::Fixed(429, "Retry-After: 7", KEY.to_owned());
    let short = |stub: &Stub| LlmSettings {
        timeout_ms: 2_000,
        first_token_timeout_ms: 2_000,
        idle_timeout_ms: 2_000,
        total_timeout_ms: 2_000,
        ..patient(stub)
    };
    check_told(&later, short, "the language model is busy; try again in 7 seconds", 1);
}

#[test]
fn a_model_that_fails_or_refuses_has_refused() {
    let reason = "the language model refused the request";
    check_told(&Reply::busy(500), patient, reason, 2);
    for status in [400, 401, 404] {
        check_told(&Reply::busy(status), patient, reason, 1);
    }
}

#[test]
fn garbage_is_no_answer_and_shows_nowhere() {
    let reason = "the language model gave an unusable answer";
    for garbage in [format!("<html>{KEY}</html>"), String::new(), r#"{"choices": 7}"#.to_owned()] {
        check_told(&Reply::Fixed(200, "X-Stub: 1", garbage), patient, reason, 1);
    }
    check_told(&Reply::json(&json!({"error": {"message": KEY}})), patient, reason, 1);
}

#[test]
fn an_empty_answer_is_none() {
    let stub = Stub::start([Reply::text(" \n"), Reply::stream(&[])]);
    let mut scene = Scene::with(patient(&stub));
    let expected = format!("{TROUBLE}the language model gave an empty answer{QUOTED}");
    let body = json!({"query": QUESTION});
    assert!(scene.response(&body).starts_with(&expected));
    assert!(streamed(&mut scene, &body).starts_with(&expected));
}

#[test]
fn a_model_that_cannot_be_reached_is_told_of() {
    let stub = Stub::gone();
    let mut scene = Scene::with(LlmSettings { retries_max: 0, ..stub.settings() });
    let expected = format!("{TROUBLE}the language model cannot be reached{QUOTED}");
    let body = json!({"query": QUESTION});
    assert!(scene.response(&body).starts_with(&expected));
    assert!(streamed(&mut scene, &body).starts_with(&expected));
}

#[test]
fn where_nothing_is_found_there_is_nothing_to_quote() {
    let stub = Stub::start([Reply::busy(500)]);
    let mut scene = Scene::with(LlmSettings { retries_max: 0, ..stub.settings() });
    let sources = json!([{"text": "Entirely beside the point.", "documentTitle": "Other"}]);
    let response =
        scene.response(&json!({"query": "Who painted the pump house?", "sources": sources}));
    let expected = "the language model refused the request\n\nThe language model did not answer, \
                    and no passage that was found answers this question.";
    assert_eq!(response, format!("{TROUBLE}{expected}"));
}

#[test]
fn a_trouble_that_passes_is_not_told_of() {
    let stub = Stub::start([Reply::busy(503), Reply::HangUp, Reply::text("In the alder.")]);
    let mut scene = Scene::with(LlmSettings { retries_max: 2, ..stub.settings() });
    assert_eq!(scene.response(&json!({"query": QUESTION})), "In the alder.");
    assert_eq!(stub.requests().len(), 3);
}

#[test]
fn after_a_trouble_the_next_chat_is_answered() {
    let stub = Stub::start([Reply::Silence, Reply::text("In the alder.")]);
    let settings = LlmSettings { requests_max: 1, timeout_ms: 500, ..impatient(&stub) };
    let mut scene = Scene::with(settings);
    let body = json!({"query": QUESTION});
    assert!(scene.response(&body).starts_with(TROUBLE));
    assert_eq!(scene.response(&body), "In the alder.");
}

#[test]
fn a_spent_budget_is_told_of() {
    let stub = Stub::start([Reply::text("In the alder.")]);
    let mut scene = Scene::with(LlmSettings { tokens_per_day: Bound(Some(1)), ..stub.settings() });
    let body = json!({"query": QUESTION});
    assert_eq!(scene.response(&body), "In the alder.");
    let expected = format!("{TROUBLE}the language model's budget for today is used up{QUOTED}");
    assert!(scene.response(&body).starts_with(&expected));
    assert_eq!(stub.requests().len(), 1);
}

/// What is wrong with the request is no trouble of the model's, which is not asked.
#[test]
fn a_request_that_is_wrong_is_refused_before_the_model_is_asked() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut scene = Scene::with(stub.settings());
    for (body, error) in [
        (json!({"query": " "}), "Missing required field: query"),
        (json!({"query": QUESTION, "temperature": 3}), "Invalid value for field: temperature"),
    ] {
        let answer = crate::post(&mut scene.client, &scene.member, "/api/chat", &body);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)));
    }
    assert_eq!(stub.requests().len(), 0);
}
