//! Files and links to them from end to end, on a real server: a link's reader gets the bytes and
//! nothing runs them, all refusals look alike, what was deleted is off the disk, bytes that others
//! share stay, and a tenant moves with its files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "documents/kept.rs"]
mod kept;
#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;

use hebbd::actors::settings::ShardEntry;
use hebbd::config::Config;
use hebbd::types::{Bound, SystemClock, TenantId};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use support::environment::{Environment, MADE_UP, upload, wire};
use support::{Member, TestServer};
use uuid::Uuid;

const ROOF: &str = "The roof leaks since the storm of Saint Bartholomew.";

fn start(data_dir: &Path) -> TestServer {
    start_with(data_dir, |_| {})
}

fn start_with(data_dir: &Path, change: impl FnOnce(&mut Config)) -> TestServer {
    TestServer::start_with(data_dir, Arc::new(SystemClock), |config| {
        let shard = |no| ShardEntry { no, ..ShardEntry::default() };
        config.shards.shard = vec![shard(0), shard(1)];
        config.metorial.ip_requests_max = Bound(None);
        config.metorial.production_requests_max = Bound(None);
        config.server.allow_reset = true;
        change(config);
    })
}

/// One key's requests.
#[derive(Debug, Clone)]
struct Caller {
    base_url: String,
    key: String,
}

impl Caller {
    fn new(server: &TestServer, environment: &Environment) -> Self {
        Self { base_url: server.base_url.clone(), key: environment.key.clone() }
    }

    /// The same key on a server that was started anew.
    fn at(&self, server: &TestServer) -> Self {
        Self { base_url: server.base_url.clone(), key: self.key.clone() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = http().request(method, format!("{}{path}", self.base_url));
        request.bearer_auth(&self.key)
    }

    /// The answer's status and body.
    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        told(request.send().await.unwrap()).await
    }

    async fn try_upload(&self, file_name: &str, content: &str) -> (u16, Value) {
        let (media_type, body) = upload("generic", "A file", file_name, content);
        let request = self.request(Method::POST, "/files").header("Content-Type", media_type);
        told(request.body(body).send().await.unwrap()).await
    }

    async fn upload(&self, file_name: &str, content: &str) -> String {
        let (status, file) = self.try_upload(file_name, content).await;
        assert_eq!(status, 200, "{file}");
        file["id"].as_str().unwrap().to_owned()
    }

    /// The address of a new link to a file, and the link's id.
    async fn link(&self, file: &str) -> (String, String) {
        let path = format!("/files/{file}/links");
        let (status, link) = self.send(Method::POST, &path, Some(json!({}))).await;
        assert_eq!(status, 200, "{link}");
        (link["url"].as_str().unwrap().to_owned(), link["id"].as_str().unwrap().to_owned())
    }

    async fn delete(&self, path: &str) {
        let (status, deleted) = self.send(Method::DELETE, path, None).await;
        assert_eq!((status, &deleted["status"]), (200, &json!("deleted")), "{deleted}");
    }
}

fn http() -> Client {
    Client::builder().build().unwrap()
}

