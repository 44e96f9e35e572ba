//! What becomes of turns in the background: facts and whom they name, for deep recalls of the same
//! conversation and of no other.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::caller::{Caller, hit_count, ids, scope, turn};
use crate::support::TestServer;

/// Enrichment takes well under a second; nothing waits this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const MOVED: &str = "I just moved from Seattle to Austin for a job at Acme.";

/// Asks the same again until the answer is as wanted.
async fn recalled_once(caller: &Caller, asked: Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let recalled = caller.post("/recall", asked.clone()).await.with_status(200);
            if is_so(&recalled) {
                return recalled;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("enrichment comes to this")
}

fn texts(recalled: &Value, list: &str, member: &str) -> Vec<String> {
    let hits = recalled["hits"][list].as_array().unwrap();
    hits.iter().map(|hit| hit[member].as_str().unwrap().to_owned()).collect()
}

/// Checklist lines 51 and 53.
#[tokio::test(flavor = "multi_thread")]
async fn a_deep_recall_has_derived_observations_and_whom_they_name_of_its_conversation_only() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let other = Caller::of_a_new_organization(&server, "tex-free").await;
    let written = caller.remember("moving", json!([turn(MOVED)])).await;
    let fragment = written["active_fragment_ids"][0].as_str().unwrap().to_owned();
    let question = "where did the user move and for which company?";
    let asked =
        json!({"scope": scope("moving"), "q": question, "mode": "deep", "include_timeline": true});
    let recalled =
        recalled_once(&caller, asked.clone(), |it| it["hits"]["observations"] != json!([])).await;
    assert_eq!(ids(&recalled, "turns"), [fragment.as_str()]);
    let observations = texts(&recalled, "observations", "text");
    assert!(observations.iter().any(|text| text.contains("Acme")), "{recalled}");
    assert!(!observations.iter().any(|text| text.starts_with('[')), "{recalled}");
    let derived = ids(&recalled, "observations");
    assert!(!derived.contains(&fragment), "{recalled}");
    assert!(texts(&recalled, "entities", "label").contains(&"Acme".to_owned()), "{recalled}");

    // The same ids when asked again.
    let again = caller.post("/recall", asked.clone()).await.with_status(200);
    assert_eq!(ids(&again, "observations"), derived);
    // A question in another mode costs no passive memory.
    let active = caller.recall("moving", question, json!({})).await;
    assert_eq!(ids(&active, "turns"), [fragment.as_str()]);

    for (who, session) in [(&caller, "another"), (&other, "moving")] {
        let found = who.recall(session, question, json!({"mode": "deep"})).await;
        assert_eq!(hit_count(&found), 0, "{found}");
    }
    let mut as_bob = asked;
    as_bob["scope"]["user_id"] = json!("bob");
    let found = caller.post("/recall", as_bob).await.with_status(200);
    assert_eq!(hit_count(&found), 0, "{found}");
}

fn ingestion(session: &str, text: &str, options: Value) -> Value {
    json!({"scope": scope(session), "turns": [turn(text)], "options": options})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_written_passively_only_is_recalled_once_it_was_enriched() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let body = ingestion("moving", MOVED, json!({"write_active": false}));
    let written = caller.post("/ingestion/memory", body.clone()).await.with_status(202);
    assert_eq!(written["active_fragment_ids"], json!([]));
    assert_eq!(written["usage"], json!({"tokens_in": 14, "tokens_out": 0}), "billed as usual");
    let asked = json!({"scope": scope("moving"), "q": "where did the user move?", "mode": "deep"});
    recalled_once(&caller, asked, |it| hit_count(it) > 0).await;
    let again = caller.post("/ingestion/memory", body).await.with_status(202);
    assert_eq!(again["active_fragment_ids"], json!([]));
    assert_eq!(again["usage"]["tokens_in"], 0, "it is known by now");
}

/// Turns are enriched in the order they came, so a later one shows that an earlier one was passed.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_derived_from_a_turn_that_is_written_actively_only() {
    let server = TestServer::start().await;
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    let only_active = json!({"write_passive": false});
    for (text, options) in
        [("I live in Lisbon and work at Initech.", only_active), (MOVED, json!({}))]
    {
        let body = ingestion("moving", text, options);
        let written = caller.post("/ingestion/memory", body).await.with_status(202);
        assert_eq!(written["active_fragment_ids"].as_array().unwrap().len(), 1);
    }
    let asked = json!({"scope": scope("moving"), "q": "where does the user live and work?", "mode": "deep"});
    let recalled =
        recalled_once(&caller, asked, |it| it["hits"]["observations"] != json!([])).await;
    assert_eq!(ids(&recalled, "turns").len(), 2, "both are recalled as they were said");
    let observations = texts(&recalled, "observations", "text");
    let about_initech = |text: &String| text.contains("Initech") || text.contains("Lisbon");
    assert!(!observations.iter().any(about_initech), "{recalled}");
}
