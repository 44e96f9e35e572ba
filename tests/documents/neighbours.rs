//! What other APIs of the tenant do in the domain of the documents: what they write there is no
//! document's, and consolidation leaves the documents alone.

use serde_json::{Value, json};

use crate::owner::{Owner, Upload, members, story_of, texts};
use crate::support::TestServer;
use crate::{mnemoverse, start};

const DOMAIN: &str = "~documents";
const QUESTION: &str = "What did Anna Ottilie build in 1931?";

/// The chunks of a document as the other API shows them.
fn exported(server: &TestServer, owner: &Owner) -> Vec<Value> {
    let mut atoms = mnemoverse(server, owner.tenant).export();
    atoms.retain(|atom| atom["domain"] == DOMAIN);
    atoms
}

/// Atoms that are as like a chunk as another API can make them, and one that is its very text.
fn forgeries(chunk: &Value) -> Vec<Value> {
    let metadata = chunk["metadata"].clone();
    let mut forgeries = vec![json!({
        "content": QUESTION, "domain": DOMAIN, "metadata": metadata,
    })];
    for number in 0..12 {
        let mut metadata = metadata.clone();
        metadata["chunk_index"] = json!(number);
        metadata["session_id"] = metadata["document_id"].clone();
        metadata["occurred_at"] = json!("2026-01-01T10:00:00Z");
        forgeries.push(json!({
            "content": format!("In 1931 Anna Ottilie built forgery {number}: what did she build?"),
            "domain": DOMAIN, "metadata": metadata,
            "fingerprint": format!("chunk of run {number}"),
        }));
    }
    forgeries
}

#[test]
fn what_another_api_writes_among_the_documents_is_never_found_as_one() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let owner = Owner::new(&server);
    let id = owner.upload(&Upload::of("story.md", story_of("Ottilie")));
    let expected = owner.search(QUESTION, 1)[0]["id"].clone();
    let (all, graph) = (owner.search(QUESTION, 100), owner.graph());
    let chunks = exported(&server, &owner);
    assert_eq!(chunks.len() as u64, owner.document(&id)["chunkCount"].as_u64().unwrap());
    assert!(!json!(chunks).to_string().contains("chunk of run"), "nobody is told the mark");

    let mut client = mnemoverse(&server, owner.tenant);
    for forgery in forgeries(&chunks[0]) {
        assert_eq!(client.write(&forgery)["stored"], true, "{forgery}");
    }
    let mut same = json!({"content": chunks[0]["content"], "domain": DOMAIN});
    assert_eq!(client.write(&same)["stored"], false, "the gate knows the chunk's words");
    same["domain"] = json!("elsewhere");
    assert_eq!(client.write(&same)["stored"], true);

    // They neither show nor push a chunk out.
    let found = owner.search(QUESTION, 100);
    let mut ids = [texts(&found, "id"), texts(&all, "id")];
    ids.iter_mut().for_each(|ids| ids.sort_unstable());
    assert_eq!(ids[0], ids[1]);
    for top_k in [1, 5] {
        let found = owner.search(QUESTION, top_k);
        assert_eq!(found.len(), top_k.min(all.len()), "{found:?}");
        assert_eq!(found[0]["id"], expected, "{found:?}");
        let sources = members(&owner.chat(QUESTION)["sources"]);
        assert!(texts(&sources, "documentId").iter().all(|source| *source == id));
    }
    assert_eq!(owner.graph()["nodes"], graph["nodes"]);
    assert_eq!(owner.documents().len(), 1);

    // A document of the same words as an atom that was there first has all of its chunks.
    let words = "The mill at Brumholm is closed on Sundays.";
    assert_eq!(client.write(&json!({"content": words, "domain": DOMAIN}))["stored"], true);
    let late = owner.upload(&Upload::of("mill.txt", words));
    assert_eq!(owner.document(&late)["chunkCount"], 1);
    assert_eq!(owner.search(words, 1)[0]["documentId"], late.as_str());

    // Deleting the documents leaves what is not theirs.
    for id in [&id, &late] {
        owner.delete(id).ok();
    }
    let left = exported(&server, &owner);
    assert_eq!(left.len(), 14);
    assert_eq!(owner.search(QUESTION, 100), Vec::<Value>::new());
}

/// Texts that are nearly the same, so that a consolidation merges them where it may.
fn near_duplicates() -> Vec<String> {
    let text = |start: &str, whose: &str| {
        format!(
            "{start} nightly backup of {whose} orders database to the archive in Frankfurt finishes \
             without errors"
        )
    };
    let texts = [("The", "the"), ("A", "the"), ("The", "our"), ("This", "the"), ("A", "our")];
    texts.iter().map(|(start, whose)| text(start, whose)).collect()
}

#[test]
fn consolidation_leaves_documents_alone() {
    let data_dir = tempfile::tempdir().unwrap();
    let server = start(data_dir.path());
    let owner = Owner::new(&server);
    let mut client = mnemoverse(&server, owner.tenant);
    for (number, text) in near_duplicates().iter().enumerate() {
        owner.upload(&Upload::of(&format!("{number}.txt"), text.as_str()));
        client.write(&json!({"content": text, "domain": "elsewhere"}));
    }
    let consolidate = |domain: &str| {
        let body = json!({ "domain": domain });
        mnemoverse(&server, owner.tenant).post("/api/v1/memory/consolidate", &body).ok()
    };
    let question = "Where does the nightly backup of the orders go?";
    let before = owner.search(question, 100);
    assert_eq!(before.len(), near_duplicates().len());
    let atoms = exported(&server, &owner);
    assert_eq!(consolidate("elsewhere")["prototypes_created"], 1, "elsewhere they are merged");
    for _ in 0..2 {
        let report = consolidate(DOMAIN);
        assert_eq!(report["prototypes_created"], 0, "{report}");
    }
    let after = owner.search(question, 100);
    assert_eq!(texts(&after, "id"), texts(&before, "id"));
    let shown = |atoms: &[Value]| -> Vec<[Value; 3]> {
        let members = ["id", "content", "consolidated_into"];
        atoms.iter().map(|atom| members.map(|name| atom[name].clone())).collect()
    };
    assert_eq!(shown(&exported(&server, &owner)), shown(&atoms));
}
