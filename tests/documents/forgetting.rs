//! What is deleted of documents is nowhere: in no answer of either dialect, in no file, in no
//! record of any shard; whatever way it was deleted, before and after a restart.

use std::collections::BTreeMap;

use hebbd::storage::keys::Kind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::owner::{Owner, Upload, story_of, texts};
use crate::support::TestServer;
use crate::{administer, kept, mnemoverse, start, until};

/// In a document that is to stay.
const KEPT: &str = "Brumholm";
const QUESTION: &str = "Who founded the labs and built a lighthouse beside the harbour?";

/// Where a document that is indexed can be seen.
const EVERYWHERE: [&str; 11] = [
    "search",
    "search by body",
    "chat",
    "graph",
    "documents",
    "export",
    "read",
    "recent",
    "stats",
    "blobs",
    "records",
];
/// Where one that could not be indexed can be.
const WHERE_UNREADABLE: [&str; 3] = ["documents", "blobs", "records"];
/// Where an atom can be seen that belongs to no document.
const WHERE_ATOMS: [&str; 5] = ["export", "read", "recent", "stats", "records"];

/// A name that nobody ever had.
fn marker() -> String {
    format!("Qv{}", &Uuid::new_v4().simple().to_string()[..12])
}

struct Scene {
    server: Option<TestServer>,
    owner: Owner,
    marker: String,
    /// The documents with the marker.
    marked: Vec<String>,
    data_dir: tempfile::TempDir,
}

/// A file with a name everywhere.
fn upload_about(name: &str) -> Upload {
    Upload {
        title: Some(format!("On {name}")),
        metadata: Some(json!({"author": name, "about": {"person": [name]}})),
        ..Upload::of(&format!("{name}.md"), story_of(name))
    }
}

