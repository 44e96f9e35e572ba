//! One keep-alive HTTP/1.1 connection. Understands answers with `Content-Length`, and chunked ones
//! where it is asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

/// Who asks: where the server listens, and with which credential.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) port: u16,
    /// A header: its name, a colon and its value.
    credential: String,
}

impl Caller {
    pub(crate) fn with_key(port: u16, api_key: &str) -> Self {
        Self { port, credential: format!("X-Api-Key: {api_key}") }
    }

    pub(crate) fn with_token(port: u16, token: &str) -> Self {
        Self { port, credential: format!("Authorization: Bearer {token}") }
    }

    pub(crate) fn connect(&self) -> anyhow::Result<Connection> {
        Connection::open(self)
    }
}

pub(crate) struct Connection {
    reader: BufReader<TcpStream>,
    head: String,
}

/// What an answer's head says.
struct Head {
    status: u16,
    length: Option<usize>,
    is_chunked: bool,
}

impl Connection {
    fn open(caller: &Caller) -> anyhow::Result<Self> {
        let Caller { port, credential } = caller;
        let port = *port;
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        let head = format!("Host: 127.0.0.1:{port}\r\n{credential}\r\n");
        Ok(Self { reader: BufReader::new(stream), head })
    }

    /// The body of an answer of success.
    pub(crate) fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        self.send("POST", path, body)
    }

    /// The same of a `PUT`.
    pub(crate) fn put(&mut self, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        self.send("PUT", path, body)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        let head = &self.head;
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (status, answer) = self.exchange(&request)?;
        if !(200..300).contains(&status) {
            bail!("{path}: HTTP {status} {}", String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }

    /// The same, read as JSON.
    pub(crate) fn ask(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.post(path, &body.to_string())?)?)
    }

    /// A JSON answer of success.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head);
        let (status, answer) = self.exchange(&request)?;
        ensure!(status == 200, "{path}: HTTP {status} {}", String::from_utf8_lossy(&answer));
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Sends texts and a file as a form.
    pub(crate) fn post_form(
        &mut self,
        path: &str,
        texts: &[(&str, &str)],
        file_name: &str,
        file: &[u8],
    ) -> anyhow::Result<Value> {
        const BOUNDARY: &str = "a-boundary-that-no-file-holds";
        let mut body = Vec::new();
        for (name, text) in texts {
            let part = format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}");
            body.extend(format!("--{BOUNDARY}\r\n{part}\r\n").into_bytes());
        }
        let head = format!("form-data; name=\"file\"; filename=\"{file_name}\"");
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: {head}\r\n\r\n").into_bytes());
        body.extend_from_slice(file);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let request = format!(
            "POST {path} HTTP/1.1\r\n{}Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\
             Content-Length: {}\r\n\r\n",
            self.head,
            body.len()
        );
        let request = [request.into_bytes(), body].concat();
        self.reader.get_mut().write_all(&request)?;
        let head = self.read_head()?;
        let mut answer = vec![0; head.length.context("an answer without Content-Length")?];
        self.reader.read_exact(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        ensure!((200..300).contains(&head.status), "{path}: HTTP {} {text}", head.status);
        Ok(serde_json::from_slice(&answer)?)
    }

    pub(crate) fn status_of(&mut self, method_and_path: &str) -> anyhow::Result<u16> {
        let request = format!("{method_and_path} HTTP/1.1\r\n{}\r\n", self.head);
        Ok(self.exchange(&request)?.0)
    }

    /// Hands out a chunked 200 answer as it comes, in parts of at most 64 KiB. What `take` does
    /// with its time is what a slow client does.
    pub(crate) fn get_chunked(
        &mut self,
        path: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> anyhow::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head);
        self.reader.get_mut().write_all(request.as_bytes())?;
        let head = self.read_head()?;
        ensure!(head.status == 200 && head.is_chunked, "{path}: HTTP {}, or whole", head.status);
        let mut part = vec![0; 64 * 1024];
        let mut line = String::new();
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            let mut left = usize::from_str_radix(line.trim_end(), 16)
                .with_context(|| format!("not the size of a chunk: {line:?}"))?;
            let is_last = left == 0;
            while left > 0 {
                let size = left.min(part.len());
                let count = self.reader.read(&mut part[..size])?;
                ensure!(count > 0, "the answer broke off");
                take(&part[..count]);
                left -= count;
            }
            line.clear();
            self.reader.read_line(&mut line)?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn exchange(&mut self, request: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        self.reader.get_mut().write_all(request.as_bytes())?;
        let head = self.read_head()?;
        let mut body = vec![0; head.length.context("an answer without Content-Length")?];
        self.reader.read_exact(&mut body)?;
        Ok((head.status, body))
    }

    fn read_head(&mut self) -> anyhow::Result<Head> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("not an HTTP answer: {line:?}"))?;
        let mut head = Head { status, length: None, is_chunked: false };
        loop {
            line.clear();
            ensure!(self.reader.read_line(&mut line)? > 0, "the server closed the connection");
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                return Ok(head);
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                head.length = Some(value.trim().parse()?);
            }
            head.is_chunked |= header == "transfer-encoding: chunked";
        }
    }
}
