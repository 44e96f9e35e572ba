//! Many callers at once.

use std::collections::BTreeSet;

use crate::raw::{Connection, post, total_atoms};
use crate::support::TestServer;

const WRITE: &str = "/api/v1/memory/write";

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writers_of_one_tenant_lose_nothing() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let ids = ids_of_sixteen_writers(|writer| write_ten(&server, &key, writer));
    assert_eq!(ids.len() as u64, total_atoms(&server, &key), "each id names one atom");
}

/// Runs `write` in sixteen threads at once; all the ids they answer.
fn ids_of_sixteen_writers(write: impl Fn(usize) -> Vec<String> + Sync) -> BTreeSet<String> {
    std::thread::scope(|scope| {
        let write = &write;
        let writers: Vec<_> = (0..16).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    })
}

/// Writes on one connection; answers the ids of what was stored.
fn write_ten(server: &TestServer, key: &str, writer: usize) -> Vec<String> {
    let mut connection = Connection::to(server);
    let mut ids = Vec::new();
    for number in 0..10 {
        let body = serde_json::json!({
            "content": format!("Writer {writer} notes observation {number}"),
            "external_ref": format!("{writer}-{number}"),
        });
        connection.send(post(WRITE, key, body.to_string().as_bytes()));
        let answer = connection.answer();
        assert_eq!(answer.status, 200, "{answer:?}");
        if let Some(id) = answer.json()["atom_id"].as_str() {
            ids.push(id.to_owned());
        }
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn one_external_reference_written_by_many_at_once_is_one_atom() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let ids = ids_of_sixteen_writers(|writer| {
        let body = format!("{{\"content\":\"Wording number {writer}\",\"external_ref\":\"same\"}}");
        let mut connection = Connection::to(&server);
        connection.send(post(WRITE, &key, body.as_bytes()));
        let answer = connection.answer();
        assert_eq!(answer.json()["stored"], true, "{answer:?}");
        vec![answer.json()["atom_id"].as_str().unwrap().to_owned()]
    });
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(total_atoms(&server, &key), 1);
}
