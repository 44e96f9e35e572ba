//! An export longer than a page: complete, in order, sent while it is read, and harmless when
//! the reader goes away.

use serde_json::Value;

use crate::raw::{Connection, ask, assert_alive, head, post, total_atoms};
use crate::support::TestServer;

const EXPORT: &str = "/api/v1/memory/export";

/// Writes atoms of about `bytes_each`, in batches; answers how many are stored.
fn fill(server: &TestServer, key: &str, batches: usize, items: usize, bytes_each: usize) -> u64 {
    for batch in 0..batches {
        let items: Vec<Value> = (0..items)
            .map(|item| {
                let number = batch * items + item;
                serde_json::json!({
                    "content": format!("Ledger entry {number} names account {}", number * 7919),
                    "external_ref": format!("entry-{number}"),
                    "metadata": {"pad": "p".repeat(bytes_each)},
                })
            })
            .collect();
        let body = serde_json::json!({ "items": items }).to_string();
        let answer = ask(server, post("/api/v1/memory/write-batch", key, body.as_bytes()));
        assert_eq!(answer.status, 200, "{}", answer.head);
    }
    total_atoms(server, key)
}

/// The lines of a chunked answer.
fn lines_of(answer: &[u8]) -> Vec<Value> {
    let text = String::from_utf8(answer.to_vec()).unwrap();
    let (head, mut rest) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut body = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").expect("the answer ends with a last chunk");
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_several_pages_is_complete_and_in_order_of_creation() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let stored = fill(&server, &key, 3, 200, 10);
    let mut connection = Connection::to(&server);
    connection.send(head("GET", EXPORT, &key, "Connection: close\r\n"));
    let lines = lines_of(&connection.rest());
    assert_eq!(lines.len() as u64, stored);
    let mut previous = String::new();
    for line in lines {
        let created_at = line["created_at"].as_str().unwrap().to_owned();
        assert!(created_at >= previous, "{created_at} after {previous}");
        previous = created_at;
    }
}

/// The server may hold no more than a page ahead of the reader: what is written after the first
/// bytes arrived, and before the rest is read, still comes at the end.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_sent_while_it_is_read_and_not_gathered_first() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    fill(&server, &key, 6, 200, 40_000);
    let mut connection = Connection::to(&server);
    connection.send(head("GET", EXPORT, &key, "Connection: close\r\n"));
    assert!(connection.receive_some());
    assert!(connection.received_bytes() > 0);
    let late = br#"{"content":"Written while the export runs","external_ref":"late"}"#;
    assert_eq!(ask(&server, post("/api/v1/memory/write", &key, late)).status, 200);
    let lines = lines_of(&connection.rest());
    assert_eq!(lines.last().unwrap()["external_ref"], "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_hurts_nobody() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    fill(&server, &key, 2, 200, 40_000);
    for _ in 0..20 {
        let mut connection = Connection::to(&server);
        connection.send(head("GET", EXPORT, &key, ""));
        assert!(connection.receive_some());
        drop(connection);
    }
    assert_alive(&server, &key);
}
