//! The embedders from outside: the built-in model against its script's reference vectors, and
//! the HTTP embedder against a stub endpoint on a real socket.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail the test they serve"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use hebbd::embedding::{
    AnswerProblem, EmbedError, Embedder, EmbeddingProvider, EmbeddingSettings,
    HttpEmbedderSettings, StaticEmbedder, embed_blocking, from_settings,
};
use hebbd::types::{ErrorKind, QuantizedVector};
use secrecy::SecretString;
use serde_json::{Value, json};

// The built-in model.

#[derive(serde::Deserialize)]
struct Reference {
    text: String,
    ids: Vec<u32>,
    vector: Vec<f64>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("fixtures/static_embedder_vectors.json")).expect("parses")
}

fn embedder() -> StaticEmbedder {
    StaticEmbedder::shared().expect("loads")
}

fn dequantized(vector: &QuantizedVector) -> Vec<f64> {
    vector.values.iter().map(|value| f64::from(*value) * f64::from(vector.scale)).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn the_static_model_finds_the_pieces_the_script_found() {
    for reference in references() {
        let ids = embedder().piece_ids(&reference.text).expect("embeds");
        assert_eq!(ids, reference.ids, "{:?}", reference.text);
    }
}

#[test]
fn the_static_model_makes_the_vectors_the_script_made() {
    let references = references();
    assert!(references.len() > 20);
    for Reference { text, ids, vector } in references {
        let direction = embedder().direction(&text).expect("embeds");
        let quantized = embed_blocking(&embedder(), &[&text]).expect("embeds").remove(0);
        let (Some(direction), Some(quantized)) = (&direction, &quantized) else {
            assert!(ids.is_empty() && direction.is_none() && quantized.is_none(), "{text:?}");
            continue;
        };
        for (ours, theirs) in direction.iter().zip(&vector) {
            assert!((f64::from(*ours) - theirs).abs() < 1e-5, "{ours} {theirs} {text:?}");
        }
        let direction: Vec<f64> = direction.iter().map(|value| f64::from(*value)).collect();
        assert!(cosine(&direction, &vector) >= 0.9999, "{text:?}");
        check_quantized(&dequantized(quantized), &vector, &text);
    }
}

/// Holds a quantised vector to what rounding to int8 costs, and no more. A fixed 0.9999 for the
/// cosine would be wrong here: a quantum is `largest / 127`, its rounding error has a variance of
/// `quantum^2 / 12` per value, so the script's own vectors fall to 0.9998 when quantised if their
/// largest value is about 0.5. The bound allows twice the expected loss.
#[track_caller]
fn check_quantized(quantized: &[f64], reference: &[f64], text: &str) {
    let largest = reference.iter().fold(0.0_f64, |max, value| max.max(value.abs()));
    let quantum = largest / 127.0;
    let loss_expected = 256.0 * quantum.powi(2) / 24.0;
    let loss = 1.0 - cosine(quantized, reference);
    assert!(loss <= 2.0 * loss_expected, "{loss} {loss_expected} {text:?}");
    // Half a quantum, and what the reference lost to its six decimals.
    for (ours, theirs) in quantized.iter().zip(reference) {
        assert!((ours - theirs).abs() <= quantum / 2.0 + 1e-5, "{ours} {theirs} {text:?}");
    }
}

#[test]
fn a_text_of_ten_thousand_characters_counts_to_its_end() {
    let head = "gardens and fences ".repeat(520);
    let whole = format!("{head}violin");
    let ids = |text: &str| embedder().piece_ids(text).expect("embeds");
    assert!(whole.len() > 9_800);
    assert_eq!(ids(&whole), [ids(&head), ids("violin")].concat());
}

#[test]
fn the_default_settings_choose_the_static_model() {
    let chosen = from_settings(&EmbeddingSettings::default()).expect("builds");
    assert_eq!(chosen.identity(), embedder().identity());
    assert!(chosen.is_ready() && chosen.is_cpu_bound());
}

// The HTTP embedder.

/// What the stub does with one request.
enum Reply {
    /// One vector per text, its first value the number in the text.
    Vectors,
    /// The same, last text first.
    Shuffled,
    /// A status, one header line and a body.
    Fixed(u16, &'static str, String),
    /// Reads the request and never answers.
    Silence,
    /// Closes the connection after reading the request.
    HangUp,
}

/// A request as the stub saw it.
#[derive(Clone)]
struct Seen {
    head: String,
    body: Value,
}

/// An endpoint that answers the n-th request with the n-th reply; the last one repeats.
struct Stub {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(replies);
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (replies, log) = (Arc::clone(&replies), Arc::clone(&log));
                thread::spawn(move || serve(stream, &replies, &log));
            }
        });
        Self { address, seen }
    }

    fn settings(&self) -> HttpEmbedderSettings {
        HttpEmbedderSettings {
            url: format!("http://{}/v1", self.address),
            model: "stub-model".to_owned(),
            api_key: Some(SecretString::from("sesame")),
            dimensions: 2,
            ..HttpEmbedderSettings::default()
        }
    }

    fn requests(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

fn serve(stream: TcpStream, replies: &[Reply], log: &Mutex<Vec<Seen>>) {
    let mut writer = stream.try_clone().expect("clones");
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let number = {
            let mut log = log.lock().expect("not poisoned");
            log.push(request.clone());
            log.len() - 1
        };
        let (status, header, body) = match &replies[number.min(replies.len() - 1)] {
            Reply::Vectors => (200, "X-Stub: 1", vectors(&request.body, false)),
            Reply::Shuffled => (200, "X-Stub: 1", vectors(&request.body, true)),
            Reply::Fixed(status, header, body) => (*status, *header, body.clone()),
            Reply::HangUp => return,
            Reply::Silence => {
                // Until the client gives up and closes.
                let _ = reader.read(&mut [0]);
                return;
            }
        };
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: {length}\r\n\r\n{body}");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { head, body: serde_json::from_slice(&body).ok()? })
}

fn vectors(request: &Value, shuffled: bool) -> String {
    let texts = request["input"].as_array().expect("a list of texts");
    let mut data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let number: i32 = text.as_str().and_then(|text| text.parse().ok()).unwrap_or(1);
            json!({"object": "embedding", "index": index, "embedding": [number, 100]})
        })
        .collect();
    if shuffled {
        data.reverse();
    }
    json!({"object": "list", "data": data, "model": "stub-model"}).to_string()
}

