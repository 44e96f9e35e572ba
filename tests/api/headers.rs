//! Headers no well-behaved client sends, and connections used in unusual ways.

use crate::raw::{Connection, ask, assert_alive, head, post};
use crate::support::TestServer;

const STATS: &str = "/api/v1/memory/stats";

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_any_bytes_are_refused_and_not_misread() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for value in [
        &b"\xff\xfe"[..],
        "mk_live_ключ".as_bytes(),
        b"mk_live_ 0123",
        &[b'k'; 8_000],
        b"null",
        b"' OR 1=1",
    ] {
        let mut request = format!("GET {STATS} HTTP/1.1\r\nHost: test\r\nX-Api-Key: ").into_bytes();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n\r\n");
        let answer = ask(&server, request);
        assert_eq!(answer.status, 401, "{answer:?}");
        assert_eq!(answer.json()["details"]["reason"], "malformed_key", "{answer:?}");
    }
    assert_alive(&server, &key);
}

#[tokio::test(flavor = "multi_thread")]
async fn header_names_in_any_case_are_the_same_header() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for name in ["x-api-key", "X-API-KEY", "X-Api-Key"] {
        let request = format!("GET {STATS} HTTP/1.1\r\nhost: test\r\n{name}:{key}\r\n\r\n");
        assert_eq!(ask(&server, request).status, 200, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_two_keys_decides() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let request = |first: &str, second: &str| {
        format!(
            "GET {STATS} HTTP/1.1\r\nHost: t\r\nX-Api-Key: {first}\r\nX-Api-Key: {second}\r\n\r\n"
        )
    };
    assert_eq!(ask(&server, request(&key, "other")).status, 200);
    assert_eq!(ask(&server, request("other", &key)).status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_text() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let body = br#"{"items":[{"content":"Under a key"}]}"#;
    for (value, status) in [
        (&b"caf\xc3\xa9"[..], 200),
        (b"\xff\xfe", 400),
        (b"cut \xe2\x82", 400),
        (&[b'k'; 241], 400),
    ] {
        let mut request = head("POST", "/api/v1/memory/write-batch", &key, "").into_bytes();
        request.truncate(request.len() - 2);
        request.extend_from_slice(b"Idempotency-Key: ");
        request.extend_from_slice(value);
        let length = body.len();
        request.extend_from_slice(format!("\r\nContent-Length: {length}\r\n\r\n").as_bytes());
        request.extend_from_slice(body);
        let answer = ask(&server, request);
        assert_eq!(answer.status, status, "{value:?}: {answer:?}");
        if status == 400 {
            assert_eq!(answer.json()["details"]["errors"][0]["loc"][0], "header", "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_no_http_are_turned_away_and_hurt_nobody() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for request in [
        "\r\n\r\n\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET {STATS} HTTP/1.1\r\nX-Api-Key\r\n\r\n"),
        head("POST", "/api/v1/memory/write", &key, "Content-Length: -5\r\n"),
        head("POST", "/api/v1/memory/write", &key, "Content-Length: 5\r\nContent-Length: 6\r\n"),
        format!("GET {STATS} HTTP/1.1\r\nX-Filler: {}\r\n\r\n", "f".repeat(1 << 20)),
    ] {
        let mut connection = Connection::to(&server);
        connection.try_send(&request);
        connection.close_writing();
        let end = String::from_utf8_lossy(&connection.rest()).into_owned();
        let first = request.get(..40).unwrap_or(&request);
        assert!(!end.contains(" 200 ") && !end.contains(" 500 "), "{first:?}: {end}");
    }
    assert_alive(&server, &key);
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order_each_with_its_own_id() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut connection = Connection::to(&server);
    let mut requests = Vec::new();
    for index in 0..10 {
        let more = format!("X-Request-Id: number-{index}\r\n");
        requests.extend_from_slice(head("GET", STATS, &key, &more).as_bytes());
    }
    connection.send(requests);
    for index in 0..10 {
        let answer = connection.answer();
        assert_eq!(answer.status, 200);
        let wanted = format!("x-request-id: number-{index}\r\n");
        assert!(answer.head.to_ascii_lowercase().contains(&wanted), "{}", answer.head);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_caller_may_go_on_with_a_key_on_the_same_connection() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    let mut connection = Connection::to(&server);
    connection.send(post("/api/v1/memory/write", "wrong", br#"{"content":"x"}"#));
    assert_eq!(connection.answer().status, 401);
    // Whether the server keeps the connection is its choice; if it does, it is in step.
    if connection.try_send(head("GET", STATS, &key, "")) {
        let rest = {
            connection.close_writing();
            String::from_utf8(connection.rest()).unwrap()
        };
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 200 "), "{rest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_strings_and_fragments_of_odd_bytes_are_ignored() {
    let server = TestServer::start().await;
    let key = server.new_tenant_key().await;
    for query in ["?", "?a=b&a=c", "?%ff=%", "?domain=other"] {
        let answer = ask(&server, head("GET", &format!("{STATS}{query}"), &key, ""));
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
    }
}
