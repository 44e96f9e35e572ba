//! Documents on their way: what is seen of one while it is being indexed.

use std::collections::BTreeSet;
use std::sync::Arc;

use hebbd::types::SystemClock;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::{Member, TestServer};

/// Words enough for two reports within the embedding, and for being watched.
const SENTENCES: usize = 1_200;

fn long_text() -> String {
    let sentence = |number: usize| {
        format!("On day {number} the keeper of the lighthouse wrote letter {number} about fog. ")
    };
    (0..SENTENCES).map(sentence).collect()
}

fn member_of(server: &TestServer) -> (Caller, String) {
    let member = Member::new(server, "metacogna", false);
    (Caller::with(server, &member.session), member.id.to_string())
}

/// Checklist line 40.
#[tokio::test(flavor = "multi_thread")]
async fn progress_is_seen_while_a_document_is_indexed_and_never_falls() {
    let server = TestServer::start().await;
    let (caller, user) = member_of(&server);
    let text = long_text();
    let mut ingest = Box::pin(caller.ingest(&user, "letters", &text));
    let mut seen: Vec<(Value, Value)> = Vec::new();
    let answer = loop {
        let look = async {
            let documents = caller.documents().await;
            (documents, caller.get("/api/documents/letters/status").await)
        };
        tokio::select! {
            answer = &mut ingest => break answer,
            (documents, status) = look => {
                seen.extend(documents.into_iter().map(|document| (document, Value::Null)));
                if let (200, Some(body)) = (status.status, &status.json) {
                    seen.push((Value::Null, body["status"].clone()));
                }
            }
        }
    };
    let chunks = answer.with_status(200)["chunks"].clone();
    let mut last = 0;
    let (mut shown, mut steps) = (BTreeSet::new(), BTreeSet::new());
    for (document, tracking) in &seen {
        let view = if document.is_null() { tracking } else { document };
        let progress = view["progress"].as_u64().unwrap();
        assert!(progress >= last, "{last} is followed by {view}");
        last = progress;
        if document["status"] == "processing" {
            shown.insert(progress);
        }
        steps.extend(tracking["currentStep"].as_str());
    }
    assert!(shown.len() >= 2, "progress is seen: {shown:?}");
    assert!(steps.len() >= 2, "steps are seen: {steps:?}");
    let body = caller.get("/api/documents/letters/status").await.with_status(200);
    let status = &body["status"];
    assert_eq!((&status["status"], &status["progress"]), (&json!("completed"), &json!(100)));
    assert_eq!((&status["chunksTotal"], &status["chunksProcessed"]), (&chunks, &chunks));
}

/// Checklist line 43.
#[tokio::test(flavor = "multi_thread")]
async fn every_document_can_be_indexed_anew_and_nothing_is_found_twice() {
    let server = TestServer::start().await;
    let (caller, user) = member_of(&server);
    let (other, other_user) = member_of(&server);
    other.ingest(&other_user, "theirs", "The owl hunts at night.").await.with_status(200);
    let text = "The heron nests in the old alder. ".repeat(30);
    for id in ["one", "two", "three"] {
        caller.ingest(&user, id, &text).await.with_status(200);
    }
    let (before, theirs) = (caller.documents().await, other.documents().await);
    let search = "/api/search?query=Where%20does%20the%20heron%20nest&topK=100";
    let found = caller.get(search).await.with_status(200);
    for _ in 0..2 {
        let answer = caller.post("/api/documents/reindex", Value::Null).await;
        let expected = json!({"success": true, "documentsReindexed": 3, "reindexed": 3});
        assert_eq!(answer.with_status(200), expected);
    }
    // Indexed, from the same upload, with the same chunks.
    assert_eq!(caller.settled_documents().await, before);
    assert_eq!(sorted_ids(&caller.get(search).await.with_status(200)), sorted_ids(&found));
    assert_eq!(other.documents().await, theirs);
}

fn sorted_ids(found: &Value) -> Vec<String> {
    let results = found["results"].as_array().unwrap();
    let mut ids: Vec<_> = results.iter().map(|result| result["id"].to_string()).collect();
    ids.sort_unstable();
    ids
}

/// Nobody waits for what came with a sign-up, and no search finds it before it is indexed.
#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_sign_up_are_seen_at_once_and_found_when_they_are_indexed() {
    let server = TestServer::start().await;
    let (admin, nobody) =
        (Caller::with(&server, &server.new_session(true)), Caller::nobody(&server));
    let parts = [("name", "Alice"), ("email", "alice@example.com"), ("password", "SecurePass123!")];
    let text = long_text();
    let files = [("letters.txt", text.as_str()), ("notes.md", "The heron nests in the alder.")];
    let signed_up = admin.sign_up_with(&parts, &files).await.with_status(201);
    let user = hebbd::types::UserId(signed_up["userId"].as_str().unwrap().parse().unwrap());
    let hash = "72b435b64cb44e56529945294fdd0a2d5481d6bca8153ad77c3982d8147a6f72";
    let login = json!({"username": "alice@example.com", "password": hash});
    let login = nobody.post("/api/auth/login", login).await.with_status(200);
    assert_eq!(login["user"]["id"], user.to_string());
    let alice = Caller::with(&server, login["token"].as_str().unwrap());
    let listed = alice.documents().await;
    let ids = |documents: &Value| {
        let mut ids: Vec<_> =
            documents.as_array().unwrap().iter().map(|it| it["id"].to_string()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&json!(listed)), ids(&signed_up["files"]));
    let settled = alice.settled_documents().await;
    assert!(settled.iter().all(|document| document["status"] == "indexed"), "{settled:?}");
    let found = alice.get("/api/search?query=heron%20alder&topK=1").await.with_status(200);
    assert_eq!(found["results"][0]["metadata"]["documentTitle"], "notes.md");
    assert_eq!(found["results"][0]["documentId"], signed_up["files"][1]["id"]);
}

/// What was indexed, and what was not, is so after a restart too.
#[tokio::test(flavor = "multi_thread")]
async fn documents_are_the_same_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let start = || TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |_| {});
    let server = start();
    let member = Member::new(&server, "metacogna", false);
    let (caller, user) = (Caller::with(&server, &member.session), member.id.to_string());
    caller.ingest(&user, "labs", "Anna Berg founded Northwind Labs.").await.with_status(200);
    let (documents, graph) = (caller.documents().await, caller.get("/api/graph").await);
    server.stop();
    let server = start();
    let caller = Caller::with(&server, &member.session);
    assert_eq!(caller.documents().await, documents);
    let again = caller.get("/api/graph").await.with_status(200);
    for part in ["nodes", "edges", "links"] {
        assert_eq!(again[part], graph.with_status(200)[part], "{part}");
    }
    let found = caller.get("/api/search?query=Northwind").await.with_status(200);
    assert_eq!(found["results"][0]["id"], "labs-0");
}