fn http(settings: HttpEmbedderSettings) -> Arc<dyn Embedder> {
    let provider = EmbeddingProvider::Http;
    from_settings(&EmbeddingSettings { provider, http: settings }).expect("builds")
}

/// The number that a vector of the stub carries in its first value.
fn number_of(vector: &QuantizedVector) -> f32 {
    (f32::from(vector.values[0]) / f32::from(vector.values[1]) * 100.0).round()
}

async fn numbers(embedder: &dyn Embedder, texts: &[&str]) -> Vec<Option<f32>> {
    let embeddings = embedder.embed(texts).await.expect("embeds");
    embeddings.iter().map(|vector| vector.as_ref().map(number_of)).collect()
}

/// Embeds one text that must fail, and checks what no failure may do.
async fn failure(stub: &Stub, settings: HttpEmbedderSettings) -> EmbedError {
    let embedder = http(settings);
    assert!(embedder.is_ready(), "ready before the first call");
    let error = embedder.embed(&["my secret text"]).await.expect_err("fails");
    assert!(!embedder.is_ready());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let message = error.to_string();
    assert!(message.contains(&stub.address.to_string()), "{message}");
    assert!(!message.contains("secret") && !message.contains("sesame"), "{message}");
    error
}

#[track_caller]
fn check_problem(error: &EmbedError, expected: &AnswerProblem) {
    let EmbedError::BadAnswer { problem, .. } = error else { panic!("{error}") };
    assert_eq!(problem, expected);
}

