//! Chats that a model answers, whole and piece by piece, and what becomes of a model's trouble.

use std::sync::Arc;

use hebbd::types::SystemClock;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::caller::Caller;
use super::shapes::events;
use crate::support::language_model::{End, KEY, Reply, Stub};
use crate::support::{Member, TestServer};

const TROUBLE: &str = "I encountered an error generating the response: ";
const QUESTION: &str = "Where does the heron nest?";

/// A server with a model of its own, and somebody with a document.
struct Setting {
    caller: Caller,
    stub: Stub,
    _server: TestServer,
    /// Goes after the server.
    _data_dir: TempDir,
}

impl Setting {
    async fn with(replies: impl IntoIterator<Item = Reply>) -> Self {
        let (data_dir, stub) = (tempfile::tempdir().unwrap(), Stub::start(replies));
        let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
            config.llm = stub.settings();
        });
        let member = Member::new(&server, "metacogna", false);
        let caller = Caller::with(&server, &member.session);
        let text = "The heron nests in the old alder.";
        caller.ingest(&member.id.to_string(), "Herons", text).await.with_status(200);
        Self { caller, stub, _server: server, _data_dir: data_dir }
    }

    async fn stream(&self) -> Vec<Value> {
        let body = json!({"query": QUESTION, "stream": true});
        let answer = self.caller.post("/api/chat", body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        events(&answer.text).unwrap()
    }
}

fn delta(text: &str) -> Value {
    json!({"type": "delta", "text": text})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_own_model_answers_from_what_was_found() {
    let setting = Setting::with([Reply::text("In the old alder.")]).await;
    let body = json!({
        "query": QUESTION,
        "agentType": "critic",
        "historyContext": "user: hello",
        "userGoals": "Know birds",
        "temperature": 2,
    });
    let answered = setting.caller.post("/api/chat", body).await.with_status(200);
    assert_eq!(answered["response"], "In the old alder.");
    let shown = (&answered["provider"], &answered["model"]);
    assert_eq!(shown, (&json!("workers-ai"), &json!("@cf/meta/llama-3-8b-instruct")));
    assert_eq!(answered["sources"][0]["id"], "Herons-0");
    let requests = setting.stub.requests();
    let asked = requests.last().unwrap().body.to_string();
    let parts = ["Know birds", "user: hello", "Herons", "old alder", QUESTION];
    let places: Vec<_> = parts.iter().map(|part| asked.find(part).expect("it is there")).collect();
    assert!(places.is_sorted(), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_answer_is_its_sources_the_model_s_pieces_and_one_end() {
    let setting = Setting::with([Reply::stream(&["In the ", "old alder."])]).await;
    let events = setting.stream().await;
    assert_eq!(events[0]["sources"][0]["documentTitle"], "Herons");
    let expected = [delta("In the "), delta("old alder."), json!({"type": "done"})];
    assert_eq!(events[1..], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_ends_with_an_error_and_not_as_done() {
    let setting = Setting::with([Reply::stream_begun(&["In the "], End::BrokenOff)]).await;
    let events = setting.stream().await;
    let [_, said @ .., last] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(said, [delta("In the ")]);
    assert_eq!(last["type"], "error");
    assert!(last["error"].as_str().unwrap().starts_with(TROUBLE), "{last}");
}

/// Neither form shows what the model's endpoint said, or the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_model_s_trouble_is_told_in_band_and_without_its_words() {
    let setting = Setting::with([Reply::Fixed(401, "X-A: b", format!("{KEY} is wrong"))]).await;
    let whole = setting.caller.post("/api/chat", json!({"query": QUESTION})).await;
    let body = whole.with_status(200);
    let response = body["response"].as_str().unwrap();
    assert!(response.starts_with(TROUBLE) && response.contains("old alder"), "{response}");
    let events = setting.stream().await;
    assert_eq!(events[1..], [delta(response), json!({"type": "done"})]);
    assert!(!whole.text.contains(KEY), "{whole:?}");
}

/// Without a model of its own, as checked in the cases too, the sources are quoted, as one piece.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_the_stream_is_the_same_text_as_the_whole_answer() {
    let server = TestServer::start().await;
    let caller = Caller::with(&server, &server.new_session(false));
    let sources = json!([{"text": "The heron nests in the old alder.", "kept": [1.50, null]}]);
    let body = json!({"query": QUESTION, "sources": sources});
    let whole = caller.post("/api/chat", body.clone()).await.with_status(200);
    for provider in ["workers-ai", "openai"] {
        let mut body = body.clone();
        body["llmConfig"] = json!({"provider": provider});
        let whole = caller.post("/api/chat", body.clone()).await.with_status(200);
        body["stream"] = json!(true);
        let streamed = caller.post("/api/chat", body).await;
        let events = events(&streamed.text).unwrap();
        let first = json!({
            "type": "sources",
            "sources": sources,
            "provider": provider,
            "model": whole["model"],
        });
        let text = whole["response"].as_str().unwrap();
        assert_eq!(events, [first, delta(text), json!({"type": "done"})]);
    }
    assert!(whole["response"].as_str().unwrap().contains("old alder"), "{whole}");
}
