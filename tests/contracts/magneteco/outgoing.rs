//! Webhooks that go out: what is told, to whom, and how it is signed.

use std::sync::Arc;

use hebbd::types::{Bound, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::caller::Caller;
use crate::receiver::Receiver;
use crate::support::TestServer;

const SECRET: &str = "whsec_between_us";

/// The next message about `event`, which must be rightly signed and of the usual form.
fn next_about(receiver: &Receiver, event: &str) -> Value {
    loop {
        let message = receiver.next();
        assert!(message.is_signed_with(SECRET), "{message:?}");
        assert!(message.header("Content-Type").starts_with("application/json"), "{message:?}");
        let body = message.body();
        assert_eq!(body["appId"], "tanda");
        let timestamp = body["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && Timestamp::parse(timestamp).is_some(), "{body}");
        if body["event"] == event {
            return body;
        }
    }
}

/// Checklist line 51.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_told_of_what_it_asked_for_in_a_signed_message() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.outbound_webhooks.allow_private_targets = true;
        config.magneteco.reads_per_minute = Bound(None);
    });
    let app = Caller::of_a_new_app(&server, "tanda");
    let receiver = Receiver::taking_all();
    let body = json!({"appId": "tanda", "url": receiver.url(), "secret": SECRET,
                      "events": ["memory.processed", "entity.created"]});
    app.post("/v1/config/webhooks", body).await.with_status(201);
    let id = app.remember("jane", "The sailing course begins in May.").await;
    let processed = next_about(&receiver, "memory.processed");
    assert_eq!(processed["userId"], "jane");
    assert_eq!(processed["data"]["resourceId"], json!(id));
    for count in ["factsExtracted", "factsWritten"] {
        assert!(processed["data"][count].as_u64().unwrap() >= 1, "{processed}");
    }
    let more = json!({"data": {"note": "Acme Corp moved"},
                      "suggestedEntities": [{"name": "Acme Corp", "type": "Client"}]});
    app.happen("john", "client_moved", more).await;
    let created = next_about(&receiver, "entity.created");
    assert_eq!(
        (&created["userId"], &created["data"]["name"]),
        (&json!("john"), &json!("Acme Corp"))
    );
    assert_eq!(created["data"]["type"], "Client");
    assert!(created["data"]["properties"].is_object(), "{created}");
}
