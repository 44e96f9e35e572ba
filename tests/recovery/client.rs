//! A blocking client of one connection. It tells a connection that broke, which a killed server
//! leaves behind, from every other failure, which is a failed test.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// A wait this long is a failure, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    /// Host and port.
    address: String,
    key: String,
    stream: Option<BufReader<TcpStream>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body as JSON, provided that the status is 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Client {
    pub(crate) fn new(base_url: &str, key: &str) -> Self {
        let address = base_url.strip_prefix("http://").unwrap().to_owned();
        Self { address, key: key.to_owned(), stream: None }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, None).unwrap()
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body)).unwrap()
    }

    pub(crate) fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, None).unwrap()
    }

    /// A batch that may be repeated: under the same key it is answered, not done again.
    pub(crate) fn write_batch_once(&mut self, items: &[Value], idempotency_key: &str) -> Answer {
        let body = json!({ "items": items });
        self.send_once(&body, idempotency_key).unwrap()
    }

    pub(crate) fn write(&mut self, item: &Value) -> Value {
        self.post("/api/v1/memory/write", item).ok()
    }

    pub(crate) fn write_batch(&mut self, items: &[Value]) -> Value {
        self.post("/api/v1/memory/write-batch", &json!({ "items": items })).ok()
    }

    pub(crate) fn read(&mut self, query: &Value) -> Value {
        self.post("/api/v1/memory/read", query).ok()
    }

    pub(crate) fn stats(&mut self) -> Value {
        self.get("/api/v1/memory/stats").ok()
    }

    pub(crate) fn atom(&mut self, id: &str) -> Option<Value> {
        found(&self.get(&format!("/api/v1/memory/atoms/{id}")))
    }

    pub(crate) fn by_external_ref(&mut self, external_ref: &str) -> Option<Value> {
        let path = "/api/v1/memory/atoms/by-external-ref";
        found(&self.post(path, &json!({ "external_ref": external_ref })))
    }

    /// How many atoms the server says it deleted.
    pub(crate) fn delete_atom(&mut self, id: &str) -> u64 {
        let answer = self.delete(&format!("/api/v1/memory/atoms/{id}")).ok();
        answer["deleted"].as_u64().unwrap()
    }

    /// Every line, each of which must be JSON.
    pub(crate) fn export(&mut self) -> Vec<Value> {
        let answer = self.get("/api/v1/memory/export");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text.is_empty() || answer.text.ends_with('\n'), "the last line is cut");
        answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When there is no connection to be had, or it breaks; whether the server did the work is
    /// then unknown.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        self.send_with(method, path, body, "")
    }

    /// Sends a batch under an idempotency key.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) fn send_once(&mut self, body: &Value, idempotency_key: &str) -> io::Result<Answer> {
        let more = format!("Idempotency-Key: {idempotency_key}\r\n");
        self.send_with("POST", "/api/v1/memory/write-batch", Some(body), &more)
    }

    /// `more` are whole header lines.
    pub(crate) fn send_with(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        more: &str,
    ) -> io::Result<Answer> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.send_text(method, path, "application/json", &body, more)
    }

    /// As [`Self::send_with`], with a body of any type.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) fn send_text(
        &mut self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &str,
        more: &str,
    ) -> io::Result<Answer> {
        // A connection that broke is not used again.
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(self.connect()?),
        };
        let (key, length) = (&self.key, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nX-Api-Key: {key}\r\n\
             Content-Type: {media_type}\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = receive(&mut stream)?;
        if header(&answer.head, "connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// What the API can be made to say of everything that its tenant remembers, by where it says
    /// it: about `marker`, to a question, and from some concepts on.
    pub(crate) fn all_it_says(
        &mut self,
        marker: &str,
        question: &str,
        seeds: &[&str],
    ) -> Vec<(&'static str, String)> {
        let read = |query: &str| {
            json!({
                "query": query, "top_k": 100, "min_relevance": 0, "include_history": true,
                "include_associations": true,
            })
        };
        let recent = json!({"limit": 100, "include_history": true});
        let batch = json!({"queries": [read(question)]});
        let graph = json!({"seeds": seeds, "depth": 3, "limit": 500});
        let exported = self.export();
        let by_name = self.read(&read(marker));
        let mut atoms = String::new();
        for atom in &exported {
            let id = atom["id"].as_str().unwrap();
            atoms.push_str(&self.atom(id).unwrap().to_string());
            atoms.push_str(&self.get(&format!("/api/v1/memory/atoms/{id}/chain")).text);
        }
        vec![
            ("export", json!(exported).to_string()),
            // The question itself is part of an answer.
            ("read by name", by_name["items"].to_string()),
            ("read", self.read(&read(question)).to_string()),
            ("read batch", self.post("/api/v1/memory/read-batch", &batch).ok().to_string()),
            ("recent", self.post("/api/v1/memory/recent", &recent).ok().to_string()),
            ("graph", self.post("/api/v1/memory/graph", &graph).ok().to_string()),
            ("stats", self.stats().to_string() + &self.get("/api/v1/memory/domains").text),
            ("atoms", atoms),
        ]
    }
}

fn found(answer: &Answer) -> Option<Value> {
    match answer.status {
        404 => None,
        _ => Some(answer.ok()),
    }
}

fn receive(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut body = Vec::new();
    if header(&head, "transfer-encoding") == Some("chunked") {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size)?;
            let Ok(size) = usize::from_str_radix(size.trim_end(), 16) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let start = body.len();
            body.resize(start + size + 2, 0);
            stream.read_exact(&mut body[start..])?;
            body.truncate(start + size);
            if size == 0 {
                break;
            }
        }
    } else {
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer { status, head, text: String::from_utf8(body).unwrap() })
}