impl Scene {
    fn new() -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let server = start(data_dir.path());
        let owner = Owner::new(&server);
        Self { server: Some(server), owner, marker: marker(), marked: Vec::new(), data_dir }
    }

    /// Two documents with the marker, one that stays, and an atom that is no document's.
    fn filled() -> Self {
        let mut scene = Self::new();
        let (owner, marker) = (&scene.owner, scene.marker.clone());
        let uploaded = owner.upload(&upload_about(&marker));
        let id = format!("{marker}-notes");
        let text = story_of(&format!("{marker} the younger"));
        let metadata = json!({"tags": [marker]});
        owner.ingest(&id, &format!("Notes of {marker}"), &text, &metadata).ok();
        scene.marked = vec![uploaded, id];
        scene.keep();
        scene
    }

    fn keep(&self) {
        self.owner.upload(&upload_about(KEPT));
        let mut client = mnemoverse(self.server(), self.owner.tenant);
        let atom = json!({
            "content": format!("The labs of {KEPT} are closed"), "domain": format!("of:{KEPT}"),
        });
        assert_eq!(client.write(&atom)["stored"], true);
    }

    fn server(&self) -> &TestServer {
        self.server.as_ref().unwrap()
    }

    fn restart(&mut self) {
        self.server.take().unwrap().stop();
        let server = start(self.data_dir.path());
        self.owner = self.owner.at(&server);
        self.server = Some(server);
    }

    /// Everything that the server can be made to say or keeps, by where it was found.
    fn everything(&self) -> BTreeMap<&'static str, String> {
        let owner = &self.owner;
        let mut client = mnemoverse(self.server(), owner.tenant);
        let by_body = json!({"query": QUESTION, "topK": 100});
        let read = json!({
            "query": QUESTION, "top_k": 100, "min_relevance": 0, "include_history": true,
            "include_associations": true,
        });
        let recent = json!({"limit": 100, "include_history": true});
        let ids = self.marked.iter().map(String::as_str);
        let statuses: Vec<String> = ids.map(|id| owner.status(id).text).collect();
        let places = [
            // The marker itself leads to what nothing else would.
            ("search by name", owner.try_search(&self.marker, 100).ok().to_string()),
            ("search", owner.try_search(QUESTION, 100).ok().to_string()),
            ("search by body", owner.post("/api/search", &by_body).ok().to_string()),
            ("chat", owner.chat(QUESTION).to_string()),
            ("chat by name", owner.chat(&self.marker).to_string()),
            ("graph", owner.graph().to_string()),
            ("documents", json!(owner.documents()).to_string()),
            ("status", statuses.join("\n")),
            ("export", json!(client.export()).to_string()),
            ("read", client.read(&read).to_string()),
            ("recent", client.post("/api/v1/memory/recent", &recent).ok().to_string()),
            ("stats", client.stats().to_string() + &client.get("/api/v1/memory/domains").text),
            ("blobs", kept::contents(&kept::files_of(self.data_dir.path(), "blobs"))),
            ("index caches", kept::contents(&kept::files_of(self.data_dir.path(), "index"))),
            ("uploads", kept::contents(&kept::uploads(self.data_dir.path()))),
            ("records", kept::records(self.server())),
        ];
        places.into_iter().map(|(place, said)| (place, said.to_lowercase())).collect()
    }

    fn places_with(&self, name: &str) -> Vec<&'static str> {
        let name = name.to_lowercase();
        let found = self.everything().into_iter().filter(|(_, said)| said.contains(&name));
        found.map(|(place, _)| place).collect()
    }

    /// Nothing holds the marker, what stays is where it was, and the numbers agree.
    fn check_gone(&self, kept_in: &[&str]) {
        assert_eq!(self.places_with(&self.marker), [""; 0], "these hold the marker");
        let places = self.places_with(KEPT);
        let missing: Vec<_> = kept_in.iter().filter(|place| !places.contains(place)).collect();
        assert!(missing.is_empty(), "{missing:?} lost what was to stay");
        let (server, no) = (self.server(), kept::number_of(self.server(), self.owner.tenant));
        let jobs = [Kind::Job, Kind::JobPayload, Kind::JobKey];
        assert_eq!(kept::count_of(server, no, &jobs), 0, "a job is left");
        let listed = self.owner.documents().len();
        assert_eq!(kept::count_of(server, no, &[Kind::Document]), listed);
        assert!(kept::count_of(server, no, &[Kind::DocumentGraph]) <= listed);
        let blobs = kept::files_of(self.data_dir.path(), "blobs");
        assert_eq!(blobs.len(), listed, "each has its own original: {blobs:?}");
    }

    /// Of a document with the marker that is gone, its id is free as well.
    fn check_ids_are_free(&self) {
        for id in &self.marked {
            assert_eq!(self.server().directory.owner_of_document(id), None, "{id} stays claimed");
            assert_eq!(self.owner.status(id).status, 404);
        }
    }

    fn assert_found_in(&self, places: &[&str]) {
        let found = self.places_with(&self.marker);
        let missing: Vec<_> = places.iter().filter(|place| !found.contains(place)).collect();
        assert!(missing.is_empty(), "the test looks where {missing:?} are and finds nothing");
    }

    /// Checks before and after a restart; what was forgotten is new afterwards.
    fn check(mut self, kept_in: &[&str]) {
        self.check_gone(kept_in);
        self.restart();
        self.check_gone(kept_in);
        let id = self.owner.upload(&upload_about(&self.marker));
        let found = self.owner.search(QUESTION, 100);
        assert!(texts(&found, "documentId").contains(&id.as_str()), "{found:?}");
    }
}

/// Deletes both documents with the marker in `delete`'s way.
fn check_deletion(kept_in: &[&str], delete: impl FnOnce(&Scene)) {
    let scene = Scene::filled();
    scene.assert_found_in(&EVERYWHERE.map(|place| if place == "stats" { "status" } else { place }));
    delete(&scene);
    scene.check_ids_are_free();
    scene.check(kept_in);
}

#[test]
fn a_deleted_document_is_nowhere() {
    check_deletion(&EVERYWHERE, |scene| {
        for id in &scene.marked {
            let deleted = scene.owner.delete(id).ok();
            assert_eq!((&deleted["success"], &deleted["documentId"]), (&json!(true), &json!(id)));
            assert_eq!(scene.owner.delete(id).status, 404, "it is not there to be deleted");
        }
    });
}

