//! What an operator may tune about the listener, and the ranges that make sense.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::extract::client_ip::TrustedProxies;
use super::middleware::ip_limit::IpLimit;
use crate::types::{Bound, Clock, limits};

/// The longest write the contracts allow still has to fit into one body: 10,000 characters of
/// four bytes, escaped, with 64 KiB of metadata.
const BODY_BYTES_FLOOR: usize = 256 * 1024;
/// A shorter admin token could be guessed.
pub const ADMIN_TOKEN_CHARS_MIN: usize = 16;
const BODY_BYTES_CEILING: usize = 1024 * 1024 * 1024;

const REQUESTS_PER_IP_PER_MINUTE_MAX: u32 = 10_000_000;
const LIMITED_IPS_MAX: usize = 10_000_000;

/// The HTTP listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Where to listen. Port 0 picks a free one.
    pub listen: SocketAddr,
    /// Threads that parse requests and write answers; 0 means one per core. At most 1,024.
    pub workers: usize,
    /// How long an idle connection stays open. 0 closes it after each answer.
    pub keep_alive_s: u64,
    /// How long a client may take to send the head of a request. At least 1.
    pub client_request_timeout_s: u64,
    /// How long to wait for a client to close its side. 0 does not wait.
    pub client_disconnect_timeout_s: u64,
    /// The largest request body, 256 KiB to 1 GiB; a larger one is refused unread.
    pub body_bytes_max: usize,
    /// Connections open at once over all workers. At least 1.
    pub connections_max: usize,
    /// Connections the kernel holds before they are accepted. At least 1.
    pub backlog: u32,
    /// From a request's head to its answer, the body's arrival included. 10 to 3,600,000.
    pub request_timeout_ms: u64,
    /// How long a stopping server lets requests finish. The whole stop takes a little longer.
    pub shutdown_timeout_s: u64,
    /// Whether a tenant's key may delete everything the tenant remembers in one call.
    pub allow_reset: bool,
    /// Requests of one client address in any minute, with or without a key, 1 to 10,000,000. An
    /// IPv6 client counts as its /64.
    pub requests_per_ip_per_minute: Bound<u32>,
    /// Addresses counted at one time; those beyond share one allowance. 1 to 10,000,000.
    pub limited_ips_max: usize,
    /// Whose `X-Forwarded-For` tells a client's address; nobody's when empty.
    pub trusted_proxies: TrustedProxies,
}

/// Who may administer the server, and where.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSettings {
    /// A listener of its own for the admin API, which the main one then lacks. Port 0 picks a
    /// free one. `None`: the main listener answers it.
    pub listen: Option<SocketAddr>,
    /// What callers present. `None` without a file either: the server makes one and keeps it in
    /// the data directory. At least 16 characters. Excludes `token_file`.
    #[serde(deserialize_with = "crate::types::secret::optional")]
    pub token: Option<SecretString>,
    /// A file whose trimmed content is the token. Read once, at start.
    pub token_file: Option<PathBuf>,
}

impl AdminSettings {
    /// Everything that is wrong with these settings, one sentence each, beginning with the key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let length = self.token.as_ref().map(|token| token.expose_secret().trim().len());
        if length.is_some_and(|length| length < ADMIN_TOKEN_CHARS_MIN) {
            problems.push(format!(
                "token has fewer than {ADMIN_TOKEN_CHARS_MIN} characters; `openssl rand -hex 32` \
                 makes a good one"
            ));
        }
        if self.token.is_some() && self.token_file.is_some() {
            problems.push("token and token_file exclude each other; set one".to_owned());
        }
        problems
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)),
            workers: 0,
            keep_alive_s: 75,
            client_request_timeout_s: 10,
            client_disconnect_timeout_s: 5,
            body_bytes_max: limits::BODY_BYTES_MAX,
            connections_max: 25_000,
            backlog: 2_048,
            request_timeout_ms: 30_000,
            shutdown_timeout_s: 5,
            allow_reset: false,
            requests_per_ip_per_minute: Bound(None),
            limited_ips_max: 100_000,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

impl ServerSettings {
    #[must_use]
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    /// Threads to start: `workers`, or the number of cores.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }

    /// The limit by address that these settings ask for, with nothing counted yet.
    pub fn ip_limit(&self, clock: Arc<dyn Clock>) -> IpLimit {
        let minute = Duration::from_secs(60);
        IpLimit::new(self.requests_per_ip(), minute, self.limited_ips_max, clock)
    }

    /// Requests of one client address in any minute; `None` for any number.
    #[must_use]
    pub fn requests_per_ip(&self) -> Option<NonZeroU32> {
        self.requests_per_ip_per_minute.0.and_then(NonZeroU32::new)
    }

    /// Everything that is wrong with these settings, one sentence each, beginning with the key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.workers > 1_024 {
            problems.push(format!("workers is {}; at most 1024", self.workers));
        }
        if self.client_request_timeout_s == 0 {
            problems.push("client_request_timeout_s is 0; at least 1".to_owned());
        }
        if !(BODY_BYTES_FLOOR..=BODY_BYTES_CEILING).contains(&self.body_bytes_max) {
            problems.push(format!(
                "body_bytes_max is {}; it must lie in \
                 {BODY_BYTES_FLOOR}..={BODY_BYTES_CEILING}",
                self.body_bytes_max
            ));
        }
        if self.connections_max == 0 {
            problems.push("connections_max is 0; at least 1".to_owned());
        }
        if self.backlog == 0 {
            problems.push("backlog is 0; at least 1".to_owned());
        }
        if !(10..=3_600_000).contains(&self.request_timeout_ms) {
            problems.push(format!(
                "request_timeout_ms is {}; it must lie in 10..=3600000",
                self.request_timeout_ms
            ));
        }
        if self.shutdown_timeout_s > 3_600 {
            problems
                .push(format!("shutdown_timeout_s is {}; at most 3600", self.shutdown_timeout_s));
        }
        let per_ip = self.requests_per_ip_per_minute.0;
        if let Some(per_ip) = per_ip.filter(|n| !(1..=REQUESTS_PER_IP_PER_MINUTE_MAX).contains(n)) {
            problems.push(format!(
                "requests_per_ip_per_minute is {per_ip}; it must lie in \
                 1..={REQUESTS_PER_IP_PER_MINUTE_MAX}, or be \"unlimited\""
            ));
        }
        if !(1..=LIMITED_IPS_MAX).contains(&self.limited_ips_max) {
            problems.push(format!(
                "limited_ips_max is {}; it must lie in 1..={LIMITED_IPS_MAX}",
                self.limited_ips_max
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems() {
        assert_eq!(ServerSettings::default().problems(), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_listed_and_names_its_key() {
        let settings = ServerSettings {
            workers: 5_000,
            client_request_timeout_s: 0,
            body_bytes_max: 1,
            connections_max: 0,
            backlog: 0,
            request_timeout_ms: 0,
            shutdown_timeout_s: 100_000,
            requests_per_ip_per_minute: Bound(Some(0)),
            limited_ips_max: 0,
            ..ServerSettings::default()
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 9, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains(" is ")), "{problems:?}");
    }
}
