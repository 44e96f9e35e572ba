//! Keys over time: in which order they are listed, when they say they were used, and that nobody
//! is told one again.

use std::time::Duration;

use serde_json::{Value, json};

use super::caller::{Caller, organization};
use crate::scene::Scene;
use crate::support::TestServer;

const SECOND: Duration = Duration::from_secs(1);

fn names(keys: &Value) -> Vec<&str> {
    keys.as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

/// Checklist lines 3, 16, 17, 20 and 23.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_newest_first_and_say_when_they_were_used_and_revoked() {
    let scene = Scene::at("2026-05-08T09:56:42.855738Z");
    let (clock, server) = (&scene.clock, &scene.server);
    let organization = organization(server, "tex-free").await;
    let caller = Caller::with(server, &organization.token);
    for name in ["second", "third", "fourth"] {
        clock.advance(SECOND);
        let made = caller.post("/me/api-keys", json!({"name": name})).await.with_status(201);
        assert_eq!(made["key"]["last_used_at"], Value::Null);
    }
    let keys = caller.get("/me/api-keys").await.with_status(200);
    assert_eq!(names(&keys), ["fourth", "third", "second", "test"]);
    assert_eq!(keys[3]["created_at"], "2026-05-08T09:56:42.855738");
    assert_eq!(keys[0]["created_at"], "2026-05-08T09:56:45.855738");
    let me = caller.get("/me").await.with_status(200);
    assert_eq!(me["api_keys"], keys);

    let used_at =
        async || caller.get("/me").await.with_status(200)["api_keys"][3]["last_used_at"].clone();
    assert_eq!(used_at().await, "2026-05-08T09:56:42.855738", "when its tokens were issued");
    clock.advance(57 * SECOND);
    caller.exchange(&organization.api_key).await.with_status(200);
    assert_eq!(used_at().await, "2026-05-08T09:57:42.855738");
    clock.advance(60 * SECOND);
    caller.refresh(&organization.refresh).await.with_status(200);
    assert_eq!(used_at().await, "2026-05-08T09:58:42.855738");
    clock.advance(60 * SECOND);
    assert_eq!(used_at().await, "2026-05-08T09:58:42.855738", "a token is not its key");

    let third = format!("/me/api-keys/{}", keys[1]["id"].as_str().unwrap());
    for _ in 0..2 {
        caller.delete(&third).await.with_status(204);
        let left = caller.get("/me/api-keys").await.with_status(200);
        assert_eq!(names(&left), ["fourth", "second", "test"]);
        let all = caller.get("/me/api-keys?include_revoked=true").await.with_status(200);
        assert_eq!(names(&all), ["fourth", "third", "second", "test"]);
        assert_eq!(all[1]["is_active"], false);
        assert_eq!(all[1]["revoked_at"], "2026-05-08T09:59:42.855738", "as it was revoked first");
        clock.advance(SECOND);
    }
    assert_eq!(
        names(&caller.get("/me").await.with_status(200)["api_keys"]),
        ["fourth", "second", "test"]
    );
}

/// Checklist lines 16 and 19. Callers err in many ways that quote what they sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_in_no_later_answer() {
    let server = TestServer::start().await;
    let nobody = Caller::nobody(&server);
    let signed_up = nobody.post("/signup", json!({})).await.with_status(201);
    let first = signed_up["api_key"].as_str().unwrap();
    let tokens = nobody.exchange(first).await.with_status(200);
    let caller = Caller::with(&server, tokens["access_token"].as_str().unwrap());
    let made = caller.post("/me/api-keys", json!({"name": "second"})).await.with_status(201);
    let second = made["api_key"].as_str().unwrap();
    let id = made["key"]["id"].as_str().unwrap();

    let mut answers = vec![
        caller.get("/me").await,
        caller.get("/me/api-keys?include_revoked=true").await,
        caller.get("/auth/verify").await,
        caller.get(&format!("/me/api-keys?include_revoked={first}")).await,
        caller.delete(&format!("/me/api-keys/{second}")).await,
        caller.get(&format!("/{second}")).await,
        Caller::with(&server, second).get("/me").await,
    ];
    for key in [first, second] {
        for body in [
            json!({"api_key": key}),
            json!({"api_key": key, "user_id": ""}),
            json!({"api_key": key, "user_id": 7}),
            json!({"api_key": [key]}),
            json!({"apiKey": key}),
            json!(key),
        ] {
            answers.push(nobody.post("/auth/token-exchange", body).await);
        }
        answers.push(nobody.post("/auth/refresh", json!({"api_key": key})).await);
        answers.push(nobody.refresh(key).await);
    }
    answers.push(caller.delete(&format!("/me/api-keys/{id}")).await);
    answers.push(nobody.exchange(second).await);
    answers.push(caller.get("/me/api-keys?include_revoked=true").await);
    for answer in answers {
        for key in [first, second] {
            // The first eight characters after the prefix are its name.
            assert!(!answer.text.contains(&key[17..]), "{answer:?}");
        }
    }
}
