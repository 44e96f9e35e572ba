//! Users and background work through the admin API.

use std::sync::Arc;
use std::time::Duration;

use hebbd::actors::tenant::jobs::EnqueueJob;
use hebbd::control::keys::Dialect;
use hebbd::control::passwords::{PasswordCost, Passwords};
use hebbd::types::{Deadline, TenantId, UserId};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::Admin;
use crate::moving::until;
use crate::support::TestServer;

/// The contract's test vector for what a client sends.
const SENT: &str = "6d8938eb64eead19ea0179d000a15d0ef635dc180c715df36385fc07e0740fbb";

fn is_right(server: &TestServer, id: &Value, sent: &str) -> bool {
    let passwords = Passwords::new(PasswordCost::default()).unwrap();
    let id: UserId = id.as_str().unwrap().parse().unwrap();
    let sent = SecretString::from(sent);
    server.directory.verify_user(&passwords, Some(id), &sent).unwrap().is_some()
}

#[test]
fn users_are_made_with_a_tenant_of_their_own_and_log_in_with_what_clients_send() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let mut admin = Admin::of(&server);
    let body = json!({"username": "testuser", "password": "TestPass123!", "is_admin": true});
    let made = admin.post("/users", &body);
    assert_eq!(made.status, 201, "{made:?}");
    let user = made.json();
    assert_eq!((&user["dialect"], &user["is_admin"]), (&json!("metacogna"), &json!(true)));
    assert!(!made.text.contains("TestPass") && !made.text.contains("argon2"), "{made:?}");
    assert!(is_right(&server, &user["id"], SENT));
    assert!(!is_right(&server, &user["id"], "TestPass123!"), "not the clear password");
    let tenant: TenantId = user["tenant"].as_str().unwrap().parse().unwrap();
    assert_eq!(&*server.directory.get_tenant(tenant).unwrap().name, "testuser");

    // A name that is taken makes nothing, and leaves nothing.
    let again = admin.post("/users", &json!({"username": "TestUser", "password": "Another one"}));
    assert_eq!((again.status, &again.json()["error"]), (409, &json!("conflict")));
    assert_eq!(server.directory.tenant_count(), 1);

    let id = user["id"].as_str().unwrap();
    let changed = admin.post(&format!("/users/{id}/password"), &json!({"password": "New-Pass-9"}));
    assert_eq!(changed.status, 200, "{changed:?}");
    assert!(!is_right(&server, &user["id"], SENT));
    assert_eq!(admin.get("/users").ok()["items"], json!([admin.get(&format!("/users/{id}")).ok()]));
    assert_eq!(admin.get("/users?dialect=tex").ok()["items"], json!([]));
    assert_eq!(admin.delete(&format!("/users/{id}")).status, 200);
    assert_eq!(server.directory.find_user(Dialect::Metacogna, "testuser"), None);
    assert!(server.directory.get_tenant(tenant).is_ok(), "the tenant stays");
}

#[test]
fn signing_keys_are_rotated_and_listed() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let key_file = data_dir.path().join("secrets.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&key_file.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "made at the start");
    let mut admin = Admin::of(&server);
    assert_eq!(admin.get("/signing-keys").ok()["items"], json!([]), "none before the first need");
    let made = admin.post("/signing-keys/rotate", &json!({})).ok();
    let first = made["items"][0]["id"].clone();
    let rotated = admin.post("/signing-keys/rotate", &json!({})).ok();
    assert_eq!(rotated["items"][1]["id"], first, "its tokens are still good");
    assert_ne!(rotated["items"][0]["id"], first);
    let ended = admin.post("/signing-keys/rotate", &json!({"end_former": true})).ok();
    assert_eq!(ended["items"].as_array().unwrap().len(), 1);
    assert_eq!(admin.get("/signing-keys").ok()["items"], ended["items"]);
    server.stop();
    let server = TestServer::start_at(data_dir.path());
    assert_eq!(Admin::of(&server).get("/signing-keys").ok()["items"], ended["items"]);
}

#[test]
fn a_job_nobody_can_do_is_a_dead_letter_that_is_listed_retried_and_discarded() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_at(data_dir.path());
    let tenant = server.new_tenant("local");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut job = hebbd::engine::jobs::NewJob::new("of-a-later-version", b"secret".to_vec());
        job.key = Some("once".to_owned());
        let deadline = Deadline::after(Duration::from_secs(20));
        let registry = Arc::clone(&server.registry);
        registry.call(tenant, EnqueueJob { job }, deadline).await.unwrap();
    });
    let mut admin = Admin::of(&server);
    let path = format!("/tenants/{tenant}/jobs");
    until(|| admin.get(&path).ok()["dead"] == 1);
    let jobs = admin.get(&path);
    assert!(!jobs.text.contains("secret"), "{jobs:?}");
    let letter = jobs.ok()["dead_letters"][0].clone();
    assert_eq!(letter["kind"], "of-a-later-version", "{letter}");
    assert!(letter["last_error"].as_str().unwrap().contains("of-a-later-version"), "{letter}");
    let job = letter["job"].as_u64().unwrap();
    let retried = admin.post(&format!("{path}/{job}/retry"), &json!({})).ok();
    assert_eq!(retried["state"], "waiting");
    until(|| admin.get(&path).ok()["dead"] == 1);
    let discarded = admin.delete(&format!("{path}/{job}")).ok();
    assert_eq!(discarded["state"], "discarded");
    assert_eq!(admin.get(&path).ok()["dead_letters"], json!([]));
    assert_eq!(admin.delete(&format!("{path}/{job}")).status, 404);
    assert_eq!(admin.post(&format!("{path}/{job}/retry"), &json!({})).status, 404);
}
