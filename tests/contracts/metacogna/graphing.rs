//! How long a graph is kept, on a clock that only the test moves.

use std::time::Duration;

use serde_json::json;

use super::caller::{Caller, file_part, part};
use crate::scene::Scene;
use crate::support::Member;

const START: &str = "2026-05-08T10:00:00Z";
const TARGET: &str = "/api/graph";
const TEXT: &str = "Anna Berg founded Northwind Labs. Northwind Labs uses PostgreSQL.";

/// Whether the graph was kept, and when it was made.
async fn graph(caller: &Caller) -> (bool, i64) {
    let body = caller.get(TARGET).await.with_status(200);
    let metadata = &body["metadata"];
    (metadata["cached"].as_bool().unwrap(), metadata["generatedAt"].as_i64().unwrap())
}

/// Checklist line 52.
#[tokio::test(flavor = "multi_thread")]
async fn a_graph_is_kept_until_a_document_changes_and_five_minutes_at_most() {
    let scene = Scene::at(START);
    let member = Member::new(&scene.server, "metacogna", false);
    let (caller, user) = (Caller::with(&scene.server, &member.session), member.id.to_string());
    caller.ingest(&user, "labs", TEXT).await.with_status(200);
    let mut made_at = 0;
    // Whatever changed before, the graph is made anew, and then kept.
    let mut check_fresh = async |what: &str| {
        scene.clock.advance(Duration::from_secs(1));
        let (is_cached, generated_at) = graph(&caller).await;
        assert!(!is_cached && generated_at > made_at, "{what}: {generated_at}");
        scene.clock.advance(Duration::from_secs(1));
        assert_eq!(graph(&caller).await, (true, generated_at), "{what}");
        made_at = generated_at;
    };
    check_fresh("at first").await;
    caller.ingest(&user, "more", "Bertil Holm founded Sundholm Institute.").await.with_status(200);
    check_fresh("after an ingest").await;
    let damaged = [part("userId", &user), file_part("file", "damaged.pdf", "%PDF-1.7 no more")];
    caller.send_form("/api/ingest", damaged).await.with_status(400);
    check_fresh("after a failed ingest").await;
    caller.delete("/api/documents/purge-errors").await.with_status(200);
    check_fresh("after a purge").await;
    caller.delete("/api/documents/more").await.with_status(200);
    check_fresh("after a deletion").await;
    let body = caller.post("/api/documents/reindex", json!({})).await;
    assert_eq!(body.with_status(200)["documentsReindexed"], 1);
    caller.settled_documents().await;
    check_fresh("after a reindex").await;
    scene.clock.advance(Duration::from_secs(298));
    assert!(graph(&caller).await.0, "not yet five minutes");
    scene.clock.advance(Duration::from_secs(2));
    check_fresh("after five minutes").await;
}

/// What is kept for one is not shown to another, nor dropped by what another does.
#[tokio::test(flavor = "multi_thread")]
async fn a_graph_is_kept_for_its_user_alone() {
    let scene = Scene::at(START);
    let (one, other) = (
        Member::new(&scene.server, "metacogna", false),
        Member::new(&scene.server, "metacogna", false),
    );
    let caller = Caller::with(&scene.server, &one.session);
    let another = Caller::with(&scene.server, &other.session);
    caller.ingest(&one.id.to_string(), "labs", TEXT).await.with_status(200);
    assert!(!graph(&caller).await.0);
    let empty = another.get(TARGET).await.with_status(200);
    assert_eq!((&empty["nodes"], &empty["metadata"]["cached"]), (&json!([]), &json!(false)));
    another.ingest(&other.id.to_string(), "mine", TEXT).await.with_status(200);
    assert!(graph(&caller).await.0);
    assert!(!graph(&another).await.0);
}
