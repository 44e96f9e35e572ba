//! Answers in pieces: sources first, then each piece as the model writes it, then how it ended.

use hebbd::llm::LlmSettings;
use serde_json::{Value, json};

use crate::live::LiveAnswer;
use crate::support::language_model::{End, KEY, Reply, Stub, event};
use crate::{DOCUMENTS, QUESTION, Scene, TROUBLE, check_discreet, prompt};

fn delta(text: &str) -> Value {
    json!({"type": "delta", "text": text})
}

/// The first event, which names what the answer is made of.
#[track_caller]
fn check_sources(event: &Value) {
    assert_eq!(event["type"], "sources", "{event}");
    assert_eq!(event["sources"][0]["documentTitle"], DOCUMENTS[0].0);
    assert_eq!(
        (&event["provider"], &event["model"]),
        (&json!("workers-ai"), &json!("@cf/meta/llama-3-8b-instruct"))
    );
}

#[test]
fn a_streamed_answer_is_its_sources_its_pieces_and_its_end() {
    let texts = ["In the ", "old alder, ", "é — 鷺", "\n\ndata: {}\n\n", "."];
    for reply in [Reply::stream(&texts), Reply::stream(&texts).byte_by_byte()] {
        let stub = Stub::start([reply]);
        let mut scene = Scene::with(stub.settings());
        let events = scene.events(&json!({"query": QUESTION, "userGoals": "Know birds"}));
        check_sources(&events[0]);
        let expected: Vec<_> = texts.iter().map(|text| delta(text)).collect();
        assert_eq!(events[1..events.len() - 1], expected);
        assert_eq!(events.last(), Some(&json!({"type": "done"})));
        let request = &stub.requests()[0];
        assert_eq!(request.body["stream"], true);
        assert!(prompt(&stub, 0).1.contains("Know birds"));
    }
}

/// The model says two words and then nothing; both must arrive long before it gives up.
#[test]
fn pieces_arrive_as_they_are_written() {
    let stub = Stub::start([Reply::stream_begun(&["In the ", "alder"], End::Never)]);
    let scene = Scene::with(stub.settings());
    let mut answer = LiveAnswer::to(&scene, &json!({"query": QUESTION, "stream": true}));
    answer.read_until(r#"data: {"type":"delta","text":"In the "}"#);
    let received = answer.read_until(r#"data: {"type":"delta","text":"alder"}"#);
    assert!(received.starts_with("HTTP/1.1 200"), "{received}");
    for name in ["x-ratelimit-remaining: 999", "x-ratelimit-reset: "] {
        assert!(received.contains(name), "{name} is not in {received}");
    }
    assert!(!received.contains("error") && !received.contains("done"), "{received}");
    check_discreet(&received);
    answer.close();
}

#[test]
fn a_stream_that_breaks_off_keeps_its_pieces_and_ends_with_the_error() {
    let one = event(&json!({"choices": [{"delta": {"content": "In the "}}]}));
    let two = event(&json!({"choices": [{"delta": {"content": "alder"}}]}));
    let failure = event(&json!({"error": {"message": KEY}}));
    let broken = "the language model's answer broke off";
    for (reply, reason) in [
        (Reply::stream_begun(&["In the ", "alder"], End::BrokenOff), broken),
        (Reply::Pieces(vec![one.clone(), two.clone(), failure], End::Properly), broken),
        (
            Reply::stream_begun(&["In the ", "alder"], End::Never),
            "the language model did not answer in time",
        ),
        (
            Reply::Pieces(vec![one, two, b"data: {sesame\n\n".to_vec()], End::Properly),
            "the language model gave an unusable answer",
        ),
    ] {
        let stub = Stub::start([reply]);
        let mut scene = Scene::with(LlmSettings { idle_timeout_ms: 300, ..stub.settings() });
        let events = scene.events(&json!({"query": QUESTION}));
        check_sources(&events[0]);
        let error = json!({"type": "error", "error": format!("{TROUBLE}{reason}")});
        assert_eq!(events[1..], [delta("In the "), delta("alder"), error]);
        assert_eq!(stub.requests().len(), 1, "what was begun is not asked for again");
    }
}

#[test]
fn an_answer_that_has_no_end_is_cut_off() {
    let stub = Stub::start([Reply::stream_begun(&["again "], End::Endless)]);
    let mut scene = Scene::with(LlmSettings { answer_bytes_max: 2_000, ..stub.settings() });
    let events = scene.events(&json!({"query": QUESTION}));
    let said: usize = events.iter().filter_map(|event| event["text"].as_str()).map(str::len).sum();
    assert!((1_900..=2_000).contains(&said), "{said} bytes");
    let error = format!("{TROUBLE}the language model's answer was too long");
    assert_eq!(events.last(), Some(&json!({"type": "error", "error": error})));
}

/// The model has one place. Whoever has gone away is noticed when the next piece cannot be sent, or
/// when none comes for too long.
#[test]
fn who_goes_away_in_the_middle_of_an_answer_gives_the_place_back() {
    let answer_bytes_max = 64 * 1024 * 1024;
    for (end, idle_timeout_ms) in [(End::Endless, 30_000), (End::Never, 300)] {
        let open = Reply::stream_begun(&["In the "], end);
        let stub = Stub::start([open, Reply::text("In the alder.")]);
        let settings =
            LlmSettings { requests_max: 1, answer_bytes_max, idle_timeout_ms, ..stub.settings() };
        let mut scene = Scene::with(settings);
        let mut answer = LiveAnswer::to(&scene, &json!({"query": QUESTION, "stream": true}));
        answer.read_until("delta");
        answer.close();
        scene.chats += 1;
        assert_eq!(scene.response(&json!({"query": QUESTION})), "In the alder.");
    }
}
