//! An OpenAI-compatible chat endpoint on a real socket that does what a test tells it to, request
//! by request. It knows nothing of the server and measures no time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use hebbd::llm::{LlmProvider, LlmSettings};
use secrecy::SecretString;
use serde_json::{Value, json};

/// The key that [`Stub::settings`] sends, to be looked for where it must not be.
pub(crate) const KEY: &str = "sesame";
/// What the stub says that it counted, in every answer; far more than anybody would guess from
/// the texts of a test.
pub(crate) const PROMPT_TOKENS: u64 = 30;
pub(crate) const COMPLETION_TOKENS: u64 = 40;

/// What the stub does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A status, a header line and a body.
    Fixed(u16, &'static str, String),
    /// Pieces of a body, written one by one, and what follows them.
    Pieces(Vec<Vec<u8>>, End),
    /// Reads the request and never answers.
    Silence,
    /// Closes the connection after reading the request.
    HangUp,
}

/// How a body in pieces ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// As a body should.
    Properly,
    /// The connection is closed in the middle.
    BrokenOff,
    /// Nothing more comes, and the connection stays open.
    Never,
    /// The last piece comes again and again.
    Endless,
}

impl Reply {
    /// A whole answer with this text.
    pub(crate) fn text(text: &str) -> Self {
        let message = json!({"role": "assistant", "content": text});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        Self::json(&json!({"id": "x", "choices": [choice], "usage": usage()}))
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::Fixed(200, "Content-Type: application/json", body.to_string())
    }

    /// A refusal that may be asked again at once.
    pub(crate) fn busy(status: u16) -> Self {
        Self::Fixed(status, "Retry-After: 0", format!("{KEY} my secret text"))
    }

    /// A whole answer as a stream: a role, each text, a reason to end, counts and `[DONE]`.
    pub(crate) fn stream(texts: &[&str]) -> Self {
        let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
        let counts = json!({"choices": [], "usage": usage()});
        let ends = [event(&finish), event(&counts), b"data: [DONE]\n\n".to_vec()];
        Self::Pieces([opening(texts), ends.to_vec()].concat(), End::Properly)
    }

    /// The beginning of such a stream.
    pub(crate) fn stream_begun(texts: &[&str], end: End) -> Self {
        Self::Pieces(opening(texts), end)
    }

    /// The same bytes in pieces of one byte.
    pub(crate) fn byte_by_byte(self) -> Self {
        match self {
            Self::Pieces(pieces, end) => {
                Self::Pieces(pieces.concat().into_iter().map(|byte| vec![byte]).collect(), end)
            }
            other => other,
        }
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS})
}

fn opening(texts: &[&str]) -> Vec<Vec<u8>> {
    let role = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]});
    let text = |text: &&str| event(&json!({"choices": [{"index": 0, "delta": {"content": text}}]}));
    let comment = b": comment\r\n\r\n".to_vec();
    [comment, event(&role)].into_iter().chain(texts.iter().map(text)).collect()
}

pub(crate) fn event(data: &Value) -> Vec<u8> {
    format!("data: {data}\r\n\r\n").into_bytes()
}

/// A request as the stub saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// An endpoint that answers the n-th request with the n-th reply; the last one repeats.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stub {
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("is bound");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let replies: Arc<Vec<Reply>> = Arc::new(replies.into_iter().collect());
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (replies, log) = (Arc::clone(&replies), Arc::clone(&log));
                thread::spawn(move || serve(stream, &replies, &log));
            }
        });
        Self { address, seen }
    }

    /// An address where nobody listens.
    pub(crate) fn gone() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        Self { address: listener.local_addr().expect("is bound"), seen: Arc::default() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Settings whose own model is this one.
    pub(crate) fn settings(&self) -> LlmSettings {
        LlmSettings {
            provider: LlmProvider::OpenAi,
            url: self.url(),
            model: "stub-model".to_owned(),
            api_key: Some(SecretString::from(KEY)),
            ..LlmSettings::default()
        }
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

fn serve(stream: TcpStream, replies: &[Reply], log: &Mutex<Vec<Seen>>) {
    stream.set_nodelay(true).expect("a socket that is open");
    let mut writer = stream.try_clone().expect("clones");
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        let number = {
            let mut log = log.lock().expect("not poisoned");
            log.push(request);
            log.len() - 1
        };
        let goes_on = match &replies[number.min(replies.len() - 1)] {
            Reply::Fixed(status, header, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\n{header}\r\nContent-Length: {length}");
                writer.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).is_ok()
            }
            Reply::Pieces(pieces, end) => {
                write_pieces(&mut writer, &mut reader, pieces, *end).is_ok_and(|goes_on| goes_on)
            }
            Reply::Silence => wait_for_close(&mut reader),
            Reply::HangUp => false,
        };
        if !goes_on {
            return;
        }
    }
}

fn write_pieces(
    writer: &mut TcpStream,
    reader: &mut impl Read,
    pieces: &[Vec<u8>],
    end: End,
) -> std::io::Result<bool> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked";
    writer.write_all(format!("{head}\r\n\r\n").as_bytes())?;
    for piece in pieces {
        write_chunk(writer, piece)?;
    }
    match (end, pieces.last()) {
        (End::Properly, _) => writer.write_all(b"0\r\n\r\n").map(|()| true),
        (End::Endless, Some(piece)) => loop {
            write_chunk(writer, piece)?;
        },
        (End::Never, _) => Ok(wait_for_close(reader)),
        (End::BrokenOff | End::Endless, _) => Ok(false),
    }
}

fn write_chunk(writer: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let head = format!("{:x}\r\n", bytes.len());
    writer.write_all(&[head.as_bytes(), bytes, b"\r\n"].concat())
}

/// Until the client gives up and closes.
fn wait_for_close(reader: &mut impl Read) -> bool {
    let _ = reader.read(&mut [0]);
    false
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { head, body: serde_json::from_slice(&body).ok()? })
}
