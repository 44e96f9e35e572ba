//! A client of the admin API: of the server that runs on the data directory, or of one that runs
//! inside this command while none does.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::failure::{Cause, Failure, is_locked};
use super::super::{load_config, serve, server_file};
use crate::app::{self, Administration};
use crate::config::{Config, ConfigFlags};
use crate::control::keys::draw_admin_token;
use crate::observability::logging::{self, LogSettings};
use crate::types::SystemClock;

/// Longer than any request may take by configuration.
const TIMEOUT: Duration = Duration::from_secs(3_700);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Items asked for at a time.
const PAGE: usize = 1_000;

pub(in crate::cli) struct AdminClient {
    http: reqwest::Client,
    /// With the API's prefix, without a trailing slash.
    base_url: String,
    token: SecretString,
    inside: Option<Inside>,
}

/// A server inside this command.
struct Inside {
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl AdminClient {
    /// Finds the server that runs on the data directory, or opens the directory itself; makes it
    /// if `may_be_first`.
    ///
    /// # Errors
    /// When the configuration is wrong, or nobody answers and the directory cannot be opened.
    pub(super) async fn connect(flags: ConfigFlags, may_be_first: bool) -> anyhow::Result<Self> {
        let config = load_config(flags)?;
        if let Some(client) = Self::of_running_server(&config.data_dir)? {
            return Ok(client);
        }
        let place = config.data_dir.display();
        if !may_be_first && !app::has_directory(&config.data_dir) {
            let message = format!(
                "{place} is no data directory: nothing was ever created in it. Name the server's \
                 with --data-dir or HEBBD_DATA_DIR; `hebbd tenant create` makes a new one"
            );
            return Err(Failure::new(Cause::Unreachable, message).into());
        }
        match Self::of_directory(&config).await {
            Ok(client) => Ok(client),
            Err(error) if is_locked(&error) => {
                // A server may have been starting while we waited for the lock.
                Self::of_running_server(&config.data_dir)?.ok_or_else(|| {
                    let message = format!(
                        "{place} is in use by a process that cannot be asked: a server that is \
                         starting or stopping, or another command. Try again in a moment"
                    );
                    Failure::new(Cause::Unreachable, message).into()
                })
            }
            Err(error) => Err(Failure::new(Cause::Unreachable, format!("{error:#}")).into()),
        }
    }

    fn of_running_server(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let found = server_file::find(data_dir).map_err(|error| {
            let place = data_dir.display();
            let message = format!("cannot find out whether a server runs on {place}: {error}");
            Failure::new(Cause::Unreachable, message)
        })?;
        found.map(|server| Self::new(&server.admin_url, server.token, None)).transpose()
    }

    async fn of_directory(config: &Config) -> anyhow::Result<Self> {
        serve::create_private_dir(&config.data_dir)
            .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
        // What a server would log of a shard that does not open or a move that is given up.
        let log = LogSettings { filter: "warn".to_owned(), ..config.log.clone() };
        logging::init(&log)?;
        let token = draw_admin_token()?;
        let server = Administration::start(config, Arc::new(SystemClock), &token).await?;
        let admin_url = server.admin_url();
        let (stop, stopped) = oneshot::channel();
        let running = actix_rt::spawn(server.run_until_stopped(async move {
            let _ = stopped.await;
        }));
        Self::new(&admin_url, token, Some(Inside { stop, running }))
    }

    fn new(admin_url: &str, token: SecretString, inside: Option<Inside>) -> anyhow::Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // The server is on this machine: no certificates, no proxy.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .tls_certs_only([])
            .no_proxy()
            .build()?;
        Ok(Self { http, base_url: format!("{admin_url}/admin/v1"), token, inside })
    }

    /// Of a server at an address, for tests.
    #[cfg(test)]
    pub(super) fn of(admin_url: &str, token: &str) -> anyhow::Result<Self> {
        Self::new(admin_url, SecretString::from(token), None)
    }

    /// Whether a server runs on the data directory, and not only inside this command.
    pub(super) fn is_running_server(&self) -> bool {
        self.inside.is_none()
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, None).await
    }

    /// Every item of a list, page after page, of those that `query` asks for.
    pub(super) async fn list(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let limit = [("limit", PAGE.to_string())];
            let pairs = query.iter().cloned().chain(limit);
            let pairs = pairs.chain(after.take().map(|after| ("after", after)));
            let url = Url::parse_with_params(&self.base_url, pairs)?;
            let mut page = self.get(&format!("{path}?{}", url.query().unwrap_or_default())).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() {
                return Ok(items);
            }
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base_url);
        let mut request = self.http.request(method, url).bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| {
            let message = format!("the server does not answer at {}: {error}", self.base_url);
            Failure::new(Cause::Unreachable, message)
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let answer: Value = response.json().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(answer);
        }
        let cause = match status {
            StatusCode::NOT_FOUND => Cause::NotFound,
            StatusCode::CONFLICT => Cause::Refused,
            StatusCode::BAD_REQUEST => Cause::Usage,
            StatusCode::UNAUTHORIZED => Cause::Unreachable,
            _ => Cause::Failed,
        };
        let message = answer.get("message").and_then(Value::as_str);
        let message =
            message.map_or_else(|| format!("the server answered {status}"), str::to_owned);
        Err(Failure::new(cause, message).into())
    }

    /// Ends the server inside this command, if there is one, and waits until the data directory
    /// is free again.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        if let Some(Inside { stop, running }) = self.inside {
            drop(stop);
            running.await??;
        }
        Ok(())
    }
}
