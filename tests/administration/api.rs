//! What the admin API takes and answers.

use hebbd::api::admin;
use serde_json::{Value, json};

use crate::Admin;
use crate::moving::until;
use crate::support::TestServer;

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

#[track_caller]
fn refused(answer: &crate::Answer, status: u16, error: &str, parts: &[&str]) {
    let body = answer.json();
    assert_eq!((answer.status, &body["error"]), (status, &json!(error)), "{body}");
    let message = body["message"].as_str().unwrap();
    for part in parts {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
}

#[test]
fn organizations_projects_tenants_and_keys_are_made_listed_and_shown() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let mut admin = Admin::of(&server);
    let made = |answer: &crate::Answer| {
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    };
    let organization = made(&admin.post("/organizations", &json!({"name": " acme "})));
    assert_eq!(organization["name"], "acme");
    let body = json!({"organization": organization["id"], "name": "web"});
    let project = made(&admin.post("/projects", &body));
    let body = json!({"name": "staging", "plan": "pro", "project": project["id"], "shard": 1,
        "environment": "development", "api_version": "2026-01-01"});
    let tenant = made(&admin.post("/tenants", &body));
    let id = tenant["id"].as_str().unwrap();
    assert_eq!(tenant["organization"], organization["id"]);
    assert_eq!(tenant["handle"], format!("org_{}", id.replace('-', "")));
    for (key, value) in [
        ("plan", json!("pro")),
        ("shard", json!(1)),
        ("state", json!("active")),
        ("environment", json!("development")),
        ("api_version", json!("2026-01-01")),
    ] {
        assert_eq!(tenant[key], value, "{key}");
    }
    assert_eq!(admin.get(&format!("/tenants/{id}")).ok(), tenant);
    let changed = admin.post(&format!("/tenants/{id}/plan"), &json!({"plan": "free"})).ok();
    assert_eq!(changed["plan"], "free");

    let body = json!({"tenant": id, "dialect": "metorial", "kind": "publishable", "name": "site",
        "scopes": ["agents"], "expires_at": "2999-01-01T00:00:00Z"});
    let mut key = made(&admin.post("/keys", &body));
    let secret = key.as_object_mut().unwrap().remove("api_key").unwrap();
    let secret = secret.as_str().unwrap();
    assert!(secret.starts_with("metorial_pk_"), "{secret}");
    let redacted = key["redacted"].as_str().unwrap();
    let (head, tail) = redacted.split_once("...").unwrap();
    assert!(secret.starts_with(head) && secret.ends_with(tail), "{redacted}");
    assert_eq!(admin.get(&format!("/keys?tenant={id}")).ok()["items"], json!([key]));
    assert_eq!(admin.get(&format!("/keys/{}", key["id"].as_str().unwrap())).ok(), key);
    let of = organization["id"].as_str().unwrap();
    let body = json!({"organization": of, "dialect": "metorial", "kind": "management"});
    assert!(made(&admin.post("/keys", &body))["tenant"].is_null());
    assert_eq!(
        admin.get(&format!("/keys?organization={of}")).ok()["items"][0]["kind"],
        "management"
    );
    for answer in [admin.get("/keys"), admin.get("/tenants"), admin.get("/server")] {
        assert!(!answer.text.contains(secret), "a secret is shown once");
    }
    assert_eq!(admin.get("/projects").ok()["items"].as_array().unwrap().len(), 2);
    let plans = admin.get("/plans").ok();
    assert_eq!(plans["items"][0]["name"], "free");
    let shard = admin.get("/shards/1").ok();
    assert_eq!((&shard["state"], &shard["tenants"]), (&json!("open"), &json!(1)), "{shard}");
    assert_eq!(admin.get("/shards").ok()["items"][1], shard);
    assert_eq!(admin.get("/quarantine").ok()["items"], json!([]));
}

#[test]
fn lists_come_in_pages_that_hold_everything_once() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let made: Vec<Value> = (0..7).map(|_| json!(server.new_tenant("local").to_string())).collect();
    let mut admin = Admin::of(&server);
    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let page = admin.get(&format!("/tenants?limit=3{after}")).ok();
        listed.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed, made);
}

/// The ids of tex keys are random, so a page does not begin after an id but after a key.
#[test]
fn keys_come_in_pages_as_they_were_made_also_those_whose_ids_do_not_tell() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let tenant = server.new_tenant("local");
    let mut admin = Admin::of(&server);
    let body = json!({"tenant": tenant.to_string(), "dialect": "tex"});
    let mut made = Vec::new();
    for _ in 0..7 {
        let key = admin.post("/keys", &body).json();
        assert!(key["api_key"].as_str().unwrap().starts_with("tex_live_"), "{key}");
        assert_eq!((&key["scopes"], &key["kind"]), (&json!(["*"]), &json!("secret")), "{key}");
        made.push(key["id"].clone());
    }
    for filter in [String::new(), format!("&tenant={tenant}")] {
        let mut listed = Vec::new();
        let mut after = String::new();
        loop {
            let page = admin.get(&format!("/keys?limit=3{filter}{after}")).ok();
            listed.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(listed, made, "{filter}");
    }
    refused(&admin.get(&format!("/keys?after={NOBODY}")), 404, "not_found", &["no key"]);
}

