//! Records that are made as fast as can be: their ids, sorted byte by byte, are in the order in which
//! they were made.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use super::caller::{Caller, ids_of};
use super::server_without_limits;

const RECORDS: usize = 1_000;
const WRITERS: usize = 8;

async fn whole(owner: &Caller, list: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut target = format!("{list}?limit=100");
    loop {
        let page = owner.get(&target).await.with_status(200);
        ids.extend(ids_of(&page));
        if page["pagination"]["has_more_after"] == false {
            return ids;
        }
        target = format!("{list}?limit=100&after={}", ids.last().unwrap());
    }
}

/// Checklist line 42.
#[tokio::test(flavor = "multi_thread")]
async fn ids_of_a_thousand_records_made_in_haste_sort_as_they_were_made() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let owner = Caller::of_production(&server);
    let writers = (0..WRITERS).map(|_| async {
        let mut made = Vec::new();
        while made.len() < RECORDS / WRITERS {
            made.push(owner.create("/sessions", json!({})).await);
        }
        made
    });
    let made = join_all(writers).await;
    for own in &made {
        assert!(own.is_sorted(), "what was answered later sorts before: {own:?}");
    }
    let made: BTreeSet<String> = made.into_iter().flatten().collect();
    assert_eq!(made.len(), RECORDS, "an id was given twice");
    let listed = whole(&owner, "/sessions").await;
    assert!(listed.is_sorted(), "the list is in another order than its ids");
    assert_eq!(listed, made.into_iter().collect::<Vec<_>>());
}

/// One row of numbers for all collections, and for what is remembered besides.
#[tokio::test(flavor = "multi_thread")]
async fn ids_of_each_collection_sort_as_they_were_made() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let owner = Caller::of_production(&server);
    let session = owner.create("/sessions", json!({})).await;
    let file = owner.upload("first.txt", "x").await;
    let (messages, links) =
        (format!("/sessions/{session}/messages"), format!("/files/{file}/links"));
    let mut made: Vec<(&str, Vec<String>)> = Vec::new();
    for (list, body) in [
        (messages.as_str(), json!({"type": "tool_message", "content": "Done."})),
        ("/actors", json!({"type": "user", "name": "Ann"})),
        ("/agents", json!({"name": "Guide"})),
        ("/threads", json!({})),
        (links.as_str(), json!({})),
    ] {
        let mut ids = Vec::new();
        for _ in 0..30 {
            ids.push(owner.create(list, body.clone()).await);
        }
        made.push((list, ids));
    }
    for (list, ids) in made {
        assert!(ids.is_sorted(), "{list}: {ids:?}");
        assert_eq!(whole(&owner, list).await, ids, "{list}");
    }
}

/// Whatever is unique is so also when it is asked for many times at once.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_ask_for_one_name_at_once_one_has_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server_without_limits(data_dir.path());
    let owner = Caller::of_production(&server);
    for (list, body) in [
        ("/actors", json!({"id": "ann", "type": "user", "name": "Ann"})),
        ("/agents", json!({"slug": "guide", "name": "Guide"})),
    ] {
        let answers = join_all((0..20).map(|_| owner.post(list, body.clone()))).await;
        let made = answers.iter().filter(|answer| answer.status == 200).count();
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((made, refused), (1, 19), "{list}");
    }
    let answers = join_all((0..20).map(|_| owner.post("/agents", json!({"name": "Roof"})))).await;
    let slugs: BTreeSet<String> =
        answers.iter().map(|answer| answer.with_status(200)["slug"].to_string()).collect();
    assert_eq!(slugs.len(), 20, "{slugs:?}");
}
