//! What an operator may tune about the Magneteco dialect, and the ranges that make sense.

use serde::Deserialize;

use crate::types::Bound;

const PER_MINUTE_MAX: u32 = 10_000_000;
const BASE_CHARS_MAX: usize = 100;

/// First segments of paths that belong to others on this server.
const TAKEN: [&str; 26] = [
    ".well-known",
    "actors",
    "admin",
    "agents",
    "api",
    "auth",
    "file-links",
    "files",
    "health",
    "ingestion",
    "instance",
    "instances",
    "livez",
    "me",
    "metorial",
    "metrics",
    "organization",
    "readyz",
    "recall",
    "session-events",
    "session-messages",
    "sessions",
    "signup",
    "threads",
    "token",
    "usage",
];

/// The Magneteco dialect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MagnetecoSettings {
    /// What the documented paths begin with: segments of letters, digits, `-`, `_`, `.` and `~`,
    /// each after a slash, at most 100 characters. The first is none that another API has.
    pub base: String,
    /// Memorized contents of one app in a minute, 1 to 10,000,000.
    pub memorize_per_minute: Bound<u32>,
    /// Retrievals of one app in a minute, 1 to 10,000,000.
    pub retrieve_per_minute: Bound<u32>,
    /// Events of one app in a minute, 1 to 10,000,000.
    pub events_per_minute: Bound<u32>,
    /// Deliveries of one source to one app in a minute, 1 to 10,000,000.
    pub webhooks_per_minute: Bound<u32>,
    /// `GET` requests of one app in a minute, 1 to 10,000,000.
    pub reads_per_minute: Bound<u32>,
    /// Requests to forget of one app in a minute, 1 to 10,000,000.
    pub forget_per_minute: Bound<u32>,
    /// Changes of one app's configuration in a minute, 1 to 10,000,000.
    pub config_per_minute: Bound<u32>,
}

impl Default for MagnetecoSettings {
    fn default() -> Self {
        Self {
            base: "/v1".to_owned(),
            memorize_per_minute: Bound(Some(100)),
            retrieve_per_minute: Bound(Some(200)),
            events_per_minute: Bound(Some(500)),
            webhooks_per_minute: Bound(Some(1_000)),
            reads_per_minute: Bound(Some(500)),
            forget_per_minute: Bound(Some(100)),
            config_per_minute: Bound(Some(100)),
        }
    }
}

impl MagnetecoSettings {
    /// Everything that is wrong with these settings, one sentence each, beginning with the key.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_base(&self.base) {
            problems.push(format!(
                "base is {:?}; it must be a path such as /v1: a slash before each segment and none \
                 at the end, at most {BASE_CHARS_MAX} letters, digits, `-`, `_`, `.` and `~`",
                self.base
            ));
        } else if let Some(taken) = TAKEN.into_iter().find(|taken| begins_with(&self.base, taken)) {
            problems.push(format!(
                "base is {:?}, and paths under /{taken} belong to another API of this server; \
                 choose another",
                self.base
            ));
        }
        for (key, limit) in [
            ("memorize_per_minute", self.memorize_per_minute),
            ("retrieve_per_minute", self.retrieve_per_minute),
            ("events_per_minute", self.events_per_minute),
            ("webhooks_per_minute", self.webhooks_per_minute),
            ("reads_per_minute", self.reads_per_minute),
            ("forget_per_minute", self.forget_per_minute),
            ("config_per_minute", self.config_per_minute),
        ] {
            if let Some(limit) = limit.0.filter(|n| !(1..=PER_MINUTE_MAX).contains(n)) {
                problems.push(format!(
                    "{key} is {limit}; it must lie in 1..={PER_MINUTE_MAX}, or be \"unlimited\""
                ));
            }
        }
        problems
    }
}

fn is_base(base: &str) -> bool {
    let is_segment = |segment: &str| {
        let may_hold = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        !segment.is_empty() && !matches!(segment, "." | "..") && segment.bytes().all(may_hold)
    };
    let segments = base.strip_prefix('/').map(|rest| rest.split('/'));
    base.len() <= BASE_CHARS_MAX && segments.is_some_and(|mut segments| segments.all(is_segment))
}

fn begins_with(base: &str, segment: &str) -> bool {
    base.split('/').nth(1) == Some(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_have_no_problems_and_every_problem_names_its_key() {
        assert_eq!(MagnetecoSettings::default().problems(), Vec::<String>::new());
        let settings = MagnetecoSettings {
            base: "v1".to_owned(),
            memorize_per_minute: Bound(Some(0)),
            retrieve_per_minute: Bound(Some(0)),
            events_per_minute: Bound(Some(PER_MINUTE_MAX + 1)),
            webhooks_per_minute: Bound(Some(0)),
            reads_per_minute: Bound(Some(0)),
            forget_per_minute: Bound(Some(0)),
            config_per_minute: Bound(Some(0)),
        };
        let problems = settings.problems();
        assert_eq!(problems.len(), 8, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.contains(" is ")), "{problems:?}");
    }

    #[test]
    fn a_base_is_a_path_that_nobody_else_has() {
        let of = |base: &str| {
            let settings = MagnetecoSettings { base: base.to_owned(), ..Default::default() };
            settings.problems().len()
        };
        for good in ["/v1", "/magneteco/v1", "/v1.0", "/apis", "/memory"] {
            assert_eq!(of(good), 0, "{good}");
        }
        let long = format!("/{}", "x".repeat(BASE_CHARS_MAX));
        for bad in [
            "",
            "/",
            "v1",
            "/v1/",
            "//v1",
            "/v 1",
            "/v%31",
            "/..",
            "/{x}",
            "/api",
            "/admin/v1",
            "/api/v1",
            &long,
        ] {
            assert_eq!(of(bad), 1, "{bad}");
        }
    }
}
