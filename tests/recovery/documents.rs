//! `kill -9` while documents are received, indexed, indexed anew and deleted. After the restart each
//! is indexed by itself, with exactly its chunks, or is gone with all that was made of it; and
//! nothing of what was shown of its way is taken back. Moments are counted in answers of a route
//! that no tenant has a part in, so they fit any machine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, TryRecvError};

use hebbd::control::keys::Dialect;
use hebbd::control::passwords::login_secret;
use hebbd::engine::chunking::{ChunkRule, chunk};
use hebbd::extraction::{ExtractionSettings, Extractor};
use hebbd::types::{Clock, FileKind, SystemClock};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::process::{ServerProcess, credentials};
use crate::seed::seeded;

/// Nothing here takes this long unless it hangs.
const PATIENCE_US: u64 = 180_000_000;

/// The words for what is being done to a document, in order.
const STAGES: [&str; 5] = ["queued", "processing", "embedding", "graphing", "completed"];

/// One document is indexed at a time, so that a second one is seen waiting.
const ONE_WORKER: &[&str] = &["--set", "jobs.workers=1", "--set", "jobs.workers_per_tenant=1"];

/// A killed attempt counts as a failed one. An operator's patience, and no pauses.
const MANY_ATTEMPTS: &[&str] = &[
    "--set",
    "jobs.attempts_max=1000",
    "--set",
    "jobs.backoff_initial_ms=1",
    "--set",
    "jobs.backoff_max_ms=1",
];

const FIXTURE: &str = "pdftex-canal.pdf";

const KILLS_AT_RANDOM: usize = 20;
const INTERRUPTED_UPLOADS: usize = 8;
const DELETIONS: usize = 10;
const REINDEXED: usize = 10;

/// Sentences of a text in which every chunk differs from every other.
fn text_of(name: &str, sentences: usize) -> String {
    let sentence = |number: usize| {
        let token = blake3::hash(format!("{name}/{number}").as_bytes()).to_hex();
        format!(
            "Keeper {} of the lighthouse noted ship {number} of Farholm Shipping. ",
            &token[..8]
        )
    };
    (0..sentences).map(sentence).collect()
}

/// What the server must make of a text.
fn chunks_of(text: &str) -> Vec<String> {
    chunk(text, ChunkRule::default())
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/documents").join(FIXTURE)
}

/// What the server must make of the fixture.
fn chunks_of_fixture() -> Vec<String> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_hebbd"));
    let extractor = Extractor::new(program, ExtractionSettings::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let text = runtime.block_on(extractor.extract(FileKind::Pdf, &fixture()));
    chunks_of(&text.unwrap())
}

/// The parts of a form: texts by name, then files as `(part, name, content)`.
fn form(texts: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, text) in texts {
        let head = format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(format!("{head}{text}\r\n").as_bytes());
    }
    for (part, name, content) in files {
        let head = format!("form-data; name=\"{part}\"; filename=\"{name}\"");
        body.extend_from_slice(format!("--cut\r\nContent-Disposition: {head}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--cut--\r\n");
    body
}

/// How far a document was shown to have come. Every part by itself never falls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shown {
    stage: usize,
    progress: u64,
    chunks_processed: u64,
}

impl Shown {
    fn of(answer: &Value) -> Self {
        let status = &answer["status"];
        let stage = STAGES.iter().position(|stage| status["status"] == *stage);
        Self {
            stage: stage.unwrap_or_else(|| panic!("{answer}")),
            progress: status["progress"].as_u64().unwrap(),
            chunks_processed: status["chunksProcessed"].as_u64().unwrap(),
        }
    }

    fn is_done(self) -> bool {
        self.stage + 1 == STAGES.len()
    }

    /// Takes over what is shown now.
    #[track_caller]
    fn go_on_to(&mut self, now: Self) {
        assert!(
            now.stage >= self.stage
                && now.progress >= self.progress
                && now.chunks_processed >= self.chunks_processed,
            "it fell from {self:?} to {now:?}"
        );
        assert_eq!(now.progress == 100, now.is_done(), "{now:?}");
        *self = now;
    }
}

