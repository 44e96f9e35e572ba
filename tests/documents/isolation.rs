//! Two users with documents of the same content: whatever either of them asks, guesses or does,
//! they never meet.

use std::collections::BTreeSet;
use std::path::Path;

use hebbd::types::ShardNo;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::owner::{Owner, Upload, members, story_of, texts};
use crate::support::TestServer;
use crate::{kept, start};

const SHARED: &str = "Farholm";
const QUESTION: &str = "Who founded the labs and built a lighthouse beside the harbour?";

/// One user: two documents that the other has too, and one that names nobody else.
struct Party {
    owner: Owner,
    secret: &'static str,
    ids: BTreeSet<String>,
}

impl Party {
    fn new(server: &TestServer, secret: &'static str) -> Self {
        let owner = Owner::new(server);
        let shared = Upload::of("shared.md", story_of(SHARED));
        let own = Upload {
            title: Some(format!("Of {secret}")),
            metadata: Some(json!({"of": secret})),
            ..Upload::of(&format!("{secret}.md"), story_of(secret))
        };
        let mut ids: BTreeSet<String> =
            [owner.upload(&shared), owner.upload(&own)].into_iter().collect();
        let id = format!("notes-{secret}");
        owner.ingest(&id, "Shared notes", &story_of(SHARED), &json!({})).ok();
        ids.insert(id);
        Self { owner, secret, ids }
    }

    fn id(&self) -> String {
        format!("notes-{}", self.secret)
    }

    /// Every answer about documents.
    fn answers(&self) -> Vec<Answer> {
        let owner = &self.owner;
        let mut answers = vec![owner.get("/api/documents"), owner.get("/api/graph")];
        for question in [QUESTION, "Ottilie", "Wendelin", SHARED] {
            answers.push(owner.try_search(question, 100));
            let body = json!({"query": question, "topK": 100});
            answers.push(owner.post("/api/search", &body));
            answers.push(owner.post("/api/chat", &body));
        }
        answers.extend(self.ids.iter().map(|id| owner.status(id)));
        answers
    }

    /// Whatever names a document names one of one's own, and the other's words are in no answer.
    fn check_sees_only_its_own(&self, other: &Self) {
        for answer in self.answers() {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(!answer.text.contains(other.secret), "{answer:?}");
            assert!(other.ids.iter().all(|id| !answer.text.contains(id.as_str())), "{answer:?}");
            assert!(!answer.text.contains(&other.owner.id), "{answer:?}");
        }
        let own = |ids: Vec<&str>| ids.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(own(texts(&self.owner.documents(), "id")), self.ids);
        let found = self.owner.search(QUESTION, 100);
        assert_eq!(own(texts(&found, "documentId")), self.ids);
        let sources = members(&self.owner.chat(QUESTION)["sources"]);
        assert!(own(texts(&sources, "documentId")).is_subset(&self.ids) && !sources.is_empty());
        let nodes = members(&self.owner.graph()["nodes"]);
        let named: BTreeSet<String> = nodes
            .iter()
            .flat_map(|node| members(&node["documentIds"]))
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(named, self.ids);
    }

    /// What there is of its documents, to the byte.
    fn holdings(&self, server: &TestServer, data_dir: &Path) -> (Value, Value, Vec<String>) {
        let mut files: Vec<String> = Vec::new();
        let no = kept::number_of(server, self.owner.tenant);
        for shard in [ShardNo(0), ShardNo(1)] {
            let originals = kept::originals(data_dir, shard, no);
            files.extend(originals.iter().map(|path| path.to_string_lossy().into_owned()));
        }
        files.sort();
        let mut found = self.owner.search(QUESTION, 100);
        for result in &mut found {
            // Ranking knows when something was read.
            result["score"] = Value::Null;
        }
        found.sort_by_key(|result| result["id"].to_string());
        (json!(self.owner.documents()), json!(found), files)
    }

    /// Tries every call with what is not its own. All of it must be refused.
    fn trespass(&self, other: &Self) {
        let (owner, them) = (&self.owner, &other.owner);
        for id in &other.ids {
            let status = owner.status(id);
            assert_eq!((status.status, &status.json()["status"]), (404, &json!("not_found")));
            assert_eq!(owner.delete(id).status, 404);
            let taken = owner.ingest(id, "Mine now", "Nothing of theirs", &json!({}));
            check_forbidden(&taken);
        }
        for path in ["documents", "graph", "search?query=labs"] {
            let mark = if path.contains('?') { '&' } else { '?' };
            check_forbidden(&owner.get(&format!("/api/{path}{mark}userId={}", them.id)));
        }
        let id = other.id();
        check_forbidden(&owner.get(&format!("/api/documents/{id}/status?userId={}", them.id)));
        check_forbidden(&owner.delete(&format!("{id}?userId={}", them.id)));
        let body = json!({"query": "labs", "userId": them.id});
        check_forbidden(&owner.post("/api/search", &body));
        check_forbidden(&owner.post("/api/chat", &body));
        check_forbidden(&owner.upload_for(&them.id, &Upload::of("a.txt", "Planted")));
        let planted = json!({"userId": them.id, "title": "t", "content": "Planted", "docId": id});
        check_forbidden(&owner.post("/api/ingest", &planted));
        // These have no name to give: they are about the caller's own alone.
        assert_eq!(owner.delete("purge-errors").ok()["documentsPurged"], 0);
        assert_eq!(owner.reindex(), self.ids.len() as u64);
    }
}

fn check_forbidden(answer: &Answer) {
    assert_eq!(answer.status, 403, "{answer:?}");
    let envelope = answer.json();
    assert_eq!(envelope["success"], false);
    assert!(!envelope["error"].as_str().unwrap().is_empty(), "{envelope}");
}

#[test]
fn users_with_the_same_documents_never_see_or_touch_each_other_s() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut server = start(data_dir.path());
    let mut one = Party::new(&server, "Ottilie");
    let mut other = Party::new(&server, "Wendelin");
    for is_restarted in [false, true] {
        if is_restarted {
            server.stop();
            server = start(data_dir.path());
            one.owner = one.owner.at(&server);
            other.owner = other.owner.at(&server);
        }
        one.check_sees_only_its_own(&other);
        other.check_sees_only_its_own(&one);
        let before = other.holdings(&server, data_dir.path());
        one.trespass(&other);
        assert_eq!(other.holdings(&server, data_dir.path()), before, "nothing has changed");
        one.check_sees_only_its_own(&other);
    }
}

#[test]
fn deleting_one_user_s_document_leaves_the_other_s_of_the_same_content() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let mut one = Party::new(&server, "Ottilie");
    let mut other = Party::new(&server, "Wendelin");
    let before = other.holdings(&server, data_dir.path());
    for id in std::mem::take(&mut one.ids) {
        one.owner.delete(&id).ok();
    }
    assert_eq!(one.owner.documents(), Vec::<Value>::new());
    assert_eq!(other.holdings(&server, data_dir.path()), before);
    assert_eq!(other.owner.reindex(), 3, "the originals are there");
    server.stop();

    let server = start(data_dir.path());
    other.owner = other.owner.at(&server);
    one.owner = one.owner.at(&server);
    assert_eq!(one.owner.search(QUESTION, 100), Vec::<Value>::new());
    other.check_sees_only_its_own(&one);
    // An id that was given back is anybody's.
    other.owner.ingest(&one.id(), "Taken over", "Free for all", &json!({})).ok();
    check_forbidden(&one.owner.ingest(&one.id(), "Mine", "Not any more", &json!({})));
}
