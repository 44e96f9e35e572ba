//! What an operator may tune about the Metorial dialect, and the ranges that make sense.

use std::time::Duration;

use serde::Deserialize;

use crate::types::Bound;

const REQUESTS_MAX: u32 = 10_000_000;
const IP_WINDOW_S_MAX: u64 = 3_600;
const KEY_WINDOW_S_MAX: u64 = 86_400;
const COUNTED_KEYS_MAX: usize = 10_000_000;
/// Longer ones, escaped, would not fit into a body.
const TEXT_CHARS_MAX: usize = 500_000;
const UPLOAD_TIMEOUT_S_MAX: u64 = 3_600;
const FILE_BYTES_FLOOR: u64 = 1_024;
const FILE_BYTES_CEILING: u64 = 1024 * 1024 * 1024;

/// The Metorial dialect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetorialSettings {
    /// Requests of one client address in any `ip_window_s`, 1 to 10,000,000.
    pub ip_requests_max: Bound<u32>,
    /// 1 to 3,600.
    pub ip_window_s: u64,
    /// By so many of its first bits an IPv6 address is counted, 32 to 128.
    pub ipv6_prefix_bits: u8,
    /// Requests of one key of a development environment in any `key_window_s`, 1 to 10,000,000.
    pub development_requests_max: Bound<u32>,
    /// The same for a production environment.
    pub production_requests_max: Bound<u32>,
    /// The same for a management key.
    pub management_requests_max: Bound<u32>,
    /// 1 to 86,400.
    pub key_window_s: u64,
    /// Keys counted at one time; those beyond share one allowance. 1 to 10,000,000.
    pub counted_keys_max: usize,
    /// Characters in a text field, 1 to 500,000.
    pub text_chars_max: usize,
    /// The largest file, 1 KiB to 1 GiB.
    pub file_bytes_max: u64,
    /// How long a file may take to arrive and to be kept, 1 to 3,600.
    pub upload_timeout_s: u64,
    /// Whether links to files are made and followed, which takes no key.
    pub public_links: bool,
    /// Where this server is reached, such as `https://memory.example.org`. `None`: where the request
    /// for a link came to.
    pub public_url: Option<String>,
    /// The plan of environments that are made over the API.
    pub plan: String,
}

impl Default for MetorialSettings {
    fn default() -> Self {
        Self {
            ip_requests_max: Bound(Some(1_000)),
            ip_window_s: 10,
            ipv6_prefix_bits: 64,
            development_requests_max: Bound(Some(100)),
            production_requests_max: Bound(Some(5_000)),
            management_requests_max: Bound(Some(5_000)),
            key_window_s: 600,
            counted_keys_max: 100_000,
            text_chars_max: 100_000,
            file_bytes_max: 50 * 1024 * 1024,
            upload_timeout_s: 300,
            public_links: true,
            public_url: None,
            plan: "local".to_owned(),
        }
    }
}

impl MetorialSettings {
    pub(super) fn upload_timeout(&self) -> Duration {
        Duration::from_secs(self.upload_timeout_s)
    }

    /// Everything that is wrong with these settings, one sentence each, beginning with the key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, limit) in [
            ("ip_requests_max", self.ip_requests_max),
            ("development_requests_max", self.development_requests_max),
            ("production_requests_max", self.production_requests_max),
            ("management_requests_max", self.management_requests_max),
        ] {
            if let Some(limit) = limit.0.filter(|n| !(1..=REQUESTS_MAX).contains(n)) {
                problems.push(format!(
                    "{key} is {limit}; it must lie in 1..={REQUESTS_MAX}, or be \"unlimited\""
                ));
            }
        }
        let mut check = |key: &str, value: u64, min: u64, max: u64| {
            if !(min..=max).contains(&value) {
                problems.push(format!("{key} is {value}; it must lie in {min}..={max}"));
            }
        };
        check("ip_window_s", self.ip_window_s, 1, IP_WINDOW_S_MAX);
        check("ipv6_prefix_bits", self.ipv6_prefix_bits.into(), 32, 128);
        check("key_window_s", self.key_window_s, 1, KEY_WINDOW_S_MAX);
        check("counted_keys_max", self.counted_keys_max as u64, 1, COUNTED_KEYS_MAX as u64);
        check("text_chars_max", self.text_chars_max as u64, 1, TEXT_CHARS_MAX as u64);
        check("file_bytes_max", self.file_bytes_max, FILE_BYTES_FLOOR, FILE_BYTES_CEILING);
        check("upload_timeout_s", self.upload_timeout_s, 1, UPLOAD_TIMEOUT_S_MAX);
        if let Some(url) = self.public_url.as_deref().filter(|url| !is_address(url)) {
            problems.push(format!(
                "public_url is {url:?}; it must be an http or https address without user, password, \
                 query or fragment"
            ));
        }
        problems
    }
}

fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !b"@?#\\\"<>".contains(&byte);
    !host.is_empty() && !host.starts_with(':') && url.bytes().all(is_fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems_and_every_problem_names_its_key() {
        assert_eq!(MetorialSettings::default().problems(), Vec::<String>::new());
        let settings = MetorialSettings {
            ip_requests_max: Bound(Some(0)),
            ip_window_s: 0,
            ipv6_prefix_bits: 0,
            development_requests_max: Bound(Some(0)),
            production_requests_max: Bound(Some(REQUESTS_MAX + 1)),
            management_requests_max: Bound(Some(0)),
            key_window_s: 86_401,
            counted_keys_max: 0,
            text_chars_max: 0,
            file_bytes_max: 0,
            upload_timeout_s: 0,
            public_url: Some("memory.example".to_owned()),
            ..MetorialSettings::default()
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 12, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains(" is ")), "{problems:?}");
        for (url, is_good) in [
            ("http://localhost:8080", true),
            ("https://memory.example/kept/", true),
            ("https://", false),
            ("https:///path", false),
            ("http://:80", false),
            ("ftp://memory.example", false),
            ("https://user@memory.example", false),
            ("https://memory.example?a=b", false),
            ("https://memory example", false),
        ] {
            assert_eq!(is_address(url), is_good, "{url}");
        }
        let without_limits =
            MetorialSettings { ip_requests_max: Bound(None), ..MetorialSettings::default() };
        assert_eq!(without_limits.problems(), Vec::<String>::new());
    }
}
