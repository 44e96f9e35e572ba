//! Keys and links that are good until a time.

use std::time::Duration;

use hebbd::types::{Clock, Timestamp};
use serde_json::{Value, json};

use super::caller::{Caller, id_of};
use crate::runner::client;
use crate::scene::Scene;
use crate::support::environment::Environment;

const START: &str = "2026-05-08T10:00:00Z";

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_else(|| panic!("no {name}: {body}")).to_owned()
}

/// Checklist line 6, as far as it is about times.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_replaced_secret_are_good_until_their_time() {
    let scene = Scene::at(START);
    let server = &scene.server;
    let environment = Environment::new(server, false);
    let manager = Caller::manager(server);
    let mut order = json!({
        "type": "instance_access_token_secret", "instance_id": environment.id(), "name": "x",
        "expires_at": "2026-05-08T10:10:00Z",
    });
    let made = manager.post("/organization/api-keys", order.clone()).await.with_status(200);
    assert_eq!(made["expires_at"], "2026-05-08T10:10:00.000Z");
    let first = Caller::with(server, &text(&made, "secret"));
    assert_eq!(first.get("/sessions").await.status, 200);

    let path = format!("/organization/api-keys/{}", id_of(&made));
    let rotate = format!("{path}/rotate");
    let body = json!({"current_expires_at": "2026-05-08T10:05:00Z"});
    let rotated = manager.post(&rotate, body).await.with_status(200);
    assert_eq!((id_of(&rotated), &rotated["expires_at"]), (id_of(&made), &made["expires_at"]));
    let second = Caller::with(server, &text(&rotated, "secret"));
    scene.clock.advance(Duration::from_millis(299_999));
    assert_eq!(first.get("/sessions").await.status, 200);
    scene.clock.advance(Duration::from_millis(1));
    assert_eq!(first.get("/sessions").await.with_status(401)["code"], "unauthorized");
    assert_eq!(second.get("/sessions").await.status, 200);

    // The old secret outlives the key no more than the key itself does.
    let body = json!({"current_expires_at": "2026-05-09T00:00:00Z"});
    let rotated = manager.post(&rotate, body).await.with_status(200);
    let third = Caller::with(server, &text(&rotated, "secret"));
    scene.clock.advance(Duration::from_millis(299_999));
    for caller in [&second, &third] {
        assert_eq!(caller.get("/sessions").await.status, 200);
    }
    scene.clock.advance(Duration::from_millis(1));
    for caller in [&second, &third] {
        assert_eq!(caller.get("/sessions").await.with_status(401)["code"], "unauthorized");
    }
    let list = format!(
        "/organization/api-keys?type=instance_access_token&instance_id={}&limit=100",
        environment.id()
    );
    let listed = manager.get(&list).await.with_status(200).to_string();
    assert!(!listed.contains(&id_of(&made)), "only active keys are listed: {listed}");
    assert_eq!(scene.clock.now(), Timestamp::parse("2026-05-08T10:10:00Z").unwrap());

    // One that is extended in time goes on.
    order["expires_at"] = json!("2026-05-08T10:20:00Z");
    let made = manager.post("/organization/api-keys", order).await.with_status(200);
    let path = format!("/organization/api-keys/{}", id_of(&made));
    manager.post(&path, json!({"expires_at": "2026-05-08T11:00:00Z"})).await.with_status(200);
    let caller = Caller::with(server, &text(&made, "secret"));
    scene.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(caller.get("/sessions").await.status, 200);
    manager.post(&path, json!({"expires_at": null})).await.with_status(200);
    scene.clock.advance(Duration::from_secs(24 * 3_600));
    assert_eq!(caller.get("/sessions").await.status, 200);
}

/// What a link's address answers, whoever asks.
async fn follow(scene: &Scene, url: &str) -> (u16, String) {
    assert!(url.starts_with(&scene.server.base_url), "{url}");
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_followed_until_its_time() {
    let scene = Scene::at(START);
    let owner = Caller::of_production(&scene.server);
    let file = owner.upload("roof.txt", "The roof leaks.").await;
    let links = format!("/files/{file}/links");
    let body = json!({"expires_at": "2026-05-08T10:10:00Z"});
    let link = owner.post(&links, body).await.with_status(200);
    let url = text(&link, "url");
    assert_eq!(follow(&scene, &url).await, (200, "The roof leaks.".to_owned()));
    scene.clock.advance(Duration::from_millis(599_999));
    assert_eq!(follow(&scene, &url).await.0, 200);
    scene.clock.advance(Duration::from_millis(1));
    assert_eq!(follow(&scene, &url).await.0, 404);
    let path = format!("/file-links/{}", id_of(&link));
    owner.patch(&path, json!({"expires_at": "2026-05-08T12:00:00Z"})).await.with_status(200);
    assert_eq!(follow(&scene, &url).await.0, 200);
    owner.patch(&path, json!({"expires_at": null})).await.with_status(200);
    scene.clock.advance(Duration::from_secs(30 * 24 * 3_600));
    assert_eq!(follow(&scene, &url).await.0, 200);
    // The secret of another file's link opens nothing.
    let other = owner.upload("barn.txt", "The barn burns.").await;
    let other = owner.post("/file-links", json!({"file_id": other})).await.with_status(200);
    let secret = url.rsplit('/').next().unwrap();
    let (head, _) = url.rsplit_once('/').unwrap();
    let swapped =
        text(&other, "url").replace(text(&other, "url").rsplit('/').next().unwrap(), secret);
    assert_eq!(follow(&scene, &swapped).await.0, 404);
    assert_eq!(follow(&scene, &format!("{head}/{}", &secret[..secret.len() - 1])).await.0, 404);
    assert_eq!(owner.delete(&path).await.status, 200);
    assert_eq!(follow(&scene, &url).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_followed_only_where_the_operator_lets_them_be() {
    let scene = Scene::with(START, |config| config.metorial.public_links = false);
    let owner = Caller::of_production(&scene.server);
    let file = owner.upload("roof.txt", "The roof leaks.").await;
    let link = owner.post("/file-links", json!({"file_id": file})).await;
    if link.status == 200 {
        let url = text(&link.with_status(200), "url");
        let (status, said) = follow(&scene, &url).await;
        assert_eq!(status, 404);
        assert!(!said.contains("roof leaks"));
    }
}