async fn told(answer: Response) -> (u16, Value) {
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// What a link's address answers, whoever asks.
async fn follow(url: &str) -> (u16, String) {
    let answer = http().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_the_bytes_or_a_part_of_them_and_nothing_runs_them() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let owner = Caller::new(&server, &Environment::new(&server, false));
    let (url, _) = owner.link(&owner.upload("\u{20ac} roof.html", ROOF).await).await;
    let answer = http().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    for (name, value) in [
        ("content-type", "text/plain"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "sandbox"),
        ("cache-control", "private, no-store"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(header(&answer, name), value, "{name}");
    }
    assert_eq!(
        header(&answer, "content-disposition"),
        "attachment; filename=\"_ roof.html\"; filename*=UTF-8''%E2%82%AC%20roof.html"
    );
    assert_eq!(header(&answer, "ratelimit-limit"), "");
    let whole_length = ROOF.len().to_string();
    assert_eq!(header(&answer, "content-length"), whole_length);
    assert_eq!(answer.text().await.unwrap(), ROOF);

    let answer = http().head(&url).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "content-length")),
        (200, &*whole_length)
    );
    assert_eq!(answer.text().await.unwrap(), "");

    let answer = http().get(&url).header("Range", "bytes=4-7").send().await.unwrap();
    assert_eq!(answer.status(), 206);
    assert_eq!(header(&answer, "content-range"), format!("bytes 4-7/{whole_length}"));
    assert_eq!(header(&answer, "content-security-policy"), "sandbox");
    assert_eq!(answer.text().await.unwrap(), "roof");
    let answer = http().get(&url).header("Range", "bytes=9999-").send().await.unwrap();
    assert_eq!(answer.status(), 416);
    // It takes no key, and a good one changes nothing.
    let answer = http().get(&url).bearer_auth(&owner.key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = http().post(&url).send().await.unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_to_a_reader_looks_like_every_other() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let owner = Caller::new(&server, &environment);
    let other = Environment::new(&server, false);
    let file = owner.upload("roof.txt", ROOF).await;
    let (url, id) = owner.link(&file).await;
    let (deleted, deleted_id) = owner.link(&file).await;
    owner.delete(&format!("/file-links/{deleted_id}")).await;
    let base = format!("{}/files/retrieve", server.base_url);
    let token = url.rsplit('/').next().unwrap();
    let (tenant, secret) = token.split_at(22);
    let swapped = token.replace(tenant, other.id().strip_prefix("ins_").unwrap());
    let unknown = token.replace(tenant, &wire("", Uuid::now_v7())[1..]);
    let wrong = format!("{tenant}{}", secret.chars().rev().collect::<String>());
    let (status, body) = follow(&deleted).await;
    assert_eq!(status, 404);
    let said: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&said["code"], &said["object"]), (&json!("not_found"), &json!("error")));
    for refused in [
        format!("{base}/{id}/{wrong}"),
        format!("{base}/{id}/{tenant}"),
        format!("{base}/{id}/{swapped}"),
        format!("{base}/{id}/{unknown}"),
        format!("{base}/{id}/short"),
        format!("{base}/{id}/%FF%00"),
        format!("{base}/flk_{MADE_UP}/{token}"),
        format!("{base}/{file}/{token}"),
        format!("{base}/links/{id}"),
    ] {
        assert_eq!(follow(&refused).await, (404, body.clone()), "{refused}");
    }
    assert_eq!(follow(&url).await, (200, ROOF.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_is_in_no_record_and_off_the_disk_also_after_a_restart() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let owner = Caller::new(&server, &environment);
    let (gone, stays) =
        (owner.upload("zwiebelturm.txt", ROOF).await, owner.upload("b.txt", "b").await);
    let ((url, _), (stays_url, _)) = (owner.link(&gone).await, owner.link(&stays).await);
    let secret = url.rsplit('/').next().unwrap()[22..].to_owned();
    assert!(kept::records(&server).contains("zwiebelturm"));
    owner.delete(&format!("/files/{gone}")).await;
    let check = async |server: &TestServer, owner: &Caller| {
        let (path, stays_path) =
            (&url[url.find("/files").unwrap()..], &stays_url[stays_url.find("/files").unwrap()..]);
        assert_eq!(follow(&format!("{}{path}", server.base_url)).await.0, 404);
        let (status, _) = owner.send(Method::GET, &format!("/files/{gone}"), None).await;
        assert_eq!(status, 404);
        let records = kept::records(server);
        assert!(!records.contains("zwiebelturm") && !records.contains(&secret));
        let files = kept::contents(&kept::files_of(data_dir.path(), "blobs"));
        assert!(!files.contains("Bartholomew"));
        let stays = follow(&format!("{}{stays_path}", server.base_url)).await;
        assert_eq!(stays, (200, "b".to_owned()));
    };
    check(&server, &owner).await;
    server.stop();
    let server = start(data_dir.path());
    check(&server, &owner.at(&server)).await;
    assert!(kept::uploads(data_dir.path()).is_empty());
}

fn blobs_of(server: &TestServer, data_dir: &Path, tenant: TenantId) -> usize {
    let shard = server.directory.get_tenant(tenant).unwrap().shard;
    kept::originals(data_dir, shard, kept::number_of(server, tenant)).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_stay_as_long_as_a_file_or_a_document_has_them() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let member = Member::new(&server, "local", false);
    let environment = Environment::of(&server, member.tenant);
    let owner = Caller::new(&server, &environment);
    let blobs = || blobs_of(&server, data_dir.path(), member.tenant);
    let (one, two) = (owner.upload("one.txt", ROOF).await, owner.upload("two.txt", ROOF).await);
    let (url, _) = owner.link(&two).await;
    assert_eq!(blobs(), 1);
    owner.delete(&format!("/files/{one}")).await;
    assert_eq!((blobs(), follow(&url).await), (1, (200, ROOF.to_owned())));
    // A document of the same bytes.
    let document =
        json!({"userId": member.id.to_string(), "docId": "d", "title": "t", "content": ROOF});
    let ingest = http().post(format!("{}/api/ingest", server.base_url));
    let ingest = ingest.bearer_auth(&member.session).header("Content-Type", "application/json");
    let (status, taken) = told(ingest.body(document.to_string()).send().await.unwrap()).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(blobs(), 1);
    owner.delete(&format!("/files/{two}")).await;
    assert_eq!((blobs(), follow(&url).await.0), (1, 404));
    let three = owner.upload("three.txt", ROOF).await;
    let delete = http().delete(format!("{}/api/documents/d", server.base_url));
    let (status, _) = told(delete.bearer_auth(&member.session).send().await.unwrap()).await;
    assert_eq!((status, blobs()), (200, 1));
    assert_eq!(follow(&owner.link(&three).await.0).await, (200, ROOF.to_owned()));
    owner.delete(&format!("/files/{three}")).await;
    assert_eq!(blobs(), 0);
    // A reset takes what there is.
    let (url, _) = owner.link(&owner.upload("four.txt", ROOF).await).await;
    let key = server.new_key(member.tenant).secret;
    let reset = http().delete(format!("{}/api/v1/memory/reset", server.base_url));
    let reset = reset.header("X-Api-Key", secrecy::ExposeSecret::expose_secret(&key));
    assert!(reset.send().await.unwrap().status().is_success());
    assert_eq!((blobs(), follow(&url).await.0), (0, 404));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_counts_documents_and_files_together() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start_with(data_dir.path(), |config| {
        let plan = "[metacogna]\ndocuments_max = 2\ndocument_bytes_max = 60\n";
        config.plans = toml::from_str(plan).unwrap();
    });
    let member = Member::new(&server, "metacogna", false);
    let owner = Caller::new(&server, &Environment::of(&server, member.tenant));
    let one = owner.upload("one.txt", ROOF).await;
    let (status, refused) = owner.try_upload("two.txt", ROOF).await;
    assert_eq!((status, &refused["reason"]), (403, &json!("limit_reached")), "{refused}");
    let two = owner.upload("two.txt", "two").await;
    let (status, _) = owner.try_upload("three.txt", "3").await;
    assert_eq!(status, 403);
    let document =
        json!({"userId": member.id.to_string(), "docId": "d", "title": "t", "content": "x"});
    let ingest = http().post(format!("{}/api/ingest", server.base_url));
    let ingest = ingest.bearer_auth(&member.session).header("Content-Type", "application/json");
    let status = ingest.body(document.to_string()).send().await.unwrap().status();
    assert!(status.is_client_error(), "{status}");
    owner.delete(&format!("/files/{one}")).await;
    owner.delete(&format!("/files/{two}")).await;
    owner.upload("one.txt", ROOF).await;
    assert_eq!(blobs_of(&server, data_dir.path(), member.tenant), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_moves_with_its_files_and_goes_with_them() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let environment = Environment::new(&server, false);
    let owner = Caller::new(&server, &environment);
    let file = owner.upload("roof.txt", ROOF).await;
    let (url, _) = owner.link(&file).await;
    let administer = async |method: Method, path: &str, body: Option<Value>| {
        let url = format!("{}/admin/v1{path}", server.admin_url);
        let mut request = http().request(method, url).bearer_auth(&server.admin_token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let (status, answer) = told(request.send().await.unwrap()).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    for _ in 0..2 {
        let from = server.directory.get_tenant(environment.tenant).unwrap().shard;
        let path = format!("/tenants/{}/move", environment.tenant);
        let moved = administer(Method::POST, &path, Some(json!({"shard": 1 - from.0}))).await;
        assert_eq!(moved["state"], "moved", "{moved}");
        assert_eq!(follow(&url).await, (200, ROOF.to_owned()));
        let number = kept::number_of(&server, environment.tenant);
        assert!(kept::originals(data_dir.path(), from, number).is_empty(), "a file is left behind");
    }
    administer(Method::DELETE, &format!("/tenants/{}", environment.tenant), None).await;
    assert_eq!(follow(&url).await.0, 404);
    assert!(kept::files_of(data_dir.path(), "blobs").is_empty());
}
