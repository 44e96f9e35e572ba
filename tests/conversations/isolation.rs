//! Nobody recalls what was said elsewhere: in another session, by another user, in another
//! organization; in neither mode, before and after enrichment, and whatever the body says of the
//! organization.

use hebbd::types::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::{Caller, texts, turn};

const USERS: [&str; 2] = ["ana", "ben"];
const SESSIONS: [&str; 2] = ["morning", "evening"];
const QUESTIONS: [&str; 3] =
    ["where does the user live and work?", "what is the secret word?", "Zanzibar"];
const PATIENCE_US: u64 = 60_000_000;

/// A word that only this place knows.
fn secret(org: usize, user: &str, session: &str) -> String {
    let token = blake3::hash(format!("{org}/{user}/{session}").as_bytes()).to_hex();
    // Letters only, with a capital: it is a name.
    let letters: String = token.bytes().take(10).map(|byte| char::from(b'a' + byte % 16)).collect();
    format!("Q{letters}")
}

fn scope(user: &str, session: &str) -> Value {
    json!({"org_id": "somebody-else", "user_id": user, "session_id": session})
}

fn places() -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    let users = |org| USERS.into_iter().map(move |user| (org, user));
    let sessions = |(org, user)| SESSIONS.into_iter().map(move |session| (org, user, session));
    (0..2).flat_map(users).flat_map(sessions)
}

fn recall(caller: &mut Caller, user: &str, session: &str, q: &str, mode: &str) -> Value {
    let body = json!({
        "q": q, "scope": scope(user, session), "mode": mode, "top_k": 30, "include_timeline": true,
    });
    caller.post("/recall", &body).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_elsewhere_is_never_recalled() {
    let server = TestServer::start().await;
    let tenants = [server.new_tenant("local"), server.new_tenant("local")];
    let mut callers = tenants.map(|tenant| Caller::of(&server, tenant));
    for (org, user, session) in places() {
        let word = secret(org, user, session);
        let turns = [
            turn(&format!("I live in {word} and I work at {word} Mills."), "2026-05-08T10:00:00Z"),
            turn(&format!("The secret word is {word}."), "2026-05-08T10:01:00Z"),
        ];
        let body = json!({"scope": scope(user, session), "turns": turns});
        assert_eq!(callers[org].post("/ingestion/memory", &body).status, 202);
    }
    let clock = SystemClock;
    let ends_at_us = clock.monotonic_micros() + PATIENCE_US;
    let mut is_enriched = false;
    // Again until every place's facts are there: what is checked holds before and after.
    while !is_enriched {
        assert!(clock.monotonic_micros() < ends_at_us, "the enrichment does not end");
        is_enriched = true;
        for (org, user, session) in places() {
            let own = secret(org, user, session);
            for (q, mode) in QUESTIONS.into_iter().flat_map(|q| [(q, "active"), (q, "deep")]) {
                let answer = recall(&mut callers[org], user, session, q, mode);
                let shown = answer.to_string();
                for (other_org, other_user, other_session) in places() {
                    let word = secret(other_org, other_user, other_session);
                    assert!(word == own || !shown.contains(&word), "{own} sees {word}: {shown}");
                }
                assert!(texts(&answer).iter().any(|text| text.contains(&own)), "{shown}");
                let facts = answer["hits"]["observations"].as_array().unwrap();
                is_enriched &= mode == "active" || !facts.is_empty();
            }
        }
    }
    // Somewhere else there is nothing at all.
    for (user, session) in [("ana", "noon"), ("eve", "morning"), ("", "morning")] {
        for mode in ["active", "deep"] {
            let answer = recall(&mut callers[0], user, session, QUESTIONS[0], mode);
            assert_eq!(texts(&answer), Vec::<String>::new(), "{user} {session} {mode}");
            assert_eq!(answer["confidence"].as_f64(), Some(0.0));
            assert!(answer["timeline"].is_null());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_turn_of_two_places_is_two_fragments_and_is_charged_twice() {
    let server = TestServer::start().await;
    let tenant = server.new_tenant("local");
    let mut caller = Caller::of(&server, tenant);
    let mut seen = std::collections::BTreeSet::new();
    for (user, session) in [("ana", "a"), ("ana", "b"), ("ben", "a"), ("ana/a", ""), ("", "ana/a")]
    {
        let turns = [turn("hello", "2026-05-08T10:00:00Z")];
        let body = json!({"scope": scope(user, session), "turns": turns});
        let answer = caller.post("/ingestion/memory", &body);
        assert_eq!(answer.status, 202, "{answer:?}");
        let answer = answer.json();
        assert_eq!(answer["usage"]["tokens_in"], 1);
        assert!(seen.insert(answer["active_fragment_ids"][0].as_str().unwrap().to_owned()));
    }
    assert_eq!(caller.used(), [5, 0]);
}