#[test]
fn documents_are_nowhere_once_their_domain_was_deleted_by_another_api() {
    check_deletion(&WHERE_ATOMS, |scene| {
        let mut client = mnemoverse(scene.server(), scene.owner.tenant);
        let chunks: u64 = chunks_of(&scene.owner);
        let deleted = client.delete("/api/v1/memory/domain/~documents").ok();
        assert_eq!(deleted["deleted"], chunks, "{deleted}");
        assert_eq!(scene.owner.documents(), Vec::<Value>::new());
    });
}

#[test]
fn documents_are_nowhere_once_their_tenant_was_reset_by_another_api() {
    check_deletion(&[], |scene| {
        let mut client = mnemoverse(scene.server(), scene.owner.tenant);
        let chunks: u64 = chunks_of(&scene.owner);
        let deleted = client.delete("/api/v1/memory/reset").ok();
        assert_eq!(deleted["deleted"], chunks + 1, "{deleted}");
        assert_eq!(scene.owner.documents(), Vec::<Value>::new());
        let no = kept::number_of(scene.server(), scene.owner.tenant);
        let left: Vec<u8> =
            kept::records_of(scene.server(), no).iter().map(|(key, _)| key[8]).collect();
        let allowed = [Kind::Header, Kind::Counters, Kind::Usage, Kind::JobCounter];
        assert!(left.iter().all(|kind| allowed.map(|it| it as u8).contains(kind)), "{left:?}");
    });
}

fn chunks_of(owner: &Owner) -> u64 {
    owner.documents().iter().map(|document| document["chunkCount"].as_u64().unwrap()).sum()
}

#[test]
fn nothing_is_left_of_what_was_replaced() {
    let scene = Scene::new();
    let marker = scene.marker.clone();
    let replace = |owner: &Owner, name: &str| {
        let title = format!("Notes of {name}");
        owner.ingest("the notes", &title, &story_of(name), &json!({"author": name})).ok()
    };
    let former = replace(&scene.owner, &marker);
    scene
        .assert_found_in(&EVERYWHERE.map(|place| if place == "stats" { "records" } else { place }));
    scene.keep();
    let next = replace(&scene.owner, "Ottilie");
    assert_eq!(former["documentId"], next["documentId"]);
    scene.check_gone(&EVERYWHERE);
    assert_eq!(scene.owner.documents().len(), 2);
    // One that says nothing at all takes the former one's place too.
    replace(&scene.owner, &marker);
    scene.assert_found_in(&["search", "records"]);
    let silent = scene.owner.ingest("the notes", "Silence", " \n", &json!({})).ok();
    assert_eq!((&silent["chunks"], &silent["graphNodes"]), (&json!(0), &json!(0)));
    scene.check_gone(&EVERYWHERE);
    scene.check(&EVERYWHERE);
}

#[test]
fn nothing_is_left_of_purged_documents_that_could_not_be_read() {
    let mut scene = Scene::new();
    scene.keep();
    let marker = scene.marker.clone();
    for name in [marker.clone(), format!("{marker} the younger")] {
        let upload = Upload {
            file_name: format!("{name}.pdf"),
            bytes: format!("%PDF-1.7 {name}").into_bytes(),
            ..upload_about(&name)
        };
        let refused = scene.owner.try_upload(&upload);
        assert_eq!(refused.status, 400, "{refused:?}");
        scene.marked.push(refused.json()["documentId"].as_str().unwrap().to_owned());
    }
    scene.assert_found_in(&WHERE_UNREADABLE);
    // They fail again, and stay what they were.
    assert_eq!(scene.owner.reindex(), 3);
    scene.assert_found_in(&WHERE_UNREADABLE);
    let purged = scene.owner.delete("purge-errors").ok();
    assert_eq!((&purged["documentsPurged"], &purged["deleted"]), (&json!(2), &json!(2)));
    scene.check_ids_are_free();
    assert_eq!(scene.owner.delete("purge-errors").ok()["documentsPurged"], 0);
    scene.check(&EVERYWHERE);
}

