//! Starting on what is there, refusing a second server, and stopping in order.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use hebbd::control::keys::Dialect;
use hebbd::control::passwords::login_secret;
use hebbd::types::{Clock, SystemClock};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::{ServerProcess, credentials, run, text};

const WRITERS: usize = 16;
const STOP_LIMIT: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// A quarter of it in a build without optimisation, where filling takes most of a minute.
const DOMAINS: usize = if cfg!(debug_assertions) { 10 } else { 40 };
const PER_DOMAIN: usize = 500;

#[test]
fn twenty_thousand_atoms_are_ready_soon_after_a_kill() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let mut client = server.client();
    for domain in 0..DOMAINS {
        let items: Vec<Value> = (0..PER_DOMAIN).map(|number| item(domain, number)).collect();
        assert_eq!(client.write_batch(&items)["stored_count"], PER_DOMAIN);
    }
    server.kill();

    let clock = SystemClock;
    let started_us = clock.monotonic_micros();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let mut client = server.client();
    assert_eq!(client.get("/livez").status, 200);
    let live_us = clock.monotonic_micros() - started_us;
    let wanted = item(7, 77);
    let found = client.read(&json!({"query": wanted["content"], "top_k": 1}));
    let read_us = clock.monotonic_micros() - started_us;
    assert_eq!(found["items"][0]["content"], wanted["content"]);
    println!(
        "{} atoms after kill -9: live after {} ms, first read answered after {} ms",
        DOMAINS * PER_DOMAIN,
        live_us / 1_000,
        read_us / 1_000
    );
    assert!(read_us < 30_000_000, "{read_us} us");
    assert_eq!(client.stats()["total_atoms"], DOMAINS * PER_DOMAIN);
    server.kill();
}

fn item(domain: usize, number: usize) -> Value {
    let token = blake3::hash(format!("{domain}/{number}").as_bytes()).to_hex();
    json!({
        "content": format!("Shipment {} left dock {number} at noon", &token[..12]),
        "domain": format!("dock:{domain}"),
    })
}

#[test]
fn a_server_told_to_stop_finishes_its_requests_and_keeps_what_it_acknowledged() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let (answered, answering) = mpsc::channel();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (client, answered) = (server.client(), answered.clone());
            std::thread::spawn(move || write_until_refused(client, number, &answered))
        })
        .collect();
    for _ in 0..200 {
        answering.recv_timeout(PATIENCE).expect("the server answers");
    }
    server.terminate();
    let (status, errors) = server.wait(STOP_LIMIT);
    assert_eq!(status.code(), Some(0), "{errors}");
    let acknowledged: Vec<String> =
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    assert!(acknowledged.len() >= 200);

    let server = ServerProcess::start(data_dir.path(), &[]);
    let export = server.client().export();
    for id in acknowledged {
        assert!(export.iter().any(|atom| atom["id"] == json!(id)), "lost: {id}");
    }
    server.stop();
}

/// Ids of what was acknowledged until the server no longer took requests.
fn write_until_refused(
    mut client: Client,
    writer: usize,
    answered: &mpsc::Sender<()>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0.. {
        let body = item(writer, number);
        let Ok(answer) = client.send("POST", "/api/v1/memory/write", Some(&body)) else { break };
        if answer.status == 503 {
            break;
        }
        ids.push(answer.ok()["atom_id"].as_str().unwrap().to_owned());
        // The main thread stops listening when it stops the server.
        let _stopped = answered.send(());
    }
    ids
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_and_hurts_nobody() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let path = data_dir.path().to_str().unwrap();
    let second = run(&["serve", "--data-dir", path, "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(5), "{second:?}");
    let errors = text(&second.stderr);
    assert!(errors.contains("is in use by another process"), "{errors}");
    assert!(errors.contains(path), "{errors}");
    assert_eq!(text(&second.stdout), "");
    assert_eq!(server.client().write(&item(0, 0))["stored"], true);
    server.stop();
}

#[test]
fn dev_credentials_are_private_name_the_real_port_and_stay() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let first = check_credentials(data_dir.path(), &server);
    server.stop();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let second = check_credentials(data_dir.path(), &server);
    assert_eq!(first, second, "the key and the password stay");
    server.kill();
    std::fs::remove_file(data_dir.path().join("dev-credentials.json")).unwrap();
    let server = ServerProcess::start(data_dir.path(), &[]);
    let third = check_credentials(data_dir.path(), &server);
    assert!(first.0 != third.0 && first.1 != third.1, "a lost secret is replaced");
    server.stop();
}

/// Answers a key and a password, which are good.
fn check_credentials(data_dir: &Path, server: &ServerProcess) -> (String, String) {
    let metadata = std::fs::metadata(data_dir.join("dev-credentials.json")).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let credentials = credentials(data_dir);
    let base_url = credentials["base_url"].as_str().unwrap();
    assert!(!base_url.ends_with(":0"), "{base_url}");
    let key = credentials["mnemoverse"]["api_key"].as_str().unwrap();
    assert_eq!(Client::new(base_url, key).get("/api/v1/memory/stats").status, 200);
    assert_eq!(base_url, server.base_url);
    let login = &credentials["metacogna"];
    let (username, password) =
        (login["username"].as_str().unwrap(), login["password"].as_str().unwrap());
    let secret = login_secret(Dialect::Metacogna, username, &SecretString::from(password));
    let body = json!({"username": username, "password": secret.expose_secret()});
    let answer = Client::new(base_url, "").post("/api/auth/login", &body).ok();
    assert_eq!(answer["user"]["isAdmin"], true);
    let app = &credentials["magneteco"];
    assert_eq!(app["app_id"], "dev");
    let line = format!("Authorization: Bearer {}\r\n", app["api_key"].as_str().unwrap());
    let answer = Client::new(base_url, "").send_with("GET", "/v1/health", None, &line).unwrap();
    assert_eq!(answer.json()["status"], "healthy");
    (key.to_owned(), password.to_owned())
}
