//! An environment moves from shard to shard with all it keeps, and is erased with all it keeps.

use std::sync::Arc;

use hebbd::actors::settings::ShardEntry;
use hebbd::types::{Bound, SystemClock};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::client::Client;
use crate::doors::enter;
use crate::support::TestServer;
use crate::support::environment::Environment;
use crate::{administer, kept, marker, start};

/// Looks at what is erased; each costs a request, so these are minutes.
const LOOKS_MAX: usize = 100_000;

#[test]
fn an_environment_moves_with_all_it_keeps() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.metorial.ip_requests_max = Bound(None);
        let shard = |no| ShardEntry { no, ..ShardEntry::default() };
        config.shards.shard = vec![shard(0), shard(1)];
    });
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let entered = enter(&mut caller, "brumholm");
    let gone = caller.create("/sessions", &json!({}));
    caller.delete(&format!("/sessions/{gone}")).ok();
    let url = caller.get(&format!("/file-links/{}", entered.links[0])).ok()["url"].clone();
    let url = url.as_str().unwrap();
    let address = url[url.find("/files/").unwrap()..].to_owned();
    let mut answers = || -> Vec<String> {
        let mut paths = entered.paths();
        paths.extend(["/session-events".to_owned(), address.clone()]);
        paths.push(format!("/sessions?before={gone}"));
        paths.into_iter().map(|path| caller.get(&path)).map(|answer| answer.text).collect()
    };
    let before = answers();
    assert!(before.iter().any(|said| said == "The plan brumholm of the barn."), "{before:?}");
    for _ in 0..3 {
        let from = server.directory.get_tenant(environment.tenant).unwrap().shard;
        let path = format!("/admin/v1/tenants/{}/move", environment.tenant);
        let authorization = format!("Authorization: Bearer {}\r\n", server.admin_token);
        let to = json!({"shard": 1 - from.0});
        let mut admin = Client::new(&server.admin_url, "");
        let moved = admin.send_with("POST", &path, Some(&to), &authorization).unwrap().ok();
        assert_eq!(moved["state"], "moved", "{moved}");
        assert_eq!(answers(), before);
        let no = kept::number_of(&server, environment.tenant);
        let left = kept::originals(data_dir.path(), from, no);
        assert!(left.is_empty(), "files stay where they were: {left:?}");
    }
    let next = caller.create("/sessions", &json!({}));
    assert!(next > gone, "{next} after {gone}");
}

#[test]
fn an_environment_that_is_deleted_is_erased() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let mut manager = Caller::new(&server.base_url, &environment.management_key_of(&server));
    let marker = marker();
    let entered = enter(&mut caller, &marker);
    let link = caller.get(&format!("/file-links/{}", entered.links[0])).ok();
    let url = link["url"].as_str().unwrap();
    let address = &url[url.find("/files/").unwrap()..];
    assert_eq!(caller.get(address).status, 200);
    let blobs = || kept::contents(&kept::files_of(data_dir.path(), "blobs")).contains(&marker);
    assert!(kept::records(&server).contains(&marker) && blobs());
    manager.delete(&format!("/organization/instances/{}", environment.id())).ok();
    assert_eq!(caller.get("/sessions").status, 401);
    assert_eq!(caller.get(address).status, 404);
    let mut looks = 0;
    while kept::records(&server).contains(&marker) || blobs() {
        administer(&server, "/tenants");
        looks += 1;
        assert!(looks < LOOKS_MAX, "something of it stays");
    }
}

/// Nobody who was told of a message loses it because another API puts something in its place.
#[test]
fn a_message_that_another_api_replaces_is_still_what_was_said() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let mut caller = Caller::new(&server.base_url, &environment.key);
    let session = caller.create("/sessions", &json!({}));
    let message = caller.say(&session, "The roof of the barn leaks when it rains.");
    let mut client = crate::mnemoverse(&server, environment.tenant);
    let atom = client.export()[0]["id"].clone();
    client.write(&json!({
        "content": "The roof of the barn is mended.", "domain": "sessions", "supersedes": [atom],
    }));
    let path = format!("/sessions/{session}/messages");
    let listed: Vec<Value> = caller.all(&path);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["content"]["text"], "The roof of the barn leaks when it rains.");
    let shown = caller.get(&format!("/sessions/{session}")).ok();
    assert_eq!(shown["usage"]["total_productive_message_count"], 1);
    let body = json!({"query": "Which roof leaks?", "min_relevance": 0});
    caller.post("/session-messages/search", &body).ok();
    caller.delete(&format!("/sessions/{session}")).ok();
    assert_eq!(caller.get(&format!("/session-messages/{message}")).status, 404);
    let left: Vec<Value> = client.export();
    let said = left.iter().any(|atom| atom["content"].as_str().unwrap().contains("leaks"));
    assert!(!said, "{left:?}");
}