#[test]
fn what_is_wrong_with_a_request_is_said_by_name() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let tenant = server.new_tenant("local").to_string();
    let mut admin = Admin::of(&server);
    for (path, body, parts) in [
        ("/tenants", json!({}), &["missing field `name`"][..]),
        ("/tenants", json!({"name": ""}), &["name is empty"]),
        ("/tenants", json!({"name": "x".repeat(201)}), &["name is longer than 200"]),
        ("/tenants", json!({"name": "a\nb"}), &["name holds a control character"]),
        (
            "/tenants",
            json!({"name": "x", "plan": "gold"}),
            &["gold", "free, local, metacogna, pro, team"],
        ),
        ("/tenants", json!({"name": "x", "shard": 7}), &["shard 7"]),
        ("/tenants", json!({"name": "x", "nmae": "y"}), &["unknown field `nmae`"]),
        (
            "/tenants",
            json!({"name": "x", "environment": "staging"}),
            &["environment", "staging", "development, production"],
        ),
        (
            "/tenants",
            json!({"name": "x", "api_version": "2024-01-01"}),
            &["api_version", "2024-01-01", "2025-01-01, 2026-01-01"],
        ),
        ("/keys", json!({"tenant": tenant}), &["missing field `dialect`"]),
        ("/keys", json!({"dialect": "tex"}), &["either a tenant or an organization"]),
        ("/keys", json!({"tenant": tenant, "dialect": "latin"}), &["latin", "mnemoverse"]),
        ("/keys", json!({"tenant": tenant, "dialect": "metacogna"}), &["its users log in"]),
        (
            "/keys",
            json!({"tenant": tenant, "dialect": "metorial", "kind": "open"}),
            &["open", "secret, publishable, management"],
        ),
        (
            "/keys",
            json!({"tenant": tenant, "dialect": "metorial", "kind": "management"}),
            &["kind", "tenant"],
        ),
        ("/keys", json!({"tenant": tenant, "dialect": "tex", "scopes": []}), &["scopes"]),
        (
            "/keys",
            json!({"tenant": tenant, "dialect": "tex", "expires_at": "soon"}),
            &["expires_at", "soon"],
        ),
        (
            "/keys",
            json!({"tenant": tenant, "dialect": "tex", "expires_at": "2001-01-01T00:00:00Z"}),
            &["expires_at", "has passed"],
        ),
        ("/organizations", json!([]), &["invalid"]),
        ("/users", json!({"username": "ada"}), &["missing field `password`"]),
        ("/users", json!({"username": "ada", "password": "short"}), &["password", "8 characters"]),
        ("/users", json!({"username": "", "password": "long enough"}), &["name"]),
        (
            "/users",
            json!({"username": "ada", "password": "long enough", "dialect": "latin"}),
            &["latin", "metacogna"],
        ),
    ] {
        let answer = admin.post(path, &body);
        refused(&answer, 400, "invalid_input", parts);
    }
    refused(&admin.get("/tenants?limit=0"), 400, "invalid_input", &["limit is 0, must be 1"]);
    refused(&admin.get("/tenants?limti=5"), 400, "invalid_input", &["limti"]);
    refused(&admin.get("/keys?tenant=x"), 400, "invalid_input", &["UUID"]);
    until(|| server.directory.tenant_count() == 1);
    assert!(server.directory.leftovers().is_empty(), "nothing was made");
    assert!(server.directory.keys().is_empty());
    let text = admin.call("POST", "/tenants", None);
    refused(&text, 400, "invalid_input", &["EOF"]);
    let wrong_method = admin.call("DELETE", "/plans", None);
    refused(&wrong_method, 405, "method_not_allowed", &["GET"]);
}

#[test]
fn what_is_not_there_is_a_404_on_every_route_that_names_something() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let mut admin = Admin::of(&server);
    let mut asked = 0;
    for (method, pattern) in admin::ROUTES.iter().filter(|(_, path)| path.contains('{')) {
        let body = match *pattern {
            "/admin/v1/tenants/{tenant}/move" => Some(json!({"shard": 1})),
            "/admin/v1/users/{user}/password" => Some(json!({"password": "long enough"})),
            "/admin/v1/tenants/{tenant}/plan" => Some(json!({"plan": "pro"})),
            _ => (*method == "POST").then(|| json!({})),
        };
        for id in [NOBODY, "x", "%00", "..%2f"] {
            let path = pattern.strip_prefix("/admin/v1").unwrap();
            let parts = path.split('/').map(|part| if part.starts_with('{') { id } else { part });
            let path = parts.collect::<Vec<_>>().join("/");
            let answer = admin.call(method, &path, body.as_ref());
            refused(&answer, 404, "not_found", &["no"]);
            asked += 1;
        }
    }
    assert_eq!(asked, 4 * 19, "a new route is asked here too");
    for path in ["/tenants", "/keys"] {
        let body = json!({"name": "x", "project": NOBODY});
        let key = json!({"tenant": NOBODY, "dialect": "tex"});
        let answer = admin.post(path, if path == "/keys" { &key } else { &body });
        refused(&answer, 404, "not_found", &[NOBODY]);
    }
}
