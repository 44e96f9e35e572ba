//! Bodies that come in pieces, break off, are too large, not UTF-8 or nested without end.

use crate::raw::{Connection, RawAnswer, ask, assert_alive, head, post, total_atoms};
use crate::support::TestServer;

const WRITE: &str = "/api/v1/memory/write";

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_byte_by_byte_is_a_body() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut connection = Connection::to(&server);
    for byte in post(WRITE, &key, br#"{"content":"Patience"}"#) {
        connection.send([byte]);
    }
    let answer = connection.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_a_body() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut request = head("POST", WRITE, &key, "Transfer-Encoding: chunked\r\n");
    request.push_str("c\r\n{\"content\":\"\r\n7\r\nPieces\"\r\n1\r\n}\r\n0\r\n\r\n");
    let answer = ask(&server, request);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_stores_nothing_and_hurts_nobody() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for kept in [0, 1, 10] {
        let request = post(WRITE, &key, br#"{"content":"Never finished"}"#);
        let mut connection = Connection::to(&server);
        connection.send(&request[..request.len() - 28 + kept]);
        connection.close_writing();
        let end = String::from_utf8(connection.rest()).unwrap();
        assert!(!end.contains(" 200 "), "{end}");
    }
    assert_eq!(total_atoms(&server, &key), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_body_of_60_mb_is_refused_before_it_is_sent() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut connection = Connection::to(&server);
    connection.send(head("POST", WRITE, &key, "Content-Length: 62914560\r\n"));
    let answer = connection.answer();
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_eq!(answer.json()["code"], "VALIDATION_ERROR");
    assert!(answer.head.to_ascii_lowercase().contains("x-ratelimit-limit: "), "{}", answer.head);
    assert_alive(&server, &key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_without_end_is_refused_at_the_limit() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut connection = Connection::to(&server);
    let mut writer = connection.writer();
    let start = head("POST", WRITE, &key, "Transfer-Encoding: chunked\r\n");
    let sending = std::thread::spawn(move || {
        let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
        writer.send(start);
        while writer.try_send(&chunk) {}
    });
    let answer = connection.answer();
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(says_close(&answer), "{}", answer.head);
    connection.close();
    sending.join().unwrap();
    assert_alive(&server, &key);
}

/// The server used to go on reading such a body for as long as it kept coming, with no timer.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_key_cannot_hold_a_connection_with_a_body_that_never_ends() {
    let server = TestServer::start().await;
    let mut connection = Connection::to(&server);
    let start = head("POST", WRITE, "wrong", "Transfer-Encoding: chunked\r\n");
    connection.send(start + "5\r\nabcde\r\n");
    let answer = connection.answer();
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(says_close(&answer), "{}", answer.head);
    // The server gives the client a few seconds to close, then closes.
    assert!(connection.rest().is_empty());
}

fn says_close(answer: &RawAnswer) -> bool {
    answer.head.to_ascii_lowercase().contains("connection: close\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_just_below_the_limit_is_read() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let padding = " ".repeat(hebbd::types::limits::BODY_BYTES_MAX - 30);
    let body = format!("{{\"content\":\"Padded\"}}{padding}");
    let answer = ask(&server, post(WRITE, &key, body.as_bytes()));
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn assert_invalid(answer: &RawAnswer) {
    assert_eq!(answer.status, 422, "{answer:?}");
    let error = answer.json();
    assert_eq!(error["code"], "VALIDATION_ERROR");
    assert_eq!(error["details"]["errors"][0]["loc"][0], "body", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf_8_are_refused_wherever_they_are() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for body in [
        &b"{\"content\":\"\xff\"}"[..],
        b"{\"content\":\"x\",\"ignored\":\"\xc3\x28\"}",
        b"{\"content\":\"cut \xe2\x82\"}",
        b"\xef\xbb\xbf{\"content\":\"with a byte order mark\"}",
        b"\xff\xfe{\0",
    ] {
        assert_invalid(&ask(&server, post(WRITE, &key, body)));
    }
    assert_eq!(total_atoms(&server, &key), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_of_10_000_levels_is_refused_in_known_and_unknown_fields() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let (lists, ends) = ("[".repeat(10_000), "]".repeat(10_000));
    let (objects, object_ends) = ("{\"a\":".repeat(10_000), "}".repeat(10_000));
    for body in [
        format!("{{\"content\":{lists}{ends}}}"),
        format!("{{\"content\":\"x\",\"concepts\":{lists}{ends}}}"),
        format!("{{\"content\":\"x\",\"metadata\":{objects}1{object_ends}}}"),
        format!("{{\"content\":\"x\",\"unknown\":{objects}1{object_ends}}}"),
        format!("{lists}{ends}"),
        lists,
        objects,
    ] {
        assert_invalid(&ask(&server, post(WRITE, &key, body.as_bytes())));
    }
    assert_eq!(total_atoms(&server, &key), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_nests_64_levels_deep_and_no_deeper() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for (levels, status) in [(64, 200), (65, 422)] {
        let body = format!(
            "{{\"content\":\"x\",\"metadata\":{}1{}}}",
            "{\"a\":".repeat(levels),
            "}".repeat(levels)
        );
        let answer = ask(&server, post(WRITE, &key, body.as_bytes()));
        assert_eq!(answer.status, status, "{levels} levels: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_problems_give_a_short_answer() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let item = format!("{{\"concepts\":[{}]}}", vec!["0"; 256].join(","));
    let body = format!("{{\"items\":[{}]}}", vec![item; 500].join(","));
    let answer = ask(&server, post("/api/v1/memory/write-batch", &key, body.as_bytes()));
    assert_invalid(&answer);
    assert!(answer.body.len() < 64 * 1024, "{} bytes", answer.body.len());
}
