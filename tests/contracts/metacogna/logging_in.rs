//! Sessions: how they begin, how long they last, and what the cookie says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hebbd::control::keys::Dialect;
use hebbd::types::{Bound, Clock, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Caller, answer, base64_of};
use super::{ADMIN, ADMIN_HASH, with_an_admin};
use crate::runner::client;
use crate::scene::Scene;
use crate::support::{Member, TestServer};

const START: &str = "2026-05-08T10:00:00Z";
const WEEK: Duration = Duration::from_secs(7 * 86_400);

fn login() -> Value {
    json!({"username": ADMIN, "password": ADMIN_HASH})
}

/// Checklist line 7.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_the_cookie_s_value_and_has_enough_random_letters() {
    let scene = Scene::with(START, with_an_admin);
    let nobody = Caller::nobody(&scene.server);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let answer = nobody.log_in_as_admin().await;
        let token = answer.with_status(200)["token"].as_str().unwrap().to_owned();
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.starts_with(&format!("pratejra_session={token}; ")), "{cookie}");
        assert!(
            token.len() == 43
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
        tokens.push(token);
    }
    assert_ne!(tokens[0], tokens[1]);
}

/// Checklist line 6.
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_secure_where_the_login_came_encrypted_or_the_operator_says_so() {
    for (trusts, forces, says, expected) in [
        (false, false, None, false),
        (false, false, Some("https"), false),
        (true, false, None, false),
        (true, false, Some("http"), false),
        (true, false, Some("https"), true),
        (false, true, None, true),
    ] {
        let scene = Scene::with(START, |config| {
            with_an_admin(config);
            config.metacogna.force_secure_cookie = forces;
            if trusts {
                let proxies = toml::from_str("trusted_proxies = [\"127.0.0.1\"]");
                config.server = hebbd::api::ServerSettings {
                    listen: config.server.listen,
                    workers: config.server.workers,
                    ..proxies.unwrap()
                };
            }
        });
        for target in ["/api/auth/login", "/api/auth/logout"] {
            let nobody = Caller::nobody(&scene.server);
            let mut request = nobody.request(Method::POST, target).body(login().to_string());
            if let Some(says) = says {
                request = request.header("X-Forwarded-Proto", says);
            }
            let answer = answer(request, target).await;
            let cookie = answer.header("set-cookie").unwrap();
            assert_eq!(cookie.ends_with("; Secure"), expected, "{trusts} {forces} {says:?}");
        }
    }
}

/// Checklist line 9.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_login_is_this_one_and_grows() {
    let scene = Scene::with(START, with_an_admin);
    let nobody = Caller::nobody(&scene.server);
    let mut last = 0;
    for _ in 0..2 {
        scene.clock.advance(Duration::from_millis(1_500));
        let user = nobody.log_in_as_admin().await.with_status(200)["user"].clone();
        let now = scene.clock.now().as_micros() / 1_000;
        let seen = user["lastLogin"].as_i64().unwrap();
        assert!(seen > last && (now - 5_000..=now).contains(&seen), "{seen} at {now}");
        last = seen;
    }
}

