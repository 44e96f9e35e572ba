//! What must hold for every success of the routes of documents, search, graph and chat, whatever was
//! asked: which members there are, of which types, and how they belong together.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answers::{Checked, holds};
use crate::runner::Answer;

/// Characters of a chunk and of a preview at most.
const CHUNK_CHARS_MAX: usize = 512;
const PREVIEW_CHARS_MAX: usize = 500;
const RESULTS_MAX: usize = 100;
const NODES_MAX: usize = 100;
const EDGES_MAX: usize = 150;

pub(super) fn check_success(answer: &Answer, json: &Value) -> Checked {
    match (answer.method.as_str(), answer.path.as_str()) {
        ("POST", "/api/ingest") => check_ingested(json),
        ("GET", "/api/documents") => check_documents(json),
        ("GET", "/api/graph") => check_graph(json),
        (_, "/api/search") => check_results(json),
        ("POST", "/api/chat") => check_chat(answer, json),
        ("GET", path) if path.ends_with("/status") => check_tracking(&json["status"]),
        _ => Ok(()),
    }
}

fn check_ingested(json: &Value) -> Checked {
    let members = ["chunks", "documentId", "graphNodes", "r2Key", "status", "success"];
    holds(members_of(json) == members, "not the members of an ingest")?;
    holds(json["success"] == true && json["status"] == "indexed", "it was not indexed")?;
    let id = text(json, "documentId")?;
    let key = text(json, "r2Key")?;
    let is_key = key.strip_prefix("users/").and_then(|key| key.split_once("/documents/"));
    let is_key = is_key.is_some_and(|(_, name)| name.starts_with(&format!("{id}-")));
    holds(is_key, "the key is not that of the document")?;
    number(json, "graphNodes")?;
    number(json, "chunks").map(drop)
}

fn check_documents(json: &Value) -> Checked {
    let documents = list(json, "documents")?;
    holds(json["count"] == documents.len(), "the count is not that of the documents")?;
    let mut newest = u64::MAX;
    for document in documents {
        check_document(document)?;
        let uploaded_at = number(document, "uploadedAt")?;
        holds(uploaded_at <= newest, "the newest document is not the first")?;
        newest = uploaded_at;
    }
    Ok(())
}

fn check_document(document: &Value) -> Checked {
    for name in ["id", "userId", "title", "r2Key"] {
        text(document, name)?;
    }
    let (id, user) = (text(document, "id")?, text(document, "userId")?);
    let prefix = format!("users/{user}/documents/{id}-");
    holds(text(document, "r2Key")?.starts_with(&prefix), "the key is not that of the document")?;
    let (progress, chunks) = (number(document, "progress")?, number(document, "chunkCount")?);
    number(document, "createdAt")?;
    holds(document["metadata"].is_object(), "the metadata is no object")?;
    let preview = text(document, "content")?;
    holds(preview.chars().count() <= PREVIEW_CHARS_MAX, "the preview is too long")?;
    let says_why = document["metadata"]["error"].as_str().is_some_and(|why| !why.is_empty());
    match text(document, "status")? {
        "indexed" => holds(progress == 100, "it is indexed and not complete"),
        "processing" => holds(progress < 100 && chunks == 0, "it is processed and complete"),
        "error" => holds(progress < 100 && chunks == 0 && says_why, "it failed without a reason"),
        status => Err(format!("no document has the status {status}")),
    }
}

fn check_tracking(status: &Value) -> Checked {
    let members = [
        "chunksProcessed",
        "chunksTotal",
        "completedAt",
        "currentStep",
        "documentId",
        "errorMessage",
        "progress",
        "startedAt",
        "status",
        "updatedAt",
        "userId",
    ];
    holds(members_of(status) == members, "not the members of a status")?;
    let (done, total) = (number(status, "chunksProcessed")?, number(status, "chunksTotal")?);
    holds(done <= total, "more chunks are done than there are")?;
    holds(number(status, "startedAt")? <= number(status, "updatedAt")?, "it ran backwards")?;
    let (progress, step) = (number(status, "progress")?, text(status, "currentStep")?);
    let band = match step {
        "Uploading to R2" | "Saving metadata" => 0..=29,
        "Embedding chunks" => 30..=59,
        "Extracting knowledge graph" => 60..=99,
        "Completed" => 100..=100,
        step => return Err(format!("no step is called {step}")),
    };
    holds(band.contains(&progress), "the progress is not of the step")?;
    let word = text(status, "status")?;
    let is_known =
        ["queued", "processing", "embedding", "graphing", "completed", "failed"].contains(&word);
    holds(is_known, "no such word for a status")?;
    let has_ended = matches!(word, "completed" | "failed");
    holds((word == "completed") == (step == "Completed"), "the step is not of the status")?;
    holds(status["completedAt"].is_u64() == has_ended, "`completedAt` does not fit the status")?;
    holds(status["errorMessage"].is_string() == (word == "failed"), "`errorMessage` does not fit")
}

