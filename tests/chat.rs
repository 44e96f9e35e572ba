//! Chatting with a language model behind the server: a real server, and a stub on a real socket in
//! the model's place. Whatever the model does, the status is 200, who asked gets an answer or is
//! told what is wrong, and no key shows. No test measures time; waits are those that the stub asks
//! for, or short.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "recovery/client.rs"]
mod client;
#[path = "chat/live.rs"]
mod live;
#[path = "chat/outside.rs"]
mod outside;
#[path = "chat/prompts.rs"]
mod prompts;
#[path = "chat/streams.rs"]
mod streams;
mod support;
#[path = "chat/troubles.rs"]
mod troubles;

use std::sync::Arc;

use hebbd::llm::LlmSettings;
use hebbd::types::{Bound, SystemClock};
use serde_json::{Value, json};

use client::{Answer, Client};
use support::language_model::{KEY, Stub};
use support::{Member, TestServer};

const TROUBLE: &str = "I encountered an error generating the response: ";
const QUESTION: &str = "Where does the heron nest?";
/// The titles and texts of what can be found.
const DOCUMENTS: [(&str, &str); 2] = [
    ("Herons", "The heron nests in the old alder by the weir. It eats fish at dusk."),
    ("Tides", "The tide turns at noon on the day of the new moon."),
];
/// Enough for any test that is not about the number.
const CHATS_PER_MINUTE: u32 = 1_000;

/// A server, and somebody with documents on it.
struct Scene {
    server: TestServer,
    member: Member,
    client: Client,
    chats: u32,
    reset: Option<String>,
    _data_dir: tempfile::TempDir,
}

impl Scene {
    /// The documents are indexed before there is a model, which therefore sees nothing but chats.
    fn with(settings: LlmSettings) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |_| {});
        let member = Member::new(&server, "metacogna", false);
        let mut client = Client::new(&server.base_url, "");
        for (title, content) in DOCUMENTS {
            let body = json!({"userId": member.id.to_string(), "title": title, "docId": title, "content": content});
            post(&mut client, &member, "/api/ingest", &body).ok();
        }
        server.stop();
        let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
            config.llm = settings;
            config.metacogna.chat_per_minute = Bound(Some(CHATS_PER_MINUTE));
        });
        let client = Client::new(&server.base_url, "");
        Self { server, member, client, chats: 0, reset: None, _data_dir: data_dir }
    }

    /// A chat's whole answer, which keeps what every answer must.
    #[track_caller]
    fn send(&mut self, body: &Value) -> Answer {
        let answer = post(&mut self.client, &self.member, "/api/chat", body);
        assert_eq!(answer.status, 200, "{answer:?}");
        check_discreet(&format!("{}{}", answer.head, answer.text));
        self.chats += 1;
        let left = (CHATS_PER_MINUTE - self.chats).to_string();
        let reset = answer.header("x-ratelimit-reset").map(str::to_owned);
        let is_next_window = self.reset.is_some() && self.reset != reset;
        // A window that ended meanwhile begins anew.
        if is_next_window {
            self.chats = 1;
        } else {
            assert_eq!(answer.header("x-ratelimit-remaining"), Some(left.as_str()), "{answer:?}");
        }
        assert!(reset.as_ref().is_some_and(|text| text.parse::<u64>().is_ok()), "{answer:?}");
        self.reset = reset;
        answer
    }

    #[track_caller]
    fn ask(&mut self, body: &Value) -> Value {
        let answer = self.send(body).json();
        let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["model", "provider", "response", "sources"], "{answer}");
        answer
    }

    /// The answer's text.
    #[track_caller]
    fn response(&mut self, body: &Value) -> String {
        self.ask(body)["response"].as_str().unwrap().to_owned()
    }

    /// The events of a streamed answer.
    #[track_caller]
    fn events(&mut self, body: &Value) -> Vec<Value> {
        let mut body = body.clone();
        body["stream"] = json!(true);
        let answer = self.send(&body);
        assert_eq!(answer.header("content-type"), Some("text/event-stream"), "{answer:?}");
        events_in(&answer.text)
    }
}

fn post(client: &mut Client, member: &Member, path: &str, body: &Value) -> Answer {
    let bearer = format!("Authorization: Bearer {}\r\n", member.session);
    client.send_with("POST", path, Some(body), &bearer).unwrap()
}

fn events_in(text: &str) -> Vec<Value> {
    let events = text.split_terminator("\n\n");
    events
        .map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap())
        .collect()
}

/// What no answer may show.
#[track_caller]
fn check_discreet(text: &str) {
    assert!(!text.contains(KEY) && !text.contains("127.0.0.1"), "{text}");
}

/// What the model's n-th request said of the system's and of the user's part.
fn prompt(stub: &Stub, number: usize) -> (String, String) {
    let messages = stub.requests()[number].body["messages"].clone();
    let content = |at: usize, role: &str| {
        assert_eq!(messages[at]["role"], role, "{messages}");
        messages[at]["content"].as_str().unwrap().to_owned()
    };
    (content(0, "system"), content(1, "user"))
}
