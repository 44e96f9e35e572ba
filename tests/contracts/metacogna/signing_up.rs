//! What signing up leaves behind, and many who want the same at once.

use futures_util::future::join_all;
use hebbd::control::keys::Dialect;
use reqwest::Method;

use super::caller::{Caller, answer, base64_of};
use crate::support::{Member, TestServer};

const ALICE: &[(&str, &str)] =
    &[("name", "Alice"), ("email", "alice@example.com"), ("password", "SecurePass123!")];

/// Tenants and users there are.
fn counts(server: &TestServer) -> (usize, usize) {
    (server.directory.tenant_count(), server.directory.users(Dialect::Metacogna).len())
}

/// Checklist line 26.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sign_up_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let admin = Member::new(&server, "metacogna", true);
    let caller = Caller::with(&server, &admin.session);
    caller.sign_up(ALICE).await.with_status(201);
    let before = counts(&server);
    caller.sign_up(ALICE).await.with_status(409);
    let upper = [ALICE[0], ("email", "ALICE@example.com"), ALICE[2]];
    caller.sign_up(&upper).await.with_status(409);
    let long = "x".repeat(201);
    caller.sign_up(&[("name", &long), ("email", "b@x.org"), ALICE[2]]).await.with_status(400);
    let long = format!("{}@x.org", "x".repeat(254));
    caller.sign_up(&[ALICE[0], ("email", &long), ALICE[2]]).await.with_status(400);
    let long = "x".repeat(1_025);
    let parts = [ALICE[0], ("email", "b@x.org"), ("password", long.as_str())];
    // Its hash is what is kept, so a long one is no harm.
    caller.sign_up(&parts).await.with_status(201);
    assert_eq!(counts(&server), (before.0 + 1, before.1 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_an_address_at_once_one_gets_it() {
    let server = TestServer::start().await;
    let admin = Member::new(&server, "metacogna", true);
    let caller = Caller::with(&server, &admin.session);
    let before = counts(&server);
    let mut statuses: Vec<_> =
        join_all((0..6).map(|_| caller.sign_up(ALICE))).await.iter().map(|a| a.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    assert_eq!(counts(&server), (before.0 + 1, before.1 + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_bound_is_refused_and_so_is_a_form_that_says_it_is_too_large() {
    let data_dir = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(hebbd::types::SystemClock);
    let server = TestServer::start_with(data_dir.path(), clock, |config| {
        config.metacogna.file_bytes_max = 1_024;
    });
    let admin = Member::new(&server, "metacogna", true);
    let caller = Caller::with(&server, &admin.session);
    let before = counts(&server);
    for (size, status) in [(1_024, 400), (1_025, 413), (3_000_000, 413)] {
        let head = "Content-Disposition: form-data; name=\"files\"; filename=\"a.txt\"";
        let body = format!("--b\r\n{head}\r\n\r\n{}\r\n--b--\r\n", "x".repeat(size));
        let request = caller.request(Method::POST, "/api/signup").body(body);
        let request = request.header("Content-Type", "multipart/form-data; boundary=b");
        answer(request, "/api/signup").await.with_status(status);
    }
    assert_eq!(counts(&server), before);
}

/// Checklist lines 19 and 20.
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_s_id_and_hash_in_base64_are_as_good_as_a_session_and_nothing_like_it_is() {
    let server = TestServer::start().await;
    let (admin, member) =
        (Member::new(&server, "metacogna", true), Member::new(&server, "metacogna", false));
    let (id, hash) = (admin.id.to_string(), admin.hash.as_str());
    let nobody = Caller::nobody(&server);
    let present = async |token: &str| {
        let request = nobody.request(Method::POST, "/api/signup").bearer_auth(token);
        // A good credential goes on to the form, which is none.
        answer(request, "/api/signup").await
    };
    for good in [format!("{id}:{hash}"), format!("{id}:{}", hash.to_uppercase())] {
        let body = present(&base64_of(&good)).await.with_status(400);
        assert_eq!(body["error"], "Invalid multipart body");
    }
    for bad in [
        format!("{id}:{}", member.hash),
        format!("{}:{}", member.id, member.hash),
        format!("{}:{hash}", member.id),
        format!("0190a000-0000-4000-8000-000000000000:{hash}"),
        format!("{}:{hash}", admin.username),
        format!("{id}{hash}"),
        format!("{id}:{hash}:"),
        format!(":{id}:{hash}"),
        format!("{id}:{}", admin.password),
        ":".to_owned(),
    ] {
        let body = present(&base64_of(&bad)).await.with_status(403);
        assert_eq!(body["error"], "Forbidden: Admin access required", "{bad}");
    }
    for bad in ["not base64!", "%", &member.session, hash] {
        present(bad).await.with_status(403);
    }
    // Elsewhere than here it opens nothing: a session it is not.
    let token = base64_of(&format!("{id}:{hash}"));
    let logout = nobody.request(Method::POST, "/api/auth/logout").bearer_auth(&token);
    answer(logout, "/api/auth/logout").await.with_status(200);
    assert!(server.directory.find_session(&admin.session).is_some());
}
