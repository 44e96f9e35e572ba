//! How much one recall returns, from whose memory, and how sure it is.

use serde_json::{Value, json};

use super::caller::{Caller, hit_count, ids, turn};
use crate::support::TestServer;

const NOTES: [&str; 8] = [
    "I moved from Seattle to Austin for a new job at Acme",
    "My sister Maria plays the cello in an orchestra",
    "I am allergic to peanuts and carry an injector",
    "The car needs new brakes before the winter",
    "We adopted a grey cat called Pixel from the shelter",
    "My favourite dish is lasagna with spinach",
    "The dentist moved my appointment to Thursday",
    "I am learning to bake sourdough bread on weekends",
];

fn turns(texts: &[&str]) -> Value {
    texts.iter().map(|text| turn(text)).collect()
}

/// Checklist lines 46 and 47. Each list is checked against what was asked with every answer.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_hits_come_back_as_were_asked_for_and_thirty_at_most() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let seen: Vec<String> =
        (0..40).map(|number| format!("heron number {number} stood at the lake")).collect();
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    caller.remember("lake", turns(&seen)).await;
    let question = "which heron stood at the lake?";
    for (mode, top_k, expected) in [
        ("active", Value::Null, 15),
        ("deep", Value::Null, 25),
        ("active", json!(50), 30),
        ("deep", json!(50), 30),
        ("active", json!(31), 30),
        ("active", json!(29), 29),
        ("active", json!(1), 1),
        ("deep", json!(1), 1),
    ] {
        let more = json!({"mode": mode, "top_k": top_k});
        let recalled = caller.recall("lake", question, more).await;
        assert_eq!(hit_count(&recalled), expected, "{mode}, {top_k}");
    }
}

/// Checklist line 53.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_recalls_another_s_memory_in_either_mode() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let other = Caller::of_a_new_organization(&server, "tex-free").await;
    let text = "The code word for the vault is heron";
    let ingestion = |user: &str, session: &str| {
        let scope = json!({"org_id": "x", "user_id": user, "session_id": session});
        json!({"scope": scope, "turns": [turn(text)]})
    };
    let written = caller.post("/ingestion/memory", ingestion("ann", "s")).await.with_status(202);
    let id = written["active_fragment_ids"][0].clone();
    for mode in ["active", "deep"] {
        let ask = |user: &str, session: &str| {
            let scope = json!({"org_id": "x", "user_id": user, "session_id": session});
            json!({"scope": scope, "q": text, "mode": mode})
        };
        let found = caller.post("/recall", ask("ann", "s")).await.with_status(200);
        assert_eq!(json!(ids(&found, "turns")), json!([id]));
        for (user, session) in [
            ("bob", "s"),
            ("ann", "S"),
            ("ann", "s "),
            ("ann", "default-session"),
            ("Ann", "s"),
            ("anns", ""),
            ("ann/s", "s"),
            ("", "s"),
        ] {
            let found = caller.post("/recall", ask(user, session)).await.with_status(200);
            assert_eq!(hit_count(&found), 0, "{mode} as {user:?} in {session:?}: {found}");
            assert_eq!(found["confidence"], 0.0);
        }
        let found = other.post("/recall", ask("ann", "s")).await.with_status(200);
        assert_eq!(hit_count(&found), 0, "{found}");
    }
}

/// Checklist line 56.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_memory_answers_has_more_confidence_than_one_it_does_not() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    caller.remember("notes", turns(&NOTES)).await;
    for mode in ["active", "deep"] {
        let confidence = async |question: &str| {
            let recalled = caller.recall("notes", question, json!({"mode": mode})).await;
            recalled["confidence"].as_f64().unwrap()
        };
        let unrelated = [
            confidence("how tall is the Eiffel tower?").await,
            confidence("explain the offside rule in football").await,
        ];
        for relevant in [
            "what is the user allergic to?",
            "what is the name of the cat they adopted?",
            "which instrument does Maria play?",
        ] {
            let sure = confidence(relevant).await;
            let all = unrelated.iter().all(|unsure| sure > *unsure);
            assert!(all, "{mode}: {relevant} has {sure}, unrelated ones {unrelated:?}");
        }
    }
}

/// Asking again changes nothing, and a deep recall has at least the evidence of an active one.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_question_has_the_same_hits_and_a_deep_one_no_fewer() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    caller.remember("notes", turns(&NOTES)).await;
    let question = "what is the user allergic to?";
    let first = caller.recall("notes", question, json!({})).await;
    for _ in 0..3 {
        let again = caller.recall("notes", question, json!({})).await;
        assert_eq!(again["hits"], first["hits"]);
        let distance =
            again["confidence"].as_f64().unwrap() - first["confidence"].as_f64().unwrap();
        assert!(distance.abs() < 0.1, "{first} {again}");
    }
    let deep = caller.recall("notes", question, json!({"mode": "deep"})).await;
    let (active, deep) = (ids(&first, "turns"), ids(&deep, "turns"));
    assert!(active.iter().all(|id| deep.contains(id)), "{active:?} {deep:?}");
}
