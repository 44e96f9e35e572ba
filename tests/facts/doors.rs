//! Every way in which something comes to be remembered of a user, with a name in every part of it
//! that is anybody's to choose.

use serde_json::{Value, json};

use crate::app::{App, hmac_of, taken_id};
use crate::client::Answer;

/// What deliveries of the signed source are signed with.
const SECRET: &str = "a secret between two machines";

/// All notices that speak of a user.
pub(crate) const NOTICES: [&str; 5] = [
    "memory.processed",
    "entity.created",
    "entity.updated",
    "relationship.created",
    "conflict.detected",
];

/// Has the app take what the signed source delivers, of whatever user.
pub(crate) fn open(app: &mut App) {
    let source = json!({"secret": SECRET, "useUnmappedIds": true, "events": {"*": {}}});
    app.put("/v1/config/webhook-sources/github", &source).ok();
}

/// Goes through every door in a user's name. Answers the ids of what was taken, once all of it is
/// remembered.
pub(crate) fn enter(app: &mut App, user: &str, name: &str) -> Vec<String> {
    let mut taken = Vec::new();
    for base in ["/v1", "/v1/api", "/api"] {
        for (kind, place) in [("conversation", "Rome"), ("document", "Oslo"), ("event", "Bonn")] {
            let body = json!({
                "userId": user, "contentType": kind, "threadId": format!("thread of {name}"),
                "content": format!(
                    "My name is Anna {name}. I live in {place}. I work at {name} Labs with Bert \
                     {name}. {name} Labs uses Kafka since Monday. ({base}, {kind})"
                ),
                "metadata": {"author": name, name: [{"deep": [name]}]},
            });
            taken.push(app.take(&format!("{base}/memorize"), &body));
        }
        taken.push(app.take(&format!("{base}/events"), &event(user, name)));
    }
    let mut delivery = event(user, name);
    delivery["eventId"] = json!(format!("custom {user} {name}"));
    taken.push(app.take("/v1/webhooks/custom", &delivery));
    taken.push(deliver(app, user, name));
    for resource in &taken {
        app.completed(resource);
    }
    taken
}

fn event(user: &str, name: &str) -> Value {
    json!({
        "userId": user, "eventType": format!("{name}_approved"), "source": format!("desk {name}"),
        "timestamp": "2026-05-08T10:00:00Z", "importance": "critical",
        "data": {"title": format!("Plan {name}"), name: {"list": [name]}},
        "suggestedCategory": format!("of_{name}"),
        "suggestedEntities": [{"name": format!("Plan {name}"), "type": format!("Of{name}")}],
    })
}

/// A signed delivery without a key.
fn deliver(app: &mut App, user: &str, name: &str) -> String {
    let answer = try_deliver(app, user, name);
    assert_eq!(answer.status, 200, "{answer:?}");
    taken_id(&answer)
}

/// The same, whatever comes of it.
pub(crate) fn try_deliver(app: &mut App, user: &str, name: &str) -> Answer {
    let body = json!({
        "sender": {"login": user}, "action": "opened", "title": format!("Fix {name}"), name: [name],
    });
    let digits = hmac_of(SECRET, body.to_string().as_bytes());
    let more = format!(
        "X-Hub-Signature-256: sha256={digits}\r\nX-GitHub-Event: pull_request_{name}\r\n\
         X-GitHub-Delivery: delivery {user} {name}\r\n"
    );
    app.client.send_with("POST", "/v1/webhooks/github", Some(&body), &more).unwrap()
}