/// Checklist line 15.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_a_week_after_its_login_however_much_it_is_used() {
    let scene = Scene::with(START, |_| {});
    let admin = Member::new(&scene.server, "metacogna", true);
    let caller = Caller::with(&scene.server, &admin.session);
    scene.clock.advance(WEEK - Duration::from_millis(1));
    // The session is good: what is wrong is the form.
    caller.sign_up(&[]).await.with_status(400);
    caller.get("/api/documents").await.with_status(200);
    scene.clock.advance(Duration::from_millis(1));
    caller.sign_up(&[]).await.with_status(401);
    caller.get("/api/documents").await.with_status(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_ends_the_session_that_is_presented_and_no_other() {
    let scene = Scene::with(START, with_an_admin);
    let nobody = Caller::nobody(&scene.server);
    let mut callers = Vec::new();
    for _ in 0..2 {
        let token = nobody.log_in_as_admin().await.with_status(200)["token"].clone();
        callers.push(Caller::with(&scene.server, token.as_str().unwrap()));
    }
    for _ in 0..2 {
        let body = callers[0].post("/api/auth/logout", json!({})).await.with_status(200);
        assert_eq!(body, json!({"success": true}));
    }
    callers[0].sign_up(&[]).await.with_status(401);
    callers[1].sign_up(&[]).await.with_status(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_one_address_are_limited_and_so_are_guessed_admin_tokens() {
    let scene = Scene::with(START, |config| {
        with_an_admin(config);
        config.metacogna.logins_per_minute_per_ip = Bound(Some(3));
    });
    let nobody = Caller::nobody(&scene.server);
    let wrong = json!({"username": ADMIN, "password": "0".repeat(64)});
    nobody.post("/api/auth/login", wrong.clone()).await.with_status(401);
    // What is malformed is no attempt.
    nobody.post("/api/auth/login", json!({"username": ADMIN})).await.with_status(400);
    let admin = Member::new(&scene.server, "metacogna", true);
    let token = base64_of(&format!("{}:{}", admin.id, "0".repeat(64)));
    let guess = || nobody.request(Method::POST, "/api/signup").bearer_auth(&token);
    answer(guess(), "/api/signup").await.with_status(403);
    nobody.log_in_as_admin().await.with_status(200);
    let refused = nobody.log_in_as_admin().await;
    let body = refused.with_status(429);
    assert_eq!(body["message"], "Too many login attempts. Please try again later.");
    assert_eq!(body["resetAt"], scene.clock.now().as_micros() / 1_000 + 60_000);
    answer(guess(), "/api/signup").await.with_status(429);
    // A session is no attempt, and neither is what cannot be a token.
    Caller::with(&scene.server, &admin.session).sign_up(&[]).await.with_status(400);
    let request = nobody.request(Method::POST, "/api/signup").bearer_auth("no token");
    answer(request, "/api/signup").await.with_status(403);
    scene.clock.advance(Duration::from_secs(60));
    nobody.log_in_as_admin().await.with_status(200);
}

/// More at once than are hashed at once: the others wait for their turn.
#[tokio::test(flavor = "multi_thread")]
async fn many_who_log_in_at_once_all_get_in() {
    let server = TestServer::start().await;
    let member = Member::new(&server, "metacogna", false);
    let nobody = Caller::nobody(&server);
    let body = json!({"username": member.username, "password": member.hash});
    let logins = (0..12).map(|_| nobody.post("/api/auth/login", body.clone()));
    for answer in join_all(logins).await {
        answer.with_status(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_a_deleted_tenant_has_a_session_or_gets_one() {
    let server = TestServer::start().await;
    let member = Member::new(&server, "metacogna", true);
    let caller = Caller::with(&server, &member.session);
    caller.sign_up(&[]).await.with_status(400);
    server.directory.delete_tenant(member.tenant).unwrap();
    caller.sign_up(&[]).await.with_status(401);
    let body = json!({"username": member.username, "password": member.hash});
    Caller::nobody(&server).post("/api/auth/login", body).await.with_status(401);
}

/// With the vector of the contract. Blanks around a name are nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_an_operator_made_logs_in_and_has_a_tenant_of_their_own() {
    let server = TestServer::start().await;
    let url = format!("{}/admin/v1/users", server.admin_url);
    let user = json!({"dialect": "metacogna", "username": " testuser ",
                      "password": "TestPass123!", "is_admin": true});
    let request = client().post(url).bearer_auth(&server.admin_token);
    let request = request.header("Content-Type", "application/json").body(user.to_string());
    assert_eq!(request.send().await.unwrap().status(), 201);
    let hash = "6d8938eb64eead19ea0179d000a15d0ef635dc180c715df36385fc07e0740fbb";
    let body = json!({"username": "testuser", "password": hash});
    let answer = Caller::nobody(&server).post("/api/auth/login", body).await.with_status(200);
    assert_eq!(answer["user"]["isAdmin"], true);
    let users = server.directory.users(Dialect::Metacogna);
    let tenant = server.directory.get_tenant(users[0].tenant.unwrap()).unwrap();
    assert_eq!(&*tenant.name, "testuser");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_is_made_once_and_the_setting_has_no_effect_later() {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = || Arc::new(SystemClock);
    let server = TestServer::start_with(data_dir.path(), clock(), with_an_admin);
    let first = Caller::nobody(&server).log_in_as_admin().await.with_status(200);
    server.stop();
    let server = TestServer::start_with(data_dir.path(), clock(), |config| {
        with_an_admin(config);
        config.metacogna.admin_username = Some("another".to_owned());
        config.metacogna.admin_password = Some("another password".into());
    });
    let again = Caller::nobody(&server).log_in_as_admin().await.with_status(200);
    assert_eq!(again["user"]["id"], first["user"]["id"]);
    let users = server.directory.users(Dialect::Metacogna);
    assert_eq!(users.len(), 1);
}
