//! Uploads that are refused leave nothing: no document, no file, no claim to an id.

use std::path::Path;
use std::sync::Arc;

use hebbd::control::keys::Dialect;
use hebbd::types::SystemClock;
use serde_json::json;

use super::caller::{Caller, LOOKS_MAX, file_part, part};
use crate::support::{Member, TestServer};

const KIB: usize = 1_024;

/// How many uploads and originals lie on the disk.
fn files_in(data_dir: &Path) -> usize {
    let mut count = 0;
    let mut directories = vec![data_dir.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let holds = |name: &str| path.components().any(|part| part.as_os_str() == name);
                count += usize::from(holds("blobs") || holds("uploads"));
            }
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_bound_is_refused_and_leaves_nothing() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.metacogna.file_bytes_max = KIB as u64;
    });
    let member = Member::new(&server, "metacogna", false);
    let (caller, user) = (Caller::with(&server, &member.session), member.id.to_string());
    for size in [KIB + 1, 3_000_000] {
        let text = "x".repeat(size);
        let form = [part("userId", &user), file_part("file", "a.txt", &text)];
        caller.send_form("/api/ingest", form).await.with_status(413);
        caller.ingest(&user, "large", &text).await.with_status(413);
    }
    assert_eq!(caller.documents().await.len(), 0);
    assert_eq!(files_in(data_dir.path()), 0);
    // Just as large as it may be.
    let text = "y".repeat(KIB);
    let form = [part("userId", &user), file_part("file", "a.txt", &text)];
    caller.send_form("/api/ingest", form).await.with_status(200);
    caller.ingest(&user, "large", &text).await.with_status(200);
    assert_eq!(caller.documents().await.len(), 2);
    assert_eq!(files_in(data_dir.path()), 1, "the same bytes are kept once");
    for document in caller.documents().await {
        let id = document["id"].as_str().unwrap();
        caller.delete(&format!("/api/documents/{id}")).await.with_status(200);
    }
    assert_eq!(files_in(data_dir.path()), 0);
}

/// What is wrong with the rest of a form is found when its file is there already.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_refused_leaves_no_file() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |_| {});
    let member = Member::new(&server, "metacogna", false);
    let other = Member::new(&server, "metacogna", false);
    let caller = Caller::with(&server, &member.session);
    let (user, other_user) = (member.id.to_string(), other.id.to_string());
    let file = || file_part("file", "a.txt", "The heron nests in the alder.");
    for (form, status) in [
        (vec![file()], 400),
        (vec![file(), part("userId", &other_user)], 403),
        (vec![file(), part("userId", &user), part("metadata", "{bad")], 400),
        (vec![file(), file(), part("userId", &user)], 400),
        (vec![file(), part("userId", &user), "--b\r\ncut off".to_owned()], 400),
        (vec![file_part("file", "a.exe", "MZ"), part("userId", &user)], 400),
    ] {
        caller.send_form("/api/ingest", form.clone()).await.with_status(status);
        assert_eq!(files_in(data_dir.path()), 0, "{form:?}");
    }
    let theirs = Caller::with(&server, &other.session);
    theirs.ingest(&other_user, "theirs", "The owl hunts at night.").await.with_status(200);
    caller.ingest(&user, "theirs", "The heron nests.").await.with_status(403);
    assert_eq!(files_in(data_dir.path()), 1);
    assert_eq!(caller.documents().await.len(), 0);
}

/// An id that was refused, or whose document is gone, is anybody's again.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_belongs_to_whoever_has_a_document_of_it() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.plans = toml::from_str("[one-document]\ndocuments_max = 1\n").unwrap();
    });
    let (one, two) =
        (Member::new(&server, "one-document", false), Member::new(&server, "metacogna", false));
    let (first, second) =
        (Caller::with(&server, &one.session), Caller::with(&server, &two.session));
    let (first_user, second_user) = (one.id.to_string(), two.id.to_string());
    first.ingest(&first_user, "mine", "The heron nests.").await.with_status(200);
    // The plan refuses it, and so it is not taken.
    first.ingest(&first_user, "next", "The owl hunts.").await.with_status(403);
    second.ingest(&second_user, "next", "The owl hunts.").await.with_status(200);
    second.ingest(&second_user, "mine", "The owl hunts.").await.with_status(403);
    first.delete("/api/documents/mine").await.with_status(200);
    second.ingest(&second_user, "mine", "The owl hunts.").await.with_status(200);
    first.ingest(&first_user, "mine", "The heron nests.").await.with_status(403);
    assert_eq!(first.documents().await, Vec::<serde_json::Value>::new());
}

/// Nothing of a sign-up is made when its files cannot be kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_whose_files_are_refused_makes_nobody() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = TestServer::start_with(data_dir.path(), Arc::new(SystemClock), |config| {
        config.plans =
            toml::from_str("[metacogna]\ndocuments_max = 1\ndocument_bytes_max = 100\n").unwrap();
    });
    let admin = Caller::with(&server, &server.new_session(true));
    let parts = [("name", "Alice"), ("email", "alice@example.com"), ("password", "SecurePass123!")];
    let users = || server.directory.users(Dialect::Metacogna).len();
    let before = (users(), server.directory.tenant_count());
    let long = "x".repeat(101);
    for (files, status) in [
        (vec![("good.md", "x"), ("bad.exe", "MZ")], 400),
        (vec![("good.md", "x"), ("bad", "x")], 400),
        (vec![("one.md", "x"), ("two.md", "y")], 403),
        (vec![("long.md", long.as_str())], 403),
    ] {
        let refused = admin.sign_up_with(&parts, &files).await;
        assert_eq!(refused.with_status(status)["success"], false, "{files:?}");
        assert_eq!(users(), before.0, "{files:?}");
        // What was stored already is erased in the background.
        for _ in 0..LOOKS_MAX {
            if server.registry.erase_leftovers().await {
                break;
            }
            admin.documents().await;
        }
        assert_eq!((server.directory.tenant_count(), files_in(data_dir.path())), (before.1, 0));
    }
    let signed_up = admin.sign_up_with(&parts, &[("good.md", "x")]).await.with_status(201);
    assert_eq!(signed_up["filesUploaded"], json!(1));
    assert_eq!((users(), server.directory.tenant_count()), (before.0 + 1, before.1 + 1));
    assert_eq!(files_in(data_dir.path()), 1);
}
