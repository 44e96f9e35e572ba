//! Keys that are no longer good, and those who should not be here.

use std::sync::Arc;
use std::time::Duration;

use hebbd::api::dialects::mnemoverse;
use hebbd::api::{admin, ops};
use hebbd::control::keys::{KeyKind, KeyOrder, NewKey};
use hebbd::types::{Clock, ManualClock, SystemClock, TenantId};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::client::Client;
use crate::support::TestServer;
use crate::{Admin, Answer};

/// A path that the pattern matches.
fn path_of(pattern: &str) -> String {
    let id = "00000000-0000-7000-8000-000000000000";
    let parts = pattern.split('/').map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Every route of the dialect that wants a key, asked with this one.
fn everywhere(server: &TestServer, key: &NewKey) -> Vec<(String, Answer)> {
    let mut client = Client::new(&server.base_url, key.secret.expose_secret());
    let routes = mnemoverse::ROUTES.iter();
    let wanted = routes.filter(|(_, path)| !mnemoverse::PUBLIC_PATHS.contains(path));
    wanted
        .map(|(method, pattern)| {
            let body = (*method == "POST").then(|| json!({}));
            let answer = client.send(method, &path_of(pattern), body.as_ref()).unwrap();
            (format!("{method} {pattern}"), answer)
        })
        .collect()
}

#[test]
fn keys_that_are_no_longer_good_are_refused_on_the_next_request_everywhere() {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
    let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let server = TestServer::start_with(data_dir.path(), shared, |_| {});
    let tenant = server.new_tenant("local");
    let expires_at = Some(clock.now().plus(Duration::from_secs(60)));
    let order = |tenant: TenantId, kind| KeyOrder::for_tenant(tenant, kind, "");
    let make = |order| server.directory.create_key(order).unwrap();
    let revoked = make(order(tenant, KeyKind::Mnemoverse));
    let expired = make(KeyOrder { expires_at, ..order(tenant, KeyKind::Mnemoverse) });
    let rotated = make(order(tenant, KeyKind::Mnemoverse));
    let doomed = server.new_tenant("local");
    let orphaned = make(order(doomed, KeyKind::Mnemoverse));
    for key in [&revoked, &expired, &rotated, &orphaned] {
        let refused = everywhere(&server, key);
        assert!(refused.iter().all(|(_, answer)| answer.status != 401), "good at first");
    }
    let mut admin = Admin::of(&server);
    let done = admin.post(&format!("/keys/{}/revoke", revoked.info.id), &json!({}));
    assert_eq!((done.status, &done.json()["state"]), (200, &json!("revoked")));
    let done = admin.post(&format!("/keys/{}/rotate", rotated.info.id), &json!({}));
    let renewed = done.ok()["api_key"].as_str().unwrap().to_owned();
    assert_eq!(admin.delete(&format!("/tenants/{doomed}")).status, 200);
    clock.advance(Duration::from_secs(60));
    let foreign: Vec<_> = KeyKind::ALL
        .into_iter()
        .filter(|kind| *kind != KeyKind::Mnemoverse && !kind.is_for_organizations())
        .map(|kind| make(order(tenant, kind)))
        .collect();
    for key in [&revoked, &expired, &rotated, &orphaned].into_iter().chain(&foreign) {
        for (route, answer) in everywhere(&server, key) {
            assert_eq!(answer.status, 401, "{:?} {route}: {answer:?}", key.info.kind);
            let body = answer.json();
            assert_eq!(body["code"], "UNAUTHORIZED", "{route}: {body}");
        }
    }
    assert_eq!(Client::new(&server.base_url, &renewed).get("/api/v1/memory/stats").status, 200);
}

#[test]
fn only_the_admin_token_opens_the_admin_api_and_it_opens_nothing_else() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let key = server.new_key(server.new_tenant("local"));
    let key = key.secret.expose_secret();
    let mut client = Client::new(&server.base_url, key);
    let wrong =
        ["", "Bearer", "Bearer ", &format!("Bearer {key}"), "Bearer hebbd_admin_0", "Basic x"];
    for (method, pattern) in admin::ROUTES.iter().chain(&[("GET", "/admin/v1/no/such/path")]) {
        for credential in wrong {
            let header = match credential {
                "" => String::new(),
                credential => format!("Authorization: {credential}\r\n"),
            };
            let body = (*method == "POST").then(|| json!({}));
            let path = path_of(pattern);
            let answer = client.send_with(method, &path, body.as_ref(), &header).unwrap();
            assert_eq!(answer.status, 401, "{method} {pattern} {credential:?}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.json()["error"], "unauthenticated");
        }
    }
    let mut as_key = Client::new(&server.base_url, &server.admin_token);
    assert_eq!(as_key.get("/api/v1/memory/stats").status, 401);
    assert_eq!(Admin::of(&server).get("/server").ok()["tenants"], 1);
    assert_eq!(Admin::of(&server).get("/no/such/path").status, 404);
}

#[test]
fn with_a_listener_of_its_own_the_admin_api_is_nowhere_else() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.admin.listen = Some("127.0.0.1:0".parse().unwrap());
        config.admin.token = Some("a-token-of-the-operator's-own".into());
    });
    assert_ne!(server.admin_url, server.base_url);
    assert_eq!(server.admin_token, "a-token-of-the-operator's-own");
    let mut admin = Admin::of(&server);
    assert_eq!(admin.get("/server").ok()["tenants"], 0);
    let mut beside = Admin { client: Client::new(&server.base_url, ""), ..Admin::of(&server) };
    assert_eq!(beside.get("/server").status, 404);
    for (_, path) in ops::ROUTES {
        assert_eq!(Client::new(&server.admin_url, "").get(path).status, 404, "{path}");
    }
    assert!(!data_dir.path().join("admin-token").exists(), "no token is made beside one's own");
}
