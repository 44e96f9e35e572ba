//! Keys made over the wire: for how long they are good, and who ever sees them.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hebbd::types::{Clock, ManualClock, Timestamp};
use serde_json::json;

use crate::caller::Caller;
use crate::process::{ServerProcess, credentials};
use crate::support::TestServer;
use crate::support::environment::Environment;
use crate::{Managing, keys_of};

const START: &str = "2026-05-08T10:00:00Z";

fn status_with(server: &TestServer, secret: &str) -> u16 {
    Caller::new(&server.base_url, secret).get("/sessions").status
}

#[test]
fn a_key_ends_at_its_time_for_both_of_its_secrets() {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(Timestamp::parse(START).unwrap()));
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let server = TestServer::start_with(data_dir.path(), shared, |_| {});
    let environment = Environment::new(&server, false);
    let mut manager = Caller::new(&server.base_url, &Environment::management_key(&server));
    let instance = environment.id();
    let (id, first) = manager.new_key(&instance, &json!({"expires_at": "2026-05-08T10:01:00Z"}));
    let path = format!("/organization/api-keys/{id}");
    // The former secret would be good for longer than the key.
    let rotate = json!({"current_expires_at": "2026-05-08T12:00:00Z"});
    let rotated = manager.post(&format!("{path}/rotate"), &rotate).ok();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        (&rotated["id"], &rotated["expires_at"]),
        (&json!(id), &json!("2026-05-08T10:01:00.000Z"))
    );

    clock.advance(Duration::from_millis(59_999));
    for secret in [&first, &second] {
        assert_eq!(status_with(&server, secret), 200);
    }
    assert_eq!(manager.get(&path).ok()["last_used_at"], "2026-05-08T10:00:59.999Z");
    clock.advance(Duration::from_millis(1));
    for secret in [&first, &second] {
        assert_eq!(status_with(&server, secret), 401);
    }
    // It cannot be had back, and is not listed; those beside it are.
    assert_eq!(manager.get(&path).status, 404);
    assert_eq!(manager.post(&path, &json!({"expires_at": null})).status, 404);
    assert_eq!(manager.post(&format!("{path}/rotate"), &json!({})).status, 404);
    assert_eq!(manager.ids(&keys_of(&instance)).len(), 2);
    assert_eq!(status_with(&server, &environment.key), 200);
}

#[test]
fn a_rotation_lets_the_former_secret_go_when_it_is_told_to() {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::starting_at(Timestamp::parse(START).unwrap()));
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let server = TestServer::start_with(data_dir.path(), shared, |_| {});
    let mut manager = Caller::new(&server.base_url, &Environment::management_key(&server));
    let instance = Environment::new(&server, false).id();
    let (id, first) = manager.new_key(&instance, &json!({}));
    let path = format!("/organization/api-keys/{id}/rotate");
    let mut rotate = |body| {
        let rotated = manager.post(&path, &body).ok();
        assert_eq!(rotated["id"], json!(id));
        rotated["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate(json!({"current_expires_at": "2026-05-08T10:00:10Z"}));
    let statuses = |secrets: &[&str]| -> Vec<u16> {
        secrets.iter().map(|secret| status_with(&server, secret)).collect()
    };
    assert_eq!(statuses(&[&first, &second]), [200, 200]);
    clock.advance(Duration::from_secs(10));
    assert_eq!(statuses(&[&first, &second]), [401, 200]);
    let third = rotate(json!({}));
    assert_eq!(statuses(&[&second, &third]), [401, 200]);
    let past = manager.post(&path, &json!({"current_expires_at": "2026-05-08T10:00:10Z"}));
    assert_eq!(
        (past.status, &past.json()["errors"][0]["path"]),
        (422, &json!(["current_expires_at"]))
    );
    assert_eq!(status_with(&server, &third), 200);
}

/// Every file below a folder.
fn files_in(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}

#[test]
fn a_secret_is_in_the_answer_that_made_it_and_nowhere_else() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &["--log", "debug"]);
    let known = &credentials(data_dir.path())["metorial"];
    let management_key = known["management_key"].as_str().unwrap();
    let mut manager = Caller::new(&server.base_url, management_key);
    let about = Caller::new(&server.base_url, known["secret_key"].as_str().unwrap()).get("/token");
    let instance = about.ok()["instance"]["id"].as_str().unwrap().to_owned();
    let (id, first) = manager.new_key(&instance, &json!({"description": "d"}));
    let path = format!("/organization/api-keys/{id}");
    let rotated = manager.post(&format!("{path}/rotate"), &json!({})).ok();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    for secret in [&first, &second] {
        Caller::new(&server.base_url, secret).get("/sessions?limit=1");
    }
    // What everybody says of it later.
    let answers = [
        manager.get(&path),
        manager.get(&keys_of(&instance)),
        manager.post(&path, &json!({"name": "renamed"})),
        manager.delete(&path),
        manager.get(&path),
    ];
    for answer in &answers {
        assert!(!answer.text.contains(&first) && !answer.text.contains(&second), "{answer:?}");
    }
    assert_eq!(answers[0].ok()["secret"], json!(null));
    let log = server.stop();
    assert!(log.contains("/organization/api-keys/{key_id}/rotate"), "the log tells something");
    for secret in [&first, &second] {
        let random = secret.strip_prefix("metorial_sk_").unwrap();
        assert!(!log.contains(random));
        for file in files_in(data_dir.path()) {
            let bytes = fs::read(&file).unwrap();
            let is_there = bytes.windows(random.len()).any(|part| part == random.as_bytes());
            assert!(!is_there, "{}", file.display());
        }
    }
}

#[test]
fn credentials_for_development_are_kept_and_are_of_one_environment() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let known = credentials(data_dir.path())["metorial"].clone();
    let told = |name: &str, path: &str| {
        Caller::new(&server.base_url, known[name].as_str().unwrap()).get(path).ok()
    };
    let secret = told("secret_key", "/token");
    assert_eq!(secret["type"], "instance_access_token_secret");
    let publishable = told("publishable_key", "/token");
    assert_eq!(publishable["type"], "instance_access_token_publishable");
    assert_eq!(publishable["instance"], secret["instance"]);
    let instances = told("management_key", "/organization/instances");
    assert_eq!(instances["items"][0]["id"], secret["instance"]["id"]);
    server.stop();
    let server = ServerProcess::start(data_dir.path(), &[]);
    assert_eq!(credentials(data_dir.path())["metorial"], known);
    drop(server);
}
