//! The `hebbd` binary in a process of its own, so that its memory and its start are measured alone.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, ensure};
use hebbd::control::keys::Dialect;
use hebbd::control::passwords::login_secret;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::client::Caller;
use super::load::now_us;

const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(15);

/// The command line of a bench: `[--quick] [--server PATH]`.
pub(crate) struct Options {
    /// Shorter runs, for a first look; percentiles are rough.
    pub(crate) quick: bool,
    server: PathBuf,
}

impl Options {
    pub(crate) fn parse() -> Self {
        let args: Vec<String> = std::env::args().collect();
        let named = args.iter().position(|arg| arg == "--server").and_then(|at| args.get(at + 1));
        let server = named.map_or(env!("CARGO_BIN_EXE_hebbd"), String::as_str);
        Self { quick: args.iter().any(|arg| arg == "--quick"), server: PathBuf::from(server) }
    }

    pub(crate) fn seconds(&self, full: u64) -> u64 {
        if self.quick { (full / 4).max(1) } else { full }
    }
}

/// Somebody with documents.
pub(crate) struct MetacognaUser {
    pub(crate) caller: Caller,
    pub(crate) id: String,
}

/// A running server; killed when dropped without `stop`.
pub(crate) struct Server {
    child: Child,
    port: u16,
    /// Of the tenant that `--dev` makes; empty without it.
    api_key: String,
    /// From spawning the process to the first 200 of `/readyz`.
    pub(crate) ready_us: u64,
}

impl Server {
    /// `hebbd serve --dev` on an empty data directory.
    pub(crate) fn start(options: &Options, name: &str) -> anyhow::Result<Self> {
        empty_data_dir(name)?;
        Self::restart(options, name)
    }

    /// The same with settings of its own.
    pub(crate) fn start_with_settings(
        options: &Options,
        name: &str,
        settings: &str,
    ) -> anyhow::Result<Self> {
        let dir = empty_data_dir(name)?;
        std::fs::write(dir.join("hebbd.toml"), settings)?;
        Self::restart(options, name)
    }

    /// `hebbd serve --dev` on the data directory that an earlier server left.
    pub(crate) fn restart(options: &Options, name: &str) -> anyhow::Result<Self> {
        let mut server = Self::spawn(options, name, &["--dev"])?;
        server.api_key = read_credential(&data_dir(name), "/mnemoverse/api_key")?;
        Ok(server)
    }

    /// A server on an empty data directory with this shard file and these tenants, all with the
    /// default plan. The callers come in the order of the names.
    pub(crate) fn start_with_tenants(
        options: &Options,
        name: &str,
        shard_file: &str,
        tenants: &[&str],
    ) -> anyhow::Result<(Self, Vec<Caller>)> {
        let dir = empty_data_dir(name)?;
        std::fs::write(dir.join("shards.toml"), shard_file)?;
        let mut api_keys = Vec::new();
        for tenant in tenants {
            let created = offline(options, &dir, &["tenant", "create", "--name", tenant])?;
            let id = created["id"].as_str().context("a tenant without id")?;
            let key = ["key", "create", "--dialect", "mnemoverse", "--tenant", id];
            let created = offline(options, &dir, &key)?;
            let api_key = created["api_key"].as_str().context("a key without secret")?;
            api_keys.push(api_key.to_owned());
        }
        let server = Self::spawn(options, name, &[])?;
        let port = server.port;
        let callers = api_keys.iter().map(|api_key| Caller::with_key(port, api_key));
        let callers = callers.collect();
        Ok((server, callers))
    }

    fn spawn(options: &Options, name: &str, flags: &[&str]) -> anyhow::Result<Self> {
        let dir = data_dir(name);
        // Ours to choose, so that it is known before the server writes its credentials.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = std::fs::File::create(dir.with_extension("log"))?;
        let start_us = now_us();
        let child = Command::new(&options.server)
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"])
            .arg(&dir)
            .args(flags)
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", options.server.display()))?;
        let mut server = Self { child, port, api_key: String::new(), ready_us: 0 };
        while !server.is_ready() {
            let waited = Duration::from_micros(now_us() - start_us);
            let log = dir.with_extension("log");
            let ended = server.child.try_wait()?;
            ensure!(ended.is_none() && waited < READY_MAX, "it did not start: {}", log.display());
            thread::sleep(Duration::from_millis(1));
        }
        server.ready_us = now_us() - start_us;
        Ok(server)
    }