#[tokio::test]
async fn texts_go_out_in_batches_and_come_back_in_order() {
    let stub = Stub::start(vec![Reply::Shuffled]);
    let embedder = http(HttpEmbedderSettings { batch_max: 2, ..stub.settings() });
    let answered = numbers(embedder.as_ref(), &["1", "2", " ", "3", "", "4", "5"]).await;
    let expected = [Some(1.0), Some(2.0), None, Some(3.0), None, Some(4.0), Some(5.0)];
    assert_eq!(answered, expected);
    assert!(embedder.is_ready() && !embedder.is_cpu_bound());
    let requests = stub.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(request.head.starts_with("POST /v1/embeddings HTTP/1.1"), "{}", request.head);
        assert!(request.head.to_lowercase().contains("authorization: bearer sesame"));
        assert_eq!(request.body["model"], "stub-model");
        assert_eq!(request.body["encoding_format"], "float");
        assert!(request.body.get("dimensions").is_none());
    }
}

#[tokio::test]
async fn the_key_is_optional_and_may_come_from_a_file() {
    let stub = Stub::start(vec![Reply::Vectors]);
    let keyless = HttpEmbedderSettings { api_key: None, send_dimensions: true, ..stub.settings() };
    numbers(http(keyless.clone()).as_ref(), &["1"]).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "from-file\n").expect("writes");
    let api_key_file = Some(file.path().to_owned());
    numbers(http(HttpEmbedderSettings { api_key_file, ..keyless }).as_ref(), &["1"]).await;
    let requests = stub.requests();
    assert!(!requests[0].head.to_lowercase().contains("authorization"));
    assert_eq!(requests[0].body["dimensions"], 2);
    assert!(requests[1].head.contains("Bearer from-file"));
}

#[test]
fn a_missing_key_file_is_named() {
    let settings = HttpEmbedderSettings {
        model: "m".to_owned(),
        dimensions: 2,
        api_key_file: Some(PathBuf::from("/nonexistent/key")),
        ..HttpEmbedderSettings::default()
    };
    let provider = EmbeddingProvider::Http;
    let error =
        from_settings(&EmbeddingSettings { provider, http: settings }).err().expect("fails");
    assert!(error.to_string().contains("/nonexistent/key"), "{error}");
}

#[tokio::test]
async fn blank_texts_are_answered_without_a_request() {
    let stub = Stub::start(vec![Reply::Silence]);
    assert_eq!(numbers(http(stub.settings()).as_ref(), &["", " \n"]).await, [None, None]);
    assert!(numbers(http(stub.settings()).as_ref(), &[]).await.is_empty());
    assert!(stub.requests().is_empty());
}

#[tokio::test]
async fn overload_server_errors_and_broken_connections_are_asked_again() {
    let stub = Stub::start(vec![
        Reply::Fixed(429, "Retry-After: 0", String::new()),
        Reply::Fixed(503, "X-Stub: 1", "busy".to_owned()),
        Reply::HangUp,
        Reply::Vectors,
    ]);
    assert_eq!(numbers(http(stub.settings()).as_ref(), &["7"]).await, [Some(7.0)]);
    assert_eq!(stub.requests().len(), 4);
}

