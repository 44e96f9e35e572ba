//! The log of a server names nobody and repeats nothing, however much it tells.

use serde_json::json;

use crate::caller::{Caller, UNCOUNTED};
use crate::process::{ServerProcess, credentials};
use crate::{doors, marker};

#[test]
fn the_log_says_nothing_of_what_is_kept_or_of_any_key() {
    let data_dir = tempfile::tempdir().unwrap();
    let flags = [UNCOUNTED, &["--log", "debug"]].concat();
    let server = ServerProcess::start(data_dir.path(), &flags);
    let known = &credentials(data_dir.path())["metorial"];
    let key = |name: &str| known[name].as_str().unwrap().to_owned();
    let mut caller = Caller::new(&server.base_url, &key("secret_key"));
    let mut manager = Caller::new(&server.base_url, &key("management_key"));
    let mut public = Caller::new(&server.base_url, &key("publishable_key"));
    let marker = marker();
    let entered = doors::enter(&mut caller, &marker);
    for path in entered.paths() {
        caller.get(&path).ok();
    }
    let body = json!({"query": marker, "limit": 10, "min_relevance": 0});
    caller.post("/session-messages/search", &body).ok();
    caller.get(&format!("/agents?search={marker}")).ok();
    public.get(&format!("/agents?search={marker}")).ok();
    let link = caller.get(&format!("/file-links/{}", entered.links[0])).ok();
    let url = link["url"].as_str().unwrap();
    let (_, secret) = url.rsplit_once('/').unwrap();
    assert_eq!(caller.get(&url[url.find("/files/").unwrap()..]).status, 200);
    manager.create("/organization/projects", &json!({"name": marker}));
    // And what is refused.
    for path in [format!("/{marker}"), format!("/actors/{marker}"), format!("/sessions/{marker}")] {
        assert_eq!(caller.get(&path).status, 404);
        public.get(&path);
    }
    assert_eq!(caller.get(&format!("/sessions?after={marker}")).status, 400);
    assert_eq!(caller.get(&format!("/sessions?token={marker}&limit={marker}")).status, 422);
    let broken = json!({"id": format!("{marker} {marker}"), "name": [marker], "type": marker});
    for path in ["/sessions", "/actors", "/agents", "/threads", "/file-links"] {
        assert_eq!(caller.post(path, &broken).status, 422, "{path}");
    }
    let mut stranger = Caller::new(&server.base_url, &format!("metorial_sk_{marker}"));
    assert_eq!(stranger.get("/sessions").status, 401);
    for (list, ids) in [("/sessions", &entered.sessions), ("/actors", &entered.actors)] {
        for id in ids {
            caller.delete(&format!("{list}/{id}")).ok();
        }
    }
    let log = server.stop();
    assert!(log.contains("/sessions/{"), "the log tells something");
    let secrets = ["secret_key", "management_key", "publishable_key"].map(key);
    for told in [&marker, secret, &secrets[0], &secrets[1], &secrets[2]] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(told)).collect();
        assert_eq!(lines, [""; 0], "{} of {} lines", lines.len(), log.lines().count());
    }
}
