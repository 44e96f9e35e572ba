//! The log of a server names nobody and repeats nothing, however much it tells.

use serde_json::json;

use crate::app::{App, UNHURRIED, encoded};
use crate::process::{ServerProcess, credentials};
use crate::{doors, marker};

#[test]
fn the_log_says_nothing_of_what_came_in_or_whom_it_was_about() {
    let data_dir = tempfile::tempdir().unwrap();
    let flags = [UNHURRIED, &["--log", "debug"]].concat();
    let server = ServerProcess::start(data_dir.path(), &flags);
    let known = &credentials(data_dir.path())["magneteco"];
    let [id, key] = ["app_id", "api_key"].map(|name| known[name].as_str().unwrap());
    let mut app = App::new(&server.base_url, id, key);
    let marker = marker();
    let user = format!("{marker}@example.com");
    // Nobody is there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/{marker}?token={marker}");
    app.register_webhook(&url, &doors::NOTICES, &marker);
    doors::open(&mut app);
    doors::enter(&mut app, &user, &marker);
    for what in ["context", "categories", "entities"] {
        app.about(what, &user).ok();
    }
    app.retrieve(&user, &marker);
    app.entity(&user, &marker);
    app.get(&format!("/api/retrieve/categories?userId={}", encoded(&user))).ok();
    // And what is refused.
    for path in [format!("/v1/{marker}"), format!("/v1/memorize/{marker}/status")] {
        assert_eq!(app.get(&path).status, 404);
    }
    let broken = json!({"userId": user, "eventType": marker, "timestamp": marker, "data": marker});
    for path in ["/v1/events", "/v1/memorize", "/v1/webhooks/custom", "/v1/forget"] {
        assert_eq!(app.post(path, &broken).status, 400);
    }
    app.put("/api/apps/x/domain-config", &json!({"appId": marker, "categories": marker}));
    app.forget(&user, None);
    let log = server.stop();
    assert!(log.contains("/v1/memorize/{resource}/status"), "the log tells something");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&marker)).collect();
    assert_eq!(lines, [""; 0], "{} of {} lines", lines.len(), log.lines().count());
}