/// A server with a data directory, and an admin who has documents on it.
struct Library {
    data_dir: tempfile::TempDir,
    flags: Vec<&'static str>,
    /// `None` between a kill and the next start.
    server: Option<ServerProcess>,
    client: Client,
    token: String,
    user: String,
}

impl Library {
    fn open(flags: &[&'static str]) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = ServerProcess::start(data_dir.path(), flags);
        let login = &credentials(data_dir.path())["metacogna"];
        let [name, password] = ["username", "password"].map(|key| login[key].as_str().unwrap());
        let (token, user) = log_in(&server, name, password);
        let client = server.client();
        Self { data_dir, flags: flags.to_vec(), server: Some(server), client, token, user }
    }

    fn server(&self) -> &ServerProcess {
        self.server.as_ref().unwrap()
    }

    fn more(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token)
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let more = self.more();
        self.client.send_with(method, path, body, &more).unwrap()
    }

    fn kill(&mut self) {
        self.server.take().unwrap().kill();
    }

    fn start(&mut self) {
        let server = ServerProcess::start(self.data_dir.path(), &self.flags);
        self.client = server.client();
        self.server = Some(server);
    }

    fn kill_and_restart(&mut self) {
        self.kill();
        self.start();
    }

    /// A connection to the server over which nothing was sent yet.
    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server().base_url.strip_prefix("http://").unwrap()).unwrap()
    }

    fn request(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
        let (more, length) = (self.more(), body.len());
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\n{more}Content-Type: {content_type}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends a request whose answer nobody waits for. The connection stays open until it is
    /// dropped.
    fn send(&self, request: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        stream
    }

    fn ingestion(&self, id: &str, text: &str) -> Vec<u8> {
        let body = json!({"userId": self.user, "docId": id, "title": id, "content": text});
        self.request("POST", "/api/ingest", "application/json", body.to_string().as_bytes())
    }

    fn ingestion_of_fixture(&self) -> Vec<u8> {
        let pdf = std::fs::read(fixture()).unwrap();
        let body = form(&[("userId", &self.user)], &[("file", FIXTURE, &pdf)]);
        self.request("POST", "/api/ingest", "multipart/form-data; boundary=cut", &body)
    }

    /// Has a text indexed and waits for that.
    fn ingest(&mut self, id: &str, text: &str) {
        let body = json!({"userId": self.user, "docId": id, "title": id, "content": text});
        let answer = self.call("POST", "/api/ingest", Some(&body)).ok();
        assert_eq!(answer["chunks"], chunks_of(text).len(), "{answer}");
    }

    fn list_of(&mut self, user: &str) -> Vec<Value> {
        let answer = self.call("GET", &format!("/api/documents?userId={user}"), None).ok();
        answer["documents"].as_array().unwrap().clone()
    }

    fn list(&mut self) -> Vec<Value> {
        self.list_of(&self.user.clone())
    }

    /// The id of a document by its title, once it is there.
    fn id_of(&mut self, title: &str) -> String {
        self.id_of_in(&self.user.clone(), title)
    }

    fn id_of_in(&mut self, user: &str, title: &str) -> String {
        let mut patience = Patience::begun();
        loop {
            let list = self.list_of(user);
            if let Some(found) = list.iter().find(|document| document["title"] == title) {
                return found["id"].as_str().unwrap().to_owned();
            }
            patience.check("the document does not come");
        }
    }

    /// `None` while there is no such document.
    fn shown(&mut self, id: &str) -> Option<Shown> {
        let answer = self.call("GET", &format!("/api/documents/{id}/status"), None);
        (answer.status != 404).then(|| Shown::of(&answer.ok()))
    }

    /// Waits until a document has come to a stage. `None` when it has gone past it unseen.
    fn wait_for(&mut self, id: &str, stage: usize) -> Option<Shown> {
        let mut patience = Patience::begun();
        loop {
            match self.shown(id) {
                Some(shown) if shown.stage == stage => return Some(shown),
                Some(shown) if shown.stage > stage => return None,
                _ => patience.check("the document does not go on"),
            }
        }
    }

    /// Follows a document to its end; what it shows never falls.
    fn follow(&mut self, id: &str, mut shown: Shown) {
        let mut patience = Patience::begun();
        while !shown.is_done() {
            shown.go_on_to(self.shown(id).unwrap());
            patience.check("the document is not indexed");
        }
    }

    fn reindex(&mut self) -> u64 {
        let answer = self.call("POST", "/api/documents/reindex", None).ok();
        answer["documentsReindexed"].as_u64().unwrap()
    }

    /// The chunks that the tenant's other API tells of, by document and place.
    fn stored_chunks(&mut self) -> BTreeMap<(String, u64), String> {
        let mut chunks = BTreeMap::new();
        for atom in self.client.export() {
            assert_eq!(atom["domain"], "~documents", "{atom}");
            let of = atom["metadata"]["document_id"].as_str().unwrap().to_owned();
            let index = atom["metadata"]["chunk_index"].as_u64().unwrap();
            let text = atom["content"].as_str().unwrap().to_owned();
            let before = chunks.insert((of, index), text);
            assert_eq!(before, None, "stored twice: {atom}");
        }
        chunks
    }

    /// As [`Self::check_documents`], and there is no file that is none of theirs.
    #[track_caller]
    fn check(&mut self, expected: &[(&str, &[String])]) {
        self.check_documents(expected);
        assert_eq!(self.files(), (expected.len(), 0), "originals, and files that nobody receives");
    }

    /// Exactly these documents are there, indexed, with exactly their chunks, in every list, search
    /// and export.
    #[track_caller]
    fn check_documents(&mut self, expected: &[(&str, &[String])]) {
        let list = self.list();
        assert_eq!(list.len(), expected.len(), "{list:?}");
        let mut all = BTreeMap::new();
        for (id, chunks) in expected {
            let document = list.iter().find(|document| document["id"] == **id);
            let document = document.unwrap_or_else(|| panic!("{id} is lost: {list:?}"));
            assert_eq!(document["status"], "indexed", "{document}");
            assert_eq!(
                (&document["progress"], &document["chunkCount"]),
                (&json!(100), &json!(chunks.len()))
            );
            all.extend(
                (0..).zip(*chunks).map(|(index, text)| (((*id).to_owned(), index), text.clone())),
            );
        }
        assert!(self.stored_chunks() == all, "not the chunks that were asked for");
        for (id, chunks) in expected {
            self.check_search(&all, id, &chunks[chunks.len() / 2]);
        }
    }

    /// A search for a chunk finds it, and every chunk at most once.
    #[track_caller]
    fn check_search(&mut self, all: &BTreeMap<(String, u64), String>, id: &str, text: &str) {
        let body = json!({"query": text, "topK": 100});
        let results = self.call("POST", "/api/search", Some(&body)).ok()["results"].clone();
        let mut found = BTreeMap::new();
        for result in results.as_array().unwrap() {
            let index = result["metadata"]["chunkIndex"].as_u64().unwrap();
            let of = result["documentId"].as_str().unwrap();
            assert_eq!(result["id"], format!("{of}-{index}"));
            assert_eq!(all[&(of.to_owned(), index)], result["text"].as_str().unwrap());
            let before = found.insert(result["id"].clone().to_string(), of.to_owned());
            assert_eq!(before, None, "found twice: {result}");
        }
        assert_eq!(results[0]["text"], text, "the best is the chunk itself");
        assert_eq!(results[0]["documentId"], id);
        assert_eq!(found.len(), all.len().min(100));
    }

    /// Originals of all tenants, and files that are being received.
    fn files(&self) -> (usize, usize) {
        let shards = entries(&self.data_dir.path().join("shards"));
        let tenants = shards.iter().flat_map(|shard| entries(&shard.join("blobs")));
        let originals = tenants.map(|tenant| entries(&tenant).len()).sum();
        (originals, entries(&self.data_dir.path().join("uploads")).len())
    }

    fn wait_for_a_file_in_arrival(&self) {
        let mut patience = Patience::begun();
        while self.files().1 == 0 {
            patience.check("no file arrives");
        }
    }

    /// How many moments something takes.
    fn moments_of(&mut self, work: impl FnOnce(&mut Self)) -> u64 {
        let mut clock = self.server().client();
        let (working, is_over) = mpsc::channel::<()>();
        let counting = std::thread::spawn(move || {
            let mut moments = 0;
            while is_over.try_recv() == Err(TryRecvError::Empty) {
                tick(&mut clock);
                moments += 1;
            }
            moments
        });
        work(self);
        drop(working);
        counting.join().unwrap()
    }

    /// Lets so many moments pass.
    fn pass(&self, moments: u64) {
        let mut clock = self.server().client();
        for _ in 0..moments {
            tick(&mut clock);
        }
    }

    /// Watches a document for so many moments, which a kill ends. `shown` was shown before, and is
    /// what was shown last if the kill comes before the first look.
    fn kill_while_watched(&mut self, id: &str, moments: u64, mut shown: Shown) -> Shown {
        let (path, more) = (format!("/api/documents/{id}/status"), self.more());
        let mut watch = self.server().client();
        let watching = std::thread::spawn(move || {
            while let Ok(answer) = watch.send_with("GET", &path, None, &more) {
                shown.go_on_to(Shown::of(&answer.ok()));
            }
            shown
        });
        self.pass(moments);
        self.kill();
        watching.join().unwrap()
    }
}

