//! Files and bodies that are too large, and leave nothing.

use std::path::Path;
use std::sync::Arc;

use hebbd::types::{Bound, SystemClock};
use serde_json::json;

use super::caller::Caller;
use crate::support::TestServer;

/// A look costs a request, so this is half a minute or more.
const LOOKS_MAX: usize = 10_000;

fn server(data_dir: &Path) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        config.metorial.ip_requests_max = Bound(None);
        config.metorial.production_requests_max = Bound(None);
        config.metorial.file_bytes_max = 4_096;
        config.metorial.text_chars_max = 50;
    })
}

/// How many bytes of files lie below a directory's folders of that name.
fn bytes_in(directory: &Path, folder: &str) -> u64 {
    let mut bytes = 0;
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.components().any(|part| part.as_os_str() == folder) {
                bytes += entry.metadata().unwrap().len();
            }
        }
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_beyond_the_bound_is_refused_and_a_deleted_one_is_off_the_disk() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server(data_dir.path());
    let owner = Caller::of_production(&server);
    let whole = owner.upload("whole.txt", &"x".repeat(4_096)).await;
    assert_eq!(bytes_in(data_dir.path(), "blobs"), 4_096);
    let refused = owner.try_upload("large.txt", &"x".repeat(4_097)).await;
    assert_eq!(refused.with_status(413)["code"], "payload_too_large");
    let refused = owner.try_upload("huge.txt", &"x".repeat(3_000_000)).await;
    assert_eq!(refused.with_status(413)["code"], "payload_too_large");
    let listed = owner.get("/files").await.with_status(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(bytes_in(data_dir.path(), "uploads"), 0);
    assert_eq!(owner.delete(&format!("/files/{whole}")).await.status, 200);
    let mut looks = 0;
    while bytes_in(data_dir.path(), "blobs") > 0 {
        assert_eq!(owner.get("/files").await.with_status(200)["items"], json!([]));
        looks += 1;
        assert!(looks < LOOKS_MAX, "the file stays on the disk");
    }
    assert_eq!(bytes_in(data_dir.path(), "uploads"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_beyond_the_configured_bound_is_refused() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = server(data_dir.path());
    let owner = Caller::of_production(&server);
    owner.create("/sessions", json!({"name": "é".repeat(50)})).await;
    let refused = owner.post("/sessions", json!({"name": "é".repeat(51)})).await.with_status(422);
    assert_eq!(refused["errors"][0]["code"], "max_length");
    assert_eq!(refused["errors"][0]["path"], json!(["name"]));
}
