//! HTTP by hand over a plain socket, for requests no client library would send.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::TestServer;

/// A wait this long is a failure, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl RawAnswer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|cause| panic!("{cause}: {self:?}"))
    }
}

impl Connection {
    pub(crate) fn to(server: &TestServer) -> Self {
        let address = server.base_url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what the server is still willing to take.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// A second view of the same connection, for writing while another thread reads.
    pub(crate) fn writer(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap(), received: Vec::new() }
    }

    /// The server may have closed already.
    pub(crate) fn close_writing(&self) {
        let _closed_already = self.stream.shutdown(Shutdown::Write);
    }

    /// Also ends what a [`Self::writer`] is doing.
    pub(crate) fn close(self) {
        let _closed_already = self.stream.shutdown(Shutdown::Both);
    }

    /// At least one more byte; `false` at the end.
    pub(crate) fn receive_some(&mut self) -> bool {
        let mut buffer = [0_u8; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                true
            }
            Err(cause) => panic!("nothing received: {cause}"),
        }
    }

    pub(crate) fn received_bytes(&self) -> usize {
        self.received.len()
    }

    /// One answer whose length is announced.
    pub(crate) fn answer(&mut self) -> RawAnswer {
        let head_end = loop {
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.receive_some(), "closed before an answer");
        };
        let head = String::from_utf8(self.received[..head_end].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            })
            .unwrap_or(0);
        while self.received.len() < head_end + length {
            assert!(self.receive_some(), "closed within an answer");
        }
        let rest = self.received.split_off(head_end + length);
        let body = String::from_utf8(self.received[head_end..].to_vec()).unwrap();
        self.received = rest;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        RawAnswer { status, head, body }
    }

    /// Everything until the server closes, or breaks off.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        let _broken_off = self.stream.read_to_end(&mut self.received);
        self.received
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A request line with the headers of an authenticated JSON call, and `more` headers.
pub(crate) fn head(method: &str, path: &str, key: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nX-Api-Key: {key}\r\n\
         Content-Type: application/json\r\n{more}\r\n"
    )
}

/// A whole POST with its body.
pub(crate) fn post(path: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}\r\n", body.len());
    let mut request = head("POST", path, key, &length).into_bytes();
    request.extend_from_slice(body);
    request
}

/// The same with an access token.
pub(crate) fn post_as(path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let more = format!("Content-Length: {}\r\nAuthorization: Bearer {token}\r\n", body.len());
    let mut request = head("POST", path, "", &more).into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends one request on a connection of its own.
pub(crate) fn ask(server: &TestServer, request: impl AsRef<[u8]>) -> RawAnswer {
    let mut connection = Connection::to(server);
    connection.send(request);
    connection.answer()
}

/// The server still serves.
pub(crate) fn assert_alive(server: &TestServer, key: &str) {
    let answer = ask(server, head("GET", "/api/v1/memory/stats", key, ""));
    assert_eq!(answer.status, 200, "{answer:?}");
}

pub(crate) fn total_atoms(server: &TestServer, key: &str) -> u64 {
    let answer = ask(server, head("GET", "/api/v1/memory/stats", key, ""));
    answer.json()["total_atoms"].as_u64().unwrap()
}
