//! Models of others that a client may ask for by name.

use hebbd::llm::LlmSettings;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::language_model::{End, KEY, Reply, Stub};
use crate::{QUESTION, Scene, TROUBLE, prompt};

/// A server without a model of its own, that knows a key for one provider.
fn openai_at(stub: &Stub) -> LlmSettings {
    let mut settings = LlmSettings { retries_max: 0, ..LlmSettings::default() };
    settings.outside.openai.url = stub.url();
    settings.outside.openai.api_key = Some(SecretString::from(KEY));
    settings
}

fn asking(config: &Value) -> Value {
    json!({"query": QUESTION, "llmConfig": config})
}

#[test]
fn a_named_model_is_asked_with_the_clients_model_and_length() {
    let stub = Stub::start([Reply::text("In the alder.")]);
    let settings = openai_at(&stub);
    let default = settings.outside.openai.model.clone();
    let mut scene = Scene::with(settings);
    let config = json!({"provider": "openai", "model": "gpt-x", "maxTokens": 33});
    let answer = scene.ask(&asking(&config));
    assert_eq!(answer["response"], "In the alder.");
    assert_eq!((&answer["provider"], &answer["model"]), (&json!("openai"), &json!("gpt-x")));
    let answer = scene.ask(&asking(&json!({"provider": "openai"})));
    assert_eq!(answer["model"], json!(default), "the one that was asked");

    let requests = stub.requests();
    let sent = |number: usize| {
        (requests[number].body["model"].clone(), requests[number].body["max_tokens"].clone())
    };
    assert_eq!(sent(0), (json!("gpt-x"), json!(33)));
    assert_eq!(sent(1), (json!(default), json!(2_048)));
    assert!(requests[0].head.to_lowercase().contains("authorization: bearer sesame"));
    assert!(prompt(&stub, 0).1.contains("[1] Herons\nThe heron nests in the old alder"));
}

#[test]
fn a_named_model_answers_in_pieces_too() {
    let begun = Reply::stream_begun(&["In the "], End::BrokenOff);
    let stub = Stub::start([Reply::stream(&["In the ", "alder."]), begun]);
    let mut scene = Scene::with(openai_at(&stub));
    let config = json!({"provider": "openai", "model": "gpt-x", "maxTokens": 33});
    let events = scene.events(&asking(&config));
    assert_eq!((&events[0]["provider"], &events[0]["model"]), (&json!("openai"), &json!("gpt-x")));
    let delta = |text: &str| json!({"type": "delta", "text": text});
    assert_eq!(events[1..], [delta("In the "), delta("alder."), json!({"type": "done"})]);
    let events = scene.events(&asking(&config));
    let error = format!("{TROUBLE}the language model's answer broke off");
    assert_eq!(events[1..], [delta("In the "), json!({"type": "error", "error": error})]);
    assert_eq!(stub.requests()[1].body["model"], "gpt-x");
}

/// Nothing stands in for the answer of a model that somebody chose.
#[test]
fn a_trouble_of_a_named_model_is_told_without_quotations() {
    for (reply, reason) in [
        (Reply::busy(429), "the language model is busy; try again"),
        (Reply::busy(401), "the language model refused the request"),
        (Reply::Silence, "the language model did not answer in time"),
        (
            Reply::Fixed(200, "X-Stub: 1", KEY.to_owned()),
            "the language model gave an unusable answer",
        ),
    ] {
        let stub = Stub::start([reply]);
        let (timeout_ms, first_token_timeout_ms) = (300, 300);
        let mut scene =
            Scene::with(LlmSettings { timeout_ms, first_token_timeout_ms, ..openai_at(&stub) });
        let body = asking(&json!({"provider": "openai"}));
        let answer = scene.ask(&body);
        assert_eq!(answer["response"], format!("{TROUBLE}{reason}"));
        assert_eq!(
            (&answer["provider"], answer["sources"][0]["documentTitle"].as_str()),
            (&json!("openai"), Some("Herons"))
        );
        let events = scene.events(&body);
        assert_eq!(events[1]["text"], answer["response"]);
        assert_eq!(events[2..], [json!({"type": "done"})]);
    }
}

#[test]
fn a_provider_without_a_key_and_an_unknown_one_are_told_of_and_nobody_is_asked() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut settings = stub.settings();
    settings.outside.google.url = stub.url();
    settings.outside.google.api_key = Some(SecretString::from("  "));
    let mut scene = Scene::with(settings);
    for provider in ["openai", "google", "anthropic", "nobody", "OpenAI"] {
        let body = asking(&json!({"provider": provider, "model": "m-1"}));
        let answer = scene.ask(&body);
        let expected = format!("{TROUBLE}{provider} API key not configured");
        assert_eq!(answer["response"], expected);
        assert_eq!((&answer["provider"], &answer["model"]), (&json!(provider), &json!("m-1")));
        assert_eq!(answer["sources"][0]["documentTitle"], "Herons");
        let events = scene.events(&body);
        assert_eq!(
            events[1..],
            [json!({"type": "delta", "text": expected}), json!({"type": "done"})]
        );
    }
    assert_eq!(stub.requests().len(), 0);
}

/// A key that a client sends along is none of the server's business.
#[test]
fn no_key_is_taken_from_a_client() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut settings = LlmSettings::default();
    settings.outside.openai.url = stub.url();
    let mut scene = Scene::with(settings);
    let config =
        json!({"provider": "openai", "apiKey": "of-the-client", "api_key": "of-the-client"});
    let response = scene.response(&asking(&config));
    assert_eq!(response, format!("{TROUBLE}openai API key not configured"));
    assert_eq!(stub.requests().len(), 0);
}

#[test]
fn the_servers_own_model_and_a_named_one_are_apart() {
    let (own, named) = (Stub::start([Reply::text("mine")]), Stub::start([Reply::text("theirs")]));
    let mut settings = own.settings();
    settings.outside = openai_at(&named).outside;
    let mut scene = Scene::with(settings);
    assert_eq!(scene.response(&json!({"query": QUESTION})), "mine");
    assert_eq!(scene.response(&asking(&json!({"provider": "openai"}))), "theirs");
    assert_eq!(scene.response(&asking(&json!({"provider": "workers-ai"}))), "mine");
    assert_eq!((own.requests().len(), named.requests().len()), (2, 1));
}
