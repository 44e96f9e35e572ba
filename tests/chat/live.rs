//! An answer that is read as it arrives, for those that do not end by themselves.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::Scene;

/// A wait this long is a failure, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct LiveAnswer {
    stream: TcpStream,
    received: Vec<u8>,
}

impl LiveAnswer {
    /// Sends a chat.
    pub(crate) fn to(scene: &Scene, body: &Value) -> Self {
        let address = scene.server.base_url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (body, session) = (body.to_string(), &scene.member.session);
        let head = format!(
            "POST /api/chat HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {session}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Everything that has come, as soon as this is in it.
    pub(crate) fn read_until(&mut self, text: &str) -> String {
        loop {
            let received = String::from_utf8_lossy(&self.received).into_owned();
            if received.contains(text) {
                return received;
            }
            let mut buffer = [0_u8; 4_096];
            let count = self.stream.read(&mut buffer).unwrap();
            assert!(count > 0, "closed before {text}: {received}");
            self.received.extend_from_slice(&buffer[..count]);
        }
    }

    /// Goes away.
    pub(crate) fn close(self) {
        self.stream.shutdown(Shutdown::Both).unwrap();
    }
}