#[test]
fn nothing_is_left_of_a_deleted_tenant_and_its_neighbour_loses_nothing() {
    let mut scene = Scene::filled();
    let neighbour = Owner::new(scene.server());
    neighbour.upload(&upload_about("Ottilie"));
    let no = kept::number_of(scene.server(), scene.owner.tenant);
    administer(scene.server(), "DELETE", &format!("/tenants/{}", scene.owner.tenant), None);
    for is_restarted in [false, true] {
        if is_restarted {
            scene.restart();
        }
        assert_eq!(scene.owner.get("/api/documents").status, 401);
        assert_eq!(kept::records_of(scene.server(), no).len(), 0);
        let (blobs, indexes) = (kept::files_of(scene.data_dir.path(), "blobs"), "index");
        assert_eq!(blobs.len(), 1, "{blobs:?}");
        let caches = kept::files_of(scene.data_dir.path(), indexes);
        let said = kept::records(scene.server()) + &kept::contents(&blobs);
        let said = (said + &kept::contents(&caches)).to_lowercase();
        for name in [&scene.marker, KEPT] {
            assert!(!said.contains(&name.to_lowercase()), "{name} is still there");
        }
        for id in &scene.marked {
            assert_eq!(scene.server().directory.owner_of_document(id), None);
        }
        let neighbour = neighbour.at(scene.server());
        assert_eq!(neighbour.search("Who founded Ottilie Labs?", 1).len(), 1);
        assert_eq!(neighbour.reindex(), 1);
        assert_eq!(neighbour.documents()[0]["status"], "indexed");
    }
}

#[test]
fn documents_of_the_same_bytes_share_an_original_until_the_last_is_deleted() {
    let mut scene = Scene::new();
    let text = story_of(&scene.marker);
    let upload = |name: &str| scene.owner.upload(&Upload::of(name, text.as_str()));
    let (one, other) = (upload("one.md"), upload("other.md"));
    let blobs = |scene: &Scene| kept::files_of(scene.data_dir.path(), "blobs").len();
    assert_eq!(blobs(&scene), 1, "they share it");
    let ids = |scene: &Scene| {
        let found = scene.owner.search(QUESTION, 100);
        let ids: std::collections::BTreeSet<String> =
            texts(&found, "documentId").into_iter().map(str::to_owned).collect();
        ids.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(ids(&scene).len(), 2);
    let chunks = scene.owner.document(&other)["chunkCount"].clone();
    scene.owner.delete(&one).ok();
    for is_restarted in [false, true] {
        if is_restarted {
            scene.restart();
        }
        assert_eq!(blobs(&scene), 1);
        assert_eq!(scene.owner.reindex(), 1);
        let left = scene.owner.document(&other);
        assert_eq!((&left["status"], &left["chunkCount"]), (&json!("indexed"), &chunks));
        assert_eq!(ids(&scene), [other.as_str()]);
    }
    scene.owner.delete(&other).ok();
    assert_eq!(blobs(&scene), 0);
    assert_eq!(scene.places_with(&scene.marker), [""; 0]);
}

#[test]
fn a_document_deleted_while_it_is_indexed_leaves_nothing() {
    const TRIES: usize = 20;
    let mut scene = Scene::new();
    scene.keep();
    let name = scene.marker.clone();
    let long: String = (0..150).map(|at| story_of(&format!("{name} the {at}th"))).collect();
    let is_caught = |scene: &Scene| {
        std::thread::scope(|scope| {
            let upload = Upload::of(&format!("{name}.md"), long.as_str());
            let owner = scene.owner.clone();
            let answer = scope.spawn(move || owner.try_upload(&upload));
            let mut seen = Value::Null;
            until(|| {
                let listed = scene.owner.documents();
                let found = listed.into_iter().find(|it| it["title"] != format!("On {KEPT}"));
                seen = found.unwrap_or_default();
                !seen.is_null()
            });
            scene.owner.delete(seen["id"].as_str().unwrap()).ok();
            let answer = answer.join().unwrap();
            assert!([200, 404].contains(&answer.status), "{answer:?}");
            answer.status == 404
        })
    };
    let mut tries = 0..TRIES;
    assert!(tries.any(|_| is_caught(&scene)), "every time it was indexed before it was deleted");
    scene.check_gone(&EVERYWHERE);
    scene.restart();
    scene.check_gone(&EVERYWHERE);
}
