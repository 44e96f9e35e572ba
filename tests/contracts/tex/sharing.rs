//! A tenant beside its tex dialect: its memory written through another dialect, and its end.

use hebbd::types::TenantId;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::caller::{Caller, hit_count, organization, turn};
use super::product_routes;
use crate::runner::client;
use crate::support::TestServer;

const API: &str = "/api/v1/memory";

async fn mnemoverse(
    server: &TestServer,
    key: &str,
    method: Method,
    route: &str,
    body: Value,
) -> Value {
    let request = client()
        .request(method, format!("{}{API}/{route}", server.base_url))
        .header("X-Api-Key", key)
        .header("Content-Type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{route}");
    answer.json().await.unwrap()
}

fn mnemoverse_key(server: &TestServer, tenant: TenantId) -> String {
    server.new_key(tenant).secret.expose_secret().to_owned()
}

/// What is written into a conversation's domain is recalled from it, as an observation.
#[tokio::test(flavor = "multi_thread")]
async fn memory_that_another_dialect_wrote_into_a_conversation_is_recalled() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let key = mnemoverse_key(&server, organization.tenant);
    let caller = Caller::with(&server, &organization.token);
    caller.remember("trip", json!([turn("We fly to Lisbon in May")])).await;
    let domain = format!("tex:{}/trip", organization.user);
    let text = "The hotel in Lisbon has a roof terrace";
    for (text, domain) in [(text, domain.as_str()), ("Lisbon lies at the Tagus", "general")] {
        let body = json!({"content": text, "domain": domain});
        let written = mnemoverse(&server, &key, Method::POST, "write", body).await;
        assert_eq!(written["stored"], true);
    }
    for mode in ["active", "deep"] {
        let recalled = caller.recall("trip", "which hotel in Lisbon?", json!({"mode": mode})).await;
        let observations = recalled["hits"]["observations"].as_array().unwrap();
        let texts: Vec<_> = observations.iter().map(|hit| hit["text"].as_str().unwrap()).collect();
        assert!(texts.contains(&text), "{recalled}");
        assert!(!texts.iter().any(|text| text.contains("Tagus")), "{recalled}");
        assert_eq!(recalled["hits"]["turns"].as_array().unwrap().len(), 1, "{recalled}");
        let elsewhere = caller.recall("default-session", "Lisbon", json!({"mode": mode})).await;
        assert_eq!(hit_count(&elsewhere), 0, "{elsewhere}");
    }
    let domains = mnemoverse(&server, &key, Method::GET, "domains", Value::Null).await;
    assert!(domains["domains"].as_array().unwrap().contains(&json!(domain)), "{domains}");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_one_dialect_open_no_other() {
    let server = TestServer::start().await;
    let organization = organization(&server, "tex-free").await;
    let key = mnemoverse_key(&server, organization.tenant);
    let nobody = Caller::nobody(&server);
    nobody.exchange(&key).await.with_status(401);
    Caller::with(&server, &key).get("/me").await.with_status(401);
    for credential in [&organization.api_key, &organization.token] {
        let request = client().get(format!("{}{API}/stats", server.base_url));
        assert_eq!(request.bearer_auth(credential).send().await.unwrap().status(), 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_deleted_organization_works_any_more() {
    let server = TestServer::start().await;
    let gone = organization(&server, "tex-free").await;
    let stays = organization(&server, "tex-free").await;
    let caller = Caller::with(&server, &gone.token);
    caller.remember("s", json!([turn("hello")])).await;
    server.directory.delete_tenant(gone.tenant).unwrap();
    for (method, path) in product_routes() {
        let answer = caller.send(method.clone(), &path, &[], Some("{}".to_owned())).await;
        let error = answer.with_status(401);
        assert_eq!(error["message"], "Invalid token", "{method} {path}");
    }
    let nobody = Caller::nobody(&server);
    nobody.exchange(&gone.api_key).await.with_status(401);
    nobody.refresh(&gone.refresh).await.with_status(401);
    Caller::with(&server, &stays.token).get("/me").await.with_status(200);
    nobody.refresh(&stays.refresh).await.with_status(200);
}
