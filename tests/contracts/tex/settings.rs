//! What the settings of the dialect change, and what time does to tokens.

use std::time::Duration;

use hebbd::control::keys::KeyKind;
use hebbd::types::Bound;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::runner::client;
use crate::scene::Scene;

const START: &str = "2026-05-08T10:00:00Z";

impl Scene {
    async fn post(&self, path: &str, body: &Value) -> (u16, Option<String>, Value) {
        let url = format!("{}{path}", self.server.base_url);
        let answer = client().post(url).body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        let pause = answer.headers().get(RETRY_AFTER).map(|it| it.to_str().unwrap().to_owned());
        (status, pause, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn verify(&self, token: &Value) -> (u16, Value) {
        let url = format!("{}/auth/verify", self.server.base_url);
        let bearer = format!("Bearer {}", token.as_str().unwrap());
        let answer = client().get(url).header(AUTHORIZATION, bearer).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_live_as_long_as_the_settings_say_and_end_with_their_tenant() {
    let scene = Scene::with(START, |config| {
        config.tex.access_token_lifetime_s = 60;
        config.tex.refresh_token_lifetime_s = 120;
    });
    let tenant = scene.server.new_tenant("local");
    let key = scene.server.new_key_of_kind(tenant, KeyKind::Tex);
    let body = json!({"api_key": key.secret.expose_secret()});
    let (status, _, tokens) = scene.post("/auth/token-exchange", &body).await;
    assert_eq!((status, &tokens["expires_in"]), (200, &json!(60)));
    assert_eq!(scene.verify(&tokens["access_token"]).await.0, 200);
    scene.clock.advance(Duration::from_secs(60));
    let (status, refusal) = scene.verify(&tokens["access_token"]).await;
    assert_eq!((status, &refusal["message"]), (401, &json!("Token has expired")));
    assert_eq!(refusal["timestamp"], "2026-05-08T10:01:00Z");
    let refresh = json!({"refresh_token": &tokens["refresh_token"]});
    let (status, _, fresh) = scene.post("/auth/refresh", &refresh).await;
    assert_eq!((status, scene.verify(&fresh["access_token"]).await.0), (200, 200));
    scene.clock.advance(Duration::from_secs(60));
    let (status, _, refusal) = scene.post("/auth/refresh", &refresh).await;
    assert_eq!((status, &refusal["message"]), (401, &json!("Invalid refresh token")));

    let refresh = json!({"refresh_token": &fresh["refresh_token"]});
    let (_, _, fresh) = scene.post("/auth/refresh", &refresh).await;
    scene.server.directory.revoke_key(key.info.id).unwrap();
    assert_eq!(scene.verify(&fresh["access_token"]).await.0, 200, "it stands by itself");
    assert_eq!(scene.post("/auth/refresh", &refresh).await.0, 401);
    scene.server.directory.delete_tenant(tenant).unwrap();
    let (status, refusal) = scene.verify(&fresh["access_token"]).await;
    assert_eq!((status, &refusal["message"]), (401, &json!("Invalid token")));
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_is_limited_by_address_and_in_all() {
    let scene = Scene::with(START, |config| {
        config.tex.signups_per_ip_per_hour = Bound(Some(3));
        config.tex.organizations_max = 2;
        config.tex.signup_plan = "free".to_owned();
    });
    let (status, _, made) = scene.post("/signup", &json!({})).await;
    assert_eq!(status, 201);
    let tenant = scene.server.directory.find_tenant_by_handle(made["org_id"].as_str().unwrap());
    assert_eq!(tenant.unwrap().plan.name, "free");
    assert_eq!(scene.post("/signup", &json!({"name": 7})).await.0, 422, "counts for nothing");
    assert_eq!(scene.post("/signup", &json!({})).await.0, 201);
    assert_eq!(scene.post("/signup", &json!({})).await.0, 403, "there are two");
    let (status, pause, _) = scene.post("/signup", &json!({})).await;
    assert_eq!((status, pause.as_deref()), (503, Some("30")));
    scene.clock.advance(Duration::from_secs(3_600));
    assert_eq!(scene.post("/signup", &json!({})).await.0, 403);

    let closed = Scene::with(START, |config| config.tex.signup = false);
    let (status, _, refusal) = closed.post("/signup", &json!({})).await;
    assert_eq!((status, &refusal["error"]), (403, &json!("HTTP 403")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debug_login_gives_tokens_for_a_name() {
    let scene = Scene::with(START, |config| config.tex.debug_login = true);
    let login = |org: &str| json!({"org_id": org, "user_id": "ann", "session_id": "s"});
    let (_, _, made) = scene.post("/signup", &json!({"org_id": "acme"})).await;
    let (status, _, tokens) = scene.post("/auth/login", &login("acme")).await;
    assert_eq!(status, 200, "{made}");
    let (status, verified) = scene.verify(&tokens["access_token"]).await;
    let tenant = &verified["tenant"];
    assert_eq!(
        (status, &tenant["org_id"], &tenant["user_id"]),
        (200, &json!("acme"), &json!("ann"))
    );
    assert_eq!(scene.post("/auth/login", &login("nobody")).await.0, 404);
    assert_eq!(scene.post("/auth/login", &json!({})).await.0, 422);
}
