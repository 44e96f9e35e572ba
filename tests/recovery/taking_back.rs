//! A consolidation that is taken back, or whose prototype is replaced, leaves what was there
//! before it: nothing hidden, nothing counted twice.

use serde_json::{Value, json};

use crate::client::Client;
use crate::consolidation::report;
use crate::support::TestServer;

const REPORTS: usize = 24;

/// Near-duplicates, and first something that stands out.
async fn filled() -> (TestServer, Client) {
    let server = TestServer::start().await;
    let mut client = Client::new(&server.base_url, &server.new_tenant_key().await);
    client.write(&json!({"content": "Whales sing in the deep sea"}));
    let items: Vec<Value> =
        (0..REPORTS).map(|number| json!({"content": report(0, number)})).collect();
    assert_eq!(client.write_batch(&items)["stored_count"], REPORTS);
    (server, client)
}

fn consolidate(client: &mut Client, undo: bool) -> Value {
    client.post("/api/v1/memory/consolidate", &json!({ "undo": undo })).ok()
}

fn prototypes(client: &mut Client) -> Vec<Value> {
    client.export().into_iter().filter(|atom| atom["atom_type"] == "prototype").collect()
}

/// A run also protects what stands out. That was in reads all the time, so it does not count as
/// restored; it used to, where nothing else was left to restore.
#[tokio::test(flavor = "multi_thread")]
async fn taking_a_consolidation_back_counts_what_is_back_in_reads_and_nothing_else() {
    let (_server, mut client) = filled().await;
    let run = consolidate(&mut client, false);
    assert_eq!((&run["prototypes_created"], &run["singletons_protected"]), (&json!(1), &json!(1)));
    assert_eq!(consolidate(&mut client, true)["restored"], REPORTS - 1);
    assert_eq!(consolidate(&mut client, true)["restored"], 0);
    let alone = json!({"content": "Whales sing in the deep sea", "domain": "sea"});
    client.write(&alone);
    for name in ["Maria", "Igor", "Lena", "Paul", "Chen", "Aisha", "Tom", "Olga", "Juan"] {
        let content = format!("{name} keeps a red bicycle at the station in Bonn");
        client.write(&json!({"content": content, "domain": "sea"}));
    }
    let run = client.post("/api/v1/memory/consolidate", &json!({"domain": "sea"})).ok();
    assert_eq!(run["singletons_protected"], 1, "the test has something that stands out: {run}");
    assert_eq!(run["prototypes_created"], 0, "{run}");
    let undone =
        client.post("/api/v1/memory/consolidate", &json!({"domain": "sea", "undo": true})).ok();
    assert_eq!(undone["restored"], 0, "nothing was away: {undone}");
}

/// A prototype gathers what its members were worth; each outcome once.
#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_gathered_once_however_often_a_consolidation_is_taken_back() {
    let (_server, mut client) = filled().await;
    let ids: Vec<Value> = client.export().iter().map(|atom| atom["id"].clone()).collect();
    let rated = json!({"atom_ids": ids, "outcome": 1});
    assert_eq!(client.post("/api/v1/memory/feedback", &rated).ok()["updated_count"], REPORTS + 1);
    for round in 0..3 {
        consolidate(&mut client, false);
        let prototypes = prototypes(&mut client);
        assert_eq!(prototypes.len(), 1);
        assert_eq!(prototypes[0]["outcome_count"], REPORTS, "in round {round}");
        consolidate(&mut client, true);
    }
    for atom in client.export() {
        assert_eq!(atom["outcome_count"], 1, "as before: {atom}");
    }
}

/// A correction of the prototype corrects what that says; the others were never corrected.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_behind_a_prototype_that_was_superseded() {
    let (_server, mut client) = filled().await;
    consolidate(&mut client, false);
    let prototype = prototypes(&mut client).remove(0);
    let correction = json!({"content": "None of this was so", "supersedes": [prototype["id"]]});
    assert_eq!(client.write(&correction)["stored"], true);
    let export = client.export();
    for atom in export.iter().filter(|atom| !atom["consolidated_into"].is_null()) {
        let stands_for_it = export.iter().find(|other| other["id"] == atom["consolidated_into"]);
        assert_eq!(stands_for_it.unwrap()["superseded_by"], Value::Null, "{atom}");
    }
}