fn check_results(json: &Value) -> Checked {
    holds(members_of(json) == ["results"], "not the members of a search")?;
    let results = list(json, "results")?;
    holds(results.len() <= RESULTS_MAX, "too many results")?;
    let mut best = f64::INFINITY;
    for result in results {
        let found = text(result, "text")?;
        holds(result["content"] == found, "`content` is not the text")?;
        let score = check_chunk(result, found)?;
        holds(score <= best, "the best result is not the first")?;
        best = score;
        let metadata = &result["metadata"];
        holds(metadata["content"] == found, "the metadata has another text")?;
        holds(metadata["title"] == metadata["documentTitle"], "the metadata has two titles")?;
        holds(metadata["docId"] == result["documentId"], "the metadata has another document")?;
    }
    let ids: BTreeSet<_> = results.iter().map(|result| result["id"].to_string()).collect();
    holds(ids.len() == results.len(), "a chunk is there twice")
}

/// What sources that were found and results have in common. Its score.
fn check_chunk(found: &Value, text_of_it: &str) -> Result<f64, String> {
    let metadata = &found["metadata"];
    text(metadata, "documentTitle")?;
    let id = format!("{}-{}", text(found, "documentId")?, number(metadata, "chunkIndex")?);
    holds(text(found, "id")? == id, "the id is not the document's and the place")?;
    let chars = text_of_it.chars().count();
    holds((1..=CHUNK_CHARS_MAX).contains(&chars), "a chunk is empty or too long")?;
    found["score"].as_f64().ok_or_else(|| "there is no score".to_owned())
}

fn check_graph(json: &Value) -> Checked {
    holds(members_of(json) == ["edges", "links", "metadata", "nodes"], "not those of a graph")?;
    let (nodes, edges) = (list(json, "nodes")?, list(json, "edges")?);
    holds(nodes.len() <= NODES_MAX && edges.len() <= EDGES_MAX, "the graph is too large")?;
    for node in nodes {
        check_node(node)?;
    }
    let ids = nodes.iter().map(|node| text(node, "id")).collect::<Result<Vec<_>, _>>()?;
    holds(ids.is_sorted_by(|one, next| one < next), "the nodes are not in order")?;
    let mut sources = Vec::with_capacity(edges.len());
    for (edge, link) in edges.iter().zip(list(json, "links")?) {
        for name in ["source", "target", "relation"] {
            holds(link[name] == text(edge, name)?, "a link is not its edge")?;
        }
        let (source, target) = (text(edge, "source")?, text(edge, "target")?);
        holds(ids.contains(&source) && ids.contains(&target), "an end of an edge is no node")?;
        let relation = text(edge, "type")?;
        let is_snake = relation.chars().all(|c| !c.is_whitespace() && !c.is_uppercase());
        holds(is_snake && !relation.is_empty(), "the type of an edge is not in snake case")?;
        let strength = edge["strength"].as_f64().unwrap_or(f64::NAN);
        holds(strength > 0.0 && strength <= 1.0, "an edge has no strength")?;
        sources.push(source);
    }
    holds(sources.is_sorted(), "the edges are not in order")?;
    holds(list(json, "links")?.len() == edges.len(), "not a link for each edge")?;
    let metadata = &json["metadata"];
    let counts = (number(metadata, "nodeCount")?, number(metadata, "edgeCount")?);
    holds(counts == (nodes.len() as u64, edges.len() as u64), "the graph is not counted right")?;
    number(metadata, "generatedAt")?;
    let is_cached = metadata["cached"].as_bool().ok_or("it does not say whether it was cached")?;
    let hit = metadata.get("cacheHit").and_then(Value::as_bool);
    holds(hit == is_cached.then_some(true), "`cacheHit` is not there exactly on a hit")
}

