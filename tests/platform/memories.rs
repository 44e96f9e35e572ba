//! A message is a memory of its tenant: found by other APIs, and gone when they delete it.

use serde_json::{Value, json};

use crate::caller::{Caller, id_of};
use crate::support::environment::{Environment, wire};
use crate::{mnemoverse, start};

/// The message that a memory is.
fn message_of(atom: &Value) -> String {
    wire("msg", atom["id"].as_str().unwrap().parse().unwrap())
}

fn count(session: &Value) -> &Value {
    &session["usage"]["total_productive_message_count"]
}

#[test]
fn a_message_is_found_by_another_api_and_gone_when_that_deletes_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let session = caller.create("/sessions", &json!({}));
    let other = caller.create("/sessions", &json!({}));
    let thread = caller.create("/threads", &json!({}));
    let third = caller.create("/sessions", &json!({"thread_id": thread}));
    let roof = caller.say(&session, "The roof of the barn leaks when it rains.");
    let violin = caller.say(&session, "My sister plays the violin in Lisbon.");
    // The same words are another message.
    let again = caller.say(&other, "The roof of the barn leaks when it rains.");
    let ship = caller.say(&third, "A ship called at the harbour of Farholm.");

    let mut client = mnemoverse(&server, environment.tenant);
    let read = json!({"query": "Which roof leaks when it rains?", "top_k": 10});
    let found = client.read(&read);
    let found: Vec<&Value> = found["items"].as_array().unwrap().iter().collect();
    let roofs = found.iter().filter(|item| item["content"].as_str().unwrap().contains("roof"));
    assert!(roofs.count() >= 1, "{found:?}");
    let exported = client.export();
    let mut ids: Vec<String> = exported.iter().map(message_of).collect();
    ids.sort();
    assert_eq!(ids, [roof.clone(), violin.clone(), again.clone(), ship.clone()]);
    let atom_of = |id: &str| {
        let atom = exported.iter().find(|atom| message_of(atom) == id).unwrap();
        assert_eq!(atom["domain"], "sessions");
        atom["id"].as_str().unwrap().to_owned()
    };

    assert_eq!(client.delete_atom(&atom_of(&roof)), 1);
    for round in 0..2 {
        assert_eq!(caller.get(&format!("/session-messages/{roof}")).status, 404);
        assert_eq!(caller.get(&format!("/sessions/{session}/messages/{roof}")).status, 404);
        let left = caller.all(&format!("/sessions/{session}/messages"));
        assert_eq!(left.iter().map(id_of).collect::<Vec<_>>(), std::slice::from_ref(&violin));
        let events = caller.all(&format!("/sessions/{session}/events"));
        assert_eq!(events.len(), 3, "{events:?}");
        let shown = caller.get(&format!("/sessions/{session}")).ok();
        assert_eq!(count(&shown), 1, "{shown}");
        // Its place is known.
        let after = caller.get(&format!("/session-messages?after={roof}&limit=1")).ok();
        assert_eq!(id_of(&after["items"][0]), violin);
        if round == 0 {
            server.stop();
            server = start(data_dir.path());
            caller = caller.at(&server.base_url);
        }
    }

    // A whole domain, as if nothing more were in it than memories.
    let mut client = mnemoverse(&server, environment.tenant);
    let deleted = client.delete("/api/v1/memory/domain/sessions").ok();
    assert_eq!(deleted["deleted"], 3);
    for round in 0..2 {
        assert_eq!(caller.all("/session-messages"), [Value::Null; 0]);
        let groups = caller.get(&format!("/threads/{thread}/messages")).ok();
        assert_eq!(groups["items"], json!([]));
        let sessions = caller.all("/sessions");
        assert_eq!(sessions.len(), 3);
        assert!(sessions.iter().all(|session| count(session) == 0), "{sessions:?}");
        if round == 0 {
            server.stop();
            server = start(data_dir.path());
            caller = caller.at(&server.base_url);
        }
    }
    // And it goes on.
    let next = caller.say(&session, "The roof is mended.");
    assert!(next > ship);
}

#[test]
fn a_reset_of_a_tenant_leaves_no_message() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let session = caller.create("/sessions", &json!({}));
    let roof = caller.say(&session, "The roof of the barn leaks when it rains.");
    mnemoverse(&server, environment.tenant).delete("/api/v1/memory/reset").ok();
    for round in 0..2 {
        assert_eq!(caller.get(&format!("/session-messages/{roof}")).status, 404);
        assert_eq!(caller.all("/session-messages"), [Value::Null; 0]);
        if round == 0 {
            server.stop();
            server = start(data_dir.path());
            caller = caller.at(&server.base_url);
        }
    }
    let next = caller.create("/sessions", &json!({}));
    assert!(next > session, "{next} after {session}");
}

/// What other APIs put into the same domain is no message, and what they consolidate is none.
#[test]
fn memories_that_are_no_messages_are_in_no_session() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let session = caller.create("/sessions", &json!({}));
    for number in 0..4 {
        caller.say(&session, &format!("Anna met Bert in Lisbon about the roof {number}"));
    }
    let mut client = mnemoverse(&server, environment.tenant);
    let written = client.write(&json!({
        "content": "Anna met Bert in Lisbon about the roof, as an outsider says",
        "domain": "sessions", "metadata": {"session_id": session},
    }));
    let outsider = wire("msg", written["atom_id"].as_str().unwrap().parse().unwrap());
    assert_eq!(caller.get(&format!("/session-messages/{outsider}")).status, 404);
    let before = caller.all("/session-messages");
    assert_eq!(before.len(), 4);
    client.post("/api/v1/memory/consolidate", &json!({"domain": "sessions"}));
    assert_eq!(caller.all("/session-messages"), before);
    let body = json!({"query": "Who met Bert in Lisbon?", "min_relevance": 0, "limit": 100});
    let found = caller.post("/session-messages/search", &body).ok();
    let ids: Vec<String> = before.iter().map(id_of).collect();
    for item in found["items"].as_array().unwrap() {
        assert!(ids.contains(&id_of(&item["message"])), "{item}");
    }
    assert_eq!(caller.delete(&format!("/sessions/{session}")).ok()["status"], "deleted");
    assert_eq!(caller.all("/session-messages"), [Value::Null; 0]);
}