    fn is_ready(&self) -> bool {
        let answered = self.caller().connect().and_then(|mut each| each.status_of("GET /readyz"));
        answered.ok() == Some(200)
    }

    /// The tenant that `--dev` made.
    pub(crate) fn caller(&self) -> Caller {
        Caller::with_key(self.port, &self.api_key)
    }

    /// The same tenant, by the tex dialect.
    pub(crate) fn tex_caller(&self, name: &str) -> anyhow::Result<Caller> {
        let api_key = read_credential(&data_dir(name), "/tex/api_key")?;
        let mut connection = self.caller().connect()?;
        let exchanged = connection.ask("/auth/token-exchange", &json!({"api_key": api_key}))?;
        let token = exchanged["access_token"].as_str().context("no access token")?;
        Ok(Caller::with_token(self.port, token))
    }

    /// The same tenant as an app, by the magneteco dialect, and the app's name.
    pub(crate) fn magneteco_app(&self, name: &str) -> anyhow::Result<(Caller, String)> {
        let read = |field: &str| read_credential(&data_dir(name), &format!("/magneteco/{field}"));
        Ok((Caller::with_token(self.port, &read("api_key")?), read("app_id")?))
    }

    /// The same tenant as an environment of the metorial dialect.
    pub(crate) fn metorial_environment(&self, name: &str) -> anyhow::Result<Caller> {
        let key = read_credential(&data_dir(name), "/metorial/secret_key")?;
        Ok(Caller::with_token(self.port, &key))
    }

    /// The user that `--dev` made, logged in.
    pub(crate) fn metacogna_user(&self, name: &str) -> anyhow::Result<MetacognaUser> {
        let read = |field: &str| read_credential(&data_dir(name), &format!("/metacogna/{field}"));
        let username = read("username")?;
        let secret = login_secret(Dialect::Metacogna, &username, &read("password")?.into());
        let body = json!({"username": username, "password": secret.expose_secret()});
        let session = self.caller().connect()?.ask("/api/auth/login", &body)?;
        let text = |pointer: &str| session.pointer(pointer).and_then(Value::as_str);
        let token = text("/token").context("no token")?;
        let id = text("/user/id").context("no user")?.to_owned();
        Ok(MetacognaUser { caller: Caller::with_token(self.port, token), id })
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory of the server process. Linux only.
    pub(crate) fn rss_mb(&self) -> anyhow::Result<f64> {
        self.status_mb("VmRSS:")
    }

    /// The most there was since it started, or since `reset_peak`.
    pub(crate) fn peak_mb(&self) -> anyhow::Result<f64> {
        self.status_mb("VmHWM:")
    }

    pub(crate) fn reset_peak(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    fn status_mb(&self, key: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kb = line.and_then(|line| line.split_whitespace().next()).context("no such figure")?;
        Ok(kb.parse::<f64>()? / 1_024.0)
    }

    /// SIGTERM, then waits for an orderly end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let start_us = now_us();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            let waited = Duration::from_micros(now_us() - start_us);
            ensure!(waited < STOP_MAX, "the server did not stop in {STOP_MAX:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails, as it should, when the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn data_dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("served-benches").join(name)
}

fn empty_data_dir(name: &str) -> anyhow::Result<PathBuf> {
    let dir = data_dir(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Runs a command of the binary on a data directory that no server has, and reads its JSON.
fn offline(options: &Options, dir: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(&options.server)
        .args(arguments)
        .args(["--json", "--data-dir"])
        .arg(dir)
        .output()
        .with_context(|| format!("cannot run {}", options.server.display()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?}: {errors}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn read_credential(data_dir: &Path, pointer: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(data_dir.join("dev-credentials.json"))?;
    let file: Value = serde_json::from_str(&text)?;
    let key = file.pointer(pointer).and_then(Value::as_str);
    Ok(key.with_context(|| format!("no {pointer} in dev-credentials.json"))?.to_owned())
}