fn tick(clock: &mut Client) {
    assert_eq!(clock.get("/api/health").status, 200);
}

fn log_in(server: &ServerProcess, name: &str, password: &str) -> (String, String) {
    let secret = login_secret(Dialect::Metacogna, name, &SecretString::from(password));
    let body = json!({"username": name, "password": secret.expose_secret()});
    let answer = server.client().post("/api/auth/login", &body).ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&answer["token"]), text(&answer["user"]["id"]))
}

/// What is in a directory that need not be there.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(directory) else { return Vec::new() };
    found.map(|entry| entry.unwrap().path()).collect()
}

struct Patience {
    ends_at_us: u64,
}

impl Patience {
    fn begun() -> Self {
        Self { ends_at_us: SystemClock.monotonic_micros() + PATIENCE_US }
    }

    #[track_caller]
    fn check(&mut self, what: &str) {
        assert!(SystemClock.monotonic_micros() < self.ends_at_us, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_document_that_a_kill_interrupts_at_any_stage_is_indexed_once_after_the_restart() {
    let mut library = Library::open(ONE_WORKER);
    let ahead = text_of("ahead", 1_200);
    let (ahead_chunks, mut done) = (chunks_of(&ahead), Vec::new());
    for (stage, id) in STAGES.into_iter().enumerate().take(STAGES.len() - 1) {
        // Longer texts until the stage is seen.
        let (seen, text) = (0..5)
            .find_map(|doublings| {
                let text = text_of(id, 1_500 << doublings);
                let _ahead =
                    (stage == 0).then(|| library.send(&library.ingestion("ahead", &ahead)));
                if stage == 0 {
                    library.wait_for("ahead", 1);
                }
                // A shorter one may be there already.
                library.call("DELETE", &format!("/api/documents/{id}"), None);
                let _open = library.send(&library.ingestion(id, &text));
                library.wait_for(id, stage).map(|seen| (seen, text))
            })
            .unwrap_or_else(|| panic!("nobody ever sees a document {id}"));
        library.kill_and_restart();
        library.follow(id, seen);
        if stage == 0 {
            library.follow("ahead", Shown::default());
            done.push(("ahead", ahead_chunks.clone()));
        }
        done.push((id, chunks_of(&text)));
        let expected: Vec<_> = done.iter().map(|(id, chunks)| (*id, chunks.as_slice())).collect();
        library.check(&expected);
        let list = library.list();
        library.kill_and_restart();
        assert_eq!(library.list(), list, "another kill changes nothing");
        library.check(&expected);
    }
}

#[test]
fn a_pdf_whose_reader_a_kill_takes_along_is_indexed_after_the_restart() {
    let mut library = Library::open(MANY_ATTEMPTS);
    let chunks = chunks_of_fixture();
    let _open = library.send(&library.ingestion_of_fixture());
    let id = library.id_of(FIXTURE);
    let mut interrupted = 0;
    for _ in 0..3 {
        // The child that reads it takes a moment; the rest of so short a text may pass unseen.
        let seen = library.wait_for(&id, 1);
        library.kill_and_restart();
        let now = library.shown(&id).unwrap();
        if now.is_done() {
            assert_eq!(library.reindex(), 1);
        } else if let Some(mut seen) = seen {
            seen.go_on_to(now);
            interrupted += 1;
        }
    }
    assert!(interrupted > 0, "no kill came while it was read");
    library.follow(&id, Shown::default());
    library.check(&[(&id, &chunks)]);
    library.kill_and_restart();
    library.check(&[(&id, &chunks)]);
}

#[test]
fn a_document_that_twenty_kills_interrupt_is_indexed_once() {
    let mut rng = seeded("kills while a document is indexed");
    let mut library = Library::open(MANY_ATTEMPTS);
    let text = text_of("often", 1_000);
    let chunks = chunks_of(&text);
    let _open = library.send(&library.ingestion("often", &text));
    library.wait_for("often", 0);
    let moments = library.moments_of(|library| library.follow("often", Shown::default()));
    let (mut last, mut interrupted) = (Shown::default(), 0);
    for _ in 0..KILLS_AT_RANDOM {
        if library.shown("often").unwrap().is_done() {
            library.check(&[("often", &chunks)]);
            assert_eq!(library.reindex(), 1);
            last = Shown::default();
        }
        let kill_after = rng.random_range(0..=moments + moments / 8);
        last = library.kill_while_watched("often", kill_after, last);
        interrupted += usize::from(!last.is_done());
        library.start();
        last.go_on_to(library.shown("often").unwrap());
    }
    println!("{interrupted} of {KILLS_AT_RANDOM} kills came before the end");
    assert!(interrupted > 0, "no kill came before the end");
    library.follow("often", last);
    library.check(&[("often", &chunks)]);
}

#[test]
fn what_was_acknowledged_before_a_kill_is_indexed_after_it() {
    let mut library = Library::open(MANY_ATTEMPTS);
    let pdf = std::fs::read(fixture()).unwrap();
    let (pdf_chunks, mut given_up) = (chunks_of_fixture(), Vec::new());
    for round in 0..3 {
        let (email, text) = (format!("{round}@example.com"), text_of("signed up", 800 + round));
        let texts = [("name", "Ada"), ("email", &email), ("password", "TestPass123!")];
        let files: [(&str, &str, &[u8]); 2] =
            [("files[]", "notes.md", text.as_bytes()), ("files", FIXTURE, &pdf)];
        let request = form(&texts, &files);
        let request =
            library.request("POST", "/api/signup", "multipart/form-data; boundary=cut", &request);
        let mut stream = library.send(&request);
        let head = read_head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 201"), "{head}");
        library.kill_and_restart();
        let (token, user) = log_in(library.server(), &email, "TestPass123!");
        let list = library.list_of(&user);
        assert_eq!(list.len(), 2, "{list:?}");
        let admin = std::mem::replace(&mut library.token, token);
        for (name, chunks) in [("notes.md", &chunks_of(&text)), (FIXTURE, &pdf_chunks)] {
            let id = library.id_of_in(&user, name);
            library.follow(&id, Shown::default());
            let list = library.list_of(&user);
            let document = list.iter().find(|document| document["id"] == id).unwrap();
            assert_eq!(
                (&document["status"], &document["chunkCount"]),
                (&json!("indexed"), &json!(chunks.len()))
            );
        }
        library.token = admin;

        // And one whose sender does not wait for the answer.
        let id = format!("given-up-{round}");
        let text = text_of(&id, 800);
        let stream = library.send(&library.ingestion(&id, &text));
        library.id_of(&id);
        drop(stream);
        library.kill_and_restart();
        library.follow(&id, Shown::default());
        given_up.push((id, chunks_of(&text)));
        library.check_documents(&borrowed(&given_up));
        assert_eq!(library.files(), (3 * given_up.len(), 0));
    }
}

#[test]
fn an_upload_that_a_kill_interrupts_is_there_whole_or_not_at_all() {
    let mut rng = seeded("kills while a document is received");
    let mut library = Library::open(MANY_ATTEMPTS);
    let mut expected: Vec<(String, Vec<String>)> = Vec::new();
    let mut moments = 0;
    let mut left_over = 0;
    for round in 0..INTERRUPTED_UPLOADS {
        let title = format!("upload-{round}.md");
        let text = text_of(&title, 3_000);
        let body = form(&[("userId", &library.user)], &[("file", &title, text.as_bytes())]);
        let content_type = "multipart/form-data; boundary=cut";
        let request = library.request("POST", "/api/ingest", content_type, &body);
        // Half of them are never sent to their end. The first one shows how long they take.
        let is_whole = round % 2 == 0;
        let half = request.len() / 2;
        let sent = if is_whole { request.len() } else { rng.random_range(half..request.len()) };
        let open = library.send(&request[..sent]);
        if round == 0 {
            moments = library.moments_of(|library| drop(library.id_of(&title)));
        } else if is_whole {
            library.pass(rng.random_range(0..=2 * moments));
        } else {
            library.wait_for_a_file_in_arrival();
        }
        library.kill();
        drop(open);
        left_over += library.files().1;
        library.start();
        let list = library.list();
        let found = list.iter().find(|document| document["title"] == title);
        assert!(is_whole || found.is_none(), "{sent} of {} bytes: {found:?}", request.len());
        assert!(round > 0 || found.is_some(), "what was seen is lost");
        if let Some(document) = found {
            let id = document["id"].as_str().unwrap().to_owned();
            library.follow(&id, Shown::default());
            expected.push((id, chunks_of(&text)));
        }
        library.check(&borrowed(&expected));
    }
    let taken = expected.len();
    println!("{taken} of {INTERRUPTED_UPLOADS} uploads were taken; {left_over} left a file behind");
    assert!(left_over >= INTERRUPTED_UPLOADS / 2, "{left_over} kills left a file behind");
}

fn borrowed(documents: &[(String, Vec<String>)]) -> Vec<(&str, &[String])> {
    documents.iter().map(|(id, chunks)| (id.as_str(), chunks.as_slice())).collect()
}

#[test]
fn a_document_whose_deletion_a_kill_interrupts_is_whole_or_gone() {
    let mut rng = seeded("kills while a document is deleted");
    let mut library = Library::open(MANY_ATTEMPTS);
    let (stays, goes) = (text_of("stays", 100), text_of("goes", 600));
    let chunks = [chunks_of(&stays), chunks_of(&goes)];
    let with: [(&str, &[String]); 2] = [("stays", &chunks[0]), ("goes", &chunks[1])];
    library.ingest("stays", &stays);
    let (mut gone, mut is_there, mut moments) = (0, false, 0);
    for round in 0..DELETIONS {
        if !is_there {
            library.ingest("goes", &goes);
            library.check(&with);
        }
        let request = library.request("DELETE", "/api/documents/goes", "text/plain", b"");
        let mut stream = library.send(&request);
        // The first one shows how long they take.
        let is_acknowledged = round == 0;
        if is_acknowledged {
            moments = library.moments_of(|_| {
                assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"));
            });
        } else {
            library.pass(rng.random_range(0..=moments + moments / 2));
        }
        library.kill_and_restart();
        is_there = library.shown("goes").is_some();
        assert!(!is_acknowledged || !is_there, "what was deleted came back");
        library.check(&with[..1 + usize::from(is_there)]);
        gone += usize::from(!is_there);
    }
    println!("{gone} of {DELETIONS} deletions, of {moments} moments each, took place");
}

#[test]
fn documents_whose_reindexing_a_kill_interrupts_are_all_indexed_again() {
    let mut rng = seeded("kills while documents are indexed anew");
    let mut library = Library::open(MANY_ATTEMPTS);
    let mut expected = Vec::new();
    for number in 0..REINDEXED {
        let id = format!("again-{number}");
        let text = text_of(&id, 100 + 10 * number);
        library.ingest(&id, &text);
        expected.push((id, chunks_of(&text)));
    }
    let expected = borrowed(&expected);
    for round in 0..3 {
        let request = library.request("POST", "/api/documents/reindex", "text/plain", b"");
        let mut stream = library.send(&request);
        if round > 0 {
            // The first kill meets the request itself, the others what it has begun.
            assert!(read_head(&mut stream).starts_with("HTTP/1.1 200"));
        }
        library.pass(rng.random_range(0..30));
        library.kill_and_restart();
        library.pass(rng.random_range(0..30));
        library.kill_and_restart();
        for (id, _) in &expected {
            library.follow(id, Shown::default());
        }
        library.check(&expected);
    }
}

/// The head of an answer, byte by byte.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}
