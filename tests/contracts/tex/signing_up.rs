//! Signing up where it is off, and many who want the same at once.

use std::sync::Arc;

use futures_util::future::join_all;
use hebbd::types::SystemClock;
use serde_json::json;

use super::caller::Caller;
use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn where_signing_up_is_off_nobody_can_and_organizations_there_are_go_on() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.tex.signup = false;
    });
    let before = server.directory.tenant_count();
    let caller = Caller::of_a_new_organization(&server, "tex-free").await;
    for body in [json!({}), json!({"org_id": "acme"})] {
        caller.post("/signup", body).await.with_status(403);
    }
    assert_eq!(server.directory.tenant_count(), before + 1);
    caller.get("/me").await.with_status(200);
    caller.post("/me/api-keys", json!({})).await.with_status(201);
}

/// Checklist line 4.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_a_name_at_once_one_gets_it() {
    let server = TestServer::start().await;
    let nobody = Caller::nobody(&server);
    let tries = (0..8).map(|_| nobody.post("/signup", json!({"org_id": "wanted"})));
    let mut statuses: Vec<_> = join_all(tries).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}