#[tokio::test]
async fn an_endpoint_that_keeps_failing_is_given_up_on() {
    let stub =
        Stub::start(vec![Reply::Fixed(500, "X-Stub: 1", "sesame my secret text".to_owned())]);
    let error = failure(&stub, HttpEmbedderSettings { retries_max: 2, ..stub.settings() }).await;
    assert!(matches!(error, EmbedError::Refused { status: 500, .. }), "{error}");
    assert_eq!(stub.requests().len(), 3);
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    for status in [301, 400, 401, 404] {
        let stub = Stub::start(vec![Reply::Fixed(status, "X-Stub: 1", String::new())]);
        let error = failure(&stub, stub.settings()).await;
        assert!(matches!(error, EmbedError::Refused { .. }), "{error}");
        assert_eq!(stub.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_pause_longer_than_the_time_left_ends_the_call_at_once() {
    let stub = Stub::start(vec![Reply::Fixed(429, "Retry-After: 15", String::new())]);
    let settings = HttpEmbedderSettings { total_timeout_ms: 12_000, ..stub.settings() };
    let error = failure(&stub, settings).await;
    assert!(matches!(error, EmbedError::Refused { status: 429, .. }), "{error}");
    assert_eq!(stub.requests().len(), 1);
}

#[tokio::test]
async fn a_silent_endpoint_times_out_and_is_asked_again() {
    let stub = Stub::start(vec![Reply::Silence, Reply::Vectors]);
    let settings = HttpEmbedderSettings { timeout_ms: 200, ..stub.settings() };
    assert_eq!(numbers(http(settings).as_ref(), &["7"]).await, [Some(7.0)]);

    let stub = Stub::start(vec![Reply::Silence]);
    let settings = HttpEmbedderSettings { timeout_ms: 50, retries_max: 0, ..stub.settings() };
    let error = failure(&stub, settings).await;
    assert!(matches!(error, EmbedError::TimedOut { waited_ms: 50, .. }), "{error}");
}

#[tokio::test]
async fn an_endpoint_recovers_and_is_ready_again() {
    let stub = Stub::start(vec![Reply::Fixed(500, "X-Stub: 1", String::new()), Reply::Vectors]);
    let embedder = http(HttpEmbedderSettings { retries_max: 0, ..stub.settings() });
    embedder.embed(&["1"]).await.expect_err("fails once");
    assert!(!embedder.is_ready());
    embedder.embed(&["1"]).await.expect("recovers");
    assert!(embedder.is_ready());
}

#[tokio::test]
async fn unusable_answers_are_named_and_not_repeated() {
    let data = |data: Value| json!({ "data": data }).to_string();
    let cases = [
        (
            "<html>my secret text</html>".to_owned(),
            AnswerProblem::NotEmbeddings { line: 1, column: 1 },
        ),
        (data(json!([])), AnswerProblem::Count { expected: 1, actual: 0 }),
        (data(json!([{"index": 1, "embedding": [1, 2]}])), AnswerProblem::Indexes),
        (
            data(json!([{"index": 0, "embedding": [1, 2, 3]}])),
            AnswerProblem::Dimensions { expected: 2, actual: 3 },
        ),
        (data(json!([{"index": 0, "embedding": [1, null]}])), AnswerProblem::NotFinite),
        (data(json!([{"index": 0, "embedding": ["NaN", 1]}])), AnswerProblem::NotFinite),
    ];
    for (body, expected) in cases {
        let stub = Stub::start(vec![Reply::Fixed(200, "X-Stub: 1", body)]);
        check_problem(&failure(&stub, stub.settings()).await, &expected);
        assert_eq!(stub.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_connection_is_named() {
    // Bound and dropped: nobody listens there now.
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("is bound");
    drop(listener);
    let stub = Stub { address, seen: Arc::default() };
    let error = failure(&stub, HttpEmbedderSettings { retries_max: 1, ..stub.settings() }).await;
    assert!(matches!(error, EmbedError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn many_batches_share_the_places_in_flight() {
    let stub = Stub::start(vec![Reply::Vectors]);
    let settings = HttpEmbedderSettings { batch_max: 1, requests_max: 2, ..stub.settings() };
    let texts: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let answered = numbers(http(settings).as_ref(), &texts).await;
    assert_eq!(answered.len(), 40);
    assert_eq!(answered[39], Some(40.0));
    assert_eq!(stub.requests().len(), 40);
}
