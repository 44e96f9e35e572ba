//! What keys may do that lack a permission, what new ones may, and where the routes are.

use std::sync::Arc;

use hebbd::types::SystemClock;
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::runner::client;
use crate::support::TestServer;

const ALL: [&str; 6] = ["memorize", "retrieve", "events", "webhooks", "forget", "config"];

/// Every route that asks for permissions, with those of which one is enough.
fn routes(app: &str) -> Vec<(Method, String, &'static [&'static str])> {
    let following: &[&str] = &["memorize", "events", "webhooks", "retrieve"];
    let get = |path: &str| (Method::GET, path.replace("APP", app));
    let post = |path: &str| (Method::POST, path.replace("APP", app));
    let listed: Vec<((Method, String), &[&str])> = vec![
        (post("/v1/memorize"), &["memorize"]),
        (post("/api/memorize"), &["memorize"]),
        (get("/v1/memorize/res-1/status"), following),
        (get("/api/memorize/res-1/status"), following),
        (post("/v1/events"), &["events"]),
        (post("/api/events"), &["events"]),
        (post("/v1/retrieve"), &["retrieve"]),
        (post("/api/retrieve"), &["retrieve"]),
        (get("/api/retrieve/categories?userId=u"), &["retrieve"]),
        (get("/v1/context/APP/u"), &["retrieve"]),
        (get("/v1/categories/APP/u"), &["retrieve"]),
        (get("/v1/entities/APP/u"), &["retrieve"]),
        (get("/v1/entities/APP/u/e"), &["retrieve"]),
        (post("/v1/forget"), &["forget"]),
        (post("/v1/config/webhooks"), &["config"]),
        (get("/api/apps/APP/domain-config"), &["config"]),
        ((Method::PUT, format!("/api/apps/{app}/domain-config")), &["config"]),
        (post("/v1/webhooks/custom"), &["webhooks"]),
    ];
    listed.into_iter().map(|((method, path), any_of)| (method, path, any_of)).collect()
}

async fn status(caller: &Caller, method: &Method, path: &str) -> u16 {
    let body: Option<Value> = (*method != Method::GET).then(|| json!({}));
    caller.send(method.clone(), path, body).await.status
}

/// Checklist line 4.
#[tokio::test(flavor = "multi_thread")]
async fn each_route_asks_for_its_permission_and_for_no_other() {
    let server = TestServer::start().await;
    let app = Caller::of_a_new_app(&server, "tanda");
    for permission in ALL {
        let only = app.with_permissions(&server, Some(&[permission]));
        for (method, path, any_of) in routes(&app.app) {
            // An empty body is malformed, and what is asked for does not exist; but that is looked
            // at later.
            let is_refused = status(&only, &method, &path).await == 403;
            assert_eq!(is_refused, !any_of.contains(&permission), "{permission}: {method} {path}");
        }
        assert_eq!(status(&only, &Method::GET, "/v1/health").await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_may_do_everything_but_configure() {
    let server = TestServer::start().await;
    let app = Caller::of_a_new_app(&server, "tanda");
    let new = app.with_permissions(&server, None);
    for (method, path, any_of) in routes(&app.app) {
        let is_refused = status(&new, &method, &path).await == 403;
        assert_eq!(is_refused, any_of == ["config"], "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_paths_are_where_the_operator_wants_them_and_the_older_ones_stay() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.magneteco.base = "/memory/v2".to_owned();
    });
    let app = Caller::of_a_new_app(&server, "tanda");
    for path in ["/memory/v2/memorize", "/memory/v2/api/memorize", "/api/memorize"] {
        let answer = app.post(path, json!({})).await.with_status(400);
        assert_eq!(answer["error"]["code"], "VALIDATION_ERROR", "{path}");
    }
    let health = app.get("/memory/v2/health").await.with_status(200);
    assert_eq!(health["status"], "healthy");
    // Others answer those.
    for path in ["/v1/health", "/memory/health", "/memory/v2x/health"] {
        let url = format!("{}{path}", server.base_url);
        assert_eq!(client().get(url).send().await.unwrap().status(), 404, "{path}");
    }
}
