//! What a model is given, and what comes back when it answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::language_model::{Reply, Stub};
use crate::{DOCUMENTS, QUESTION, Scene, prompt};

const AGENTS: [&str; 14] = [
    "rag-chat",
    "graph-analyst",
    "executive-summary",
    "technical-auditor",
    "future-planner",
    "coordinator",
    "critic",
    "supervisor",
    "product-manager",
    "strategic-planner",
    "lead-critic",
    "synthesis-engine",
    "creative-forge",
    "socratic-critic",
];

/// Each part once, in this order.
#[track_caller]
fn check_in_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let at = text[from..].find(part).unwrap_or_else(|| panic!("{part} is not next in\n{text}"));
        from += at + part.len();
        assert!(!text[from..].contains(part), "{part} is twice in\n{text}");
    }
}

#[test]
fn the_model_is_given_everything_in_its_order_and_its_answer_comes_back() {
    let stub = Stub::start([Reply::text("In the alder, says “Herons”.")]);
    let mut scene = Scene::with(stub.settings());
    let answer = scene.ask(&json!({
        "query": QUESTION,
        "agentType": "critic",
        "userGoals": "Know every bird of the river",
        "historyContext": "user: Are there herons?\nassistant: Two pairs.",
    }));
    assert_eq!(answer["response"], "In the alder, says “Herons”.");
    assert_eq!(answer["provider"], "workers-ai");
    assert_eq!(answer["model"], "@cf/meta/llama-3-8b-instruct");

    let (_, user) = prompt(&stub, 0);
    let [(herons, nest), (tides, noon)] = DOCUMENTS;
    let mut found: Vec<_> = [(herons, nest), (tides, noon)].into();
    let sources = answer["sources"].as_array().unwrap();
    assert_eq!(sources[0]["documentTitle"], herons, "the best comes first");
    found.truncate(sources.len());
    let titles: Vec<String> = found
        .iter()
        .zip(1..)
        .map(|((title, text), number)| format!("[{number}] {title}\n{text}"))
        .collect();
    let mut parts = vec![
        "Know every bird of the river",
        "critic",
        "user: Are there herons?\nassistant: Two pairs.",
    ];
    parts.extend(titles.iter().map(String::as_str));
    parts.extend([
        QUESTION,
        "Where the chat history and the passages disagree, the chat history counts",
    ]);
    check_in_order(&user, &parts);
    for (source, (title, text)) in sources.iter().zip(&found) {
        assert_eq!(
            (&source["documentId"], &source["id"]),
            (&json!(title), &json!(format!("{title}-0")))
        );
        assert_eq!((&source["text"], &source["snippet"]), (&json!(text), &json!(text)));
        assert!(source["score"].is_f64() && source["metadata"]["chunkIndex"] == 0, "{source}");
    }
    assert_eq!(stub.requests().len(), 1);
}

#[test]
fn parts_that_were_not_sent_are_not_in_the_prompt() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut scene = Scene::with(stub.settings());
    scene.ask(&json!({"query": QUESTION, "userGoals": " ", "agentType": "nobody"}));
    let (system, user) = prompt(&stub, 0);
    assert!(system.contains("helpful assistant"), "{system}");
    for heading in ["Goal", "Role", "Chat history:", "nobody"] {
        assert!(!user.contains(heading), "{heading} is in\n{user}");
    }
}

#[test]
fn sources_that_were_sent_are_what_is_read_and_come_back_unchanged() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut scene = Scene::with(stub.settings());
    let sources = json!([
        {"text": "The first passage.", "metadata": {"documentTitle": "One", "page": 7}, "x": 1.50},
        {"snippet": "The second passage.", "documentTitle": "Two"},
        {"snippet": "The third passage."},
    ]);
    let answer = scene.ask(&json!({"query": QUESTION, "sources": sources}));
    assert_eq!(answer["sources"], sources);
    let (_, user) = prompt(&stub, 0);
    let passages = [
        "[1] One\nThe first passage.",
        "[2] Two\nThe second passage.",
        "[3] Unknown\nThe third passage.",
        QUESTION,
    ];
    check_in_order(&user, &passages);
    assert!(!user.contains("alder"), "nothing was looked for: {user}");
}

#[test]
fn every_agent_has_its_own_manner_and_a_prompt_of_the_caller_s_own_replaces_it() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut scene = Scene::with(stub.settings());
    let mut manners = BTreeSet::new();
    for (agent, number) in AGENTS.iter().zip(0..) {
        scene.ask(&json!({"query": QUESTION, "agentType": agent}));
        let (system, user) = prompt(&stub, number);
        assert!(user.contains(&format!("Role:\n{agent}\n")), "{user}");
        assert!(manners.insert(system), "{agent} is like another");
    }
    let own = "Answer as a pirate would.";
    scene.ask(&json!({"query": QUESTION, "agentType": "critic", "systemPrompt": own}));
    assert_eq!(prompt(&stub, AGENTS.len()).0, own);
    scene.ask(&json!({"query": QUESTION, "systemPrompt": own}));
    assert_eq!(prompt(&stub, AGENTS.len() + 1).0, own);
    scene.ask(&json!({"query": QUESTION, "agentType": "critic", "systemPrompt": " \n"}));
    assert!(manners.contains(&prompt(&stub, AGENTS.len() + 2).0), "a blank one is none");
}

#[test]
fn temperature_and_length_reach_the_model_and_the_key_goes_only_there() {
    let stub = Stub::start([Reply::text("yes")]);
    let mut scene = Scene::with(stub.settings());
    let own = json!({"provider": "workers-ai", "model": "@cf/other", "maxTokens": 77});
    let answer = scene.ask(&json!({"query": QUESTION, "temperature": 1.5, "llmConfig": own}));
    assert_eq!(
        (&answer["provider"], &answer["model"]),
        (&json!("workers-ai"), &json!("@cf/other"))
    );
    scene.ask(&json!({"query": QUESTION}));
    scene.ask(&json!({"query": QUESTION, "temperature": 0}));
    let requests = stub.requests();
    let sent = |number: usize, name: &str| requests[number].body[name].clone();
    let number = |value: Value| value.as_f64().unwrap();
    assert!((number(sent(0, "temperature")) - 1.5).abs() < 1e-6);
    assert!((number(sent(1, "temperature")) - 0.2).abs() < 1e-6, "the documented default");
    assert!(number(sent(2, "temperature")).abs() < 1e-6);
    assert_eq!((sent(0, "max_tokens"), sent(1, "max_tokens")), (json!(77), json!(2_048)));
    for (request, number) in requests.iter().zip(0..) {
        assert_eq!(sent(number, "model"), "stub-model", "the server's own, whatever it is called");
        assert!(request.head.to_lowercase().contains("authorization: bearer sesame"));
        assert!(!request.body.to_string().contains("sesame"));
    }
}