fn check_node(node: &Value) -> Checked {
    let (id, kind) = (text(node, "id")?, text(node, "type")?);
    holds(!text(node, "label")?.is_empty(), "a node has no label")?;
    let documents = list(node, "documentIds")?;
    holds(!documents.is_empty() && documents.iter().all(Value::is_string), "of no document")?;
    holds(kind == kind.to_lowercase() && !kind.is_empty(), "the type of a node is not lower case")?;
    let capital: String = kind.chars().take(1).flat_map(char::to_uppercase).collect();
    let group: String = capital.chars().chain(kind.chars().skip(1)).collect();
    holds(node["group"] == group, "the group is not the type")?;
    let is_document = kind == "document";
    holds(node["val"] == if is_document { 8 } else { 5 }, "not the size of such a node")?;
    let is_named = id.strip_prefix("DOC:").is_some_and(|id| documents == &[Value::from(id)]);
    holds(!is_document || is_named, "the node of a document has not its id")
}

fn check_chat(answer: &Answer, json: &Value) -> Checked {
    let members = ["model", "provider", "response", "sources"];
    holds(members_of(json) == members, "not the members of a chat")?;
    check_answered(json)?;
    let sent = answer.sent.as_ref().map(|sent| &sent["sources"]);
    match sent.and_then(Value::as_array).filter(|sources| !sources.is_empty()) {
        Some(_) => holds(sent == json.get("sources"), "the sources come back changed")?,
        None => check_found_sources(&json["sources"])?,
    }
    holds(!text(json, "response")?.is_empty(), "there is no response")
}

/// Who answered, from what.
fn check_answered(json: &Value) -> Checked {
    text(json, "provider")?;
    text(json, "model")?;
    holds(list(json, "sources")?.iter().all(Value::is_object), "a source is no object")
}

/// Sources that the server found, in the form that only it gives them.
fn check_found_sources(sources: &Value) -> Checked {
    let members = ["documentId", "documentTitle", "id", "metadata", "score", "snippet", "text"];
    let mut best = f64::INFINITY;
    for source in sources.as_array().ok_or("no list of sources")? {
        holds(members_of(source) == members, "not the members of a source")?;
        let snippet = text(source, "snippet")?;
        holds(source["text"] == snippet, "the text is not the snippet")?;
        let title = &source["metadata"]["documentTitle"];
        holds(&source["documentTitle"] == title, "a source has two titles")?;
        let score = check_chunk(source, snippet)?;
        holds(score <= best, "the best source is not the first")?;
        best = score;
    }
    Ok(())
}

/// The events of a streamed answer: its sources, pieces of text, and one end.
pub(super) fn events(text: &str) -> Result<Vec<Value>, String> {
    let body = text.strip_suffix("\n\n").ok_or("the last event is not complete")?;
    let parse = |event: &str| {
        let data = event.strip_prefix("data: ").ok_or_else(|| format!("no event: {event}"))?;
        serde_json::from_str::<Value>(data).map_err(|cause| format!("{cause}: {data}"))
    };
    let events = body.split("\n\n").map(parse).collect::<Result<Vec<_>, _>>()?;
    let [first, pieces @ .., last] = events.as_slice() else {
        return Err("there are too few events".to_owned());
    };
    holds(first["type"] == "sources", "the sources are not the first event")?;
    check_answered(first)?;
    let are_pieces =
        pieces.iter().all(|piece| piece["type"] == "delta" && piece["text"].is_string());
    holds(are_pieces, "something else stands between the sources and the end")?;
    match last["type"].as_str() {
        Some("done") => {}
        Some("error") => holds(last["error"].is_string(), "an error without a text")?,
        _ => return Err("the stream has no end".to_owned()),
    }
    Ok(events)
}

/// In alphabetical order; none of what is no object.
fn members_of(json: &Value) -> Vec<&str> {
    let names: BTreeSet<&str> =
        json.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.into_iter().collect()
}

fn text<'a>(json: &'a Value, name: &str) -> Result<&'a str, String> {
    json[name].as_str().ok_or_else(|| format!("{name} is no text"))
}

fn number(json: &Value, name: &str) -> Result<u64, String> {
    json[name].as_u64().ok_or_else(|| format!("{name} is no whole number"))
}

fn list<'a>(json: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    json[name].as_array().ok_or_else(|| format!("{name} is no list"))
}
