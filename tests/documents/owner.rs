//! A user of the metacogna dialect with documents of their own. Each call has a connection of its
//! own, so that a user can be asked from several threads.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hebbd::types::TenantId;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::support::{Member, TestServer};
use crate::{PATIENCE_US, until};

const BOUNDARY: &str = "a-boundary-that-no-document-has";

#[derive(Debug, Clone)]
pub(crate) struct Owner {
    address: String,
    session: String,
    pub(crate) id: String,
    pub(crate) tenant: TenantId,
}

/// A file with what may be sent along with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upload {
    pub(crate) file_name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) title: Option<String>,
    pub(crate) metadata: Option<Value>,
}

impl Upload {
    pub(crate) fn of(file_name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { file_name: file_name.to_owned(), bytes: bytes.into(), ..Self::default() }
    }

    fn body(&self, user_id: &str) -> Vec<u8> {
        let mut texts = vec![("userId", user_id.to_owned())];
        texts.extend(self.title.clone().map(|title| ("title", title)));
        texts.extend(self.metadata.as_ref().map(|members| ("metadata", members.to_string())));
        let mut head = String::new();
        let mut begin = |more: &str| {
            write!(head, "--{BOUNDARY}\r\nContent-Disposition: form-data; {more}").unwrap();
        };
        for (name, text) in texts {
            begin(&format!("name=\"{name}\"\r\n\r\n{text}\r\n"));
        }
        begin(&format!("name=\"file\"; filename=\"{}\"\r\n\r\n", self.file_name));
        [head.as_bytes(), &self.bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
    }
}

impl Owner {
    /// A new user with a tenant without limits.
    pub(crate) fn new(server: &TestServer) -> Self {
        let member = Member::new(server, "local", false);
        Self {
            address: address_of(server),
            session: member.session,
            id: member.id.to_string(),
            tenant: member.tenant,
        }
    }

    /// The same user on a server that was started anew.
    pub(crate) fn at(&self, server: &TestServer) -> Self {
        Self { address: address_of(server), ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "application/json", b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body.to_string().as_bytes())
    }

    pub(crate) fn delete(&self, id: &str) -> Answer {
        self.send("DELETE", &format!("/api/documents/{id}"), "application/json", b"")
    }

    /// Uploads in the name of somebody, whose own name should be given.
    pub(crate) fn upload_for(&self, user_id: &str, upload: &Upload) -> Answer {
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.send("POST", "/api/ingest", &content_type, &upload.body(user_id))
    }

    pub(crate) fn try_upload(&self, upload: &Upload) -> Answer {
        self.upload_for(&self.id, upload)
    }

    /// The id of a document that must be indexed.
    #[track_caller]
    pub(crate) fn upload(&self, upload: &Upload) -> String {
        let taken = self.try_upload(upload).ok();
        assert_eq!(taken["status"], "indexed", "{taken}");
        taken["documentId"].as_str().unwrap().to_owned()
    }

    /// Sends a text as JSON, under an id of the caller's choice.
    pub(crate) fn ingest(&self, id: &str, title: &str, content: &str, metadata: &Value) -> Answer {
        let body = json!({
            "userId": self.id, "docId": id, "title": title, "content": content,
            "metadata": metadata,
        });
        self.post("/api/ingest", &body)
    }

    pub(crate) fn try_search(&self, query: &str, top_k: usize) -> Answer {
        self.get(&format!("/api/search?query={}&topK={top_k}", encoded(query)))
    }

    #[track_caller]
    pub(crate) fn search(&self, query: &str, top_k: usize) -> Vec<Value> {
        members(&self.try_search(query, top_k).ok()["results"])
    }

    pub(crate) fn chat(&self, query: &str) -> Value {
        self.post("/api/chat", &json!({ "query": query })).ok()
    }

    pub(crate) fn graph(&self) -> Value {
        self.get("/api/graph").ok()
    }

    pub(crate) fn documents(&self) -> Vec<Value> {
        members(&self.get("/api/documents").ok()["documents"])
    }

    pub(crate) fn document(&self, id: &str) -> Value {
        let found = self.documents().into_iter().find(|document| document["id"] == id);
        found.unwrap_or_else(|| panic!("{id} is not listed"))
    }

    pub(crate) fn status(&self, id: &str) -> Answer {
        self.get(&format!("/api/documents/{id}/status"))
    }

    /// Indexes every document anew and waits for the last one. Answers how many.
    pub(crate) fn reindex(&self) -> u64 {
        let answer = self.post("/api/documents/reindex", &json!({})).ok();
        until(|| self.documents().iter().all(|document| document["status"] != "processing"));
        answer["documentsReindexed"].as_u64().unwrap()
    }

    fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
            self.session,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_micros(PATIENCE_US))).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), text: text.to_owned() }
    }
}

fn address_of(server: &TestServer) -> String {
    server.base_url.strip_prefix("http://").unwrap().to_owned()
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        write!(encoded, "%{byte:02X}").unwrap();
    }
    encoded
}

pub(crate) fn members(array: &Value) -> Vec<Value> {
    array.as_array().unwrap_or_else(|| panic!("{array} is no array")).clone()
}

/// A member of each entry, which is a text.
pub(crate) fn texts<'a>(entries: &'a [Value], member: &str) -> Vec<&'a str> {
    entries.iter().map(|entry| entry[member].as_str().unwrap()).collect()
}

/// Text of some chunks about somebody of this name, who is its most distinct word.
pub(crate) fn story_of(name: &str) -> String {
    let mut story = format!(
        "# The life of {name}\n\n{name} Labs was founded by Anna {name} in Farholm. {name} Labs \
         uses PostgreSQL and Kafka.\n"
    );
    for (year, what) in (1931..).zip(["a lighthouse", "a mill", "a canal", "a school", "a bridge"])
    {
        write!(
            story,
            "\nIn {year} Anna {name} built {what} beside the harbour, and wrote down what it had \
             cost: so many planks of oak, so many barrels of tar, and the wages of those who came \
             over from the mainland every Monday and went back on Saturday with the last ferry.\n"
        )
        .unwrap();
    }
    story
}

#[test]
fn a_form_holds_the_file_to_the_byte_and_what_comes_with_it() {
    let upload = Upload {
        title: Some("T".to_owned()),
        metadata: Some(json!({"n": 1})),
        ..Upload::of("a.txt", [0xff, 0x00])
    };
    let body = upload.body("me");
    let text = String::from_utf8_lossy(&body);
    for part in ["name=\"userId\"\r\n\r\nme\r\n", "name=\"metadata\"\r\n\r\n{\"n\":1}\r\n"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(body.windows(6).any(|bytes| bytes == b"\r\n\r\n\xff\x00"), "{text}");
}
