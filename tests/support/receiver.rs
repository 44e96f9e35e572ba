//! A receiver of webhooks on a real socket that answers as a test tells it to, message by message,
//! and keeps what it was sent.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Inbox, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::Value;

/// A wait this long is a failure, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is done with one message.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16),
    /// Any head of an answer.
    Head(String),
    /// Read and never answered.
    Silence,
}

/// A message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Arrived {
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        value.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    /// What is the same for every attempt.
    pub(crate) fn id(&self) -> String {
        self.header("X-Magneteco-Delivery").to_owned()
    }

    /// Whether the signature is that of this very body under a secret.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let digits = self.header("X-Magneteco-Signature").strip_prefix("sha256=").unwrap();
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let tag: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, self.text.as_bytes(), &tag).is_ok()
    }
}

/// Answers the n-th message with the n-th reply, and the ones after that with the last.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    replies: Arc<Mutex<Vec<Reply>>>,
    inbox: Inbox<Arrived>,
}

impl Receiver {
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<Vec<_>>()));
        let (sender, inbox) = channel();
        let shared = Arc::clone(&replies);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (replies, sender) = (Arc::clone(&shared), sender.clone());
                thread::spawn(move || serve(stream, &replies, &sender));
            }
        });
        Self { address, replies, inbox }
    }

    /// One that takes everything.
    pub(crate) fn taking_all() -> Self {
        Self::start([Reply::Status(200)])
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on.
    pub(crate) fn reply_with(&self, replies: impl IntoIterator<Item = Reply>) {
        *self.replies.lock().unwrap() = replies.into_iter().collect();
    }

    #[track_caller]
    pub(crate) fn next(&self) -> Arrived {
        self.inbox.recv_timeout(PATIENCE).expect("a message arrives")
    }

    /// What has arrived and was not looked at.
    pub(crate) fn rest(&self) -> Vec<Arrived> {
        self.inbox.try_iter().collect()
    }
}

fn serve(stream: TcpStream, replies: &Mutex<Vec<Reply>>, sender: &Sender<Arrived>) {
    let mut stream = BufReader::new(stream);
    // As many as come on one connection, until it is closed or its peer was killed.
    while let Some(arrived) = receive(&mut stream) {
        let reply = {
            let mut replies = replies.lock().unwrap();
            if replies.len() > 1 { replies.remove(0) } else { replies[0].clone() }
        };
        // The test may have ended.
        let _gone = sender.send(arrived);
        let head = match reply {
            Reply::Status(status) => format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"),
            Reply::Head(head) => head,
            Reply::Silence => {
                let _until_closed = stream.read(&mut [0]);
                return;
            }
        };
        if stream.get_mut().write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

fn receive(stream: &mut BufReader<TcpStream>) -> Option<Arrived> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
    });
    let mut text = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut text).ok()?;
    Some(Arrived { head, text: String::from_utf8(text).unwrap() })
}
