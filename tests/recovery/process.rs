//! The built binary as a child process: started, asked, terminated, killed. What it says on
//! standard error is kept.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;

/// A server that prints nothing for this long does not start.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// A running `hebbd serve --dev`. Killed when dropped.
pub(crate) struct ServerProcess {
    child: Child,
    pub(crate) base_url: String,
    pub(crate) key: String,
    errors: Option<JoinHandle<String>>,
}

/// The command line of the binary under test, without anything of this process's environment
/// that would configure it.
pub(crate) fn hebbd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hebbd"));
    command.env_clear().args(arguments);
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    hebbd(arguments).stdin(Stdio::null()).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What `serve --dev` wrote for scripts.
pub(crate) fn credentials(data_dir: &Path) -> Value {
    let text = std::fs::read_to_string(data_dir.join("dev-credentials.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

impl ServerProcess {
    /// Starts on a free port and waits until it says where it listens.
    pub(crate) fn start(data_dir: &Path, more: &[&str]) -> Self {
        let data_dir_text = data_dir.to_str().unwrap();
        let mut command = hebbd(&["serve", "--dev", "--data-dir", data_dir_text]);
        command.args(["--listen", "127.0.0.1:0"]).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _killed = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let stdout = child.stdout.take().unwrap();
        let (said, saying) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            let first = lines.next().and_then(Result::ok);
            let _given_up = said.send(first);
            // Drained, so that the server never blocks on a full pipe.
            lines.for_each(drop);
        });
        let mut server =
            Self { child, base_url: String::new(), key: String::new(), errors: Some(errors) };
        let line = saying.recv_timeout(START_PATIENCE).ok().flatten();
        let address = line.as_deref().and_then(|line| line.strip_prefix("hebbd is listening on "));
        let Some(address) = address else {
            server.kill_now();
            panic!("the server did not start: {line:?}\n{}", server.errors());
        };
        server.base_url = address.to_owned();
        let credentials = credentials(data_dir);
        server.key = credentials["mnemoverse"]["api_key"].as_str().unwrap().to_owned();
        server
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base_url, &self.key)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until the process is gone. Answers what it said on standard error.
    pub(crate) fn kill(mut self) -> String {
        self.kill_now();
        self.errors()
    }

    fn kill_now(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, at most this long; answers how it ended and what it said on standard
    /// error.
    pub(crate) fn wait(mut self, patience: Duration) -> (ExitStatus, String) {
        // Its standard error ends with it.
        let errors = self.errors.take().unwrap();
        let (ended, ending) = mpsc::channel();
        std::thread::spawn(move || ended.send(errors.join().unwrap()));
        let errors = ending.recv_timeout(patience);
        let errors = errors.unwrap_or_else(|_| panic!("still running after {patience:?}"));
        (self.child.wait().unwrap(), errors)
    }

    /// Stops it in order; answers what it said on standard error.
    pub(crate) fn stop(self) -> String {
        self.terminate();
        let (status, errors) = self.wait(Duration::from_secs(20));
        assert!(status.success(), "{status}\n{errors}");
        errors
    }

    fn errors(&mut self) -> String {
        self.errors.take().map(|errors| errors.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill_now();
    }
}
